"""Backbones: what the public implementations compute. EfficientNet-Lite: a narrow network with random weights in full
precision, and the true weights of lite0. DINOv2 and DINOv3: tiny random checkpoints of the true structure. Run alone it
writes only tests/fixtures/features."""

import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from efficientnet_lite_pytorch.model import EfficientNet
from efficientnet_lite_pytorch.utils import get_model_params
from transformers import (
    Dinov2Backbone, Dinov2Config, Dinov2WithRegistersBackbone, Dinov2WithRegistersConfig, DINOv3ViTBackbone, DINOv3ViTConfig,
)

from convert_efficientnet_lite import convert, describe, load_network
from fixtures_common import ROOT, make_deterministic, torch_generator, write_json, write_tensors

LITE_SIZE = (96, 64)  # px, width and height


def picture(folder: Path, width: int, height: int) -> np.ndarray:
    plate = Image.open(folder.parent / "images" / "plate.png").convert("RGB")
    return np.asarray(plate.resize((width, height), Image.Resampling.BICUBIC))


# ---- EfficientNet-Lite ------------------------------------------------------------------------------------------------


def random_lite():
    """A tenth of the width of lite0, half of its depth. Batch norms keep the activations of every layer inside ReLU6's range."""
    blocks, settings = get_model_params("efficientnet-lite0", {"width_coefficient": 0.1, "depth_coefficient": 0.5, "depth_divisor": 4, "image_size": None})
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
    convert(network, "lite0", 16, folder / "lite_random.safetensors", torch.float32)
    goldens = {f"random.{i}": level for i, level in enumerate(lite_levels(network, rgb, 16))}
    goldens |= {f"lite0.{i}": level for i, level in enumerate(lite_levels(load_network("lite0"), rgb, 16))}
    write_tensors(folder / "lite.safetensors", goldens)


# ---- DINOv2 and DINOv3 ------------------------------------------------------------------------------------------------

COMMON = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "attn_implementation": "eager"}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
OTHER = {"image_mean": [0.43, 0.411, 0.296], "image_std": [0.213, 0.156, 0.143]}  # of DINOv3's satellite models

# name -> backbone, configuration, picture (width, height in px), pixel statistics. Grids: larger and smaller than the learned one.
VITS = {
    "dinov2": (Dinov2Backbone, Dinov2Config, {"mlp_ratio": 2, "patch_size": 6, "image_size": 18}, (30, 12), IMAGENET),
    "dinov2_gated": (Dinov2Backbone, Dinov2Config, {"mlp_ratio": 2, "patch_size": 4, "image_size": 16, "use_swiglu_ffn": True},
                     (20, 12), IMAGENET),
    "dinov2_registers": (Dinov2WithRegistersBackbone, Dinov2WithRegistersConfig,
                         {"mlp_ratio": 2, "patch_size": 4, "image_size": 24, "num_register_tokens": 3}, (16, 32), IMAGENET),
    "dinov3": (DINOv3ViTBackbone, DINOv3ViTConfig,
               {"intermediate_size": 24, "patch_size": 8, "image_size": 32, "num_register_tokens": 2}, (40, 24), IMAGENET),
    "dinov3_gated": (DINOv3ViTBackbone, DINOv3ViTConfig,
                     {"intermediate_size": 20, "patch_size": 4, "image_size": 16, "num_register_tokens": 4,
                      "use_gated_mlp": True, "hidden_act": "silu", "rope_theta": 50.0}, (12, 16), OTHER),
}


def random_vit(name: str):
    """Every parameter is overwritten: the usual start (scales of 1, biases of 0) would hide a forgotten one."""
    backbone, config, settings, _, _ = VITS[name]
    model = backbone(config(**COMMON, **settings, out_indices=[1, 2, 3])).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=torch_generator(f"{name} {parameter_name}"))
            if "embeddings" in parameter_name and "patch" not in parameter_name:
                parameter.copy_(noise)
            elif parameter.ndim >= 2:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
            elif parameter_name.endswith("bias"):
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(1.0 + 0.3 * noise)
    return model


def write_vits(folder: Path) -> None:
    goldens = {}
    for name, (_, _, _, size, statistics) in VITS.items():
        model = random_vit(name)
        model.save_pretrained(folder / name)
        if statistics is not IMAGENET:
            write_json(folder / name / "preprocessor_config.json", statistics)
        rgb = torch.from_numpy(picture(folder, *size).copy()).double() / 255
        x = ((rgb - torch.tensor(statistics["image_mean"])) / torch.tensor(statistics["image_std"])).permute(2, 0, 1)[None]
        with torch.no_grad():
            for layer, level in enumerate(model(x.float()).feature_maps, start=1):
                goldens[f"{name}.{layer}"] = level[0].permute(1, 2, 0)
    write_tensors(folder / "vit.safetensors", goldens)


# ---- the head over maps of distances ----------------------------------------------------------------------------------

MAPS, HEAD_WIDTH = 5, 32


def write_map_head(folder: Path) -> None:
    """A head file of random weights that also holds maps [maps, rows, cols], where -1 is not looked at, and their logits."""
    def noise(name, *shape):
        return torch.randn(*shape, generator=torch_generator("map head " + name))

    maps = noise("maps", MAPS, 7, 9).abs() / 4
    maps[:, 2, 3:5] = -1
    head = {
        "head.backbone": torch.tensor(list(b"0123456789abcdef" * 2), dtype=torch.uint8),
        "head.mean": noise("mean", 2 * MAPS) / 4,
        "head.scale": 0.3 + noise("scale", 2 * MAPS).abs() / 4,
        "head.convolution.0.weight": noise("w0", HEAD_WIDTH, 2 * MAPS, 3, 3) / 6,
        "head.convolution.0.bias": noise("b0", HEAD_WIDTH) / 4,
        "head.convolution.1.weight": noise("w1", HEAD_WIDTH, HEAD_WIDTH, 3, 3) / 12,
        "head.convolution.1.bias": noise("b1", HEAD_WIDTH) / 4,
        "head.logit.weight": noise("w2", 1, HEAD_WIDTH) / 4,
        "head.logit.bias": noise("b2", 1),
    }
    seen = maps[0] >= 0
    medians = torch.stack([m[seen].median() for m in maps])[:, None, None]
    roots = torch.where(seen, maps, medians).double().clamp(min=1e-6).sqrt()
    x = torch.cat([roots, roots - medians.double().sqrt()])[None]
    x = (x - head["head.mean"].double()[:, None, None]) / head["head.scale"].double()[:, None, None]
    for i in range(2):
        x = torch.nn.functional.conv2d(x, head[f"head.convolution.{i}.weight"].double(), head[f"head.convolution.{i}.bias"].double(), padding=1)
        x = torch.nn.functional.gelu(x)
    logit = torch.einsum("bchw,oc->hw", x, head["head.logit.weight"].double()) + head["head.logit.bias"].double()
    for i in range(2):  # rows of a linear layer: the nine cells one after the other
        weight = head[f"head.convolution.{i}.weight"]
        head[f"head.convolution.{i}.weight"] = weight.permute(0, 2, 3, 1).reshape(HEAD_WIDTH, -1)
    write_tensors(folder / "map_head.safetensors", head | {"maps": maps, "logit": logit.float()})


def write_features(folder: Path) -> None:
    write_lite(folder)
    write_vits(folder)
    write_map_head(folder)


if __name__ == "__main__":
    make_deterministic()
    shutil.rmtree(ROOT / "tests/fixtures/features", ignore_errors=True)
    write_features(ROOT / "tests/fixtures/features")
