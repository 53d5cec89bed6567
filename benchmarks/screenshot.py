"""A picture of a terminal: `tmux capture-pane -e -p | python benchmarks/screenshot.py OUT.png [COLUMNS]`.

Needs headless Chromium (`chromium` on the PATH) and Pillow.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

CELL, LINE, BROWSER = 8.43, 16, 120  # pixels: of the font below, and what Chromium takes
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 8px; background: #0c0c0c; color: #d9d9d9 }}
pre {{ margin: 0; font: 14px/16px "DejaVu Sans Mono", monospace }}
u {{ background: currentColor; text-decoration: none }}
i {{ display: inline-block; width: 1ch; overflow: hidden; height: 15px; vertical-align: top; font-style: normal }}
</style><body><pre>{code}</pre>"""


def main(out: Path, columns: int) -> None:
    text = sys.stdin.read().rstrip("\n")
    console = Console(record=True, file=io.StringIO(), width=columns, force_terminal=True, color_system="truecolor")
    for line in text.splitlines():
        console.print(Text.from_ansi(line), overflow="crop", no_wrap=True, crop=True)
    html = console.export_html(theme=MONOKAI, code_format=PAGE, inline_styles=True)
    html = re.sub("[\u2800-\u28ff]", r"<i>\g<0></i>", html)  # of another font, and of another width
    html = re.sub("█+", r"<u>\g<0></u>", html)  # or seams would be seen between the cells
    width, height = int(columns * CELL) + 20, LINE * (text.count("\n") + 1) + 16
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(html, encoding="utf-8")
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={width},{height + BROWSER}",
             f"--screenshot={out.absolute()}", page.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
    with Image.open(out) as picture:
        picture.crop((0, 0, width, height)).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 80)
