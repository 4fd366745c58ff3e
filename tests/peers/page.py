"""The page of gad serve in a real browser: teaches a product, sees parts come in, reviews ten of them by keyboard, moves the threshold,
exports; in English and German, at 1280 and 390 px, light and dark. Usage: page.py GAD SCREENSHOTS. Needs playwright and chromium."""

import io
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright


def plate(folder: Path, name: str, seed: int, bad: bool) -> Path:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:160, 0:160]
    grey = 100 + ((y // 8 + x // 8) % 2) * 40 + rng.integers(0, 8, (160, 160))
    if bad:
        grey[40:70, 60:95] = 250
    path = folder / name
    Image.fromarray(np.stack([grey] * 3, -1).astype(np.uint8)).save(path)
    return path


def start(gad: str, folder: Path) -> tuple[subprocess.Popen, str]:
    server = subprocess.Popen([gad, "serve", "--data", str(folder / "data"), "--port", "0", "--side", "128"], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "gad serves at" in line:
            return server, line.split()[3]
    raise SystemExit("the server did not start")


def walk(page, base: str, pictures: Path, shots: Path) -> None:
    page.goto(base)
    page.click("nav button[data-view=teach]")
    page.fill("#new_name", "<b>plate")
    page.click("#new button")
    assert page.evaluate("document.querySelector('#new_name').validity.patternMismatch"), "a bad name is refused"
    page.fill("#new_name", "plate")
    page.click("#new summary")
    page.fill("#new_roi", "10, 10, 80, 80")
    mask = pictures / "mask.png"
    Image.fromarray(np.full((40, 40), 255, np.uint8)).save(mask)
    page.set_input_files("#new_mask", str(mask))
    page.click("#new button")
    page.wait_for_function("document.querySelector('#product').value === 'plate'")
    page.set_input_files("#files", [str(plate(pictures, f"good{i}.png", i, False)) for i in range(8)])
    page.wait_for_function("document.querySelectorAll('#good_parts li').length === 8", timeout=60000)
    page.click("nav button[data-view=live]")
    for i in range(10):
        path = plate(pictures, f"<i>part{i}.png", 100 + i, i % 3 == 0)
        page.request.post(base + "v1/inspect", multipart={"product": "plate", "image": {"name": path.name, "mimeType": "image/png", "buffer": path.read_bytes()}})
    page.wait_for_function("document.querySelectorAll('#parts li').length === 10", timeout=20000)
    assert page.query_selector("#parts i") is None, "a name became markup"
    page.select_option("#filter", "all")
    page.click("#parts li:first-child")
    for i in range(10):
        page.keyboard.press("c" if i else "o")
        page.wait_for_timeout(250)
    page.wait_for_function("[...document.querySelectorAll('#parts li')].every(li => li.textContent.includes('✓'))", timeout=10000)
    page.keyboard.press("h")
    page.screenshot(path=shots / "live.png")
    page.click("nav button[data-view=scores]")
    page.wait_for_function("document.querySelector('#cost').textContent.length > 10")
    box = page.query_selector("#histogram").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60)
    page.mouse.up()
    page.click("#threshold_save")
    page.wait_for_timeout(500)
    assert page.request.get(base + "v1/products/plate").json()["threshold"] > 0.6, "the threshold was not moved"
    page.screenshot(path=shots / "scores.png")
    page.click("nav button[data-view=export]")
    with page.expect_download() as download:
        page.click("[data-format=coco]")
    names = tarfile.open(fileobj=io.BytesIO(Path(download.value.path()).read_bytes())).getnames()
    assert "plate/annotations.json" in names and len(names) == 11, names
    page.click("#language")
    assert page.inner_text("nav button[data-view=teach]") == "Anlernen"
    page.click("#language")


def main() -> int:
    gad, shots = sys.argv[1], Path(sys.argv[2])
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        server, base = start(gad, Path(folder))
        try:
            browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            faults = []
            context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US", bypass_csp=True)
            page = context.new_page()
            page.on("pageerror", lambda e: faults.append(str(e)))
            walk(page, base, Path(folder), shots)
            for width, height, scheme in [(1280, 800, "dark"), (390, 844, "light"), (390, 844, "dark")]:
                other = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="de-DE").new_page()
                other.on("pageerror", lambda e: faults.append(str(e)))
                other.goto(base)
                other.wait_for_selector("#parts li")
                other.wait_for_timeout(800)
                wide = other.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"the page is {wide} px wide on a screen of {width}"
                other.screenshot(path=shots / f"live_{width}_{scheme}.png")
            assert not faults, faults
            browser.close()
        finally:
            server.terminate()
            begun = time.time()
            code = server.wait(20)
        assert code == 0 and time.time() - begun < 10, "the server does not stop"
    print("page: taught, reviewed, exported")
    return 0


if __name__ == "__main__":
    sys.exit(main())
