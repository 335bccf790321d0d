"""Stopping: work is finished or left to the next, nothing is started twice, and a worker that was taken for dead changes nothing."""

import re
import signal
import time

import pytest
from people import CONFIG_PEOPLE, NOTE, Client, command, machines, oracle, run_of, site, starts, up
from rig import process_runs, until

CONFIG = (
    "workers: { slots: 4, heartbeat: 500ms, lost_after: 2s }\n"
    + CONFIG_PEOPLE
    + "targets:\n"
    + machines(2)
    + """
environments:
  one: { room: deploys, guided_failure: { enabled: true } }
  two: { room: deploys, guided_failure: { enabled: true } }
projects:
  gated:
    steps:
      - name: Work
        targets: [all]
        run: |
"""
    + f"          {NOTE}\n          note start\n"
    + """
          until [ -e "@ORACLE@.go" ]; do sleep 0.1; done
          note end
"""
    + f"      - {{ name: After, targets: [all], run: '{NOTE}note start; note end' }}\n"
)


def go(rig):
    (rig.folder / "oracle.go").touch()


def wait_working(rig, number, count=2):
    until("the steps to run", lambda: len(starts(rig, number)) == count)


def ask_to_stop(program):
    program.signal(signal.SIGTERM)
    until(f"{program.name} to have heard it", lambda: '"stopping"' in program.log.read_text())


def ended_well(program):
    log = program.log.read_text(errors="replace")
    assert "something was left open" not in log and "Sanitizer" not in log, log[-3000:]


def test_sigterm_lets_a_worker_finish_what_it_runs_and_take_nothing_new():
    with site(CONFIG, name="drain") as rig:
        alice = Client(rig)
        (worker,) = rig.workers
        number = alice.deploy("gated", "1", "one")
        wait_working(rig, number)
        ask_to_stop(worker)
        other = alice.deploy("gated", "2", "two")
        time.sleep(1)
        assert worker.alive() and not starts(rig, other)
        go(rig)
        assert worker.process.wait(30) == 0
        ended_well(worker)
        assert sorted(line[3] for line in oracle(rig, number) if line[0] == "end" and line[2] == "Work") == ["m-1", "m-2"]
        assert not [1 for step, _, _ in starts(rig, number) if step == "After"] and not starts(rig, other)
        found = alice.deployment(number)
        assert [run_of(found, "Work", target)["state"] for target in ("m-1", "m-2")] == ["succeeded", "succeeded"]
        worker.start()
        alice.wait_state(number, "succeeded")
        alice.wait_state(other, "succeeded")
        assert sorted(starts(rig, number)) == sorted(set(starts(rig, number))) and len(starts(rig, number)) == 4
        assert worker.stop() == 0 and rig.servers[0].stop() == 0
        ended_well(worker)
        ended_well(rig.servers[0])


@pytest.mark.alone
def test_a_second_sigterm_ends_a_worker_at_once_and_leaves_its_steps_to_the_next():
    with site(CONFIG, name="twice") as rig:
        alice = Client(rig)
        (worker,) = rig.workers
        number = alice.deploy("gated", "1", "one")
        wait_working(rig, number)
        pids = [line[5] for line in oracle(rig, number)]
        ask_to_stop(worker)
        assert worker.alive()
        began = time.monotonic()
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0 and time.monotonic() - began < 3
        ended_well(worker)
        assert all(process_runs(pid) for pid in pids)
        worker.start()
        until("the runs to be adopted", lambda: sum("adopted " in e["what"] for e in alice.get(f"/v1/deployments/{number}/audit")["entries"]) == 2)
        assert not alice.questions(number)
        go(rig)
        alice.wait_state(number, "succeeded")
        assert sorted(starts(rig, number)) == [("After", "m-1", 1), ("After", "m-2", 1), ("Work", "m-1", 1), ("Work", "m-2", 1)]


@pytest.mark.alone
def test_up_stops_in_time_and_the_next_one_adopts_the_long_step():
    with up(CONFIG) as rig:
        alice = Client(rig)
        number = alice.deploy("gated", "1", "one")
        wait_working(rig, number)
        pids = [line[5] for line in oracle(rig, number)]
        began = time.monotonic()
        assert rig.up.stop(40) == 0
        # It waits for its steps for 10 s, and no longer.
        assert 9 < time.monotonic() - began < 16
        ended_well(rig.up)
        assert all(process_runs(pid) for pid in pids)
        assert not [pid for pid in rig.own_processes() if b"redis-server" in open(f"/proc/{pid}/cmdline", "rb").read()]
        rig.up.start()
        rig.wait_ready()
        found = alice.deployment(number)
        assert found["state"] == "running" and not found["questions"]
        until("the runs to be adopted", lambda: sum("adopted " in e["what"] for e in alice.get(f"/v1/deployments/{number}/audit")["entries"]) == 2)
        go(rig)
        alice.wait_state(number, "succeeded")
        assert len(starts(rig, number)) == len(set(starts(rig, number))) == 4
        began = time.monotonic()
        assert rig.up.stop(30) == 0 and time.monotonic() - began < 5
        ended_well(rig.up)


def test_a_second_up_in_the_same_place_is_refused():
    with up(CONFIG) as rig:
        second = command(rig, "up", "--config", rig.config, "--state-dir", rig.state, "--listen", "127.0.0.1:0", name="second")
        second.start()
        assert second.process.wait(30) == 1
        assert "guidepost runs already with the state directory" in second.log.read_text()
        assert rig.server_ready(rig.up)


@pytest.mark.alone
def test_sigint_stops_too_and_an_idle_server_stops_at_once_with_readers_connected():
    with site(CONFIG, name="readers") as rig:
        alice = Client(rig)
        reader = Client(rig)
        reader.get("/v1/me")
        reader.connection.request("GET", "/v1/events", headers=reader.headers)
        stream = reader.connection.getresponse()
        assert stream.status == 200
        alice.get("/v1/overview")
        (server,) = rig.servers
        began = time.monotonic()
        server.signal(signal.SIGINT)
        assert server.process.wait(30) == 0 and time.monotonic() - began < 4
        ended_well(server)


def test_a_zombie_worker_changes_nothing_and_starts_nothing():
    """Stopped past lost_after; a sibling adopts its runs; then it goes on."""
    with site(CONFIG, name="zombie", workers=2) as rig:
        alice = Client(rig)
        zombie, sibling = rig.workers
        sibling.pause()
        number = alice.deploy("gated", "1", "one")
        wait_working(rig, number)
        zombie.pause()
        sibling.resume()
        until(
            "the sibling to adopt both runs",
            lambda: sum("adopted " in e["what"] for e in alice.get(f"/v1/deployments/{number}/audit")["entries"]) >= 2,
            30,
        )
        go(rig)
        alice.wait_state(number, "succeeded")
        before, audit = oracle(rig), [e["what"] for e in alice.get(f"/v1/deployments/{number}/audit")["entries"]]
        zombie.resume()
        time.sleep(2)
        assert oracle(rig) == before
        assert [e["what"] for e in alice.get(f"/v1/deployments/{number}/audit")["entries"]] == audit
        assert len(starts(rig, number)) == len(set(starts(rig, number))) == 4
        assert not re.search(r'"level":"error"', zombie.log.read_text())
        # It is a worker like others again.
        sibling.stop()
        other = alice.deploy("gated", "2", "two")
        alice.wait_state(other, "succeeded")


def test_a_zombie_with_a_job_in_its_hands_does_not_start_it_after_a_sibling_did():
    """It is stopped right after the job was issued: whatever it had read and not claimed is run by the sibling, once."""
    with site(CONFIG, name="grasp", workers=2) as rig:
        alice = Client(rig)
        go(rig)
        zombie, sibling = rig.workers
        for turn in range(6):
            sibling.pause()
            time.sleep(0.1)
            number = alice.deploy("gated", f"{turn}", "one")
            time.sleep(0.004 * turn)
            zombie.pause()
            sibling.resume()
            alice.wait_state(number, "succeeded", seconds=60)
            zombie.resume()
            time.sleep(0.3)
            ran = starts(rig, number)
            assert sorted((step, target) for step, target, _ in ran) == [("After", "m-1"), ("After", "m-2"), ("Work", "m-1"), ("Work", "m-2")], ran
