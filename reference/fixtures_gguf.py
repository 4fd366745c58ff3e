"""GGUF: every block type that gad reads, with the numbers that the gguf package reads from it, and one value of each kind."""
import numpy as np
from gguf import GGUFWriter, GGMLQuantizationType as T, GGUFValueType as V
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]


def random_blocks(kind, rows, cols, rng):
    """Random bytes, but for the half floats d (and m), which are kept small and finite."""
    count, size = GGML_QUANT_SIZES[T[kind]]
    raw = rng.integers(0, 256, (rows, cols // count, size), dtype=np.uint8)
    halves = {"F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q4_K": [0, 2], "Q5_K": [0, 2],
              "Q6_K": [208]}
    for at in halves.get(kind, []):
        values = rng.normal(0, 0.1, raw.shape[:2]).astype(np.float16)
        raw[..., at:at + 2] = values[..., None].view(np.uint8)
    if kind in ("F32", "BF16"):
        values = rng.normal(0, 1, raw.shape[:2]).astype(np.float32)
        bits = values[..., None].view(np.uint8)
        raw[...] = bits if kind == "F32" else bits[..., 2:]
    return raw.reshape(rows, -1)


def write(folder):
    rng = np.random.default_rng(20261127)
    writer = GGUFWriter(folder / "blocks.gguf", "test")
    writer.add_key_value("test.u8", 200, V.UINT8)
    writer.add_key_value("test.i8", -3, V.INT8)
    writer.add_key_value("test.i32", -70000, V.INT32)
    writer.add_key_value("test.u64", 2**40 + 1, V.UINT64)
    writer.add_key_value("test.f32", 0.5, V.FLOAT32)
    writer.add_key_value("test.f64", -1e-300, V.FLOAT64)
    writer.add_key_value("test.bool", True, V.BOOL)
    writer.add_key_value("test.text", "Grüße", V.STRING)
    writer.add_array("test.integers", [3, -1, 4])
    writer.add_array("test.texts", ["a", "", "<|im_end|>"])
    for kind in TYPES:
        raw = random_blocks(kind, 3, 512, rng)
        numbers = dequantize(raw, T[kind]).astype(np.float32)
        writer.add_tensor(kind, raw if kind not in ("F32", "F16") else raw.view(np.float32 if kind == "F32" else np.float16),
                          raw_dtype=T[kind])
        writer.add_tensor(kind + ".numbers", numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
