"""Test-time self-distillation on one hard programming problem (SDPO, arXiv 2601.20802, section 5)."""

__version__ = "0.1.0"
