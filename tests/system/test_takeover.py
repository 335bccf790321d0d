"""What others do when somebody is gone, and how soon."""

import os
import signal
import time
from pathlib import Path

import pytest
from rig import SHOP, Rig, until


def leader(rig):
    token = rig.redis()("HGET", "{gp}:leader", "token") or ""
    name = token.rsplit("/", 1)[-1]
    return next((server for server in rig.servers if name and server.alive() and f"{name}" in server.log.read_text()), None)


@pytest.mark.alone
def test_another_server_leads_at_once_when_the_lock_of_the_leader_is_free():
    """Without the lock file it would wait for five seconds of silence."""
    with Rig(SHOP, workers=0, servers=2, name="takeover") as rig:
        first = until("a leader", lambda: leader(rig))
        before = time.monotonic()
        first.kill()
        until("the other to lead", lambda: leader(rig) not in (None, first))
        assert time.monotonic() - before < 3


@pytest.mark.alone
def test_a_run_whose_supervisor_was_killed_is_asked_about_at_once():
    with Rig(SHOP, name="supervisor") as rig:
        rig.decisions.write_text("5 0 0\n")
        person = rig.local()
        person.deploy("shop", "1.0.0", "production")
        supervisor, _, record = until("the step to run", lambda: rig.oracle_lines() and rig.supervisors())[0]
        until("its output", Path(f"{record}.out.0").exists)
        os.kill(supervisor, signal.SIGKILL)
        before = time.monotonic()
        question = until("the question", person.questions)[0]
        assert time.monotonic() - before < 3
        assert question["unknown"]
        assert question["excerpt"].startswith("working for 5 s")
        # The step itself still runs, so it must not be started a second time.
        assert person.answer(question["id"], "retry")[0] == 200
        until("the end of the first attempt", lambda: [line for line in rig.oracle_lines() if line[0] == "end"])
        until("an answerable question or a second attempt", lambda: person.questions() or len(rig.oracle_lines()) > 2)
        lines = rig.oracle_lines()
        assert [line[0] for line in lines[:2]] == ["start", "end"], lines


def test_a_run_whose_record_was_deleted_is_asked_about():
    """That nothing is there does not mean that nothing was."""
    with Rig(SHOP, name="deleted") as rig:
        rig.decisions.write_text("1 0 0\n")
        person = rig.local()
        person.deploy("shop", "1.0.0", "production")
        *_, record = until("the step to run", lambda: rig.oracle_lines() and rig.supervisors())[0]
        record.unlink()
        question = until("the question", person.questions)[0]
        assert question["unknown"]
        assert [line[0] for line in rig.oracle_lines()] == ["start", "end"]


def final(person, id):
    state = person.deployment(id)["state"]
    return state if state in ("succeeded", "succeeded_with_warnings", "failed", "canceled") else None


def test_a_job_that_was_delivered_just_before_redis_died_is_not_lost():
    with Rig(SHOP, name="delivered") as rig:
        rig.decisions.write_text("0 0 0\n")
        person, worker = rig.local(), rig.workers[0]
        until("the worker to wait for jobs", lambda: rig.redis()("EXISTS", "{gp}:jobs:any") and rig.redis().hash("{gp}:workers"))
        worker.pause()
        id = person.deploy("shop", "1.0.0", "production")
        until("the job to be delivered", lambda: rig.redis()("XPENDING", "{gp}:jobs:any", "workers")[0] == 1)
        rig.redis_program.kill()
        worker.resume()  # finds the job in its socket, and nobody to claim it from
        time.sleep(0.3)
        rig.redis_program.start()
        until("the end", lambda: final(person, id))
        assert [line[0] for line in rig.oracle_lines()] == ["start", "end"]


def test_a_run_directory_that_was_there_before_starts_nothing_and_is_asked_about():
    """So it is when Redis lost what this machine remembers."""
    with Rig(SHOP, name="remembered") as rig:
        rig.decisions.write_text("0 0 0\n")
        (rig.host_dirs[0] / "runs" / "1" / "0.0.1").mkdir(parents=True)
        person = rig.local()
        id = person.deploy("shop", "1.0.0", "production")
        question = until("the question", person.questions)[0]
        assert question["unknown"] and question["deployment"] == id
        assert rig.oracle_lines() == []
        assert person.answer(question["id"], "retry")[0] == 200
        assert until("the end", lambda: final(person, id)) == "succeeded"
        assert [line[0] for line in rig.oracle_lines()] == ["start", "end"]


def test_an_answer_outlives_a_leader_that_was_deposed_while_taking_it_in():
    with Rig(SHOP, servers=2, name="deposed") as rig:
        rig.decisions.write_text("0 7 0\n")
        person = rig.local()
        id = person.deploy("shop", "1.0.0", "production")
        question = until("the question", person.questions)[0]
        rig.decisions.write_text("0 0 0\n")
        first = leader(rig)
        second = next(server for server in rig.servers if server is not first)
        first.pause()
        assert person.answer(question["id"], "retry", server=second)[0] == 200
        # Somebody else leads by now, who is never heard of again; the old leader finds the answer all the same.
        rig.redis()("HSET", "{gp}:leader", "token", "elsewhere/0/0")
        first.resume()
        until("another leader", lambda: rig.redis()("HGET", "{gp}:leader", "token") != "elsewhere/0/0")
        assert until("the end", lambda: final(person, id)) == "succeeded"


def test_an_answer_that_is_sent_again_under_its_key_is_told_the_same():
    with Rig(SHOP, name="again") as rig:
        rig.decisions.write_text("0 7 0\n")
        person = rig.local()
        id = person.deploy("shop", "1.0.0", "production")
        question = until("the question", person.questions)[0]["id"]
        rig.decisions.write_text("0 0 0\n")
        assert person.answer(question, "retry", key="one")[0] == 200
        until("the end", lambda: final(person, id))
        assert person.answer(question, "retry", key="one")[0] == 200
        status, reply = person.answer(question, "retry", key="two")
        assert status == 409 and "was answered by" in reply["detail"]
        assert [line[0] for line in rig.oracle_lines()] == ["start", "end"] * 2
