names = [input() for _ in range(int(input()))]
print(", ".join(sorted(names, key=str.lower)))
