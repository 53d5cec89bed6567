"""Checks whether a run would work on this machine, and names a remedy for everything that is wrong."""

from sdpo_tts.doctor.checks import CHECKS, Check, examine
from sdpo_tts.doctor.finding import Finding, Level, Report, Subject

__all__ = ["CHECKS", "Check", "Finding", "Level", "Report", "Subject", "examine"]
