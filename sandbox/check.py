"""Compiles a Python source without running it: `check.py solution.py`. Exit 1 with the error's lines on stderr."""

from __future__ import annotations

import sys
import traceback
import warnings


def main() -> int:
    name = sys.argv[1]
    warnings.simplefilter("ignore")
    with open(name, "rb") as file:
        source = file.read()
    try:
        compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        sys.stderr.write("".join(traceback.format_exception_only(type(error), error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
