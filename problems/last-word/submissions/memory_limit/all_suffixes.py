suffixes = []
for _ in range(int(input())):
    line = input()
    suffixes.append([line[i:] for i in range(len(line))])
print("-".join(next(suffix for suffix in endings if " " not in suffix) for endings in suffixes))
