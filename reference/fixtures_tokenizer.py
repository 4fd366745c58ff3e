"""The tiny tokenizer: a byte-level BPE trained here with the normaliser, regex and added tokens of the Qwen vocabulary.

It also writes tokenizer_cases.json: strings, their ids, and what decoding gives back.
"""

import shutil
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Qwen2TokenizerFast

from fixtures_common import ROOT, write_json, write_row_lists

BASE_VOCABULARY = 476  # 256 bytes + 220 merges; with 22 or 26 added tokens the table is padded to 512 rows

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# In the order of the real vocabulary (151643 and up). The flag says whether the token is special.
ADDED_TOKENS = [
    ("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True),
    ("<|object_ref_start|>", True), ("<|object_ref_end|>", True), ("<|box_start|>", True), ("<|box_end|>", True),
    ("<|quad_start|>", True), ("<|quad_end|>", True), ("<|vision_start|>", True), ("<|vision_end|>", True),
    ("<|vision_pad|>", True), ("<|image_pad|>", True), ("<|video_pad|>", True),
    ("<tool_call>", False), ("</tool_call>", False), ("<|fim_prefix|>", False), ("<|fim_middle|>", False),
    ("<|fim_suffix|>", False), ("<|fim_pad|>", False), ("<|repo_name|>", False), ("<|file_sep|>", False),
]
QWEN3_ADDED_TOKENS = [("<tool_response>", False), ("</tool_response>", False), ("<think>", False), ("</think>", False)]

# What the merges are learned from: the words of the task, so that prompts stay short, and a little of everything else.
CORPUS = (
    ["system\nYou are a helpful assistant.\n", "user\n", "assistant\n", "assistant", "user", "system", "\n"] * 40
    + ["Compare the two images. Is the test part good? Yes or No?"] * 12
    + ["Find the defect and answer with a box: scratch, crack, dent, hole, stain, broken, missing."] * 8
    + ["Good: Test: the part is good. the surface shows a scratch near the edge."] * 8
    + ["<answer>Yes</answer> <answer>No</answer> No. Yes."] * 8
    + ['```json\n[{"bbox_2d": [10, 20, 30, 40], "label": "scratch"}]\n```\n'] * 6
    + ["It's what we'll see; they're fine, I'd say. don't"] * 4
    + ["\u00e9t\u00e9 na\u00efve caf\u00e9 \u00fcber stra\u00dfe"] * 3
    + ["\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u68c0\u6d4b\u7f3a\u9677"] * 3
    + ["    indented\n\n\n  text\t\ttabs"] * 3
)


def added_tokens(family: str) -> list:
    return ADDED_TOKENS + (QWEN3_ADDED_TOKENS if family == "qwen3" else [])


def train_base() -> Tokenizer:
    """The BPE without added tokens; the same for both families."""
    tokenizer = Tokenizer(models.BPE(unk_token=None, fuse_unk=False, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BASE_VOCABULARY, min_frequency=2, show_progress=False, special_tokens=[],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(CORPUS, trainer=trainer)
    if tokenizer.get_vocab_size() != BASE_VOCABULARY:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens, wanted {BASE_VOCABULARY}")
    return tokenizer


def chat_template(family: str) -> str:
    name = {"qwen25": "qwen2_5_vl.jinja", "qwen3": "qwen3_vl.jinja"}[family]
    return (ROOT / "reference" / "templates" / name).read_text(encoding="utf-8")


def make_tokenizer(family: str) -> Qwen2TokenizerFast:
    base = train_base()
    tokens = [
        AddedToken(text, special=special, normalized=False, lstrip=False, rstrip=False, single_word=False)
        for text, special in added_tokens(family)
    ]
    base.add_tokens(tokens)
    base.add_special_tokens([token for token in tokens if token.special])
    tokenizer = Qwen2TokenizerFast(
        tokenizer_object=base, unk_token=None, bos_token=None, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=[text for text, special in ADDED_TOKENS[1:13] if special and text != "<|im_end|>"],
        model_max_length=4096, clean_up_tokenization_spaces=False, add_prefix_space=False, errors="replace",
    )
    tokenizer.chat_template = chat_template(family)
    for word in ("assistant", "user", "\n"):  # the label rule and the template rely on these being one token
        if len(tokenizer.encode(word)) != 1:
            raise ValueError(f"{word!r} is not one token")
    return tokenizer


def save_tokenizer(tokenizer: Qwen2TokenizerFast, family: str, family_dir: Path) -> None:
    """tokenizer.json and tokenizer_config.json into model/, vocab.json and merges.txt into slow_tokenizer/."""
    model_dir, slow_dir = family_dir / "model", family_dir / "slow_tokenizer"
    scratch = family_dir / "scratch"
    tokenizer.save_pretrained(scratch, save_jinja_files=False)
    for name, target in [("tokenizer.json", model_dir), ("tokenizer_config.json", model_dir),
                         ("vocab.json", slow_dir), ("merges.txt", slow_dir)]:
        target.mkdir(parents=True, exist_ok=True)
        shutil.move(scratch / name, target / name)
    shutil.rmtree(scratch)
    if family == "qwen25":  # both ways in which checkpoints carry the template
        write_json(model_dir / "chat_template.json", {"chat_template": tokenizer.chat_template})
    else:
        (model_dir / "chat_template.jinja").write_text(tokenizer.chat_template, encoding="utf-8")


# Strings chosen to hit every alternative of the regex, the normaliser, the byte alphabet and the added tokens.
CASES = [
    "", "a", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\t", "\t\t", " \n", "\n ", "  \n  \n  x", "\u00a0", "\u3000x",
    "Hello world", " Hello world", "  Hello   world  ", "You are a helpful assistant.", "Compare the two images.",
    "helpful assistant\nassistant\n", "scratch,crack;dent:hole", "It's what we'll see; they're fine, I'd say don't",
    "IT'S WE'LL THEY'RE I'D DON'T I'VE I'M", "'s't 're", "it\u2019s", "'", "''", "x'y",
    "0", "12345", "3.14159e-10", "1,000,000", "\u0663\u0664\u0665", "\u00bd \u00b2 \u216b", "a1b2c3", "v2.5-VL",
    "\u00e9t\u00e9", "e\u0301te\u0301", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "\u1e9b\u0323", "\u0041\u0301\u0302", "\u0301", "q\u0323\u0307",
    "\uac00\ub098\ub2e4", "\u1100\u1161", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u68c0\u6d4b\u7f3a\u9677", "\u3053\u3093\u306b\u3061\u306f",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "\u0645\u0631\u062d\u0628\u0627", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea flags", "x\U0001f680y", "\u2764\ufe0f",
    "\x00", "\x01\x02\x1f", "a\x7fb", "\x85", "\u2028\u2029", "\ufeffbom", "\u200b", "\ufffd",
    "    indented\n\n\n  text\t\ttabs", "line one\nline two\r\nline three\n", "a\n b", "a \nb", "a  b", "a   b", " a", "...\n\n", "?! \n",
    "def f(x):\n    return x**2  # ok\n", '```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "dent"}]\n```',
    "<answer>Yes</answer>", "<|im_start|>user\nhi<|im_end|>\n", "a<|im_end|>b", " <|im_end|> ", "<|im_end|><|im_end|>", "<|im_end|", "|im_end|>",
    "<|vision_start|><|image_pad|><|image_pad|><|vision_end|>", "<|endoftext|>", "<tool_call>\n{}\n</tool_call>", "<think>\nok\n</think>",
    "<think", "e<|box_start|>\u0301x", "<|fim_pad|><|fim_prefix|>", "\u00e9<|im_start|>e\u0301", "$%^&*()_+-=[]{}|\\:;\"'<>,./?~`",
    "x" * 70, " " * 40 + "x", "\n" * 20, "=" * 33, "ab" * 40,
]


def check_tokenizer(tokenizer, expected) -> None:
    """Another form of the same tokenizer (slow class, older file layout) must give the same ids for every string."""
    for text in CASES:
        ids, wanted = (t.encode(text, add_special_tokens=False) for t in (tokenizer, expected))
        if ids != wanted:
            raise ValueError(f"{type(tokenizer).__name__}: {text!r} gives {ids}, wanted {wanted}")


def write_tokenizer_cases(tokenizers: dict, out: Path) -> None:
    """ids: added tokens recognised anywhere in the text; literal_ids: none recognised (untrusted text);
    decoded / decoded_skip_special: ids decoded with and without the special tokens."""
    plain, cases = train_base(), []
    for text in CASES:
        row = {"text": text, "literal_ids": plain.encode(text, add_special_tokens=False).ids}
        for family, tokenizer in tokenizers.items():
            ids = tokenizer.encode(text, add_special_tokens=False)
            row[family] = {"ids": ids, "decoded": decode(tokenizer, ids), "decoded_skip_special": decode(tokenizer, ids, True)}
        cases.append(row)
    # Ids that no text gives: cut characters, rows past the tokenizer.
    family, tokenizer = "qwen25", tokenizers["qwen25"]
    smile, past = tokenizer.encode("\U0001f600", add_special_tokens=False), len(tokenizer)
    odd = [smile[:1], smile[:2] + tokenizer.encode("a"), smile[1:], [past], [511, 5, past + 3], [100, 200, 250], [40, 163, 163, 40]]
    decode_cases = [{"family": family, "ids": ids, "decoded": decode(tokenizer, ids)} for ids in odd]
    write_row_lists(out, {"cases": cases, "decode_cases": decode_cases})


def decode(tokenizer, ids: list, skip_special: bool = False) -> str:
    return tokenizer.decode(ids, skip_special_tokens=skip_special, clean_up_tokenization_spaces=False)
