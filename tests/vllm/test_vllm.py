"""vLLM for real, on a CPU with a tiny random model, or SmolLM2: run by `make test` in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("vllm")

from scipy.stats import chisquare, norm
from torch import Tensor

from benchmarks import engine_families, families
from sdpo_tts.discovery.assemble import Policy, PolicySettings, load_policy
from sdpo_tts.engine import adapter_store
from sdpo_tts.engine.in_process import InProcessEngine
from sdpo_tts.engine.sampler import VllmSampler
from sdpo_tts.engine.sharing import NotSharedError, share
from sdpo_tts.engine.versions import Adapter
from sdpo_tts.engine.vllm import EngineSettings, model_of, start
from sdpo_tts.errors import SdpoError, SetupError
from sdpo_tts.models import weights
from sdpo_tts.policy.batch import Pair, SharedPrefix
from sdpo_tts.policy.families import exactness
from sdpo_tts.policy.families.canary import NATS, NotFollowedError, follow
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings
from sdpo_tts.policy.learning.lesson import Lesson
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import Listener, Sample, TorchSampler
from sdpo_tts.policy.thinking import ThinkingSettings
from sdpo_tts.record import read_events
from tests.conftest import ROOT
from tests.tiny import save_tiny_model, thinker

TEXT = "Name a colour. Answer with one word."
FEW = 5  # tokens of an answer
# How each engine's sampling is tested: 512 answers of up to 16 tokens, which are about 8,000 tokens, each compared with
# the exact distribution it should come from. The power at level 0.001 against some faults, with this model's own
# probabilities (100 draws of each fault): temperature 0.9, 1.1, top-p 0.95, top-k 50: 1.00; ends twice as likely: 0.77,
# half as likely again: 0.17.
ANSWERS, ANSWER, BINS = 512, 16, 16
THREADS = 2  # while the engine starts


@pytest.fixture(scope="module")
def policy(tiny_model: Path) -> Iterator[Policy]:
    """One engine for most tests, with fp32 weights; whoever changes the adapter gives it a new version."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    settings = PolicySettings(
        model=str(tiny_model), device="cpu", dtype="float32", max_new_tokens=FEW, engine="vllm", engine_memory=1.0
    )
    with load_policy(settings, 0, lambda text: None) as loaded:
        assert torch.get_num_threads() == THREADS, "vLLM would leave the learner one"
        torch.set_num_threads(threads)
        yield loaded


def rngs(count: int, stream: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([stream, i]) for i in range(count)]


def shaken(network: Network, seed: int, size: float = 0.02) -> None:
    """Another adapter, under a version of its own."""
    generator = torch.Generator().manual_seed(seed)
    network.restore([torch.randn(one.shape, generator=generator) * size for one in network.trainable])


@dataclass(frozen=True)
class Draws:
    """Tokens that were sampled, and the distributions that the learner would have drawn them from."""

    logp_N_V: Tensor
    tokens_N: Tensor
    logprobs_N: Tensor
    """As the sampler told them."""

    def gap(self) -> float:
        """Mean distance of the log-probabilities from the learner's, in nats per token."""
        return float((self.logprobs_N - self._of_tokens(self.logp_N_V)).abs().mean())

    def fit(self, stop_ids: Sequence[int], temperature: float = 1.0) -> tuple[float, float]:
        """p that the tokens are drawn from these distributions at a temperature: by their places, which are uniform
        when the tokens are laid out from the likeliest to the rarest, and by the number of tokens that end an answer.
        """
        p_N_V = (self.logp_N_V / temperature).softmax(-1)
        p_N = self._of_tokens(p_N_V)
        before_N = (p_N_V * (p_N_V > p_N[:, None])).sum(-1)
        places = before_N + p_N * torch.from_numpy(np.random.default_rng(0).random(len(p_N)))
        expected = p_N_V[:, list(stop_ids)].sum(-1)
        ended = torch.isin(self.tokens_N, torch.tensor(stop_ids)).sum()
        z = (ended - expected.sum()) / (expected * (1 - expected)).sum().sqrt()
        counts, _ = np.histogram(places.numpy(), BINS, (0, 1))
        return float(chisquare(counts).pvalue), float(2 * norm.sf(abs(float(z))))

    def _of_tokens(self, values_N_V: Tensor) -> Tensor:
        return values_N_V.gather(-1, self.tokens_N[:, None]).squeeze(-1)


@torch.no_grad()
def draws(policy: Policy, samples: Sequence[Sample]) -> Draws:
    """Of samples of the adapter as it is now."""
    prefix = SharedPrefix(policy.network, [one.prompt for one in samples], grad=False)
    hidden = torch.cat(prefix.response_hidden([Pair(one.prompt, one.response) for one in samples]))
    tokens = torch.tensor([token for one in samples for token in one.response])
    told = torch.tensor([logprob for one in samples for logprob in one.logprobs])
    return Draws(policy.network.logits(hidden).log_softmax(-1), tokens, told)


def test_both_engines_draw_from_one_distribution(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is compared with the distributions themselves, token by token."""
    shaken(policy.network, 1)
    prompt = tuple(policy.chat.plain(f"<|im_start|>user\n{TEXT}<|im_end|>\n<|im_start|>assistant\n"))
    stops = policy.chat.stop_ids
    monkeypatch.setattr(policy.sampler, "max_new_tokens", ANSWER)
    samplers = TorchSampler(policy.network, stops, max_new_tokens=ANSWER), policy.sampler
    for stream, sampler in enumerate(samplers, 1):
        found = draws(policy, sampler.sample([prompt] * ANSWERS, rngs(ANSWERS, stream)))
        assert len(found.tokens_N) > 6000 and found.gap() < 0.03
        assert min(found.fit(stops)) > 0.001
        assert found.fit(stops, temperature=1.2)[0] < 0.001, "a test that cannot fail shows nothing"


def test_a_row_draws_from_its_own_generator(policy: Policy) -> None:
    prompt = policy.chat.prompt(TEXT)
    together = [one.response for one in policy.sampler.sample([prompt] * 4, rngs(4))]
    assert [one.response for one in policy.sampler.sample([prompt] * 2, rngs(4)[2:])] == together[2:]
    assert len(set(together)) > 1


def test_the_likeliest_ids_of_the_base_are_kept(policy: Policy) -> None:
    """They are what a learner would find with a pass of the base, and nothing is kept of the adapter's rows. There may
    be more of them than vLLM gives unless told to."""
    shaken(policy.network, 2)
    base, student = policy.sampler.sample([policy.chat.prompt(TEXT)] * 2, rngs(2), base=1, top=25)
    assert base.likeliest and student.likeliest is None
    assert [len(base.likeliest.ids), len(base.likeliest.ids[0])] == [len(base.response), 25]
    with policy.network.without_adapter():
        logp_T_V = draws(policy, [base]).logp_N_V
    told_T_K, ids_T_K = (torch.tensor(one) for one in (base.likeliest.logprobs, base.likeliest.ids))
    assert float((told_T_K - logp_T_V.gather(-1, ids_T_K)).abs().mean()) < 0.03
    assert float((told_T_K - logp_T_V.topk(25).values).abs().mean()) < 0.03, "none is likelier"


def test_long_prompts_are_read_whole(policy: Policy) -> None:
    """Together more than the engine reads at once: one of them would be read in two parts."""
    assert isinstance(policy.sampler, VllmSampler) and isinstance(policy.sampler.engine, InProcessEngine)
    at_once = policy.sampler.engine._engine.vllm_config.scheduler_config.max_num_batched_tokens
    prompts = [policy.chat.prompt(f"{number} " * 100 + TEXT) for number in range(10, 36)]
    cut = int(np.searchsorted(np.cumsum([len(prompt) for prompt in prompts]), at_once))
    assert 0 < cut < len(prompts) - 1
    together = [one.response for one in policy.sampler.sample(prompts, rngs(26))]
    for row in (0, cut, len(prompts) - 1):
        assert policy.sampler.sample([prompts[row]], [rngs(26)[row]])[0].response == together[row]


def test_the_newest_adapter_answers(policy: Policy) -> None:
    """Two adapters with opposite preferences, one after the other and back."""
    prompt = policy.chat.prompt(TEXT)
    before = policy.network.state()
    likes = []
    for word in (" red", " blue"):
        policy.network.restore(before)
        token = policy.chat.plain(word)[0]
        teach(policy.network, prompt, token)
        likes.append((token, policy.network.state()))
    for token, state in [*likes, likes[0]]:
        policy.network.restore(state)
        samples = policy.sampler.sample([prompt] * 6, rngs(6), base=2)
        assert [one.response[0] == token for one in samples[2:]] == [True] * 4, "not the newest adapter"
        assert any(one.response[0] != token for one in samples[:2]), "the base has no such preference"
        assert draws(policy, samples[2:]).gap() < 0.03
    policy.network.restore(before)


def teach(network: Network, prompt: tuple[int, ...], token: int) -> None:
    """The first token of an answer is to be `token`."""
    optimiser = torch.optim.Adam(network.trainable, lr=1e-2)
    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    for _ in range(30):
        hidden = network.hidden(ids, mask_B_L=mask, positions_B_S=mask.cumsum(-1) - 1, cache=None)
        loss = -network.logits(hidden[0, -1]).log_softmax(-1)[token]
        if float(loss) < 1e-3:
            return
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_the_engine_follows_a_random_adapter_and_keeps_nothing_of_it(policy: Policy) -> None:
    """At its start, and here once more: the same seeds give the same tokens afterwards."""
    known, text = policy.facts["exactness"]["engine"], policy.chat.plain(exactness.TEXT)
    assert NATS / 2 < known["moved"] < NATS * 2 and known["off"] < 1e-4, "fp32 on both sides"
    shaken(policy.network, 10)
    version, prompt = policy.network.version, policy.chat.prompt(TEXT)
    before = policy.sampler.sample([prompt] * 4, rngs(4), base=2)
    assert isinstance(policy.sampler, VllmSampler) and isinstance(policy.sampler.engine, InProcessEngine)
    assert vars(follow(policy.network, policy.sampler, text, 2e-5)) == pytest.approx(known, rel=1e-3, abs=1e-6)
    assert policy.network.version == version
    assert policy.sampler.sample([prompt] * 4, rngs(4), base=2) == before
    newest = policy.sampler.versions.newest
    assert newest and policy.sampler.engine.adapters() == {newest.number}
    policy.network.renew(0)
    policy.sampler.sample([prompt], rngs(1))
    assert policy.sampler.engine.adapters() == set(), "none while it changes nothing"


def test_half_of_an_adapter_s_layers_that_the_engine_drops_are_missed(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it has loaded them, inside the engine: as for layers that it has no kernels for."""
    assert isinstance(policy.sampler, VllmSampler) and isinstance(policy.sampler.engine, InProcessEngine)
    engine, text = policy.sampler.engine, policy.chat.plain(exactness.TEXT)
    serve = engine._serve

    def served(adapter: Adapter | None) -> Any:
        asked = serve(adapter)
        (modules,) = engine._engine.apply_model(lambda network: dict(network.named_modules()))
        for name, module in modules.items():
            if ".layers.1." in name and hasattr(module, "reset_lora"):
                module.reset_lora(0)
        return asked

    monkeypatch.setattr(engine, "_serve", served)
    with pytest.raises(NotFollowedError, match="vLLM does not follow a LoRA adapter"):
        follow(policy.network, policy.sampler, text, 2e-5)


def test_an_adapter_swapped_under_a_used_name_is_caught(policy: Policy) -> None:
    """The engine goes on with the old one, and the learner refuses the step."""
    shaken(policy.network, 2, 0.05)
    prompt = policy.chat.prompt(TEXT)
    policy.sampler.sample([prompt], rngs(1))
    version = policy.network.version
    shaken(policy.network, 3, 0.05)
    policy.network.version = version
    samples = policy.sampler.sample([prompt] * 4, rngs(4))
    learner = Learner(policy.network, LearnerSettings())
    with pytest.raises(SdpoError, match="nats from the learner's on average") as refused:
        learner.step([Lesson(one, advantage=1.0) for one in samples])
    assert "another adapter" in str(refused.value)
    policy.network.version += 1


def test_attempts_are_heard_of_as_they_end_and_the_rest_is_cancelled(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy.sampler, "max_new_tokens", 128)
    heard: list[int] = []
    listener = Listener(lambda place, sample: heard.append(place), lambda: bool(heard))
    samples = policy.sampler.sample([policy.chat.prompt(TEXT)] * 16, rngs(16), listener=listener)
    ended = [place for place, sample in enumerate(samples) if not sample.cancelled]
    assert sorted(heard) == ended and 0 < len(ended) < 16
    assert policy.sampler.sample([policy.chat.prompt(TEXT)], rngs(1))[0].cancelled is False, "nothing is left over"


def test_the_learner_keeps_its_threads(policy: Policy) -> None:
    """As many as it had when the engine started, which the fixture sees, and it may take others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 2)
    assert torch.get_num_threads() == threads + 2
    torch.set_num_threads(threads)


def test_only_the_newest_adapter_is_kept(policy: Policy) -> None:
    assert isinstance(policy.sampler, VllmSampler) and isinstance(policy.sampler.engine, InProcessEngine)
    prompt = policy.chat.prompt(TEXT)
    for seed in (4, 5, 6):
        shaken(policy.network, seed)
        policy.sampler.sample([prompt], rngs(1))
    folder, newest = policy.sampler.versions.folder, policy.sampler.versions.newest
    assert newest and [path.name for path in folder.iterdir() if path.is_dir()] == [newest.folder.name]
    assert policy.sampler.engine.adapters() == {newest.number}
    assert adapter_store.leftovers(folder.parent) == [], "a living process's shelf is no leftover"


def test_a_renewed_adapter_is_no_old_one_of_the_same_version(policy: Policy) -> None:
    """The next cell of a comparison, on the same engine."""
    prompt = policy.chat.prompt(TEXT)
    told = []
    for seed in (7, 8):
        policy.network.renew(seed)
        assert policy.network.version == 0
        shaken(policy.network, seed, 0.05)
        assert policy.network.version == 1
        samples = policy.sampler.sample([prompt] * 4, rngs(4))
        meter = Learner(policy.network, LearnerSettings()).gradient([Lesson(one, advantage=1.0) for one in samples])
        assert meter.gap_mean < 0.03
        told.append(samples)
    assert told[0] != told[1]


def test_ten_steps_with_the_guard_on(engine: None, tiny_model: Path, tmp_path: Path) -> None:
    """The whole command."""
    words = [sys.executable, "-c", "from sdpo_tts.cli.solving.solve import main; main()", str(ROOT / "problems" / "sum-line")]
    options = {
        "engine": "vllm", "model": tiny_model, "dtype": "float32", "max-new-tokens": 8, "batch-size": 2, "max-attempts": 22,
        "engine-memory": 1, "learning-rate": 1e-3, "runs": tmp_path,
    }  # fmt: skip
    words += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run([*words, "--json"], capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    run = Path(json.loads(done.stdout)["run"])
    events = read_events(run / "events.jsonl")
    steps = [event for event in events if event["type"] == "step_taken"]
    assert len(steps) == 10
    assert max(step["gap_mean"] for step in steps) < 1e-3, "fp32 on both sides"
    told = next(event for event in events if event["type"] == "manifest")["model"]
    assert told["engine"] == "vllm" and told["base"].startswith("held twice: on a CPU") and "0." in told["engine_version"]
    assert "vllm" in (run / "logs" / "engine.log").read_text().lower()


def test_thoughts_are_closed_and_answers_learnt_from(tmp_path: Path) -> None:
    """With an adapter on: what the engine drew before and behind a forced end is what the learner computes."""
    folder, thinking = save_tiny_model(tmp_path / "model", thinker()), ThinkingSettings("on", 6)
    settings = PolicySettings(
        str(folder), "cpu", "float32", max_new_tokens=24, engine="vllm", engine_memory=0.5, thinking=thinking
    )
    with load_policy(settings, 0, lambda text: None) as policy:
        shaken(policy.network, 1, 0.2)
        found, again = (policy.sampler.sample([policy.chat.prompt(TEXT)] * 12, rngs(12)) for _ in "12")
        known = policy.chat.thinking
        assert known and found == again
        marks = sorted((*known.opens, *known.closes))
        closed = [  # but for those that happen to draw a mark behind it
            one for one in found if one.forced and [id for id in one.response if id in marks] == list(known.closes)
        ]
        for one in closed:
            end = one.forced.index(True) + len(known.closing)
            assert sum(one.forced) == len(known.closing) and one.thought == end
            assert one.response[end - len(known.closing) : end] == known.closing
            assert end == thinking.tokens + len(known.closing) and len(one.answer) > 0
        assert len(closed) > 6 and all(one.prompt == policy.chat.prompt(TEXT) for one in found)
        assert max(len(one.response) for one in found) == 24
        learner = Learner(policy.network, LearnerSettings(thoughts=0.5, max_gap=1e-3))
        step = learner.step([Lesson(one, policy.chat.prompt(f"{TEXT} Blue.")) for one in found])
        assert not isinstance(step, str) and step.gap_max < 1e-3 and step.grad_norm > 0


def test_a_family_that_vllm_takes_from_transformers_is_exact_and_stays_the_learner_s() -> None:
    """vLLM rewrites the class of such a model, which the learner has too."""
    assert engine_families.measured("smollm3")["largest"] < 1e-4
    assert families.tiny("smollm3"), "another can be built"


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_learner_and_engine_share_one_base(quantization: str, tiny_model: Path) -> None:
    """With weights that are not packed, as on a GPU: one storage, and a step leaves every bit as it was."""
    if quantization != "none":
        pytest.importorskip("vllm_bnb_plugin")
    located = weights.locate(str(tiny_model))
    base, tokenizer = weights.load(located, "bfloat16", "cpu", quantization)
    settings = EngineSettings(max_tokens=256, cache_bytes=2**28, quantization=quantization, plain=True)
    llm = start(located.source, "bfloat16", 16, settings)
    size = sum(one.nbytes for one in base.parameters())
    apart = held(base, model_of(llm))
    share(base, model_of(llm))
    base.to("cpu")
    assert apart - held(base, model_of(llm)) == size
    storages = {one.untyped_storage().data_ptr() for one in model_of(llm).parameters()}
    assert all(one.untyped_storage().data_ptr() in storages for one in base.parameters())
    network, chat = Network(base, LoraSettings(), 0), Chat(tokenizer, base.generation_config)
    sampler = VllmSampler(InProcessEngine(llm), network, chat.stop_ids, max_new_tokens=8)
    frozen = [one.clone() for one in model_of(llm).parameters()]
    shaken(network, 9)
    samples = sampler.sample([chat.prompt(TEXT)] * 4, rngs(4))
    step = Learner(network, LearnerSettings()).step([Lesson(one, chat.prompt(f"{TEXT} Blue.")) for one in samples])
    assert step.gap_mean < 0.1 and step.grad_norm > 0
    assert all(torch.equal(one, before) for one, before in zip(model_of(llm).parameters(), frozen, strict=True))
    with torch.no_grad():
        next(iter(base.parameters()))[0, 0] += 1
    with pytest.raises(NotSharedError, match="other values"):
        share(weights.load(located, "bfloat16", "cpu", quantization)[0], model_of(llm))
    sampler.close()


def held(*networks: Any) -> int:
    """Bytes of all parameters together, each storage once."""
    storages = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for net in networks for one in net.parameters()}
    return sum(storages.values())


def test_a_start_that_fails_leaves_no_process_groups(tiny_model: Path) -> None:
    """Torch would say so at the end of the run, which goes on with the other engine."""
    with pytest.raises(SetupError, match="vLLM does not start"):
        start(str(tiny_model), "float32", 8, EngineSettings(max_tokens=256, cache_bytes=1))
    assert not torch.distributed.is_initialized()
