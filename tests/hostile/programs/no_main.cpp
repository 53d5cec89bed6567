int f() { return 7; }
