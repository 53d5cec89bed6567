result = []
for word in input().split():
    if word not in result:
        result.append(word)
print(" ".join(result))
