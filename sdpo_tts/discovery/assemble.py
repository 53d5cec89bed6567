"""Assembles a run from settings: model, sampler, learner, strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast, get_type_hints

from sdpo_tts.discovery.budget import Budget
from sdpo_tts.discovery.critic import Critic, EndpointCritic, SelfCritic, server_of
from sdpo_tts.discovery.guard import Guard, GuardSettings
from sdpo_tts.discovery.methods.auto import Auto, AutoSettings
from sdpo_tts.discovery.methods.best_of_k import BestOfK
from sdpo_tts.discovery.methods.context import ContextSettings, TeacherContext
from sdpo_tts.discovery.methods.grpo import Grpo
from sdpo_tts.discovery.methods.multi_turn import MultiTurn
from sdpo_tts.discovery.methods.sdpo import SelfDistillation
from sdpo_tts.discovery.methods.strategy import Strategy
from sdpo_tts.discovery.state import SolverSettings
from sdpo_tts.engine import selection
from sdpo_tts.engine.endpoint.sampler import EndpointSampler
from sdpo_tts.engine.endpoint.served_policy import ServedPolicy
from sdpo_tts.engine.endpoint.server import Server
from sdpo_tts.engine.endpoint.text_chat import TextChat
from sdpo_tts.engine.sampler import VllmSampler
from sdpo_tts.errors import SetupError, UserError
from sdpo_tts.models import exact, weights
from sdpo_tts.models.automatic import Use
from sdpo_tts.models.progress import Report
from sdpo_tts.policy import memory
from sdpo_tts.policy.context_window import ContextWindow
from sdpo_tts.policy.families import exactness, positions
from sdpo_tts.policy.families.anatomy import shape_of
from sdpo_tts.policy.families.canary import NotFollowedError
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import MAX_PROMPT_TOKENS, Chat, student_text
from sdpo_tts.policy.sampler import Sampler, TorchSampler
from sdpo_tts.policy.sampling import PLAIN, Sampling
from sdpo_tts.policy.split_sampler import SplitSampler
from sdpo_tts.policy.thinking import ThinkingSettings
from sdpo_tts.problem import Problem


@dataclass(frozen=True)
class PolicySettings:
    """`device`, `dtype` and `engine` of `auto` are chosen from the hardware; lengths in tokens.

    For vLLM alone: `engine_memory` GiB for keys and values (None: planned), `cards` that hold the engine together or
    `replicas` of it, and the learner's own `learner_device` (auto: where the engine is). With the URL of an `endpoint`
    the policy is the `endpoint_model` that is served there, and nothing is loaded here.
    `date` is what a chat template that writes it takes for today. A thought (`thinking`) counts toward
    `max_new_tokens`.
    """

    model: str = "auto"
    device: str = "auto"
    dtype: str = "auto"
    quantization: str = "none"
    max_new_tokens: int = 512
    max_prompt_tokens: int = MAX_PROMPT_TOKENS
    engine: str = "auto"
    engine_memory: float | None = None
    cards: int = 1
    replicas: int = 1
    learner_device: str = "auto"
    date: str = field(default_factory=lambda: datetime.now().date().isoformat())
    lora: LoraSettings = field(default_factory=LoraSettings)
    endpoint: str = ""
    endpoint_model: str = ""
    sampling: Sampling = PLAIN
    thinking: ThinkingSettings = field(default_factory=ThinkingSettings)


@dataclass(frozen=True)
class CriticSettings:
    """`kind`: none, self, or the URL of an OpenAI-compatible endpoint that serves `model`."""

    kind: str = "none"
    model: str = ""


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides what a run does, except its problem. `batch_size` None is the method's default."""

    method: str = "sdpo"
    seed: int = 0
    batch_size: int | None = None
    budget: Budget = field(default_factory=Budget)
    policy: PolicySettings = field(default_factory=PolicySettings)
    learner: LearnerSettings = field(default_factory=LearnerSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    critic: CriticSettings = field(default_factory=CriticSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    solver: SolverSettings = field(default_factory=SolverSettings)
    auto: AutoSettings = field(default_factory=AutoSettings)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> RunSettings:
        """The inverse of `effective`. Raises UserError if another version wrote the settings."""
        try:
            settings: RunSettings = _rebuilt(cls, told)
            return settings
        except (TypeError, ValueError, KeyError) as error:
            raise UserError(f"settings written by another version: {error}", where="manifest") from None

    def effective(self, strategy: Strategy) -> dict[str, Any]:
        """Settings as the manifest stores them, with the defaults that depend on the method filled in."""
        return {**asdict(self), "batch_size": strategy.batch_size}


@dataclass(frozen=True)
class Policy:
    """The loaded model; `facts` go into the manifest. As a context manager it closes its engine."""

    network: Network
    chat: Chat
    sampler: Sampler
    facts: dict[str, Any]
    window: ContextWindow = field(default_factory=ContextWindow)

    def __enter__(self) -> Policy:
        return self

    def __exit__(self, *error: object) -> None:
        self.sampler.close()


def _rebuilt(kind: Any, told: Any) -> Any:
    """A dataclass from its dict, including nested dataclasses."""
    if not dataclasses.is_dataclass(kind):
        return kind(told) if isinstance(kind, type) and issubclass(kind, StrEnum) else told
    hints = get_type_hints(kind)
    return kind(**{name: _rebuilt(hints[name], value) for name, value in told.items()})  # type: ignore[operator]


def trains(settings: RunSettings) -> bool:
    """Whether the run changes its model."""
    if settings.method == "auto":
        return settings.auto.distil or settings.learner.imitation.samples != "none"
    return settings.method not in ("best-of-k", "multi-turn")


def refuse_untrainable(settings: RunSettings) -> None:
    """Raises UserError if a run would train what it cannot: a model on a server, or from samples whose probabilities
    are not the model's own."""
    if not trains(settings):
        return
    hint = "--method best-of-k or multi-turn, or auto with --no-distil --imitate none"
    if settings.policy.endpoint:
        what = f"{settings.method} trains its model, and a model on a server cannot be trained"
        raise UserError(what, where="--endpoint", hint=hint)
    if settings.policy.sampling != PLAIN:
        what = f"{settings.method} learns, and that needs samples at temperature 1, top-p 1 and min-p 0"
        raise UserError(what, where="--temperature, --top-p, --min-p", hint=hint)


def check_policy(settings: PolicySettings) -> tuple[str, str, str]:
    """The sampler's device, the learner's, and the engine. Nothing is loaded: mistakes are found before anything slow
    begins. Raises UserError (no such model or device) or SetupError (not available here)."""
    settings.thinking.demand(settings.max_new_tokens)
    if settings.endpoint:
        if settings.thinking.tokens is not None:
            what, hint = "a server's thoughts cannot be closed from here", "leave it out"
            raise UserError(what, where="--think-tokens", hint=hint)
        Server.at(settings.endpoint, settings.endpoint_model).demand_model()
        return "", "", "endpoint"
    device = device_of(settings.device)
    learner = device if settings.learner_device == "auto" else device_of(settings.learner_device, "--learner-device")
    wanted = selection.choose(settings.engine, device)
    selection.refuse_cards(wanted, device, settings.cards, settings.replicas)
    if settings.lora.experts and wanted == "vllm":
        what = "adapters on experts cannot be handed to vLLM"
        raise UserError(what, where="--lora-experts", hint="--engine torch, or leave it out")
    weights.demand(settings.model)
    return device, learner, wanted


def load_policy(settings: PolicySettings, seed: int, report: Report, *, adapts: bool = True) -> Policy:
    """`adapts`: the adapter will be used. Raises UserError (no such model) or SetupError (not available here)."""
    if settings.endpoint:
        return _served(settings)
    try:
        return _loaded_here(settings, seed, report, adapts=adapts)
    except NotFollowedError as error:
        if settings.engine != "auto":
            raise
        report(f"{error.what}; sampling with torch instead")
    memory.let_go()
    return _loaded_here(dataclasses.replace(settings, engine="torch", replicas=1), seed, report, adapts=adapts)


def _loaded_here(settings: PolicySettings, seed: int, report: Report, *, adapts: bool) -> Policy:
    device, learner, wanted = check_policy(settings)
    dtype = settings.dtype if settings.dtype != "auto" else weights.dtype_for(device)
    located = weights.locate(settings.model, report, device, use_of(settings))
    kind = dtype if settings.quantization == "none" else f"{settings.quantization}, {dtype}"
    report(f"loading {located.name} ({kind}, {device})")
    base, tokenizer = _loaded(located, dtype, device, settings.quantization, aside=wanted == "vllm")
    chat, shape = Chat(tokenizer, base.generation_config, settings.date, settings.thinking), shape_of(base)
    chat.demand_template(located.name, base.get_input_embeddings().weight.shape[0])
    chat.demand_thinking(located.name)
    apart = _card(learner) != _card(device)
    engine = _vllm(settings, base, located.source, dtype, device, apart, report) if wanted == "vllm" else None
    if not engine and (unused := _for_vllm(settings)):
        report(f"{', '.join(unused)}: only for vLLM, no effect with torch")
    base.to(learner if engine else device)
    limit = settings.max_new_tokens
    window = ContextWindow(positions.positions_of(base), settings.max_prompt_tokens, limit, fixed=engine is not None)
    positions.fix(base, window.longest)
    text = chat.plain(exactness.TEXT)
    network, found = exact.network_of(
        base, located, settings.lora, settings.quantization, seed, text, report, samples=engine is None
    )
    how: Any = {"max_new_tokens": limit, "sampling": settings.sampling, "thinking": chat.thinking}
    sampler: Sampler = (
        VllmSampler(engine.answers, network, chat.stop_ids, **how)
        if engine
        else SplitSampler(
            TorchSampler(network, chat.stop_ids, positions=window.positions, **how),
            memory.SampledRows(network, limit).at_once,
        )
    )
    if isinstance(sampler, VllmSampler) and adapts:
        report("checking that vLLM follows an adapter")
        try:
            found = exact.followed(network, found, sampler, located, settings.quantization, text)
        except BaseException:
            sampler.close()
            raise
    facts = {
        "name": located.name, "sha256": located.sha256, "repo": located.repo, "revision": located.revision,
        "dtype": dtype, "quantization": settings.quantization,
        "device": device, "engine": sampler.name, "thinks": chat.thinking is not None, "exactness": found.fields(),
        "without_adapter": network.targets.in_short(),
    }  # fmt: skip
    return Policy(network, chat, sampler, {**facts, **(engine.facts if engine else {}), **shape}, window)


def use_of(settings: PolicySettings) -> Use:
    """What `--model auto` is to choose for."""
    return Use(settings.max_new_tokens, settings.quantization, settings.dtype)


def _served(settings: PolicySettings) -> Policy:
    """Only the server knows what the model is made of."""
    server = Server.at(settings.endpoint, settings.endpoint_model)
    sampler = EndpointSampler(
        server, max_new_tokens=settings.max_new_tokens, sampling=settings.sampling, thinking=settings.thinking.mode
    )
    facts = {"name": server.model, "sha256": "", "dtype": "", "device": server.host, "engine": sampler.name}
    window = ContextWindow(None, settings.max_prompt_tokens, settings.max_new_tokens)
    absent = cast(Network, ServedPolicy())  # methods that train or inspect the network have been refused before
    return Policy(absent, TextChat(), sampler, facts, window)


def _loaded(located: weights.Weights, dtype: str, device: str, quantization: str, *, aside: bool) -> tuple[Any, Any]:
    """Base and tokenizer; `aside`: in host memory, while an engine occupies the device. Weights are quantised on the
    engine's device, because another device's kernels may round to other codes."""
    quantised = quantization != "none"
    base, tokenizer = weights.load(located, dtype, "cpu" if aside and not quantised else device, quantization)
    if aside and quantised:
        base.to("cpu")
        memory.let_go()
    return base, tokenizer


def _vllm(
    settings: PolicySettings, base: Any, source: str, dtype: str, device: str, apart: bool,
    report: Report,
) -> selection.Engine | None:
    """None if vLLM cannot be used and was not asked for by name. Raises SetupError if it was."""
    wanted = selection.Wanted(
        source, dtype, device, settings.max_new_tokens, settings.lora.rank, settings.quantization,
        settings.cards, settings.replicas, apart, settings.engine_memory, settings.max_prompt_tokens,
    )  # fmt: skip
    try:
        return selection.beside(base, wanted, report)
    except SetupError as error:
        if settings.engine != "auto":
            raise
        report(f"{error.what}; sampling with torch instead")
        return None


def _for_vllm(settings: PolicySettings) -> list[str]:
    """The given options that only vLLM uses, except --replicas, which is refused elsewhere."""
    given = {
        "--engine-memory": settings.engine_memory is not None,
        "--cards": settings.cards > 1,
        "--learner-device": settings.learner_device != "auto",
    }
    return [option for option, is_given in given.items() if is_given]


def device_of(name: str, option: str = "--device") -> str:
    """Raises UserError if there is no such device."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ValueError):
        raise UserError(f"this machine has no device {name!r}", where=option, hint="cpu, cuda or cuda:N") from None
    return name


def _card(device: str) -> str:
    """`cuda` means the first card."""
    return "cuda:0" if device == "cuda" else device


def make_strategy(problem: Problem, policy: Policy, settings: RunSettings) -> Strategy:
    """Raises UserError if the question is too long for the model."""
    policy.window.demand(len(policy.chat.prompt(student_text(problem))))
    limit = policy.window.limit
    size = {} if settings.batch_size is None else {"batch_size": settings.batch_size}
    match settings.method:
        case "best-of-k":
            return BestOfK(problem, policy.chat, **size)
        case "multi-turn":
            return MultiTurn(problem, policy.chat, limit, hint=settings.context.hint, **size)
    learner = Learner(policy.network, settings.learner) if trains(settings) else None
    if settings.method == "grpo":
        assert learner
        return Grpo(problem, policy.chat, learner, **size)
    told = dataclasses.replace(settings.context, max_prompt_tokens=limit)
    context = TeacherContext(problem, policy.chat, told, settings.seed)
    if settings.method == "auto":
        return Auto(problem, policy.chat, learner, context, settings.auto, settings.seed, **size)
    assert learner
    return SelfDistillation(problem, policy.chat, learner, context, **size)


def make_guard(strategy: Strategy, settings: GuardSettings) -> Guard | None:
    """None for a method that trains nothing."""
    return Guard(strategy.learner, settings) if strategy.learner else None


def make_critic(problem: Problem, policy: Policy, settings: RunSettings) -> Critic | None:
    if settings.critic.kind == "self":
        return SelfCritic(problem, policy.chat, policy.sampler, settings.seed, policy.window.limit)
    server = server_of(settings.critic.kind, settings.critic.model)
    return EndpointCritic(problem, server) if server else None
