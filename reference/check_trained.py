"""What gad trained, loaded by transformers and PEFT unchanged: trains the tiny checkpoints with the built program, in full,
as adapters, and as adapters that reinforcement makes after supervised ones; loads the results on the base that they name;
merges and converts them; and writes them with the reference's logits to tests/fixtures/FAMILY/trained_*, where
tests/train/test_trained.c compares gad's own logits with them.

    /tmp/ref-venv/bin/python reference/check_trained.py build/gad
"""

import json
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


def train(gad: str, kind: str, model: Path, out: Path, words: list[str]) -> Path:
    """Two steps on synthetic pairs; a large rate, so that the change shows in the logits."""
    own = ["--group", "2", "--max-new-tokens", "8", "--zero-variance", "contrastive"] if kind == "grpo" else []
    command = [gad, "train", kind, str(model), "--out", str(out), "--steps", "2", "--batch", "2", "--synth-side", "56",
               "--lr", "0.01", "--warmup", "0", "--eval-every", "-1", "--threads", "1", *own, *words]
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
        warnings.simplefilter("ignore", FutureWarning)  # of transformers about PEFT
        model = PeftModel.from_pretrained(load(family, base), folder)
    inside = {k for k in model.state_dict() if ".lora_" in k}
    written = load_file(folder / "adapter_model.safetensors")
    assert len(inside) == len(written), (len(inside), len(written))
    assert any(float(v.abs().max()) > 0 for k, v in written.items() if "lora_B" in k)
    return model.eval()


def check_merged(gad: str, family: str, base: Path, folder: Path, adapted, scratch: Path) -> None:
    """gad model merge and convert: the same logits as PEFT's, exactly the same numbers in half precision."""
    subprocess.run([gad, "model", "merge", str(base), "--adapter", str(folder), "--out", str(scratch / "merged")], check=True)
    vocabulary = adapted.config.get_text_config().vocab_size
    expected = logits_of(adapted, vocabulary)[1]
    apart = float((logits_of(load(family, scratch / "merged"), vocabulary)[1] - expected).abs().max())
    print(f"{family} merged: logits differ from PEFT's by {apart:.3g} (largest {float(expected.abs().max()):.3g})")
    assert apart < 1e-4 * float(expected.abs().max())
    whole = load_file(scratch / "merged" / "model.safetensors")
    for kind, dtype in {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}.items():
        out = scratch / kind
        subprocess.run([gad, "model", "convert", str(scratch / "merged"), "--type", kind, "--out", str(out)], check=True)
        load(family, out)
        converted = load_file(out / "model.safetensors")
        assert converted.keys() == whole.keys() and all(t.dtype == dtype for t in converted.values())
        assert all(torch.equal(converted[name], whole[name].to(dtype)) for name in whole)


def logits_of(model, vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.tensor([[(i * 37 + 11) % 200 for i in range(24)]])
    with torch.no_grad():
        return ids[0], model(input_ids=ids, use_cache=False).logits[0, -1, :vocabulary].float()


def keep(folder: Path, names: list[str], to: Path, model, base: str = "../model") -> None:
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for name in names:
        shutil.copy(folder / name, to / name)
    config = to / "adapter_config.json"
    if config.exists():  # no path of the machine that trained
        lines = config.read_text().splitlines(keepends=True)
        config.write_text("".join(f'  "base_model_name_or_path": "{base}",\n' if "base_model_name_or_path" in line
                                  else line for line in lines))
    ids, logits = logits_of(model, model.config.get_text_config().vocab_size)
    save_file({"ids": ids, "logits": logits.contiguous()}, to / "golden.safetensors")


def main() -> None:
    gad = sys.argv[1]
    for family in FAMILIES:
        base = FIXTURES / family / "model"
        with tempfile.TemporaryDirectory() as scratch:
            plain = logits_of(load(family, base), 10**9)[1]
            lora = ["--train", "lora", "--lora-rank", "4", "--lora-targets"]
            full = train(gad, "sft", base, Path(scratch) / "full", ["--train", "all"])
            adapter = train(gad, "sft", base, Path(scratch) / "lora", [*lora, "all-linear,visual.qkv"])
            second = train(gad, "grpo", base, Path(scratch) / "grpo", [*lora, "q_proj,down_proj", "--adapter", str(adapter)])
            merged = Path(json.loads((second / "adapter_config.json").read_text())["base_model_name_or_path"])
            assert merged == (Path(scratch) / "grpo" / "base").resolve()
            models = {"full": load(family, full), "lora": load_adapter(family, base, adapter),
                      "grpo": load_adapter(family, merged, second)}
            check_merged(gad, family, merged, second, models["grpo"], Path(scratch))
            for kind, model in models.items():
                moved = float((logits_of(model, len(plain))[1] - plain).abs().max())
                print(f"{family} {kind}: loads unchanged; training moved the logits by {moved:.3g}")
                assert moved > 1e-3
            keep(full, KEPT_FULL, FIXTURES / family / "trained_full", models["full"])
            keep(adapter, KEPT_ADAPTER, FIXTURES / family / "trained_lora", models["lora"])
            keep(second, KEPT_ADAPTER, FIXTURES / family / "trained_grpo", models["grpo"], "../model with trained_lora merged")


main()
