"""`checker.py INPUT OUTPUT ANSWER`. Exit code 0: right; 1: wrong; 3: the answer file is wrong."""

import sys
from pathlib import Path


def pair(path, numbers, target, wrong):
    """The places that a file names, or None for -1."""
    tokens = Path(path).read_bytes().split()
    if tokens == [b"-1"]:
        return None
    if len(tokens) != 2 or not all(token.isdigit() and len(token) < 10 for token in tokens):
        end(wrong, "the output is neither two places nor -1")
    first, second = map(int, tokens)
    if not 1 <= first < second <= len(numbers):
        end(wrong, f"{first} and {second} are not two places in order")
    if (total := numbers[first - 1] + numbers[second - 1]) != target:
        end(wrong, f"the numbers at places {first} and {second} have the sum {total}")
    return first, second


def end(code, words):
    print(words, file=sys.stderr)
    sys.exit(code)


def main():
    _, target, *numbers = map(int, Path(sys.argv[1]).read_text().split())
    found = pair(sys.argv[2], numbers, target, 1)
    known = pair(sys.argv[3], numbers, target, 3)
    if known and not found:
        end(1, "there is a pair")
    end(0 if known or not found else 3, "right")


main()
