"""What an adapter changed: one row per passage and problem, and at the end a summary in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdpo_tts.discovery.measure.drift import Drift, Outcome
from sdpo_tts.stats import newcombe

PASSAGE = "{:<14}{:>8}{:>12}{:>18}{:>18}"
PROBLEM = "{:<20}{:>14}{:>14}{:>16}{:>16}"
LITTLE = 0.05  # growth of perplexity that counts as a loss


def head(row: Drift | Outcome) -> str:
    if isinstance(row, Drift):
        return PASSAGE.format("passage", "tokens", "divergence", "base perplexity", "with adapter")
    return PROBLEM.format("problem", "base passes", "with adapter", "base tokens", "with adapter")


def row(row: Drift | Outcome) -> str:
    """Divergence in nats per token; tokens of a problem are those of a mean answer."""
    if isinstance(row, Drift):
        figures = (f"{row.kl:.4f}", f"{row.base_perplexity:.2f}", f"{row.adapted_perplexity:.2f}")
        return PASSAGE.format(row.passage, row.tokens, *figures)
    passes = (f"{number}/{row.samples}" for number in (row.base_passed, row.adapted_passed))
    return PROBLEM.format(row.problem, *passes, f"{row.base_tokens:.0f}", f"{row.adapted_tokens:.0f}")


def finding(rows: Sequence[Drift | Outcome]) -> list[str]:
    passages = [row for row in rows if isinstance(row, Drift)]
    return [*_text(passages), *(_problem(row) for row in rows if isinstance(row, Outcome))]


def _text(rows: Sequence[Drift]) -> Iterator[str]:
    if not rows:
        return
    worst = max(rows, key=lambda row: row.adapted_perplexity / row.base_perplexity)
    more = worst.adapted_perplexity / worst.base_perplexity - 1
    mean = sum(row.kl for row in rows) / len(rows)
    moved = f"On other text the adapter moves the model by {mean:.3f} nats per token on average"
    if more <= 0:
        yield f"{moved}; perplexity grows on none of it."
    elif more <= LITTLE:
        yield f"{moved}; perplexity grows by {more:.1%} at most: the model has hardly changed there."
    else:
        yield f"{moved}; perplexity grows by up to {more:.1%} ({worst.passage}): the model has become worse there."


def _problem(row: Outcome) -> str:
    low, high = newcombe((row.base_passed, row.samples), (row.adapted_passed, row.samples))
    ends = f"90 % interval {100 * low:+.0f} to {100 * high:+.0f} points"
    if low > 0:
        return f"On {row.problem} the model passes more often with the adapter ({ends})."
    if high < 0:
        return f"On {row.problem} the model passes less often with the adapter ({ends})."
    return f"On {row.problem} there is no significant difference with the adapter ({ends})."
