"""The commands and environments of statements: how many arguments they take, and which of these are text."""

from __future__ import annotations

import re

# pylatexenc's notation: `{` one argument, `[` an optional one, `*` an optional star. The last one is text.
ARGUMENTS = {
    **dict.fromkeys(
        (
            "textbf", "textit", "emph", "underline", "uline", "sout", "textsc", "textrm", "texttt", "textsf", "textmd",
            "textup", "textsl", "textnormal", "text", "t", "mbox", "hbox", "fbox", "centerline", "ensuremath", "title",
            "author", "date", "textsuperscript", "textsubscript", "uppercase", "lowercase", "MakeUppercase",
            "MakeLowercase", "enquote",
        ),
        "{",
    ),
    **dict.fromkeys(("chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph"), "*[{"),
    **dict.fromkeys(("problemname", "vspace", "hspace", "label", "cline", "vskip", "hskip"), "*[{"),
    **dict.fromkeys(("pagestyle", "thispagestyle", "pagenumbering"), "{"),
    **dict.fromkeys(("usepackage", "documentclass", "RequirePackage", "hypersetup", "lstset", "graphicspath"), "[{"),
    **dict.fromkeys(("caption", "footnote", "footnotetext", "hyperref"), "[{"),
    **dict.fromkeys(("href", "epigraph", "setlength", "addtolength", "setcounter", "addtocounter", "hyperlink"), "{{"),
    **dict.fromkeys(("makebox", "framebox"), "[[{"),
    **dict.fromkeys(("textcolor", "colorbox", "rotatebox"), "[{{"),
    **dict.fromkeys(("multicolumn", "illustration"), "{{{"),
    "multirow": "[{[{[{",
    "resizebox": "*{{{",
    "scalebox": "{[{",
    "raisebox": "{[[{",
    "parbox": "[[[{{",
    "fcolorbox": "[{{{",
    "color": "[{",
    "definecolor": "{{{",
    "arraycolsep": "",
    "newcounter": "{[",
    "includegraphics": "*[[{",
    "addcontentsline": "{{{",
    "rule": "[{{",
    "phantom": "{",
    "hphantom": "{",
    "vphantom": "{",
    "item": "[",
    "\\": "*[",
}  # fmt: skip
HEADINGS = ("chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
PICTURES = ("illustration", "includegraphics", "tikzpicture", "pspicture", "picture", "asy", "forest", "tikzcd")
TYPEWRITER = ("texttt", "t", "tt", "ttfamily")
LINE_ENDS = ("\\", "newline", "par", "linebreak")
LENGTH = re.compile(r"|\s*-?[0-9.]+\s*(?:pt|cm|mm|em|ex|in|pc|\\\w+)\s*|[0-4]")
DROPPED = (
    "problemname", "vspace", "hspace", "label", "usepackage", "documentclass", "RequirePackage", "cline", "hline",
    "noindent", "indent", "setlength", "addtolength", "setcounter", "addtocounter", "newcounter", "nextsample",
    "remainingsamples", "centering", "raggedright", "raggedleft", "bf", "it", "em", "rm", "sf", "sc", "sl", "bfseries",
    "itshape", "scshape", "slshape", "upshape", "mdseries", "rmfamily", "sffamily", "normalfont", "selectfont", "tiny",
    "scriptsize", "footnotesize", "small", "normalsize", "large", "Large", "LARGE", "huge", "Huge", "smallskip",
    "medskip", "bigskip", "toprule", "midrule", "bottomrule", "clearpage", "newpage", "pagebreak", "nopagebreak",
    "columnbreak", "vfill", "hfill", "vskip", "hskip", "color", "definecolor", "hypersetup", "lstset", "graphicspath",
    "pagestyle", "thispagestyle", "pagenumbering", "rule", "phantom", "hphantom", "vphantom", "xspace", "protect",
    "leavevmode", "nobreak", "sloppy", "fussy", "maketitle", "tableofcontents", "addcontentsline", "footnotemark",
    "boldmath", "arraybackslash", "null", "strut", "unskip", "ignorespaces", "arraycolsep", "nobreakspace",
)  # fmt: skip
ENVIRONMENT_ARGUMENTS = {
    **dict.fromkeys(("tabular", "longtable", "tabu", "array", "NiceTabular"), "[{"),
    **dict.fromkeys(("tabular*", "tabularx", "tabulary"), "{[{"),
    **dict.fromkeys(("wrapfigure", "wraptable"), "[{[{"),
    **dict.fromkeys(("figure", "figure*", "table", "table*", "enumerate", "itemize", "description"), "["),
    **dict.fromkeys(("multicols", "multicols*"), "{["),
    **dict.fromkeys(("minipage",), "[[[{"),
    **dict.fromkeys(("adjustbox", "spacing", "adjustwidth"), "{"),
}
MATH = (
    "equation", "equation*", "align", "align*", "gather", "gather*", "displaymath", "math", "eqnarray", "eqnarray*",
    "multline", "multline*", "flalign", "flalign*", "alignat", "alignat*", "dmath", "dmath*",
)  # fmt: skip
SECTIONS = ("Input", "Output", "Interaction")
SPECIALS = {"``": '"', "''": '"', "--": "-", "---": "-", "~": " ", "&": " | ", "!`": "!`", "?`": "?`"}
