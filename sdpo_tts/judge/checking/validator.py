"""Right or wrong: by comparison on the host, by a checker program, or by an interactor."""

from __future__ import annotations

from dataclasses import replace

from sdpo_tts.judge.author_programs import CPU_S, WALL_S, AuthorPrograms, Tool, message_file, opinion, paths, strain
from sdpo_tts.judge.checking.checker import Comparison, ValidatorError, compare
from sdpo_tts.judge.checking.checker_json import compare_json
from sdpo_tts.judge.checking.interaction import Interaction, Side, hold
from sdpo_tts.judge.containers.container import Command
from sdpo_tts.judge.containers.session import Session
from sdpo_tts.judge.facts import Facts
from sdpo_tts.problem import Mode, Problem, Test


class Validator:
    """Decides right or wrong on one problem. Thread-safe.

    Creating it compiles checker and interactor: raises UserError if one does not compile, and ContainerLost.
    """

    def __init__(self, problem: Problem, author_programs: AuthorPrograms) -> None:
        self._problem, self._author_programs = problem, author_programs
        checker, interactor = problem.checker.program, problem.interactor
        self._checker = author_programs.validator("checker", checker) if checker else None
        self._interactor = author_programs.validator("interactor", interactor.program) if interactor else None

    def compare(self, test: Test, output: bytes) -> Comparison:
        """Whether `output` is right; one that overloads a checker program is not.

        Raises ValidatorError (a checker program failed), ContainerLost.
        """
        if self._checker:
            return self._check(self._checker, test, output)
        if self._problem.mode is Mode.FUNCTION:
            return compare_json(self._problem.checker, test.expected, output)
        return compare(self._problem.checker, test.expected, output)

    def converse(self, session: Session, command: Command, test: Test) -> Interaction:
        """Lets a submission talk to the interactor. Raises ContainerLost."""
        assert self._interactor and self._problem.interactor
        convention = self._problem.interactor.convention
        kept = "output" if self._checker else message_file(convention)
        words = self._interactor.command(*paths(convention), keep=kept)
        files = {"input": test.input, "answer": test.expected}
        # The submission keeps its usual limits, but waiting for the interactor does not count. If it is silent, it is
        # stopped; the interactor then waits until its input ends.
        ours = Side(session, command, idle_s=command.wall_s)
        talk = self._hold(ours, words, files)
        if talk.submission.killed in ("idle", "wall") and talk.interactor.cpu_s > command.wall_s / 2:
            # The interactor was the silent one: it was computing.
            talk = self._hold(replace(ours, idle_s=command.wall_s + CPU_S), words, files)
        return talk

    def _hold(self, ours: Side, words: Command, files: dict[str, bytes]) -> Interaction:
        assert self._interactor
        with self._author_programs.session(self._interactor, files) as own:
            return hold(ours, Side(own, words, WALL_S))

    def settle(self, interaction: Interaction, test: Test) -> Comparison:
        """The interactor's verdict, and the checker's on what it wrote. Raises ValidatorError, ContainerLost."""
        assert self._interactor and self._problem.interactor
        if interaction.interactor.exit_code == 1 and interaction.is_flood and (what := strain(interaction.interactor)):
            return Comparison(False, f"the interactor {what}", strained=True)
        verdict = opinion(self._interactor, self._problem.interactor.convention, interaction.interactor)
        if verdict.ok and self._checker:
            return self._check(self._checker, test, interaction.interactor.kept)
        return verdict

    def _check(self, tool: Tool, test: Test, output: bytes) -> Comparison:
        convention = self._problem.checker.convention
        facts = self._run_checker(tool, test, output)
        if what := strain(facts):
            if output == test.expected or strain(self._run_checker(tool, test, test.expected)):
                raise ValidatorError(f"checker: it {what}")
            return Comparison(False, f"on this output the checker {what}", strained=True)
        try:
            return opinion(tool, convention, facts)
        except ValidatorError:  # which may have been chance
            return opinion(tool, convention, self._run_checker(tool, test, output))

    def _run_checker(self, tool: Tool, test: Test, output: bytes) -> Facts:
        convention = self._problem.checker.convention
        command = tool.command(*paths(convention), keep=message_file(convention))
        files = {"input": test.input, "answer": test.expected, "output": output}
        return self._author_programs.run(tool, command, files, stdin=output)
