"""Fifty kills in `make test`; `make soak` takes KILLS, DEPLOYMENTS and SEED from the environment (tests/soak)."""

import os
import time

import checker
import kill_loop


def test_nothing_is_lost_or_run_twice_whatever_dies(capsys):
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    kills, deployments = int(os.environ.get("KILLS", 50)), int(os.environ.get("DEPLOYMENTS", 16))
    with capsys.disabled():
        print(f"\nkill loop: SEED={seed} KILLS={kills} DEPLOYMENTS={deployments}", flush=True)
        counts, found, healed = kill_loop.run(seed, kills, deployments)
        print(f"killed: {counts}; at rest {healed:.1f} s after the last fault")
        print(checker.report(found))
