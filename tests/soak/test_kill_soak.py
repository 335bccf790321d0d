"""The kill loop of tests/system, for long: at least a thousand kills over at least three hundred deployments, in rounds of their own
seeds. KILLS and DEPLOYMENTS say how many of both in all, SEED where to begin."""

import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

import kill_loop  # noqa: E402

ROUND = 100  # kills; a round is small enough to be looked into


def play(capsys, ssh, kills, deployments):
    """Returns how many outcomes were called unknown."""
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    kills, deployments = int(os.environ.get("KILLS", kills)), int(os.environ.get("DEPLOYMENTS", deployments))
    rounds = max(1, kills // ROUND)
    killed, seen, titles = Counter(), Counter(), {}
    with capsys.disabled():
        print(f"\nkill loop: SEED={seed} KILLS={kills} DEPLOYMENTS={deployments}, {rounds} rounds", flush=True)
        for n in range(rounds):
            print(f"round {n + 1} of {rounds}: SEED={seed + n}", end="", flush=True)
            counts, found, healed = kill_loop.run(seed + n, -(-kills // rounds), -(-deployments // rounds), ssh)
            killed.update(counts)
            for f in found:
                seen[f.number] += f.seen
                titles[f.number] = f.title
            print(f": nothing wrong, at rest {healed:.1f} s after the last fault", flush=True)
        print(f"killed: {dict(killed)}, {sum(killed.values())} in all")
        for number, title in titles.items():
            print(f"I{number:<3} {title:<58} {seen[number]:>8} seen, 0 wrong")
    return seen[9]


def test_nothing_is_lost_or_run_twice_in_a_thousand_kills(capsys):
    play(capsys, False, kills=1000, deployments=300)


def test_nothing_is_lost_or_run_twice_over_ssh(capsys):
    play(capsys, True, kills=300, deployments=90)


def test_the_truth_on_a_machine_is_found_whoever_dies_here(capsys, monkeypatch):
    """The machines live on, and so do their scripts: of 300 kills at most one may lead to a question."""
    monkeypatch.setenv("KINDS", "worker guidepost-ssh ssh sshd")
    assert play(capsys, True, kills=300, deployments=90) <= 1
