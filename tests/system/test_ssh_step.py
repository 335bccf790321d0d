"""Goal of this test: a step on an ssh target runs as it was told, or surely not at all. Against guidepost-ssh alone, with real sshd processes
and without Redis.
"""

import os
import random
import re
import shutil
import time

import pytest
import ssh_run
from rig import until
from ssh_bench import WAIT, anywhere, machines, make
from ssh_run import Run
from sshd import Machines, needs_namespaces


# --- a run


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


# --- what surely was not started


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


# --- hostile values


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
