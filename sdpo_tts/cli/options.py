"""The options of a run, by panel, and the settings that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpo_tts.cli.run import demand, seconds
from sdpo_tts.errors import UserError
from sdpo_tts.settings import PRESETS

if TYPE_CHECKING:
    from sdpo_tts.discovery.assemble import RunSettings

METHODS = ("sdpo", "best-of-k", "multi-turn", "grpo")
DTYPES = ("auto", "bfloat16", "float32")
TEACHERS = ("frozen", "ema", "trust-region", "live")
SUPPORTS = ("student", "teacher", "union", "full", "sampled")
FEEDBACKS = ("real", "shuffled", "none")
TEMPLATES = ("before-order", "after-order")
CHOICES = {
    "method": METHODS, "dtype": DTYPES, "teacher": TEACHERS, "support": SUPPORTS, "feedback": FEEDBACKS,
    "template": TEMPLATES, "preset": PRESETS,
}  # fmt: skip
PER_CALL = frozenset({"config", "quiet", "json", "help"})
"""Options that are about one call: no file and no variable sets them."""
NOT_IN_PROBLEMS = frozenset({"runs", "critic", "critic-model"})
"""A problem may come from anywhere: it decides neither where files are written nor where programs are sent."""

_BUDGET, _MODEL, _TRAINING, _LOSS, _CONTEXT, _OUTPUT = "Budget", "Model", "Training", "Loss", "Feedback", "Output"
_LAYERS = "Settings"


def _option(panel: str, help: str, name: str | None = None, **more: Any) -> Any:
    names = [name] if name else []
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


Method = Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")]
Seed = Annotated[int, typer.Option(min=0, help="All random draws follow from it.")]

MaxAttempts = Annotated[int | None, _option(_BUDGET, "Sampled programs.", min=1)]
MaxTokens = Annotated[int | None, _option(_BUDGET, "Sampled tokens.", min=1)]
MaxTime = Annotated[str | None, _option(_BUDGET, "As in 90s, 30m or 8h.")]
KeepGoing = Annotated[bool, _option(_BUDGET, "Spend the whole budget, also after a success.", "--keep-going")]

Model = Annotated[str, _option(_MODEL, "auto, a catalogue name, a hub id, a folder or a GGUF file.")]
Device = Annotated[str, _option(_MODEL, "auto, cpu, cuda or cuda:N.")]
Dtype = Annotated[str, _option(_MODEL, f"One of {', '.join(DTYPES)}.")]
MaxNewTokens = Annotated[int, _option(_MODEL, "Of one answer.", min=1)]

BatchSize = Annotated[int | None, _option(_TRAINING, "Attempts a step; multi-turn: chains.", min=1)]
BaseSamples = Annotated[int, _option(_TRAINING, "Of each batch so many come from the untrained model.", min=0)]
LearningRate = Annotated[float, _option(_TRAINING, "Of AdamW, for the LoRA adapter.", min=0.0)]
Updates = Annotated[int, _option(_TRAINING, "Optimiser steps a batch.", min=1)]
Teacher = Annotated[str, _option(_TRAINING, f"One of {', '.join(TEACHERS)}.")]
TeacherRate = Annotated[float, _option(_TRAINING, "Share of the student, for ema and trust-region.", min=0.0, max=1.0)]

Alpha = Annotated[float, _option(_LOSS, "1 reverse KL, 0 forward KL, between: Jensen-Shannon.", min=0.0, max=1.0)]
Support = Annotated[str, _option(_LOSS, f"Whose top ids are compared: {', '.join(SUPPORTS)}.")]
TopK = Annotated[int, _option(_LOSS, "Ids compared one by one; the rest is one bucket.", min=1)]
GrpoWeight = Annotated[float, _option(_LOSS, "Share of GRPO in the loss of sdpo.", min=0.0, max=1.0)]

Feedback = Annotated[str, _option(_CONTEXT, "real; shuffled and none are ablations.")]
Template = Annotated[str, _option(_CONTEXT, f"Where feedback stands: {', '.join(TEMPLATES)}.")]
Solutions = Annotated[bool, _option(_CONTEXT, "Show a sibling's correct program.", "--solutions/--no-solutions")]
Critic = Annotated[str, _option(_CONTEXT, "Remarks on failures: none, self, or the URL of an OpenAI-style endpoint.")]
CriticModel = Annotated[str, _option(_CONTEXT, "The endpoint's model.")]

Preset = Annotated[str | None, _option(_LAYERS, f"One of {', '.join(PRESETS)}: settings that belong together.")]
Config = Annotated[Path | None, _option(_LAYERS, "A TOML file of settings (docs/settings.md).")]

Runs = Annotated[Path, _option(_OUTPUT, "Root of run folders.")]
Quiet = Annotated[bool, _option(_OUTPUT, "Nothing but the result.", "--quiet")]
AsJson = Annotated[bool, _option(_OUTPUT, "The result as JSON.", "--json")]


def run_settings(chosen: Mapping[str, Any]) -> RunSettings:
    """What the options say, by the names of the command's parameters, each of them checked."""
    from sdpo_tts.discovery.assemble import CriticSettings, PolicySettings, RunSettings
    from sdpo_tts.discovery.budget import Budget
    from sdpo_tts.discovery.context import ContextSettings
    from sdpo_tts.discovery.solve import SolverSettings
    from sdpo_tts.policy import loss
    from sdpo_tts.policy.learner import LearnerSettings
    from sdpo_tts.policy.teacher import TeacherSettings

    limit = seconds(chosen["max_time"]) if chosen["max_time"] else None
    return RunSettings(
        method=chosen["method"],
        seed=chosen["seed"],
        batch_size=chosen["batch_size"],
        budget=Budget(chosen["max_attempts"], chosen["max_tokens"], limit),
        policy=PolicySettings(**{name: chosen[name] for name in ("model", "device", "dtype", "max_new_tokens")}),
        learner=LearnerSettings(
            learning_rate=chosen["learning_rate"],
            updates=chosen["updates"],
            teacher=TeacherSettings(chosen["teacher"], chosen["teacher_rate"]),
            loss=loss.LossSettings(
                alpha=chosen["alpha"],
                support=loss.Support(chosen["support"]),
                top_k=chosen["top_k"],
                grpo_weight=1.0 if chosen["method"] == "grpo" else chosen["grpo_weight"],
            ),
        ),
        context=ContextSettings(
            feedback=chosen["feedback"], solutions=chosen["solutions"], template=chosen["template"]
        ),
        critic=CriticSettings(chosen["critic"], chosen["critic_model"]),
        solver=SolverSettings(keep_going=chosen["keep_going"], base_samples=chosen["base_samples"]),
    )


def check(name: str, value: Any, where: str) -> None:
    """Raises UserError, naming `where` it was given, for a value that its type alone does not rule out."""
    if name in CHOICES:
        demand(value, CHOICES[name], where)
    if name == "max_time":
        seconds(value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{value} is no number to compute with", where=where)
