"""Goal of this test: over hundreds of runs on ssh targets, with everything between the worker and the script killed again and again, each
script runs once, its outcome is never wrong and its output never lost or doubled.

$SSH_SOAK_ROUNDS rounds of eight runs (100 unless set), $SSH_SOAK_SEED.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from ssh_run import CONTROL, Run  # noqa: E402
from sshd import NAMESPACES, SHELLS, Machines  # noqa: E402

ROUNDS = int(os.environ.get("SSH_SOAK_ROUNDS", 100))
SEED = int(os.environ.get("SSH_SOAK_SEED", time.time()))
SCRIPT = "echo $NAME >>oracle; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i; sleep 0.0%d; done; exit %d"


def shared_connections(control):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(control):
                yield int(pid)
        except OSError:
            pass


def test_kills_between_worker_and_script(tmp_path):
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    kills = ends = asked = 0
    with Machines(tmp_path / "m") as machines:
        names = SHELLS if NAMESPACES else ("dash",)
        for name in names:
            machines.add(name, shell=name if NAMESPACES else None)
        for round in range(ROUNDS):
            runs = {}
            for n in range(8):
                lines, exit = chance.randint(1, 40), chance.randint(0, 9)
                id = f"{round}.{n}.1"
                run = Run(machines, tmp_path / id, chance.choice(names), SCRIPT % (lines, chance.randint(1, 9), exit), id=id, env=[f"NAME={id}"])
                runs[run.start()] = (exit, "".join(f"line {i}\n" for i in range(1, lines + 1)))
            left = set(runs)
            while left:
                time.sleep(chance.uniform(0, 0.3))
                for run in [run for run in left if run.process.poll() is not None]:
                    assert run.process.returncode in (0, 111), f"seed {SEED}: {run.id}"
                    if run.end() is None:
                        run.go_on()  # the one before was killed while it made a process, which had the lock for a moment
                    else:
                        left.discard(run)
                if not left:
                    break
                run = chance.choice(sorted(left, key=lambda run: run.id))
                what = chance.choice(["guidepost-ssh", "guidepost-ssh", "ssh", "connections", "shared", "nothing"])
                kills += what != "nothing"
                if what == "guidepost-ssh":
                    run.kill()
                    if run.end() is None and run.has_started():
                        run.go_on()
                    else:
                        left.discard(run)
                elif what == "ssh":
                    try:
                        for pid in run.ssh_clients():
                            os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
                elif what == "connections":
                    machines.all[run.destination].drop()
                elif what == "shared":
                    for pid in shared_connections(machines.folder / CONTROL):
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except OSError:
                            pass
            oracle = [line for name in names if (file := machines.all[name].home / "oracle").exists() for line in file.read_text().split()]
            for run, (exit, output) in runs.items():
                where = f"seed {SEED}, {run.id} on {run.destination}: {run.record()}{run.text()}"
                end = run.end()
                ran = oracle.count(run.id)
                ends += 1
                assert ran <= 1, where
                if end and end[0] == "exit":
                    assert (ran, end, run.text()) == (1, ("exit", exit), output), where
                else:
                    # Killed before anything was sent, as its record says: nothing can have run.
                    assert end is None and not run.has_started() or end[0] in ("notstarted", "unreachable"), where
                    assert ran == 0, where
                    asked += 1
    print(f"{ends} runs, {kills} kills, {asked} surely not started")
