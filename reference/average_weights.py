"""average_weights.py A B SHARE OUT: a checkpoint whose weights are (1 - SHARE) A + SHARE B, as bf16.

Between a model before reinforcement learning and the one after it lie models that keep most of the reward and write the
language that was learnt from texts (WiSE-FT, arXiv 2109.01903). Both checkpoints are fp32, of the same shape; what is not
a weight is copied from A. Needs nothing but Python.
"""

import array
import json
import os
import shutil
import struct
import sys

FILES = (
    "chat_template.json config.json generation_config.json preprocessor_config.json question.txt tokenizer.json "
    "tokenizer_config.json"
)


def read(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size)), file.read()


def values(checkpoint, name):
    header, data = checkpoint
    assert header[name]["dtype"] == "F32", f"{name} is not fp32"
    begin, end = header[name]["data_offsets"]
    return array.array("f", data[begin:end])


def to_bf16(numbers):
    bits = array.array("I", numbers.tobytes())
    return array.array("H", ((x + 0x7FFF + ((x >> 16) & 1)) >> 16 for x in bits)).tobytes()


def main():
    a, b, share, out = read(sys.argv[1]), read(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    header, data = {}, b""
    for name in a[0]:
        if name == "__metadata__":
            header[name] = a[0][name]
            continue
        shape = a[0][name]["shape"]
        assert b[0][name]["shape"] == shape, f"{name} has two shapes"
        # what did not train stays as it is, to the bit
        x, y = values(a, name), values(b, name)
        mean = x if x == y else array.array("f", ((1 - share) * i + share * j for i, j in zip(x, y)))
        made = to_bf16(mean)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(made)]}
        data += made
    os.makedirs(out)
    for file in FILES.split():
        shutil.copy(os.path.join(sys.argv[1], file), out)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(out, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


main()
