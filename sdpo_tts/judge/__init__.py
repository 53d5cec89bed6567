"""The host side of the sandbox: runs programs in containers, judges them from facts, and writes feedback."""

from sdpo_tts.judge.judge import Judge
from sdpo_tts.judge.judging_queue import JudgingQueue
from sdpo_tts.judge.trial import Input, Output
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict

__all__ = ["Input", "Judge", "Judgement", "JudgingQueue", "Output", "TestOutcome", "Verdict"]
