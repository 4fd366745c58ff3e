"""GGUF models, as llama.cpp's converter writes them: the tiny Qwen-VL checkpoints with their towers, in BF16, and a tiny `llama`
model in Q4_1 and Q8_0 with the logits that transformers computes from its dequantised numbers."""
import json

import numpy as np
import torch
from gguf import GGMLQuantizationType as T, GGUFWriter, LlamaFileType, TokenType
from gguf.quants import dequantize, quantize
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

TEXT = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
        "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOWER = {"norm1": "ln1", "norm2": "ln2", "attn.qkv": "attn_qkv", "attn.q": "attn_q", "attn.k": "attn_k", "attn.v": "attn_v",
         "attn.proj": "attn_out", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.linear_fc1": "ffn_up",
         "mlp.down_proj": "ffn_down", "mlp.linear_fc2": "ffn_down"}
MERGER = {"ln_q": "v.post_ln", "norm": "v.post_ln", "mlp.0": "mm.0", "mlp.2": "mm.2", "linear_fc1": "mm.0", "linear_fc2": "mm.2"}
DEEPSTACK = {"norm": "norm", "linear_fc1": "fc1", "linear_fc2": "fc2"}


def bf16_bytes(tensor):
    return tensor.to(torch.bfloat16).contiguous().view(torch.int16).numpy().view(np.uint8)


def add(writer, name, tensor):
    """One-dimensional tensors and positions stay F32, as in the converter."""
    if tensor.ndim == 1 or ".position_embd." in name:
        writer.add_tensor(name, tensor.float().numpy())
    else:
        writer.add_tensor(name, bf16_bytes(tensor), raw_shape=bf16_bytes(tensor).shape, raw_dtype=T.BF16)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer, folder, vocab_size, pre):
    root = json.loads((folder / "tokenizer.json").read_text())
    tokens, kinds = [f"[PAD{i}]" for i in range(vocab_size)], [TokenType.UNUSED] * vocab_size
    for text, i in root["model"]["vocab"].items():
        tokens[i], kinds[i] = text, TokenType.NORMAL
    for entry in root["added_tokens"]:
        tokens[entry["id"]] = entry["content"]
        kinds[entry["id"]] = TokenType.CONTROL if entry["special"] else TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in root["model"]["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))


def template_of(folder):
    if (folder / "chat_template.jinja").exists():
        return (folder / "chat_template.jinja").read_text()
    return json.loads((folder / "chat_template.json").read_text())["chat_template"]


def write_text(path, folder, config, tensors, architecture):
    text = config["text_config"]
    rope = text.get("rope_parameters") or text["rope_scaling"]
    writer = GGUFWriter(path, architecture)
    writer.add_file_type(LlamaFileType.MOSTLY_BF16)
    writer.add_block_count(text["num_hidden_layers"])
    writer.add_context_length(text["max_position_embeddings"])
    writer.add_embedding_length(text["hidden_size"])
    writer.add_feed_forward_length(text["intermediate_size"])
    writer.add_head_count(text["num_attention_heads"])
    writer.add_head_count_kv(text["num_key_value_heads"])
    writer.add_rope_freq_base(rope.get("rope_theta") or text["rope_theta"])
    writer.add_layer_norm_rms_eps(text["rms_norm_eps"])
    writer.add_rope_dimension_sections([*rope["mrope_section"], 0])
    if architecture == "qwen3vl":
        writer.add_key_length(text["head_dim"])
        writer.add_value_length(text["head_dim"])
        writer.add_num_deepstack_layers(len(config["vision_config"]["deepstack_visual_indexes"]))
    add_vocabulary(writer, folder, text["vocab_size"], "qwen2")
    writer.add_chat_template(template_of(folder))
    for name, tensor in sorted(tensors.items()):
        name = name.replace("model.language_model.", "model.")
        whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}.get(name)
        if not whole and name.startswith("model.layers."):
            _, _, block, rest = name.split(".", 3)
            module, leaf = rest.rsplit(".", 1)
            whole = f"blk.{block}.{TEXT[module]}.{leaf}"
        if whole:
            add(writer, whole, tensor)
    finish(writer)


def tower_parts(name, tensor, qwen3, deepstack):
    name = name.replace("model.visual.", "visual.")
    module, leaf = name.rsplit(".", 1)
    if name == "visual.patch_embed.proj.weight":
        return [("v.patch_embd.weight", tensor[:, :, 0]), ("v.patch_embd.weight.1", tensor[:, :, 1])]
    if name == "visual.patch_embed.proj.bias":
        return [("v.patch_embd.bias", tensor)]
    if name == "visual.pos_embed.weight":
        return [("v.position_embd.weight", tensor)]
    if module.startswith("visual.merger."):
        return [(f"{MERGER[module[14:]]}.{leaf}", tensor)]
    if module.startswith("visual.deepstack_merger_list."):
        k, rest = module[29:].split(".", 1)
        return [(f"v.deepstack.{deepstack[int(k)]}.{DEEPSTACK[rest]}.{leaf}", tensor)]
    _, _, block, rest = module.split(".", 3)
    if rest == "attn.qkv" and not qwen3:
        return [(f"v.blk.{block}.attn_{c}.{leaf}", part) for c, part in zip("qkv", tensor.chunk(3))]
    return [(f"v.blk.{block}.{TOWER[rest]}.{leaf}", tensor)]


def write_tower(path, folder, config, tensors, qwen3):
    vision = config["vision_config"]
    pictures = json.loads((folder / "preprocessor_config.json").read_text())
    writer = GGUFWriter(path, "clip")
    writer.add_file_type(LlamaFileType.MOSTLY_BF16)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("qwen3vl_merger" if qwen3 else "qwen2.5vl_merger")
    writer.add_vision_projection_dim(config["text_config"]["hidden_size"])
    writer.add_vision_image_size(int(vision.get("num_position_embeddings", 0) ** 0.5) * vision["patch_size"] or 560)
    writer.add_vision_patch_size(vision["patch_size"])
    writer.add_vision_embedding_length(vision["hidden_size"])
    writer.add_vision_feed_forward_length(vision["intermediate_size"])
    writer.add_vision_block_count(vision["depth"])
    writer.add_vision_head_count(vision["num_heads"])
    writer.add_vision_image_mean(pictures["image_mean"])
    writer.add_vision_image_std(pictures["image_std"])
    writer.add_vision_attention_layernorm_eps(1e-6)
    if qwen3:
        writer.add_vision_use_gelu(True)
        writer.add_vision_spatial_merge_size(vision["spatial_merge_size"])
        writer.add_vision_is_deepstack_layers([i in vision["deepstack_visual_indexes"] for i in range(vision["depth"])])
    else:
        writer.add_vision_use_silu(True)
        writer.add_vision_n_wa_pattern(vision["fullatt_block_indexes"][0] + 1)
        writer.add_uint32("clip.vision.window_size", vision["window_size"])  # published towers have 112, which is not written
    for name, tensor in sorted(tensors.items()):
        if "visual." in name:
            for part in tower_parts(name, tensor, qwen3, vision.get("deepstack_visual_indexes")):
                add(writer, *part)
    finish(writer)


def permute(weight, heads):
    """Rows of q and k as the converter orders them for `llama`: the two sides of a rotated pair beside each other."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_llama(folder, tokenizer_folder):
    torch.manual_seed(7)
    config = LlamaConfig(vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, rope_theta=10000.0, rms_norm_eps=1e-5, max_position_embeddings=512,
                         tie_word_embeddings=True, initializer_range=0.08)
    model = LlamaForCausalLM(config).eval()
    writer = GGUFWriter(folder / "llama.gguf", "llama")
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_1)
    writer.add_block_count(2)
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(16)
    writer.add_layer_norm_rms_eps(1e-5)
    add_vocabulary(writer, tokenizer_folder, 512, "smollm")
    writer.add_chat_template("{{ messages }}")
    state = {}
    for name, tensor in model.state_dict().items():
        module, leaf = name.rsplit(".", 1)
        values = tensor.numpy()
        if name == "lm_head.weight":
            continue
        if tensor.ndim == 1:
            theirs = "output_norm.weight" if name == "model.norm.weight" else None
            raw, kind = values, T.F32
        else:
            theirs = "token_embd.weight" if name == "model.embed_tokens.weight" else None
            heads = {"q_proj": 4, "k_proj": 2}.get(module.rsplit(".", 1)[-1])
            kind = T.Q8_0 if theirs else T.Q4_1
            raw = quantize(permute(values, heads) if heads else values, kind)
            back = dequantize(raw, kind)
            if heads:  # the order of transformers again
                back = back.reshape(heads, values.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
            state[name] = torch.from_numpy(back.astype(np.float32))
        if not theirs:
            _, _, block, rest = module.split(".", 3)
            theirs = f"blk.{block}.{TEXT[rest]}.{leaf}"
        writer.add_tensor(theirs, raw, raw_dtype=kind)
    finish(writer)
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    ids = torch.randint(0, 400, (1, 24), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logits = model(ids).logits[0]
    save_file({"ids": ids[0], "logits": logits}, folder / "llama.safetensors")


def write(folder, families):
    """`families`: the folder of the fixtures' families, whose checkpoints are written again as GGUF."""
    for family in ("qwen25", "qwen3"):
        source = families / family / "model"
        config, tensors = json.loads((source / "config.json").read_text()), load_file(source / "model.safetensors")
        qwen3 = family == "qwen3"
        write_text(folder / f"{family}.gguf", source, config, tensors, "qwen3vl" if qwen3 else "qwen2vl")
        write_tower(folder / f"mmproj-{family}.gguf", source, config, tensors, qwen3)
    write_llama(folder, families / "qwen25" / "model")


def write_fuzz_seeds(folder):
    """A `llama` model of a few thousand numbers, whole and with one key spoilt each, from which a fuzzer goes on."""
    rng = np.random.default_rng(3)
    point = [chr(b) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174 else None for b in range(256)]
    spare = iter(range(256, 400))
    tokens = [p or chr(next(spare)) for p in point] + ["ab", "<|im_end|>"]
    usual = {"block_count": 1, "context_length": 64, "embedding_length": 8, "feed_forward_length": 16, "attention.head_count": 2,
             "attention.head_count_kv": 1}
    spoilt = {"whole": {}, "heads": {"attention.head_count": 0}, "layers": {"block_count": 2**31}, "none": {"block_count": None},
              "width": {"embedding_length": 16}, "types": {"types": 3}, "merge": {"merges": ["a zz"]}, "token": {"double": True}}
    for name, change in spoilt.items():
        writer = GGUFWriter(folder / f"{name}.gguf", "llama")
        for key, value in {**usual, **{k: v for k, v in change.items() if k in usual}}.items():
            if value is not None:
                writer.add_uint32("llama." + key, value)
        writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(tokens[:-2] + ["a", tokens[-1]] if change.get("double") else tokens)
        writer.add_token_types(([1] * (len(tokens) - 1) + [3])[:change.get("types")])
        writer.add_token_merges(change.get("merges", ["a b"]))
        shapes = {"token_embd": (len(tokens), 8), "output_norm": (8,), "blk.0.attn_norm": (8,), "blk.0.ffn_norm": (8,),
                  "blk.0.attn_q": (8, 8), "blk.0.attn_k": (4, 8), "blk.0.attn_v": (4, 8), "blk.0.attn_output": (8, 8),
                  "blk.0.ffn_gate": (16, 8), "blk.0.ffn_up": (16, 8), "blk.0.ffn_down": (8, 16)}
        for tensor, shape in shapes.items():
            writer.add_tensor(tensor + ".weight", rng.normal(0, 1, shape).astype(np.float16 if len(shape) > 1 else np.float32))
        finish(writer)
