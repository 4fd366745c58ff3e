"""wheel.py BUILD: writes BUILD/gad-VERSION-py3-none-PLATFORM.whl: gad.py, the shared library and the feature network of
products. It needs Python's own library only, and no network."""
import base64
import hashlib
import re
import sys
import sysconfig
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def main(build):
    version = re.search(r'#define GAD_VERSION "(.*)"', (SOURCE / "include/gad.h").read_text())[1]
    tag = "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())
    info = f"gad-{version}.dist-info"
    backbone = SOURCE / "models/backbone"
    files = {"gad.py": (SOURCE / "packaging/gad.py").read_bytes(),
             "gad_library/libgad.so.0": (build / "libgad.so.0").read_bytes(),
             **{f"gad_library/models/backbone/{file.name}": file.read_bytes() for file in sorted(backbone.iterdir())},
             f"{info}/LICENSE": (SOURCE / "LICENSE").read_bytes(),
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: gad\nVersion: {version}\nRequires-Python: >=3.8\n"
                                 "Summary: anomalies in pictures of parts, learnt from good ones\n".encode(),
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: gad\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()}
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\n"
        for name, data in files.items()) + f"{info}/RECORD,,\n"
    path = build / f"gad-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in {**files, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(name, data)
    print(path)


main(Path(sys.argv[1]).resolve())
