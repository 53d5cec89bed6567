"""What lies on disk and is no whole model: one line each, that says what is wrong."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from sdpo_tts.discovery.assemble import PolicySettings, load_policy
from sdpo_tts.doctor import CHECKS, Subject
from sdpo_tts.errors import SetupError
from sdpo_tts.models import integrity
from sdpo_tts.models.weights import Weights, load, locate
from sdpo_tts.policy.network import LoraSettings, Network
from sdpo_tts.policy.prompts import Chat
from tests.test_prompts import chatml

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 269060552\n"
ROWS = 259  # as many as chatml has ids, with the one that transformers adds


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a hub has it, of a model that is tiny and random."""
    folder = tmp_path_factory.mktemp("models") / "whole"
    config = Qwen2Config(
        hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=1, num_key_value_heads=1,
        vocab_size=ROWS, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    chatml().save_pretrained(folder)
    return folder


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(whole, tmp_path / "toy"))


def refusal(model: Path) -> SetupError:
    with pytest.raises(SetupError) as refused:
        load_policy(PolicySettings(model=str(model), device="cpu", dtype="float32", engine="torch"), 0, lambda _: None)
    assert refused.value.exit_code == 4 and "\n" not in str(refused.value)
    return refused.value


def with_weights(model: Path, change: Callable[[dict[str, Any]], None]) -> None:
    weights = load_file(model / "model.safetensors")
    change(weights)
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


def test_a_whole_model_is_let_pass(model: Path) -> None:
    """Tied weights are not missing."""
    network, tokenizer = load(Weights("toy", str(model)), "float32", "cpu")
    Chat(tokenizer, network.generation_config).demand_template("toy", ROWS)


def of_sentencepiece(model: Path, tokenizer: bytes) -> None:
    """In place of the tokenizer's own form."""
    (model / "tokenizer.json").unlink()
    (model / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer", "eos_token": "</s>"}')
    (model / "tokenizer.model").write_bytes(tokenizer)


def test_a_tokenizer_of_sentencepiece_is_read(model: Path) -> None:
    sentencepiece, made = pytest.importorskip("sentencepiece"), io.BytesIO()
    words = iter(["the first of forty two words, fortytwo"] * 9)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=words, model_writer=made, vocab_size=40, model_type="bpe", hard_vocab_limit=False,
        minloglevel=2,
    )  # fmt: skip
    of_sentencepiece(model, made.getvalue())
    tokenizer = load(Weights("toy", str(model)), "float32", "cpu")[1]
    assert tokenizer.decode(tokenizer("fortytwo", add_special_tokens=False)["input_ids"]) == "fortytwo"


def test_a_package_that_a_tokenizer_needs_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)  # as if it were not installed
    of_sentencepiece(model, b"not read")
    why = "the tokenizer of toy needs a package that is not installed: sentencepiece (hint: pip install sentencepiece)"
    assert str(refusal(model)) == why
    said = "\nMistralCommonBackend requires the mistral-common library: `pip install mistral-common`."
    with pytest.raises(SetupError, match="hint: pip install mistral-common"), integrity.packages_of_tokenizer("a", model):
        raise ImportError(said)
    with pytest.raises(ValueError, match="cut short"), integrity.packages_of_tokenizer("a", model.parent):
        raise ValueError("cut short")


def test_a_base_model_has_no_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    assert "the model toy has no chat template (hint: it is a base model; use the Instruct variant" in str(refusal(model))
    tokenizer = chatml()
    tokenizer.chat_template = None
    with pytest.raises(SetupError, match=r"usually a/b-Instruct\)"):
        Chat(tokenizer, SimpleNamespace(eos_token_id=None)).demand_template("a/b", ROWS)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('no user may speak') }}", "the chat template of toy fails: no user may speak"),
        ("{% if %}", "the chat template of toy fails: "),
        ("{{ messages[0].content[0].picture }}", "the chat template of toy leaves the question out"),
        ("{% for turn in messages %}<|im_start|>{{ turn.role }}{% endfor %}", "the chat template of toy leaves the question out"),
    ],
)
def test_a_template_that_cannot_be_used(model: Path, template: str, words: str) -> None:
    (model / "chat_template.jinja").write_text(template)
    assert words in str(refusal(model))


@pytest.mark.parametrize("files", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_no_tokenizer(model: Path, files: list[str]) -> None:
    """transformers makes an empty one instead, or says that it cannot."""
    for name in files:
        (model / name).unlink()
    told = str(refusal(model))
    assert "the model toy has no tokenizer" in told or "the tokenizer of toy could not be loaded" in told


@pytest.mark.parametrize("text", ["{}", "{", "[]", '{"model": 1}'])
def test_a_damaged_tokenizer(model: Path, text: str) -> None:
    (model / "tokenizer.json").write_text(text)
    assert "the tokenizer of toy could not be loaded: " in str(refusal(model))


def test_a_damaged_configuration(model: Path) -> None:
    (model / "config.json").write_text('{"model_type": "qwen2", "hidden_size": "wide"}')
    assert "the model toy could not be loaded: " in str(refusal(model))


def test_weights_that_are_missing_are_named(model: Path) -> None:
    def drop(weights: dict[str, Any]) -> None:
        for name in [name for name in weights if "layers.1.mlp" in name or name == "model.norm.weight"]:
            del weights[name]

    with_weights(model, drop)
    assert (
        "the checkpoint of toy lacks model.layers.1.mlp.down_proj.weight, model.layers.1.mlp.gate_proj.weight, "
        "model.layers.1.mlp.up_proj.weight and 1 more (hint: " in str(refusal(model))
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named(model: Path, value: float) -> None:
    with_weights(model, lambda weights: weights["model.layers.1.mlp.down_proj.weight"].view(-1)[7:8].fill_(value))
    assert "has weights that are not finite: model.layers.1.mlp.down_proj.weight" in str(refusal(model))


def test_logits_that_are_not_finite_are_not_called_scaled(model: Path) -> None:
    """As of a model that is too large for its precision."""
    base = Qwen2ForCausalLM.from_pretrained(model)
    base.model.norm.weight.data.fill_(3e38)
    with pytest.raises(SetupError, match="Qwen2ForCausalLM computes logits that are not finite"):
        Network(base.eval().requires_grad_(False), LoraSettings(), seed=0)


def test_a_tokenizer_of_another_model(model: Path) -> None:
    tokenizer = chatml()
    tokenizer.add_tokens(["seven", "eight"])
    tokenizer.save_pretrained(model)
    assert "the tokenizer of toy has ids up to 259, but the model has only 259 rows" in str(refusal(model))


def test_special_tokens_beyond_the_rows_do_no_harm(model: Path) -> None:
    tokenizer = chatml()
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<one>", "<two>"]})
    assert len(tokenizer) > ROWS
    integrity.refuse_foreign_tokenizer("toy", tokenizer, Qwen2ForCausalLM.from_pretrained(model))
    chat = Chat(tokenizer, SimpleNamespace(eos_token_id=None))
    chat.demand_template("toy", ROWS)
    tokenizer.chat_template += "<two>"
    with pytest.raises(SetupError, match=r"the chat template of toy writes token 259, but the model has 259 rows"):
        chat.demand_template("toy", ROWS)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"])
def test_a_git_lfs_pointer_is_called_one(model: Path, name: str) -> None:
    (model / name).write_text(POINTER)
    refused = refusal(model)
    assert (refused.what, refused.where) == ("a Git LFS pointer, not the file itself", str(model / name))
    finding = next(check for check in CHECKS if check.name == "model")
    with pytest.raises(SetupError, match="Git LFS pointer"):
        finding.look(Subject(model=str(model)))


def test_so_is_one_in_place_of_a_gguf_file(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_text(POINTER)
    with pytest.raises(SetupError, match="Git LFS pointer"):
        locate(str(tmp_path / "model.gguf"))


@pytest.mark.parametrize("length", [0, 3, 4, 10, 24, 90, 130, 10_000])
def test_a_gguf_file_that_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Wherever it ends: in its magic, its counts, its keys and values, the list of its weights, or in these."""
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    (path := tmp_path / "cut.gguf").write_bytes(gguf_file(tmp_path)[:length])
    with pytest.raises(SetupError, match="the model could not be read: ") as refused:
        locate(str(path))
    assert (refused.value.where, "it may be cut short" in refused.value.hint) == (str(path), True)


def test_a_gguf_file_without_some_weights_is_not_made_whole_by_random_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDPO_TTS_CACHE", str(tmp_path))
    (path := tmp_path / "part.gguf").write_bytes(gguf_file(tmp_path))
    with pytest.raises(SetupError, match=r"the checkpoint of part\.gguf lacks .* and \d+ more"):
        locate(str(path))
    assert not [folder for folder in (tmp_path / "models").iterdir() if folder.is_dir()]


def gguf_file(folder: Path) -> bytes:
    """Of a llama with an embedding and no layer."""
    import gguf

    writer = gguf.GGUFWriter(path := folder / "whole.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_vocab_size(258)
    letters = [chr(256 + at) for at in range(258)]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(letters)
    writer.add_token_merges([f"{letters[0]} {letters[1]}"])
    writer.add_eos_token_id(0)
    writer.add_tensor("token_embd.weight", torch.ones(258, 32).numpy())
    writer.add_tensor("output_norm.weight", torch.ones(32).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


class _Cleaning(PreTrainedTokenizerFast):
    """Decodes as transformers 5.0 to 5.3 did for Llama 3's tokenizer: blanks before marks go, unless one asks for all."""

    def decode(self, ids: Any, *, clean_up_tokenization_spaces: bool | None = None, **more: Any) -> str:  # type: ignore[override]
        text = str(super().decode(ids, clean_up_tokenization_spaces=False, **more))
        return text if clean_up_tokenization_spaces is False else text.replace(" '", "'").replace(" .", ".")


def test_blanks_of_a_program_are_kept() -> None:
    plain = chatml()
    cleaning = _Cleaning(tokenizer_object=plain.backend_tokenizer, eos_token="<|im_end|>", clean_up_tokenization_spaces=True)
    chat, program = Chat(cleaning, SimpleNamespace(eos_token_id=None)), "print(' '.join(s) , 'I' , 'm' . a)"
    assert chat.text(chat.plain(program)) == program
