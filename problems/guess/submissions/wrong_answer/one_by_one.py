n = 1
print(n, flush=True)
while input() != "correct":
    n += 1
    print(n, flush=True)
