"""The programs of the problem's author: compiled once, run in containers that submissions never share."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sdpo_tts.errors import UserError
from sdpo_tts.judge.checking.checker import Comparison, ValidatorError
from sdpo_tts.judge.compiler import Compiler, Files
from sdpo_tts.judge.containers.container import Command, ContainerLimits
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts, signal_name, size
from sdpo_tts.judge.verdict import CompileError
from sdpo_tts.problem import Convention, Function, Problem, Program
from sdpo_tts.problem.language import language

MIB = 2**20
CPU_S, WALL_S, OUTPUT_BYTES, MEMORY_BYTES = 30.0, 120.0, 16 * MIB, 512 * MIB
MESSAGE_CHARS = 250
FEEDBACK_DIR = "/tmp/"  # writable, and emptied after every run
# Right and wrong (testlib: wrong answer, presentation error, dirt, unexpected end of file).
_EXITS = {Convention.TESTLIB: (0, (1, 2, 4, 8)), Convention.KATTIS: (42, (43,))}
# Go exits with 2 after a panic, which may also be a verdict, unless it is to abort.
_GO_ABORTS = ("env", "GOTRACEBACK=crash")
_JAVA_REPORT = b'Exception in thread "'
# Python's time to read a number grows with the square of its digits, so Python limits them.
_NO_LIMIT_ON_DIGITS = ("-X", "int_max_str_digits=0")
_TOO_MANY_DIGITS = re.compile(rb"ValueError: Exceeds the limit \((\d+)[^\n]*$")


@dataclass(frozen=True)
class Tool:
    """A compiled program of the author's, with the command that runs it. `key` is its place in the problem file, `tag`
    its language's. `secret`: a part of its file's name that no submission knows; empty if there is none."""

    key: str
    argv: tuple[str, ...]
    files: Files
    arguments: tuple[str, ...] = ()
    tag: str = ""
    secret: str = ""

    def command(self, *arguments: str, keep: str | None = None) -> Command:
        argv = (*self.argv, *arguments, *self.arguments)
        return Command(argv, CPU_S, WALL_S, OUTPUT_BYTES, MEMORY_BYTES, keep)

    def has_crashed(self, stderr: bytes) -> bool:
        """Whether its runtime reported an uncaught exception before it exited with 1, which may also be a verdict.

        A verdict's message may quote such a report from a submission's output, but not one with the secret.
        """
        lines = stderr.rstrip().splitlines()
        if self.secret:
            return any(line.startswith(b'  File "') and self.secret.encode() in line for line in lines)
        ends = lines and lines[-1].startswith((b"\tat ", b"\t... ", _JAVA_REPORT))
        return bool(self.tag == "java" and ends and any(line.startswith(_JAVA_REPORT) for line in lines))


class AuthorPrograms:
    """Makes tools, and lends containers for them. Thread-safe."""

    def __init__(self, problem: Problem, containers: ContainerPool, compiler: Compiler) -> None:
        self._path, self._containers, self._compiler = problem.path, containers, compiler
        largest = max((len(test.input) + len(test.expected) for test in problem.tests), default=0)
        laid_out = largest + problem.limits.output_bytes + 64 * MIB
        self._container_limits = ContainerLimits(MEMORY_BYTES + 2 * laid_out, laid_out, author=True)

    def validator(self, key: str, program: Program) -> Tool:
        """A tool that reads what submissions write: it keeps Python's own limit on digits, unless it lifts it itself.

        Raises UserError if it does not compile.
        """
        known, tool = language(program.language), self.tool(key, program)
        tool = replace(tool, argv=_without(_NO_LIMIT_ON_DIGITS, tool.argv))
        if tool.tag == "go":
            return replace(tool, argv=(*_GO_ABORTS, *tool.argv))
        return _with_secret_name(tool, known.source) if tool.tag == "python" else tool

    def tool(self, key: str, program: Program, function: Function | None = None) -> Tool:
        """`function`: it is called like a submission in function mode. Raises UserError if it does not compile."""
        known = language(program.language)
        try:
            files = self._compiler.compile(known, {**dict(program.files), known.source: program.source}, author=True)
        except CompileError as error:
            what = f"`{key}` does not compile: {error}"
            raise UserError(what, where=str(self._path)) from None
        return Tool(key, known.command(MEMORY_BYTES, function), files, program.arguments, known.tag)

    def session(self, tool: Tool, files: Mapping[str, bytes]) -> Session:
        """With the tool and these files, in a container used only by the author's programs."""
        return Session(self._containers, self._container_limits, {**tool.files, **files})

    def run(self, tool: Tool, command: Command, files: Mapping[str, bytes], stdin: bytes = b"") -> Facts:
        """Raises ContainerLost."""
        with self.session(tool, files) as session:
            return session.run(command, stdin)


def paths(convention: Convention) -> tuple[str, ...]:
    """The arguments of a checker or an interactor, files in its working directory."""
    return ("input", "output", "answer") if convention is Convention.TESTLIB else ("input", "answer", FEEDBACK_DIR)


def message_file(convention: Convention) -> str | None:
    """The file in which it leaves its message, if not on stderr."""
    return FEEDBACK_DIR + "judgemessage.txt" if convention is Convention.KATTIS else None


def strain(facts: Facts) -> str:
    """Which limit a checker or interactor exceeded while reading, in words; empty if it failed otherwise."""
    if facts.killed == "cpu":
        return f"takes more than {CPU_S:g} s of CPU"
    if facts.killed == "output":
        return f"writes more than {size(OUTPUT_BYTES)}"
    if facts.oom_kills or facts.killed == "memory":
        return f"needs more than {size(MEMORY_BYTES)} of memory"
    digits = _TOO_MANY_DIGITS.search(facts.stderr.rstrip()) if facts.exit_code == 1 else None
    return f"reads no number of more than {digits[1].decode()} digits" if digits else ""


def opinion(tool: Tool, convention: Convention, facts: Facts) -> Comparison:
    """The verdict of a checker or interactor that has ended. Raises ValidatorError."""
    said = facts.kept if convention is Convention.KATTIS else facts.stderr
    words = " ".join(said.decode(errors="replace").replace(tool.secret, "").split())[:MESSAGE_CHARS]
    right, wrong = _EXITS[convention]
    ended = not (facts.killed or facts.oom_kills or facts.signal)
    if ended and facts.exit_code == right:
        return Comparison(True, words)
    crashed = facts.exit_code == 1 and tool.has_crashed(facts.stderr)
    if ended and facts.exit_code in wrong and not crashed:
        return Comparison(False, words)
    raise ValidatorError(f"{tool.key}: {how_it_ended(facts)}" + (f": {words}" if words else ""))


def _without(part: tuple[str, ...], argv: tuple[str, ...]) -> tuple[str, ...]:
    at = next((i for i in range(len(argv)) if argv[i : i + len(part)] == part), len(argv))
    return argv[:at] + argv[at + len(part) :]


def _with_secret_name(tool: Tool, source: str) -> Tool:
    secret = f"{secrets.token_hex(8)}_"
    argv = tuple(secret + part if part == source else part for part in tool.argv)
    files = {secret + name if name == source else name: content for name, content in tool.files.items()}
    return replace(tool, argv=argv, files=files, secret=secret)


def how_it_ended(facts: Facts) -> str:
    """For a program that should not have ended like this."""
    if facts.killed:
        return {"output": "writes too much", "cpu": "takes too much CPU time"}.get(facts.killed, "takes too long")
    if facts.oom_kills:
        return "uses too much memory"
    return f"killed by {signal_name(facts.signal)}" if facts.signal else f"exit code {facts.exit_code}"
