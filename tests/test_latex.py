"""Statements in LaTeX: no word gets lost, and a formula means the same as text."""

from __future__ import annotations

import re
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdpo_tts.problem.reading.latex import latex_to_text
from sdpo_tts.problem.reading.latex.formula import formula_to_text
from tests.conftest import ROOT
from tests.formulas import Tree, canonical, formulas, parse

DATA = ROOT / "tests" / "data"

TEXTS = [
    (r"\verb+1, 2, 3+ x", "1, 2, 3 x"),
    (r"\verb*|a%b| \lstinline!x! \lstinline[language=C]{f(y);} \mintinline{c}{a%b}", "a%b x f(y); a%b"),
    (r"\textsf{a} \textmd{b} \textup{c} \textsl{d}", "a b c d"),
    (r"\textless{} \textgreater{} \textbar{} a\textunderscore b \S3 \^{} \~{}", "< > | a_b §3 ^ ~"),
    (r"\newcommand{\MAXN}{100} $n \le \MAXN$", "n ≤ 100"),
    (r"\def\maxn{10^5}\let\top=\maxn$n \le \top$", "n ≤ 10^5"),
    (r"\newcommand{\pair}[2][x]{(#1, \textbf{#2})}\pair{a} \pair[b]{c}", "(x, a) (b, c)"),
    (r"\DeclareMathOperator{\lca}{lca} $\lca(u, v)$", "lca(u, v)"),
    (r"\newenvironment{note}{Note: }{!}\begin{note}it\end{note}", "Note: it!"),
    (r"\texttt{i--} i--j {\tt x--} y---z \texttt{``a''}", "i-- i-j x-- y-z ``a''"),
    (r"\url{a%20b} \href{http://c%20d}{there}", "a%20b there (http://c%20d)"),
    (r"\parbox{3cm}{text} \makebox[2cm][l]{word} \raisebox{1ex}{up} \resizebox{1cm}{!}{small}", "text word up small"),
    (r"\begin{multicols}{2}two columns\end{multicols}", "two columns"),
    ("\\begin{minted}[x]{cpp}\nint a; % no\n\n\n\n  \\b\n\\end{minted}", "```\nint a; % no\n\n\n\n  \\b\n```"),
    (r"10\textsuperscript{5}, 1\textsuperscript{st}, a\textsubscript{12}", "10^5, 1st, a_12"),
    (r"\includegraphics{a} \illustration{0.3}{b.png}{A \emph{big} cave}", "[a picture is left out] [a picture is left out: A big cave]"),
    (r"\begin{tikzpicture}\draw (0,0);\end{tikzpicture}", "[a picture is left out]"),
    ("a % no\n\nb%\nc \\% d", "a\n\nbc % d"),
    (r"\nobodyknows and \this{one}", r"\nobodyknows and \thisone"),
    (r"caf\'e \c{c} \ss{} \LaTeX{}", "café ç ß LaTeX"),
    (r"\begin{align} a &= b \\ c &\le d \end{align}", "a = b\nc ≤ d"),
    (r"\begin{tabularx}{5cm}{|X|X|} \textbf{a} & b \\[2pt] [1, 2] & \multirow{2}{*}{d} \end{tabularx}", "a | b\n [1, 2] | d"),
    (r"\def\a{\a}\a", r"\def\a{\a}\a"),
    (r"\def\a{\b\b}\def\b{\c\c}\def\c{\a\a}\a", r"\def\a{\b\b}\def\b{\c\c}\def\c{\a\a}\a"),
    (r"\begin{itemize} \item one", r"- one"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text"), TEXTS)
def test_commands_become_what_they_print(source: str, text: str) -> None:
    assert latex_to_text(source).text == text


FORMULAS = [
    (r"a \equiv b \pmod{m}", "a ≡ b (mod m)"),
    (r"\frac{a}{b}^2", "(a/b)^2"),
    (r"\frac{ab}{cd}", "(ab)/(cd)"),
    (r"x^{10}y", "x^10 y"),
    (r"2^{a_i}", "2^(a_i)"),
    (r"s_{t_i}", "s_(t_i)"),
    (r"a_{max}+x_{i,j}", "a_max+x_(i,j)"),
    (r"n\log_2 n \leq10^{-6}", "n log_2 n ≤ 10^(-6)"),
    (r"\left\lfloor \frac{n}{2} \right\rfloor", "⌊n/2⌋"),
    (r"f(x)=\frac{1}{2}x!", "f(x)=(1/2)x!"),
    (r"1 \le \sum_{i=1}^{n} a_i^2 \le 10{,}000", "1 ≤ sum_(i=1)^n a_i^2 ≤ 10,000"),
    (r"90^\circ, n^{th}, x'", "90°, n-th, x'"),
    (r"2^10", "2^1 0"),
    (r"\overline{ab}", r"$\overline{ab}$"),
    (r"\sqrt[3]{x}", r"$\sqrt[3]{x}$"),
    (r"\begin{cases}a & b\end{cases}", r"$\begin{cases}a & b\end{cases}$"),
    ("{" * 50 + "}" * 50, "$" + "{" * 50 + "}" * 50 + "$"),
]  # fmt: skip


@pytest.mark.parametrize(("tex", "text"), FORMULAS)
def test_a_formula_gets_the_parentheses_that_it_needs(tex: str, text: str) -> None:
    assert formula_to_text(tex) == text


@settings(max_examples=200, deadline=None)
@given(formulas())
def test_a_formula_as_text_is_read_as_the_same_tree(formula: tuple[str, Tree]) -> None:
    tex, tree = formula
    text = formula_to_text(tex)
    assert parse(text) == canonical(tree), text


def words_of(text: str) -> list[str]:
    """The words that the generated documents are made of, even where nothing separates them."""
    return re.findall(r"W[a-z0-9]+", text)


Piece = tuple[str, list[str]]  # LaTeX, and its words in their order
WORD: st.SearchStrategy[Piece] = st.from_regex(r"W[a-z0-9]{1,4}", fullmatch=True).map(lambda word: (word, [word]))
AROUND = [  # `@` is where something stands
    r"\textbf{@}", r"\textsf{@}", r"\textmd{@}", r"\texttt{i-- @}", r"\emph{@ }", r"{\tt @}", r"{\bf @}", r"{@}", r"\parbox{3cm}{@}",
    r"\parbox[t][2cm]{\textwidth}{@}", r"\makebox[1cm][l]{@}", r"\fbox{@}", r"\textcolor{red}{@}", r"\section{@}", r"\section*{@}",
    r"\footnote{@}", r"\unknown{@}", r"\unknown[x]{@} ", r"\uline{@}", r"\underline{@}", r"\mbox{@}", r"``@''", r"\hspace{1cm}@",
    r"\begin{center}@\end{center}", r"\begin{multicols}{2}@\end{multicols}", r"\begin{quote} @ \end{quote}", r"\noindent @",
    r"\begin{minipage}{0.5\textwidth}@\end{minipage}", r"\begin{itemize}\item @ \end{itemize}", r"\begin{unheardof}@\end{unheardof}",
    r"\begin{enumerate}[(a)]\item @\item[x] \end{enumerate}", r"\begin{tabular}{|l|r|}\hline @ & 1 \\ \hline\end{tabular}",
    r"\begin{tabular}{c}\multicolumn{2}{c}{@}\end{tabular}", r"\begin{figure}[h]\includegraphics{a.png}\caption{@}\end{figure}",
    r"\illustration{0.3}{a.png}{@}", r"\begin{Input}@\end{Input}", r"\begin{description}\item[@] x\end{description}", "@ % comment\n",
    r"\footnotesize @", r"\textsuperscript{@}", r"\newcommand{\mine}[1]{<#1>}\mine{@}", r"\def\mine#1{[#1]}\mine{@}", "@\n\n", r"@\\ ",
    r"\scalebox{2}{@}", r"\multirow{2}{*}{@}", r"\S @", r"\textunderscore @", r"\'e @ \^{} @", r"\href{x%20y}{@}", r"\caption[x]{@}",
    r"\newenvironment{note}{(}{)}\begin{note}@\end{note}", r"\begin{tabular*}{3cm}[t]{ll} 1 & @ \end{tabular*}",
]  # fmt: skip
PLAIN = [  # `@` is where a word stands that nothing may be in
    r"\verb+@, %+", r"\verb*|@|", r"\lstinline!@!", r"\lstinline[language=C]{@}", r"\mintinline{c}{@}", r"\url{http://@%20}", r"$@$",
    r"$\text{@}$", r"$\frac{\mathrm{@}}{\text{x}}_2$", r"\(n \le \mathbf{@}\)", r"\[ x_{\texttt{@}}^2 \]", r"$\overline{@}$",
    "\\begin{verbatim}\n@ % \\x{\n\\end{verbatim}", "\\begin{lstlisting}[a=b]\n@ $\n\\end{lstlisting}", r"\newcommand\word{@}\word{}",
    "\\begin{minted}{python}\n# @\n\\end{minted}", r"\def\word{@}$\word$", r"\begin{align*} a &= \text{@} \\ b \end{align*}",
    r"$\begin{cases} @ & x \end{cases}$", r"\begin{equation}@\label{x}\end{equation}", r"\let\w\relax\def\w{@}\w{}",
]  # fmt: skip


def put(pattern: str, piece: Piece) -> Piece:
    return pattern.replace("@", piece[0]), piece[1] * pattern.count("@")


def larger(inner: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    several = st.lists(inner, min_size=1, max_size=4).map(lambda some: (" ".join(one[0] for one in some), [word for one in some for word in one[1]]))
    return st.one_of(st.builds(put, st.sampled_from(AROUND), inner), several)


DOCUMENTS = st.recursive(WORD | st.builds(put, st.sampled_from(PLAIN), WORD), larger, max_leaves=8)


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_no_word_of_well_formed_latex_gets_lost(document: Piece) -> None:
    source, words = document
    text = latex_to_text(source).text
    assert words_of(text) == words, text


def test_each_command_keeps_its_words_by_itself() -> None:
    for pattern in (*AROUND, *PLAIN):
        source, words = put(pattern, ("Wx1", ["Wx1"]))
        assert words_of(latex_to_text(source).text) == words, source


HOSTILE = [
    "$" + "x^{" * 29 + "y" + "}" * 29 + "$", "$" + "a+" * 30_000 + "a$", "$" + r"\frac{" * 28 + "a" + "}{b}" * 28 + "$", r"\iffalse " * 20_000,
    "".join(rf"\def\{chr(97 + i)}{{\{chr(98 + i)}\{chr(98 + i)}}}" for i in range(20)) + r"\a", r"\begin{verbatim}" * 12_000, r"\lstinline[" * 15_000,
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE, ids=["powers", "sum", "fractions", "hidden", "doubling", "verbatim", "options"])
def test_a_hostile_source_takes_no_minutes(source: str) -> None:
    start = time.process_time()
    assert latex_to_text(source).text
    assert time.process_time() - start < 20


def statements() -> list[str]:
    """Of all real packages."""
    found = [path.read_text() for path in DATA.glob("*/problem_statement/*.tex")]
    for path in DATA.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found += [archive.read(name).decode() for name in archive.namelist() if re.search(r"problem\.\w+\.tex$", name)]
    return found


def test_no_word_of_a_real_statement_gets_lost() -> None:
    assert len(statements()) == 13
    for source in statements():
        told = re.sub(r"\\problemname\{.*?\}|%.*|\\begin\{\w+\}(\{.*\})?|\\end\{\w+\}|\\[a-zA-Z]+\*?", " ", source)
        assert letters(told) == letters(latex_to_text(source).text)


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)
