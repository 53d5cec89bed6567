"""The examples at the end of each command's help: the command line, and what it is for."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "sdpo-solve": (
        ("sdpo-solve problems/rle", "solve it"),
        ("sdpo-solve problem.yaml --max-time 8h --preset thorough", "run overnight"),
        ("sdpo-solve statement.txt", "offers to make a problem from a pasted page"),
        ("sdpo-solve --resume last", "continue the newest run"),
        ("sdpo-solve problems/rle --json | jq .program", "for a script"),
    ),
    "probe": (("sdpo-tts probe problems/rle --samples 64", "is there anything to learn? ask before a long run"),),
    "compare": (
        ("sdpo-tts compare problems/rle problems/dedup --seeds 5", "compare all methods"),
        ("sdpo-tts compare problems/rle --methods sdpo,sdpo:feedback=none --seeds 3", "variants"),
        ("sdpo-tts compare bench.jsonl --ids paper-hard --methods sdpo,best-of-k", "rows of a benchmark"),
    ),
    "report": (
        ("sdpo-tts report runs/comparison", "write a page and print a summary"),
        ("sdpo-tts report here there --merge --csv numbers --png curves.png", "runs from two machines"),
    ),
    "runs": (("sdpo-tts runs", "list all runs and their outcomes"),),
    "runs prune": (("sdpo-tts runs prune", "what can be deleted from finished runs?"),),
    "hint": (
        ("sdpo-tts hint last 'sort by the end, not by the start'", "for a running run, or one to be resumed"),
    ),
    "verdict": (
        ("sdpo-tts verdict last 'wrong answer on test 5'", "what the judge said about the proposed program"),
        ("sdpo-tts verdict last 'wrong answer' --input 5.in --expected 5.out", "if you know the test"),
        ("sdpo-tts verdict last accepted", "solved"),
    ),
    "check": (("sdpo-tts check problems/rle", "is the file valid? are the submissions' verdicts right?"),),
    "judge": (("sdpo-tts judge problems/rle mine.py", "your own program, with the feedback a model would get"),),
    "show": (
        ("sdpo-tts show last", "the best program of the newest run, and the feedback on it"),
        ("sdpo-tts show problems/rle --attempt 5 --tokens --html a.html", "what the teacher thinks of each token"),
    ),
    "drift": (("sdpo-tts drift last problems/dedup", "what the newest run's adapter changes on another problem"),),
    "export": (
        ("sdpo-tts export last", "the newest run, as a folder here"),
        ("sdpo-tts export problems/rle --harbor --to rle-task", "the problem as a task for Harbor"),
        ("sdpo-tts export runs/rle/sdpo-s0-20261125-093124-1c2d --to rle.zip", "as one file, to send by mail"),
    ),
    "new": (
        ("sdpo-tts new my-problem", "paste the page of the problem"),
        ("sdpo-tts new my-problem --statement task.tex", "asks only for what the file does not have"),
    ),
    "import": (
        ("sdpo-tts import package.zip", "a folder named after the problem"),
        ("sdpo-tts import bench.jsonl#abc301_a mine", "one row of a benchmark"),
        ("sdpo-tts import bench.jsonl rows --all", "every row"),
    ),
    "listen": (
        ("sdpo-tts listen problems --once", "then click the extension's plus sign"),
        ("sdpo-tts listen problems --solve '--max-time 30m'", "solve each problem as it arrives"),
    ),
    "config": (("sdpo-tts config problems/rle --preset quick --max-attempts 32", "which values a run would use"),),
    "doctor": (
        ("sdpo-tts doctor", "will it run here?"),
        ("sdpo-tts doctor --preset paper --json", "for a run with these settings"),
    ),
    "model list": (("sdpo-tts model list", "the names that --model takes"),),
    "model rm": (("sdpo-tts model rm qwen2.5-coder-1.5b", "free its disk space"),),
    "model pull": (("sdpo-tts model pull qwen2.5-coder-1.5b", "before going offline"),),
}


def epilog(command: str) -> str:
    """Each example below a line that says what it is for."""
    lines = (f"  # {meant}\n  {typed}" for typed, meant in EXAMPLES[command])
    return "\n".join(["Examples:", *lines])
