"""widen_regions.py MODEL OUT: a model of ours whose region tokens also carry the measured words of a region.

The matrix that shows regions to the language model gets a column for each word (src/task/measurement.h), all zero, so that
the model answers as before until it is trained; config.json says so ("words" of "difference"). A threshold that was measured
stays behind. Needs nothing but Python.
"""

import json
import os
import shutil
import struct
import sys

WORDS = 39  # GAD_REGION_TOKEN_WORDS
NAME = "difference.regions.weight"
BYTES = {"F32": 4, "BF16": 2}


def main():
    model, out = sys.argv[1:3]
    with open(os.path.join(model, "model.safetensors"), "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    made, body = {}, b""
    for name, tensor in header.items():
        if name == "__metadata__":
            made[name] = tensor
            continue
        begin, end = tensor["data_offsets"]
        numbers, shape = data[begin:end], list(tensor["shape"])
        if name == NAME:
            row, zeros = shape[1] * BYTES[tensor["dtype"]], bytes(WORDS * BYTES[tensor["dtype"]])
            numbers = b"".join(numbers[i : i + row] + zeros for i in range(0, len(numbers), row))
            shape[1] += WORDS
        made[name] = {"dtype": tensor["dtype"], "shape": shape, "data_offsets": [len(body), len(body) + len(numbers)]}
        body += numbers
    os.makedirs(out)
    for file in os.listdir(model):
        if file.endswith((".json", ".txt")) and file not in ("config.json", "threshold.json", "trainer.json"):
            shutil.copy(os.path.join(model, file), out)
    with open(os.path.join(model, "config.json")) as file:
        config = json.load(file)
    config["difference"]["words"] = True
    with open(os.path.join(out, "config.json"), "w") as file:
        json.dump(config, file, indent=2, sort_keys=True)
    text = json.dumps(made).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(out, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


main()
