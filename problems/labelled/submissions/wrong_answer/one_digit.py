line = input()
print(int(line[2]) * int(line[-1]))
