"""A run without held-out tests: programs that pass the samples are candidates, one of which is proposed in the end.

An external judge may reject what was proposed. Then all that behaves like it is dropped, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.consensus import authors
from sdpo_tts.discovery.consensus.authors import Authored
from sdpo_tts.discovery.consensus.decision import Consensus, Decision
from sdpo_tts.discovery.person.rejection import Rejection, rejected, rejections
from sdpo_tts.discovery.state import SolverState
from sdpo_tts.record import Event
from sdpo_tts.stats import solves

PATIENCE_BATCHES = 4  # after the first candidate, at least so many batches for the others
MOST_DOUBTS = 2  # so often a brute force that nobody agrees with is believed: it may be wrong itself
Crown = Callable[..., None]


class Contest:
    """`crown` makes an attempt the run's winner, and says in the journal what that rests on."""

    def __init__(self, solver: SolverState, crown: Crown, events: Iterable[Event] = ()) -> None:
        """`events`: what a run that is resumed had found before the batch in hand."""
        self._solver, self._crown = solver, crown
        told = list(events)
        self._rejections: dict[int, Rejection] = rejections(told)
        self._judged = {number: checkpoint.recorded(solver, number, told) for number in self._rejections}
        before = (one for one in told if one["type"] == "attempt_judged" and one["step"] < solver.step and solves(one))
        self._candidates = [checkpoint.recorded(solver, one["attempt"], told) for one in before]
        self._dropped = set(self._rejections)  # numbers of those that behave like a rejected one
        self._doubted = {number for one in told for number in one.get("doubted", ())}
        self._doubts = sum(bool(one.get("doubted")) for one in told)
        self._consensus: Consensus | None = None
        self._authored = Authored()
        for rejection in self._rejections.values():
            if test := rejection.test:
                solver.parts.judge.add(test)

    def settle(self, batch: Sequence[Judged]) -> list[Judged]:
        """Take in a batch's candidates and, where there are enough, propose one. Of those that behave like a rejected
        one, or are presumably wrong, the batch is returned as having failed, with feedback that says so."""
        fresh = [one for one in batch if one.judgement.solved]
        self._candidates += fresh
        told = self._screened(fresh) if self._rejections and fresh else {}
        if self._enough():
            told |= self.propose(final=False)
        return [rejected(one, told[one.attempt.number]) if one.attempt.number in told else one for one in batch]

    def propose(self, *, final: bool) -> dict[int, str]:
        """Decide among the candidates; with `final` whatever speaks against them, and asking the model for nothing
        where time or tokens are spent. Without a winner it returns why candidates are presumably wrong, by number."""
        live = self._live() or (self._live(honest=False) if final else [])
        if not live:
            return {}
        if self._talks or (self._wanted == 1 and not self._rejections):
            self._crown(live[0], rests_on="samples", candidates=len(live))
            return {}
        everyone = [*self._judged.values(), *live]
        decision = self._decided(everyone)
        best = decision.best
        against = decision.trusted and best is not None and bool(best.against)
        unsure = against and not final and self._doubts < MOST_DOUBTS
        winner = everyone[best.members[0]] if best and not unsure else None
        doubts = {everyone[place].attempt.number: text for place, text in decision.doubts.items()} if unsure else {}
        self._doubted |= doubts.keys()
        self._doubts += bool(doubts)
        self._tell(decision, everyone, winner, sorted(doubts))
        if winner and best:
            self._crown(winner, **_rests_on(decision, len(best.members), len(live)))
        return doubts

    @property
    def _wanted(self) -> int:
        return 1 if self._talks else self._solver.settings.candidates

    @property
    def _talks(self) -> bool:
        """Whether programs talk with an interactor, so that nothing can be tried but the samples."""
        return self._solver.parts.judge.problem.interactor is not None

    def _live(self, *, honest: bool = True) -> list[Judged]:
        """Different programs that nobody has rejected, the first of each; `honest`: they do not carry the answers."""
        programs: dict[str, Judged] = {}
        for one in self._candidates:
            dropped = one.attempt.number in self._dropped or (honest and one.hard_coded)
            if one.attempt.program and not dropped:
                programs.setdefault(one.attempt.program, one)
        return list(programs.values())

    def _enough(self) -> bool:
        """As many as wanted; or as many attempts since the first one as it took to find it, and some batches more."""
        live = [one.attempt.number for one in self._live() if one.attempt.number not in self._doubted]
        if not live or self._solver.settings.keep_going:
            return False
        patience = max(live[0], PATIENCE_BATCHES * self._solver.strategy.batch_size)
        return len(live) >= self._wanted or self._solver.spent.attempts - live[0] >= patience

    def _screened(self, fresh: Sequence[Judged]) -> dict[int, str]:
        """Feedback on those of new candidates that behave like a rejected one, by number. The journal has it as a
        search in which none is chosen."""
        if self._talks:
            said = {one.attempt.program: self._rejections[number].words for number, one in self._judged.items()}
            same = {one.attempt.number: said[one.attempt.program] for one in fresh if one.attempt.program in said}
            self._dropped |= same.keys()
            return same
        told = {number: one.words for number, one in self._rejections.items()}
        others = [one for one in fresh if one.attempt.number not in told]
        if not others:
            return told
        everyone = [*self._judged.values(), *others]
        decision = self._decided(everyone)
        self._tell(decision, everyone, None, [])
        words = list(told.values())
        for group in decision.groups:
            if first := [place for place in group.members if place < len(words)]:
                alike = [everyone[place].attempt.number for place in group.members if place >= len(words)]
                told |= dict.fromkeys(alike, words[first[0]])
        return told

    def _decided(self, everyone: Sequence[Judged]) -> Decision:
        """Programs are those of attempts; rejected ones come first, and what behaves like them is dropped."""
        programs, known = [one.attempt.program or "" for one in everyone], range(len(self._judged))
        with self._solver.timed("judging"):
            decision = self._ready().decide(programs, known)
        wrong = (group.members for group in decision.groups if set(known) & set(group.members))
        self._dropped |= {everyone[place].attempt.number for members in wrong for place in members}
        return decision

    def _ready(self) -> Consensus:
        """With inputs, and with a brute force if one is to be had; made once in a process."""
        if self._consensus is None:
            solver, problem = self._solver, self._solver.parts.judge.problem
            known = [rejection.given for rejection in self._rejections.values() if rejection.given]
            self._consensus = Consensus(problem, solver.parts.judge, solver.seed, known)
            if not problem.stress and not solver.spent.over(solver.budget):
                self._authored = authors.write(solver.parts, solver.seed)
                solver.spent.tokens += self._authored.completion_tokens
            self._consensus.prepare(self._authored)
        return self._consensus

    def _tell(self, decision: Decision, everyone: Sequence[Judged], winner: Judged | None, doubted: list[int]) -> None:
        """The tokens of the model's generators and brute forces are told once."""
        numbers = [one.attempt.number for one in everyone]
        authored, self._authored = self._authored, Authored()
        self._solver.parts.journal.append(
            "consensus_sought", step=self._solver.step, candidates=numbers, chosen=winner and winner.attempt.number,
            groups=[[numbers[place] for place in group.members] for group in decision.groups], doubted=doubted,
            inputs=decision.inputs, brute=_brute(decision), prompt_tokens=authored.prompt_tokens,
            completion_tokens=authored.completion_tokens,
        )  # fmt: skip


def _rests_on(decision: Decision, agreeing: int, candidates: int) -> dict[str, Any]:
    """The fields of `solved`. One candidate that no brute force speaks for rests on the samples alone."""
    alone = agreeing < 2 and not decision.agrees
    return {
        "rests_on": "samples" if alone else "consensus",
        "candidates": candidates,
        "agreeing": agreeing,
        "inputs": decision.inputs,
        "brute": _brute(decision),
    }


def _brute(decision: Decision) -> str:
    return ("agrees" if decision.agrees else "disagrees") if decision.trusted else "none"
