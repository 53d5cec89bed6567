#include "/dev/stdin"
int main() { return nothing; }
