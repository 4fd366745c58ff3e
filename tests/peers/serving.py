"""What the peers share: gad serve as a child, and raw requests to it. Needs nothing but Python's own library."""

import atexit
import http.client
import json
import struct
import subprocess
import zlib
from pathlib import Path


def png(seed: int, bad: bool = False, side: int = 96) -> bytes:
    """A grey plate with a pattern and some grain; a bad one has a bright square."""
    state, rows = seed * 2654435761 % 2**32 or 1, b""
    for y in range(side):
        row = bytearray(side)
        for x in range(side):
            state = (state * 1664525 + 1013904223) % 2**32
            row[x] = 250 if bad and 30 <= x < 60 and 40 <= y < 70 else 100 + (x // 8 + y // 8) % 2 * 40 + (state >> 24) % 8
        rows += b"\0" + bytes(row)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


class Server:
    """gad serve on a port of its own; its messages are in `log`."""

    def __init__(self, gad: str, folder: Path, *options: str):
        self.log = folder / "server.log"
        with self.log.open("a") as log:
            self.start = self.log.stat().st_size
            command = [gad, "serve", "--data", str(folder / "data"), "--port", "0", "--side", "128", "--threads", "1", *options]
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        atexit.register(self.child.kill)
        self.port = 0
        while not self.port:
            lines = self.log.read_text()[self.start :].splitlines(keepends=True)
            for line in lines:
                if "gad serves at" in line and line.endswith("\n"):
                    self.port = int(line.split()[3].rstrip("/").rsplit(":", 1)[1])
            if self.child.poll() is not None:
                raise SystemExit("the server did not start: " + self.log.read_text())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, dict, bytes]:
        connection = self.connect()
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), data

    def teach(self, name: str = "plate", headers: dict | None = None) -> None:
        more = headers or {}
        assert self.ask("POST", "/v1/products", json.dumps({"name": name}).encode(), {"Content-Type": "application/json", **more})[0] == 201
        form = b"".join(b'--e\r\nContent-Disposition: form-data; name="image"; filename="good%d.png"\r\n\r\n' % i + png(i) + b"\r\n" for i in range(1, 7)) + b"--e--\r\n"
        status, _, body = self.ask("POST", f"/v1/products/{name}/good", form, {"Content-Type": "multipart/form-data; boundary=e", **more})
        assert status == 200, body

    def stop(self) -> int:
        self.child.terminate()
        return self.child.wait(60)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()
