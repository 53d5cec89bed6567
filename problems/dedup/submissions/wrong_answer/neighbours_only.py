from itertools import groupby

print(*(word for word, _ in groupby(input().split())))
