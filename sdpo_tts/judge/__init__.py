"""Host side of the sandbox: programs are run in containers, judged from facts, and answered with feedback."""

from sdpo_tts.judge.judge import Judge
from sdpo_tts.judge.judging_queue import JudgingQueue
from sdpo_tts.judge.trial import Input, Output
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict

__all__ = ["Input", "Judge", "Judgement", "JudgingQueue", "Output", "TestOutcome", "Verdict"]
