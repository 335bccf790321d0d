"""Steps on machines that are reached by ssh: a real sshd each. A machine is away when its turn comes, and comes back; what dies here in the
middle of a step asks nobody."""

import os
import signal

from rig import process_runs, until
from ssh_world import STORY, away_at_the_third_step, running, supervisors, when_back, world


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


def test_a_machine_that_comes_back_is_retried_by_itself_once():
    with world("when-back") as w:
        id, web, question = away_at_the_third_step(w)
        when_back(w, question)
        web.start()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == STORY
        closed = w.person.get(f"/v1/questions/{question['id']}")
        assert closed["answer"] == "retry" and closed["closed_why"].endswith(f"as {w.person.name} chose."), closed


def test_a_promised_retry_obeys_the_rules_of_retry():
    with world("rules") as w:
        web = w.machines.all["web-1"]
        web.stop()
        id = w.person.deploy("careful", "1.0", "production")
        question = w.question()["id"]
        status, reply = w.person.ask("POST", f"/v1/questions/{question}/when-back", {"note": "the cable is out"})
        assert status == 409 and "Take it first" in str(reply), (status, reply)
        assert w.person.say("take", f"Q{question}")[0] == 200
        status, reply = w.person.ask("POST", f"/v1/questions/{question}/when-back", {})
        assert 400 <= status < 500 and "note" in str(reply), (status, reply)
        web.start()
        assert w.person.answer(question, "retry", note="the cable is in again")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 2)]


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


def test_a_worker_that_is_killed_in_mid_step_asks_nobody():
    with world("worker") as w:
        id, web = running(w, 3)
        w.rig.workers[0].kill()
        w.rig.workers[0].start()
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 1), ("check", 1)]
        assert not w.person.get("/v1/questions")["items"]


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


def test_a_cancel_ends_the_step_on_the_machine():
    with world("cancel") as w:
        id, web = running(w, 60)
        pid = int(w.lines(web)[0][5])
        assert w.person.say("cancel", f"D{id}")[0] == 200
        assert w.final(id) == "canceled"
        assert not process_runs(pid)


def test_a_cancel_does_not_die_with_the_supervisor_that_was_told():
    with world("cancel-killed") as w:
        id, web = running(w, 60)
        pid, told = int(w.lines(web)[0][5]), supervisors(w)
        for supervisor in told:
            os.kill(supervisor, signal.SIGSTOP)
        assert w.person.say("cancel", f"D{id}")[0] == 200
        until("the stop to be noted", lambda: list(w.rig.folder.rglob("runs/**/stop")))
        for supervisor in told:
            os.kill(supervisor, signal.SIGKILL)
        assert w.final(id) == "canceled"
        assert not process_runs(pid)
