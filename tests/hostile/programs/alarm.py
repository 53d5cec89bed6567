a, b = map(int, input().split())
print(a + b)
import signal
import sys
import time

sys.stdout.flush()
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(60)
