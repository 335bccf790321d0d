"""Redis is away while steps run, questions are open and people answer: nothing is lost, nothing new starts, and nobody is told that something
was recorded that was not. And when nothing happens, nothing is done."""

import os
import threading
import time

import pytest

from people import CONFIG_PEOPLE, NOTE, Client, machines, oracle, site, starts, up
from rig import until

CONFIG = (
    CONFIG_PEOPLE
    + "targets:\n"
    + machines(3)
    + """
environments:
  one: { room: deploys, guided_failure: { enabled: true } }
  two: { room: deploys, guided_failure: { enabled: true } }
  three: { room: deploys, guided_failure: { enabled: true } }
projects:
  asks:
    steps:
      - name: Work
        targets: [all]
        run: |
"""
    + f"          {NOTE}\n          note start\n"
    + """
          [ $GUIDEPOST_ATTEMPT -gt 1 ] || [ $GUIDEPOST_TARGET = m-3 ] || exit 9
          note end
"""
    + f"      - {{ name: After, targets: [all], run: '{NOTE}note start; note end' }}\n"
    + """
  works:
    steps:
      - name: Work
        targets: [all]
        run: |
"""
    + f"          {NOTE}\n          note start\n"
    + """
          until [ -e "@ORACLE@.go" ]; do echo tick; sleep 0.2; done
          note end
"""
    + f"      - {{ name: After, targets: [all], run: '{NOTE}note start; note end' }}\n"
)


class Outage:
    """Redis hangs (SIGSTOP) or is dead (kill -9, started again at the end)."""

    def __init__(self, rig, kind):
        self.redis, self.kind = rig.redis_program, kind

    def __enter__(self):
        self.redis.pause() if self.kind == "hangs" else self.redis.kill()
        self.began = time.monotonic()

    def __exit__(self, *error):
        self.redis.resume() if self.kind == "hangs" else self.redis.start()


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))


@pytest.mark.parametrize("kind, seconds", [("hangs", 12), ("is dead", 30)])
def test_redis_is_away_while_steps_run_questions_are_open_and_answers_come(kind, seconds):
    with site(CONFIG, name="outage") as rig:
        alice, bob = Client(rig), Client(rig, "bob", timeout=40)
        asks, works = alice.deploy("asks", "1", "one"), alice.deploy("works", "1", "two")
        first, second = alice.wait_questions(asks, 2)
        until("the steps to run", lambda: len(starts(rig, works)) == 3)
        told = []
        with Outage(rig, kind):
            began = time.monotonic()
            answering = threading.Thread(target=lambda: told.append((bob.submit(first["id"], "Retry"), time.monotonic() - began)))
            answering.start()
            time.sleep(1)
            (rig.folder / "oracle.go").touch()
            until("the steps to end, although nobody can be told", lambda: len([1 for line in oracle(rig, works) if line[0] == "end"]) == 3)
            assert Client(rig, None).request("GET", "/livez").status == 200
            if kind == "is dead":
                until("the server to say that it is not ready", lambda: Client(rig, None).request("GET", "/readyz").status == 503)
                reply = Client(rig, "carol", timeout=40).request("POST", "/v1/commands", {"line": "deploy asks 2 to three"})
                assert reply.json.get("ok") is not True, reply
                assert reply.status == 503 or reply.json["error"] == "unavailable", reply
            sleep_until(began + seconds)
            assert len(starts(rig)) == 6, "a step was started while Redis was away"
        answering.join()
        reply, took = told[0]
        if reply.status != 200:
            said = reply.json["ErrorMessage"]
            assert took < 15 and ("Nothing was recorded" in said or "not known whether" in said), (reply, took)
        until("the server to be ready", lambda: rig.server_ready(rig.servers[0]))
        alice.wait_state(works, "succeeded")
        left = {question["id"]: question for question in alice.wait_questions(asks)}
        # Whatever was said to be recorded is, and what was said not to be recorded is not.
        if reply.status == 200:
            assert first["id"] not in left
        elif "Nothing was recorded" in reply.json["ErrorMessage"]:
            assert first["id"] in left
        for id in (first["id"], second["id"]):
            if id in left:
                assert alice.submit(id, "Retry").status == 200
        alice.wait_state(asks, "succeeded")
        for number in (asks, works):
            assert len(starts(rig, number)) == len(set(starts(rig, number)))
            assert {step for step, _, _ in starts(rig, number)} == {"Work", "After"}
        after = alice.deploy("works", "2", "three")
        alice.wait_state(after, "succeeded")


@pytest.mark.alone
def test_a_short_outage_costs_no_more_than_the_reconnect():
    with site(CONFIG, name="short") as rig:
        alice = Client(rig)
        (rig.folder / "oracle.go").touch()
        for _ in range(5):
            with Outage(rig, "is dead"):
                time.sleep(0.2)
            until("redis", rig.redis_answers)
            began = time.monotonic()
            until("the server to be ready", lambda: rig.server_ready(rig.servers[0]))
            assert time.monotonic() - began < 3
            number = alice.deploy("works", "1", "one")
            alice.wait_state(number, "succeeded")


def cpu_seconds(pid):
    """utime and stime of a process (proc(5))."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def assert_idle(pids, seconds=5):
    time.sleep(3)
    before = {pid: cpu_seconds(pid) for pid in pids}
    time.sleep(seconds)
    used = {pid: (cpu_seconds(pid) - before[pid]) / seconds for pid in pids}
    assert all(share < 0.02 for share in used.values()), used
    return used


@pytest.mark.alone
def test_idle_processes_use_no_cpu_also_with_a_question_open_and_a_page_watching():
    with site(CONFIG, name="idle") as rig:
        alice = Client(rig)
        number = alice.deploy("asks", "1", "one")
        alice.wait_questions(number, 2)
        reader = Client(rig, "bob")
        reader.get("/v1/me")
        reader.connection.request("GET", "/v1/events", headers=reader.headers)
        assert reader.connection.getresponse().status == 200
        used = assert_idle([program.process.pid for program in rig.programs])
        print("idle:", {program.name: f"{used[program.process.pid]:.1%}" for program in rig.programs})


@pytest.mark.alone
def test_while_redis_is_away_nobody_spins():
    with site(CONFIG, name="spin") as rig:
        rig.redis_program.kill()
        assert_idle([program.process.pid for program in rig.servers + rig.workers])
        rig.redis_program.start()
        until("the server to be ready", lambda: rig.server_ready(rig.servers[0]))


def test_up_starts_its_redis_again_when_that_was_killed():
    with up(CONFIG) as rig:
        alice = Client(rig)
        asks = alice.deploy("asks", "1", "one")
        asked = [question["id"] for question in alice.wait_questions(asks, 2)]
        for pid in rig.own_processes():
            if b"redis-server" in open(f"/proc/{pid}/cmdline", "rb").read():
                os.kill(pid, 9)
        until("Redis to be missed", lambda: not rig.server_ready(rig.up))
        rig.wait_ready()
        assert [question["id"] for question in alice.wait_questions(asks, 2)] == asked
        for id in asked:
            alice.submit(id, "Retry")
        alice.wait_state(asks, "succeeded")
        assert rig.up.stop() == 0
