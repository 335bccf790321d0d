"""A project on machines that are reached by ssh, each with an oracle in its home, and what tests of it do again and again."""

import time
from contextlib import contextmanager

from rig import STEP, Rig, until
from sshd import Machines

# Each machine writes its own oracle into its home; the rig's oracle is not used.
CONFIG = """
workers: { slots: 8, heartbeat: 500ms, lost_after: 2s }
environments: { production: { guided_failure: { enabled: true } } }
rooms: { deploys: {} }
ssh: { config: machines/ssh_config, known_hosts: machines/known_hosts }
targets:
  web-1: { ssh: web-1, tags: [web] }
  web-2: { ssh: web-2, tags: [web] }
projects:
  shop:
    room: deploys
    steps:
      - { name: fetch, targets: [web], run: "@run@" }
      - { name: install, targets: [web], run: "@run@" }
      - { name: restart, targets: [web], run: "@run@" }
      - { name: check, targets: [web], run: "@run@" }
  patient:
    room: deploys
    steps:
      - { name: install, targets: [web-1], run: "@run@", auto_retry: { when_back: 1m, probe: "test -e back" } }
  careful:
    room: deploys
    guided_failure: { claim: required, note_required: [retry] }
    steps:
      - { name: install, targets: [web-1], run: "@run@" }
  slow:
    room: deploys
    steps:
      - { name: install, targets: [web-1], run: "@run@" }
      - { name: check, targets: [web-1], run: "@run@" }
"""
RUN = f"ORACLE=$HOME/oracle DECISIONS=$HOME/decisions exec {STEP}"


class World:
    def __init__(self, rig, machines):
        self.rig, self.machines = rig, machines
        self.person = rig.local()

    def lines(self, machine):
        path = machine.home / "oracle"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def steps(self, machine):
        """The steps and attempts that were started there, in their order."""
        return [(line[2], int(line[4])) for line in self.lines(machine) if line[0] == "start"]

    def takes(self, machine, fate):
        (machine.home / "decisions").write_text(f"{fate}\n")

    def question(self, newer_than=0, seconds=30):
        return until("a question", lambda: next((q for q in self.person.questions() if q["id"] > newer_than), None), seconds)

    def final(self, id, seconds=60):
        def state():
            found = self.person.deployment(id)["state"]
            return found if found in ("succeeded", "succeeded_with_warnings", "failed", "canceled") else None

        return until(f"D{id} to end", state, seconds)


@contextmanager
def world(name, workers=1, hosts=1, **more):
    rig = Rig(CONFIG.replace("@run@", RUN), workers=workers, hosts=hosts, name=name, **more)
    with Machines(rig.folder / "machines") as machines:
        for target in ("web-1", "web-2"):
            (machines.add(target).home / "decisions").write_text("0.05 0 0\n")
        with rig:
            yield World(rig, machines)


def run_of(w, id, step, target):
    steps = w.person.deployment(id)["steps"]
    runs = next(each for each in steps if each["name"] == step)["runs"]
    return next(run for run in runs if run["target"] == target)


def away_at_the_third_step(w):
    """web-2 goes away when the second step has ended there; web-1 is still busy with it, so that the third has not begun."""
    web = w.machines.all["web-2"]
    w.takes(w.machines.all["web-1"], "1.5 0 0")
    id = w.person.deploy("shop", "1.0.0", "production")
    until("the second step", lambda: run_of(w, id, "install", "web-2")["state"] == "succeeded")
    web.stop()
    w.takes(w.machines.all["web-1"], "0.05 0 0")
    question = w.question()
    assert (question["step"], question["target"], question["attempt"]) == ("restart", "web-2", 1)
    assert question["outcome"] == "unreachable: connection refused" and not question["unknown"]
    return id, web, question


STORY = [("fetch", 1), ("install", 1), ("restart", 2), ("check", 1)]


def when_back(w, question):
    """Both forms, typed and by REST, say the same."""
    status, reply = w.person.say("retry", f"Q{question['id']}", "when", "back")
    assert status == 200 and "retries by itself when web-2 is back (chosen by local:" in reply["text"], reply
    status, reply = w.person.ask("POST", f"/v1/questions/{question['id']}/when-back", {})
    assert status == 200 and f"(chosen by {w.person.name} again)" in reply["text"], reply
    waiting = w.person.get(f"/v1/questions/{question['id']}")
    assert waiting["open"] and waiting["back_by"] == w.person.name and waiting["back_until"] > time.time() * 1000


def running(w, seconds):
    """A step that takes so long, and runs."""
    web = w.machines.all["web-1"]
    w.takes(web, f"{seconds} 0 0")
    id = w.person.deploy("slow", "1.0.0", "production")
    until("the step to run", lambda: w.steps(web) == [("install", 1)])
    until("its output", lambda: "working" in str(w.person.get(f"/v1/deployments/{id}/log?step=0&slot=0")))
    w.takes(web, "0.05 0 0")
    return id, web


def supervisors(w):
    return [pid for pid in w.rig.own_processes() if comm(pid) == "guidepost-ssh"]


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except OSError:
        return ""
