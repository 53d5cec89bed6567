#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>
int main() {
    if (fork() == 0) {
        volatile char *p = (char *)malloc(320 << 20);
        for (int i = 0; i < 320 << 20; i += 4096) p[i] = 1;
        _exit(0);
    }
    wait(nullptr);
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
