"""Credit by token, its drawings, and what an adapter does to other text."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from rich.console import Console

from sdpo_tts.discovery.measure.drift import drift, passages
from sdpo_tts.errors import UserError
from sdpo_tts.policy.learning.credit import Piece, credit
from sdpo_tts.view.measured import heat
from tests.test_learner import QUESTION, whole_logits
from tests.tiny import tiny_network

LETTERS = "aé€\n<"
BYTES = [bytes([byte]) for byte in LETTERS.encode()]  # token i is byte i of the letters, so é is two tokens and € three


@dataclass(frozen=True)
class ByteChat:
    def text(self, ids: list[int]) -> str:
        return b"".join(BYTES[i % len(BYTES)] for i in ids).decode(errors="replace")


def test_credit_is_the_log_ratio_and_characters_stay_whole() -> None:
    network = tiny_network()
    response, prompt = tuple(range(len(BYTES))), (*QUESTION, 11, 12)
    logprobs = [-0.1 * t for t in response]
    pieces = credit(network, ByteChat(), prompt, response, logprobs)  # type: ignore[arg-type]
    assert [piece.text for piece in pieces] == list(LETTERS)
    with torch.no_grad(), network.without_adapter():
        teacher = whole_logits(network, prompt, response).log_softmax(-1)
    ratios = [float(teacher[t, token]) - logprobs[t] for t, token in enumerate(response)]
    assert [math.exp(piece.student_logp) for piece in pieces[:2]] == pytest.approx([1.0, math.exp(-0.3)])
    assert [math.exp(piece.student_logp) for piece in pieces[:2]] == pytest.approx([1.0, math.exp(-0.3)])
    expected = [ratios[0], sum(ratios[1:3]), sum(ratios[3:6]), ratios[6], ratios[7]]
    assert [piece.log_ratio for piece in pieces] == pytest.approx(expected, abs=1e-5)
    best = teacher[1].exp().topk(3)
    assert [share for _, share in pieces[1].alternatives] == pytest.approx(best.values.tolist())


def test_a_thought_is_read_by_the_teacher_and_folded_away() -> None:
    network, response, logprobs = tiny_network(), tuple(range(len(BYTES))), [-0.1] * len(BYTES)
    whole, answer = (credit(network, ByteChat(), QUESTION, response, logprobs, thought) for thought in (0, 6))  # type: ignore[arg-type]
    assert [piece.text for piece in answer] == ["\n", "<"]
    assert [piece.log_ratio for piece in answer] == pytest.approx([piece.log_ratio for piece in whole[3:]], abs=1e-9)
    drawn = heat.Heat("Sum", answer, "", 0.0, "a </pre> thought", 6)
    assert "<details><summary>A thought of 6 tokens</summary>\n<pre>a &lt;/pre&gt; thought</pre>" in heat.page(drawn)
    console = Console(file=io.StringIO(), width=200)
    console.print(heat.terminal(drawn))
    console.print(heat.terminal(drawn, whole=True))
    folded, whole_thought = console.file.getvalue().split("\nSum")  # type: ignore[attr-defined]
    assert "(a thought of 6 tokens)" in folded and "\na </pre> thought\n" in whole_thought


def test_a_character_cut_off_at_the_end_is_a_piece_too() -> None:
    pieces = credit(tiny_network(), ByteChat(), QUESTION, (0, 1), (0.0, 0.0))  # type: ignore[arg-type]
    assert [piece.text for piece in pieces] == ["a", "\ufffd"]


HEAT = heat.Heat(
    "Sum: attempt 3, WA",
    [
        Piece("print", -0.55, -0.5, ()), Piece("<7>\n", -0.5, -6.5, (("<8>", 0.9), ("\n", 0.1), ("y", 0.001))),
        Piece("", -0.5, -0.3, (("x", 1.0),)),
    ],
    "Expected <8>.",
    0.0,
)


def test_shades_go_from_the_background_to_red_and_blue() -> None:
    assert heat.shade(0.0, (24, 24, 24)) == (24, 24, 24)
    assert heat.shade(-heat.FULL, (24, 24, 24)) == heat.shade(-99, (24, 24, 24)) == heat.RED
    assert heat.shade(heat.FULL, (0, 0, 0)) == heat.BLUE
    assert heat.shade(heat.FULL / 2, (0, 0, 0)) == (19, 55, 105)


def test_the_terminal_shows_pieces_and_where_they_differ_most() -> None:
    console = Console(width=80, record=True, color_system="truecolor", force_terminal=True, file=io.StringIO())
    console.print(heat.terminal(HEAT))
    text = console.export_text(clear=False)
    assert "print<7>↵  <7> 61 % → 0.2 %" in text and "-6.00" in text and "<8> 90%  \\n 10%" in text and "(end)" in text
    assert "61 %     0.2 %" in text and "y 0%" not in text
    assert "same advantage: +0.00" in text and "Expected <8>." in text
    assert "48;2;220;50;47" in console.export_text(styles=True), "the strongest disagreement is full red"


def test_the_terminal_obeys_nothing_that_a_model_wrote() -> None:
    console = Console(width=80, file=(seen := io.StringIO()))
    console.print(heat.terminal(heat.Heat("Sum", [Piece("a\x1b[2J\tb\n", -0.1, -6.1, (("\x07", 0.9),))], "\x1b[2J", 0.0)))
    assert not {"\x1b", "\x07"} & set(seen.getvalue()) and "a\\x1b[2J" in seen.getvalue()


def test_the_page_escapes_what_a_model_wrote() -> None:
    page = heat.page(HEAT)
    told = "student 61 %, teacher 0.2 %; the teacher's choices: &lt;8&gt; 90%, \\n 10%"
    shade = f'<span style="background: rgb(var(--red) / 1.00); color: #fff" title="{told}">'
    assert f'{shade}&lt;7&gt;</span><small>61 % → 0.2 %</small>{shade}<i class="end">\n</i></span>' in page
    assert "<7>" not in page and "<8>" not in page
    strongest, _, every = page.partition("<details>")
    assert strongest.count("<tr>") == 3, "a head, and two pieces beyond 0.1"
    assert every.count("<tr>") == 4, "a head, and all pieces"


def test_blanks_can_be_seen_where_teacher_and_student_differ() -> None:
    same, other = Piece(" a\tb\n", -1.0, -1.0, ()), Piece(" a\tb\n", -1.0, -1.5, ())
    assert heat.parts(same) == ([" a\tb\n"], [])
    assert heat.parts(other) == ([" ", "a", "\t", "b"], ["\n"])
    console = Console(width=80, file=(seen := io.StringIO()))
    console.print(heat.terminal(heat.Heat("Sum", [same, other], "", 0.0)))
    assert "·a→b↵\n" in seen.getvalue() and heat.spelt(" \n") == "·\\n"
    assert '<i class="space"> </i>a<i class="tab">\t</i>b' in heat.page(heat.Heat("Sum", [other], "", 0.0))


@pytest.mark.parametrize(("share", "told"), [(1.0, "100 %"), (0.614, "61 %"), (0.0996, "10 %"), (0.025, "2.5 %"), (1e-5, "under 0.1 %")])
def test_probabilities_are_told_in_per_cent(share: float, told: str) -> None:
    assert heat.probability(math.log(share)) == told


def test_an_adapter_that_changes_nothing_drifts_nowhere_and_others_by_their_kl() -> None:
    network = tiny_network()
    ids = tuple(range(20))
    with torch.no_grad():
        adapted = network.peft(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        with network.without_adapter():
            base = network.peft(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
    found = drift(network, "numbers", ids)
    assert found.kl == pytest.approx(float((base.exp() * (base - adapted)).sum(-1).mean()), abs=1e-6)
    following = torch.tensor(ids[1:])[:, None]
    assert found.base_perplexity == pytest.approx(float((-base.gather(-1, following)).mean().exp()), rel=1e-5)
    assert found.adapted_perplexity == pytest.approx(float((-adapted.gather(-1, following)).mean().exp()), rel=1e-5)
    for parameter in network.trainable:
        parameter.data.zero_()
    still = drift(network, "numbers", ids)
    assert (still.kl, still.adapted_perplexity) == (0.0, still.base_perplexity)


def test_an_adapter_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    network = tiny_network()
    saved = network.state()
    network.save_adapter(tmp_path / "adapter")
    network.trainable[1].data += 1
    network.load_adapter(tmp_path / "adapter")
    assert all(torch.equal(now, old) for now, old in zip(network.trainable, saved, strict=True))
    with pytest.raises(UserError, match="no adapter"):
        network.load_adapter(tmp_path / "nothing")


def test_prose_and_code_are_shipped() -> None:
    assert [name for name, _ in passages()] == ["bread", "islands.cpp", "lighthouse", "ring.py"]
    assert all(len(text) > 500 for _, text in passages())
