"""Problems x methods x seeds: each cell a run directory, run once and kept."""
