import resource

for name in dir(resource):
    if name.startswith('RLIMIT_'):
        try:
            number = getattr(resource, name)
            hard = resource.getrlimit(number)[1]
            resource.setrlimit(number, (hard, hard))
            resource.setrlimit(number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            pass
while True:
    pass
