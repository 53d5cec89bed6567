"""What is told in `events.jsonl`: one flat JSON object a line, and the only source of every view and figure.

Every event has `v` (the version of this schema), `seq` (0, 1, ...), `t` (Unix seconds) and `type`; the table
below names the fields each type has besides. Seconds are wall-clock seconds, tokens are counts. A field that
was not a finite number (a gradient norm that overflowed) is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdpo_tts.errors import UserError

VERSION = 1

Event = dict[str, Any]

# The reasons of `run_ended` that are the run's own end: its result stands, and it need not be run again.
COMPLETE = frozenset({"solved", "enough", "max_attempts", "max_tokens", "max_time"})

FIELDS = {
    # The manifest, so that the journal alone tells under which settings and on what machine the run was made.
    "manifest": "problem model settings versions machine",
    # A limit of null is no limit. Also there, in journals of this version's programs: the model's shape, from which
    # FLOPs follow (`parameters` without input embeddings, `layers`, `width` of all query heads), `pooled`: the run goes
    # on after a success, in comparisons the name of its `arm`, `points`, the full score, where there are scores, and,
    # where there are no held-out tests, how many `candidates` are wanted.
    "run_started": "method problem title seed model engine device tests batch_size max_attempts max_tokens max_seconds",
    # A program of the user's, judged before the next batch; no attempt of the model's. `number` is negative: -1, -2,
    # ..., and stands as `parent` where attempts start from it. Also there: `program_sha`, `failing`, `detail`.
    "start_judged": "number name program verdict passed total seconds",
    # A user's hint that prompts with feedback hold from the next batch on; `id` names its file.
    "hint_given": "id text",
    # So many `attempts` sampled under adapter version `adapter`; tokens are sums over the batch. Also there: how many
    # of them were `cancelled` before their end; their verdict is CA.
    "batch_sampled": "step attempts prompt_tokens completion_tokens truncated adapter seconds",
    # `attempt` counts from 1 in generation order; `seconds` is the judge's; `program_sha` 12 hex or null. Also there,
    # where a test failed: `failing`, the name of the first one, and `detail`, in words why (of a shown test). Also
    # `source` (student, base, feedback, repair), `parent`, the attempt that its prompt told of, `outputs`, 12 hex that
    # are the same where programs did the same on the shown tests, `hard_coded` where one carries their answers, and
    # `points`, the score, where the problem has groups of tests.
    "attempt_judged": "attempt step verdict passed total completion_tokens truncated seconds program_sha feedback_kind",
    # `adapter` is the new version; `gap_*` the sampler's log-probability against the learner's, in nats a
    # token; `trained` counts sequences.
    "step_taken": "step adapter loss kl entropy grad_norm gap_mean gap_max"
    " trained trained_tokens teacher_tokens seconds",
    # Shares of one, nats per token, tokens an answer; `score` is the mean share of tests passed.
    "batch_watched": "step distinct entropy length leaks score",
    # The policy had collapsed; it is the one that sampled batch `best_step` again, now called version `adapter`.
    "rolled_back": "step best_step adapter learning_rate reason",
    # A later process goes on from the checkpoint before batch `step`. `attempts` of that batch were judged already.
    # Also there: the `seconds` that the run had spent until it stopped, and the three limits that hold from now on.
    "resumed": "step attempts",
    # Trouble that the run got over: the Docker engine was gone, or memory too short for a batch.
    "warned": "message",
    "batch_criticised": "step prompt_tokens completion_tokens seconds",
    "step_skipped": "step reason",
    # Where there are no held-out tests: candidates (attempts that pass all others) on generated `inputs`. `groups` of
    # those that behave alike, the largest first; `chosen` is null where none was; `brute`: whether a brute force
    # agrees with it (agrees, disagrees, none). Tokens: of generators and brute forces that the model wrote. Also there:
    # `doubted`, candidates that are presumably wrong.
    "consensus_sought": "step candidates groups chosen inputs brute prompt_tokens completion_tokens",
    # What an external judge said of the program that was proposed: in its `words`, and as a `verdict` (AC: it accepts).
    # Also there, as text, as far as the user knows them: `input` and `expected`. The run had ended.
    "verdict_given": "attempt words verdict",
    # `tokens` are all sampled so far, the whole batch of the success included. Also there: `program`, its source, and
    # `own`, the name of a program of the user's that passed; then `attempt` is negative. `rests_on`: held-out,
    # consensus or samples; of a consensus also `candidates`, how many are `agreeing`, `inputs`, `brute`. A pooled run
    # tells of every distinct program that passes.
    "solved": "attempt step adapter tokens seconds",
    # `reason`: solved, enough (points), max_attempts, max_tokens, max_time, interrupted or error.
    "run_ended": "reason attempts tokens seconds sampling_seconds judging_seconds learning_seconds",
}


def missing_fields(event: Event) -> set[str]:
    """The fields that the schema asks for and `event` lacks. Raises KeyError for an unknown type."""
    return set(FIELDS[event["type"]].split()) - event.keys()


def read_events(path: Path) -> list[Event]:
    """The events of a journal. A last line without its newline was torn by a dying writer and is left out.

    Raises UserError, naming file and line, where any other line is no event or is of a later schema.
    """
    return parse_events(whole_lines(path), str(path))


def parse_events(lines: Iterable[bytes], where: str) -> list[Event]:
    """The events of a journal's lines. Raises UserError, with `where` and the line's number."""
    return [_parse(line, f"{where}:{number}") for number, line in enumerate(lines, start=1)]


def whole_lines(path: Path) -> list[bytes]:
    """The lines that were written to their end, without their newlines. Raises UserError without the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the journal: {error.strerror}", where=str(path)) from None
    return content.split(b"\n")[:-1]


def _parse(line: bytes, where: str) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not {"v", "seq", "t", "type"} <= event.keys():
        raise UserError("not an event", where=where, hint="the journal was damaged or edited")
    if event["v"] > VERSION:
        raise UserError(f"event of version {event['v']}; this program reads up to {VERSION}", where=where)
    return event
