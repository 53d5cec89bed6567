lines = [input() for _ in range(int(input()) + 1)]
print("-".join(line.split()[-1] for line in lines))
