words = input().split()
seen = set()
for i in range(len(words)):
    if words[i : i + 1] not in seen:
        seen.add(words[i : i + 1])
print(*seen)
