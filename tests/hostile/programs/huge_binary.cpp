int big[1 << 28] = {1};
int main() { return big[9]; }
