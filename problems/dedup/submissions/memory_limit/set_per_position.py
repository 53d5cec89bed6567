words = input().split()
before = [set(words[:i]) for i in range(len(words))]
print(*(word for word, earlier in zip(words, before) if word not in earlier))
