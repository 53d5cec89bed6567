import sys
import time

while time.process_time() < 0.56:
    pass
sys.exit(1)
