"""Puts what a command measured into a page beside this file, between two comments with the table's name."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PAGES = Path(__file__).parent


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def write(page: str, name: str, text: str) -> None:
    """Replaces the block `name` of benchmarks/`page`. Raises ValueError where the page has none."""
    path = PAGES / page
    block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    changed, count = block.subn(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", path.read_text())
    if count != 1:
        raise ValueError(f"{path} has no block {name}")
    path.write_text(changed)


def machine() -> str:
    """The processor, the number of cores, the kernel, and how busy it is now."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = model[1] if model else platform.machine()
    return f"{name}, {cores()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}"


def cores() -> int:
    return len(os.sched_getaffinity(0))
