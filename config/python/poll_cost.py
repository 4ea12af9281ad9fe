#!/usr/bin/env python3
"""Measures what polling editors cost: the time of a poll that finds nothing new, and the daemon's processor time while
fifty connections wait in long polls.

    python3 poll_cost.py [--pollers 50] [--seconds 30] [--wait-ms 10000]

Starts a daemon of its own (`$AFT_BIN`, else this repository's debug build). Exit 1 where a figure is above its limit: a
poll under 1 ms, the pollers under 1 % of a core. A debug build is slower than what users run.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from typing import List

from afterimage import Client
from tests.daemon import Daemon

LIMIT_POLL_MS = 1.0
LIMIT_CPU_PERCENT = 1.0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(sorted_values: List[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pollers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--wait-ms", type=int, default=10_000)
    parser.add_argument("--polls", type=int, default=5_000, help="polls without waiting, to time one")
    given = parser.parse_args()
    with Daemon() as daemon:
        root = str(daemon.workspace)
        for number in range(200):
            (daemon.workspace / f"file-{number}.txt").write_text(f"{number}\n")
        daemon.sync()
        with Client(environ=daemon.environ) as aft:
            pid = aft.daemon.status()["pid"]
            clock = aft.history.poll(root)["clock"]
            times: List[float] = []
            before = cpu_seconds(pid)
            for _ in range(given.polls):
                start = time.perf_counter()
                answer = aft.history.poll(root, clock=clock)
                times.append((time.perf_counter() - start) * 1000)
                assert not answer["operations"] and not answer["fresh_instance"]
            each = (cpu_seconds(pid) - before) / given.polls * 1e6
        times.sort()

        counts = [0] * given.pollers
        ready, until = threading.Barrier(given.pollers + 1), [0.0]

        def poll(index: int) -> None:
            with Client(environ=daemon.environ) as mine:
                own = mine.history.poll(root)["clock"]
                ready.wait()
                while True:
                    left = int((until[0] - time.monotonic()) * 1000)
                    if left <= 0:
                        return
                    own = mine.history.poll(root, clock=own, wait_ms=min(given.wait_ms, left))["clock"]
                    counts[index] += 1

        threads = [threading.Thread(target=poll, args=(index,)) for index in range(given.pollers)]
        for thread in threads:
            thread.start()
        until[0] = time.monotonic() + given.seconds
        ready.wait()
        before, start = cpu_seconds(pid), time.monotonic()
        for thread in threads:
            thread.join()
        share = (cpu_seconds(pid) - before) / (time.monotonic() - start) * 100
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    print(
        f"poll with nothing new, {given.polls} times: p50 {p50:.3f} ms, limit {LIMIT_POLL_MS} ms; p99 {p99:.3f} ms, which is "
        f"the machine's load too; {each:.0f} us of the daemon's processor time each"
    )
    print(
        f"{given.pollers} pollers for {given.seconds:.0f} s, {sum(counts)} polls of {given.wait_ms} ms: "
        f"daemon {share:.2f} % of a core, limit {LIMIT_CPU_PERCENT} %"
    )
    return 0 if p50 < LIMIT_POLL_MS and share < LIMIT_CPU_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
