from itertools import groupby

result = ""
for letter, run in groupby(input()):
    length = len(list(run))
    result += letter + (str(length) if length > 1 else "")
print(result)
