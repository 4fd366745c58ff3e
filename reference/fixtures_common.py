"""Shared by every fixture module: where the output goes, the seeds, and writers whose bytes do not depend on the run.

Every random number comes from a generator seeded by a name, so that adding one fixture never changes another.
"""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent
SEED = 20240


def make_deterministic() -> None:
    """One thread and deterministic kernels: the same machine then writes the same bytes on every run."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def torch_generator(name: str, seed: int = SEED) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + zlib.crc32(name.encode()))


def numpy_generator(name: str, seed: int = SEED) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def write_json(path: Path, value, *, ascii_only: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=ascii_only) + "\n", encoding="utf-8")


def write_compact_json(path: Path, rows: dict) -> None:
    """One line per top-level entry: long lists of ids stay readable and diff well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in rows.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_row_lists(path: Path, lists: dict) -> None:
    """An object of lists, one row per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [f" {json.dumps(key)}: [\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n ]" for key, rows in lists.items()]
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def write_tensors(path: Path, tensors: dict, allow_nan: bool = False) -> None:
    """Writes a safetensors file. Integers become int64, except u8 images; floats stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = {}
    for name, tensor in tensors.items():
        tensor = (torch.from_numpy(tensor.copy()) if isinstance(tensor, np.ndarray) else tensor).detach().clone().contiguous()
        if not tensor.is_floating_point() and tensor.dtype != torch.uint8:
            tensor = tensor.to(torch.int64)
        if tensor.is_floating_point() and torch.isnan(tensor).any() and not allow_nan:
            raise ValueError(f"{path.name}: {name} holds NaN")
        out[name] = tensor
    save_file(out, str(path), metadata={"format": "pt"})
