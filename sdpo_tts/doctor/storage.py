"""Disks and shared memory, and what dead runs left there."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from sdpo_tts.doctor.finding import GIB, Finding, Subject, failed, passed, warned
from sdpo_tts.models.fetch import cache_root
from sdpo_tts.policy.memory_plan import size
from sdpo_tts.record import RunDir

RUNS_NEED = GIB  # an adapter, its optimiser and some thousand attempts
SHARED_NEED = GIB
SHARED = Path("/dev/shm")
HOUR_S = 3600.0


def disk(subject: Subject) -> Finding:
    """Free space, and the right to write, where runs and models are stored."""
    from sdpo_tts.doctor.model import cache_of, missing_bytes

    said, (models, variable) = [], cache_of(subject)
    for what, folder, need, other in (
        ("runs", subject.runs, RUNS_NEED, "--runs"), ("models", models, missing_bytes(subject), variable)
    ):  # fmt: skip
        place = _existing(folder)
        free = shutil.disk_usage(place).free
        said.append(f"{what}: {size(free)} free at {place}")
        if not os.access(place, os.W_OK):
            return failed(f"{what}: {place} is not writable", f"chown it, or set {other}")
        if free < need:
            return failed(f"{said[-1]}, {size(need)} needed", f"free some space, or set {other}")
    return passed("; ".join(said))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest existing one above it."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())


def shared_memory(_: Subject) -> Finding:
    """Container engines give 64 MiB, and processes that share tensors die there silently."""
    if not SHARED.is_dir():
        return passed("this system has no /dev/shm")
    free = shutil.disk_usage(SHARED).free
    said = f"{size(free)} free at {SHARED}"
    if free < SHARED_NEED:
        return warned(said, "in a container: docker run --shm-size=8g; else: mount -o remount,size=8G /dev/shm")
    return passed(said)


def leftovers(subject: Subject) -> Finding:
    """Runs without an end that no process is working on; interrupted downloads."""
    runs = [folder for folder in sorted(subject.runs.glob("*/*")) if _unfinished(folder)]
    parts = [part for part in cache_root().glob(".part-*") if time.time() - part.stat().st_mtime > HOUR_S]
    if parts:
        return warned(f"{len(parts)} interrupted downloads", f"rm -r {cache_root()}/.part-*")
    if runs:
        return warned(
            f"{len(runs)} runs are unfinished, the last one {runs[-1]}", "sdpo-solve --resume, or delete its folder"
        )
    return passed("no unfinished run, no interrupted download")


def _unfinished(folder: Path) -> bool:
    """A run that has begun and has no result, and that no process is working on."""
    run = RunDir(folder)
    return run.begun and not run.result.exists() and not run.locked
