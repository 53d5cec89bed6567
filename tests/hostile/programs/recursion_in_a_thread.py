import sys
import threading

sys.setrecursionlimit(10**6)
threading.stack_size(64 << 20)


def f(n):
    return n and f(n - 1)


def main():
    f(50_000)
    a, b = map(int, input().split())
    print(a + b)


thread = threading.Thread(target=main)
thread.start()
thread.join()
