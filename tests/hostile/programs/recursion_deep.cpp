#include <cstdio>
static int f(int n) {
    volatile char frame[64];
    frame[0] = n;
    return n ? f(n - 1) + frame[0] - (char)n : 0;
}
int main() {
    if (f(200000)) return 5;
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
