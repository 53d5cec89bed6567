"""A run without held-out tests: programs that pass the samples are candidates, and one of them is proposed.

If an external judge rejects it, everything that behaves like it is dropped, and the run continues.
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

PATIENCE_BATCHES = 4  # batches to wait for more candidates after the first one, at least
MOST_DOUBTS = 2  # how often a brute force that no candidate agrees with is believed: it may be wrong itself
Crown = Callable[..., None]


class Contest:
    """`crown` makes an attempt the run's winner, and writes into the journal what that rests on."""

    def __init__(self, solver: SolverState, crown: Crown, events: Iterable[Event] = ()) -> None:
        """`events`: what a resumed run had found before the batch in progress."""
        self._solver, self._crown = solver, crown
        told = list(events)
        self._rejections: dict[int, Rejection] = rejections(told)
        self._judged = {number: checkpoint.recorded(solver, number, told) for number in self._rejections}
        before = (one for one in told if one["type"] == "attempt_judged" and one["step"] < solver.step and solves(one))
        self._candidates = [checkpoint.recorded(solver, one["attempt"], told) for one in before]
        self._dropped = set(self._rejections)  # numbers of attempts that behave like a rejected one
        self._doubted = {number for one in told for number in one.get("doubted", ())}
        self._doubts = sum(bool(one.get("doubted")) for one in told)
        self._consensus: Consensus | None = None
        self._authored = Authored()
        for rejection in self._rejections.values():
            if test := rejection.test:
                solver.parts.judge.add(test)

    def settle(self, batch: Sequence[Judged]) -> list[Judged]:
        """Take in a batch's candidates and, if there are enough, propose one. Returns the batch; candidates that behave
        like a rejected one, or are presumably wrong, count as failed in it, with feedback that says so."""
        fresh = [one for one in batch if one.judgement.solved]
        self._candidates += fresh
        told = self._screened(fresh) if self._rejections and fresh else {}
        if self._enough():
            told |= self.propose(final=False)
        return [rejected(one, told[one.attempt.number]) if one.attempt.number in told else one for one in batch]

    def propose(self, *, final: bool) -> dict[int, str]:
        """Decide among the candidates. With `final`, propose one whatever speaks against it, without asking the model
        for anything if time or tokens are spent. Without a winner, returns why candidates are presumably wrong, by
        number; nothing about rejected ones, of which more is known."""
        live = self._live() or (self._live(honest=False) if final else [])
        if not live:
            return {}
        if self._blind or (self._wanted == 1 and not self._rejections):
            self._crown(live[0], rests_on="samples", candidates=len(live))
            return {}
        everyone = [*self._judged.values(), *live]
        decision = self._decided(everyone)
        best = decision.best
        against = decision.trusted and best is not None and bool(best.against)
        unsure = against and not final and self._doubts < MOST_DOUBTS
        winner = everyone[best.members[0]] if best and not unsure else None
        doubted = {everyone[place].attempt.number: text for place, text in decision.doubts.items()} if unsure else {}
        doubts = {number: text for number, text in doubted.items() if number not in self._dropped}
        self._doubted |= doubts.keys()
        self._doubts += bool(doubts)
        self._tell(decision, everyone, winner, sorted(doubts))
        if winner and best:
            self._crown(winner, **_rests_on(decision, len(best.members), len(live)))
        return doubts

    @property
    def _wanted(self) -> int:
        return 1 if self._blind else self._solver.settings.candidates

    @property
    def _blind(self) -> bool:
        """Whether no other inputs can be tried: programs talk to an interactor, or there is no sample to vary."""
        problem = self._solver.parts.judge.problem
        return problem.interactor is not None or not any(problem.shown)

    def _live(self, *, honest: bool = True) -> list[Judged]:
        """Different programs that have not been rejected, the first of each; `honest`: without hard-coded answers."""
        programs: dict[str, Judged] = {}
        wrong = {one.attempt.program for one in self._judged.values()}
        for one in self._candidates:
            dropped = one.attempt.number in self._dropped or (honest and one.hard_coded)
            if one.attempt.program and one.attempt.program not in wrong and not dropped:
                programs.setdefault(one.attempt.program, one)
        return list(programs.values())

    def _enough(self) -> bool:
        """As many as wanted; or as many further attempts as the first one took, and a few batches at least."""
        live = [one.attempt.number for one in self._live() if one.attempt.number not in self._doubted]
        if not live or self._solver.settings.keep_going:
            return False
        patience = max(live[0], PATIENCE_BATCHES * self._solver.strategy.batch_size)
        return len(live) >= self._wanted or self._solver.spent.attempts - live[0] >= patience

    def _screened(self, fresh: Sequence[Judged]) -> dict[int, str]:
        """Feedback on new candidates that behave like a rejected one, by number. The journal records this as a search
        in which none is chosen."""
        if self._blind:
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
        why = {one.given: one.words for one in self._rejections.values()}
        return {everyone[place].attempt.number: why[given] for place, given in decision.failed.items()} | told

    def _decided(self, everyone: Sequence[Judged]) -> Decision:
        """A decision among the programs of these attempts, rejected ones first; drops what behaves like a rejected
        one, or fails a test that came later."""
        programs, known = [one.attempt.program or "" for one in everyone], range(len(self._judged))
        with self._solver.timed("judging"):
            decision = self._ready().decide(programs, known)
        self._dropped |= {everyone[place].attempt.number for place in decision.wrong}
        return decision

    def _ready(self) -> Consensus:
        """With inputs, and with a brute force if there is one; made once per process."""
        if self._consensus is None:
            solver, problem = self._solver, self._solver.parts.judge.problem
            told = [rejection for rejection in self._rejections.values() if rejection.given]
            known = {one.given: one.test.expected if one.test else None for one in told}
            self._consensus = Consensus(problem, solver.parts.judge, solver.seed, known)
            if not problem.stress and not solver.spent.over(solver.budget):
                self._authored = authors.write(solver.parts, solver.seed)
                solver.spent.tokens += self._authored.completion_tokens
            self._consensus.prepare(self._authored)
        return self._consensus

    def _tell(self, decision: Decision, everyone: Sequence[Judged], winner: Judged | None, doubted: list[int]) -> None:
        """Report the tokens of the model's generators and brute forces once."""
        numbers = [one.attempt.number for one in everyone]
        authored, self._authored = self._authored, Authored()
        self._solver.parts.journal.append(
            "consensus_sought", step=self._solver.step, candidates=numbers, chosen=winner and winner.attempt.number,
            groups=[[numbers[place] for place in group.members] for group in decision.groups], doubted=doubted,
            inputs=decision.inputs, brute=_brute(decision), prompt_tokens=authored.prompt_tokens,
            completion_tokens=authored.completion_tokens,
        )  # fmt: skip


def _rests_on(decision: Decision, agreeing: int, candidates: int) -> dict[str, Any]:
    """The fields of `solved`. A single candidate without a brute force on its side rests on the samples alone."""
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
