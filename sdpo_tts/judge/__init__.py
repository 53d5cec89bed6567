"""Host side of the sandbox: programs are run in containers, judged from facts, and answered with feedback."""

from sdpo_tts.judge.docket import Docket
from sdpo_tts.judge.judge import Judge
from sdpo_tts.judge.verdict import Judgement, TestOutcome, Verdict

__all__ = ["Docket", "Judge", "Judgement", "TestOutcome", "Verdict"]
