"""Models that think before they answer: how they are told to, where a thought ends, and what is learned and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from sdpo_tts.cli.existing_run import ExistingRun
from sdpo_tts.discovery import checkpoint
from sdpo_tts.discovery.assemble import Policy, PolicySettings, RunSettings, load_policy, make_guard, make_strategy
from sdpo_tts.discovery.attempt import Attempt, Judged
from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.consensus import authors
from sdpo_tts.discovery.critic import SelfCritic
from sdpo_tts.discovery.guard import own_attempts
from sdpo_tts.discovery.measure.drift import Comparison
from sdpo_tts.discovery.measure.probe import Probe
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts
from sdpo_tts.engine.in_process import InProcessEngine, Request
from sdpo_tts.errors import UserError
from sdpo_tts.judge import Judgement, Verdict
from sdpo_tts.judge.feedback.text import render
from sdpo_tts.policy.learning.learner import ONLY_THOUGHTS, Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson, merged
from sdpo_tts.policy.learning.teacher import TeacherSettings
from sdpo_tts.policy.network import Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import Sample, TorchSampler
from sdpo_tts.policy.thinking import Thinking, ThinkingSettings, split
from sdpo_tts.record import AttemptRecord, Journal, RunDir, read_events
from tests.fakes import STOP, CharacterChat, ScriptedSampler, Version, WordJudge, judged
from tests.test_judge import SUM
from tests.test_learner import FEEDBACK, QUESTION, agrees, rngs, settings, whole_logits
from tests.tiny import SWITCHED, VOCABULARY, save_tiny_model, thinker, tiny_network

OPEN, CLOSE, LINE = 60, 61, 62
BUDGET, ANSWER = 5, 14
THINKING = Thinking((OPEN,), (CLOSE,), (LINE, CLOSE, LINE), opened=True, tokens=BUDGET)
HARMONY = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>")


def chat(mode: str, end: str = SWITCHED, marks: Sequence[str] = ("<think>", "</think>"), **more: Any) -> Chat:
    return Chat(thinker(end, marks), SimpleNamespace(eos_token_id=None), "", ThinkingSettings(mode, **more))


@pytest.mark.parametrize(
    ("end", "marks", "modes"),
    [
        (SWITCHED, ("<think>", "</think>"), "off on"),
        ("{% if enable_thinking is false %}<think></think>{% endif %}", ("<think>", "</think>"), "off on"),
        ("<think>\n", ("<think>", "</think>"), "on"),
        ("", ("<think>", "</think>"), "off"),
        ("Think between [THINK] and [/THINK].", ("[THINK]", "[/THINK]"), "on"),
        ("{% if thinking_budget == 0 %}<seed:think>0</seed:think>{% endif %}", ("<seed:think>", "</seed:think>"), "off on"),
        ("{{ reasoning_effort or 'medium' }} <|channel|>analysis", HARMONY, "on low medium high"),
        ("{{ reasoning_effort or 'none' }} [THINK]x[/THINK]", ("[THINK]", "[/THINK]"), "off on low medium high"),
        (SWITCHED + "{{ reasoning_effort }}", ("<think>", "</think>"), "off on low medium high"),
        ("{% if reasoning_effort == 'low' %}{{ raise_exception('no') }}{% endif %}{{ reasoning_effort }}<think>",
         ("<think>", "</think>"), "on medium high"),
    ],
)  # fmt: skip
def test_what_a_template_can_do(end: str, marks: Sequence[str], modes: str) -> None:
    """All else is refused, thinking that cannot be turned off too."""
    for mode in ("off", "on", "low", "medium", "high"):
        if mode in modes.split():
            chat(mode, end, marks).demand_thinking("toy")
        else:
            with pytest.raises(UserError, match="the chat template of toy") as refused:
                chat(mode, end, marks).demand_thinking("toy")
            assert refused.value.where == f"--thinking {mode}"
            assert all(f" {one}" in f" {refused.value.hint}" for one in modes.split())


def test_a_model_without_marks_of_its_own_cannot_be_asked_to_think() -> None:
    with pytest.raises(UserError, match="the tokens that open and close a thought of toy are not known"):
        chat("on", marks=["<thought>"]).demand_thinking("toy")


def test_where_a_thought_begins_and_ends() -> None:
    one = chat("on", tokens=7)
    thinking = one.thinking
    assert thinking and (thinking.opened, thinking.tokens) == (True, 7) and len(thinking.opens) == len(thinking.closes) == 1
    assert thinking.closing == one.plain("\n") + thinking.closes + one.plain("\n\n")
    assert one.text(one.prompt("x")).endswith("assistant\n<think>\n")
    off = chat("off")
    assert off.thinking is None and off.prompt("x")[-3:] == off.plain("</think>\n\n")
    answer = chat("on", "{{ reasoning_effort }}<|channel|>analysis", HARMONY).thinking
    assert answer and answer.opened and answer.closing[-len(answer.closes) :] == answer.closes and len(answer.closes) > 2


def test_a_statement_cannot_close_a_thought() -> None:
    ids = chat("on").prompt("print('</think>')")
    thinking = chat("on").thinking
    assert thinking and thinking.closes[0] not in ids


@pytest.mark.parametrize(
    ("mode", "tokens", "told"),
    [("off", 8, "no thoughts to close"), ("on", 64, "no room for an answer"), ("on", 63, ""), ("on", None, "")],
)
def test_a_budget_that_cannot_be_kept_is_refused(mode: str, tokens: int | None, told: str) -> None:
    if not told:
        ThinkingSettings(mode, tokens).demand(64)
        return
    with pytest.raises(UserError, match=told):
        ThinkingSettings(mode, tokens).demand(64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a\n```\nb\n```</think>\nc", ("<think>a\n```\nb\n```</think>", "\nc")),
        ("a</think>b</think>c", ("a</think>b</think>", "c")),
        (" <think>a", (" <think>a", "")),
        ("[THINK]a[/THINK]b", ("[THINK]a[/THINK]", "b")),
        ("if a < b: <think>", ("", "if a < b: <think>")),
    ],
)
def test_a_server_s_text_is_split_behind_its_thought(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected


def sampled(network: Network, thinking: Thinking | None = THINKING, count: int = 24) -> list[Sample]:
    sampler = TorchSampler(network, [STOP], max_new_tokens=ANSWER, thinking=thinking)
    return sampler.sample([QUESTION] * count, rngs(count))


@pytest.mark.parametrize("opened", [True, False])
def test_a_thought_is_closed_when_its_time_is_up(opened: bool) -> None:
    """Against each answer read anew, token by token; and what was drawn was drawn from the model."""
    network = tiny_network()
    kinds: Counter[str] = Counter()
    for one in sampled(network, replace(THINKING, opened=opened), 64):
        thinking, spent, place, end = opened, 0, 0, 0
        while place < len(one.response):
            if thinking and spent >= BUDGET:
                closing = THINKING.closing[: len(one.response) - place]
                assert one.response[place : place + len(closing)] == closing
                assert one.forced[place : place + len(closing)] == (True,) * len(closing)
                place, end = place + len(closing), place + len(closing)
                thinking = len(closing) == 1
                kinds["closed"] += 1
                continue
            assert not one.forced or not one.forced[place]
            spent += thinking
            token, place = one.response[place], place + 1
            if token == CLOSE:
                thinking, end = False, place
            elif token == OPEN:
                thinking = True
        assert one.thought == (len(one.response) if thinking else end)
        assert one.answer == one.response[one.thought :]
        assert one.completion_tokens + sum(one.forced) == len(one.response)
        assert one.prompt_tokens == len(QUESTION) + sum(one.forced)
        kinds["only thought" if one.cut["only_thought"] else "answered" if one.thought else "no thought"] += 1
        forced = torch.tensor(one.forced or (False,) * len(one.response))
        logp_T = logprobs_of(network, one.prompt, one.response).detach().masked_fill(forced, 0.0)
        torch.testing.assert_close(torch.tensor(one.logprobs, dtype=logp_T.dtype), logp_T, atol=1e-5, rtol=0)
    assert kinds["closed"] and kinds["answered"] and (kinds["no thought"] or opened)


def logprobs_of(network: Network, prompt: tuple[int, ...], response: tuple[int, ...]) -> Tensor:
    logp_T_V = whole_logits(network, prompt, response).log_softmax(-1)
    return logp_T_V.gather(-1, torch.tensor(response)[:, None]).squeeze(-1)


def test_a_batch_in_hand_keeps_what_was_drawn(tmp_path: Path) -> None:
    samples = sampled(tiny_network())
    attempts = [Attempt(number, 0, 0, 0, one, "", None, thought="hm") for number, one in enumerate(samples)]
    checkpoint.save_batch((run := RunDir.at(tmp_path / "run")), attempts)
    assert checkpoint.load_batch(run) == attempts and any(one.forced for one in samples)


def test_without_a_thought_nothing_is_different() -> None:
    network = tiny_network()
    far = replace(THINKING, opened=False, opens=(VOCABULARY,), closes=(VOCABULARY,))
    assert sampled(network, None) == sampled(network, far)


def lessons_of(network: Network) -> list[Lesson]:
    samples = sampled(network)
    told = [QUESTION[:3] + FEEDBACK[place % 4] + QUESTION[3:] for place in range(len(samples))]
    return [Lesson(one, prompt, 0.7 - place % 3) for place, (one, prompt) in enumerate(zip(samples, told, strict=True))]


def plain_loss(network: Network, lessons: Sequence[Lesson], thoughts: float) -> Tensor:
    """Mean over sequences of the mean divergence over the answer, plus that over what was drawn of the thought, written
    out token by token; sequences without either do not count."""
    losses = []
    for lesson in lessons:
        one = lesson.sample
        student = whole_logits(network, one.prompt, one.response).log_softmax(-1)
        with torch.no_grad(), network.without_adapter():
            teacher = whole_logits(network, lesson.teacher.prompt, one.response).log_softmax(-1)
        divergence = (student.exp() * (student - teacher)).sum(-1)
        answer = [divergence[t] for t in range(len(one.response)) if t >= one.thought]
        thought = [divergence[t] for t in range(one.thought) if not (one.forced and one.forced[t])]
        means = [torch.stack(part).mean() * weight for part, weight in ((answer, 1.0), (thought, thoughts)) if part and weight]
        losses += [torch.stack(means).sum()] if means else []
    return torch.stack(losses).mean()


@pytest.mark.parametrize("thoughts", [0.0, 0.3])
@pytest.mark.parametrize("micro_tokens", [16, 1024])
def test_loss_and_gradient_equal_a_plain_computation(thoughts: float, micro_tokens: int) -> None:
    network = tiny_network()
    lessons = lessons_of(network)
    assert {bool(one.sample.answer) for one in lessons} == {True, False}
    assert {any(one.sample.forced) for one in lessons} == {True, False}
    chosen = settings(thoughts=thoughts, micro_tokens=micro_tokens)
    learned = [one for one in lessons if one.sample.answer or thoughts]
    agrees(network, Learner(network, chosen), learned, plain_loss(network, lessons, thoughts))


def test_forced_tokens_are_in_no_mean() -> None:
    """Whatever stands in for their log-probabilities: gap, entropy, loss and step stay as they were."""
    steps = []
    for told in (0.0, -40.0):
        network = tiny_network()
        lessons = [
            replace(one, sample=replace(one.sample, logprobs=tuple(
                told if forced else logp
                for forced, logp in zip(one.sample.forced or (False,) * ANSWER, one.sample.logprobs, strict=False)
            )))
            for one in lessons_of(network)
        ]  # fmt: skip
        steps.append(Learner(network, settings(thoughts=0.5, updates=2, reuse=True)).step(lessons))
    assert steps[0] == steps[1] and not isinstance(steps[0], str)
    assert steps[0].gap_mean < 1e-6 < steps[0].loss


def test_an_answer_that_was_forced_is_not_one_that_was_drawn() -> None:
    one = next(lesson for lesson in lessons_of(tiny_network()) if lesson.sample.forced and lesson.sample.answer)
    drawn = replace(one, sample=replace(one.sample, forced=()))
    assert len(merged([one, drawn, one])) == 2


def test_from_thoughts_alone_nothing_is_learnt() -> None:
    network = tiny_network()
    lessons = [one for one in lessons_of(network) if not one.sample.answer]
    assert lessons and Learner(network, settings()).step(lessons) == ONLY_THOUGHTS
    assert network.version == 1
    step = Learner(network, settings(thoughts=1.0)).step(lessons)
    assert not isinstance(step, str) and step.trained == len(lessons)


class OneToken:
    """An engine of vLLM's kind that answers from a list, so many tokens at a time."""

    model_config = SimpleNamespace(max_model_len=99)

    def __init__(self, script: Sequence[int], at_once: int) -> None:
        self._script, self._at_once = list(script), at_once
        self._asked: dict[str, int] = {}
        self.prompts: list[tuple[int, ...]] = []
        self.aborted: list[str] = []

    def add_request(self, name: str, prompt: dict[str, list[int]], params: Any, lora_request: None) -> None:
        self._asked[name] = params.max_tokens
        self.prompts.append(tuple(prompt["prompt_token_ids"]))

    def has_unfinished_requests(self) -> bool:
        return bool(self._asked)

    def abort_request(self, names: Sequence[str]) -> None:
        self.aborted += names
        for name in names:
            self._asked.pop(name, None)

    def step(self) -> list[Any]:
        ((name, left),) = self._asked.items()
        tokens = self._script[: min(self._at_once, left)]
        tokens = tokens[: tokens.index(STOP) + 1] if STOP in tokens else tokens
        finished = STOP in tokens or len(tokens) == left
        self._asked[name] = left - len(tokens)
        if finished:
            del self._asked[name]
        del self._script[: len(tokens)]
        logprobs = [{token: SimpleNamespace(logprob=-float(token))} for token in tokens]
        output = SimpleNamespace(token_ids=tokens, logprobs=logprobs)
        return [SimpleNamespace(request_id=name, outputs=[output], finished=finished)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_vllm_is_asked_for_the_rest_behind_a_thought_that_was_closed(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that it drew beyond the end of the thought are dropped."""
    monkeypatch.setattr("sdpo_tts.engine.in_process._params", lambda request: request)
    dropped = [9] * (-BUDGET % at_once)
    engine = OneToken([1, 2, 4, 5, 6, *dropped, 7, 8, STOP], at_once)
    heard: list[int] = []
    listener: Any = SimpleNamespace(ended=lambda place, sample: heard.append(place), enough=lambda: False, grown=heard.append)
    request = Request(QUESTION, 0, True, ANSWER, (STOP,), thinking=THINKING)
    (found,) = InProcessEngine(SimpleNamespace(llm_engine=engine)).sample([request], None, listener)
    assert found.response == (1, 2, 4, 5, 6, *THINKING.closing, 7, 8, STOP) and found.answer == (7, 8, STOP)
    assert found.forced == (False,) * 5 + (True,) * 3 + (False,) * 3
    assert found.logprobs == (-1.0, -2.0, -4.0, -5.0, -6.0, 0.0, 0.0, 0.0, -7.0, -8.0, 0.0)
    assert (found.truncated, found.cancelled, found.prompt) == (False, False, QUESTION)
    assert engine.prompts == [QUESTION, QUESTION + found.response[:8]] and engine.aborted == ["1"]
    assert not engine.has_unfinished_requests()


@pytest.mark.parametrize(("tokens", "room"), [(7, 2), (9, 0), (20, 0)])
def test_an_answer_that_ends_in_its_thought_with_vllm(tokens: int, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdpo_tts.engine.in_process._params", lambda request: request)
    engine = OneToken([5] * 9, 1)
    request = Request(QUESTION, 0, True, 9, (STOP,), thinking=replace(THINKING, tokens=tokens))
    listener: Any = SimpleNamespace(ended=lambda *_: None, enough=lambda: False, grown=lambda _: None)
    (found,) = InProcessEngine(SimpleNamespace(llm_engine=engine)).sample([request], None, listener)
    assert len(found.response) == 9 and sum(found.forced) == room and found.truncated
    assert found.cut["only_thought"] and not engine.has_unfinished_requests()


DRAFT = "```python\nright\n```"


class Thinker(ScriptedSampler):
    """Its answers stand behind a bar."""

    def _sample(self, prompt: tuple[int, ...]) -> Sample:
        thought, bar, answer = self._answers.pop(0).partition("|")
        response = (*map(ord, thought + bar + answer), STOP)
        whole = len(thought) + 1 if bar else len(response)
        return Sample(prompt, response, (-0.5,) * len(response), truncated=False, thought=whole)


def test_a_program_drafted_in_a_thought_is_never_judged(tmp_path: Path) -> None:
    answers = [DRAFT, f"{DRAFT}|```python\nwrong\n```", f"{DRAFT}|I give up, see the feedback."]
    assert [one["verdict"] for one in verdicts(tmp_path / "a", answers)] == ["NC", "WA", "NC"]
    assert verdicts(tmp_path / "b", [f"no|{DRAFT}"] * 3)[0]["verdict"] == "AC"
    first, second, _ = (AttemptRecord.load(RunDir(tmp_path / "a").attempt(number)) for number in (1, 2, 3))
    assert (first.program, first.text, first.thought) == (None, "", DRAFT)
    assert first.feedback.startswith("The answer ended before its thought did")
    assert (second.thought, second.thought_tokens) == (f"{DRAFT}|", len(DRAFT) + 1)
    assert second.text == "```python\nwrong\n```"


def verdicts(folder: Path, answers: Sequence[str]) -> list[dict[str, Any]]:
    """Of a run of the method that learns nothing."""
    judge: Any = Word(SUM, None)
    chat_: Any = CharacterChat()
    with Journal((run := RunDir.at(folder)).events) as journal:
        network: Any = Version()
        parts = Parts(network, chat_, Thinker(answers), judge, journal, run)
        Solver(parts, BestOfK(SUM, chat_, len(answers)), Budget(max_attempts=len(answers)), 0).run()
    return [event for event in read_events(run.events) if event["type"] == "attempt_judged"]


class Word(WordJudge):
    """Where there is no program, that is the verdict."""

    def judge_each(self, programs: Sequence[str | None]) -> Any:
        for place, judgement in super().judge_each(programs):
            yield place, judgement if programs[place] else Judgement(Verdict.NC, (), len(self.problem.tests))

    def judge_many(self, programs: Sequence[str | None]) -> list[Judgement]:
        return [judgement for _, judgement in self.judge_each(programs)]


def test_programs_about_a_problem_stand_behind_thoughts_too() -> None:
    sampler = Thinker(["hm|```python\na\n```", "```python\nb\n```", "```python\nb\n```|no", *["```python\nb\n```"] * 4])
    parts: Any = SimpleNamespace(
        judge=SimpleNamespace(problem=SUM), chat=CharacterChat(), sampler=sampler, most_prompt_tokens=None
    )
    found = authors.write(parts, 0)
    assert (found.generators, found.brutes) == (("a\n",), ())


def test_probe_and_drift_judge_what_stands_behind_a_thought() -> None:
    judge: Any = Word(SUM, None)
    sampler = Thinker([f"{DRAFT}|no", DRAFT, f"hm|{DRAFT}", f"{DRAFT}|no", f"hm|{DRAFT}", f"{DRAFT}|no", "hm|no", DRAFT])
    policy = Policy(None, CharacterChat(), sampler, {})  # type: ignore[arg-type]
    student, teacher = Probe(policy, judge, 0).rates(2, ["before-order"], ["plain"])
    assert (student.passed, teacher.passed) == (0, 1)
    asked = [CharacterChat().text(prompt) for prompt in sampler.prompts]
    assert ["decide sooner" in text for text in asked] == [False, False, False, True]
    drifted = Comparison(policy, 0).outcome(judge, 2)
    assert (drifted.base_passed, drifted.adapted_passed) == (1, 0)


def thought_of(one: Judged, thought: str) -> Judged:
    """The same with a thought before its answer."""
    sample = one.attempt.sample
    response, logprobs = (*map(ord, thought), *sample.response), (-9.0,) * len(thought) + sample.logprobs
    changed = replace(sample, response=response, logprobs=logprobs, thought=len(thought))
    return replace(one, attempt=replace(one.attempt, sample=changed, thought=thought))


def test_guard_and_critic_read_the_answer() -> None:
    from sdpo_tts.discovery.guard import health

    plain = [judged(1, "aa"), judged(2, "b", passed=1)]
    thoughtful = [thought_of(one, "the feedback says much") for one in plain]
    assert health(thoughtful) == health(plain)
    unfinished = replace(plain[0].attempt, text="", program=None, sample=replace(plain[0].attempt.sample, thought=3))
    assert own_attempts([replace(plain[0], attempt=unfinished), plain[1]]) == plain[1:]
    sampler = Thinker(["hm|Count from 0."])
    told = SelfCritic(SUM, CharacterChat(), sampler, 0).criticise([replace(plain[0], attempt=unfinished), thoughtful[1]])  # type: ignore[arg-type]
    assert told[0].text == "" and told[1].text.endswith("\n\nCount from 0.") and len(sampler.prompts) == 1


def test_a_thought_that_never_ends_is_told_apart_from_a_long_answer() -> None:
    nothing = Judgement(Verdict.NC, (), 2)
    assert "decide sooner" in render(nothing, SUM, truncated=True, only_thought=True).text
    assert "Be much shorter" in render(nothing, SUM, truncated=True).text


@pytest.mark.parametrize("method", ["sdpo", "auto", "multi-turn"])
def test_a_run_of_a_model_that_thinks(method: str, tmp_path: Path) -> None:
    """From the weights on a disk: thoughts are closed, answers learned from, and the guard's gap holds."""
    folder = save_tiny_model(tmp_path / "model", thinker())
    thinking = ThinkingSettings("on", 6)
    policy_settings = PolicySettings(str(folder), "cpu", "float32", max_new_tokens=24, engine="torch", thinking=thinking)
    chosen = RunSettings(
        method, batch_size=4, budget=Budget(max_attempts=12), policy=policy_settings,
        learner=LearnerSettings(1e-3, max_gap=1e-3, thoughts=0.5, teacher=TeacherSettings("ema")),
    )  # fmt: skip
    judge: Any = Word(SUM, None)
    judge.recall = lambda failed: None
    with load_policy(policy_settings, 0, lambda text: None) as policy, Journal((run := RunDir.at(tmp_path / "run")).events) as journal:
        assert policy.facts["thinks"]
        strategy = make_strategy(SUM, policy, chosen)
        parts = Parts(policy.network, policy.chat, policy.sampler, judge, journal, run, make_guard(strategy, chosen.guard))
        Solver(parts, strategy, chosen.budget, 0).run()
    steps = [event for event in read_events(run.events) if event["type"] == "step_taken"]
    assert len(steps) == (0 if method == "multi-turn" else 2)
    assert all(step["gap_mean"] < 1e-4 and step["grad_norm"] > 0 for step in steps)
    records = [AttemptRecord.load(run.attempt(number)) for number in range(1, 13)]
    assert sum("</think>\n\n" in one.thought for one in records) > 6
    assert all(len(one.token_ids) == len(one.logprobs) for one in records)
    assert RunSettings.of(chosen.effective(strategy)).policy.thinking == thinking


@pytest.mark.parametrize(("thinks", "mode"), [({}, "off"), ({"thinks": False}, "off"), ({"thinks": True}, "on")])
def test_a_run_from_before_there_was_a_choice_thinks_as_it_did(thinks: dict[str, bool], mode: str, tmp_path: Path) -> None:
    run = RunDir.at(tmp_path / "run")
    told = RunSettings().effective(BestOfK(SUM, CharacterChat()))  # type: ignore[arg-type]
    del told["policy"]["thinking"], told["learner"]["thoughts"]
    with Journal(run.events):
        past = ExistingRun(run, {"settings": told, "model": thinks})
        assert RunSettings.of(past.settings).policy.thinking == ThinkingSettings(mode)


def test_thinking_that_a_model_lacks_is_refused_when_it_is_loaded(tiny_model: Path) -> None:
    settings_ = PolicySettings(str(tiny_model), "cpu", "float32", engine="torch", thinking=ThinkingSettings("on"))
    with pytest.raises(UserError, match="does not know of thinking") as refused:
        load_policy(settings_, 0, lambda text: None)
    assert refused.value.exit_code == 2
