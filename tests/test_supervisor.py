"""What the supervisor reports of commands, asked for directly."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from queue import SimpleQueue

import pytest

from sdpo_tts.judge.containers.container import Command, Container, ContainerLimits
from sdpo_tts.judge.containers.engine import connect, sandbox_image
from sdpo_tts.judge.containers.pool import ContainerPool
from sdpo_tts.judge.facts import Facts
from tests.conftest import ROOT

MIB = 2**20
TAIL = 64 * 1024
HOSTILE = ROOT / "tests" / "hostile" / "programs"


@pytest.fixture(scope="module")
def container(engine: None) -> Iterator[Container]:
    with closing(connect()) as client:
        containers = ContainerPool(client, sandbox_image(client, {"python3"}))
        with containers.open(ContainerLimits(256 * MIB, 64 * MIB)) as container:
            yield container
        containers.close()


def command(*argv: str, output_bytes: int = MIB, keep: str | None = None, keep_bytes: int = MIB) -> Command:
    return Command(argv, 5.0, 20.0, output_bytes, 64 * MIB, keep, keep_bytes)


def run(container: Container, source: str | bytes, stdin: bytes = b"", **changes: int | str) -> Facts:
    container.load({"solution.py": source.encode() if isinstance(source, str) else source})
    return container.run(command("python3", "solution.py", **changes), stdin)  # type: ignore[arg-type]


def test_exit_codes_signals_and_both_streams(container: Container) -> None:
    source = "import sys; print(input()); print('no', file=sys.stderr); sys.exit(3)"
    facts = run(container, source, b"yes\n")
    assert (facts.exit_code, facts.signal, facts.stdout, facts.stderr) == (3, None, b"yes\n", b"no\n")
    assert (facts.killed, facts.oom_kills, facts.dirty, facts.kept) == (None, 0, False, b"")
    killed = run(container, "import os; os.kill(os.getpid(), 11)")
    assert (killed.exit_code, killed.signal) == (None, 11)


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 1000 + TAIL, 1001 + TAIL, 300_000])
def test_of_a_long_output_head_tail_and_total_are_kept(container: Container, size: int) -> None:
    facts = run(container, f"import sys; sys.stderr.buffer.write(bytes(i % 251 for i in range({size})))")
    wanted = bytes(i % 251 for i in range(size))
    head = TAIL // 4
    assert facts.stderr_bytes == size
    assert facts.stderr == wanted[:head] + wanted[max(head, size - TAIL) :]
    out = run(
        container, f"import sys; sys.stdout.buffer.write(bytes(i % 251 for i in range({size})))", output_bytes=1000
    )
    assert (out.killed == "output") == (size > 1000)
    assert out.stdout == wanted[:1000] + wanted[1000 : out.stdout_bytes][-TAIL:]


def test_a_long_input_reaches_a_slow_reader_and_one_that_does_not_read(container: Container) -> None:
    stdin = bytes(i % 251 for i in range(3_000_000))
    source = "import sys, time, zlib; time.sleep(0.1); print(zlib.crc32(sys.stdin.buffer.read()))"
    assert run(container, source, stdin).stdout == f"{zlib.crc32(stdin)}\n".encode()
    assert run(container, "print(1)", stdin).stdout == b"1\n"
    small = run(container, "print(2)")
    assert small.peak_bytes < 16 * MIB  # what the supervisor held is not the program's


def test_large_files_reach_a_command_and_do_not_count_as_its_memory(container: Container) -> None:
    large = bytes(i % 251 for i in range(20 * MIB + 5))
    reads = b"import zlib; print(zlib.crc32(open('large', 'rb').read()))"
    for _ in range(2):
        container.load({"solution.py": reads, "large": large, "empty": b""})
        assert container.run(command("python3", "solution.py")).stdout == f"{zlib.crc32(large)}\n".encode()
    for source in (b"print(1)", b"import time; time.sleep(0.2)"):
        container.load({"solution.py": source, "large": large})
        assert container.run(command("python3", "solution.py")).peak_bytes < 16 * MIB


def test_a_command_that_is_slow_does_not_keep_the_answers_before_it_back(container: Container) -> None:
    container.load({"solution.py": b"import sys, time; time.sleep(float(input()))"})
    inputs = [b"0", b"3"]
    container.run(command("python3", "solution.py"), inputs[0], ahead=inputs[1:])
    first = time.monotonic()
    assert container.run(command("python3", "solution.py"), inputs[1]).wall_s > 2.9
    assert time.monotonic() - first > 1, "the answers did not come together"


def test_what_cannot_be_started_says_so(container: Container) -> None:
    container.load({"text": b"no program"})
    for argv, words in (
        (("./none",), "no such file"), (("nothing",), "no such file"), (("./text",), "the kernel refuses"),
        (("/etc/passwd",), "permission denied"),
    ):  # fmt: skip
        facts = container.run(command(*argv))
        assert (facts.exit_code, facts.stderr.decode()) == (127, f"cannot start {argv[0]}: {words}\n")


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("open('made', 'w').write('0123456789')", b"3456789"),
        ("open('made', 'w').write('01')", b"01"),
        ("import os; os.symlink('/etc/passwd', 'made')", b""),
        ("import os; os.mkdir('made')", b""),
        ("import socket; socket.socket(socket.AF_UNIX).bind('made')", b""),
        ("open('made', 'w').close(); import os; os.chmod('made', 0)", b""),
        ("", b""),
    ],
    ids=["long", "short", "link", "folder", "socket", "unreadable", "none"],
)
def test_a_file_is_kept_only_if_it_is_one(container: Container, source: str, kept: bytes) -> None:
    facts = run(container, source, keep="made", keep_bytes=7)
    assert (facts.exit_code, facts.kept, facts.dirty) == (0, kept, False)


@pytest.mark.parametrize("name", ["deep_folders.py", "odd_files.py"])
def test_all_that_a_program_leaves_is_removed(container: Container, name: str) -> None:
    facts = run(container, (HOSTILE / name).read_bytes(), b"3 4\n")
    assert (facts.stdout, facts.dirty) == (b"7\n", False)
    looks = "import os; print(os.listdir('/w'), os.listdir('/tmp'))"
    assert run(container, looks).stdout == b"['solution.py'] []\n"


def test_a_program_file_is_as_new_in_every_command(container: Container) -> None:
    container.load({"solution.py": b"print(open('solution.py').read()); open('solution.py', 'w').write('print(0)')"})
    both = [container.run(command("python3", "solution.py")) for _ in range(2)]
    assert both[0].stdout == both[1].stdout and both[1].exit_code == 0


CRASHES = """import ctypes, os, resource
limits = ctypes.create_string_buffer(16)
prlimit, setrlimit = (302, 160) if os.uname().machine == "x86_64" else (261, 164)
raw = ctypes.CDLL(None, use_errno=True).syscall
for high in 0, 1 << 32:  # the kernel looks at the lower half alone
    print(raw(prlimit, 0, ctypes.c_long(high + 4), limits, None), raw(setrlimit, ctypes.c_long(high + 4), limits))
    print(resource.getrlimit(resource.RLIMIT_CORE))
for number in range(16):
    if number != 4 and raw(prlimit, 0, number, None, limits) == 0:
        print(number, raw(prlimit, 0, number, limits, None), raw(setrlimit, number, limits))
print(end="", flush=True)
ctypes.string_at(0)
"""


def test_a_crash_dumps_no_core_even_where_the_host_pipes_them_to_a_program(container: Container) -> None:
    """There only a limit of 1 prevents it, which no command can change. It gets no error, which sanitizers end at."""
    facts = run(container, CRASHES)
    others = "".join(f"{number} 0 0\n" for number in range(16) if number != 4)
    assert facts.stdout.decode() == 2 * "0 0\n(1, 1)\n" + others
    assert facts.signal == 11


def test_the_control_group_of_a_container_is_all_that_it_sees(container: Container) -> None:
    """However the engine is configured; the supervisor reads its counters there."""
    facts = run(container, "print(*(line.split(':')[2] for line in open('/proc/self/cgroup')), sep='', end='')")
    assert set(facts.stdout.decode().splitlines()) == {"/"}


def test_go_sees_the_one_core_that_a_container_has(container: Container) -> None:
    assert run(container, "import os; print(os.environ['GOMAXPROCS'])").stdout == b"1\n"


def test_words_that_come_after_a_dialogue_has_ended_are_no_request(container: Container) -> None:
    container.load({"solution.py": b"print(input(), flush=True)"})
    heard: SimpleQueue[bytes | None] = SimpleQueue()
    said: list[bytes | None] = []
    for word in (b"one\n", *[b"more\n"] * 50):
        heard.put(word)
    facts = container.converse(command("python3", "solution.py"), 5.0, heard, said.append)
    assert (facts.exit_code, b"".join(filter(None, said))) == (0, b"one\n")
    assert run(container, "print(5)").stdout == b"5\n"


def test_the_supervisor_refuses_to_be_another_process_than_the_first(container: Container) -> None:
    """Elsewhere it would kill all that it can reach."""
    container.load({})
    facts = container.run(command("/sandbox/supervisor"))
    assert (facts.exit_code, facts.stderr) == (
        1,
        b"supervisor: only for PID 1 of a container: it kills all that it can reach\n",
    )
