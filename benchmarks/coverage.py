"""How often the 90 % intervals of mean discovery hold the truth, on synthetic runs with geometric times to success.

    python benchmarks/coverage.py [--sets 1000] [--level 0.9]

Problems whose chances of one attempt lie between 0.003 and 0.08, evenly on a logarithmic scale; budget 64 attempts.
Fixed: these problems, other seeds. Population: problems drawn from that range, then seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from sdpo_tts.stats import Arm, Observation, Pool, Seeds, bootstrap

BUDGET = 64
EASIEST, HARDEST = 0.08, 0.003
PROBLEMS = (1, 2, 3, 5, 10, 20)
POPULATION = np.geomspace(HARDEST, EASIEST, 2001)


def seeds(runs: int) -> Callable[[float, np.random.Generator], Arm]:
    def arm(rate: float, rng: np.random.Generator) -> Arm:
        firsts = (int(first) for first in rng.geometric(rate, size=runs))
        return Seeds(tuple(Observation(first if first <= BUDGET else None, BUDGET) for first in firsts))

    return arm


def pool(samples: int) -> Callable[[float, np.random.Generator], Arm]:
    return lambda rate, rng: Pool(samples, int(rng.binomial(samples, rate)))


def truth(rates: np.ndarray) -> float:
    return float(np.mean(1 - (1 - rates) ** BUDGET))


def coverage(make: Callable[[float, np.random.Generator], Arm], problems: int, sets: int, level: float) -> list[float]:
    """[fixed, population]"""
    rng, hits = np.random.default_rng(problems), np.zeros(2)
    rates = np.geomspace(HARDEST, EASIEST, problems) if problems > 1 else np.array([0.02])
    for _ in range(sets):
        for i, chosen in enumerate((rates, rng.choice(POPULATION, problems))):
            arms = [make(rate, rng) for rate in chosen]
            mean = bootstrap.mean_discovery(arms, BUDGET, rng, level)
            told = mean.population if i else mean.fixed
            hits[i] += told.low <= truth(POPULATION if i else rates) <= told.high
    return list(hits / sets)


def hard(sets: int, level: float) -> float:
    """Of means over twelve problems, most of whose pools hold no correct sample: chances of 0.00001 to 0.003,
    640 samples, budget 128; problems fixed."""
    rng, rates, make = np.random.default_rng(0), np.geomspace(1e-5, 3e-3, 12), pool(640)
    true, hits = float(np.mean(1 - (1 - rates) ** 128)), 0
    for _ in range(sets):
        told = bootstrap.mean_discovery([make(rate, rng) for rate in rates], 128, rng, level).fixed
        hits += told.low <= true <= told.high
    return hits / sets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--level", type=float, default=0.9)
    told = parser.parse_args()
    bootstrap.DRAWS = 1000
    kinds = {"3 seeds": seeds(3), "5 seeds": seeds(5), "10 seeds": seeds(10), "pool of 320": pool(320)}
    print(
        f"{'problems':<10}" + "".join(f"{name + ', ' + mode:>26}" for name in kinds for mode in ("fixed", "population"))
    )
    for problems in PROBLEMS:
        row = [share for make in kinds.values() for share in coverage(make, problems, told.sets, told.level)]
        print(f"{problems:<10}" + "".join(f"{share:>26.1%}" for share in row), flush=True)
    print(f"12 hard problems, pools of 640: {hard(told.sets, told.level):.1%}")


if __name__ == "__main__":
    main()
