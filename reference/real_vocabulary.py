"""Optional check with the real vocabulary: turns the qwen.tiktoken file of the dashscope package into a tokenizer.json and
writes the ids of all tokenizer cases beside it. Nothing of this is committed: the vocabulary is not ours.

    pip download --no-deps dashscope==2.0.2, unzip it, then
    python reference/real_vocabulary.py dashscope/resources/qwen.tiktoken /tmp/qwen-vocabulary
"""

import base64
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models

from fixtures_common import write_row_lists
from fixtures_tokenizer import ADDED_TOKENS, CASES, train_base

BASE = 151643
# From the specification (sections 6.4 and 11) and the public text files of the same vocabulary.
KNOWN = {
    "Hello world": [9707, 1879], " Hello world": [21927, 1879], "\t": [197], "\n\n": [271], "   ": [262], "assistant": [77091], "\n": [198],
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|>":
        [151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198, 151644, 872, 198, 151652, 151655],
}


def byte_letters() -> dict:
    """Byte -> the letter that stands for it in the vocabulary."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        letters.setdefault(byte, chr(0x100 + len(letters) - len(kept)))
    return letters


def last_merge(token: bytes, ranks: dict) -> tuple:
    """The two parts whose merge gives the token: merge by lower ranks until two parts are left."""
    parts = [bytes([b]) for b in token]
    while len(parts) > 2:
        options = [(ranks.get(parts[i] + parts[i + 1], BASE), i) for i in range(len(parts) - 1)]
        rank, at = min(options)
        if rank >= ranks[token]:
            raise ValueError(f"{token!r} cannot be built from lower ranks")
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return tuple(parts)


def build(path: Path) -> Tokenizer:
    ranks = {}
    for line in path.read_text(encoding="ascii").splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    if len(ranks) != BASE:
        raise ValueError(f"{path}: {len(ranks)} tokens, expected {BASE}")
    letters = byte_letters()
    spell = lambda token: "".join(letters[b] for b in token)
    merges = [tuple(map(spell, last_merge(t, ranks))) for t in sorted(ranks, key=ranks.get) if len(t) > 1]
    small = train_base()
    tokenizer = Tokenizer(models.BPE(vocab={spell(t): r for t, r in ranks.items()}, merges=merges))
    tokenizer.normalizer, tokenizer.pre_tokenizer = small.normalizer, small.pre_tokenizer
    tokenizer.decoder, tokenizer.post_processor = small.decoder, small.post_processor
    tokenizer.add_tokens([AddedToken(text, special=special, normalized=False) for text, special in ADDED_TOKENS])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text, special in ADDED_TOKENS if special])
    return tokenizer


def main() -> int:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    tokenizer = build(source)
    for text, ids in KNOWN.items():
        if tokenizer.encode(text).ids != ids:
            raise ValueError(f"{text!r} gives {tokenizer.encode(text).ids}, expected {ids}")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = [{"text": text, "ids": tokenizer.encode(text).ids} for text in [*KNOWN, *CASES]]
    write_row_lists(folder / "real_cases.json", {"cases": rows})
    print(f"wrote {folder}: {tokenizer.get_vocab_size()} tokens, {len(rows)} cases; the {len(KNOWN)} published vectors agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
