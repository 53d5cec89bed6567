seen = set()
result = []
for word in input().split():
    if word not in seen:
        seen.add(word)
        result.append(word)
print(" ".join(result))
