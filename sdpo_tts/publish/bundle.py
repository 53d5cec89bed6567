"""A run packed to share: program, adapter, report, journal and manifest, without traces of its machine."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

from sdpo_tts.errors import UserError
from sdpo_tts.models import weights
from sdpo_tts.models.catalogue import entries
from sdpo_tts.problem.language import languages
from sdpo_tts.publish.page import page
from sdpo_tts.publish.scrub import Scrubber
from sdpo_tts.record import Event, RunDir, read_events, read_json, write_json, write_text
from sdpo_tts.record.atomic import to_json
from sdpo_tts.report.analysis import analyse
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.runs import load_runs

ARCHIVES = (".zip", ".tar.gz", ".tgz")
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

README = Template("""# $title: $method, seed $seed

$outcome Model: $model$digest.

- `events.jsonl`, `manifest.json`: everything that happened, and the settings; `sdpo-tts report .` reads them
- `report.html`: the report
$program$adapter
The names of folders, users and hosts were removed.
""")
PROGRAM = "- `$name`: the program that passed all tests\n"
ADAPTER = """- `adapter/`: the LoRA adapter ($which), as PEFT and vLLM read it

```python
$imports
base = $base
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), "adapter")
tokenizer = AutoTokenizer.from_pretrained(base)
```

```sh
vllm serve $served --enable-lora --max-lora-rank $rank --lora-modules sdpo=./adapter
```
"""


def named(path: Path) -> str:
    """The name of the folder in an archive at `path`, or of the folder `path` itself."""
    suffix = next((one for one in ARCHIVES if path.name.endswith(one)), "")
    return path.name.removesuffix(suffix)


def fill(run: RunDir, folder: Path) -> list[str]:
    """Write everything into an empty folder; returns in words what the run lacks. Raises UserError, OSError."""
    scrub = Scrubber.of(run.path)
    events = [scrub.data(event) for event in read_events(run.events)]
    if not (started := next((event for event in events if event["type"] == "run_started"), None)):
        raise UserError("the run has not begun", where=str(run.path))
    write_text(folder / "events.jsonl", "".join(f"{to_json(event)}\n" for event in events), wait=False)
    solved_under = next((int(event["adapter"]) for event in reversed(events) if event["type"] == "solved"), 0)
    program, adapter = _program(run, folder), _adapter(run, folder, started, solved_under)
    manifest, result = (scrub.data(_read(file)) for file in (run.manifest, run.result))
    write_json(folder / "manifest.json", manifest, wait=False)
    write_json(folder / "result.json", {**result, "program": program or None, "run": "."}, wait=False)
    write_text(folder / "report.html", page(analyse(Grid(tuple(load_runs([folder])))), started["title"]), wait=False)
    write_text(folder / "README.md", _readme(started, events, manifest, program, adapter), wait=False)
    return list(_lacking(program, adapter))


def pack(folder: Path, archive: Path) -> None:
    """`folder`, under its own name, as a zip or tar.gz, according to the archive's suffix. Raises OSError."""
    files = [(file, file.relative_to(folder.parent)) for file in sorted(folder.rglob("*")) if file.is_file()]
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for file, name in files:
                packed.write(file, name)
        return
    with tarfile.open(archive, "w:gz") as packed_tar:
        for file, name in files:
            packed_tar.add(file, name, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _read(file: Path) -> dict[str, Any]:
    """Empty if there is none: a run that was killed has no result."""
    told: dict[str, Any] = read_json(file) if file.is_file() else {}
    return told


def _program(run: RunDir, folder: Path) -> str:
    """The name of the copy; empty if there is none."""
    found = (run.solution(language) for language in languages())
    source = next((file for file in found if file.is_file()), None)
    if source is None:
        return ""
    shutil.copyfile(source, folder / source.name)
    return source.name


def _adapter(run: RunDir, folder: Path, started: Event, solved_under: int) -> dict[str, Any]:
    """The adapter's configuration, with the public name of its base. Empty if there is no adapter, or if it has no
    effect because no step was taken before the success."""
    folders = (run.solved_adapter if solved_under else run.last_adapter, run.last_adapter)
    source = next((one for one in folders if (one / WEIGHTS).is_file()), None)
    if source is None:
        return {}
    config: dict[str, Any] = read_json(source / CONFIG)
    config["base_model_name_or_path"] = _base(started["model"])
    write_json(folder / "adapter" / CONFIG, config, wait=False)
    shutil.copyfile(source / WEIGHTS, folder / "adapter" / WEIGHTS)
    which = "under which it was found" if source == run.solved_adapter else "of the last step"
    return {**config, "which": which}


def _base(model: str) -> str:
    """The hub's name of a catalogue model, if it has one."""
    return (entries()[model].repo or model) if model in entries() else model


def _readme(
    started: Event, events: list[Event], manifest: dict[str, Any], program: str, adapter: dict[str, Any]
) -> str:
    model, loaded = started["model"], manifest.get("model", {})
    digest = f", SHA-256 `{loaded['sha256']}`" if loaded.get("sha256") else ""
    digest = f", commit `{loaded['revision']}`" if loaded.get("revision") else digest
    lora = {"which": adapter["which"], "rank": adapter["r"], **_loading(model)} if adapter else {}
    return README.substitute(
        title=started["title"], method=started["method"], seed=started["seed"], model=model,
        digest=digest, outcome=_outcome(events),
        program=Template(PROGRAM).substitute(name=program) if program else "",
        adapter=Template(ADAPTER).substitute(lora) if adapter else "",
    )  # fmt: skip


def _loading(model: str) -> dict[str, str]:
    """How to load the base, in Python and in a shell."""
    imports = ["from peft import PeftModel", "from transformers import AutoModelForCausalLM, AutoTokenizer"]
    if model in entries():
        pull = f"sdpo-tts model pull {model}"
        called = f'subprocess.run("{pull}", shell=True, check=True, capture_output=True, text=True).stdout.strip()'
        return {"imports": "\n".join(["import subprocess", *imports]), "base": called, "served": f'"$({pull})"'}
    hint = "" if weights.HUB_ID.fullmatch(model) else "  # the folder of that model"
    return {"imports": "\n".join(imports), "base": f'"{model}"{hint}', "served": model}


def _outcome(events: list[Event]) -> str:
    told = [event for event in events if event["type"] in ("solved", "verdict_given")]
    stands = told and (told[-1]["type"] == "solved" or told[-1]["verdict"] == "AC")
    solved = told[-1]["attempt"] if stands else None
    if solved and solved < 0:
        return "Solved by a program that the run was started from."
    judged = sum(event["type"] == "attempt_judged" for event in events)
    return f"Solved by attempt {solved} of {judged}." if solved else f"Not solved in {judged} attempts."


def _lacking(program: str, adapter: dict[str, Any]) -> Iterator[str]:
    if not program:
        yield "no program: the run has not solved its problem"
    if not adapter:
        yield f"no adapter: the run took no step{' before its success' if program else ''}"
