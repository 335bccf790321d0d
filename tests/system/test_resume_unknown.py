"""`resume D1 rerun-unknown` while the attempt whose outcome is unknown still runs: the lock of its target keeps the two apart."""

import os
import signal

from people import starts
from rig import process_runs, until
from ssh_world import running, world
from test_after import after

STILL = "not started: another step still runs there"


def test_on_the_host_of_a_worker():
    with after("unknown-runs", workers=2, hosts=2) as a:
        person = a.person
        (a.bad / "restart-m-2.slow").touch()
        first = a.deploy("1.0")
        until("restart on m-2", lambda: ("restart", "m-2", 1) in starts(a.rig, first))
        pid, shell, _ = until("its supervisor", a.rig.supervisors)[0]
        os.kill(pid, signal.SIGKILL)
        question = person.wait_questions(first)[0]
        assert question["unknown"]
        person.say(f"fail Q{question['id']}")
        person.wait_state(first, "failed")
        second = person.say(f"resume D{first} rerun-unknown")["deployment"]
        question = person.wait_questions(second)[0]
        assert question["outcome"] == STILL and process_runs(shell), question
        assert ("restart", "m-2", 1) not in starts(a.rig, second)
        (a.bad / "restart-m-2.slow").unlink()
        until("the script to end", lambda: not process_runs(shell))
        person.say(f"retry Q{question['id']}")
        person.wait_state(second, "succeeded")
        assert ("restart", "m-2", 2) in starts(a.rig, second)


def test_on_a_machine_over_ssh():
    with world("unknown-ssh") as w:
        first, web = running(w, 60)
        pid = int(w.lines(web)[0][5])
        web.freeze()
        question = w.question()
        assert question["unknown"]
        assert w.person.answer(question["id"], "fail")[0] == 200
        assert w.final(first) == "failed"
        web.thaw()
        status, reply = w.person.say("resume", f"D{first}", "rerun-unknown")
        assert status == 200, reply
        second = reply["deployment"]
        again = w.question(newer_than=question["id"])
        assert again["outcome"] == STILL and process_runs(pid), again
        assert w.steps(web) == [("install", 1)]
        os.killpg(os.getpgid(pid), signal.SIGKILL)
        until("its end", lambda: list(web.home.glob(f".guidepost/runs/*/{first}/*/exit")))
        assert w.person.answer(again["id"], "retry")[0] == 200
        assert w.final(second) == "succeeded"
        assert w.steps(web) == [("install", 1), ("install", 2), ("check", 1)]
