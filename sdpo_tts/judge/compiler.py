"""Compiles programs, in containers with their own limits, and equal ones only once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

from sdpo_tts.judge.containers.container import Command, ContainerLimits
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts, size
from sdpo_tts.judge.verdict import CompileError
from sdpo_tts.problem.language import Language

MIB = 2**20
COMPILE_LIMITS = ContainerLimits(memory_bytes=1024 * MIB, tmpfs_bytes=256 * MIB)
COMPILE_CPU_S, COMPILE_WALL_S, COMPILE_OUTPUT_BYTES = 30.0, 90.0, MIB
COMPILE_QUIET_S = 3.0  # a compiler that waits is reading a pipe or a device
CACHE_BYTES = 256 * MIB
KEPT_BYTES = 64 * 1024  # from each end of an output

Files = dict[str, bytes]


def source_bytes(program: str) -> bytes:
    """The bytes of a program's file: undecodable bytes as they were read, unencodable characters as `?`."""
    try:
        return program.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return program.encode(errors="replace")


class Compiled:
    """Cached results of compiling, a program's files or the compiler's text: the latest 256 MiB. Thread-safe."""

    def __init__(self) -> None:
        self._lock, self._known = threading.Lock(), OrderedDict[str, Files | str]()

    def get(self, key: str) -> Files | str | None:
        with self._lock:
            return self._known.get(key)

    def keep(self, key: str, found: Files | str) -> None:
        with self._lock:
            self._known[key] = found
            self._known.move_to_end(key)
            while len(self._known) > 1 and sum(map(_size, self._known.values())) > CACHE_BYTES:
                self._known.popitem(last=False)


OF_AUTHORS = Compiled()
"""Checkers and the like are the same in all runs on a problem, and a comparison has many such runs in one process."""


class Compiler:
    """Thread-safe. Equal programs are compiled once: the author's per process (if they compile at all), others per
    compiler."""

    def __init__(self, containers: ContainerPool) -> None:
        self._containers, self._own = containers, Compiled()

    def compile(self, language: Language, files: Mapping[str, bytes], author: bool = False) -> Files:
        """The files that run as the program; `author`: in a container that no submission has used.

        Raises CompileError, ContainerLost.
        """
        if not language.compile:
            return dict(files)
        known, key = (OF_AUTHORS, f"{self._containers.image} ") if author else (self._own, "")
        key += _key(language, files)
        found = known.get(key)
        if found is None:
            found = self._compile(language, files, author)
        if isinstance(found, str):
            if not author:
                known.keep(key, found)
            raise CompileError(found)
        known.keep(key, found)
        return found

    def _compile(self, language: Language, files: Mapping[str, bytes], author: bool) -> Files | str:
        limits = (COMPILE_CPU_S, COMPILE_WALL_S, COMPILE_OUTPUT_BYTES, COMPILE_LIMITS.memory_bytes)
        with Session(self._containers, replace(COMPILE_LIMITS, author=author), dict(files)) as session:
            facts = session.run(Command(language.compile, *limits, keep=language.binary, quiet_s=COMPILE_QUIET_S))
        try:
            demand_success(facts, "the compiler", COMPILE_LIMITS.memory_bytes)
        except CompileError as error:
            if facts.killed == "wall":  # which a busy machine may have caused, so it is not kept
                raise
            return str(error)
        return {language.binary: facts.kept}


def _key(language: Language, files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(repr(language.compile).encode())
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return digest.hexdigest()


def _size(found: Files | str) -> int:
    return len(found) if isinstance(found, str) else sum(map(len, found.values()))


def demand_success(facts: Facts, who: str, memory_bytes: int) -> None:
    """Raises CompileError."""
    text = both_ends(facts.stderr + facts.stdout).decode(errors="replace")
    if facts.oom_kills:
        raise CompileError(f"{text}\n{who} ran out of memory ({size(memory_bytes)})".strip())
    if facts.killed:
        reason = {
            "output": "wrote too much", "cpu": "took too much CPU time", "wall": "took too long",
            "idle": "waited for what does not come (a device or a pipe is no source)",
        }  # fmt: skip
        raise CompileError(f"{text}\n{who} {reason[facts.killed]}".strip())
    if facts.exit_code != 0:
        raise CompileError(text.strip() or f"{who} failed without a message")


def both_ends(data: bytes) -> bytes:
    """At most 64 KiB from each end."""
    if len(data) <= 2 * KEPT_BYTES:
        return data
    return data[:KEPT_BYTES] + b"\n...\n" + data[-KEPT_BYTES:]
