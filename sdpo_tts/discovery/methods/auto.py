"""auto: samples from every source, most from those that pay off, and learns from samples drawn with and without help.

The first batch comes from the base. Then a bandit divides each batch among the sources, with a floor for base and
student, and the archive chooses the failed attempts that their prompts describe. Samples from the bare question are
learned as in SDPO; samples drawn with help are learned behind the bare question, in a separate optimiser step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdpo_tts.discovery.attempt import Judged
from sdpo_tts.discovery.guard import LEAK
from sdpo_tts.discovery.methods.archive import OWN, Archive, Entry
from sdpo_tts.discovery.methods.bandit import Bandit
from sdpo_tts.discovery.methods.context import TeacherContext
from sdpo_tts.discovery.methods.sharing import Sharing
from sdpo_tts.discovery.source import HELPED, Draw, Source
from sdpo_tts.policy import prompts
from sdpo_tts.policy.batch import Ids
from sdpo_tts.policy.learning.learner import Learner
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.learning.metrics import Step
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.problem import Problem

SHARING = 2  # the stream of random numbers for choosing sources and parents


@dataclass(frozen=True)
class AutoSettings:
    """`sources`: `bandit`, or fixed shares of a batch such as `student=1,feedback=1`. A feedback prompt describes
    `lineage` attempts, each the parent of the next. `distil`: learn from the student's own samples as SDPO does.
    `help_adapter`: draw samples with help with the adapter on."""

    sources: str = "bandit"
    lineage: int = 1
    distil: bool = True
    help_adapter: bool = True


class Auto:
    """A portfolio of sources over one archive, with one learner (None: it does not learn)."""

    name = "auto"

    def __init__(
        self, problem: Problem, chat: Chat, learner: Learner | None, context: TeacherContext, settings: AutoSettings,
        seed: int, batch_size: int = 16,
    ) -> None:  # fmt: skip
        self.batch_size, self.learner = batch_size, learner
        self._problem, self._chat, self._context, self._settings, self._seed = problem, chat, context, settings, seed
        self._question = chat.prompt(prompts.student_text(problem))
        self._sharing = Sharing.read(settings.sources, learns=learner is not None)
        self._archive, self._bandit, self._step = Archive(problem), Bandit(), 0

    def draws(self, count: int) -> list[Draw]:
        if not self._step:  # the policy is the base
            return [Draw(self._question, Source.BASE)] * count
        return self._draws(count)

    def _draws(self, count: int, without: frozenset[Source] = frozenset()) -> list[Draw]:
        """The bandit is not offered a source that had no prompt for any of its samples: the bandit would hear nothing
        of it, and prefer it to all sources that have failed."""
        rng = np.random.default_rng([self._seed, SHARING, self._step])
        self._archive.begin_batch()
        sources = self._sharing.of_batch(count, self._bandit, rng, without)
        draws = [self._draw(source, rng) for source in sources]
        lacking = (HELPED & set(sources)) - {draw.source for draw in draws}
        return self._draws(count, without | lacking) if lacking and not self._sharing.fixed else draws

    def begin(self, own: Sequence[Judged]) -> None:
        for judged in own:
            self._archive.add(judged, origin=OWN)

    def advise(self, hint: str) -> None:
        self._context.advise(hint)

    def learn(self, batch: Sequence[Judged]) -> Step | str:
        known = [judged for judged in batch if judged.reward is not None]
        lessons = self._lessons(known) if self.learner else ([], [])
        for judged in known:
            attempt = judged.attempt
            self._bandit.tell(str(attempt.source), self._archive.reward(judged), attempt.sample.completion_tokens)
            self._archive.add(judged)
        self._bandit.fade()
        self._step += 1
        if self.learner and any(lessons):
            return self.learner.step(*lessons)
        return "there is nothing to learn from in this batch" if self.learner else "learning is turned off"

    def state(self) -> dict[str, Any]:
        return {"step": self._step, "archive": self._archive.state(), "bandit": self._bandit.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self._step = state["step"]
        self._archive.restore(state["archive"])
        self._bandit.restore(state["bandit"])

    def _draw(self, source: Source, rng: np.random.Generator) -> Draw:
        """The bare question, as long as there is no parent."""
        if source is Source.BASE:
            return Draw(self._question, source, adapter=False)
        parent = self._archive.parent(source, rng) if source in HELPED else None
        if parent and (prompt := self._prompt(source, parent)):
            return Draw(prompt, source, parent.number, self._settings.help_adapter)
        return Draw(self._question, Source.STUDENT if self.learner else Source.BASE)

    def _prompt(self, source: Source, parent: Entry) -> Ids | None:
        """None if it does not fit."""
        if source is Source.REPAIR:
            return self._context.repair(parent.program or "", parent.feedback)
        return self._context.told([one.feedback for one in self._archive.lineage(parent, self._settings.lineage)])

    def _lessons(self, batch: Sequence[Judged]) -> tuple[list[Lesson], list[Lesson]]:
        """From samples without help, and from samples with help."""
        honest = [judged for judged in batch if not judged.hard_coded]
        bare = [judged for judged in honest if judged.attempt.source not in HELPED]
        helped = [judged for judged in honest if judged.attempt.source in HELPED]
        own = [
            Lesson(judged.attempt.sample, prompt)
            for judged, prompt in zip(bare, self._context.prompts(bare) if bare else [], strict=True)
            if prompt is not None and self._settings.distil
        ]
        mean = float(np.mean([self._archive.share(one) for one in bare])) if bare else 0.0
        return own, [lesson for judged in helped for lesson in self._imitation(judged, mean)]

    def _imitation(self, judged: Judged, mean: float) -> list[Lesson]:
        """One lesson or none: an answer that talks about feedback would be nonsense behind the bare question."""
        assert self.learner
        settings = self.learner.settings.imitation
        advantage = self._archive.share(judged) - mean
        wanted = {"all": True, "improved": advantage > 0, "none": False}[settings.samples]
        learned = judged.attempt.text + judged.attempt.thought * (self.learner.settings.thoughts > 0)
        if not wanted or LEAK.search(learned):
            return []
        sample = judged.attempt.sample
        teacher = sample.prompt if settings.reads_teacher and sample.likeliest is None else None
        return [Lesson(sample, teacher, advantage, question=self._question)]
