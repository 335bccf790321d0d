"""Goal of this test: a step on an ssh target runs once, whatever breaks, and its truth is found again or said to be unknown. Against
guidepost-ssh alone, with real sshd processes and without Redis.
"""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import ssh_run
from rig import until
from ssh_bench import WAIT, anywhere, begun, machines, make
from ssh_run import CONTROL, Run
from sshd import NAMESPACES, Machines, needs_namespaces

# An output in which each byte that is lost or doubled shows.
COUNTING = "i=0; while [ $i -lt 24 ]; do i=$((i+1)); echo line $i; sleep 0.1; done"
COUNTED = "".join(f"line {i}\n" for i in range(1, 25))


# --- started once


def test_of_twenty_racing_starters_one_starts(machines, make):
    runs = [make(script="echo x >>once; echo on; sleep 0.5", id="race") for _ in range(20)]
    for run in runs:
        run.start()
    ends = [run.wait() for run in runs]
    assert sorted(ends) == [("exit", 0)] + [("gone", 17)] * 19
    assert (machines.all["web-1"].home / "once").read_text() == "x\n"


def test_a_record_that_was_used_starts_nothing(machines, make):
    run = make(script="echo x >>used")
    assert run.start().wait() == ("exit", 0)
    for work in (None, "attach", "stop"):
        assert run.start(work).process.wait(30) == 111
    assert (machines.all["web-1"].home / "used").read_text() == "x\n"


def test_whoever_looks_first_decides_that_nothing_starts(machines, make):
    looks, starts = make(id="void"), make(script="echo x >never", id="void")
    assert looks.start("attach").wait() == ("gone", 116)  # nothing is remembered here
    assert (looks.remote() / "void").exists()
    assert starts.start().wait() == ("gone", 17)
    assert not (machines.all["web-1"].home / "never").exists()


def test_instructions_that_did_not_arrive_start_nothing(machines, make):
    """The connection breaks after they were sent, as far as this side knows, and before the target has them."""
    run = make(script="echo x >lost-start")
    boot = (machines.all["web-1"].folder / "boot_id").read_text().strip() if NAMESPACES else ssh_run.BOOT
    (run.folder / "record").write_text(f"boot {ssh_run.BOOT}\nstarted 99999 0 1790000000000".ljust(45 + 43) + "\n")
    (run.folder / "contact").write_text(f"{boot} 0 0 0".ljust(159) + "\n")
    lines = (run.folder / "record").read_text().splitlines()
    (run.folder / "record").write_text(f"{lines[0]}\n{lines[1].rstrip():45}\n")
    assert run.start("attach").wait() == ("notstarted", 103)
    assert "nothing was started on web-1" in run.text()
    assert not (machines.all["web-1"].home / "lost-start").exists()


@pytest.mark.parametrize("name", anywhere())
def test_a_target_lock_that_cannot_be_made_is_told(machines, make, name):
    locks = machines.all[name].home / ".guidepost/locks"
    assert make(name).start().wait() == ("exit", 0)
    shutil.rmtree(locks)
    run = make(name, target_lock="k").start()
    assert run.wait() == ("notstarted", 28)
    assert "the lock of the target cannot be made" in run.text()
    assert (run.remote() / "void").exists()
    locks.mkdir()


def test_a_variable_that_a_shell_keeps_for_itself_is_refused(make):
    for pair in ("UID=0", "EUID=0", "PPID=1"):
        assert make(env=[pair]).start().wait() == ("notstarted", 22)
    assert make(env=["UIDS=0"]).start().wait() == ("exit", 0)


def test_old_runs_are_cleared_away_once_they_are_told(machines, make):
    base = machines.all["web-1"].home / ".guidepost"
    (base / "runs/test/1").mkdir(parents=True, exist_ok=True)
    week, month = time.time() - 9 * 86400, time.time() - 40 * 86400
    for name, file, when in (("told", "told", week), ("fresh", "told", time.time()), ("ended", "exit", month), ("void", "void", month), ("runs", "started", month)):
        (base / "runs/test/1" / name).mkdir()
        (base / "runs/test/1" / name / file).touch()
        os.utime(base / "runs/test/1" / name / file, (when, when))
    (base / "cleaned").unlink(missing_ok=True)
    assert make().start().wait() == ("exit", 0)
    until("the old is gone", lambda: sorted(os.listdir(base / "runs/test/1")) == ["fresh", "runs"])


# --- what breaks in the middle


def test_a_broken_connection_costs_no_byte_of_output(machines, make):
    runs = [make(name, COUNTING).start() for name in anywhere()]
    for n in (6, 12, 18):
        for run in runs:
            run.says(f"line {n}\n")
            machines.all[run.destination].drop()
    for run in runs:
        assert run.wait() == ("exit", 0)
        assert run.text() == COUNTED
        assert not run.is_lost()


def test_a_killed_client_or_shared_connection_costs_nothing(machines, make):
    run, again = begun(make(script=COUNTING)), begun(make(script=COUNTING))
    for pid in run.ssh_clients():
        os.kill(pid, signal.SIGKILL)
    run.says("line 12\n")
    control = machines.folder / CONTROL
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            words, where = Path(f"/proc/{pid}/cmdline").read_bytes(), os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if where == str(control) and b"[mux]" in words:
            os.kill(pid, signal.SIGKILL)
    for one in (run, again):
        assert one.wait() == ("exit", 0)
        assert one.text() == COUNTED


def test_a_killed_guidepost_ssh_is_followed_by_another(machines, make):
    secret = "line 2"
    run = begun(make(script=COUNTING, secrets=["line 2", "e 14\nline 15"]), "***\n")
    for text in ("line 8\n", "lin***\n", "***0\n"):
        run.kill()
        run.go_on().says(text)
    assert run.wait() == ("exit", 0)
    wanted = COUNTED.replace("e 14\nline 15", "***").replace(secret, "***")
    assert run.text() == wanted


def test_the_end_is_found_when_nobody_was_there(machines, make):
    run = begun(make(script="echo on; sleep 0.7; echo off; exit 9"), "on\n")
    run.kill()
    until("it has ended", lambda: (run.remote() / "exit").exists())
    assert run.go_on().wait() == ("exit", 9)
    assert run.text() == "on\noff\n"


def test_a_look_takes_no_output_from_whoever_goes_on(machines, make):
    run = begun(make(script="echo on; sleep 0.7; echo off; exit 9", id="look"), "on\n")
    run.kill()
    assert make(id="look").start("look").wait() == ("exit", 9)
    assert not (run.remote() / "told").exists()
    assert run.go_on().wait() == ("exit", 9)
    assert run.text() == "on\noff\n"


def test_refused_instructions_say_nothing_of_a_run_that_goes_on(make):
    run = begun(make(script="echo on; sleep 0.7; exit 9"), "on\n")
    run.kill()
    given, run.given = run.given, [*run.given, ("env", "no name=1")]
    assert [run.start(work).process.wait(30) for work in ("attach", "stop")] == [111, 111]
    run.given = given
    assert run.go_on().wait() == ("exit", 9)


def test_a_target_without_sshd_is_waited_for(tmp_path):
    with Machines(tmp_path / "m") as machines:
        web = machines.add("web-1")
        run = begun(Run(machines, tmp_path / "run", "web-1", "echo on; sleep 0.5; echo off; exit 4"), "on\n")
        web.stop()
        until("it has ended", lambda: (run.remote() / "exit").exists())
        web.start()
        assert run.wait() == ("exit", 4)
        assert run.text() == "on\noff\n"


def supervisor(run):
    return int((run.remote() / "started").read_text().split()[1])


@pytest.mark.parametrize("name", anywhere())
def test_a_killed_supervisor_leaves_the_outcome_unknown_and_the_target_locked(make, name):
    run = begun(make(name, "echo on; sleep 2", target_lock="k.k.k"), "on\n")
    os.kill(supervisor(run), signal.SIGKILL)
    assert run.wait() == ("gone", 3)
    assert "answers, but what supervised the script there was killed" in run.text()
    assert make(name, target_lock="k.k.k").start().wait() == ("notstarted", 11)


def test_a_deleted_run_directory_is_no_proof(make):
    run = begun(make(script="echo on; sleep 3"), "on\n")
    run.kill()
    shutil.rmtree(run.remote())
    assert run.go_on().wait() == ("gone", 116)


@needs_namespaces
def test_silence_is_called_unknown_in_time_and_a_late_truth_is_told(tmp_path):
    """Four machines at once: frozen, cut off, rebooted in the middle, rebooted after the end."""
    with Machines(tmp_path / "m") as machines:
        frozen = machines.add("frozen")
        away = machines.add("away", cuttable=True)
        rebooted = machines.add("rebooted")
        ended = machines.add("ended")
        runs = {
            name: begun(Run(machines, tmp_path / name, name, script), "on\n")
            for name, script in {
                "frozen": f"echo on; {WAIT}; echo off; exit 2",
                "away": f"echo on; {WAIT}; echo off; exit 3",
                "rebooted": "echo on; sleep 60",
                "ended": f"echo on; {WAIT}; echo off; exit 4",
            }.items()
        }
        canceled = begun(Run(machines, tmp_path / "canceled", "away", "echo on; sleep 60", id="2.0.2"), "on\n")
        began = time.monotonic()
        frozen.freeze()
        away.network.cut()
        canceled.cancel()
        rebooted.reboot()
        ended.stop()
        (ended.home / "go").touch()
        until("it has ended", lambda: (runs["ended"].remote() / "exit").exists())
        ended.reboot()
        late = Run(machines, tmp_path / "late", "frozen", id="late").start()
        gone = Run(machines, tmp_path / "gone", "away", id="gone").start()
        assert runs["rebooted"].wait() == ("gone", 116)
        assert "rebooted was rebooted: how this ended will never be known" in runs["rebooted"].text()
        assert runs["ended"].wait() == ("exit", 4)
        assert runs["ended"].text() == "on\noff\n"
        for run in (runs["frozen"], runs["away"], canceled):
            until(f"{run.id} on {run.destination} is called unknown", run.is_lost, 15)
            assert "lost" not in run.record() and run.end() is None
        assert late.wait() == ("unreachable", ssh_run.TIMEOUT)
        assert gone.wait()[0] == "unreachable"
        assert time.monotonic() - began < 15
        assert "away" in (runs["away"].folder / "lost").read_text()
        for machine in (frozen, away):
            (machine.home / "go").touch()
        frozen.thaw()
        away.network.mend()
        assert runs["frozen"].wait() == ("exit", 2)
        assert runs["away"].wait() == ("exit", 3)
        assert canceled.wait() == ("canceled", 15)
        for name in ("frozen", "away"):
            assert runs[name].text() == "on\noff\n"
            assert not runs[name].is_lost()
