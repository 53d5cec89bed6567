"""Cells of a comparison whose policy answers by chance, and whose judge knows one word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdpo_tts.comparison.job import Makers, Watch
from sdpo_tts.discovery.assemble import Policy, RunSettings
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.methods.multi_turn import MultiTurn
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.problem import Problem
from sdpo_tts.record import Event, RunDir
from tests.fakes import CharacterChat, CoinSampler, CountingStrategy, Version, WordJudge
from tests.test_judge import SUM

PROBLEMS = tuple(replace(SUM, slug=slug, digest=slug, path=Path(slug)) for slug in ("easy", "middling", "hard"))
CHANCE = 0.15
FACTS = {"name": "coin", "engine": "coin", "device": "cpu", "parameters": 1000, "layers": 2, "width": 8}


def strategy(settings: RunSettings, problem: Problem, policy: Policy) -> Strategy:
    chat, method = policy.chat, settings.method
    if method == "sdpo":
        return CountingStrategy(problem, chat, policy.network, 4)  # type: ignore[arg-type]
    return MultiTurn(problem, chat, 5000) if method == "multi-turn" else BestOfK(problem, chat, 4)


def makers(heard: Callable[[Event], None] = lambda event: None, delay_s: float = 0.0, judge: Any = WordJudge) -> Makers:
    @contextmanager
    def watch(run: RunDir) -> Iterator[Watch]:
        yield Watch(lambda text: None, heard)

    def policy(settings: RunSettings, report: object) -> Policy:
        return coin_policy(delay_s)

    return Makers(judge, policy, strategy, watch)


def coin_policy(delay_s: float = 0.0) -> Policy:
    return Policy(Version(), CharacterChat(), CoinSampler(CHANCE, delay_s), FACTS)  # type: ignore[arg-type]
