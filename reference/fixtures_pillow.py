"""Pictures as Pillow decodes and resizes them: tests/fixtures/pillow.safetensors and pillow.json, which names the version.

    pip install Pillow==13.0.0 numpy safetensors && python reference/fixtures_pillow.py tests/fixtures

The other fixtures are of the version in requirements.txt; this one is of the newest, so that a change of Pillow's arithmetic
shows. For each case: the file's bytes, the upright RGB picture, and that picture resized by Image.BICUBIC."""
import io
import json
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps
from safetensors.numpy import save_file

SIZES = [(28, 42), (84, 56), (40, 23), (60, 12), (33, 8)]  # the last two: columns before rows, since 13.0


def picture(seed: int, width: int, height: int) -> Image.Image:
    """Smooth colours, an edge and noise: what bicubic windows and chroma samples are sensitive to."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([128 + 100 * np.sin(x / 5 + seed), 128 + 90 * np.cos(y / 4), (x + y) * 255 / (width + height)], -1)
    base[height // 3 :, width // 2 :] += 60
    return Image.fromarray((base + rng.normal(0, 12, base.shape)).clip(0, 255).astype(np.uint8))


def stored(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def cases() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    small, odd, large = picture(1, 48, 40), picture(2, 37, 53), picture(3, 96, 64)
    return [
        stored(small, "JPEG", quality=75),
        stored(odd, "JPEG", quality=92, subsampling=1),
        stored(large, "JPEG", quality=85, subsampling=0, progressive=True),
        stored(odd, "JPEG", quality=80, exif=exif),
        stored(large.convert("L"), "JPEG", quality=80),
        stored(odd, "PNG"),
        stored(small.convert("P", palette=Image.Palette.ADAPTIVE, colors=31), "PNG"),
        stored(large.convert("L").convert("1"), "PNG"),
        stored(odd, "WEBP", quality=80),
        stored(small, "WEBP", lossless=True),
        stored(small, "TIFF", compression="tiff_lzw"),
        stored(odd, "BMP"),
    ]


def main() -> None:
    out = Path(sys.argv[1])
    tensors = {}
    for i, data in enumerate(cases()):
        rgb = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        tensors[f"{i}.file"] = np.frombuffer(data, np.uint8)
        tensors[f"{i}.rgb"] = np.asarray(rgb)
        tensors[f"{i}.small"] = np.asarray(rgb.resize(SIZES[i % len(SIZES)], Image.Resampling.BICUBIC))
    save_file(tensors, out / "pillow.safetensors")
    (out / "pillow.json").write_text(json.dumps({"pillow": PIL.__version__, "cases": len(cases())}) + "\n")


if __name__ == "__main__":
    main()
