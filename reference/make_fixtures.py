"""Writes tests/fixtures: tiny random Qwen2.5-VL and Qwen3-VL checkpoints of the true structure, and what transformers
computes with them. Run it in a virtual environment with requirements.txt; see README.md. Nothing in gad needs it."""

import argparse
import shutil
import sys
from pathlib import Path

import transformers

from fixtures_activations import choose_seed, write_cases, write_sampling, write_variant_logits
from fixtures_common import ROOT, make_deterministic
from fixtures_images import save_images, write_resize
from fixtures_models import (
    FAMILIES, assemble_variant, load_model, make_model, make_processor, save_checkpoint, save_variants,
)
from fixtures_tokenizer import make_tokenizer, save_tokenizer, write_tokenizer_cases


FOLDERS = ["images", "malformed", *FAMILIES]


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
    untied = load_model(assemble_variant(family_dir, "untied_sharded", scratch / f"{family}_untied"))
    write_variant_logits(untied, processor, family_dir / "untied_logits.safetensors", cases="b")


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
    for family in FAMILIES:
        write_family(family, arguments.out, arguments.scratch)
    shutil.rmtree(arguments.scratch, ignore_errors=True)
    total = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"wrote {total} bytes below {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
