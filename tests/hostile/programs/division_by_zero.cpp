int main() {
    volatile int zero = 0, one = 3;
    return one / zero;
}
