"""The pipe to a supervisor: frames go out over a container's stdin and come back in its multiplexed stdout."""

from __future__ import annotations

import secrets
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

STDOUT, STDERR = 1, 2
STDERR_KEPT = 4096
CHUNK = 1 << 18
# A supervisor's answer: two captured streams of at most what a problem may allow (1 GiB), and a compiler's file.
MOST_FRAME_BYTES = 3 << 30
MOST_FIELDS = 64  # of an answer; the supervisor sends fewer


class ChannelClosed(Exception):
    """The other end is gone, silent for too long, or sends invalid data."""


class Channel:
    """Sends and receives the frames described in `sandbox/supervisor/frames.h`, over an attached socket."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached  # keeps the HTTP response that owns the socket alive
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._stream, self._buffer = bytearray(), bytearray()  # the engine's stream, and the container's stdout in it
        self._seal, self._sealed = secrets.token_hex(16).encode(), False
        self._sends, self._receives = threading.Lock(), threading.Lock()
        self.stderr = bytearray()  # the supervisor's own last words

    def send(self, requests: Sequence[Sequence[bytes]], timeout_s: float) -> None:
        """All in one write, each as one frame. Raises ChannelClosed."""
        first = () if self._sealed else ((b"seal", self._seal),)
        data = b"".join(map(_frame, (*first, *requests)))
        self._sealed = True
        try:
            with self._sends:
                self._socket.settimeout(timeout_s)
                self._socket.sendall(data)
        except OSError as error:
            raise ChannelClosed(f"cannot send: {error}") from error

    def receive(self, timeout_s: float) -> list[bytes]:
        """The fields of the next answer without the seal, within `timeout_s` seconds in total. Raises ChannelClosed."""
        with self._receives:
            return self._next_answer(time.monotonic() + timeout_s)

    def _next_answer(self, deadline: float) -> list[bytes]:
        (count,) = struct.unpack("<I", self._take(4, deadline))
        if not 2 <= count <= MOST_FIELDS:
            raise ChannelClosed(f"an answer of {count} fields")
        lengths = struct.unpack(f"<{count}I", self._take(4 * count, deadline))
        if sum(lengths) > MOST_FRAME_BYTES:
            raise ChannelClosed(f"an answer of {count} fields and {sum(lengths)} bytes")
        kind, seal, *others = [self._take(length, deadline) for length in lengths]
        if seal != self._seal:
            raise ChannelClosed("an answer that is not the supervisor's")
        return [kind, *others]

    def close(self) -> None:
        """Also wakes any thread that sends or waits for an answer.

        Closing a socket does not wake them, and its number may belong to another before they look at it again. So it is
        closed only once they have let go of it.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._sends, self._receives:
            for end in (self._socket, self._attached):
                end.close()

    def _take(self, size: int, deadline: float) -> bytes:
        """The next `size` bytes of the container's stdout."""
        if size > MOST_FRAME_BYTES:
            raise ChannelClosed(f"an answer of {size} bytes or more")
        while len(self._buffer) < size:
            self._demultiplex(deadline)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _demultiplex(self, deadline: float) -> None:
        """One piece of the engine's stream: 1 byte kind, 3 bytes unused, 4 bytes length, payload."""
        kind, size = struct.unpack(">BxxxI", self._read(8, deadline))
        payload = self._read(size, deadline)
        if kind == STDOUT:
            self._buffer += payload
        else:
            self.stderr = (self.stderr + payload)[-STDERR_KEPT:]

    def _read(self, size: int, deadline: float) -> bytes:
        while len(self._stream) < size:
            self._stream += self._receive(deadline)
        data = bytes(self._stream[:size])
        del self._stream[:size]
        return data

    def _receive(self, deadline: float) -> bytes:
        """What has arrived of the engine's stream, waiting for at least something."""
        while True:
            try:
                self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                piece = self._socket.recv(CHUNK)
            except TimeoutError:
                if time.monotonic() < deadline:  # the timeout was that of a thread that was sending
                    continue
                raise ChannelClosed("no answer in time") from None
            except OSError as error:
                raise ChannelClosed(f"no answer: {error}") from error
            if not piece:
                raise ChannelClosed("the container ended")
            return piece


def _frame(fields: Sequence[bytes]) -> bytes:
    lengths = map(len, fields)
    return b"".join((struct.pack(f"<{1 + len(fields)}I", len(fields), *lengths), *fields))
