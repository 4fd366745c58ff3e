"""What a server must stand: TLS and wrong keys, forged requests, paths out of the folder, names that are markup, slow and silent clients,
half-closed and malformed requests, bodies that are too large, many connections in a row. Afterwards it still inspects, and no key is in
what it wrote. Usage: hostile.py GAD [CONNECTIONS]. Needs openssl."""

import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import Server, png

KEY = "k-8c1f2f3e9d"
AUTH = {"Authorization": f"Bearer {KEY}"}
MALFORMED = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"BREW /v1/inspect HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%zz%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/inspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\nabc",
    b"POST /v1/inspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
    b"POST /v1/inspect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/inspect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: " + b"x" * 100000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % i for i in range(5000)) + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    bytes(range(256)) * 40,
]
OUTSIDE = [
    "/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/page.js/../../server.log", "//etc/passwd",
    "/v1/results/1/../../../etc/passwd", "/v1/results/..%2f..%2fserver.log/picture", "/v1/products/..%2f..", "/v1/products/..",
    "/v1/products/plate/good/..%2f..%2f..%2f..%2fserver.log", "/v1/products/plate/good/..%2f..%2fproduct.gad",
    "/v1/export?product=../plate&format=coco",
]


def raw(port: int, data: bytes, wait_s: float = 2, half_close: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as s:
        answer = b""
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536):
                answer += piece
        except OSError:
            pass
        return answer


def try_keys(server: Server) -> None:
    wrong = [None, "", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer  {KEY}", f"Basic {KEY}", KEY, f"Bearer {KEY.upper()}"]
    for given in wrong:
        status, headers, body = server.ask("GET", "/v1/products", headers={"Authorization": given} if given is not None else {})
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and KEY.encode() not in body, given
    assert server.ask("GET", "/v1/products", headers=AUTH)[0] == 200
    assert server.ask("GET", "/metrics")[0] == 401 and server.ask("GET", "/health")[0] == 200


def try_forgeries(server: Server) -> None:
    for origin in ("http://evil.example", "null", "http://localhost.evil.example", f"https://127.0.0.1:{server.port}"):
        for method, path in (("POST", "/v1/products"), ("DELETE", "/v1/products/plate"), ("PUT", "/v1/results/1/review"), ("POST", "/v1/inspect")):
            assert server.ask(method, path, b"{}", {**AUTH, "Origin": origin, "Content-Type": "text/plain"})[0] == 403, (origin, path)
    assert server.ask("GET", "/v1/products", headers={**AUTH, "Host": "evil.example"})[0] == 403
    _, headers, _ = server.ask("GET", "/v1/products", headers={**AUTH, "Origin": "http://evil.example"})
    assert not any(name.lower().startswith("access-control") for name in headers), "a foreign page may read"


def try_paths(server: Server) -> None:
    for path in OUTSIDE:
        status, _, body = server.ask("GET", path, headers=AUTH)
        assert 400 <= status < 500 and b"root:" not in body and b"gad serves" not in body and b"__metadata__" not in body, (path, status, body[:80])


def try_markup(server: Server) -> None:
    evil = "%3Cscript%3Ealert(1)%3C/script%3E"
    for path in (f"/{evil}", f"/v1/products/{evil}", f"/v1/results?product={evil}", f"/v1/inspect?product=plate&name={evil}"):
        post = path.startswith("/v1/inspect")
        status, headers, body = server.ask("POST" if post else "GET", path, png(3) if post else None, {**AUTH, "Content-Type": "image/png"})
        assert headers["Content-Type"].startswith("application/json") and headers["X-Content-Type-Options"] == "nosniff", (path, status)
        assert "script-src 'self'" in headers["Content-Security-Policy"]


def try_clients(server: Server, connections: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    for s in slow:
        s.sendall(b"POST /v1/inspect HTTP/1.1\r\nHost: localhost\r\nX: ")
    for _ in range(5):
        time.sleep(0.2)
        for s in slow:
            s.sendall(b"y")
        began = time.monotonic()
        assert server.ask("GET", "/health")[0] == 200 and time.monotonic() - began < 2, "slow clients hold the server up"
    for s in slow:
        s.close()
    for data in MALFORMED:
        answer = raw(server.port, data)
        assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4")), (data[:60], answer[:80])
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert b" 200 " in raw(server.port, whole, half_close=True), "a half-closed client gets no answer"
    raw(server.port, whole[:20], 0.2, half_close=True)
    head = f"POST /v1/inspect?product=plate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n"
    assert b" 413 " in raw(server.port, head.encode() + b"Content-Length: 3000000\r\n\r\n" + b"x" * 100000)
    chunks = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    assert b" 413 " in raw(server.port, head.encode() + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks, 10)
    raw(server.port, head.encode() + b"Content-Length: 5000\r\n\r\n" + b"x" * 100, 0.2)
    for _ in range(connections):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole)
            assert s.recv(15) == b"HTTP/1.1 200 OK"


def try_tls(gad: str, folder: Path) -> None:
    pem = [str(folder / "cert.pem"), str(folder / "key.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, "-out", pem[0], "-keyout", pem[1]], check=True, stderr=subprocess.DEVNULL)
    server = Server(gad, folder, "--tls-cert", pem[0], "--tls-key", pem[1])
    trusting = ssl.create_default_context(cafile=pem[0])
    with trusting.wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1") as s:
        assert s.version() in ("TLSv1.2", "TLSv1.3")
        s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert s.recv(15) == b"HTTP/1.1 200 OK"
    try:
        ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1")
        raise SystemExit("a certificate that nobody signed was trusted")
    except ssl.SSLError:
        pass
    assert b"200" not in raw(server.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"), "plain HTTP on the TLS port"
    assert server.stop() == 0
    wrong = subprocess.run([gad, "serve", "--data", str(folder / "data"), "--port", "0", "--tls-cert", pem[0]], capture_output=True, text=True)
    assert wrong.returncode == 1 and "its key" in wrong.stderr


def main() -> None:
    connections = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 300
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "key").write_text(KEY + "\n")
        server = Server(sys.argv[1], folder, "--key-file", str(folder / "key"), "--max-body", "1")
        server.teach(headers=AUTH)
        try_keys(server)
        try_forgeries(server)
        try_paths(server)
        try_markup(server)
        try_clients(server, connections)
        status, _, body = server.ask("POST", "/v1/inspect?product=plate&name=last", png(9), {**AUTH, "Content-Type": "image/png"})
        assert status == 200 and b'"verdict": "normal"' in body, body
        assert server.stop() == 0
        (folder / "key").unlink()
        for path in folder.rglob("*"):
            assert not path.is_file() or KEY.encode() not in path.read_bytes(), f"the key is in {path}"
        try_tls(sys.argv[1], folder)
    print(f"hostile: keys, forgeries, paths, markup, slow and broken clients, {connections} connections in a row, TLS: refused or served")


main()
