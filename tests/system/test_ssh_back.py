"""Many questions wait for their machines to be back: the machines are looked for, but not by everybody at once."""

from rig import Rig, until

MACHINES = 20
AT_ONCE = 16
CONFIG = (
    """
workers: { slots: 32, heartbeat: 500ms, lost_after: 2s }
environments: { production: { guided_failure: { enabled: true } } }
rooms: { deploys: {} }
ssh: { config: ssh_config, known_hosts: known_hosts }
targets:
"""
    + "".join(f"  web-{n}: {{ ssh: web-{n} }}\n" for n in range(MACHINES))
    + "projects:\n"
    + "".join(
        f"""  {name}:
    room: deploys
    steps:
      - {{ name: install, targets: [{", ".join(f"web-{n}" for n in range(MACHINES))}], max_parallel: {MACHINES}, run: "true",
          auto_retry: {{ when_back: 5m, probe: "{"echo begin $GUIDEPOST_TARGET >>probes; sleep 1; echo end $GUIDEPOST_TARGET >>probes; test -e back"}" }} }}
"""
        for name in ("shop", "blog")
    )
)


def most_at_once(lines):
    """How many probes ran at the same time, and how many of the same machine."""
    running, most, most_of_one = [], 0, 0
    for what, name in lines:
        if what == "begin":
            running.append(name)
        else:
            running.remove(name)
        most = max(most, len(running))
        most_of_one = max(most_of_one, running.count(name))
    return most, most_of_one


def test_machines_are_looked_for_once_for_all_and_some_at_a_time():
    rig = Rig(CONFIG, name="back")
    (rig.folder / "ssh_config").write_text("Host web-*\n    HostName 127.0.0.1\n    Port 1\n")
    (rig.folder / "known_hosts").touch()
    with rig:
        person = rig.local()
        ids = [person.deploy(project, "1.0", "production") for project in ("shop", "blog")]

        def asked(attempt):
            questions = [q for q in person.questions() if q["attempt"] == attempt and q["outcome"] == "unreachable: connection refused"]
            return len(questions) == 2 * MACHINES

        until("a question for each machine of each project", lambda: asked(1), 60)
        probes = rig.folder / "probes"

        def looked():
            lines = [line.split() for line in probes.read_text().splitlines()] if probes.exists() else []
            return lines if {name for what, name in lines if what == "end"} == {f"web-{n}" for n in range(MACHINES)} else None

        lines = until("each machine to be looked for", looked, 60)
        most, most_of_one = most_at_once(lines)
        assert 1 < most <= AT_ONCE and most_of_one == 1, (most, most_of_one)
        (rig.folder / "back").touch()
        until("each to be retried, and asked about again", lambda: asked(2), 60)
        most, most_of_one = most_at_once([line.split() for line in probes.read_text().splitlines()])
        assert most <= AT_ONCE and most_of_one == 1, (most, most_of_one)
        for id in ids:
            person.say("cancel", f"D{id}")
