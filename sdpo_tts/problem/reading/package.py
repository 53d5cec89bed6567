"""A problem package, either a folder or a zip archive: a tree of files that is only read.

Nothing is ever unpacked to disk. Paths that lead out of the tree are refused, and so is what would not fit in memory.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path, PurePosixPath

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import decoded, quoted

MAX_FILES = 100_000
MAX_FILE_BYTES = 256 * 2**20
MAX_BYTES = 1024 * 2**20  # for all files that are read: tests are held in memory
TIME_LIMIT = ".timelimit"  # the only such name with a meaning, in packages of older judges
_LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini")
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class Package(ABC):
    """Files by their POSIX path below the package's root. Every method may raise `UserError`.

    Files that operating systems leave behind, such as `.DS_Store`, do not count.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = MAX_BYTES

    @property
    @abstractmethod
    def title(self) -> str:
        """The name of the folder or archive, without a suffix."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """All files below `folder`, at any depth, sorted; none if there is no such folder."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def _bytes(self, name: str) -> bytes: ...

    def read(self, name: str) -> bytes:
        raw = self._bytes(name)
        self._left -= len(raw)
        if self._left < 0:
            raise self.error(name, f"the package holds more than {MAX_BYTES >> 20} MiB")
        return raw

    def text(self, name: str) -> str:
        """UTF-8, without byte order mark and with `\\n` as line end."""
        return decoded(self.read(name), self.path / name)

    def error(self, name: str, what: str, hint: str = "") -> UserError:
        return UserError(what, where=str(self.path / name), hint=hint)


def open_package(path: Path) -> Package:
    """The package in a folder or zip archive. Raises `UserError`."""
    return Folder(path) if path.is_dir() else Archive(path)


class Folder(Package):
    """Links may only lead to places inside the folder."""

    @property
    def title(self) -> str:
        return self.path.resolve().name

    def names(self, folder: str = "") -> list[str]:
        root = self.path / folder
        if not root.is_dir():
            return []
        files, seen = [], 0
        folders = [(self._inside(root), frozenset[Path]())]
        while folders:
            folder_path, above = folders.pop()
            above |= {folder_path.resolve()}
            for path, is_folder in self._entries(folder_path):
                seen += 1
                if seen > MAX_FILES:
                    raise self.error(folder, f"more than {MAX_FILES} files")
                if not is_folder:
                    files.append(path.relative_to(self.path).as_posix())
                elif self._inside(path).resolve() in above:
                    raise UserError("is a link to a folder above itself", where=str(path))
                else:
                    folders.append((path, above))
        return sorted(files)

    def _entries(self, folder: Path) -> list[tuple[Path, bool]]:
        try:
            with os.scandir(folder) as entries:
                return [(folder / entry.name, entry.is_dir()) for entry in entries if not is_litter(entry.name)]
        except OSError as error:
            raise UserError(f"cannot be read: {error.strerror}", where=str(folder)) from None

    def has(self, name: str) -> bool:
        try:
            return (self.path / name).is_file()
        except OSError:
            return False

    def _bytes(self, name: str) -> bytes:
        path = self._inside(self.path / name)
        try:
            if not path.is_file():
                raise self.error(name, "no such file" if not path.exists() else "not a regular file")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise self.error(name, f"larger than {MAX_FILE_BYTES >> 20} MiB")
            return path.read_bytes()
        except OSError as error:
            raise self.error(name, f"cannot be read: {error.strerror}") from None

    def _inside(self, path: Path) -> Path:
        try:
            inside = path.resolve().is_relative_to(self.path.resolve())
        except (OSError, RuntimeError):
            raise UserError("not a usable path", where=str(path)) from None
        if not inside:
            raise UserError("leads out of the package", where=str(path), hint="copy the file instead of linking it")
        return path


class Archive(Package):
    """A zip archive. If everything is in one top folder, as is usual, that folder is the root."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
            entries = [entry for entry in self._zip.infolist() if not is_litter(entry.filename)]
        except _FAULTS as error:
            raise UserError(f"not a zip archive that can be read: {_reason(error)}", where=str(path)) from None
        self._refuse_bombs(entries)
        for entry in entries:
            self._refuse_escapes(entry)
        self._prefix = _common_folder([entry.filename for entry in entries])
        files = [entry for entry in entries if not entry.is_dir()]
        self._entries = {entry.filename.removeprefix(self._prefix): entry for entry in files}

    @property
    def title(self) -> str:
        return self._prefix.strip("/") or self.path.stem

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self._entries)

    def names(self, folder: str = "") -> list[str]:
        below = f"{folder}/" if folder else ""
        return [name for name in self._names if name.startswith(below)]

    def has(self, name: str) -> bool:
        return name in self._entries

    def _bytes(self, name: str) -> bytes:
        if name not in self._entries:
            raise self.error(name, "no such file")
        if self._entries[name].file_size > MAX_FILE_BYTES:  # zipfile never returns more than that
            raise self.error(name, f"larger than {MAX_FILE_BYTES >> 20} MiB")
        try:
            return self._zip.read(self._entries[name])
        except _FAULTS as error:
            raise self.error(name, f"cannot be read: {_reason(error)}") from None

    def _refuse_bombs(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > MAX_FILES:
            raise self.error("", f"more than {MAX_FILES} files")
        if sum(entry.file_size for entry in entries) > 2 * MAX_BYTES:  # some may never be read
            raise self.error("", f"more than {2 * MAX_BYTES >> 20} MiB once unpacked")

    def _refuse_escapes(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name.split("/")[0]:
            raise self.error("", f"{quoted(name)} leads out of the archive")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise self.error("", f"{quoted(name)} is a symbolic link", "unpack the archive, or copy what it links to")


def is_litter(name: str) -> bool:
    """Files that systems and editors leave behind: names beginning with a dot, and a few others, anywhere."""
    parts = PurePosixPath(name).parts
    return parts[-1:] != (TIME_LIMIT,) and any(part in _LITTER or (part[0] == "." and part != "..") for part in parts)


def _common_folder(names: list[str]) -> str:
    tops = {name.partition("/")[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""


def _reason(error: BaseException) -> str:
    """One line. The standard library's own words, such as `File is not a zip file`, are good enough."""
    lines = str(getattr(error, "strerror", None) or error).splitlines()
    return lines[0][:100] if lines else type(error).__name__
