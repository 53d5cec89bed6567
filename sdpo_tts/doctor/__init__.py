"""Looks at the machine as a run would use it, and names a remedy for all that is wrong."""

from sdpo_tts.doctor.checks import CHECKS, Check, examine
from sdpo_tts.doctor.finding import Finding, Level, Report, Subject

__all__ = ["CHECKS", "Check", "Finding", "Level", "Report", "Subject", "examine"]
