last = []
for _ in range(int(input())):
    line = input()
    last.append(line[line.rindex(" ") + 1 :])
print("-".join(last))
