from itertools import groupby

print("".join(letter + str(len(list(run))) for letter, run in groupby(input())))
