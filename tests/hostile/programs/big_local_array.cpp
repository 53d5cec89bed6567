#include <cstdio>
#include <cstring>
int main() {
    volatile char big[32 << 20];
    memset((char *)big, 0, sizeof big);
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b + big[77]);
}
