"""The input images and their resizing by both backends.

Each image is drawn from a formula, so that a PNG of it is small; the resize cases add noise, where rounding errors show.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as tv_functional
from torchvision.transforms.v2 import InterpolationMode
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from fixtures_common import numpy_generator, write_json, write_tensors
from fixtures_models import FAMILIES, MAX_TOKENS, MIN_TOKENS, make_image_processor

# name -> height, width. Merged grids at factor 28 / 32: plate 3x5 / 3x4, bolt 2x3 / 2x2, strip 1x5 / 1x4, coin 2x2 / 2x2,
# dot 2x3 / 2x3 (enlarged to the lower bound).
SIZES = {"plate": (90, 133), "bolt": (50, 75), "strip": (40, 130), "coin": (64, 60), "dot": (20, 33)}


def draw(name: str) -> np.ndarray:
    """u8 [h, w, 3]: colour ramps, a disc, a bright scratch and a dark corner; no two channels alike."""
    height, width = SIZES[name]
    phase = sorted(SIZES).index(name)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 40 + 180 * x / (width - 1)
    green = 220 - 160 * y / (height - 1)
    blue = 127 + 90 * np.sin((x + 2 * y + 17 * phase) / 9.0)
    image = np.stack([red, green, blue], axis=-1)
    radius = 0.3 * min(height, width)
    disc = (y - 0.55 * height) ** 2 + (x - (0.3 + 0.1 * phase) * width) ** 2 < radius**2
    image[disc] = image[disc][:, [1, 2, 0]] * 0.8 + 20
    scratch = np.abs(y * 1.7 - x * 0.6 - 3 * phase) < 1.6
    image[scratch] = [250, 245 - 20 * phase, 30]
    image[: height // 8, : width // 6] = [10, 5, 60]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def save_images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in SIZES:
        Image.fromarray(draw(name)).save(folder / f"{name}.png", optimize=True)


def resize_pil(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC))


def resize_tv(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    tensor = torch.from_numpy(rgb.copy()).permute(2, 0, 1)
    out = tv_functional.resize(tensor, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True)
    return out.permute(1, 2, 0).contiguous().numpy()


def normalise_table(family: str, backend: str) -> torch.Tensor:
    """[3, 256] f32: the value of each byte in each channel, read off the processor itself."""
    side = 2 * FAMILIES[family]["patch"]
    table = torch.empty(3, 256)
    processor = make_image_processor(family, backend)
    for value in range(256):
        # A constant image stays constant when resized; is_scaled_image would mistake all-0 or all-1 images only for a warning.
        image = np.full((2 * side, 2 * side, 3), value, dtype=np.uint8)
        rows = torch.as_tensor(np.asarray(processor(images=[Image.fromarray(image)], return_tensors="pt")["pixel_values"]))
        columns = rows.reshape(rows.shape[0], 3, -1)
        if not torch.equal(columns.amin(dim=(0, 2)), columns.amax(dim=(0, 2))):
            raise ValueError("a constant image became uneven")
        table[:, value] = columns[0, :, 0]
    return table


def patchify(resized: np.ndarray, table: torch.Tensor, patch: int) -> torch.Tensor:
    """The documented patch layout, written out: used to check that resize, table and layout explain pixel_values."""
    height, width = resized.shape[:2]
    image = torch.stack([table[c][torch.from_numpy(resized[..., c].astype(np.int64))] for c in range(3)])
    gh, gw = height // patch, width // patch
    blocks = image.reshape(3, gh // 2, 2, patch, gw // 2, 2, patch).permute(1, 4, 2, 5, 0, 3, 6)
    twice = blocks.unsqueeze(5).expand(*blocks.shape[:5], 2, patch, patch)  # both temporal slots hold the same frame
    return twice.reshape(gh * gw, 3 * 2 * patch * patch)


# ---- resize.safetensors -----------------------------------------------------------------------------------------------

RESIZE_SHAPES = [  # from -> to: both axes up, both down, mixed, one axis only, extreme ratios, no change
    ((37, 53), (28, 42)), ((14, 14), (28, 42)), ((61, 45), (61, 28)), ((45, 31), (28, 31)), ((70, 7), (33, 20)),
    ((5, 5), (28, 28)), ((64, 48), (8, 6)), ((1, 17), (4, 9)), ((20, 20), (20, 20)), ((33, 32), (32, 33)),
]


def resize_source(kind: str, height: int, width: int) -> np.ndarray:
    generator = numpy_generator(f"resize {kind} {height}x{width}")
    if kind == "noise":
        return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "grey":  # grey noise of extremes: overshoot is clipped at both ends
        return np.repeat(generator.integers(0, 2, (height, width, 1), dtype=np.uint8) * 255, 3, axis=2)
    ramp = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)
    return np.stack([ramp % 256, (255 - ramp) % 256, (ramp * 5) % 256], axis=-1).astype(np.uint8)


def write_resize(out: Path) -> None:
    tensors, rows = {}, []
    for index, (source, target) in enumerate(RESIZE_SHAPES):
        kind = ("noise", "grey", "ramp")[index % 3]
        rgb = resize_source(kind, *source)
        pil, tv = resize_pil(rgb, *target), resize_tv(rgb, *target)
        tensors |= {f"{index}.in": rgb, f"{index}.pil": pil, f"{index}.tv": tv}
        differ = int(np.count_nonzero(pil != tv))
        rows.append({"case": index, "kind": kind, "from": source, "to": target, "bytes_differing_pil_tv": differ,
                     "largest_difference": int(np.abs(pil.astype(int) - tv.astype(int)).max())})
    for family in FAMILIES:
        for backend in ("pil", "tv"):
            tensors[f"normalise.{family}.{backend}"] = normalise_table(family, backend)
    write_tensors(out / "resize.safetensors", tensors)
    write_json(out / "resize.json", {"cases": rows, "smart_resize": smart_resize_rows()})


def smart_resize_rows() -> list:
    """[height, width, factor, min_pixels, max_pixels, out_height, out_width]; nulls where the reference refuses."""
    published = [(28, 3136, 12845056), (32, 65536, 16777216)]
    tiny = [((2 * FAMILIES[f]["patch"]), MIN_TOKENS * (2 * FAMILIES[f]["patch"]) ** 2,
             MAX_TOKENS * (2 * FAMILIES[f]["patch"]) ** 2) for f in FAMILIES]
    sizes = [(448, 448), (480, 640), (1080, 1920), (100, 100), (20, 20), (4000, 3000), (6000, 8000), (14, 2000), (42, 70),
             (48, 48), (1, 1), (1, 199), (1, 200), (1, 201), (13, 14), (2000, 10), (333, 777), (1024, 1024), (3, 500)]
    rows = []
    for factor, low, high in published + tiny:
        for height, width in sizes + list(SIZES.values()):
            try:
                result = smart_resize(height, width, factor=factor, min_pixels=low, max_pixels=high)
            except ValueError:
                result = (None, None)
            rows.append([height, width, factor, low, high, *result])
    return rows
