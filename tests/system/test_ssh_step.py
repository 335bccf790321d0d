"""Goal of this test: a step on an ssh target runs once, whatever breaks, and its truth is found again or said to be unknown. Against
guidepost-ssh alone, with real sshd processes and without Redis.
"""

import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

import ssh_run
from rig import until
from ssh_run import CONTROL, Run
from sshd import NAMESPACES, SHELLS, Machines, needs_namespaces

# An output in which each byte that is lost or doubled shows.
COUNTING = "i=0; while [ $i -lt 24 ]; do i=$((i+1)); echo line $i; sleep 0.1; done"
WAIT = "while [ ! -e go ]; do sleep 0.05; done"
COUNTED = "".join(f"line {i}\n" for i in range(1, 25))


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with Machines(tmp_path_factory.mktemp("machines")) as made:
        made.add("web-1")
        made.add("dash", shell="dash" if NAMESPACES else None)
        for shell in SHELLS[1:] if NAMESPACES else ():
            made.add(shell, shell=shell)
        yield made


@pytest.fixture
def make(machines, tmp_path):
    """Runs with a name of their own; what is left of them is ended."""
    made = []

    def one(destination="web-1", script="true", **more):
        id = more.pop("id", f"{abs(hash(str(tmp_path))) % 10**9}.{len(made)}.1")
        run = Run(machines, tmp_path / str(len(made)), destination, script, id=id, **more)
        made.append(run)
        return run

    yield one
    for run in made:
        if run.process and run.process.poll() is None:
            run.kill()


def anywhere():
    return SHELLS if NAMESPACES else SHELLS[:1]


# --- a run ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", anywhere())
def test_a_script_runs_with_its_exit_status_output_and_environment(machines, make, name):
    hard = "a b\tc\n$(x) `y` 'z' \"q\" \\ \\n é 🚀 %s %b *  "
    run = make(name, "umask; pwd; env; printf '%s' \"$HARD\"; cat; exit 7", env=["PLAIN=1", f"HARD={hard}", "EMPTY=", "dir=/x", "script=y"])
    assert run.start().wait() == ("exit", 7)
    home = machines.all[name].home
    lines = run.text().splitlines()
    assert lines[0] in ("0022", "022"), lines
    assert lines[1] == str(home)
    assert {"PLAIN=1", "EMPTY=", "dir=/x", "script=y", f"HOME={home}", "USER=" + lines_value(lines, "LOGNAME")} <= set(lines)
    assert run.text().endswith(hard)
    names = set(re.findall(r"^([A-Za-z_]+)=", run.text(), re.M))
    assert names <= {"PLAIN", "EMPTY", "HARD", "dir", "script", "HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    until("the target is told", lambda: sorted(os.listdir(run.remote())) == ["exit", "lock", "started", "told"])
    assert not (run.folder / "lost").exists()


def lines_value(lines, name):
    return next(line.split("=", 1)[1] for line in lines if line.startswith(f"{name}="))


def test_it_starts_in_its_directory(machines, make):
    home = machines.all["web-1"].home
    for name in ("a b;c", "-n", "new\nline", "é"):
        (home / name).mkdir()
        run = make(script="pwd", work_dir=name)
        assert run.start().wait() == ("exit", 0)
        assert run.text() == f"{home}/{name}\n"
    run = make(script="pwd", work_dir="/usr")
    assert (run.start().wait(), run.text()) == (("exit", 0), "/usr\n")
    run = make(script="pwd", work_dir="/no/such")
    assert run.start().wait() == ("notstarted", 2)
    assert "the work directory is not there" in run.text()


@pytest.mark.parametrize("name", anywhere())
def test_no_byte_of_a_flood_is_lost_or_changed(make, name):
    lines = make(name, "seq 1 100000").start()
    assert lines.wait() == ("exit", 0)
    assert lines.output() == "".join(f"{i}\n" for i in range(1, 100001)).encode()
    bytes_ = make(name, "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; i=$((i+1)); done").start()
    assert bytes_.wait() == ("exit", 0)
    assert bytes_.output() == bytes(range(256))


def test_of_ten_megabytes_without_a_newline_head_and_tail_are_kept(make):
    run = make(script="head -c 10000000 /dev/zero | tr '\\0' x; printf END", segment_bytes=1 << 17).start()
    assert run.wait() == ("exit", 0)
    output = run.output()
    total, left_out = map(int, run.record().split("exit exit ", 1)[1].split()[2:4])
    # What the line did not carry while it was there is not here, and is counted.
    assert len(output) + left_out >= 10000003 and total >= len(output)
    assert output.startswith(b"x" * 1000) and output.endswith(b"xEND")
    assert len(output) <= 8 << 17


def test_secrets_are_masked_however_the_output_is_cut(make):
    secret = "correct-horse-battery"
    script = f"i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf 'a%s' \"$S\"; [ $((i % 50)) -ne 0 ] || sleep 0.1; done; printf correct-; sleep 1; echo horse"
    run = make(script=script, env=[f"S={secret}"], secrets=[secret]).start()
    assert run.wait() == ("exit", 0)
    assert run.text() == "a***" * 300 + "correct-horse\n"


# --- what surely was not started --------------------------------------------------------------------------------------


def without(machine, tool):
    """A PATH without it."""
    tools = machine.folder / f"no-{tool}"
    tools.mkdir()
    for name in "cat dd env find flock mkdir mkfifo mv rm rmdir setsid sh sleep sync wc".split():
        if name != tool:
            (tools / name).symlink_to(shutil.which(name))
    return tools


UNREACHABLE = {
    "name": (ssh_run.NAME, "the name of the host is not known"),
    "refused": (ssh_run.REFUSED, "the connection is refused"),
    "silent": (ssh_run.TIMEOUT, "the host does not answer"),
    "unknown-key": (ssh_run.KEY_UNKNOWN, "its host key is not in known_hosts"),
    "changed-key": (ssh_run.KEY_CHANGED, "its host key is another one"),
    "denied": (ssh_run.DENIED, "it refuses our key"),
    "program": (ssh_run.PROGRAM, "ssh cannot be run here"),
    "config": (ssh_run.CONFIG, "ssh refuses its configuration"),
    "shell": (ssh_run.SHELL, "no POSIX shell answers"),
}


def bad_machines(machines):
    for name in ("refused", "silent", "unknown-key", "changed-key", "denied", "shell"):
        machines.add(name, start=False)
    for name in ("silent", "unknown-key", "changed-key", "denied"):
        machines.all[name].start()
    machines.all["shell"].environment = "PATH=/nonexistent"
    machines.all["shell"].start()
    hosts = machines.known_hosts.read_text().splitlines()
    hosts = [line for line in hosts if not line.startswith("unknown-key ")]
    hosts = [line if not line.startswith("changed-key ") else "changed-key " + machines.all["web-1"].host_key() for line in hosts]
    machines.known_hosts.write_text("\n".join(hosts) + "\n")
    with machines.config.open("a") as config:
        config.write("Host name\n    HostName no-such-host.invalid\n")
    machines.all["silent"].freeze()


def test_each_way_not_to_be_reached_has_its_sentence(tmp_path):
    with Machines(tmp_path / "m") as machines:
        machines.add("web-1")
        bad_machines(machines)
        (tmp_path / "bad").write_text("Nonsense yes\n")
        (tmp_path / "other").mkdir()
        more = {
            "program": {"ssh_program": "/no/such/ssh"},
            "config": {"ssh_config": tmp_path / "bad"},
            "denied": {"ssh_option": f"IdentityFile={tmp_path}/none"},
        }
        denied = machines.config.read_text().replace(f"IdentityFile {machines.folder}/key", f"IdentityFile {tmp_path}/none")
        (tmp_path / "denied_config").write_text(denied)
        more["denied"] = {"ssh_config": tmp_path / "denied_config"}
        began = time.monotonic()
        runs, probes = {}, {}
        for name in UNREACHABLE:
            runs[name] = Run(machines, tmp_path / name, name, id=f"{name}.1", **more.get(name, {})).start()
            probes[name] = Run(machines, tmp_path / f"probe-{name}", name, **more.get(name, {})).start("probe")
        for name, (number, sentence) in UNREACHABLE.items():
            assert runs[name].wait() == ("unreachable", number), f"{name}: {runs[name].record()} {runs[name].text()}"
            assert sentence in runs[name].text()
            assert not runs[name].has_started()
            assert probes[name].process.wait(30) == number
        assert time.monotonic() - began < 15
        fine = Run(machines, tmp_path / "probe-fine", "web-1").start("probe")
        assert fine.process.wait(30) == 0
        assert not (machines.all["web-1"].home / ".guidepost").exists()
        assert os.listdir(fine.folder) == ["record"]


def test_what_the_target_lacks_is_named(tmp_path):
    with Machines(tmp_path / "m") as machines:
        web = machines.add("web-1", start=False)
        for tool in ("setsid", "flock"):
            web.environment = f"PATH={without(web, tool)}"
            web.start()
            run = Run(machines, tmp_path / tool, "web-1", ssh_control=None).start()
            assert run.wait() == ("notstarted", 38)
            assert run.text() == f"guidepost-ssh: web-1 lacks what a step needs there: {tool}\n"
            web.stop()


@needs_namespaces
def test_a_full_disk_starts_nothing_or_loses_output_but_not_the_end(tmp_path):
    with Machines(tmp_path / "m") as machines:
        machines.add("full", disk="64k")
        filled = Run(machines, tmp_path / "fill", "full", "cat /dev/zero >fill || true; rm -f fill; echo done").start()
        assert filled.wait() == ("exit", 0)
        flood = Run(machines, tmp_path / "flood", "full", "echo first; seq 1 200000; exit 5", id="flood").start()
        assert flood.wait() == ("exit", 5)
        assert flood.text().startswith("first\n1\n2\n")
        leave = Run(machines, tmp_path / "leave", "full", "cat /dev/zero >fill", id="leave").start()
        assert leave.wait()[0] == "exit"
        for n in range(3):
            run = Run(machines, tmp_path / f"run{n}", "full", id=f"x{n}").start()
            assert run.wait() == ("notstarted", 28), run.text()
            assert "No space left on device" in run.text() or "the disk is full" in run.text()


def test_two_steps_of_a_target_never_overlap(make):
    first = make(script=f"echo on; {WAIT}; rm go; sleep 60 & exit 0", target_lock="web-1.shop.prod").start()
    first.says("on")
    second = make(target_lock="web-1.shop.prod").start()
    assert second.wait() == ("notstarted", 11)
    assert "another step runs on this target" in second.text()
    assert make(target_lock="web-1.shop.test").start().wait() == ("exit", 0)
    (first.machines.all["web-1"].home / "go").touch()
    assert first.wait() == ("exit", 0)
    # What the script left in the background on purpose does not hold the lock.
    assert make(target_lock="web-1.shop.prod").start().wait() == ("exit", 0)


def test_instructions_that_make_no_sense_are_refused(make):
    for more in (
        {"ssh_run": "../x/y"},
        {"ssh_run": "a/b/c/d"},
        {"ssh_run": "a/b/.c"},
        {"ssh_run": "a/b/c;id"},
        {"ssh_destination": "-oProxyCommand=id"},
        {"target_lock": "a/b"},
        {"user": "nobody"},
        {"env": ["A B=1"]},
        {"nonsense": "1"},
        {"script": None},
    ):
        run = make(**more).start()
        assert run.wait() == ("notstarted", 22), more
        assert not run.has_started()


# --- started once -----------------------------------------------------------------------------------------------------


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


# --- what breaks in the middle ----------------------------------------------------------------------------------------


def begun(run, text="line 3\n"):
    run.start().says(text)
    return run


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


# --- ended from here --------------------------------------------------------------------------------------------------


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


# --- hostile values ---------------------------------------------------------------------------------------------------


def payloads(count, canary):
    """Values of which each would leave a canary if any shell took them for its own text."""
    touch = f"touch {canary}"
    cores = [f"$({touch})", f"`{touch}`", f"; {touch};", f"| {touch}", f"&& {touch}", f"\n{touch}\n", f"' ; {touch}; '", f'" ; {touch}; "',
             f"${{x:-$({touch})}}", f"$(({touch}))", f"<({touch})", f"\\'; {touch} #", f"#end\n{touch}", f"go\n{touch}", f"end\n{touch}"]
    wraps = ["{}", "a{}", "{}b", "'{}'", '"{}"', "\\{}", "{}\\", "\\0047{}", "%b{}", "\\c{}", " {} ", "\t{}", "\n{}", "{}\n", "é{}", "$IFS{}", "-{}", "*{}", "~{}", "!{}"]
    chance = random.Random(1)
    found = [wrap.format(core) for core in cores for wrap in wraps]
    while len(found) < count:
        found.append("".join(chance.choice([*cores, *"'\"\\$`;|&<>(){}!#~* \t\n%", "\\0", "\\n"]) for _ in range(4)))
    return found[:count]


@pytest.mark.parametrize("name", anywhere())
def test_no_value_is_ever_run(machines, make, name, tmp_path):
    canary = tmp_path / "canary"
    values = payloads(2000 if name == "dash" else 500, canary)
    half = len(values) // 2
    for part in (values[:half], values[half:]):
        script = "i=0; while [ $i -lt %d ]; do eval \"printf '%s\\001' \\\"\\$V$i\\\"\"; i=$((i+1)); done"
        run = make(name, script.replace("%d", str(half)), env=[f"V{i}={value}" for i, value in enumerate(part)]).start()
        assert run.wait() == ("exit", 0), run.text()
        assert run.text().split("\1")[:-1] == part
    assert not canary.exists()


def test_no_name_is_ever_run(machines, make, tmp_path):
    canary = tmp_path / "canary"
    home = machines.all["web-1"].home
    values = payloads(2000, canary)
    folders = [value.replace("/", "|")[:200] for value in values[::100]]
    for folder in folders:
        (home / folder).mkdir(exist_ok=True)
    runs = [make(script="pwd", work_dir=folder).start() for folder in folders]
    assert [(run.wait(), run.text()) for run in runs] == [(("exit", 0), f"{home}/{folder}\n") for folder in folders]
    # As a script it would run, and is meant to: what is tried is that it is the script's shell that reads it.
    runs = [make(script=f": <<'E_O_F'\n{value}\nE_O_F\necho fine").start() for value in values[::100]]
    assert {run.wait() for run in runs} == {("exit", 0)}
    for value in values[::50]:
        runs = [make(ssh_run=f"a/b/{value}").start(), make(target_lock=value).start(), make(ssh_destination=value).start()]
        assert [run.wait()[0] for run in runs[:2]] == ["notstarted"] * 2
        assert runs[2].wait()[0] in ("unreachable", "notstarted")
    assert not canary.exists()
