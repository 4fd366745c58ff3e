"""What gad trained, loaded by transformers and PEFT unchanged: trains the tiny checkpoints with the built program, in full
and as adapters, loads the results, and writes them with the reference's logits to tests/fixtures/FAMILY/trained_*, where
tests/train/test_trained.c compares gad's own logits with them.

    /tmp/ref-venv/bin/python reference/check_trained.py build/gad
"""

import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen3VLForConditionalGeneration

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures"
FAMILIES = {"qwen25": Qwen2_5_VLForConditionalGeneration, "qwen3": Qwen3VLForConditionalGeneration}
KEPT_FULL = ["config.json", "model.safetensors"]
KEPT_ADAPTER = ["adapter_config.json", "adapter_model.safetensors"]


def train(gad: str, model: Path, out: Path, words: list[str]) -> Path:
    """Two SFT steps on synthetic pairs; a large rate, so that the change shows in the logits."""
    command = [gad, "train", "sft", str(model), "--out", str(out), "--steps", "2", "--batch", "2", "--synth-side", "56",
               "--lr", "0.01", "--warmup", "0", "--eval-every", "-1", "--threads", "1", *words]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return out / "step-000002"


def load(family: str, folder: Path):
    """Every tensor has its place, and every place its tensor."""
    model, info = FAMILIES[family].from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    tied = {"lm_head.weight"}
    assert not set(info["missing_keys"]) - tied and not info["unexpected_keys"] and not info["mismatched_keys"], info
    return model.eval()


def load_adapter(family: str, base: Path, folder: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # PEFT warns of keys that are missing or not wanted
        model = PeftModel.from_pretrained(load(family, base), folder)
    inside = {k for k in model.state_dict() if ".lora_" in k}
    written = load_file(folder / "adapter_model.safetensors")
    assert len(inside) == len(written), (len(inside), len(written))
    assert any(float(v.abs().max()) > 0 for k, v in written.items() if "lora_B" in k)
    return model.eval()


def logits_of(model, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor([[(i * 37 + 11) % 200 for i in range(24)]])
    with torch.no_grad():
        return ids[0], model(input_ids=ids, use_cache=False).logits[0, -1, :vocabulary].float()


def keep(folder: Path, names: list[str], to: Path, model) -> None:
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for name in names:
        shutil.copy(folder / name, to / name)
    config = to / "adapter_config.json"
    if config.exists():  # no path of the machine that trained
        lines = config.read_text().splitlines(keepends=True)
        config.write_text("".join('  "base_model_name_or_path": "../model",\n' if "base_model_name_or_path" in line
                                  else line for line in lines))
    ids, logits = logits_of(model, model.config.get_text_config().vocab_size)
    save_file({"ids": ids, "logits": logits.contiguous()}, to / "golden.safetensors")


def main() -> None:
    gad = sys.argv[1]
    for family in FAMILIES:
        base = FIXTURES / family / "model"
        with tempfile.TemporaryDirectory() as scratch:
            plain = logits_of(load(family, base), 10**9)[1]
            full = train(gad, base, Path(scratch) / "full", ["--train", "all"])
            adapter = train(gad, base, Path(scratch) / "lora", ["--train", "lora", "--lora-rank", "4", "--lora-targets",
                                                                "all-linear,visual.qkv"])
            models = {"full": load(family, full), "lora": load_adapter(family, base, adapter)}
            for kind, model in models.items():
                moved = float((logits_of(model, len(plain))[1] - plain).abs().max())
                print(f"{family} {kind}: loads unchanged; training moved the logits by {moved:.3g}")
                assert moved > 1e-3
            keep(full, KEPT_FULL, FIXTURES / family / "trained_full", models["full"])
            keep(adapter, KEPT_ADAPTER, FIXTURES / family / "trained_lora", models["lora"])


main()
