"""The events in `events.jsonl`: one flat JSON object per line, and the only source of every view and figure.

Every event has `v` (the version of this schema), `seq` (0, 1, ...), `t` (Unix seconds) and `type`; the table below
names the further fields of each type. Seconds are wall-clock seconds, tokens are counts. A field that was not a finite
number (a gradient norm that overflowed) is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError

VERSION = 1
DAMAGED = "the journal was damaged or edited"

Event = dict[str, Any]

# The reasons of `run_ended` for which the run is finished: its result stands, and it need not be run again.
COMPLETE = frozenset({"solved", "enough", "max_attempts", "max_tokens", "max_time"})

FIELDS = {
    # The manifest, so that the journal alone says with which settings and on what machine the run was made.
    "manifest": "problem model settings versions machine",
    # A limit of null means no limit. Optional: the model's shape, from which FLOPs are computed (`parameters` without
    # input embeddings, `layers`, `width` of all query heads); `pooled`: the run continues after a success; in
    # comparisons the name of its `arm`; `points`: the full score, if there are scores; without held-out tests,
    # `candidates`: how many are wanted.
    "run_started": "method problem title seed model engine device tests batch_size max_attempts max_tokens max_seconds",
    # A program of the user's, judged before the next batch; not an attempt of the model. `number` is negative: -1, -2,
    # ..., and is the `parent` of attempts that start from it. Optional: `program_sha`, `failing`, `detail`.
    "start_judged": "number name program verdict passed total seconds",
    # A hint from the user, part of prompts with feedback from the next batch on; `id` names its file.
    "hint_given": "id text",
    # The number of `attempts` sampled under adapter version `adapter`; tokens are sums over the batch. Optional: how
    # many of them were `cancelled` before their end; their verdict is CA.
    "batch_sampled": "step attempts prompt_tokens completion_tokens truncated adapter seconds",
    # `attempt` counts from 1 in generation order; `seconds` is the judge's; `program_sha` is 12 hex digits or null.
    # Optional: if a test failed, `failing`, the name of the first one, and `detail`, the reason in words (for a shown
    # test); `source` (student, base, feedback, repair); `parent`, the attempt that its prompt describes; `outputs`, 12
    # hex digits that are equal for programs that behave alike on the shown tests; `hard_coded`, if it contains their
    # answers; `points`, the score, if the problem has groups of tests.
    "attempt_judged": "attempt step verdict passed total completion_tokens truncated seconds program_sha feedback_kind",
    # `adapter` is the new version; `gap_*` compares the sampler's log-probabilities with the learner's, in nats per
    # token; `trained` counts sequences.
    "step_taken": "step adapter loss kl entropy grad_norm gap_mean gap_max"
    " trained trained_tokens teacher_tokens seconds",
    # Shares from 0 to 1, nats per token, tokens per answer; `score` is the mean share of tests passed.
    "batch_watched": "step distinct entropy length leaks score",
    # The policy had collapsed; it is again the one that sampled batch `best_step`, now called version `adapter`.
    "rolled_back": "step best_step adapter learning_rate reason",
    # A later process continues from the checkpoint before batch `step`, of which `attempts` were already judged.
    # Optional: the `seconds` that the run had spent until it stopped, and the three limits that hold from now on.
    "resumed": "step attempts",
    # Trouble that the run survived: the Docker engine was gone, or there was too little memory for a batch.
    "warned": "message",
    "batch_criticised": "step prompt_tokens completion_tokens seconds",
    "step_skipped": "step reason",
    # Without held-out tests: candidates (attempts that pass all other tests) on generated `inputs`. `groups` of those
    # that behave alike, the largest first; `chosen` is null if none was; `brute`: whether a brute force agrees with it
    # (agrees, disagrees, none). Tokens: of generators and brute forces that the model wrote. Optional: `doubted`,
    # candidates that are presumably wrong.
    "consensus_sought": "step candidates groups chosen inputs brute prompt_tokens completion_tokens",
    # What an external judge said about the proposed program: in its `words`, and as a `verdict` (AC: accepted).
    # Optional, as text, if the user knows them: `input` and `expected`. The run had ended.
    "verdict_given": "attempt words verdict",
    # `tokens` are all tokens sampled so far, including the whole batch of the success. Optional: `program`, its source;
    # `own`, the name of the user's own program that passed, in which case `attempt` is negative; `rests_on`: held-out,
    # consensus or samples; for a consensus `candidates`, how many are `agreeing`, `inputs`, `brute`. A pooled run
    # writes one for every distinct program that passes.
    "solved": "attempt step adapter tokens seconds",
    # `reason`: solved, enough (points), max_attempts, max_tokens, max_time, interrupted or error.
    "run_ended": "reason attempts tokens seconds sampling_seconds judging_seconds learning_seconds",
}

# What fields must be, to recognise a damaged journal. Null: not finite, or no limit.
KINDS = {
    "a number": "number passed total seconds step attempts attempt prompt_tokens completion_tokens truncated adapter"
    " trained tokens trained_tokens teacher_tokens best_step seed tests batch_size sampling_seconds judging_seconds"
    " learning_seconds",
    "a number or null": "loss kl entropy grad_norm gap_mean gap_max distinct length leaks score learning_rate"
    " max_attempts max_tokens max_seconds",
    "text": "method title device name program verdict id text feedback_kind reason message words brute",
}
NUMBER = int | float
TYPES: dict[str, Any] = {"a number": NUMBER, "a number or null": NUMBER | None, "text": str, "an object": dict}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}


def missing_fields(event: Event) -> set[str]:
    """The fields that the schema requires and `event` lacks. Raises KeyError for an unknown type."""
    return set(FIELDS[event["type"]].split()) - event.keys()


def read_events(path: Path) -> list[Event]:
    """The events of a journal. A last line without its newline, torn by a dying writer, is left out.

    Raises UserError, naming file and line, if any other line is not an event or has a later schema version.
    """
    return parse_events(whole_lines(path), str(path))


def parse_events(lines: Iterable[bytes], where: str) -> list[Event]:
    """The events in a journal's lines. Raises UserError, with `where` and the line's number."""
    return [_parse(line, f"{where}:{number}") for number, line in enumerate(lines, start=1)]


def whole_lines(path: Path) -> list[bytes]:
    """The complete lines, without their newlines. Raises UserError if there is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the journal: {error.strerror}", where=str(path)) from None
    return content.split(b"\n")[:-1]


def _parse(line: bytes, where: str) -> Event:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not {"v", "seq", "t", "type"} <= event.keys():
        raise UserError("not an event", where=where, hint=DAMAGED)
    if not isinstance(event["v"], int) or event["v"] > VERSION:
        raise UserError(f"event of version {event['v']}; this program reads up to {VERSION}", where=where)
    if fault := _fault(event):
        raise UserError(f"not an event: {fault}", where=where, hint=DAMAGED)
    return event


def _fault(event: Event) -> str:
    """What the schema does not allow in an event; empty if it is all right, or of an unknown type."""
    if not isinstance(event["type"], str) or not isinstance(event["t"], int | float):
        return "its type or time is wrong"
    if event["type"] not in FIELDS:
        return ""
    if missing := missing_fields(event):
        return f"{event['type']} lacks {', '.join(sorted(missing))}"
    for name in FIELDS[event["type"]].split():
        kind = "an object" if event["type"] == "manifest" else KIND_OF.get(name)
        if kind and not isinstance(event[name], TYPES[kind]):
            return f"`{name}` of {event['type']} is not {kind}"
    return ""
