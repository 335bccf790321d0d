"""Redis comes back with an older state than it had: nothing starts, it is told loudly, and after a person has confirmed it what ran is looked
at, asked about if nobody can tell, and never started twice."""

import shutil
import subprocess
import time

import pytest

from rig import GUIDEPOST, Rig, until

CONFIG = """
environments: { production: { guided_failure: { enabled: true } } }
rooms: { deploys: {} }
people:
  alice: { token: { file: alice.token } }
permissions:
  - { allow: [view, deploy, answer], to: [alice] }
targets: { web-1: { local: true, tags: [web] } }
projects:
  shop:
    env: { ORACLE: "@oracle@", DECISIONS: "@decisions@" }
    room: deploys
    steps:
      - { name: install, run: "@step@", targets: [web] }
      - { name: tell, run: "@step@" }
"""


def site(**more):
    rig = Rig(CONFIG, name="rollback", **more)
    (rig.folder / "alice.token").write_text("alice-token-0123456789abcdef\n")
    rig.decisions.write_text("1 0 0\n" * 20)
    return rig


def copy_redis(rig):
    shutil.copytree(rig.folder / "redis", rig.folder / "older")


def go_back(rig):
    rig.redis_program.kill()
    shutil.rmtree(rig.folder / "redis")
    shutil.move(rig.folder / "older", rig.folder / "redis")
    rig.redis_program.start()
    until("redis", rig.redis_answers)


def starts(rig):
    return [line for line in rig.oracle_lines() if line[0] == "start"]


def final(person, id):
    state = person.deployment(id)["state"]
    return state if state in ("succeeded", "succeeded_with_warnings", "failed", "canceled") else None


def told(rig):
    """What /readyz says once the loss was noticed."""

    def verbose():
        try:
            status, text = rig.local().ask("GET", "/readyz?verbose")
        except OSError:
            return None
        return text if status == 503 and "commits" in str(text) else None

    return until("the loss to be told", verbose)


def confirm(rig, *more):
    command = [GUIDEPOST, "rollback-seen", "confirm", "--state-dir", rig.folder / "serve", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def deploy_while_a_copy_is_made(rig):
    """Everything is over in Redis; the copy shows the first step as running."""
    person = rig.local()
    id = person.deploy("shop", "1.0.0", "production")
    until("the step to run", lambda: starts(rig))
    copy_redis(rig)
    assert until("the end", lambda: final(person, id)) == "succeeded"
    return id


def assert_told_and_held(rig):
    text = told(rig)
    assert "guidepost rollback-seen confirm" in text and "lost" in text
    seen = len(starts(rig))
    status, reply = rig.local().say("deploy", "shop", "2.0.0", "to", "production")
    assert status != 200 or not reply["ok"], reply
    time.sleep(2)
    assert len(starts(rig)) == seen
    assert "guidepost rollback-seen confirm" in rig.local().get("/v1/overview")["banner"]


@pytest.mark.parametrize("survivors", [True, False], ids=["under running programs", "while all was down"])
def test_what_the_machine_remembers_is_adopted_and_not_run_again(survivors):
    with site() as rig:
        id = deploy_while_a_copy_is_made(rig)
        if not survivors:
            for program in rig.servers + rig.workers:
                program.kill()
        go_back(rig)
        rig.restart_dead()
        assert_told_and_held(rig)
        before = confirm(rig)
        assert before.returncode == 0 and "lost" in before.stderr + before.stdout, before
        until("the server to be ready", lambda: rig.server_ready(rig.servers[0]))
        person = rig.local()
        # The second step ran, too, but Redis knows nothing of it: the machine does, and says so.
        def settled():
            for question in person.questions():
                assert question["unknown"] and question["step"] == "tell", question
                person.answer(question["id"], "ignore")
            return final(person, id)

        assert until("the end", settled, seconds=40) in ("succeeded", "succeeded_with_warnings")
        assert len(starts(rig)) == 2
        audit = person.get(f"/v1/deployments/{id}/audit")["entries"]
        entry = next(entry for entry in audit if entry["what"] == "rolled_back")
        assert entry["actor"] == person.name and "lost" in entry["note"]
        # No number is given twice.
        assert person.deploy("shop", "3.0.0", "production") > 1000
        assert person.get("/v1/overview")["banner"] is None
        assert confirm(rig).returncode == 6


def test_what_nobody_can_tell_is_asked_about():
    with site() as rig:
        id = deploy_while_a_copy_is_made(rig)
        for program in rig.servers + rig.workers:
            program.kill()
        go_back(rig)
        shutil.rmtree(rig.host_dirs[0] / "runs")
        rig.restart_dead()
        assert_told_and_held(rig)
        assert confirm(rig).returncode == 0
        question = until("the question", rig.local().questions)[0]
        assert question["unknown"] and question["deployment"] == id and question["step"] == "install"
        assert len(starts(rig)) == 2


def test_only_who_may_do_everything_confirms():
    with site() as rig:
        deploy_while_a_copy_is_made(rig)
        go_back(rig)
        told(rig)
        refused = confirm(rig, "--token-file", rig.folder / "alice.token")
        assert refused.returncode == 4, refused
        assert rig.local().ask("POST", "/v1/store/rollback", {})[0] == 400
        told(rig)
        assert rig.local().ask("POST", "/v1/store/rollback", {"confirm": True})[0] == 200
        until("the server to be ready", lambda: rig.server_ready(rig.servers[0]))
