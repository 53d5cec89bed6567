"""Methods draw the tokens that they drew before sources and an archive came between them and the sampler.

data/tokens-before-sources.json was written by this file's `tokens` at the commit before that change.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext
from sdpo_tts.discovery.methods.multi_turn import MultiTurn
from sdpo_tts.discovery.methods.sdpo import SelfDistillation
from sdpo_tts.discovery.solve import Solver
from sdpo_tts.discovery.state import Parts, SolverSettings
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.sampler import TorchSampler
from sdpo_tts.record import AttemptRecord, Journal, RunDir
from tests.interrupted import SlowJudge, TinyChat
from tests.test_judge import SUM
from tests.tiny import tiny_network

METHODS = ("best-of-k", "multi-turn", "sdpo")
ATTEMPTS, BATCH = 20, 4


def tokens(method: str, folder: Path) -> list[list[int]]:
    """What a run samples, in double precision so that no processor rounds another token."""
    network, chat = tiny_network(dtype=torch.float64), TinyChat()
    learner = Learner(network, LearnerSettings(learning_rate=3e-3, micro_tokens=256))
    context = TeacherContext(SUM, chat, ContextSettings(), 0)  # type: ignore[arg-type]
    strategy = {
        "best-of-k": lambda: BestOfK(SUM, chat, BATCH),  # type: ignore[arg-type]
        "multi-turn": lambda: MultiTurn(SUM, chat, 100, BATCH),  # type: ignore[arg-type]
        "sdpo": lambda: SelfDistillation(SUM, chat, learner, context, BATCH),  # type: ignore[arg-type]
    }[method]()
    run = RunDir.at(folder)
    with Journal(run.events) as journal:
        sampler = TorchSampler(network, [3], max_new_tokens=8)
        parts = Parts(network, chat, sampler, SlowJudge(), journal, run)  # type: ignore[arg-type]
        Solver(parts, strategy, Budget(max_attempts=ATTEMPTS), 5, SolverSettings(base_samples=1)).run()
    return [list(AttemptRecord.load(run.attempt(number)).token_ids) for number in range(1, ATTEMPTS + 1)]


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_the_same_tokens_as_before(method: str, tmp_path: Path) -> None:
    before = json.loads((Path(__file__).parent / "data" / "tokens-before-sources.json").read_bytes())
    assert tokens(method, tmp_path / "run") == before[method]
