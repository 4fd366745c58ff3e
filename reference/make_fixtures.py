"""Writes tests/fixtures: tiny random Qwen2.5-VL and Qwen3-VL checkpoints of the true structure, and what transformers
computes with them. Run it in a virtual environment with requirements.txt; see README.md. Nothing in gad needs it."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer, Qwen2Tokenizer

from fixtures_activations import CASES, choose_seed, prepare, write_cases, write_sampling, write_variant_logits
from fixtures_common import ROOT, make_deterministic
from fixtures_features import write_features
from fixtures_gguf import write as write_gguf
from fixtures_gguf_models import write as write_gguf_models
from fixtures_images import save_images, write_resize
from fixtures_malformed import write_malformed
from fixtures_metrics import write_metrics
from fixtures_models import (
    FAMILIES, assemble_variant, load_model, make_model, make_processor, save_checkpoint, save_variants,
)
from fixtures_tokenizer import check_tokenizer, make_tokenizer, save_tokenizer, write_tokenizer_cases
from fixtures_training import write_adapters, write_training

MAX_BYTES, MAX_FILE_BYTES = 8_000_000, 1_000_000
FOLDERS = ["features", "gguf", "images", "malformed", *FAMILIES]


def write_family(family: str, out: Path, scratch: Path) -> None:
    family_dir = out / family
    tokenizer = make_tokenizer(family)
    save_tokenizer(tokenizer, family, family_dir)
    processor = make_processor(family, tokenizer)
    seed = choose_seed(lambda seed: make_model(family, tokenizer, seed), family, processor)
    print(f"{family}: weights from seed {seed}", flush=True)
    save_checkpoint(make_model(family, tokenizer, seed), family, tokenizer, family_dir / "model")
    save_variants(family, tokenizer, seed, family_dir)

    model = load_model(family_dir / "model")  # goldens come from the files, not from the model that wrote them
    write_cases(model, family, processor, family_dir)
    write_sampling(model, processor, family_dir)
    bf16 = load_model(family_dir / "model", dtype="bfloat16")
    write_variant_logits(bf16, processor, family_dir / "bf16_logits.safetensors")
    check_variants(family, model, bf16, processor, family_dir, scratch)
    write_training(family, processor, family_dir)
    write_adapters(family, processor, family_dir)


def check_variants(family: str, model, bf16, processor, family_dir: Path, scratch: Path) -> None:
    """Assembles each variant as a test would and runs the reference on it."""
    for name, variant in json.loads((family_dir / "variants.json").read_text()).items():
        if name == "nested_v5":
            continue  # this release does not read it
        folder = assemble_variant(family_dir, name, scratch / family / name)
        tokenizer = Qwen2Tokenizer.from_pretrained(folder) if name == "slow_tokenizer" else AutoTokenizer.from_pretrained(folder)
        check_tokenizer(tokenizer, processor.tokenizer)
        if variant.get("same_as") == "untied_logits.safetensors":
            write_variant_logits(load_model(folder), processor, family_dir / "untied_logits.safetensors", cases="b")
            continue
        expected = bf16 if variant.get("same_as") == "bf16_logits.safetensors" else model
        inputs = prepare(processor, CASES["b"])[1]
        with torch.no_grad():
            if not torch.equal(load_model(folder, dtype=expected.dtype)(**inputs).logits, expected(**inputs).logits):
                raise ValueError(f"{family} {name}: other logits")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "fixtures")
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/gad-fixtures-scratch"))
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    make_deterministic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:  # only what this program writes: other fixtures may lie beside
        shutil.rmtree(arguments.out / name, ignore_errors=True)

    save_images(arguments.out / "images")
    write_resize(arguments.out)
    write_tokenizer_cases({family: make_tokenizer(family) for family in FAMILIES}, arguments.out / "tokenizer_cases.json")
    write_metrics(arguments.out / "metrics.json")
    write_malformed(arguments.out / "malformed")
    (arguments.out / "gguf").mkdir()
    write_gguf(arguments.out / "gguf")
    write_features(arguments.out / "features")
    for family in FAMILIES:
        write_family(family, arguments.out, arguments.scratch)
    write_gguf_models(arguments.out / "gguf", arguments.out)
    shutil.rmtree(arguments.scratch, ignore_errors=True)
    sizes = [path.stat().st_size for path in arguments.out.rglob("*") if path.is_file()]
    print(f"wrote {len(sizes)} files, {sum(sizes)} bytes, the largest {max(sizes)}, below {arguments.out}")
    if sum(sizes) > MAX_BYTES or max(sizes) > MAX_FILE_BYTES:
        raise ValueError("the fixtures are too large to commit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
