"""The official OpenAI client, and requests in the form of VLMEvalKit's and lmms-eval's API models, against gad serve with the tiny
golden checkpoint; then gad bench run against the same server. Usage: openai_client.py GAD. Needs openai."""

import base64
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import openai

KEY = "sk-peers"
IMAGES = Path("tests/fixtures/images")


def start(gad: str, folder: Path) -> tuple[subprocess.Popen, str]:
    (folder / "key").write_text(KEY + "\n")
    command = [gad, "serve", "--data", str(folder / "data"), "--port", "0", "--key-file", str(folder / "key"), "--threads", "1"]
    server = subprocess.Popen([*command, "--model", "tests/fixtures/qwen25/model", "--model-name", "tiny"], stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "gad serves at" in line:
            return server, line.split()[3]
    raise SystemExit("the server did not start")


def picture(name: str) -> dict:
    data = base64.b64encode((IMAGES / f"{name}.png").read_bytes()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}", "detail": "low"}}


def ask_with_client(base: str) -> None:
    client = openai.OpenAI(base_url=base + "v1", api_key=KEY, max_retries=0)
    assert [model.id for model in client.models.list()] == ["tiny"]
    content = [picture("plate"), picture("bolt"), {"type": "text", "text": "Is the second part good?"}]
    messages = [{"role": "system", "content": "You inspect parts."}, {"role": "user", "content": content}]
    more = {"model": "tiny", "messages": messages, "max_tokens": 24, "temperature": 0}
    whole = client.chat.completions.create(**more, logprobs=True, top_logprobs=5)
    text, tokens = whole.choices[0].message.content, whole.choices[0].logprobs.content
    assert text and len(tokens) == whole.usage.completion_tokens and len(tokens[0].top_logprobs) == 5
    assert b"".join(bytes(t.bytes) for t in tokens).decode(errors="replace") == text
    assert whole.model_extra["timings"]["predicted_n"] == whole.usage.completion_tokens
    pieces = list(client.chat.completions.create(**more, stream=True, stream_options={"include_usage": True}))
    assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == text
    assert pieces[-1].usage.total_tokens == whole.usage.total_tokens
    assert whole.usage.prompt_tokens_details.cached_tokens == 0 and pieces[-1].usage.prompt_tokens_details.cached_tokens > 100
    stop = text[5:7]
    cut = client.chat.completions.create(**more, stop=[stop])
    assert cut.choices[0].message.content == text[: text.index(stop)] and cut.choices[0].finish_reason == "stop"
    drawn = [client.chat.completions.create(**{**more, "temperature": 2}, seed=seed).choices[0].message.content for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    for wanted, wrong in ((openai.BadRequestError, {"n": 2}), (openai.NotFoundError, {"model": "gpt-4o"})):
        try:
            client.chat.completions.create(**{**more, **wrong})
            raise SystemExit(f"{wrong} was taken")
        except wanted as error:
            assert error.body["message"]
    try:
        openai.OpenAI(base_url=base + "v1", api_key="sk-wrong", max_retries=0).models.list()
        raise SystemExit("a wrong key was taken")
    except openai.AuthenticationError:
        pass


def ask_as_tools(base: str) -> None:
    """What VLMEvalKit (GPT4V) and lmms-eval (openai_compatible) send."""
    content = [picture("coin"), {"type": "text", "text": "Yes or No?"}]
    messages = [{"role": "user", "content": content}]
    for payload in (
        {"model": "tiny", "messages": messages, "n": 1, "temperature": 0, "max_tokens": 16},
        {"model": "tiny", "messages": messages, "max_tokens": 16, "temperature": 0},
        {"model": "tiny", "messages": messages, "max_completion_tokens": 16, "response_format": {"type": "text"}, "reasoning_effort": "medium"},
    ):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        request = urllib.request.Request(base + "v1/chat/completions", json.dumps(payload).encode(), headers)
        answer = json.load(urllib.request.urlopen(request))
        assert answer["choices"][0]["message"]["content"].strip() and answer["usage"]["completion_tokens"] <= 16


def bench(gad: str, base: str, folder: Path) -> None:
    """The benchmark on the server and on the checkpoint itself: the same answers."""
    path = {name: str((IMAGES / f"{name}.png").resolve()) for name in ("plate", "bolt")}
    size = {"plate": (90, 133), "bolt": (50, 75)}
    items = [
        {"id": n, "dataset": "d", "category": "c", "anomalous": bad, "image": path[n], "height": size[n][0], "width": size[n][1], "references": [path["plate"]]}
        for n, bad in (("bolt", True), ("plate", False))
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    common = [gad, "bench", "run", "--items", str(folder / "items.jsonl"), "--max-tokens", "24"]
    served = [*common, "--out", str(folder / "served"), "--endpoint", base + "v1", "--served", "tiny", "--key-env", "PEER_KEY", "--in-flight", "2"]
    subprocess.run(served, check=True, env={**os.environ, "PEER_KEY": KEY}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    own = [*common, "--out", str(folder / "own"), "--model", "tests/fixtures/qwen25/model", "--threads", "1"]
    subprocess.run(own, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = [{r["id"]: r for r in map(json.loads, (folder / run / "rows.jsonl").read_text().splitlines()) if "id" in r} for run in ("served", "own")]
    assert len(rows[0]) == 2 and {i: r["text"] for i, r in rows[0].items()} == {i: r["text"] for i, r in rows[1].items()}, rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, base = start(sys.argv[1], folder)
        try:
            ask_with_client(base)
            ask_as_tools(base)
            bench(sys.argv[1], base, folder)
        finally:
            server.terminate()
            errors = server.stderr.read()
        assert server.wait(20) == 0 and KEY not in errors, errors


main()
