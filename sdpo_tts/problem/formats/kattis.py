"""Kattis (ICPC) problem packages, versions `legacy` and `2025-09`.

The specification: `spec/legacy.md` and `spec/2025-09.md` of github.com/Kattis/problem-package-format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import Document, Null, Refused, Value, parse_document, quoted
from sdpo_tts.problem.formats.kattis_groups import Configs, Scores, read_scores
from sdpo_tts.problem.model import Checker, Convention, Interactor, Limits, Program, Test
from sdpo_tts.problem.reading.constants import Constants, read_constants
from sdpo_tts.problem.reading.draft import MIB, Draft, Reading, number, with_samples
from sdpo_tts.problem.reading.package import TIME_LIMIT, Package
from sdpo_tts.problem.reading.programs import author_program, programs
from sdpo_tts.problem.reading.statement import find_statement
from sdpo_tts.problem.reading.validators import Mapped, kattis

OWN_KEYS = ("problem_format_version", "validation", "validator_flags", "uuid", "rights_owner", "license")
_SUBMISSIONS = {
    "accepted": "accepted",
    "wrong_answer": "wrong_answer",
    "time_limit_exceeded": "time_limit",
    "run_time_error": "runtime_error",
}
_MOST_LINKS = 8
_LINK = re.compile(rb"(?:\.\.?/)*[A-Za-z0-9_][A-Za-z0-9_./-]{0,250}\.(?:in|ans)")
_TIME = re.compile(r"""^[ \t]*(?:timelimit[ \t]*=[ \t]*)?["']?([0-9]+(?:\.[0-9]+)?)["']?[ \t]*$""", re.MULTILINE)
_TIME_FILES = (TIME_LIMIT, "domjudge-problem.ini")
_DEFAULT = Limits(time_s=2.0, memory_bytes=2048 * MIB, output_bytes=8 * MIB)  # "typical system default"
_MULTIPLIERS = "time limits are never derived from submissions"
_UNTOLD = {
    "code": "the limit on program length is left out",
    "time_multipliers": _MULTIPLIERS,
    "time_multiplier": _MULTIPLIERS,
}


def read(package: Package, path: Path, statement: str) -> Reading:
    """The problem of a package. Raises `UserError`."""
    document = parse_document(package.text("problem.yaml"), package.path / "problem.yaml")
    return _Kattis(package, document).draft(path, statement).finish()


@dataclass
class _Kattis:
    package: Package
    document: Document
    notes: list[str] = field(default_factory=list)

    def draft(self, path: Path, statement: str) -> Draft:
        self._refuse_what_cannot_be()
        limits = self._limits()
        tests = list(self._tests())
        if not tests:
            hint = "*.in with *.ans in data/sample and data/secret"
            raise self.document.error((), "a Kattis package without tests", hint)
        checker, interactor = self._judges(tests)
        scores = self._scores(tests)
        found = find_statement(self.package, ("statement", "problem_statement", ""), self.constants)
        text = statement or found.text
        if not text.strip() and found.unreadable:
            hint = "give its text with `sdpo-tts import --statement FILE`"
            raise self.package.error(found.unreadable, "the statement is not text, so it cannot be read", hint)
        samples = with_samples(text, tests, has_them=bool(statement), displayed=self._displayed())
        self.notes += [*checker.notes, *(found.notes if not statement else ())]
        if not any(test.shown for test in tests):
            self.notes.append("the package has no sample, so feedback cannot quote any test")
        return Draft(
            path=path,
            where=str(self.document.path),
            slug=self.package.title,
            title=self._name(found.language) or found.title,
            statement=self._with_dialogues(text) if interactor else samples,
            tests=tests,
            limits=limits,
            checker=checker.checker,
            interactor=interactor,
            notes=tuple(self.notes),
            programs=programs(self.package, _SUBMISSIONS, self.constants.fill_program),
            source=self._text("source") or self._text("source_url"),
            statement_place="statement/problem.en.md in the package",
            groups=scores.groups,
        )

    def _scores(self, tests: list[Test]) -> Scores:
        """Points given by a validator are ignored: a test is right or wrong."""
        if "scoring" not in [*self._words("type"), *self._words("validation")[1:]]:
            return Scores()
        grading = self._value("grading")
        configs = Configs(self.package, self.constants.fill, grading if isinstance(grading, dict) else {})
        scores = read_scores(configs, tests, legacy=self._legacy)
        own = [*self.package.names("output_validators"), *self.package.names("output_validator")]
        partial = [name for name in own if b"score" in self.package.read(name)]
        self.notes += scores.notes
        self.notes += ["points given by the output validator are left out"] if partial else []
        return scores

    def _value(self, *location: str) -> Value | None:
        data: Value | None = self.document.data
        for key in location:
            data = data.get(key) if isinstance(data, dict) else None
        return data

    def _text(self, *location: str) -> str:
        value = self._value(*location)
        return value.strip() if isinstance(value, str) and not isinstance(value, Null) else ""

    def _words(self, *location: str) -> list[str]:
        """A list of texts, or one text of words."""
        value = self._value(*location)
        return [str(word) for word in value] if isinstance(value, list) else self._text(*location).split()

    def _name(self, language: str) -> str:
        names = self._value("name")
        return self._text("name") if not isinstance(names, dict) else self._text("name", language)

    @property
    def _legacy(self) -> bool:
        return self._text("problem_format_version") in ("", "legacy", "legacy-icpc")

    @cached_property
    def constants(self) -> Constants:
        return read_constants(self._value("constants"))

    def _refuse_what_cannot_be(self) -> None:
        kinds = [*self._words("type"), *self._words("validation")[1:]]
        for kind in ("multi-pass", "submit-answer"):
            if kind in kinds:
                location = ("type",) if kind in self._words("type") else ("validation",)
                raise self.document.error(location, f"{kind} problems are not supported")
        if self.package.names("include"):
            raise self.package.error("include", "code added to every program (`include/`) is not supported")
        if self.package.names("static_validator"):
            self.notes.append("the static validator is left out")
        self._note_languages()

    def _note_languages(self) -> None:
        languages = self._words("languages")
        if languages and not {"all", "python3"} & set(languages):
            self.notes.append(f"the package allows only {', '.join(languages)[:60]}, but Python 3 is used")

    def _judges(self, tests: list[Test]) -> tuple[Mapped, Interactor | None]:
        """The checker, and the interactor, which the package's validator may be instead. In older packages `validation`
        decides whether the default validator is used, in newer ones whether there is another."""
        own = [*self.package.names("output_validators"), *self.package.names("output_validator")]
        interactive = "interactive" in [*self._words("type"), *self._words("validation")[1:]]
        with self.document.at("validator_flags"):
            flags = self._validator_flags(tests)
        if own and self._legacy and not interactive and self._words("validation")[:1] != ["custom"]:
            self.notes.append("the output validator is left out, because `validation` is not `custom`")
            own = []
        if own and interactive:
            return Mapped(Checker()), Interactor(self._validator(own, flags), Convention.KATTIS)
        if interactive:
            raise self.document.error((), "an interactive problem without an output validator")
        if own:
            program = self._validator(own, flags)
            return Mapped(Checker(kind="program", program=program, convention=Convention.KATTIS)), None
        if self._words("validation")[:1] == ["custom"]:
            hint = "add it in output_validators/, or write `validation: default` to use the default one"
            raise self.document.error(("validation",), "the output validator is not in the package", hint)
        with self.document.at("validator_flags"):
            return kattis(flags), None

    def _validator(self, names: list[str], flags: list[str]) -> Program:
        return author_program(self.package, names, flags, self.constants.fill_program)

    def _with_dialogues(self, statement: str) -> str:
        """With the sample dialogues, which an interactive problem has instead of samples."""
        names = [name for name in self.package.names("data/sample") if name.endswith(".interaction")]
        lead = "Sample dialogue (`<` is read by the program, `>` is written by it)"
        return "\n\n".join([statement, *(f"{lead}:\n```\n{self.package.text(name).strip()}\n```" for name in names)])

    def _validator_flags(self, tests: list[Test]) -> list[str]:
        """Those of the secret tests, since there is one checker. Raises `Refused` if they differ."""
        decisive = [test for test in tests if not test.shown] or tests
        told = {tuple(self._flags_of(test.name)): test.name for test in reversed(decisive)}
        if len(told) > 1:
            first, second, *_ = (f"{' '.join(flags) or 'none'} for {name}" for flags, name in reversed(told.items()))
            raise Refused("validator flags that differ between tests are not supported", f"{first}, {second}")
        (flags,) = told
        if any(tuple(self._flags_of(test.name)) != flags for test in tests):
            self.notes.append(f"samples are checked with the flags of the secret tests: {' '.join(flags) or 'none'}")
        return [*flags]

    def _flags_of(self, test: str) -> list[str]:
        """Of the file beside the test, or else of the innermost group that has some; in older packages, the problem's
        come before."""
        folders = [str(folder) for folder in PurePosixPath(test).parents if str(folder).startswith("data")]
        files = [f"{folder}/{name}" for folder in folders for name in ("test_group.yaml", "testdata.yaml")]
        found = (self._settings[name]._own_flags() for name in (f"{test}.yaml", *files) if name in self._settings)
        own = next((flags for flags in found if flags is not None), [])
        return [*(self._words("validator_flags") if self._legacy else []), *own]

    @cached_property
    def _settings(self) -> dict[str, _Kattis]:
        """The files with settings of tests and groups, by name. Raises `UserError` for arguments of submissions."""
        names = self.package.names("data/sample") + self.package.names("data/secret")
        names += [name for name in ("data/test_group.yaml", "data/testdata.yaml") if self.package.has(name)]
        return {name: self._setting(name) for name in names if name.endswith(".yaml")}

    def _setting(self, name: str) -> _Kattis:
        text = self.constants.fill(self.package.text(name))
        setting = _Kattis(self.package, parse_document(text, self.package.path / name))
        if setting._value("args"):
            raise setting.document.error(("args",), "tests with command-line arguments are not supported")
        return setting

    def _own_flags(self) -> list[str] | None:
        """Of a file of settings; None if it has none. A map names the validator too, of which there is one."""
        for key in ("output_validator_args", "output_validator_flags"):
            value = self._value(key)
            if value is not None:
                return self._words(key, "flags") if isinstance(value, dict) else self._words(key)
        return None

    def _limits(self) -> Limits:
        told = self._value("limits")
        keys = told if isinstance(told, dict) else {}
        self.notes += sorted({text for key, text in _UNTOLD.items() if key in keys})
        memory, output = self._amount("memory", "number of MiB"), self._amount("output", "number of MiB")
        return Limits(
            time_s=self._time_limit(),
            memory_bytes=round(memory * MIB) if memory is not None else _DEFAULT.memory_bytes,
            output_bytes=round(output * MIB) if output is not None else _DEFAULT.output_bytes,
        )

    def _amount(self, key: str, what: str) -> float | None:
        if not self._text("limits", key):
            return None
        try:
            return number(self._text("limits", key), what, "")
        except UserError as error:
            raise self.document.error(("limits", key), error.what) from None

    def _time_limit(self) -> float:
        limit = self._amount("time_limit", "number of seconds")
        if limit is None:
            limit = self._time_limit_beside()
        if limit is None:
            limit = _DEFAULT.time_s
            self.notes.append(f"the package sets no time limit: using {limit:g} s")
        return limit

    def _time_limit_beside(self) -> float | None:
        """The limit where older judges keep it: a bare number, or `timelimit = 2`."""
        for name in _TIME_FILES:
            text = self.package.text(name) if self.package.has(name) else ""
            if found := _TIME.search(text):
                return number(found[1], "number of seconds", str(self.package.path / name))
        return None

    def _tests(self) -> Iterator[Test]:
        for folder in ("data/sample", "data/secret"):
            names = self.package.names(folder)
            if files := next((name for name in names if ".files/" in name), ""):
                raise self.package.error(files, "tests with their own files are not supported")
            for name in names:
                if name.endswith(".in"):
                    answer = f"{name.removesuffix('.in')}.ans"
                    if not self.package.has(answer):
                        raise self.package.error(name, "has no .ans file beside it")
                    shown = folder == "data/sample"
                    yield Test(name.removesuffix(".in"), self._data(name), self._data(answer), shown)

    def _displayed(self) -> dict[str, tuple[bytes, bytes]]:
        """Texts that the statement shows for samples instead of their data."""
        found = {}
        for name in self.package.names("data/sample"):
            stem = name.removesuffix(".in")
            given, wanted = self._first(f"{name}.statement"), self._first(f"{stem}.ans.statement", f"{stem}.out")
            if name.endswith(".in") and (given or wanted):
                found[stem] = (self.package.read(given or name), self.package.read(wanted or f"{stem}.ans"))
        return found

    def _first(self, *names: str) -> str:
        return next((name for name in names if self.package.has(name)), "")

    def _data(self, name: str) -> bytes:
        """A file's content. Links that Git stored as text, because it could not link, are followed."""
        for _ in range(_MOST_LINKS):
            raw = self.package.read(name)
            if not _LINK.fullmatch(raw):
                return raw
            target = _joined(PurePosixPath(name).parent, raw.decode())
            if PurePosixPath(target).suffix != PurePosixPath(name).suffix:
                return raw
            if not self.package.has(target):
                if raw.startswith(b".."):
                    raise self.package.error(name, f"a link to {quoted(raw.decode())}, which is not in the package")
                return raw
            name = target
        raise self.package.error(name, "a link that leads to itself")


def _joined(folder: PurePosixPath, relative: str) -> str:
    """Without `..`; a path that would leave the package becomes a name that is not in it."""
    parts = list(folder.parts)
    for part in PurePosixPath(relative).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return ""
    return "/".join(parts)
