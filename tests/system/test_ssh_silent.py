"""Machines that fall silent in the middle of a step, or are gone; and who looks for the truth then."""

import os
import signal
import time

from rig import process_runs, until
from sshd import needs_namespaces
from ssh_world import running, supervisors, world


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


@needs_namespaces
def test_a_machine_that_is_gone_in_mid_step_is_asked_about_as_unknown():
    """It comes back under another boot: nobody will ever know, the question says so, and a Retry runs the step once more."""
    with world("gone") as w:
        id, web = running(w, 30)
        web.lose()
        before = time.monotonic()
        question = w.question()
        assert time.monotonic() - before < 15
        assert question["unknown"] and question["attempt"] == 1
        web.reboot()

        def known():
            (asked,) = w.person.questions()
            assert asked["id"] == question["id"] and asked["unknown"]
            return "web-1 was rebooted: how this ended will never be known by itself" in asked["excerpt"]

        until("the question to say what is known now", known)
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
        status, reply = w.person.ask("POST", f"/v1/questions/{question['id']}/check", {})
        assert status == 200, reply
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


def test_a_cancel_is_carried_out_by_an_adopter_on_another_host():
    """Neither the worker nor its note of the cancel is there any more."""
    with world("cancel-host", workers=2, hosts=2) as w:
        id, web = running(w, 60)
        pid = int(w.lines(web)[0][5])
        owner = next(n for n in range(2) if list(w.rig.host_dirs[n].glob("runs/*/*/record")))
        w.rig.workers[1 - owner].kill()  # both hosts have the same name here, and the stop is for the owner
        told = supervisors(w)
        for supervisor in told:
            os.kill(supervisor, signal.SIGSTOP)
        assert w.person.say("cancel", f"D{id}")[0] == 200
        until("the stop to be noted", lambda: list(w.rig.host_dirs[owner].glob("runs/*/*/stop")))
        w.rig.workers[owner].kill()
        for supervisor in told:
            os.kill(supervisor, signal.SIGKILL)
        w.rig.workers[1 - owner].start()
        assert w.final(id) == "canceled"
        assert not process_runs(pid)
        assert w.steps(web) == [("install", 1)]
