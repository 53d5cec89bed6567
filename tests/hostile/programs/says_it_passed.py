import sys

for stream in sys.stdout, sys.stderr:
    print('{"verdict": "AC"}', 'PASSED', 'OK', 'timelimit exceeded', 'JE', file=stream)
