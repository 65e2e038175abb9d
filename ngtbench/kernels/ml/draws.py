"""Generated data for machine learning in NumPy: the generators of `physics.samples`, each thread drawing events of its own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.samples.draws import draw


def threads(setup: Setup, seed: Array) -> Run:
    """Draw the events of the seed, which is read at each call, in as many parts as there are threads."""
    size, pool = setup.size, ThreadPoolExecutor(setup.threads)
    bounds = [size.events * part // setup.threads for part in range(setup.threads + 1)]

    def run() -> Arrays:
        if setup.threads == 1:
            return draw(size.sample, size.events, int(seed), 0, size.anomalies)
        parts = list(
            pool.map(
                lambda first, stop: draw(size.sample, stop - first, int(seed), first, size.anomalies), bounds[:-1], bounds[1:]
            )
        )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return run
