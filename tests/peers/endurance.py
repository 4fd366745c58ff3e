"""gad serve under load, and gad serve and gad watch killed in the middle of it: no error, no growth of memory, no part lost or reported
twice. Usage: endurance.py GAD [SECONDS CLIENTS ROUNDS]. Needs nothing but Python's own library."""

import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from serving import Server, png


def memory(server: Server) -> float:
    return float(re.search(rb"^gad_resident_memory_bytes (\S+)", server.ask("GET", "/metrics")[2], re.M).group(1)) / 2**20


def check_metrics(text: str) -> None:
    """The exposition format: every sample has a TYPE, buckets grow, their last is the count."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    buckets = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, value = re.fullmatch(r'([a-z_]+)(?:\{[a-z]+="[^"]*"\})? (\S+)', line).groups()
        base = re.sub("_(bucket|sum|count)$", "", name)
        assert base in kinds or name in kinds, line
        float(value)
        if name.endswith("_bucket"):
            buckets.append(float(value))
        elif name.endswith("_count"):
            assert buckets == sorted(buckets) and buckets[-1] == float(value), text


def load(gad: str, folder: Path, seconds: float, clients: int) -> None:
    server = Server(gad, folder, "--keep", "2000", "--queue", str(clients))
    server.teach()
    parts = [png(i, i % 4 == 0) for i in range(16)]
    took: list[float] = []
    wrong: list = []
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        connection = server.connect()
        step, began = 0, time.monotonic()
        while time.monotonic() < end:
            step += 1
            which = (number + step) % len(parts)
            if time.monotonic() - began > 15:  # a machine that is busy stopped this client: the server ends silent connections
                connection = server.connect()
            began = time.monotonic()
            try:
                connection.request("POST", f"/v1/inspect?product=plate&name=c{number}-{step}", parts[which], {"Content-Type": "image/png"})
                response = connection.getresponse()
                body = response.read()
                if response.status != 200 or (json.loads(body)["verdict"] == "normal") != (which % 4 != 0):
                    wrong.append((response.status, body[:200]))
            except OSError as error:
                wrong.append(repr(error))
                connection = server.connect()
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    for t in threads:
        t.start()
    grown = []
    while any(t.is_alive() for t in threads):
        time.sleep(min(seconds / 10, 20))
        grown.append(memory(server))
    for t in threads:
        t.join()
    took.sort()
    later = grown[len(grown) // 3 :]
    print(f"endurance: {clients} clients, {seconds:g} s: {len(took)} parts, {len(took) / seconds:.1f} a second, p50 {1000 * took[len(took) // 2]:.0f} ms, "
          f"p99 {1000 * took[len(took) * 99 // 100]:.0f} ms, memory {grown[0]:.1f} MiB at first, then {min(later):.1f} to {max(later):.1f}, {later[-1]:.1f} at last")
    metrics = server.ask("GET", "/metrics")[2].decode()
    check_metrics(metrics)
    assert f"gad_part_latency_seconds_count {len(took)}" in metrics, "parts are counted otherwise than they were answered"
    assert server.stop() == 0 and not wrong, (len(wrong), wrong[:5])
    if not os.environ.get("GAD_TEST_SHORT"):  # a sanitizer keeps what was freed
        assert later[-1] < later[0] + 8, "memory grows"


def kill_server(gad: str, folder: Path, rounds: int) -> None:
    """Parts that were answered are kept, once; a part is never kept twice."""
    answered: list[str] = []
    sent = 0
    part = png(5)
    server = Server(gad, folder)
    server.teach()
    for _ in range(rounds):
        stop = threading.Event()

        def client(number: int) -> None:
            while not stop.is_set():
                name = f"r{sent}-{number}-{time.monotonic_ns()}"
                try:
                    status, _, body = server.ask("POST", f"/v1/inspect?product=plate&name={name}", part, {"Content-Type": "image/png"})
                    if status == 200 and json.loads(body)["part"] == name:
                        answered.append(name)
                except (OSError, ValueError):
                    return

        threads = [threading.Thread(target=client, args=(i,)) for i in range(6)]
        for t in threads:
            t.start()
        time.sleep(random.uniform(0.1, 0.5))
        server.kill()
        stop.set()
        for t in threads:
            t.join()
        sent += 1
        server = Server(gad, folder)
    rows, before = [], ""
    while page := json.loads(server.ask("GET", f"/v1/results?limit=500{before}")[2])["data"]:
        rows += page
        before = f"&before={page[-1]['id']}"
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names), "a part was kept twice"
    assert set(answered) <= set(names), "an answered part is lost"
    for row in random.sample(rows, min(20, len(rows))):
        assert server.ask("GET", f"/v1/results/{row['id']}/picture")[2] == part
    assert server.stop() == 0
    print(f"endurance: server killed {rounds} times: {len(answered)} answered, {len(rows)} kept, none lost or twice")


def kill_watcher(gad: str, folder: Path, rounds: int) -> None:
    good, camera, out = folder / "good", folder / "camera", folder / "sorted"
    for path in (good, camera):
        path.mkdir()
    for i in range(1, 7):
        (good / f"{i}.png").write_bytes(png(i))
    product = folder / "plate.gad"
    subprocess.run([gad, "learn", "--good", str(good), "--out", str(product), "--side", "128", "--threads", "1"], check=True, capture_output=True)
    command = [gad, "watch", "--product", str(product), "--sort", "move", "--out", str(out), "--threads", "1", str(camera)]
    written, stop = [], threading.Event()
    parts = [png(i, i % 3 == 0) for i in range(6)]

    def writer() -> None:
        while not stop.is_set():
            name = f"part{len(written):05d}.png"
            (camera / ".new").write_bytes(parts[len(written) % 6])
            (camera / ".new").rename(camera / name)
            written.append(name)
            time.sleep(0.02)

    thread = threading.Thread(target=writer)
    thread.start()
    for _ in range(rounds):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.15, 0.6))
        child.kill()
        child.wait()
    stop.set()
    thread.join()
    subprocess.run([*command, "--once", "--settle", "0"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert sorted(line["file"] for line in lines) == written, "parts are lost or reported twice"
    assert sorted(row["file"] for row in csv.DictReader((out / "results.csv").open())) == written
    for i, name in enumerate(written):
        assert (out / ("ng" if i % 3 == 0 else "ok") / name).exists(), name
    assert not list(camera.glob("*.png"))
    print(f"endurance: watcher killed {rounds} times: {len(written)} parts, each with one line and one place")


def main() -> None:
    numbers = [float(a) for a in sys.argv[2:5]] if len(sys.argv) > 4 else [3, 16, 4]
    for run, arguments in ((load, (numbers[0], int(numbers[1]))), (kill_server, (int(numbers[2]),)), (kill_watcher, (int(numbers[2]),))):
        with tempfile.TemporaryDirectory() as name:
            run(sys.argv[1], Path(name), *arguments)


main()
