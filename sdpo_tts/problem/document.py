"""A YAML file in which all scalars are text and every value remembers its place.

YAML's own types are a trap for test data (`010` is 8, `yes` is true, `1:30` is 90), so none are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

import yaml
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sdpo_tts.errors import UserError

Location = tuple[str | int, ...]
Value = str | list["Value"] | dict[str, "Value"]

MAX_BYTES = 16 * 2**20
_MAX_EXPANDED = 4 * MAX_BYTES  # characters, after aliases; stops alias bombs
_NODE_COST = 64  # how many characters an empty value counts as
_MAX_DEPTH = 32
_TAGS: dict[type[Node], str] = {
    ScalarNode: "tag:yaml.org,2002:str",
    SequenceNode: "tag:yaml.org,2002:seq",
    MappingNode: "tag:yaml.org,2002:map",
}


class Null(str):
    """A plain scalar that YAML calls null, as it was written: nothing at all, `~` or `null`."""


class Refused(ValueError):
    """A value that is not valid. The caller that knows its place turns this into a `UserError`."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Document:
    """The contents of one YAML file. Places are (line, column), counted from 1."""

    path: Path
    data: Value
    values: dict[Location, tuple[int, int]]
    keys: dict[Location, tuple[int, int]]

    def error(self, location: Location, what: str, hint: str = "", *, at_key: bool = False) -> UserError:
        """An error at the value (or key) at `location`, or at its nearest parent in the file."""
        places = self.keys if at_key else self.values
        while location and location not in places:
            location, places = location[:-1], self.values
        line, column = places[location]
        return UserError(what, where=f"{self.path}:{line}:{column}", hint=hint)

    @contextmanager
    def at(self, *location: str | int) -> Iterator[None]:
        """Turns `Refused` into a `UserError` at `location`."""
        try:
            yield
        except Refused as refused:
            raise self.error(location, refused.what, refused.hint) from None

    def beside(self, relative: str) -> Path:
        """The path of a file below this document's folder. Raises `Refused` if it would be outside."""
        path = PurePosixPath(relative)
        if "\0" in relative or path.is_absolute() or ".." in path.parts:
            raise Refused(f"{quoted(relative)} leaves the problem folder", "give a path relative to the folder")
        return self.contained(self.path.parent / path)

    def contained(self, path: Path) -> Path:
        """`path` itself. Raises `Refused` if a symbolic link leads out of this document's folder."""
        name = quoted(str(path.relative_to(self.path.parent)))
        try:
            path.exists()  # raises for a name that is too long; `resolve` raises for a link to itself
            target = path.resolve()
        except (OSError, RuntimeError):
            raise Refused(f"{name} is not a usable path") from None
        if not target.is_relative_to(self.path.parent.resolve()):
            raise Refused(f"{name} leads out of the problem folder", "copy the file instead of linking it")
        return path


def quoted(text: str) -> str:
    """`text` for a message: on one line, at most 60 characters, in backquotes."""
    visible = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:61])
    return f"`{visible[:60] + '…' if len(visible) > 60 else visible}`"


def read_text(path: Path) -> str:
    """The UTF-8 text of a file, without byte order mark and with `\\n` as line end. Raises `UserError`."""
    return decoded(_read_bytes(path), path)


def decoded(raw: bytes, path: Path) -> str:
    """As `read_text`, for bytes that came from `path`."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start].decode())
        raise UserError("not UTF-8 text", where=f"{path}:{line}:{column}", hint="save the file as UTF-8") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_document(path: Path) -> Document:
    """Reads one YAML file. Raises `UserError` with `file:line:column`."""
    return parse_document(read_text(path), path)


def parse_document(text: str, path: Path) -> Document:
    """As `read_document`, for text that came from `path`."""
    walk = _Walk(path)
    try:
        root = yaml.compose(text, Loader=_NodeLoader)
        data = Null() if root is None else walk.value(root, ())
    except yaml.reader.ReaderError as error:
        line, column = _place(text[: error.position])
        raise UserError(f"character U+{error.character:04X} is not allowed", where=f"{path}:{line}:{column}") from None
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(path, error) from None
    return Document(path, data, {(): (1, 1)} | walk.values, walk.keys)


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():  # a device or a pipe might never end
            raise UserError("no such file" if not path.exists() else "not a regular file", where=str(path))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise UserError(f"larger than {MAX_BYTES >> 20} MiB", where=str(path), hint="keep large tests in files")
    return raw


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of the character after `before`."""
    before = before.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _yaml_error(path: Path, error: yaml.MarkedYAMLError) -> UserError:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    if error.context == "expected a single document in the stream":
        return UserError("more than one YAML document", where=where, hint="one file holds one problem")
    if isinstance(error, _TooLargeError):
        return UserError(str(error.problem), where=where)
    hint = "indent with spaces" if "'\\t'" in str(error.problem) else ""
    return UserError(f"not YAML: {error.problem or error.context}", where=where, hint=hint)


class _NodeLoader(yaml.BaseLoader):
    """Composes without resolving types, and stops before Python's own recursion limit does."""

    depth = 0

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._expanded: dict[int, int] = {}  # characters of each node once its aliases are expanded, by id

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, f"nested deeper than {_MAX_DEPTH} levels", mark)
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        if node is not None and not alias:
            self._measure(node)
        self.depth -= 1
        return node

    def _measure(self, node: Node) -> None:
        """Children are measured before their parent, unless the parent contains itself."""
        own = len(node.value) if isinstance(node, ScalarNode) else 0
        size = _NODE_COST + own + sum(self._expanded.get(id(child), 0) for child in _children(node))
        if size > _MAX_EXPANDED:
            raise _TooLargeError(None, None, "the file is too large once its aliases are expanded", node.start_mark)
        self._expanded[id(node)] = size


class _TooLargeError(yaml.MarkedYAMLError):
    """A file with aliases of aliases, detected before it is expanded, which would take minutes."""


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        yield from chain.from_iterable(node.value)


class _Walk:
    """Turns nodes into plain data and records the place of each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}

    def value(self, node: Node, location: Location) -> Value:
        self._charge(node, location)
        self.values[location] = _start(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, SequenceNode):
            return [self.value(child, (*location, i)) for i, child in enumerate(node.value)]
        data: dict[str, Value] = {}
        for key, child in node.value:
            name = self._key(key, location)
            data[name] = self.value(child, (*location, name))
        return data

    def _charge(self, node: Node, location: Location) -> None:
        if node.tag != _TAGS[type(node)]:
            raise self._error(node, f"YAML tag {quoted(node.tag)} is not allowed", "every value is read as text")
        if len(location) > _MAX_DEPTH:  # only an alias inside its own anchor gets here
            raise self._error(node, "an alias contains itself")

    def _scalar(self, node: ScalarNode) -> str:
        text: str = node.value
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self._error(node, "half a surrogate pair is not a character", "write \\U0001F600, not \\uD83D\\uDE00")
        # the composer gives plain scalars no style
        return Null(text) if not node.style and text in ("", "~", "null", "Null", "NULL") else text

    def _key(self, node: Node, parent: Location) -> str:
        if not isinstance(node, ScalarNode):
            raise self._error(node, "a key must be text")
        self._charge(node, parent)
        location = (*parent, self._scalar(node))
        if location in self.keys:
            line, _ = self.keys[location]
            raise self._error(node, f"key {quoted(node.value)} is given twice", f"first on line {line}")
        self.keys[location] = _start(node)
        return str(node.value)

    def _error(self, node: Node, what: str, hint: str = "") -> UserError:
        line, column = _start(node)
        return UserError(what, where=f"{self._path}:{line}:{column}", hint=hint)


def _start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
