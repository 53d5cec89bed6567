"""`sandbox/build`: which image a choice of languages is, and how a machine without a base image gets one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Stand-ins for the tools that the build calls on a machine without any image and without a registry. The engine keeps
# a file for each image; debootstrap makes what one has to find in the imported archive.
DOCKER = """#!/bin/bash
case "$1 $2" in
  "info "*) ;;
  "image inspect") test -e "$ENGINE/$3" ;;
  "import -") tar -t | grep -q etc/issue && touch "$ENGINE/$3" ;;
  "build -q") cat >/dev/null; while (($#)); do [[ $1 == -t ]] && touch "$ENGINE/$2"; shift; done ;;
  *) exit 1 ;;
esac
"""
DEBOOTSTRAP = '#!/bin/bash\n[[ $ENGINE_FAILS ]] && exit 1\nmkdir -p "$4/etc" && echo Debian >"$4/etc/issue"\n'


def built(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "sandbox" / "build", "--tag", *options], capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_choice_of_languages_decides_the_image() -> None:
    usual = built().stdout
    same = ["default", "cpp17", "c,python3", "python3,default,cpp23"]
    assert {built("--languages", choice).stdout for choice in same} == {usual}
    others = ["python3", "default,rust", "default,go", "all"]
    assert len({usual, *(built("--languages", choice).stdout for choice in others)}) == 5


def test_an_unknown_language_is_refused_by_the_build() -> None:
    done = built("--languages", "default,cobol")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sandbox/build: unknown language 'cobol' (known: python3, pypy3, ")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with an engine that has no image."""
    for folder in ("bin", "engine", "temporary"):
        (tmp_path / folder).mkdir()
    for name, text in {"docker": DOCKER, "debootstrap": DEBOOTSTRAP, "id": "#!/bin/bash\necho 0\n"}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "ENGINE": str(tmp_path / "engine"),
        "ENGINE_FAILS": "",
        "TMPDIR": str(tmp_path / "temporary"),
    }


def test_the_first_build_on_a_machine_makes_base_and_image(bare: dict[str, str]) -> None:
    done = subprocess.run([ROOT / "sandbox" / "build"], env=bare, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, built().stdout), done.stderr
    assert {path.name for path in Path(bare["ENGINE"]).iterdir()} == {"sdpo-tts-base:bookworm-1", done.stdout.strip()}
    assert not list(Path(bare["TMPDIR"]).iterdir())


def test_a_base_that_cannot_be_made_is_one_line_and_leaves_nothing(bare: dict[str, str]) -> None:
    failing = bare | {"ENGINE_FAILS": "1"}
    done = subprocess.run([ROOT / "sandbox" / "build"], env=failing, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines()[-1] == "sandbox/build: debootstrap failed"
    assert not list(Path(bare["ENGINE"]).iterdir()) and not list(Path(bare["TMPDIR"]).iterdir())
