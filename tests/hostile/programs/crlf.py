import sys

a, b = map(int, input().split())
sys.stdout.buffer.write(b'%d\r\n' % (a + b))
