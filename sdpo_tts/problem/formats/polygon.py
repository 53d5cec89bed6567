"""Codeforces Polygon packages: `problem.xml`, time in milliseconds, memory in bytes, Windows line ends accepted.

The format has no published specification; this follows the tags that Polygon writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from sdpo_tts.errors import UserError
from sdpo_tts.problem.document import Refused, quoted
from sdpo_tts.problem.model import Checker, Convention, Group, Interactor, Limits, Program, Test
from sdpo_tts.problem.reading.draft import Draft, Reading, number, with_samples
from sdpo_tts.problem.reading.latex import latex_to_text
from sdpo_tts.problem.reading.package import Package
from sdpo_tts.problem.reading.programs import add, author_program
from sdpo_tts.problem.reading.statement import FIGURES_LEFT_OUT
from sdpo_tts.problem.reading.validators import Mapped, polygon

_VERDICTS = {
    "main": "accepted",
    "accepted": "accepted",
    "wrong-answer": "wrong_answer",
    "time-limit-exceeded": "time_limit",
    "memory-limit-exceeded": "memory_limit",
}
_SECTIONS = {
    "legend": "", "input": "Input", "output": "Output", "interaction": "Interaction", "scoring": "Scoring",
    "notes": "Notes",
}  # fmt: skip
_POINTS = re.compile(rb"\b(?:quitp|quitpi)\s*\(|\b_points\b|\b_pc\s*\(|\b_partially\b")
_COMMENTS = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PATTERN = re.compile(r"([A-Za-z0-9_./-]*)%(?:0([1-9]))?d([A-Za-z0-9_./-]*)")
_MOST_TESTS = 10_000
_PART = ": "  # part of a group whose tests have different points


def read(package: Package, path: Path, statement: str) -> Reading:
    """The problem of a package. Raises `UserError`."""
    text = package.text("problem.xml")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise package.error("problem.xml", "document types and entities are not allowed")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        line, column = getattr(error, "position", (1, 0))
        where = f"{package.path / 'problem.xml'}:{line}:{column + 1}"
        raise UserError(f"not XML: {str(error).partition(':')[0]}", where=where) from None
    return _Polygon(package, root).draft(path, statement).finish()


@dataclass
class _Polygon:
    package: Package
    root: ElementTree.Element
    notes: list[str] = field(default_factory=list)

    def draft(self, path: Path, statement: str) -> Draft:
        testset = self._testset()
        interactor = self._interactor()
        checker = self._checker(interactor)
        self._refuse_what_cannot_be()
        tests = list(self._tests(testset))
        language = self._language()
        text = statement or self._statement(language)
        samples = with_samples(text, tests, has_them=bool(statement))
        if not any(test.shown for test in tests):
            self.notes.append("no test is marked as a sample, so feedback cannot quote any test")
        self.notes += checker.notes
        return Draft(
            path=path,
            where=str(self.package.path / "problem.xml"),
            slug=self.root.get("short-name") or self.package.title,
            title=self._title(language),
            statement=text if interactor else samples,
            tests=tests,
            limits=self._limits(testset),
            checker=checker.checker,
            interactor=interactor,
            notes=tuple(self.notes),
            programs=self._programs(),
            source=self.root.get("url") or "",
            groups=_resolved(list(self._groups(testset, tests))),
        )

    def _error(self, what: str, hint: str = "") -> UserError:
        return self.package.error("problem.xml", what, hint)

    def _testset(self) -> ElementTree.Element:
        testsets = self.root.findall("./judging/testset")
        named = [testset for testset in testsets if testset.get("name") == "tests"]
        if not testsets:
            raise self._error("no `judging/testset`", "a Polygon package is expected")
        if len(testsets) > 1:
            self.notes.append("test sets other than `tests` are left out")
        return (named or testsets)[0]

    def _limits(self, testset: ElementTree.Element) -> Limits:
        where = str(self.package.path / "problem.xml")
        time_ms = number(testset.findtext("time-limit", "").strip(), "time limit in milliseconds", where)
        memory = number(testset.findtext("memory-limit", "").strip(), "memory limit in bytes", where)
        return Limits(time_s=time_ms / 1000, memory_bytes=round(memory))

    def _checker(self, interactor: Interactor | None) -> Mapped:
        """A standard checker by its name, or the package's own; with an interactor always a program, which reads the
        interactor's output. A package without one compares lines."""
        checker = self.root.find("./assets/checker")
        name = (checker.get("name") or "") if checker is not None else "std::fcmp.cpp"
        if checker is not None and (interactor or not name.startswith("std::")):
            program = self._program(checker)
            if found := _POINTS.search(_COMMENTS.sub(b"", program.source)):
                what = f"a checker that gives points ({quoted(found[0].decode())}) is not supported"
                raise self._error(what, "here a program is right or wrong: let the checker quit with _ok or _wa")
            return Mapped(Checker(kind="program", program=program, convention=Convention.TESTLIB))
        if interactor:
            return Mapped(Checker())
        try:
            return polygon(name)
        except Refused as refused:
            raise self._error(refused.what, refused.hint) from None

    def _interactor(self) -> Interactor | None:
        interactor = self.root.find("./assets/interactor")
        return Interactor(self._program(interactor), Convention.TESTLIB) if interactor is not None else None

    def _program(self, element: ElementTree.Element) -> Program:
        """A checker or interactor with the package's headers, mainly testlib.h."""
        source = element.find("source")
        name = (source.get("path") or "") if source is not None else ""
        if ".." in PurePosixPath(name).parts or not self.package.has(name):
            raise self._error(f"the source {quoted(name)} of the {element.tag} is not in the package")
        headers = [header for header in self.package.names("files") if header.endswith(".h")]
        return author_program(self.package, [name, *headers])

    def _refuse_what_cannot_be(self) -> None:
        judging = self.root.find("./judging")
        attributes = judging.attrib if judging is not None else {}
        if attributes.get("run-count", "1") != "1":
            raise self._error("problems with several runs are not supported")
        for key, standard in (("input-file", "stdin"), ("output-file", "stdout")):
            if attributes.get(key, "") not in ("", standard):
                self.notes.append(f"{standard} is used instead of the file {quoted(attributes[key])}")

    def _tests(self, testset: ElementTree.Element) -> Iterator[Test]:
        told = testset.findall("./tests/test")
        amount = round(number(testset.findtext("test-count", str(len(told))).strip(), "number of tests", ""))
        if amount > _MOST_TESTS:
            raise self._error(f"more than {_MOST_TESTS} tests")
        for index in range(1, amount + 1):
            given = self._path(testset, "input-path-pattern", "tests/%02d", index)
            wanted = self._path(testset, "answer-path-pattern", "tests/%02d.a", index)
            shown = index <= len(told) and told[index - 1].get("sample") == "true"
            yield Test(given.removesuffix(".in"), self._data(given), self._data(wanted), shown)

    def _groups(self, testset: ElementTree.Element, tests: list[Test]) -> Iterator[Group]:
        """Tests with points, by group; tests without a group form one. Empty if no test has points."""
        told = list(zip(testset.findall("./tests/test"), tests, strict=False))
        known = {one.get("name") or "": one for one in testset.findall("./groups/group")}
        if not any(self._points(one) for one in (*known.values(), *(element for element, _ in told))):
            return
        members: dict[str, list[tuple[float, str]]] = {}
        for element, test in told:
            members.setdefault(element.get("group") or "", []).append((self._points(element), test.name))
        for name, own in members.items():
            group = known.get(name)
            names, each = tuple(test for _, test in own), group is None or group.get("points-policy") == "each-test"
            requires = () if group is None else _dependencies(group)
            sums = sorted({points for points, _ in own})
            if not each or len(sums) == 1:
                whole = (self._points(group) if group is not None else 0.0) or sum(points for points, _ in own)
                yield Group(name or "tests", whole, names, each, requires)
            else:
                for points in sums:
                    alike = tuple(test for other, test in own if other == points)
                    yield Group(f"{name or 'tests'}{_PART}{points:g} each", points * len(alike), alike, True, requires)

    def _points(self, element: ElementTree.Element) -> float:
        where = str(self.package.path / "problem.xml")
        return number(element.get("points") or "0", "number of points", where)

    def _path(self, testset: ElementTree.Element, tag: str, default: str, index: int) -> str:
        pattern = testset.findtext(tag, default).strip()
        match = _PATTERN.fullmatch(pattern)
        if not match or ".." in pattern or pattern.startswith("/"):
            raise self._error(f"{quoted(pattern)} is not a valid {tag.replace('-', ' ')}")
        return f"{match[1]}{index:0{match[2] or 1}d}{match[3]}"

    def _data(self, name: str) -> bytes:
        if not self.package.has(name):
            hint = "download the *full* package, which includes generated tests"
            raise self.package.error(name, "no such file", hint)
        return self.package.read(name).replace(b"\r\n", b"\n")

    def _language(self) -> str:
        """English, if the problem has it."""
        languages = [name.get("language") or "" for name in self.root.findall("./names/name")]
        return "english" if "english" in languages or not languages else languages[0]

    def _title(self, language: str) -> str:
        names = {name.get("language"): name.get("value") or "" for name in self.root.findall("./names/name")}
        return latex_to_text(names.get(language, "")).text

    def _statement(self, language: str) -> str:
        folder = f"statement-sections/{language}"
        told = {key: self._section(f"{folder}/{key}.tex") for key in _SECTIONS}
        if not any(told.values()):
            told = self._properties(f"statements/{language}/problem-properties.json")
        if language != "english":
            self.notes.append(f"the statement is not in English but in {quoted(language)}")
        texts = {key: self._plain(text) for key, text in told.items() if text.strip()}
        return "\n\n".join(f"## {_SECTIONS[key]}\n\n{text}" if _SECTIONS[key] else text for key, text in texts.items())

    def _section(self, name: str) -> str:
        return self.package.text(name) if self.package.has(name) else ""

    def _properties(self, name: str) -> dict[str, str]:
        try:
            told = json.loads(self._section(name) or "{}")
        except (ValueError, RecursionError):
            raise self.package.error(name, "not JSON") from None
        told = told if isinstance(told, dict) else {}
        return {key: told[key] for key in _SECTIONS if isinstance(told.get(key), str)}

    def _plain(self, source: str) -> str:
        converted = latex_to_text(source)
        if converted.figures and FIGURES_LEFT_OUT not in self.notes:
            self.notes.append(FIGURES_LEFT_OUT)
        return converted.text

    def _programs(self) -> tuple[tuple[str, bytes], ...]:
        found: dict[str, bytes] = {}
        for solution in self.root.findall("./assets/solutions/solution"):
            source = solution.find("source")
            name = source.get("path") or "" if source is not None else ""
            verdict = _VERDICTS.get(solution.get("tag") or "")
            if verdict and ".." not in PurePosixPath(name).parts and self.package.has(name):
                add(found, verdict, PurePosixPath(name).name, self.package.read(name))
        return tuple(found.items())


def _dependencies(group: ElementTree.Element) -> tuple[str, ...]:
    return tuple(one.get("group") or "" for one in group.findall("./dependencies/dependency"))


def _resolved(groups: Sequence[Group]) -> tuple[Group, ...]:
    """A required group stands for all parts that it was divided into."""
    names = [group.name for group in groups]
    return tuple(
        replace(group, requires=tuple(name for name in names if name.partition(_PART)[0] in group.requires))
        for group in groups
    )
