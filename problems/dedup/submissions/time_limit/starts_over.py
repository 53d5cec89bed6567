words = input().split()
found = True
while found:
    found = False
    for i in range(len(words)):
        for j in range(i + 1, len(words)):
            if words[i] == words[j]:
                del words[j]
                found = True
                break
        if found:
            break
print(*words)
