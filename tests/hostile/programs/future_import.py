from __future__ import annotations

a, b = map(int, input().split())
print(a + b)
