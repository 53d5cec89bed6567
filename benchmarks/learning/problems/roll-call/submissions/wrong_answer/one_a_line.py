names = [input() for _ in range(int(input()))]
print(*sorted(names, key=str.lower), sep="\n")
