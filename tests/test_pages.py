"""What a report says first, how it writes numbers, and that its drawings can be read."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import pytest

from sdpo_tts.errors import SetupError
from sdpo_tts.publish import charts, page, png, svg, tables, templates, terminal
from sdpo_tts.publish.scale import LETTER, Scale, round_ends, short
from sdpo_tts.report import phrases
from sdpo_tts.report.analysis import Analysis, RatioRow, analyse
from sdpo_tts.report.arms import Grid
from sdpo_tts.report.run import ORDER
from sdpo_tts.report.runs import load_runs
from sdpo_tts.stats import bootstrap
from tests.synthetic import until, write


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysis]:
    """sdpo solves `easy` at once, where best-of-k needs long and multi-turn fails; nobody solves `hard` and `<harder>`."""
    root = tmp_path_factory.mktemp("runs")
    for seed in range(6):
        write(root, "easy", "sdpo", seed, until(seed + 1, 48), 48)
        write(root, "easy", "multi-turn", seed, until(None, 48), 48)
        for problem, method in product(("hard", "<harder>"), ("sdpo", "multi-turn")):
            write(root, problem, method, seed, until(None, 48), 48)
    for problem, solved in (("easy", 8), ("hard", 0), ("<harder>", 0)):
        outcomes = [i < 4 * solved and i % 4 == 3 for i in range(240)]
        write(root, problem, "best-of-k", 0, outcomes, 240, pooled=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "DRAWS", 300)
        yield analyse(Grid(tuple(load_runs([root]))))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (-1130, "-1,130"), (-1130.4, "-1,130"), (1130, "1,130"), (5.48e13, "54.8 T"), (-1.04e12, "-1.04 T"),
        (1.234e6, "1.23 M"), (3e17, "300 P"), (0.736, "0.736"), (1e-5, "0"), (99.97, "100"), (62.9, "62.9"),
        (math.nan, phrases.NOTHING), (math.inf, "never"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_people_write_them(value: float, told: str) -> None:
    assert phrases.number(value) == told


def ratio(budget: float, other: float, value: float, low: float, high: float) -> tuple[str, str]:
    row = RatioRow("attempts", 0.5, "sdpo", "best-of-k", budget, other, value, low, high, 0.0)
    return phrases.ratio(row), phrases.ratio_interval(row)


def test_a_ratio_without_bounds_is_said_in_words() -> None:
    assert ratio(10, 24, 2.4, 0.8, 3.0) == ("2.4x", "0.8x to 3.0x")
    assert ratio(10, math.inf, math.inf, 0.8, math.inf) == ("sdpo only", "0.8x or more")
    assert ratio(math.inf, 24, 0.0, 0.0, 0.04) == ("best-of-k only", "up to 0.04x")
    assert ratio(10, math.inf, math.inf, 0.0, math.inf) == ("sdpo only", "anything")
    assert ratio(10, 10, 1.0, math.nan, math.nan) == ("1.0x", phrases.NOTHING)


def test_a_report_begins_with_what_is_known(analysis: Analysis) -> None:
    known, unknown = phrases.known(analysis), phrases.unknown(analysis)
    assert known[0] == (
        "Solved: sdpo 6 of 18 runs, multi-turn 0 of 18 runs, best-of-k 8 of 720 samples. 2 of the 3 problems were "
        "solved by no method."
    )
    assert known[1].startswith("At 48 attempts sdpo finds 33.3 points more than multi-turn (90 % interval +")
    assert known[2].startswith("Until its first success, best-of-k needs more attempts (by ")
    (told,) = unknown
    assert told.startswith("No significant difference between sdpo and best-of-k at 48 attempts: ")
    text = page.page(analysis)
    assert text.index('class="finding"') < text.index('class="unknown"') < text.index("<h2>")
    lines = terminal.text(analysis).replace("\n", " ")
    assert (
        lines.index("Solved: sdpo")
        < lines.index("At 48 attempts sdpo finds")
        < lines.index("No significant difference")
    )


def test_a_difference_to_the_other_method_is_told_from_the_better_one(analysis: Analysis) -> None:
    contrast = next(c for c in analysis.contrasts if (c.axis, c.other) == ("attempts", "multi-turn"))
    turned = dataclasses.replace(
        contrast, method="multi-turn", other="sdpo", difference=-contrast.difference, low=-contrast.high,
        high=-contrast.low, wide_low=-contrast.wide_high, wide_high=-contrast.wide_low,
    )  # fmt: skip
    assert phrases.finding(turned, analysis) == phrases.finding(contrast, analysis)


def test_what_was_never_solved_says_so_and_takes_one_line(analysis: Analysis) -> None:
    shown, folded = tables.problems(analysis), tables.never_solved(analysis)
    assert [row[0] for row in shown.rows] == ["easy"] * 3 and {row[0] for row in folded.rows} == {"hard", "<harder>"}
    assert [(row[1], row[4], row[5]) for row in shown.rows][1] == ("multi-turn", "never", phrases.NOTHING)
    assert [row[2] for row in tables.waits(analysis).rows if row[1] == "multi-turn"] == ["never"] * 4
    text = page.page(analysis)
    assert "2 problems that no method solved:\n&lt;harder&gt;, hard</summary>" in text
    told = terminal.text(analysis)
    assert "Solved by no method: <harder>, hard." in told and "0/6" in told and told.count("hard") == 2


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    table = tables.Table(("a", "b", "c"), [("1", phrases.NOTHING, "x"), ("2", "", phrases.NOTHING)])
    assert (table.columns, table.wide) == ([0, 2], False)
    text = str(
        templates._environment().from_string("{% import 'parts.html.j2' as p %}{{ p.table(t) }}").render(t=table)
    )
    assert "<th>b</th>" not in text and '<td data-label="c">x' in text and '<td class="none" data-label="c">' in text
    assert terminal.columns(("a", "b"), [("1", phrases.NOTHING)]) == "a\n1"


def test_units_stay_with_their_numbers() -> None:
    assert templates.unbroken("<54.8 T FLOPs> 10.0 % (2.3 to 34.8)") == (
        "&lt;54.8&nbsp;T FLOPs&gt; 10.0&nbsp;% (2.3&nbsp;to&nbsp;34.8)"
    )
    assert templates.unbroken("at 96 Tests") == "at 96 Tests"


def test_curves_end_where_methods_are_compared(analysis: Analysis) -> None:
    levels = {(row.axis, row.method): row for row in analysis.levels}
    for (axis, method), level in levels.items():
        points = analysis.shown(axis, method)
        assert (points[-1].budget, points[-1].discovery) == (level.budget, level.discovery)
        assert all(a.budget < b.budget for a, b in pairwise(points))


@pytest.mark.parametrize(
    ("values", "share", "ends"),
    [
        ([0.1, 0.348], True, (0, 0.4)), ([0.02, 0.97], True, (0, 1)), ([], True, (0, 1)), ([0, 0], True, (0, 1)),
        ([0.42, 0.455], False, (0.42, 0.46)), ([110, 200], False, (0, 200)), ([-0.3, 0.4], False, (-0.4, 0.4)),
        ([3, 3], False, (3, 6)),
    ],
)  # fmt: skip
def test_an_axis_fits_its_data(values: list[float], share: bool, ends: tuple[float, float]) -> None:
    assert round_ends(values, share=share) == pytest.approx(ends)


@pytest.mark.parametrize(("low", "high"), [(0.4, 900), (1, 96), (7e10, 8e13), (1, 3000), (1e3, 1e19)])
def test_labels_of_an_axis_do_not_touch(low: float, high: float) -> None:
    scale = Scale(low, high, True, 50, 230)
    ends = [(scale(tick), LETTER * len(short(tick)) / 2) for tick in scale.ticks()]
    assert len(ends) >= 2
    assert all(b - a > half + other for (a, half), (b, other) in pairwise(ends))


def elements(drawing: str, kind: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(drawing).iter() if kind in one.get("class", "").split()]


def test_labels_and_intervals_stand_beside_the_curves_and_hide_nothing(analysis: Analysis) -> None:
    for chart in charts.discovery(analysis):
        labels = elements(chart.drawing, "label")
        assert {label.text for label in labels} >= {"multi-turn 0 %", "sdpo 33 %"}
        heights = sorted(float(label.get("y", "nan")) for label in labels)
        assert all(b - a >= svg.LABEL for a, b in pairwise(heights))
        assert all(float(label.get("x", "nan")) + LETTER * len(label.text or "") <= svg.WIDTH for label in labels)
        places = [float(bar.get("x1", "nan")) for bar in elements(chart.drawing, "interval")]
        assert len(set(places)) == 3
        right = max(float(line.get("x2", "nan")) for line in elements(chart.drawing, "grid"))
        assert right < min(places) < max(places) < min(float(label.get("x", "nan")) for label in labels)


def test_a_solid_line_hides_no_other() -> None:
    same = [svg.Line(kind, ((1, 1), (2, 3))) for kind in ("m-best-of-k", "m-sdpo")]
    for order in (same, same[::-1]):
        drawing = svg.lines(order, title="", x="", y="")
        assert [line.get("class") for line in elements(drawing, "line")] == ["line m-sdpo", "line m-best-of-k"]
    dashes = re.findall(r"\.line\.([\w-]+) \{ stroke-dasharray", templates.text("charts.css"))
    assert svg.SOLID not in dashes and len(dashes) == len(set(dashes)) == 9


def test_labels_that_have_no_room_move_apart() -> None:
    assert svg.spread([50, 51, 20], 0, 100, 15) == [50, 65, 20]
    assert svg.spread([98, 99, 97], 0, 100, 15) == [85, 100, 70]
    assert svg.spread([0] * 5, 0, 40, 15) == [0, 10, 20, 30, 40]


def colours(theme: str) -> dict[str, tuple[int, ...]]:
    found = re.findall(r"--([\w-]+): #(\w{6});", theme)
    return {name: tuple(bytes.fromhex(value)) for name, value in found}


@pytest.mark.parametrize("dark", [False, True])
def test_no_verdict_has_the_colour_of_a_method(dark: bool) -> None:
    theme = colours(templates.text("style.css").split(":root {")[1 + dark].partition("}")[0])
    verdicts = [theme[name.lower()] for name in charts.VERDICTS]
    methods = [colour for name, colour in theme.items() if name in ORDER or name.startswith("variant")]
    assert (len(verdicts), len(methods)) == (10, 10)
    assert min(math.dist(a, b) for a, b in product(verdicts, methods)) > 60


def test_the_picture_is_made_of_the_drawings_of_the_page(analysis: Analysis, tmp_path: Path) -> None:
    picture, whole = png.picture(analysis), page.page(analysis)
    drawings = [str(chart.drawing) for chart in charts.discovery(analysis)]
    assert len(drawings) == 4 and all(drawing in picture and drawing in whole for drawing in drawings)
    assert "var(" not in picture and "#0066b3" in picture
    png.write_png(analysis, tmp_path / "new" / "curves.png")
    head = (tmp_path / "new" / "curves.png").read_bytes()[:24]
    assert (head[:4], int.from_bytes(head[16:20])) == (b"\x89PNG", 4 * svg.WIDTH)


def test_a_picture_that_cannot_be_made_says_why(
    analysis: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resvg_py.svg_to_bytes", lambda **options: b"blank")
    with pytest.raises(SetupError, match="no font"):
        png.write_png(analysis, tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(SetupError, match="needs resvg"):
        png.write_png(analysis, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_a_chart_escapes_its_words() -> None:
    chart = svg.lines([svg.Line("m-sdpo", ((1, 1), (2, 3)), told="<b>&")], title='"<t>', x="<x>", y="<y>")
    told = {one.text for one in ElementTree.fromstring(chart).iter() if one.text}
    assert {"<b>&", '"<t>', "<x>", "<y>"} <= told
