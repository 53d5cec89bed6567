low, high = 1, 10**6
while True:
    middle = (low + high) // 2 + 1
    print(middle, flush=True)
    said = input()
    if said == "correct":
        break
    low, high = (middle, high) if said == "higher" else (low, middle - 1)
    if low > high:
        break
