low, high = 1, 10**6
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    said = int(input())
    if said == 0:
        break
    low, high = (middle + 1, high) if said > 0 else (low, middle - 1)
