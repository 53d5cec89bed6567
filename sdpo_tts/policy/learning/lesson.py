"""What one step learns from: lessons, made distinct and put into groups that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sdpo_tts.policy.batch import Ids, Pair
from sdpo_tts.policy.sampler import Sample


@dataclass(frozen=True)
class Lesson:
    """One attempt to learn from.

    `teacher_prompt` is the prompt under which the model is its teacher (None: there is no teacher, or what it says was
    kept with the sample), `advantage` the attempt's by reward. `weight` counts the identical attempts that it
    represents. `old_logprobs` are set when a batch makes several updates. `question` is set for a sample that was drawn
    with help: it is learned behind this prompt instead of its own.
    """

    sample: Sample
    teacher_prompt: Ids | None = None
    advantage: float = 0.0
    weight: int = 1
    old_logprobs: tuple[float, ...] | None = None
    question: Ids | None = None

    @property
    def student(self) -> Pair:
        return Pair(self.sample.prompt if self.question is None else self.question, self.sample.response)

    @property
    def on_policy(self) -> bool:
        """Whether its log-probabilities are those of the current adapter, given the prompt that it is learned with."""
        return not self.sample.base and self.question is None

    @property
    def teacher(self) -> Pair:
        assert self.teacher_prompt is not None
        return Pair(self.teacher_prompt, self.sample.response)


def merged(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Identical lessons become one, with their number as its weight."""
    groups: dict[object, Lesson] = {}
    for one in lessons:
        drawn = one.sample.prompt, one.sample.base, one.sample.forced
        key = one.student, *drawn, one.teacher_prompt, one.advantage
        groups[key] = replace(one, weight=groups[key].weight + one.weight) if key in groups else one
    return list(groups.values())


def micro_batches(lessons: Sequence[Lesson], head: int, tokens: int) -> Iterator[list[Lesson]]:
    """Lessons in order of length, in groups whose padded size behind a prefix of `head` tokens is at most `tokens`."""
    group: list[Lesson] = []
    for lesson in sorted(lessons, key=lambda one: _size(one, head)):
        if group and _size(lesson, head) * (len(group) + 1) > tokens:
            yield group
            group = []
        group.append(lesson)
    yield group


def _size(lesson: Lesson, head: int) -> int:
    prompt = lesson.student.prompt if lesson.teacher_prompt is None else lesson.teacher_prompt
    return max(0, len(prompt) - head) + len(lesson.sample.response)
