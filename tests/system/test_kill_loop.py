"""Fifty kills in `make test`; `make soak` takes KILLS, DEPLOYMENTS and SEED from the environment (tests/soak)."""

import os
import time

import checker
import kill_loop


def play(capsys, ssh, kills, deployments):
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    kills, deployments = int(os.environ.get("KILLS", kills)), int(os.environ.get("DEPLOYMENTS", deployments))
    with capsys.disabled():
        print(f"\nkill loop{' over ssh' if ssh else ''}: SEED={seed} KILLS={kills} DEPLOYMENTS={deployments}", flush=True)
        counts, found, healed = kill_loop.run(seed, kills, deployments, ssh)
        print(f"killed: {counts}; at rest {healed:.1f} s after the last fault")
        print(checker.report(found))


def test_nothing_is_lost_or_run_twice_whatever_dies(capsys):
    play(capsys, False, kills=50, deployments=16)


def test_the_same_holds_for_machines_that_are_reached_by_ssh(capsys):
    play(capsys, True, kills=20, deployments=6)
