"""The listener: it takes what the browser extension sends, and nothing else."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sdpo_tts.cli.main import app
from sdpo_tts.cli.problems.receiver import HOST, MAX_BODY, Receiver
from sdpo_tts.errors import UserError
from sdpo_tts.problem import Checker, load_problem
from tests.packages import COMPANION

EXTENSION = "chrome-extension://cjnmckjndlpiamhfimnnjmnckgghkjbl"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(0) as receiver:
        yield receiver


def post(port: int, body: object, **headers: str) -> tuple[int, str]:
    """Status and answer. A header's `_` stands for `-`; Host and Content-Length are set where not given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Host": f"localhost:{port}", "Content-Length": str(len(raw)), "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.putrequest("POST", "/", skip_host=True)
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders(raw)
    response = connection.getresponse()
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]
    return response.status, response.read().decode()


@pytest.mark.parametrize("origin", [{}, {"Origin": EXTENSION}, {"Origin": "moz-extension://5c1b7b3e"}])
def test_every_field_of_the_extension_is_taken(receiver: Receiver, origin: dict[str, str]) -> None:
    streams = {"input": {"type": "regex", "pattern": ".*input.txt"}, "output": {"type": "file", "fileName": "out.txt"}}
    sent = COMPANION | streams | {"interactive": True, "testType": "multiNumber", "timeLimit": 1500.5}
    assert post(receiver.port, sent, **origin) == (200, "ok")
    task = next(receiver.tasks())
    assert task.model_dump(exclude={"input", "output"}) == {k: v for k, v in sent.items() if k not in ("input", "output")}
    assert (task.input.type, task.input.pattern, task.output.fileName) == ("regex", ".*input.txt", "out.txt")
    assert task.batch and task.batch.size == 1


REFUSED: list[tuple[str, object, dict[str, str], int]] = [
    ("a web page", COMPANION, {"Origin": "https://example.org"}, 403),
    ("a local web page", COMPANION, {"Origin": "http://localhost:8000"}, 403),
    ("a sandboxed page", COMPANION, {"Origin": "null"}, 403),
    ("another host's name", COMPANION, {"Host": "rebound.example.org"}, 403),
    ("another port", COMPANION, {"Host": "localhost:1"}, 403),
    ("an oversized body", b"{}", {"Content_Length": str(MAX_BODY + 1)}, 413),
    ("an absurd length", b"{}", {"Content_Length": "9" * 5000}, 413),
    ("no length", b"{}", {"Content_Length": ""}, 411),
    ("a negative length", b"{}", {"Content_Length": "-1"}, 411),
    ("chunks", b"0\r\n\r\n", {"Transfer_Encoding": "chunked"}, 411),
    ("no JSON", b"{", {}, 400),
    ("deep JSON", b"[" * 100_000, {}, 400),
    ("no task", [1], {}, 400),
    ("a missing field", {"name": "x"}, {}, 400),
    ("a wrong type", COMPANION | {"tests": 5}, {}, 400),
]


@pytest.mark.parametrize(("body", "headers", "status"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_the_rest_is_refused(receiver: Receiver, body: object, headers: dict[str, str], status: int) -> None:
    got, answer = post(receiver.port, body, **headers)
    assert (got, answer.count("\n")) == (status, 0)
    assert post(receiver.port, COMPANION | {"name": "after"})[0] == 200
    assert next(receiver.tasks()).name == "after"


def test_a_preflight_request_gets_no_permission(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection(HOST, receiver.port, timeout=10)
    connection.request("OPTIONS", "/", headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"})
    response = connection.getresponse()
    assert response.status == 501
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as busy:
        busy.bind((HOST, 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(UserError, match=rf"cannot listen on port {port}: .*\(hint: choose one with --port\)"):
            Receiver(port)


def listening(arguments: list[str], tasks: list[dict[str, Any]], answers: str = "") -> Result:
    """The command, to which the tasks are sent as soon as it listens."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    sender = Thread(target=_send, args=(port, tasks))
    sender.start()
    result = CliRunner().invoke(app, ["listen", *arguments, "--port", str(port), "--once"], input=answers)
    sender.join()
    return result


def _send(port: int, tasks: list[dict[str, Any]]) -> None:
    for task in tasks:
        for _ in range(200):
            try:
                assert post(port, task)[0] == 200
                break
            except ConnectionRefusedError:
                time.sleep(0.05)


def test_a_tolerance_in_a_pasted_statement_becomes_the_checker(tmp_path: Path) -> None:
    task = COMPANION | {"tests": [{"input": "1\n", "output": "0.5\n"}]}
    result = listening([str(tmp_path), "--ask"], [task], "An absolute error of 10^-6 is fine.\nEND\n")
    assert load_problem(Path(result.stdout.strip())).checker == Checker(kind="floats", absolute=1e-6)
    assert "note: numbers are compared with the statement's tolerance: `An absolute error of 10^-6 is fine.`\n" in result.stderr


def test_a_problem_appears_and_its_statement_is_asked_for(tmp_path: Path) -> None:
    result = listening([str(tmp_path), "--ask"], [COMPANION], "Defend the $n$ castles.\nEND\n")
    folder = tmp_path / "G.-Castle-Defense"
    assert (result.exit_code, result.stdout) == (0, f"{folder}\n")
    problem = load_problem(folder)
    assert problem.statement.startswith("Defend the $n$ castles.\n\nSample input 1:\n```\n5 0 6\n5 4 3 4 9\n```")
    assert [test.input for test in problem.shown] == [test["input"].encode() for test in COMPANION["tests"]]
    assert "# From Codeforces - Educational Codeforces Round 40 https://codeforces.com" in (folder / "problem.yaml").read_text()


def test_a_contest_comes_in_one_batch(tmp_path: Path) -> None:
    batch = {"id": "b", "size": 3}
    names = {"A": False, "B": True, "C/../../C": False}
    tasks = [COMPANION | {"name": name, "interactive": told, "batch": batch} for name, told in names.items()]
    result = listening([str(tmp_path / "contest"), "--no-ask"], tasks)
    assert (result.exit_code, sorted(path.name for path in (tmp_path / "contest").iterdir())) == (0, ["A", "C-..-..-C"])
    assert "B (2 of 3)\nskipped: B: interactive problems are not supported\n" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["contest"]
    with pytest.raises(UserError, match="the statement is empty"):
        load_problem(tmp_path / "contest" / "A")


def test_cph_finds_the_samples_beside_an_empty_source(tmp_path: Path) -> None:
    """By the name that it computes (src/parser.ts of agrawal-d/cph)."""
    result = listening([str(tmp_path), "--no-ask"], [COMPANION])
    source = Path(result.stdout.strip()) / "solution.py"
    assert source.read_bytes() == b""
    assert "for practice and finished contests" in result.stderr
    name = f".{source.name}_{hashlib.md5(str(source).encode()).hexdigest()}.prob"
    told = json.loads((source.parent / ".cph" / name).read_text())
    assert (told["name"], told["timeLimit"], told["srcPath"]) == (COMPANION["name"], COMPANION["timeLimit"], str(source))
    assert [{**test, "id": 0} for test in COMPANION["tests"]] == [{**test, "id": 0} for test in told["tests"]]
    assert len({test["id"] for test in told["tests"]}) == len(told["tests"])


SOLVER = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
(folder / "asked").write_text(repr(sys.argv[2:]))
(folder / "found.py").write_text("print(7)")
print(json.dumps({"program": str(folder / "found.py"), "more": "x" * 300}) if "--json" in sys.argv else folder / "found.py")
"""


@pytest.mark.parametrize("own", ["", "# mine"])
def test_what_comes_is_solved_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str) -> None:
    """The program that passes goes where CPH opens it, but over nobody's own work."""
    monkeypatch.setattr("sdpo_tts.cli.problems.solving._PROGRAM", SOLVER + f"(folder / 'solution.py').write_text({own!r})")
    page = "G. Castles\ntime limit per test2 seconds\nDefend them.\nSample Input 1\nCopy\n5\nSample Output 1\nCopy\n7\n"
    result = listening([str(tmp_path), "--ask", "--solve", "--max-time '30m' --seed 3"], [COMPANION], f"{page}END\n")
    folder = Path(result.stdout.splitlines()[0])
    assert (folder / "asked").read_text() == "['--max-time', '30m', '--seed', '3']"
    assert (folder / "solution.py").read_text() == (own or "print(7)")
    assert load_problem(folder).statement.startswith("Defend them.\n\nSample input 1:")


def test_what_is_solved_with_json_is_found_too_and_so_is_a_source_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdpo_tts.cli.problems.solving._PROGRAM", f"{SOLVER}(folder / 'solution.py').unlink()")
    result = listening([str(tmp_path), "--ask", "--solve", "--json"], [COMPANION], "Defend them.\nEND\n")
    assert (Path(result.stdout.splitlines()[0]) / "solution.py").read_text() == "print(7)"


@pytest.mark.parametrize(
    ("options", "message"),
    [("--max-tim 3", "no such option: --max-tim"), ("--seed x", "--seed: 'x' is not a whole number"), ("'", "no closing quotation"), ("--help", "these options would not solve anything")],
)
def test_options_of_a_later_run_are_checked_first(options: str, message: str) -> None:
    done = CliRunner().invoke(app, ["listen", "--solve", options])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: --solve: {message}")


def test_new_asks_for_statement_and_samples_only(tmp_path: Path) -> None:
    pasted = "Add two numbers.\nEND\n3 4\nEND\n7\nEND\n1 1\nEND\n2\nEND\nEND\n"
    result = CliRunner().invoke(app, ["new", str(tmp_path / "sum")], input=pasted)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'sum' / 'problem.yaml'}\n")
    problem = load_problem(tmp_path / "sum")
    assert problem.title == "sum" and problem.statement.startswith("Add two numbers.\n\nSample input 1:\n```\n3 4\n```")
    assert [(test.input, test.expected) for test in problem.shown] == [(b"3 4\n", b"7\n"), (b"1 1\n", b"2\n")]
    again = CliRunner().invoke(app, ["new", str(tmp_path / "sum")], input=pasted)
    assert (again.exit_code, again.stderr) == (2, f"error: {tmp_path / 'sum'}: exists already (hint: name another folder)\n")


def test_the_comments_of_a_new_file_are_right(tmp_path: Path) -> None:
    """Every commented key, its comment sign removed, is accepted."""
    (tmp_path / "text.md").write_text("Say hello.")
    arguments = ["new", str(tmp_path / "hello"), "--title", "Hello: a 'test'", "--statement", str(tmp_path / "text.md")]
    assert CliRunner().invoke(app, arguments, input="END\nhello\n").exit_code == 0
    path = tmp_path / "hello" / "problem.yaml"
    head, *lines = path.read_text().splitlines()
    (tmp_path / "hello" / "tests").mkdir()
    for suffix in (".in", ".out"):
        (tmp_path / "hello" / "tests" / f"1{suffix}").write_text("x")
    path.write_text("\n".join([head, *(line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in lines)]))
    problem = load_problem(path)
    assert (problem.title, next(problem.shown).input) == ("Hello: a 'test'", b"")
    assert [test.name for test in problem.held_out] == ["held-out-1", "tests/1"]


@pytest.mark.parametrize(("pasted", "message"), [("", "no statement"), ("Text\nEND\n1\nEND\n", "sample 1 has no output")])
def test_new_without_an_answer_is_one_line(pasted: str, message: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["new", str(tmp_path / "x")], input=pasted)
    assert result.exit_code == 2 and result.stderr.splitlines()[-1].startswith(f"error: {message}")
    assert not (tmp_path / "x").exists()
