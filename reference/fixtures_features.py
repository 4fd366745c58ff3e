"""Backbones: what the public implementations compute. EfficientNet-Lite: a narrow network with random weights in full
precision, and the true weights of lite0. Run alone it writes only tests/fixtures/features."""

import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from efficientnet_lite_pytorch.model import EfficientNet
from efficientnet_lite_pytorch.utils import get_model_params

from convert_efficientnet_lite import convert, describe, load_network
from fixtures_common import ROOT, make_deterministic, torch_generator, write_tensors

LITE_SIZE = (96, 64)  # px, width and height


def picture(folder: Path, width: int, height: int) -> np.ndarray:
    plate = Image.open(folder.parent / "images" / "plate.png").convert("RGB")
    return np.asarray(plate.resize((width, height), Image.Resampling.BICUBIC))


# ---- EfficientNet-Lite ------------------------------------------------------------------------------------------------


def random_lite():
    """A tenth of the width of lite0. Batch norms keep the activations of every layer inside ReLU6's range."""
    blocks, settings = get_model_params("efficientnet-lite0", {"width_coefficient": 0.1, "depth_divisor": 4, "image_size": None})
    network = EfficientNet(blocks, settings).eval()
    with torch.no_grad():
        for name, tensor in list(network.named_parameters()) + list(network.named_buffers()):
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=torch_generator("lite " + name))
            if tensor.ndim >= 2:
                tensor.copy_(noise / tensor[0].numel() ** 0.5)
            elif name.endswith("running_var"):
                tensor.copy_(0.5 + noise.abs())
            elif name.endswith("weight"):
                tensor.copy_(1.0 + 0.2 * noise)
            else:
                tensor.copy_(0.5 + 0.5 * noise)
    return network


def lite_levels(network, rgb: np.ndarray, most_stride: int) -> list:
    """Feature maps [rows, cols, channels] as float64 sees them, rounded to float32."""
    strides, levels = describe(network, most_stride)
    network = network.double()
    x = (torch.from_numpy(rgb.copy()).double().permute(2, 0, 1)[None] - 127) / 128
    out = []
    with torch.no_grad():
        x = network._swish(network._bn0(network._conv_stem(x)))
        for i, block in enumerate(network._blocks[: len(strides)]):
            x = block(x)
            if i in levels:
                out.append(x[0].permute(1, 2, 0).float())
    return out


def write_lite(folder: Path) -> None:
    rgb = picture(folder, *LITE_SIZE)
    network = random_lite()
    convert(network, "lite0", 32, folder / "lite_random.safetensors", torch.float32)
    goldens = {f"random.{i}": level for i, level in enumerate(lite_levels(network, rgb, 32))}
    goldens |= {f"lite0.{i}": level for i, level in enumerate(lite_levels(load_network("lite0"), rgb, 16))}
    write_tensors(folder / "lite.safetensors", goldens)


def write_features(folder: Path) -> None:
    write_lite(folder)


if __name__ == "__main__":
    make_deterministic()
    shutil.rmtree(ROOT / "tests/fixtures/features", ignore_errors=True)
    write_features(ROOT / "tests/fixtures/features")
