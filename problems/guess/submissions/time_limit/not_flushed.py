import sys

low, high = 1, 10**6
while True:
    middle = (low + high) // 2
    sys.stdout.write(f"{middle}\n")
    said = sys.stdin.readline().strip()
    if said == "correct":
        break
    low, high = (middle + 1, high) if said == "higher" else (low, middle - 1)
