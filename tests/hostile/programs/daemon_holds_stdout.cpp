#include <cstdio>
#include <unistd.h>
int main() {
    long long a, b;
    scanf("%lld %lld", &a, &b);
    printf("%lld\n", a + b);
    fflush(stdout);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) sleep(100);
        _exit(0);
    }
}
