// Keeps the stripes in a map, and their borders in a Fenwick tree over the places where one can ever be.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <map>
#include <vector>

struct Event {
    char kind;
    int left, right, colour = 0;
};

class Borders {
public:
    explicit Borders(std::vector<int> places) : places_(std::move(places)), tree_(places_.size() + 1) {}

    void add(int place, int change) {
        for (std::size_t i = count_up_to(place); i < tree_.size(); i += i & -i) tree_[i] += change;
    }

    int up_to(int place) const {
        int sum = 0;
        for (std::size_t i = count_up_to(place); i > 0; i -= i & -i) sum += tree_[i];
        return sum;
    }

private:
    std::size_t count_up_to(int place) const { return std::ranges::upper_bound(places_, place) - places_.begin(); }

    std::vector<int> places_, tree_;
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, q;
    std::cin >> n >> q;
    std::vector<Event> events(q);
    std::vector<int> places;
    for (Event& event : events) {
        std::cin >> event.kind >> event.left >> event.right;
        if (event.kind == 'p') std::cin >> event.colour;
        places.push_back(event.left);
        places.push_back(event.right + 1);
    }
    std::ranges::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    Borders borders(places);
    std::map<int, int> colours = {{1, 0}, {n + 1, -1}};  // the colour from a board on; neighbours differ
    for (auto [kind, left, right, colour] : events) {
        if (kind == 'c') {
            std::cout << 1 + borders.up_to(right) - borders.up_to(left) << "\n";
            continue;
        }
        int after = std::prev(colours.upper_bound(right + 1))->second;
        auto stripe = colours.lower_bound(left);
        while (stripe != colours.end() && stripe->first <= right + 1) {
            if (stripe->first > 1 && stripe->first <= n) borders.add(stripe->first, -1);
            stripe = colours.erase(stripe);
        }
        if (left == 1 || std::prev(colours.lower_bound(left))->second != colour) {
            colours[left] = colour;
            if (left > 1) borders.add(left, 1);
        }
        if (after != colour) {
            colours[right + 1] = after;
            if (right < n) borders.add(right + 1, 1);
        }
    }
}
