"""A command that another program talks to while it runs, by way of the judge."""

from __future__ import annotations

import time

from command import JUDGE, Capture, Command
from frames import read_frame, write_frame
from starter import Started

WORK_S = 0.005  # of CPU: more than waiting takes


class Dialogue(Command):
    """`idle_s` without a word of either side, in which it does not work either, ends it."""

    def _start(self, started: Started) -> None:
        self.last_sign, self.cpu_then, self.closed_out = time.monotonic(), self.cpu0, 0
        self.more = True
        super()._start(started)
        self.open[JUDGE] = self._hear

    def _hear(self) -> None:
        frame = read_frame()
        if frame is None:
            raise SystemExit("the judge is gone")
        head, blobs = frame
        if head["op"] == "hear" and self.stdin in self.open:
            self.pending = memoryview(self.pending.tobytes() + blobs[0])
            self.last_sign = time.monotonic()
        elif head["op"] == "hush":
            self.more = False
            self._close_if_fed()

    def _read(self, fd: int, capture: Capture) -> bytes:
        data = super()._read(fd, capture)
        if fd == self.out and data:
            self.last_sign = time.monotonic()
            write_frame({"said": True}, [data])
        return data

    def _look_at_meter(self, now: float) -> None:
        super()._look_at_meter(now)
        if self.killed is None:
            self._tell_silence()
            self._note_work(now)
            idle_s, most_s = now - self.last_sign, self.job["idle_s"]
            if idle_s > most_s and idle_s - self._starved_s() > most_s:
                self.killed = "idle"

    def _note_work(self, now: float) -> None:
        """A program that computes is not idle."""
        cpu_s = self.meter.cpu_s()
        if cpu_s - self.cpu_then > WORK_S:
            self.last_sign, self.cpu_then = now, cpu_s

    def _tell_silence(self) -> None:
        """Not at once: stdout closes a moment before a process ends, and its end is the more telling news."""
        if self.out not in self.open:
            self.closed_out += 1
            if self.closed_out == 2:
                write_frame({"silent": True}, [])

    def _drain(self) -> None:
        self.open.pop(JUDGE, None)
        super()._drain()
