#!/usr/bin/env python3
"""The peer of gad on a GPU: transformers and PyTorch with random weights of a Qwen2.5-VL shape, on the work that `gad speed --device cuda`
times: a prompt of two 448x448 pictures, 300 new tokens, batch 1 and 64; a LoRA step on one sample; a GRPO step with a group of 8.
Prints a line of JSON a row. `--shape tiny --device cpu` tries the script itself."""
import argparse
import inspect
import json
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

try:
    from transformers.initialization import no_init_weights
except ImportError:  # transformers before 5
    from transformers.modeling_utils import no_init_weights

SHAPES = {
    "7b": dict(text=dict(hidden_size=3584, num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4,
                         intermediate_size=18944, vocab_size=152064),
               vision=dict(depth=32, hidden_size=1280, num_heads=16, intermediate_size=3420, out_hidden_size=3584,
                           fullatt_block_indexes=[7, 15, 23, 31]), mrope=[16, 24, 24]),
    "3b": dict(text=dict(hidden_size=2048, num_hidden_layers=36, num_attention_heads=16, num_key_value_heads=2,
                         intermediate_size=11008, vocab_size=151936),
               vision=dict(depth=32, hidden_size=1280, num_heads=16, intermediate_size=3420, out_hidden_size=2048,
                           fullatt_block_indexes=[7, 15, 23, 31]), mrope=[16, 24, 24]),
    "tiny": dict(text=dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                           intermediate_size=128, vocab_size=151936),
                 vision=dict(depth=2, hidden_size=64, num_heads=4, intermediate_size=128, out_hidden_size=64,
                             fullatt_block_indexes=[1]), mrope=[2, 3, 3]),
}
IMAGE, VISION_START, VISION_END = 151655, 151652, 151653
PICTURE_TOKENS, SIDE = 256, 32  # 448 / 14 patches a side, merged two by two


def make_model(shape, device):
    global takes_kinds
    s = SHAPES[shape]
    text = dict(s["text"], max_position_embeddings=32768, rope_parameters={"rope_type": "default", "rope_theta": 1e6,
                "mrope_section": s["mrope"]}, tie_word_embeddings=False)
    config = Qwen2_5_VLConfig(text_config=text, vision_config=s["vision"], image_token_id=IMAGE,
                              vision_start_token_id=VISION_START, vision_end_token_id=VISION_END)
    config._attn_implementation = "sdpa"
    torch.manual_seed(1)
    with torch.device(device), no_init_weights():
        model = Qwen2_5_VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.fill_(1.0) if "norm" in name or "ln_q" in name else p.normal_(0, 0.02)
    takes_kinds = "mm_token_type_ids" in inspect.signature(model.forward).parameters
    return model.eval()


def prompt(batch, device, extra=0):
    """batch rows of: words, picture, words, picture, words (+ `extra` answer tokens)."""
    g = torch.Generator().manual_seed(7)
    words = lambda n: torch.randint(1000, 100000, (n,), generator=g).tolist()
    row = words(40)
    for _ in range(2):
        row += [VISION_START] + [IMAGE] * PICTURE_TOKENS + [VISION_END] + words(20)
    row += words(100 + extra)
    ids = torch.tensor([row] * batch, device=device)
    pixels = torch.randn(batch * 2 * SIDE * SIDE, 1176, generator=g).to(device, torch.bfloat16)
    grid = torch.tensor([[1, SIDE, SIDE]] * (2 * batch), device=device)
    inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, image_grid_thw=grid)
    if takes_kinds:
        inputs["mm_token_type_ids"] = (ids == IMAGE).int()
    return inputs


def sync(device):
    if device == "cuda":
        torch.cuda.synchronize()


def timed(f, device, times):
    f()
    out = []
    for _ in range(times):
        sync(device)
        start = time.perf_counter()
        f()
        sync(device)
        out.append(time.perf_counter() - start)
    return statistics.median(out)


def row(name, **figures):
    if torch.cuda.is_available():
        figures["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
        torch.cuda.reset_peak_memory_stats()
    print(json.dumps(dict(peer="transformers", row=name, **figures)), flush=True)


def ceilings(device):
    a = torch.randn(1 << 28 if device == "cuda" else 1 << 20, device=device)
    b = torch.empty_like(a)
    t = timed(lambda: b.copy_(a), device, 10)
    n = 8192 if device == "cuda" else 256
    x = torch.randn(n, n, device=device, dtype=torch.bfloat16)
    y = torch.randn(n, n, device=device, dtype=torch.bfloat16)
    m = timed(lambda: x @ y.T, device, 10)
    row("ceilings", copy_gb_s=round(2 * a.numel() * 4 / t / 1e9, 1), bf16_tflop_s=round(2 * n**3 / m / 1e12, 1))


def generating(model, device, batch, tokens, times, **more):
    inputs = prompt(batch, device)
    if not more:
        more = dict(do_sample=False)
    run = lambda n: model.generate(**inputs, max_new_tokens=n, min_new_tokens=n, pad_token_id=0, **more)
    with torch.no_grad():
        first = timed(lambda: run(1), device, times)
        whole = one(lambda: run(tokens), device)
    step = (whole - first) / (tokens - 1)
    row(f"generate batch {batch}", rows=inputs["input_ids"].shape[1], new_tokens=tokens, first_token_s=round(first, 4),
        whole_s=round(whole, 3), step_ms=round(1e3 * step, 3), tokens_s=round(batch / step, 1))


def one(f, device):
    sync(device)
    start = time.perf_counter()
    f()
    sync(device)
    return time.perf_counter() - start


def vision(model, device, times):
    inputs = prompt(1, device)
    with torch.no_grad():
        tower = model.model.visual
        t = timed(lambda: tower(inputs["pixel_values"][:SIDE * SIDE], grid_thw=inputs["image_grid_thw"][:1]), device, times)
    row("image 448", seconds=round(t, 5))


def adapted(model):
    targets = r"model\.language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    return get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=targets))


def sft(model, device, batch, answer, times):
    inputs = prompt(batch, device, extra=answer)
    labels = inputs["input_ids"].clone()
    labels[:, :-answer] = -100
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def step():
        model(**inputs, labels=labels, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    t = timed(step, device, times)
    row(f"LoRA SFT step, batch {batch}", rows=inputs["input_ids"].shape[1], answer=answer, seconds=round(t, 4))


def grpo(model, device, group, tokens):
    """Sample a group, score nothing, one policy-gradient step on the answers (old policy = policy, no reference model)."""
    inputs = prompt(1, device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)

    def step():
        model.eval()
        with torch.no_grad():
            out = model.generate(**inputs, do_sample=True, top_k=0, num_return_sequences=group, max_new_tokens=tokens,
                                 min_new_tokens=tokens, pad_token_id=0)
        model.train()
        many = prompt(group, device, extra=tokens)
        many["input_ids"][:, -tokens:] = out[:, -tokens:] % 100000
        logits = model(**many, use_cache=False, logits_to_keep=tokens + 1).logits[:, :-1].float()
        logp = torch.log_softmax(logits, -1).gather(-1, many["input_ids"][:, -tokens:, None]).squeeze(-1)
        advantage = torch.linspace(-1, 1, group, device=device)[:, None]
        (-(torch.exp(logp - logp.detach()) * advantage).mean()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    row(f"GRPO step, group {group}", new_tokens=tokens, seconds=round(one(step, device), 3))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--shape", choices=SHAPES, default="7b")
    a.add_argument("--device", default="cuda")
    a.add_argument("--tokens", type=int, default=300)
    a.add_argument("--parts", default="ceilings,vision,one,many,sft,grpo")
    a = a.parse_args()
    parts, d = a.parts.split(","), a.device
    start = time.perf_counter()
    if "ceilings" in parts:
        ceilings(d)
    model = make_model(a.shape, d)
    row("model made", parameters=sum(p.numel() for p in model.parameters()), seconds=round(time.perf_counter() - start, 1))

    def attempt(name, f):
        if name in parts:
            try:
                f()
            except Exception as e:  # a row that fails costs itself
                print(json.dumps(dict(peer="transformers", row=name, error=str(e)[:300])), flush=True)
                if d == "cuda":
                    torch.cuda.empty_cache()
    attempt("vision", lambda: vision(model, d, 5))
    attempt("one", lambda: generating(model, d, 1, a.tokens, 2))
    attempt("many", lambda: generating(model, d, 64, a.tokens, 1))
    if "sft" in parts or "grpo" in parts:
        model = adapted(model)
        model.train()
    attempt("sft", lambda: sft(model, d, 1, a.tokens, 3))
    attempt("sft", lambda: sft(model, d, 4, a.tokens, 2))
    attempt("grpo", lambda: grpo(model, d, 8, a.tokens))


if __name__ == "__main__":
    main()
