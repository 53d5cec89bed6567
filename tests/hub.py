"""A model hub on this machine, with one repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass
class Hub:
    """`asked` fills with the path and the Authorization header of each request."""

    address: str
    commit: str = "a" * 40
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def served(repo: str, folder: Path) -> Iterator[Hub]:
    """The folder's files as `repo`, of one commit."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(b"" if self.path == "/" else self._found())

        def do_GET(self) -> None:
            self._answer(self._found(), whole=True)

        def _found(self) -> bytes | None:
            hub.asked.append((self.path, self.headers["Authorization"]))
            path, files = self.path.partition("?")[0], [file for file in folder.rglob("*") if file.is_file()]
            names = {file.relative_to(folder).as_posix(): file for file in files}
            if path in (f"/api/models/{repo}/revision/main", f"/api/models/{repo}/revision/{hub.commit}"):
                told = {"id": repo, "sha": hub.commit, "siblings": [{"rfilename": name} for name in names]}
                return json.dumps(told).encode()
            if path == f"/api/models/{repo}/tree/{hub.commit}":
                rows = [{"type": "file", "path": name, "size": file.stat().st_size, "oid": _sum(file)} for name, file in names.items()]
                return json.dumps(rows).encode()
            file = names.get(path.removeprefix(f"/{repo}/resolve/{hub.commit}/"))
            return file.read_bytes() if file else None

        def _answer(self, data: bytes | None, *, whole: bool = False) -> None:
            self.send_response(404 if data is None else 200)
            if data is None:
                self.send_header("X-Error-Code", "RevisionNotFound")
            else:
                self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
                self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if whole:
                self.wfile.write(data or b"")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub = Hub(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


def _sum(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
