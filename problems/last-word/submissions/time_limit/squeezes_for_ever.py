last = []
for _ in range(int(input())):
    line = input()
    while " " in line:
        line = line.replace("  ", " ")
    last.append(line)
print("-".join(last))
