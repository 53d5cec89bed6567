#include <iostream>
#include <vector>

long long sort_and_count(std::vector<int>& terms, std::vector<int>& spare, int begin, int end) {
    if (end - begin < 2) return 0;
    int middle = (begin + end) / 2;
    long long count = sort_and_count(terms, spare, begin, middle) + sort_and_count(terms, spare, middle, end);
    int left = begin, right = middle;
    for (int k = begin; k < end; ++k) {
        if (right == end || (left < middle && terms[left] <= terms[right])) {
            spare[k] = terms[left++];
        } else {
            count += middle - left;
            spare[k] = terms[right++];
        }
    }
    for (int k = begin; k < end; ++k) terms[k] = spare[k];
    return count;
}

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    std::vector<int> terms(n), spare(n);
    for (int& term : terms) {
        term = x;
        x = (a * x + c) % m;
    }
    std::cout << sort_and_count(terms, spare, 0, n) << "\n";
}
