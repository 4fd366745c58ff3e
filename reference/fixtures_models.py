"""The two tiny checkpoints: configuration, weights, processor settings, and the on-disk variants of each.

All dimensions differ from each other, so that a transposed or swapped matrix cannot pass. Every parameter is overwritten:
the usual initialisation (small matrices, zero biases, unit norms) would hide a forgotten bias or norm.
"""

import copy
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import (
    Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, Qwen2VLImageProcessor,
    Qwen2VLImageProcessorFast, Qwen2VLVideoProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from fixtures_common import torch_generator, write_json, write_tensors

VOCABULARY = 512
MIN_TOKENS, MAX_TOKENS = 4, 64

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]

FAMILIES = {
    "qwen25": {
        "config": Qwen2_5_VLConfig, "model": Qwen2_5_VLForConditionalGeneration, "processor": Qwen2_5_VLProcessor,
        "video": Qwen2VLVideoProcessor, "patch": 14, "mean": CLIP_MEAN, "std": CLIP_STD,
        "text": {
            "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 3, "num_attention_heads": 4,
            "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 2048,
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}, "max_window_layers": 3,
        },
        "vision": {
            "depth": 4, "hidden_size": 32, "num_heads": 2, "intermediate_size": 44, "patch_size": 14, "window_size": 56,
            "fullatt_block_indexes": [1, 3], "out_hidden_size": 64, "tokens_per_second": 2, "spatial_merge_size": 2,
            "temporal_patch_size": 2, "hidden_act": "silu",
        },
    },
    "qwen3": {
        "config": Qwen3VLConfig, "model": Qwen3VLForConditionalGeneration, "processor": Qwen3VLProcessor,
        "video": Qwen3VLVideoProcessor, "patch": 16, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
        "text": {
            "hidden_size": 48, "head_dim": 16, "intermediate_size": 56, "num_hidden_layers": 4, "num_attention_heads": 4,
            "num_key_value_heads": 2, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 2048,
            "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 2]},
        },
        "vision": {
            "depth": 4, "hidden_size": 32, "num_heads": 2, "intermediate_size": 40, "patch_size": 16,
            "num_position_embeddings": 25, "deepstack_visual_indexes": [0, 2], "out_hidden_size": 48,
            "spatial_merge_size": 2, "temporal_patch_size": 2, "hidden_act": "gelu_pytorch_tanh",
        },
    },
}


# ---- model ------------------------------------------------------------------------------------------------------------


def make_config(family: str, tokenizer, tied: bool = True):
    spec, ids = FAMILIES[family], tokenizer.convert_tokens_to_ids
    text = copy.deepcopy(spec["text"]) | {
        "vocab_size": VOCABULARY, "tie_word_embeddings": tied,
        "bos_token_id": ids("<|endoftext|>"), "eos_token_id": ids("<|im_end|>"),
    }
    return spec["config"](
        text_config=text, vision_config=copy.deepcopy(spec["vision"]), tie_word_embeddings=tied,
        image_token_id=ids("<|image_pad|>"), video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"), vision_end_token_id=ids("<|vision_end|>"),
        attn_implementation="eager",
    )


def overwrite_parameters(model: torch.nn.Module, seed: int) -> None:
    """Matrices N(0, 1/fan_in), biases N(0, 0.1^2), norm weights 1 + N(0, 0.1^2), embeddings N(0, 1).

    The final norm's weights also get random signs: with a tied head and plain weights every token would predict itself,
    and greedy decoding would repeat one token for ever, which tests little."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=torch_generator(name, seed))
            if name.endswith(("embed_tokens.weight", "pos_embed.weight")):
                value = noise
            elif parameter.ndim >= 2:
                value = noise / parameter[0].numel() ** 0.5
            elif name.endswith(".bias"):
                value = 0.1 * noise
            else:
                value = 1.0 + 0.1 * noise
            if name.endswith("language_model.norm.weight"):
                value = value * torch.randn(value.shape, generator=torch_generator(name + " signs", seed)).sign()
            parameter.copy_(value)


def make_model(family: str, tokenizer, seed: int, tied: bool = True):
    model = FAMILIES[family]["model"](make_config(family, tokenizer, tied))
    overwrite_parameters(model, seed)
    return model.eval()


def load_model(folder: Path, dtype=torch.float32):
    family = "qwen3" if json.loads((folder / "config.json").read_text())["model_type"] == "qwen3_vl" else "qwen25"
    model = FAMILIES[family]["model"].from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    return model.eval()


# ---- processors -------------------------------------------------------------------------------------------------------


def pixel_bounds(family: str) -> tuple:
    unit = (2 * FAMILIES[family]["patch"]) ** 2
    return MIN_TOKENS * unit, MAX_TOKENS * unit


def make_image_processor(family: str, backend: str):
    """backend: "pil" (the slow class) or "tv" (torchvision, the fast class)."""
    spec = FAMILIES[family]
    low, high = pixel_bounds(family)
    cls = {"pil": Qwen2VLImageProcessor, "tv": Qwen2VLImageProcessorFast}[backend]
    # min_pixels and max_pixels, not size: the slow class of this release forgets a size given to its constructor.
    return cls(min_pixels=low, max_pixels=high, patch_size=spec["patch"], image_mean=spec["mean"], image_std=spec["std"])


def make_processor(family: str, tokenizer):
    spec = FAMILIES[family]
    return spec["processor"](image_processor=make_image_processor(family, "pil"), tokenizer=tokenizer,
                             video_processor=spec["video"](), chat_template=tokenizer.chat_template)


def preprocessor_config(family: str) -> dict:
    """Written by hand in the layout of the published files, which differs between the families."""
    low, high = pixel_bounds(family)
    spec = FAMILIES[family]
    common = {"patch_size": spec["patch"], "temporal_patch_size": 2, "merge_size": 2,
              "image_mean": spec["mean"], "image_std": spec["std"]}
    if family == "qwen25":
        return {"min_pixels": low, "max_pixels": high, **common,
                "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
    return {"size": {"longest_edge": high, "shortest_edge": low}, **common,
            "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}


def generation_config(family: str, tokenizer) -> dict:
    pad, end = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    common = {"bos_token_id": pad, "pad_token_id": pad, "do_sample": True, "eos_token_id": [end, pad]}
    if family == "qwen25":
        return common | {"repetition_penalty": 1.05, "temperature": 1e-6}
    return common | {"top_k": 20, "top_p": 0.8, "repetition_penalty": 1.0, "temperature": 0.7}


# ---- checkpoint folders -----------------------------------------------------------------------------------------------


def save_checkpoint(model, family: str, tokenizer, folder: Path) -> None:
    """The canonical folder, as save_pretrained writes it, plus the processor files."""
    model.save_pretrained(folder)
    write_json(folder / "generation_config.json", generation_config(family, tokenizer))
    write_json(folder / "preprocessor_config.json", preprocessor_config(family))


def flat_config(nested: dict) -> dict:
    """The layout of the published Qwen2.5-VL files: text fields at the top level, mrope by its old name."""
    text = dict(nested["text_config"])
    for key in ("layer_types", "dtype", "model_type", "architectures", "rope_scaling"):
        text.pop(key, None)
    vision = {k: v for k, v in nested["vision_config"].items() if k not in ("in_channels", "dtype", "initializer_range")}
    vision |= {"in_chans": 3, "spatial_patch_size": nested["vision_config"]["patch_size"], "model_type": "qwen2_5_vl"}
    section = nested["text_config"]["rope_scaling"]["mrope_section"]
    ids = {k: v for k, v in nested.items() if k.endswith("_token_id")}
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", **ids, **text,
        "sliding_window": 32768, "use_sliding_window": False, "torch_dtype": "float32", "transformers_version": "4.41.2",
        "vision_config": vision, "rope_scaling": {"type": "mrope", "mrope_section": section},
    }


def v5_config(nested: dict) -> dict:
    """The layout of transformers 5: one rope_parameters object instead of rope_theta and rope_scaling."""
    config = copy.deepcopy(nested)
    text = config["text_config"]
    rope = {k: v for k, v in text.pop("rope_scaling").items() if k != "type"}
    text["rope_parameters"] = {"rope_theta": text.pop("rope_theta"), "rope_type": rope.pop("rope_type"), **rope}
    config["tie_word_embeddings"] = text["tie_word_embeddings"]
    config["transformers_version"] = "5.0.0"
    return config


def new_name(name: str) -> str:
    """Old-style tensor name to new-style; new-style names pass unchanged."""
    if name.startswith("visual."):
        return "model." + name
    if name.startswith("model.") and not name.startswith(("model.visual.", "model.language_model.")):
        return "model.language_model." + name[len("model."):]
    return name


def save_untied(family: str, tokenizer, seed: int, family_dir: Path) -> None:
    """The untied variant is sharded: shard 1 is the canonical file under another name, shard 2 holds lm_head alone."""
    folder = family_dir / "untied"
    untied = make_model(family, tokenizer, seed, tied=False)
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    write_tensors(folder / second, {"lm_head.weight": untied.lm_head.weight})
    config = json.loads((family_dir / "model" / "config.json").read_text())
    config["text_config"]["tie_word_embeddings"] = False
    if "tie_word_embeddings" in config:
        config["tie_word_embeddings"] = False
    write_json(folder / "config.json", config)
    canonical = load_file(family_dir / "model" / "model.safetensors")
    total = sum(t.numel() * t.element_size() for t in canonical.values()) + untied.lm_head.weight.numel() * 4
    weight_map = {name: first for name in sorted(canonical)} | {"lm_head.weight": second}
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))})


def save_variants(family: str, tokenizer, seed: int, family_dir: Path) -> None:
    """config_v5 for both; what does not depend on the family (dtype, names, shards, head, tokenizer form) for qwen25 only."""
    model_dir = family_dir / "model"
    nested = json.loads((model_dir / "config.json").read_text())
    write_json(family_dir / "config_v5.json", v5_config(nested))
    if family == "qwen25":
        write_json(family_dir / "config_flat.json", flat_config(nested))
        canonical = load_file(model_dir / "model.safetensors")
        write_tensors(family_dir / "bf16" / "model.safetensors",
                      {new_name(name): tensor.to(torch.bfloat16) for name, tensor in canonical.items()})
        save_untied(family, tokenizer, seed, family_dir)
        legacy = json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))
        legacy["model"]["merges"] = [" ".join(pair) for pair in legacy["model"]["merges"]]
        write_json(family_dir / "legacy_tokenizer" / "tokenizer.json", legacy)
    write_json(family_dir / "variants.json", variants_table(family))


def variants_table(family: str) -> dict:
    """How a test assembles each variant: start from model/, copy files over it, remove the named ones. The results are
    those of model/ unless same_as names another golden file."""
    table = {
        "nested_v5": {"copy": {"config_v5.json": "config.json"}},
        "slow_tokenizer": {
            "copy": {"slow_tokenizer/vocab.json": "vocab.json", "slow_tokenizer/merges.txt": "merges.txt"},
            "remove": ["tokenizer.json"],
        },
    }
    if family == "qwen3":
        return table
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    index = "model.safetensors.index.json"
    return table | {
        "old_flat": {"copy": {"config_flat.json": "config.json"}},
        "legacy_tokenizer": {"copy": {"legacy_tokenizer/tokenizer.json": "tokenizer.json"}},
        "bf16_new_names": {"copy": {"bf16/model.safetensors": "model.safetensors"}, "same_as": "bf16_logits.safetensors"},
        "untied_sharded": {
            "copy": {"untied/config.json": "config.json", f"untied/{index}": index, "model/model.safetensors": first,
                     f"untied/{second}": second},
            "remove": ["model.safetensors"], "same_as": "untied_logits.safetensors",
        },
    }


def assemble_variant(family_dir: Path, name: str, folder: Path) -> Path:
    """What a C test does with variants.json; used here to check that transformers itself accepts each variant."""
    variant = json.loads((family_dir / "variants.json").read_text())[name]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(family_dir / "model", folder)
    for source, target in variant["copy"].items():
        shutil.copyfile(family_dir / source, folder / target)
    for target in variant.get("remove", []):
        (folder / target).unlink()
    return folder
