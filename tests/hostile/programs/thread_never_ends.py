a, b = map(int, input().split())
print(a + b)
import threading
import time

threading.Thread(target=time.sleep, args=(100,)).start()
