"""A run as something to hand on: it loads, it reports, and it does not tell where it was made."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from safetensors import safe_open
from typer.testing import CliRunner

from sdpo_tts.cli.main import app
from sdpo_tts.publish.scrub import Scrubber
from sdpo_tts.record import RunDir
from tests import synthetic
from tests.tiny import tiny_network

USER, HOST = "zaphod", "heart-of-gold"
IDS = torch.arange(4, 20)[None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user with a name of their own, on a machine with one, who works in a folder below it."""
    home = tmp_path / "home" / USER
    (home / "my work").mkdir(parents=True)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, USER)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(socket, "gethostname", lambda: f"{HOST}.ship.example")
    monkeypatch.chdir(home / "my work")
    return home


def finished(home: Path, *, solved: bool = True, trained: bool = True) -> Path:
    """A run whose manifest and events name folders, user and host wherever they can."""
    method = "sdpo" if trained else "best-of-k"
    folder = synthetic.write(home / "my work" / "runs", "sum-line", method, 0, [False] * 7 + [solved], 8, batch=4)
    run = RunDir(folder)
    told = {
        "argv": [f"{home}/venv/bin/sdpo-solve", f"--runs={home}/my work/runs", f"../{USER}/p", "/srv/models/x.gguf"],
        "problem": {"slug": "sum-line", "digest": "ab12", "path": f"{home}/my work/problems/sum-line/problem.yaml"},
        "settings": {"method": method, "policy": {"model": f"{home}/models/x.gguf"}, "seed": 0,
                     "critic": {"kind": f"http://{HOST}.ship.example:8000/v1", "model": "critic"}},
        "model": {"name": f"model-of-{USER}", "sha256": "", "revision": "c0ffee"}, "sandbox": {}, "versions": {}, "machine": {"cores": 2},
    }  # fmt: skip
    run.manifest.write_text(json.dumps(told))
    run.result.write_text(json.dumps({"solved": solved, "program": f"{folder}/solution.py", "run": str(folder)}))
    lines = [json.loads(line) for line in run.events.read_text().splitlines()]
    skipped = {"type": "step_skipped", "step": 99, "reason": f"{home}/x on {HOST}: no"}
    lines = [{"type": "manifest", **told}, *lines, skipped]
    run.events.write_text(
        "".join(json.dumps({**line, "v": 1, "t": 1.0, "seq": i}) + "\n" for i, line in enumerate(lines))
    )
    if solved:
        run.solution("python3").write_text("print('root of zaphods')\n")
    if trained:
        tiny_network(dtype=torch.float32).save_adapter(run.solved_adapter if solved else run.last_adapter)
    return folder


def exported(folder: Path, *options: str) -> Any:
    result = CliRunner().invoke(app, ["export", str(folder), *options])
    assert result.exit_code == 0, result.output
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_export_tells_nothing_of_its_machine(home: Path) -> None:
    folder = Path(exported(finished(home)).stdout.strip())
    found = contents(folder)
    assert set(found) == {
        "README.md", "adapter/adapter_config.json", "adapter/adapter_model.safetensors", "events.jsonl", "manifest.json",
        "report.html", "result.json", "solution.py",
    }  # fmt: skip
    traces = [str(home), str(Path.cwd()), str(folder), USER, HOST, str(home.parent.parent), "/home", "/srv", "my work"]
    for name, content in found.items():
        if name != "solution.py":
            assert [trace for trace in traces if trace.encode() in content] == [], name
    assert found["solution.py"] == b"print('root of zaphods')\n", "what the model wrote is kept"
    told = json.loads(found["manifest.json"])
    assert told["problem"]["path"] == "problem.yaml" and told["settings"]["policy"]["model"] == "x.gguf"
    assert told["argv"] == ["sdpo-solve", "--runs=runs", "../someone/p", "x.gguf"]
    assert told["settings"]["critic"] == {"kind": "http://host/v1", "model": "critic"}
    assert told["settings"]["method"] == "sdpo" and told["model"]["name"] == "model-of-someone"
    assert json.loads(found["result.json"])["program"] == "solution.py"


def test_the_adapter_loads_with_peft_and_is_the_same(home: Path) -> None:
    folder = Path(exported(finished(home)).stdout.strip()) / "adapter"
    network = tiny_network(dtype=torch.float32)
    base: Any = tiny_network(dtype=torch.float32).peft.unload()
    with torch.inference_mode():
        expected, bare = network.peft(IDS).logits, base(IDS).logits
        loaded = PeftModel.from_pretrained(base, str(folder)).eval()
        assert torch.equal(loaded(IDS).logits, expected)
        assert not torch.allclose(bare, expected, atol=1e-3)


def test_the_readme_of_an_export_loads_its_adapter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python runs as it stands, here with a folder that `sdpo-tts model pull` would print."""
    run = RunDir(finished(home))
    base, program = home / "base", home / "bin" / "sdpo-tts"
    expected: Any = tiny_network(dtype=torch.float32)
    tiny_network(dtype=torch.float32).peft.unload().save_pretrained(base)  # type: ignore[operator]
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {base}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", str)
    for model in ("qwen2.5-coder-0.5b", "tiny"):
        run.events.write_text(re.sub('"model": "[a-z0-9.-]*", "engine"', f'"model": "{model}", "engine"', run.events.read_text()))
        folder = Path(exported(run.path, "--to", model).stdout.strip())
        snippet = (folder / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
        names: dict[str, Any] = {}
        monkeypatch.chdir(folder)
        exec(snippet.replace('"tiny"', repr(str(base))), names)
        monkeypatch.chdir(folder.parent)
        with torch.inference_mode():
            assert torch.equal(names["model"].eval()(IDS).logits, expected.peft(IDS).logits)


def test_an_adapter_that_changes_nothing_is_not_exported(home: Path) -> None:
    """A run that was solved by its first batch has none to hand on; older programs wrote its zeros."""
    run = finished(home)
    told = (run / "events.jsonl").read_text()
    (run / "events.jsonl").write_text(re.sub('("type": "solved".*"adapter": )1', r"\g<1>0", told))
    result = exported(run, "--to", "less")
    assert result.stderr.splitlines() == ["note: no adapter: the run took no step before its success"]
    assert "adapter" not in {name.partition("/")[0] for name in contents(Path("less"))}


def test_the_adapter_is_named_as_vllm_reads_it(home: Path) -> None:
    """vLLM takes the module's name from between `base_model.model.` and `.lora_A.weight`, and its rank from `r`."""
    folder = Path(exported(finished(home)).stdout.strip()) / "adapter"
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"], config["bias"]) == ("LORA", 4, 8, "none")
    assert not (config["use_dora"] or config["use_rslora"] or config["modules_to_save"])
    with safe_open(folder / "adapter_model.safetensors", "pt") as weights:
        for name in weights.keys():  # noqa: SIM118
            assert name.startswith("base_model.model.model.layers.") and name.endswith(
                (".lora_A.weight", ".lora_B.weight")
            )
            module = name.removeprefix("base_model.model.").rpartition(".lora_")[0]
            assert any(module.endswith(target) for target in config["target_modules"])


def test_archives_hold_one_folder_and_name_no_owner(home: Path) -> None:
    run = finished(home)
    plain = contents(Path(exported(run, "--to", "deep/plain").stdout.strip()))
    for name in ("one.zip", "two.tar.gz"):
        assert exported(run, "--to", name).stdout == f"{name}\n"
    with zipfile.ZipFile("one.zip") as packed:
        assert {entry.split("/", 1)[0] for entry in packed.namelist()} == {"one"}
        packed.extractall("unpacked")
    with tarfile.open("two.tar.gz") as packed_tar:
        assert {(member.uid, member.uname, member.gname) for member in packed_tar} == {(0, "", "")}
        packed_tar.extractall("unpacked", filter="data")
    assert contents(Path("unpacked/one")) == contents(Path("unpacked/two")) == plain
    assert USER.encode() not in Path("two.tar.gz").read_bytes()
    report = CliRunner().invoke(app, ["report", "unpacked/one", "--json"])
    assert report.exit_code == 0 and json.loads(report.stdout)["runs"]
    assert not list(Path().glob(".export-*"))


def test_what_a_run_lacks_is_said(home: Path) -> None:
    result = exported(finished(home, solved=False, trained=False), "--to", "less")
    assert result.stderr.splitlines() == [
        "note: no program: the run has not solved its problem", "note: no adapter: the run took no step",
    ]  # fmt: skip
    assert set(contents(Path("less"))) == {"README.md", "events.jsonl", "manifest.json", "report.html", "result.json"}
    page = Path("less/README.md").read_text()
    assert "Not solved in 8 attempts." in page and ", commit `c0ffee`" in page


def test_what_cannot_be_exported_is_one_line(home: Path) -> None:
    folder = finished(home)
    Path("taken").mkdir()
    Path("file").write_text("")
    shutil.copytree(folder, "empty")
    Path("empty/events.jsonl").write_text("")
    for arguments, said in (
        (["nowhere"], "error: nowhere: no run here, nor one of this problem in runs (hint: the newest run is runs/sum-line/sdpo-s0)\n"),
        (["empty"], "error: empty: the run has not begun\n"),
        ([str(folder), "--to", "taken"], "error: taken: already exists (hint: choose a new one with --to)\n"),
        ([str(folder), "--to", "file/x"], "error: file/x: cannot write the export: File exists\n"),
    ):
        result = CliRunner().invoke(app, ["export", *arguments])
        assert (result.exit_code, result.stderr) == (2, said)


WORD = (
    st.text(st.characters(categories=("Lu", "Ll", "Nd"), include_characters=" _-."), min_size=1)
    .map(str.strip)
    .filter(lambda word: word.strip("."))
)


@settings(deadline=None)
@given(st.lists(WORD, min_size=1, max_size=4), st.sampled_from(["", "no room at ", "--runs=", "'"]), st.booleans())
def test_of_a_known_folder_at_most_the_last_name_is_left(parts: list[str], before: str, inside: bool) -> None:
    folder = "/" + "/".join(parts)
    scrub = Scrubber((folder,), ())
    found = scrub.text(f"{before}{folder}{'/file' if inside else ''}", naming=True)
    assert found == before + ("file" if inside else "x")


def test_a_model_keeps_its_name_whatever_the_user_is_called() -> None:
    told = {"model": "qwen2.5-coder-0.5b", "argv": ["--model", "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "of coder"]}
    assert Scrubber((), ("coder",)).data(told) == {**told, "argv": [*told["argv"][:2], "of someone"]}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no such file: '/var/lib/x/y.py'", "no such file: 'y.py'"),
        ("Qwen/Qwen3-8B and/or 1/2", "Qwen/Qwen3-8B and/or 1/2"),
        ("~/a/b.toml", "b.toml"),
        ("see file:///srv/a/b.txt", "see b.txt"),
        ("https://me:secret@box.lan:1/v1?x", "https://host/v1?x"),
        ("../x/y", "../x/y"),
        ("x = a / b // c", "x = a / b // c"),
        ("/home/me/", "."),
    ],
)  # fmt: skip
def test_paths_and_addresses(text: str, left: str) -> None:
    assert Scrubber((), ()).text(text, naming=True) == left
