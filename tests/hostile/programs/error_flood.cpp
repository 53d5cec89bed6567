template <class... T>
struct Long {
    using next = Long<Long<T...>, Long<T...>, Long<T...>, Long<T...>>;
};
int x = Long<int>::next::next::next::next::next::next::next::next::nothing;
int main() {}
