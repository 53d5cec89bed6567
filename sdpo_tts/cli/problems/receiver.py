"""Receives what the browser extension Competitive Companion posts. Loopback only, and for the extension only.

A web page must not be able to write problems here. So requests from a page's origin are refused, and so are requests to
another name for this machine (DNS rebinding), by the Host header. No answer carries a CORS header.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Full, Queue
from threading import Thread
from types import TracebackType

from sdpo_tts.errors import UserError
from sdpo_tts.problem.formats.companion import Task, parse

HOST = "127.0.0.1"
MAX_BODY = 8 * 2**20
_MOST_WAITING = 1000
_EXTENSIONS = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
_TIMEOUT_S = 5.0


class Receiver:
    """A server in its own thread. Use as a context manager."""

    def __init__(self, port: int) -> None:
        """Raises UserError if the port is taken. Port 0: any free one."""
        try:
            self._server = _Server((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "no such port"
            raise UserError(f"cannot listen on port {port}: {reason}", hint="choose one with --port") from None
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def tasks(self) -> Iterator[Task]:
        """Each task as it arrives, forever."""
        while True:
            yield self._server.tasks.get()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.tasks: Queue[Task] = Queue(_MOST_WAITING)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that disconnects is not worth a message."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S  # for every read and write

    def do_POST(self) -> None:
        try:
            self.server.tasks.put_nowait(parse(self._body(), "the task"))
            self._answer(HTTPStatus.OK, "ok")
        except _Refusal as refusal:
            self._answer(refusal.status, str(refusal))
        except UserError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
        except Full:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "too many tasks are waiting")

    def _body(self) -> object:
        """The posted JSON value. Raises _Refusal."""
        self._demand_extension()
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "the request must give its length")
        if len(length) > 12 or int(length) > MAX_BODY:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_BODY >> 20} MiB")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "not JSON") from None

    def _demand_extension(self) -> None:
        port = self.server.server_address[1]
        if self.headers.get_all("Host", []) not in ([f"localhost:{port}"], [f"{HOST}:{port}"]):
            raise _Refusal(HTTPStatus.FORBIDDEN, "for this machine only")
        if not all(origin.startswith(_EXTENSIONS) for origin in self.headers.get_all("Origin", [])):
            raise _Refusal(HTTPStatus.FORBIDDEN, "for browser extensions only, not for web pages")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode(errors="replace")
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the command itself says what it received."""


class _Refusal(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
