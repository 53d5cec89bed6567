#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
int main() {
    if (fork() == 0) {
        char *p = (char *)malloc(320 << 20);
        memset(p, 1, 320 << 20);
        _exit(p[9] - 1);
    }
    wait(nullptr);
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
