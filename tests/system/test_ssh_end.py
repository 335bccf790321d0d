"""Goal of this test: a step on an ssh target is ended whole and in time. Against guidepost-ssh alone, with real sshd processes and without Redis.
"""

from pathlib import Path

import pytest
from rig import until
from ssh_bench import anywhere, begun, machines, make
from ssh_run import Run
from sshd import Machines


def group_is_gone(name, run):
    return not [pid for pid in run.machines.all[name].processes() if f"MARK={run.id}".encode() in environment(pid)]


def environment(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_step_is_ended_with_its_whole_group(make):
    deaf = "trap '' TERM; echo on; (trap '' TERM; sleep 60) & while :; do sleep 60 || :; done"
    ends = {}
    for name in anywhere():
        for id, end, script, more in (
            ("kind", ("canceled", 15), "echo on; sleep 60 & sleep 60", {}),
            ("deaf", ("canceled", 9), deaf, {"kill_ms": 500}),
            ("slow", ("timeout", 1000), "echo on; sleep 60", {"timeout_ms": 1000}),
            ("quiet", ("quiet", 1000), "echo on; sleep 60", {"quiet_ms": 1000}),
        ):
            ends[make(name, script, env=[f"MARK={id}"], id=id, **more).start()] = end
    for run, end in ends.items():
        if end[0] == "canceled":
            run.says("on\n")
            run.cancel()
    for run, end in ends.items():
        assert run.wait() == end, run.id
        assert group_is_gone(run.destination, run)


def test_it_is_canceled_before_the_start_or_after_its_guidepost_ssh_was_killed(tmp_path, make):
    run = begun(make(script="echo on; sleep 60"), "on\n")
    run.kill()
    assert run.start("stop").wait() == ("canceled", 15)
    with Machines(tmp_path / "m") as machines:
        web = machines.add("web-1")
        web.freeze()
        early = Run(machines, tmp_path / "early", "web-1").start()
        until("it calls", early.ssh_clients)
        early.cancel()
        assert early.wait() == ("notstarted", 125)


@pytest.mark.parametrize("name", anywhere())
def test_a_stop_right_behind_the_start_is_not_lost(machines, make, name):
    runs = [make(name, "sleep 8; echo x >>ran-to-its-end") for _ in range(20)]
    for run in runs:
        run.start()
        until("the start is sent", run.has_started)
        run.cancel()
    assert [run.wait() for run in runs] == [("canceled", 15)] * 20
    assert not (machines.all[name].home / "ran-to-its-end").exists()


def test_what_the_script_leaves_in_the_background_is_not_waited_for(make):
    run = make(script="(sleep 30; echo late) & echo on").start()
    assert run.wait(20) == ("exit", 0)
    assert run.text() == "on\n"
