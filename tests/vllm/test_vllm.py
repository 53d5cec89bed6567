"""vLLM for real, on a CPU with SmolLM2: run by `make test` in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("vllm")

from scipy.stats import chi2_contingency

from sdpo_tts.discovery.assemble import Policy, PolicySettings, load_policy
from sdpo_tts.engine import adapter_store
from sdpo_tts.engine.in_process import InProcessEngine
from sdpo_tts.engine.sampler import VllmSampler
from sdpo_tts.engine.sharing import NotSharedError, share
from sdpo_tts.engine.vllm import EngineSettings, model_of, start
from sdpo_tts.errors import SdpoError, SetupError
from sdpo_tts.models import weights
from sdpo_tts.policy.learning.learner import Learner, LearnerSettings, Lesson
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import Chat
from sdpo_tts.policy.sampler import Listener, Sample, Sampler, TorchSampler
from sdpo_tts.record import read_events
from tests.conftest import ROOT

MODEL = "smollm2-135m"
TEXT = "Name a colour. Answer with one word."
FEW = 5  # tokens of an answer


THREADS = 2


@pytest.fixture(scope="module")
def policy() -> Iterator[Policy]:
    """One engine for most tests, with fp32 weights; whoever changes the adapter gives it a new version."""
    torch.set_num_threads(THREADS)
    settings = PolicySettings(model=MODEL, device="cpu", dtype="float32", max_new_tokens=FEW, engine="vllm", engine_memory=1.0)
    with load_policy(settings, 0, lambda text: None) as loaded:
        yield loaded


def rngs(count: int, stream: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([stream, i]) for i in range(count)]


def drawn(sampler: Sampler, prompt: tuple[int, ...], count: int, stream: int) -> list[Sample]:
    found: list[Sample] = []
    while len(found) < count:
        found += sampler.sample([prompt] * 64, rngs(64, stream + len(found)))
    return found


def shaken(network: Network, seed: int, size: float = 0.02) -> None:
    """Another adapter, under a version of its own."""
    generator = torch.Generator().manual_seed(seed)
    network.restore([torch.randn(one.shape, generator=generator) * size for one in network.trainable])


def gap(policy: Policy, samples: list[Sample]) -> float:
    """Mean distance of the samples' log-probabilities from the learner's, in nats a token."""
    learner = Learner(policy.network, LearnerSettings())
    pairs = [(a, b) for one in samples for a, b in zip(one.logprobs, learner.logprobs(Lesson(one)), strict=True)]
    return sum(abs(a - b) for a, b in pairs) / len(pairs)


def agree(ours: Counter[Any], theirs: Counter[Any]) -> float:
    """p of the chi-square test that both are drawn alike; rare values are one."""
    common = [value for value in ours | theirs if ours[value] + theirs[value] >= 20]
    rows = [[one[value] for value in common] + [sum(one.values()) - sum(one[v] for v in common)] for one in (ours, theirs)]
    filled = [column for column in zip(*rows, strict=True) if sum(column)]
    assert len(filled) > 2, "a test that cannot fail shows nothing"
    return float(chi2_contingency(np.array(filled).T).pvalue)


def test_both_engines_draw_from_one_distribution(policy: Policy) -> None:
    shaken(policy.network, 1)
    prompt = policy.chat.prompt(TEXT)
    torch_sampler = TorchSampler(policy.network, policy.chat.stop_ids, max_new_tokens=FEW)
    ours, theirs = drawn(torch_sampler, prompt, 512, 1000), drawn(policy.sampler, prompt, 512, 2000)
    assert agree(Counter(one.response[0] for one in ours), Counter(one.response[0] for one in theirs)) > 0.01
    assert agree(Counter(len(one.response) for one in ours), Counter(len(one.response) for one in theirs)) > 0.01
    assert gap(policy, theirs[:32]) < 0.03


def test_a_row_draws_from_its_own_generator(policy: Policy) -> None:
    prompt = policy.chat.prompt(TEXT)
    together = [one.response for one in policy.sampler.sample([prompt] * 4, rngs(4))]
    assert [one.response for one in policy.sampler.sample([prompt] * 2, rngs(4)[2:])] == together[2:]
    assert len(set(together)) > 1


def test_long_prompts_are_read_whole(policy: Policy) -> None:
    """Together more than the engine reads at once."""
    prompts = [policy.chat.prompt(f"{number} " * 100 + TEXT) for number in range(10, 58)]
    assert sum(map(len, prompts)) > 2 * 4096
    together = [one.response for one in policy.sampler.sample(prompts, rngs(48))]
    for row in (0, 20, 40):
        assert policy.sampler.sample([prompts[row]], [rngs(48)[row]])[0].response == together[row]


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
        assert gap(policy, samples[2:]) < 0.03
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


def test_attempts_are_heard_of_as_they_end_and_the_rest_is_cancelled(policy: Policy) -> None:
    heard: list[int] = []
    listener = Listener(lambda place, sample: heard.append(place), lambda: bool(heard))
    samples = policy.sampler.sample([policy.chat.prompt(TEXT)] * 16, rngs(16), listener=listener)
    ended = [place for place, sample in enumerate(samples) if not sample.cancelled]
    assert sorted(heard) == ended and 0 < len(ended) < 16
    assert policy.sampler.sample([policy.chat.prompt(TEXT)], rngs(1))[0].cancelled is False, "nothing is left over"


def test_the_learner_keeps_its_threads(policy: Policy) -> None:
    assert torch.get_num_threads() == THREADS, "vLLM would leave it one"
    torch.set_num_threads(THREADS + 1)
    assert torch.get_num_threads() == THREADS + 1
    torch.set_num_threads(THREADS)


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


def test_ten_steps_with_the_guard_on(engine: None, tmp_path: Path) -> None:
    """The whole command."""
    words = [sys.executable, "-c", "from sdpo_tts.cli.solving.solve import main; main()", str(ROOT / "problems" / "sum-line")]
    options = {
        "engine": "vllm", "model": MODEL, "dtype": "float32", "max-new-tokens": 8, "batch-size": 2, "max-attempts": 22,
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


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_learner_and_engine_share_one_base(quantization: str) -> None:
    """With weights that are not packed, as on a GPU: one storage, and a step leaves every bit as it was."""
    if quantization != "none":
        pytest.importorskip("vllm_bnb_plugin")
    located = weights.locate(MODEL)
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


def test_a_start_that_fails_leaves_no_process_groups() -> None:
    """Torch would say so at the end of the run, which goes on with the other engine."""
    source = weights.locate(MODEL).source
    with pytest.raises(SetupError, match="vLLM does not start"):
        start(source, "float32", 8, EngineSettings(max_tokens=256, cache_bytes=1))
    assert not torch.distributed.is_initialized()
