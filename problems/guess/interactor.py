"""`interactor.py INPUT OUTPUT ANSWER`: INPUT holds the number. Exit code 0: found in time; 1: not."""

import sys
from pathlib import Path

MOST, QUESTIONS = 10**6, 25


def end(code, words):
    print(words, file=sys.stderr)
    sys.exit(code)


def guess(line):
    try:
        number = int(line)
    except ValueError:
        end(1, f"{line[:40].strip()!r} is no guess" if line.strip() else "the program ended before it found the number")
    if not 1 <= number <= MOST:
        end(1, f"{number} is not from 1 to {MOST}")
    return number


def main():
    secret = int(Path(sys.argv[1]).read_text())
    for _ in range(QUESTIONS):
        number = guess(sys.stdin.readline(100))
        if number == secret:
            print("correct", flush=True)
            end(0, "found")
        print("higher" if number < secret else "lower", flush=True)
    end(1, f"more than {QUESTIONS} guesses")


main()
