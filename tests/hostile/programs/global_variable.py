cnt = 0


def add(x):
    global cnt
    cnt += x


for word in input().split():
    add(int(word))
print(cnt)
