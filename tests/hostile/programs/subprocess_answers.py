import subprocess
import sys

code = 'print(sum(map(int, input().split())))'
subprocess.run([sys.executable, '-c', code], check=True)
