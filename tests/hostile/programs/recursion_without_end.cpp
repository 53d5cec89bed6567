#include <cstdio>
static int f(int n) {
    volatile char frame[256];
    frame[0] = n;
    return f(n + 1) + frame[0];
}
int main() { printf("%d\n", f(0)); }
