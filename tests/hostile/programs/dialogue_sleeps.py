import time

low, high = 1, 1_000_000
while True:
    time.sleep(1)
    guess = (low + high) // 2
    print(guess, flush=True)
    said = input()
    if said == "correct":
        break
    if said == "higher":
        low = guess + 1
    else:
        high = guess - 1
