// Takes every stroke of the brush for a stripe, even next to one of the same colour.
#include <iostream>
#include <iterator>
#include <map>

int main() {
    int n, q;
    std::cin >> n >> q;
    std::map<int, int> colours = {{1, 0}, {n + 1, -1}};
    auto split = [&](int place) {
        auto stripe = std::prev(colours.upper_bound(place));
        return colours.emplace(place, stripe->second).first;
    };
    while (q--) {
        char kind;
        int left, right, colour;
        std::cin >> kind >> left >> right;
        auto end = split(right + 1), begin = split(left);
        if (kind == 'p') {
            std::cin >> colour;
            colours.erase(begin, end);
            colours[left] = colour;
        } else {
            std::cout << std::distance(begin, end) << "\n";
        }
    }
}
