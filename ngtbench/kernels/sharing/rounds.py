"""Rounds of clients of one device: some alone, then all side by side, taking turns at being first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.sharing import rates
from ngtbench.model.case import Case
from ngtbench.model.sharing import Clients, Program, Served
from ngtbench.model.workload import Array, Setup, Trial, Watch

TRIES = 4
Groups = Sequence[Sequence[int]]  # numbers of the clients that run side by side, for each window of a round
Round = list[list[Served]]
Trials = Callable[[int, Watch], Trial]


def threads_each(setup: Setup, clients: int) -> int:
    """Return the CPU threads of a client: those there are, shared out; beside a GPU one thread asks for its work."""
    return max(1, setup.threads // clients) if setup.device.startswith("cpu") else 1


def started(setup: Setup, cases: Sequence[Case], together: bool) -> Clients:
    """Return a client for each case, ready to run."""
    threads = threads_each(setup, len(cases))
    clients = setup.clients([Program(case, threads) for case in cases], together)
    named = [f"{cases.count(case)} x {case.id}" for case in dict.fromkeys(cases)]
    setup.say(f"{' beside '.join(named)}, each with {threads} CPU {'threads' if threads > 1 else 'thread'}; {clients.said}")
    return clients


def together(clients: Clients, group: Sequence[int], window_s: float) -> list[Served]:
    """Serve these; again, and longer, until all ran for half of the window, with whole calls of each in it: a host may be busy.

    What was wrong in any window stays wrong. Raises NgtBenchError where they never did.
    """
    wrong: list[str | None] = [None] * len(group)
    for again in range(TRIES):
        served = clients.serve(group, window_s * 2**again)
        wrong = [before or one.wrong for before, one in zip(wrong, served, strict=True)]
        start_s, stop_s = rates.window(served)
        if stop_s - start_s > window_s / 2 and all(len(one) >= rates.WHOLE_CALLS for one in rates.whole(served)):
            return [replace(one, wrong=said) for one, said in zip(served, wrong, strict=True)]
    raise NgtBenchError(
        f"{len(group)} clients of a device did not run at the same time, nor in windows of {window_s * 2**again:.2g} s"
    )


def trials(setup: Setup, clients: Clients, groups: Groups, judge: Callable[[Round], Mapping[str, float]], seed: Array) -> Trials:
    """Return trials of a round each: a window for each group, of `setup.size.window_s` or longer where calls are long.

    Outputs are the seed for every group whose clients were all right, else 0; where a first look saw one wrong, all are 0.
    """
    looks = [one for group in groups for one in clients.serve(group, setup.size.window_s / 4)]
    window_s = rates.long_enough_s(looks, setup.size.window_s)
    looked_right = all(one.wrong is None for one in looks)

    def trial(k: int, watch: Watch) -> Trial:
        order = range(len(groups)) if k % 2 else reversed(range(len(groups)))
        found: dict[int, list[Served]] = {}
        with watch():
            for which in order:
                found[which] = together(clients, groups[which], window_s)
        right = [looked_right and all(one.wrong is None for one in found[which]) for which in range(len(groups))]
        return Trial({"answers": seed * np.array(right)}, judge([found[which] for which in range(len(groups))]))

    return trial
