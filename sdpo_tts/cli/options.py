"""The options of a run, by panel, and the settings that they make."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.complete import among, files, listed, models, runs
from sdpo_tts.cli.values import demand, seconds, text_or_file
from sdpo_tts.errors import UserError
from sdpo_tts.settings import PATHS, PRESETS, changed
from sdpo_tts.track.backends import BACKENDS, parse

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import RunSettings

METHODS = ("auto", "sdpo", "best-of-k", "multi-turn", "grpo")
DTYPES = ("auto", "bfloat16", "float32")
QUANTIZATIONS = ("none", "nf4")
TEACHERS = ("frozen", "ema", "trust-region", "live")
SUPPORTS = ("student", "teacher", "union", "full", "sampled")
IMITATE = ("all", "improved", "none")
IMITATE_LOSSES = ("fkl", "jsd", "nll")
IMITATE_RATIOS = ("none", "truncated")
FEEDBACKS = ("real", "shuffled", "none")
ENGINES = ("auto", "torch", "vllm")
THINKING = ("off", "on", "low", "medium", "high")
TEMPLATES = ("before-order", "after-order")
PARTS = ("values", "stack", "memory", "sanitizer", "difference", "smallest", "calls")
CHOICES = {
    "engine": ENGINES, "quantization": QUANTIZATIONS,
    "method": METHODS, "dtype": DTYPES, "teacher": TEACHERS, "support": SUPPORTS, "feedback": FEEDBACKS,
    "template": TEMPLATES, "imitate": IMITATE, "imitate_loss": IMITATE_LOSSES, "imitate_ratio": IMITATE_RATIOS,
    "thinking": THINKING, "preset": PRESETS,
}  # fmt: skip
PER_CALL = frozenset({
    "config", "resume", "quiet", "json", "help", "help-all", "version", "install-completion", "show-completion",
})  # fmt: skip
"""Options of a single call, which files and variables cannot set."""
NOT_IN_PROBLEMS = frozenset({"runs", "critic", "critic-model", "endpoint", "endpoint-model", "track", "hint"})
"""A problem may come from anywhere, so it must not decide where files are written or read, or where data is sent."""

SOURCES = "Sources (where --method auto samples, and what it learns from)"
SAMPLING = "Sampling (for methods that train nothing)"
BUDGET, MODEL, TRAINING, LOSS, CONTEXT, OUTPUT = "Budget", "Model", "Training", "Loss", "Feedback", "Output"
GUARD, LAYERS = "Guard (returns a collapsed policy to its best state)", "Settings"


def _option(panel: str, help: str, name: str | None = None, **more: Any) -> Any:
    names = [name] if name else []
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


Method = Annotated[str, typer.Option(help=f"How to search: {', '.join(METHODS)}.", autocompletion=among(METHODS))]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]

MaxAttempts = Annotated[int | None, _option(BUDGET, "Stop after this many programs. Default: no limit.", min=1)]
MaxTokens = Annotated[int | None, _option(BUDGET, "Stop after this many sampled tokens. Default: no limit.", min=1)]
MaxTime = Annotated[
    str | None, _option(BUDGET, "Stop after this long: 90s, 30m, 8h. Default: no limit.", metavar="TIME")
]
KeepGoing = Annotated[bool, _option(BUDGET, "Spend the whole budget, even after a success.", "--keep-going")]
Candidates = Annotated[
    int, _option(BUDGET, "Without held-out tests: collect this many passing programs, then propose one.", min=1)
]
Enough = Annotated[
    float | None, _option(BUDGET, "Stop at this score, if the problem has scores. Default: the full score.",
                          metavar="POINTS", min=0.0)
]  # fmt: skip

Model = Annotated[
    str,
    _option(MODEL, "auto, a name of `sdpo-tts model list`, a hub id, a folder or GGUF file.", autocompletion=models),
]
Device = Annotated[str, _option(MODEL, "auto, cpu, cuda or cuda:N.", autocompletion=among(("auto", "cpu", "cuda")))]
Dtype = Annotated[str, _option(MODEL, f"One of {', '.join(DTYPES)}.", autocompletion=among(DTYPES))]
Quantization = Annotated[
    str,
    _option(MODEL, "How the frozen base is quantised: none, or nf4 (four bits).", autocompletion=among(QUANTIZATIONS)),
]
LoraExperts = Annotated[
    bool,
    _option(MODEL, "Also adapt the experts of a mixture; needs much memory.", "--lora-experts/--no-lora-experts"),
]
MaxNewTokens = Annotated[int, _option(MODEL, "Longest answer, in tokens, thought included.", min=1)]
Thinking = Annotated[
    str,
    _option(MODEL, f"Whether and how hard it thinks first: {', '.join(THINKING)}.", autocompletion=among(THINKING)),
]
ThinkTokens = Annotated[
    int | None, _option(MODEL, "Close a thought after this many tokens; the answer follows. Default: never.", min=1)
]
MaxPromptTokens = Annotated[int, _option(MODEL, "Longest prompt with feedback, in tokens.", min=1)]
Engine = Annotated[
    str, _option(MODEL, "Which engine samples: auto (vllm with a GPU), torch or vllm.", autocompletion=among(ENGINES))
]
EngineMemory = Annotated[float | None, _option(MODEL, "GiB for vLLM's keys and values. Default: what fits.", min=0.1)]
Cards = Annotated[int, _option(MODEL, "Number of GPUs that vLLM's weights are split over.", min=1)]
Replicas = Annotated[
    int, _option(MODEL, "Number of vLLM processes that share a batch, each on its own GPU.", min=1)
]
LearnerDevice = Annotated[
    str, _option(MODEL, "Where learning runs: auto (on the engine's device), or a card of its own, cuda:N.")
]

Endpoint = Annotated[
    str,
    _option(SAMPLING, "OpenAI-compatible server to sample from: http://localhost:11434/v1.", metavar="URL"),
]
EndpointModel = Annotated[str, _option(SAMPLING, "The server's name for the model.", metavar="NAME")]
Temperature = Annotated[
    float, _option(SAMPLING, "0: always the likeliest token; 1: the model's own distribution.", min=0.0)
]
TopP = Annotated[
    float, _option(SAMPLING, "Draw only from the likeliest tokens whose probabilities sum to this.", min=0.0, max=1.0)
]
MinP = Annotated[
    float, _option(SAMPLING, "Drop tokens less likely than this share of the likeliest one.", min=0.0, max=1.0)
]

BatchSize = Annotated[
    int | None,
    _option(TRAINING, "Attempts per step (multi-turn: conversations). Default: depends on the method.", min=1),
]
BaseSamples = Annotated[int, _option(TRAINING, "How many attempts of each batch come from the untrained model.", min=0)]
LearningRate = Annotated[float, _option(TRAINING, "AdamW's learning rate for the LoRA adapter.", min=0.0)]
LearnThoughts = Annotated[
    float, _option(TRAINING, "Weight of thoughts in the loss; 0 learns from answers alone.", min=0.0)
]
Updates = Annotated[int, _option(TRAINING, "Optimiser steps per batch.", min=1)]
Reuse = Annotated[
    bool,
    _option(TRAINING, "With several updates, let each learn from the whole batch.", "--reuse/--no-reuse"),
]
Teacher = Annotated[str, _option(TRAINING, f"Teacher: {', '.join(TEACHERS)}.", autocompletion=among(TEACHERS))]
TeacherRate = Annotated[
    float,
    _option(TRAINING, "Share of the student in the ema or trust-region teacher.", min=0.0, max=1.0),
]

Alpha = Annotated[
    float, _option(LOSS, "Divergence: 1 reverse KL, 0 forward KL, in between Jensen-Shannon.", min=0.0, max=1.0)
]
Support = Annotated[
    str,
    _option(
        LOSS, "Which tokens are compared: the top ones of student, teacher or union; full; sampled.",
        autocompletion=among(SUPPORTS),
    ),
]  # fmt: skip
TopK = Annotated[int, _option(LOSS, "Number of tokens compared individually; the rest share one bucket.", min=1)]
GrpoWeight = Annotated[float, _option(LOSS, "Share of GRPO in sdpo's loss.", min=0.0, max=1.0)]

Sources = Annotated[
    str,
    _option(SOURCES, "Where attempts come from: bandit, or weights such as student=1,feedback=1 (also base, repair)."),
]
Lineage = Annotated[
    int, _option(SOURCES, "Number of earlier attempts in a feedback prompt, each the parent of the next.", min=1)
]
Distil = Annotated[
    bool, _option(SOURCES, "Learn from the student's own samples, as SDPO does.", "--distil/--no-distil")
]
HelpAdapter = Annotated[
    bool,
    _option(SOURCES, "Keep the adapter on for feedback and repair samples.", "--help-adapter/--no-help-adapter"),
]
Imitate = Annotated[
    str,
    _option(SOURCES, f"Feedback and repair samples to imitate: {', '.join(IMITATE)}.", autocompletion=among(IMITATE)),
]
ImitateLoss = Annotated[
    str,
    _option(
        SOURCES,
        "Loss for these samples: fkl (forward KL), jsd (Jensen-Shannon), or nll weighted by advantage.",
        autocompletion=among(IMITATE_LOSSES),
    ),
]
ImitateWeight = Annotated[float, _option(SOURCES, "Weight of the imitation loss.", min=0.0)]
ImitateRatio = Annotated[
    str,
    _option(SOURCES, "Importance weights of imitated tokens: none or truncated.", autocompletion=among(IMITATE_RATIOS)),
]

Feedback = Annotated[
    str,
    _option(
        CONTEXT,
        "What the teacher reads: real feedback; shuffled and none are ablations.",
        autocompletion=among(FEEDBACKS),
    ),
]
Template = Annotated[
    str,
    _option(
        CONTEXT, f"Feedback before or after the closing order: {', '.join(TEMPLATES)}.", autocompletion=among(TEMPLATES)
    ),
]
Diagnose = Annotated[
    str,
    _option(CONTEXT, f"What a failed program's second run adds to feedback: all, none, some of {', '.join(PARTS)}."),
]
Solutions = Annotated[
    bool, _option(CONTEXT, "Show the teacher a correct program of the same batch.", "--solutions/--no-solutions")
]
Both = Annotated[bool, _option(CONTEXT, "Show the feedback as well as that program.", "--both/--no-both")]
Critic = Annotated[
    str, _option(CONTEXT, "Who comments on failures: none, self, or the URL of an OpenAI-compatible server.")
]
CriticModel = Annotated[str, _option(CONTEXT, "The critic's server's name for the model.")]

Hint = Annotated[str, _option(CONTEXT, "A hint for the teacher: text, or a file's name.", "--hint", metavar="HINT")]
Start = Annotated[
    list[Path] | None,
    _option(
        CONTEXT, "A program of yours that does not pass yet, to start from (auto, multi-turn); may be repeated.",
        "--start", metavar="FILE", autocompletion=files,
    ),
]  # fmt: skip

GuardDistinct = Annotated[
    float, _option(GUARD, "Smallest allowed share of the first batch's distinct programs.", min=0.0)
]
GuardEntropy = Annotated[float, _option(GUARD, "Smallest allowed share of the first batch's entropy.", min=0.0)]
GuardLength = Annotated[
    float, _option(GUARD, "Longest allowed answers, as a multiple of the first batch's.", min=0.0)
]
GuardLeaks = Annotated[float, _option(GUARD, "Largest allowed share of answers that talk about feedback.", min=0.0)]

Preset = Annotated[
    str | None,
    _option(LAYERS, f"Preset of settings: {', '.join(PRESETS)}.", autocompletion=among(PRESETS)),
]
Config = Annotated[Path | None, _option(LAYERS, "A TOML file of settings (docs/settings.md).")]

Resume = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "Continue a run: its folder, last, or a problem's folder for its newest run.",
        metavar="RUN",
        autocompletion=runs,
    ),
]
Runs = Annotated[Path, _option(OUTPUT, "Folder that runs are written to.")]
Track = Annotated[
    str | None,
    _option(
        OUTPUT,
        f"Also send metrics to {', '.join(BACKENDS)}; NAME:PROJECT, tensorboard:FOLDER.",
        autocompletion=listed(tuple(BACKENDS)),
    ),
]
Plain = Annotated[bool, _option(OUTPUT, "Plain lines instead of a panel (screen readers).", "--plain")]
Quiet = Annotated[bool, _option(OUTPUT, "Print only the result, or why there is none.", "--quiet")]
AsJson = Annotated[bool, _option(OUTPUT, "Print JSON.", "--json")]


# What may differ when a run is resumed: its budget, where it runs, what is printed, and the user's own programs.
OUTPUTS = frozenset({"resume", "runs", "track", "plain", "quiet", "as_json"})
FREE = OUTPUTS | {"max_attempts", "max_tokens", "max_time", "enough", "device", "endpoint", "problem", "start"}


def refuse_changes(given: Iterable[str]) -> None:
    """Raises UserError if options were given that a resumed run may not change."""
    for name in given:
        if name not in FREE:
            option = f"--{name.replace('_', '-')}"
            hint = "sdpo-tts hint RUN TEXT" if name == "hint" else "leave the option out"
            raise UserError("a resumed run keeps its settings", where=option, hint=hint)


def resumed_settings(before: RunSettings, chosen: Mapping[str, Any], given: Container[str]) -> RunSettings:
    """A run's own settings, with the budget, `enough`, the device and the server's address that were given now. Raises
    UserError for an address if the run's model is not on a server."""
    limit = seconds(chosen["max_time"]) if chosen["max_time"] else None
    now = {"max_attempts": chosen["max_attempts"], "max_tokens": chosen["max_tokens"], "max_seconds": limit}
    names = {"max_seconds": "max_time"}
    budget = replace(before.budget, **{key: value for key, value in now.items() if names.get(key, key) in given})
    device = chosen["device"] if "device" in given else before.policy.device
    endpoint = chosen["endpoint"] if "endpoint" in given else before.policy.endpoint
    if bool(endpoint) != bool(before.policy.endpoint):
        raise UserError("a resumed run keeps its model", where="--endpoint", hint="leave the option out")
    solver = replace(before.solver, enough=chosen["enough"]) if "enough" in given else before.solver
    policy = replace(before.policy, device=device, endpoint=endpoint)
    return replace(before, budget=budget, policy=policy, solver=solver)


def run_settings(chosen: Mapping[str, Any]) -> RunSettings:
    """The settings that the options give, by the command's parameter names, each of them checked."""
    from sdpo_tts.discovery.assemble import RunSettings

    values = {path: setting(key, chosen[key.replace("-", "_")]) for key, path in PATHS.items()}
    if chosen["method"] == "grpo":
        values[PATHS["grpo-weight"]] = 1.0
    return changed(RunSettings(), values)


def setting(key: str, value: Any) -> Any:
    """The value of an option as a setting. Raises UserError."""
    if key == "max-time":
        return seconds(value) if value else None
    if key == "hint":
        return text_or_file(value)
    if key == "diagnose":
        from sdpo_tts.judge.feedback.style import FeedbackStyle

        return FeedbackStyle.with_parts(parts(value))
    return value


def parts(text: str, where: str = "--diagnose") -> tuple[str, ...]:
    """`values,stack` as a tuple. Raises UserError for an unknown part; `where` names where it was given."""
    if text in ("all", "none"):
        return PARTS if text == "all" else ()
    named = tuple(part.strip() for part in text.split(","))
    for part in named:
        demand(part, ("all", "none", *PARTS), where)
    if not set(named) <= set(PARTS):
        raise UserError("`all` and `none` cannot be combined with others", where=where)
    return named


def check(name: str, value: Any, where: str) -> None:
    """Raises UserError for a value that its type alone does not rule out; `where` names where it was given."""
    if name in CHOICES:
        demand(value, CHOICES[name], where)
    if name == "max_time":
        seconds(value, where)
    if name == "hint":
        text_or_file(value, where)
    if name == "track":
        parse(value, where)
    if name == "diagnose":
        parts(value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{value} is not a finite number", where=where)
