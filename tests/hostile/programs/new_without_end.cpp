int main() {
    for (;;) {
        int *volatile p = new int;
        (void)p;
    }
}
