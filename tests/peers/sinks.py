"""Where results go besides: a webhook that fails at first, a CSV file, a command, and a real MQTT broker with a password and TLS; all of it
lost and found again, gad killed in between: each part arrives once, in order. For gad serve and gad watch. Usage: sinks.py GAD. Needs
mosquitto, mosquitto_sub, mosquitto_passwd, openssl; without them only the webhook, the file and the command are tried."""

import atexit
import hashlib
import hmac
import http.server
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from serving import Server, png

SECRET, PASSWORD = "w-5f1c", "m-77ab"


class Hook:
    """An HTTP peer that answers as `plan` says (a status, or "drop"), then takes everything; `names` are those that were taken."""

    def __init__(self, port: int = 0, plan: tuple = ()):
        hook, self.plan, self.names, self.rows = self, list(plan), [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
                assert self.headers["X-Gad-Signature"] == signature and self.headers["Content-Type"] == "application/json"
                step = hook.plan.pop(0) if hook.plan else 200
                if step == "drop":
                    self.connection.close()
                    return
                if step == 200:
                    hook.rows.append(json.loads(body))
                    hook.names.append(hook.rows[-1]["name"])
                self.send_response(step)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def wait(what: str, done, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"waited for: {what}"
        time.sleep(0.05)


def send(server: Server, *names: str) -> None:
    for name in names:
        status, _, body = server.ask("POST", f"/v1/inspect?product=plate&name={name}", png(len(name), name.startswith("bad")), {"Content-Type": "image/png"})
        assert status == 200, body


def try_webhook(gad: str, folder: Path) -> None:
    (folder / "secret").write_text(SECRET + "\n")
    hook = Hook(plan=(503, "drop", 500))
    said, table = folder / "said", folder / "parts.csv"
    options = ("--webhook", f"http://127.0.0.1:{hook.port}/parts", "--webhook-secret", str(folder / "secret"), "--csv", str(table))
    options += ("--command", f'echo "$GAD_ID $GAD_NAME $GAD_VERDICT" >> {said}; test "$GAD_NAME" != c')
    server = Server(gad, folder, *options)
    server.teach()
    send(server, "a", "badb", "c")
    wait("parts at a hook that fails first", lambda: hook.names == ["a", "badb", "c"])
    assert [row["verdict"] for row in hook.rows] == ["normal", "anomalous", "normal"] and hook.rows[1]["result"]["boxes"]
    hook.stop()
    send(server, "d", "e")
    wait("the command", lambda: said.exists() and said.read_text().count("\n") == 5)
    server.kill()
    server = Server(gad, folder, *options)  # the hook is still away
    send(server, "f")
    time.sleep(1)
    again = Hook(hook.port, plan=(422,))  # the first is refused for good
    wait("parts that waited for the hook", lambda: again.names == ["e", "f"])
    assert server.stop() == 0
    server = Server(gad, folder, *options)
    send(server, "g")
    wait("a part after a restart", lambda: again.names == ["e", "f", "g"])
    assert server.stop() == 0
    again.stop()
    assert [line.split()[1] for line in said.read_text().splitlines()] == ["a", "badb", "c", "d", "e", "f", "g"]
    assert [line.split(",")[3] for line in table.read_text().splitlines()[1:]] == [f'"{n}"' for n in ("a", "badb", "c", "d", "e", "f", "g")]
    assert SECRET not in server.log.read_text() and "is passed over" in server.log.read_text()


def try_bound(gad: str, folder: Path) -> None:
    (folder / "secret").write_text(SECRET + "\n")
    hook = Hook()
    hook.stop()
    server = Server(gad, folder, "--webhook", f"http://127.0.0.1:{hook.port}/", "--webhook-secret", str(folder / "secret"), "--sink-waiting", "3")
    server.teach()
    send(server, *"abcdefgh")
    wait("parts that are passed over", lambda: "are passed over" in server.log.read_text())
    again = Hook(hook.port)
    wait("the newest three", lambda: again.names[-3:] == ["f", "g", "h"])
    assert len(again.names) < 8
    assert server.stop() == 0
    again.stop()


class Broker:
    def __init__(self, folder: Path, port: int):
        self.folder, self.port, self.child = folder, port, None
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(folder / "passwd"), "line", PASSWORD], check=True, capture_output=True)
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([*make, "-out", str(folder / "broker.pem"), "-keyout", str(folder / "broker.key")], check=True, capture_output=True)
        (folder / "mosquitto.conf").write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwd\ncertfile {folder}/broker.pem\nkeyfile {folder}/broker.key\nuser root\n"
        )
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(["mosquitto", "-c", str(self.folder / "mosquitto.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.child.kill)
        for _ in range(200):
            with socket.socket() as s:
                if not s.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise SystemExit("mosquitto did not start")

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait()

    def listen(self, topic: str) -> tuple[subprocess.Popen, list]:
        """Messages as (topic, retained, payload in hexadecimal)."""
        heard: list = []
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-u", "line", "-P", PASSWORD, "--cafile", str(self.folder / "broker.pem"), "-q", "1", "-t", topic, "-F", "%t %r %x"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        atexit.register(child.kill)

        def read() -> None:
            for line in child.stdout:
                heard.append(tuple((line.rstrip("\n") + "  ").split(" ")[:3]))

        threading.Thread(target=read, daemon=True).start()
        return child, heard


def texts(heard: list, topic: str) -> list[str]:
    return [bytes.fromhex(payload).decode() for t, _, payload in heard if t == topic]


def names(heard: list, topic: str = "hall/plate/result") -> list[str]:
    return [json.loads(text)["name"] for text in texts(heard, topic)]


def try_mqtt(gad: str, folder: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    broker = Broker(folder, port)
    (folder / "password").write_text(PASSWORD + "\n")
    options = ("--mqtt", f"mqtts://line@127.0.0.1:{port}/hall", "--mqtt-password", str(folder / "password"), "--sink-ca", str(folder / "broker.pem"), "--mqtt-picture", "--mqtt-discovery")
    ear, heard = broker.listen("#")
    server = Server(gad, folder, *options)
    server.teach()
    send(server, "a", "badb")
    wait("results at the broker", lambda: names(heard) == ["a", "badb"])
    wait("pictures", lambda: sum(t == "hall/plate/picture" for t, _, _ in heard) == 2)
    assert all(p.lower().startswith("ffd8ff") for t, _, p in heard if t == "hall/plate/picture")
    announced = {t: json.loads(bytes.fromhex(p)) for t, _, p in heard if t.startswith("homeassistant/")}
    assert len(announced) == 3 and announced["homeassistant/binary_sensor/gad_plate/reject/config"]["state_topic"] == "hall/plate/result"
    assert texts(heard, "hall/status") == ["online"]
    server.kill()
    wait("the last will", lambda: texts(heard, "hall/status")[-1] == "offline")
    server = Server(gad, folder, *options)
    send(server, "c")
    wait("a part after a kill", lambda: names(heard) == ["a", "badb", "c"] and texts(heard, "hall/status")[-1] == "online")
    ear.terminate()
    broker.stop()
    send(server, "d", "e")
    time.sleep(1.5)
    broker.start()
    ear, heard = broker.listen("#")
    wait("parts that waited for the broker", lambda: names(heard)[-1:] == ["e"])
    assert server.stop() == 0
    wait("a farewell", lambda: texts(heard, "hall/status")[-1] == "offline")
    ear.terminate()
    late, kept = broker.listen("hall/status")
    wait("the retained status", lambda: kept)
    assert kept[0][1] == "1"
    late.terminate()
    wrong = Server(gad, folder, "--mqtt", f"mqtts://line@127.0.0.1:{port}/hall", "--sink-ca", str(folder / "broker.pem"))
    send(wrong, "f")
    wait("a refusal without a password", lambda: "refused: not auth" in wrong.log.read_text().lower())
    wrong.kill()
    assert PASSWORD not in server.log.read_text()
    broker.stop()


def try_watch(gad: str, folder: Path) -> None:
    good, camera, out = folder / "good", folder / "camera", folder / "out"
    for path in (good, camera):
        path.mkdir()
    for i in range(1, 7):
        (good / f"{i}.png").write_bytes(png(i))
    (folder / "secret").write_text(SECRET + "\n")
    subprocess.run([gad, "learn", "--good", str(good), "--class", "plate", "--out", str(folder / "p.gad"), "--side", "128", "--threads", "1"], check=True, capture_output=True)
    hook = Hook(plan=(503,))
    command = [gad, "watch", "--product", str(folder / "p.gad"), "--sort", "move", "--out", str(out), "--once", "--settle", "0", "--threads", "1", str(camera)]
    command += ["--webhook", f"http://127.0.0.1:{hook.port}/", "--webhook-secret", str(folder / "secret")]
    for run in ("a", "b", "c"):
        for i in range(3):
            (camera / f"{run}{i}.png").write_bytes(png(i, i == 1))
        if run == "b":
            hook.stop()  # what is found now waits
        if run == "c":
            hook = Hook(hook.port)
        subprocess.run(command, check=True, capture_output=True)
        if run == "a":
            assert sorted(hook.names) == ["a0.png", "a1.png", "a2.png"] and hook.rows[0]["product"] == "plate", hook.names
    assert sorted(hook.names) == [f"{run}{i}.png" for run in "bc" for i in range(3)], hook.names
    hook.stop()


def main() -> None:
    tries = [try_webhook, try_bound, try_watch]
    if all(map(shutil.which, ("mosquitto", "mosquitto_sub", "mosquitto_passwd", "openssl"))):
        tries.append(try_mqtt)
    for run in tries:
        with tempfile.TemporaryDirectory() as name:
            run(sys.argv[1], Path(name))
    print("sinks: webhook, file, command, watch" + (", MQTT" if try_mqtt in tries else "; MQTT was skipped: mosquitto is not installed"))


main()
