"""A server of the OpenAI protocol as a process of its own, which answers from a script: `python -m tests.served SCRIPT`.

SCRIPT is a JSON list of faults, one for each request to come; after them all goes well. Each answer is the text of the
file ANSWER with the number of the request in place of `{n}`; every request is a line of the file LOG.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODEL, KEY = "coder:7b", "sk-very-secret"
PROMPT_TOKENS, COMPLETION_TOKENS = 1234, 7
WRONG_KEY = f"Incorrect API key provided: {KEY}"


@dataclass(frozen=True)
class Served:
    url: str
    folder: Path

    def requests(self) -> list[dict[str, Any]]:
        log = self.folder / "LOG"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@contextmanager
def serving(folder: Path, *script: str, answer: str = "```python\nprint({n})\n```") -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    (folder / "ANSWER").write_text(answer)
    command = [sys.executable, "-m", "tests.served", json.dumps(script)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout
        yield Served(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", folder)
    finally:
        process.kill()
        process.wait()


class Handler(BaseHTTPRequestHandler):
    script: Iterator[str]
    numbers, lock = count(1), threading.Lock()

    def do_GET(self) -> None:
        self._json(200 if self.path == "/v1/models" else 404, {"data": [{"id": MODEL}, {"id": "small:latest"}]})

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            number, fault = next(self.numbers), next(self.script, "")
            with Path("LOG").open("a") as log:
                log.write(json.dumps({"path": self.path, "key": self.headers["Authorization"], "fault": fault, **request}) + "\n")
        if self.headers["Authorization"] not in (None, f"Bearer {KEY}"):
            self._json(401, {"error": {"message": WRONG_KEY}})
        elif request["model"] != MODEL:
            self._json(404, {"error": f"model '{request['model']}' not found"})
        elif fault.isdigit():
            self._json(int(fault), {"error": {"message": f"trouble {fault}"}}, {"Retry-After": "0.1"})
        else:
            self._stream(Path("ANSWER").read_text().replace("{n}", str(number)), fault)

    def _stream(self, answer: str, fault: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        half = len(answer) // 2
        self._event({"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        if fault in ("reasoning_content", "reasoning"):
            self._event({"choices": [{"delta": {"content": None, fault: "```python\ndraft\n```"}, "finish_reason": None}]})
        self._event({"choices": [{"delta": {"content": answer[:half]}, "finish_reason": None}]})
        if fault == "killed":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        elif fault == "broken":
            self._event({"error": {"message": "out of memory"}})
        elif fault != "cut off":
            self._rest(answer[half:], fault)

    def _rest(self, rest: str, fault: str) -> None:
        time.sleep({"stalled": 60.0, "slow": 1.0}.get(fault, 0.0))
        self._event({"choices": [{"delta": {"content": rest}, "finish_reason": None}]})
        if fault != "no reason":
            self._event({"choices": [{"delta": {}, "finish_reason": "length" if fault == "long" else "stop"}], "error": None})
        if fault == "hangs at the end":
            time.sleep(60.0)
        if fault == "half counted":
            self._event({"choices": [], "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": None}})
        elif fault != "uncounted":
            usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
            self._event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    Handler.script = iter(json.loads(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
