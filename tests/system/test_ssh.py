"""Steps on machines that are reached by ssh: a real sshd each, and a real oracle on it."""

import os
import signal
import time
from contextlib import contextmanager

from rig import STEP, Rig, process_runs, until
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


def test_a_machine_that_comes_back_goes_on_from_where_it_was():
    with world("story") as w:
        id, web, question = away_at_the_third_step(w)
        web.start()
        assert w.person.answer(question["id"], "retry")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == STORY
        assert w.steps(w.machines.all["web-1"]) == [("fetch", 1), ("install", 1), ("restart", 1), ("check", 1)]


def test_a_retry_before_it_is_back_is_asked_about_again_and_repeats_nothing():
    with world("too-early") as w:
        id, web, question = away_at_the_third_step(w)
        assert w.person.answer(question["id"], "retry")[0] == 200
        again = w.question(newer_than=question["id"])
        assert again["attempt"] == 2
        web.start()
        path = f"/api/interruptions/Interruptions-{again['id']}"
        status, reply = w.person.ask("PUT", f"{path}/responsible")
        assert status == 200, reply
        status, reply = w.person.ask("POST", f"{path}/submit", {"Guidance": "Retry", "Notes": "the cable is in again"})
        assert status == 200, reply
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("fetch", 1), ("install", 1), ("restart", 3), ("check", 1)]


def when_back(w, question):
    """Both forms, typed and by REST, say the same."""
    status, reply = w.person.say("retry", f"Q{question['id']}", "when", "back")
    assert status == 200 and "retries by itself when web-2 is back (chosen by local:" in reply["text"], reply
    status, reply = w.person.ask("POST", f"/v1/questions/{question['id']}/when-back", {})
    assert status == 200, reply
    waiting = w.person.get(f"/v1/questions/{question['id']}")
    assert waiting["open"] and waiting["back_by"] == w.person.name and waiting["back_until"] > time.time() * 1000


def test_a_machine_that_comes_back_is_retried_by_itself_once():
    with world("when-back") as w:
        id, web, question = away_at_the_third_step(w)
        when_back(w, question)
        web.start()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == STORY
        closed = w.person.get(f"/v1/questions/{question['id']}")
        assert closed["answer"] == "retry" and closed["closed_why"].endswith(f"as {w.person.name} chose."), closed


def test_waiting_for_a_machine_survives_restarts_and_can_be_answered_meanwhile():
    with world("restarts") as w:
        id, web, question = away_at_the_third_step(w)
        when_back(w, question)
        for program in (*w.rig.servers, *w.rig.workers):
            program.kill()
            program.start()
        until("the server", lambda: w.rig.server_ready(w.rig.servers[0]))
        assert w.person.answer(question["id"], "retry")[0] == 200
        again = w.question(newer_than=question["id"])
        when_back(w, again)
        for program in (*w.rig.servers, *w.rig.workers):
            program.kill()
            program.start()
        web.start()
        assert w.final(id, seconds=90) == "succeeded"
        assert w.steps(web) == [("fetch", 1), ("install", 1), ("restart", 3), ("check", 1)]


def test_a_step_may_wait_by_itself_and_ask_a_command_whether_the_machine_is_back():
    with world("patient") as w:
        web = w.machines.all["web-1"]
        web.stop()
        id = w.person.deploy("patient", "1.0.0", "production")
        question = w.question()
        assert question["back_by"] == "auto_retry", question
        (w.rig.folder / "back").touch()  # The command says so, but it is not true.
        again = w.question(newer_than=question["id"])
        assert again["back_by"] is None, again
        web.start()
        assert w.person.answer(again["id"], "retry")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 3)]


def test_a_changed_host_key_starts_nothing_and_says_so():
    with world("key") as w:
        web = w.machines.all["web-1"]
        web.stop()
        web.new_host_key()
        web.start()
        id = w.person.deploy("slow", "1.0.0", "production")
        question = w.question()
        assert question["outcome"] == "unreachable: its host key has changed", question
        assert w.steps(web) == []
        w.machines.trust()
        assert w.person.answer(question["id"], "retry")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 2), ("check", 1)]


def running(w, seconds):
    """A step that takes so long, and runs."""
    web = w.machines.all["web-1"]
    w.takes(web, f"{seconds} 0 0")
    id = w.person.deploy("slow", "1.0.0", "production")
    until("the step to run", lambda: w.steps(web) == [("install", 1)])
    until("its output", lambda: "working" in str(w.person.get(f"/v1/deployments/{id}/log?step=0&slot=0")))
    w.takes(web, "0.05 0 0")
    return id, web


def test_a_worker_that_is_killed_in_mid_step_asks_nobody():
    with world("worker") as w:
        id, web = running(w, 3)
        w.rig.workers[0].kill()
        w.rig.workers[0].start()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]
        assert not w.person.get("/v1/questions")["items"]


def supervisors(w):
    return [pid for pid in w.rig.own_processes() if comm(pid) == "guidepost-ssh"]


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except OSError:
        return ""


def test_a_supervisor_that_is_killed_in_mid_step_is_replaced_and_asks_nobody():
    with world("supervisor") as w:
        id, web = running(w, 3)
        for pid in supervisors(w):
            os.kill(pid, signal.SIGKILL)
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]


def test_worker_and_supervisor_that_are_killed_together_ask_nobody():
    with world("both") as w:
        id, web = running(w, 3)
        w.rig.workers[0].kill()
        for pid in supervisors(w):
            os.kill(pid, signal.SIGKILL)
        w.rig.workers[0].start()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]


def test_the_host_of_a_worker_that_is_gone_is_replaced_by_another():
    """Whoever asks the target finds the truth there, with nothing but what Redis knows."""
    with world("host", workers=2, hosts=2) as w:
        id, web = running(w, 8)
        owner = next(n for n in range(2) if list(w.rig.host_dirs[n].glob("runs/*/*/record")))
        w.rig.workers[owner].kill()
        for pid in supervisors(w):
            os.kill(pid, signal.SIGKILL)
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]


def test_a_machine_that_is_gone_in_mid_step_is_asked_about_as_unknown():
    """It comes back under another boot: nobody will ever know, and a Retry runs the step once more."""
    with world("gone") as w:
        id, web = running(w, 30)
        web.lose()
        before = time.monotonic()
        question = w.question()
        assert time.monotonic() - before < 15
        assert question["unknown"] and question["attempt"] == 1
        web.reboot()
        assert w.person.answer(question["id"], "retry")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("install", 2), ("check", 1)]


def test_a_machine_that_falls_silent_is_asked_about_and_a_late_truth_closes_the_question():
    with world("silent") as w:
        id, web = running(w, 12)
        web.freeze()
        before = time.monotonic()
        question = w.question()
        assert time.monotonic() - before < 15
        assert question["unknown"]
        web.thaw()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]
        closed = w.person.get(f"/v1/questions/{question['id']}")
        assert closed["closed_why"].startswith("The truth came late"), closed


def test_a_retry_while_the_step_still_runs_starts_nothing():
    with world("still") as w:
        id, web = running(w, 14)
        web.freeze()
        question = w.question()
        web.thaw()
        assert w.person.answer(question["id"], "retry")[0] in (200, 409)  # it may have been heard before
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]


def test_a_cancel_ends_the_step_on_the_machine():
    with world("cancel") as w:
        id, web = running(w, 60)
        pid = int(w.lines(web)[0][5])
        assert w.person.say("cancel", f"D{id}")[0] == 200
        assert w.final(id) == "canceled"
        assert not process_runs(pid)
