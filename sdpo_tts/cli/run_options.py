"""The options of `sdpo-solve`: all the settings of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import typer
from typer.main import get_command

from sdpo_tts.cli import options as o


class RunOptions:
    """Name, type with help, and default of each, in the order of the help."""

    method: o.Method = "sdpo"
    seed: o.Seed = 0
    max_attempts: o.MaxAttempts = None
    max_tokens: o.MaxTokens = None
    max_time: o.MaxTime = None
    keep_going: o.KeepGoing = False
    candidates: o.Candidates = 4
    enough: o.Enough = None
    model: o.Model = "auto"
    device: o.Device = "auto"
    dtype: o.Dtype = "auto"
    quantization: o.Quantization = "none"
    lora_experts: o.LoraExperts = False
    max_new_tokens: o.MaxNewTokens = 512
    thinking: o.Thinking = "off"
    think_tokens: o.ThinkTokens = None
    max_prompt_tokens: o.MaxPromptTokens = 8192
    engine: o.Engine = "auto"
    engine_memory: o.EngineMemory = None
    cards: o.Cards = 1
    replicas: o.Replicas = 1
    learner_device: o.LearnerDevice = "auto"
    endpoint: o.Endpoint = ""
    endpoint_model: o.EndpointModel = ""
    temperature: o.Temperature = 1.0
    top_p: o.TopP = 1.0
    min_p: o.MinP = 0.0
    batch_size: o.BatchSize = None
    base_samples: o.BaseSamples = 0
    learning_rate: o.LearningRate = 1e-4
    learn_thoughts: o.LearnThoughts = 0.0
    updates: o.Updates = 1
    reuse: o.Reuse = False
    teacher: o.Teacher = "frozen"
    teacher_rate: o.TeacherRate = 0.01
    alpha: o.Alpha = 1.0
    support: o.Support = "student"
    top_k: o.TopK = 20
    grpo_weight: o.GrpoWeight = 0.0
    sources: o.Sources = "bandit"
    lineage: o.Lineage = 1
    distil: o.Distil = True
    help_adapter: o.HelpAdapter = True
    imitate: o.Imitate = "all"
    imitate_loss: o.ImitateLoss = "fkl"
    imitate_weight: o.ImitateWeight = 1.0
    imitate_ratio: o.ImitateRatio = "none"
    feedback: o.Feedback = "real"
    template: o.Template = "before-order"
    diagnose: o.Diagnose = "all"
    solutions: o.Solutions = True
    both: o.Both = False
    critic: o.Critic = "none"
    critic_model: o.CriticModel = ""
    hint: o.Hint = ""
    start: o.Start = None
    guard_distinct: o.GuardDistinct = 0.25
    guard_entropy: o.GuardEntropy = 0.1
    guard_length: o.GuardLength = 4.0
    guard_leaks: o.GuardLeaks = 0.5
    resume: o.Resume = None
    preset: o.Preset = None
    config: o.Config = None
    runs: o.Runs = Path("runs")
    track: o.Track = None
    plain: o.Plain = False
    quiet: o.Quiet = False
    as_json: o.AsJson = False


EVERYDAY = frozenset({
    "method", "seed", "max_attempts", "max_time", "model", "device", "max_new_tokens", "resume", "preset", "hint",
    "start", "runs", "plain", "quiet", "as_json",
})  # fmt: skip
"""What `--help` shows; `--help-all` shows the rest as well."""


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, which takes them as `**chosen`, with one parameter for each, after its own."""
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    hints = get_type_hints(RunOptions, include_extras=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(RunOptions, name), annotation=hint)
        for name, hint in hints.items()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
    return command


@cache
def run_command() -> Any:
    """A command that takes all of them and does nothing: it says which settings exist and how they are parsed."""
    app = typer.Typer()

    @app.command()
    @with_run_options
    def settings(context: typer.Context, **chosen: Any) -> None: ...

    return get_command(app)
