"""After the end of a deployment: resume, catch up, rollback, promote, again, freeze; and what past answers did.

The steps write into the oracle what they did, and fail while a file says so; what was done once must not be done again.
"""

import http.client
import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager

from people import CONFIG_PEOPLE, NOTE, Client, machines, oracle, run_of, site, starts
from rig import GUIDEPOST, until

STEP = NOTE + (
    'note start; bad="@BAD@/$(echo "$GUIDEPOST_STEP" | tr " " _)-${GUIDEPOST_TARGET:-worker}"; '
    'if [ -e "$bad" ]; then cat "$bad"; note end; exit 3; fi; '
    'while [ -e "$bad.slow" ]; do sleep 0.05; done; note end'
)

CONFIG = (
    """
environments: { staging: {}, production: {} }
targets:
"""
    + machines(3)
    + """
  s-1: { local: true, tags: [stage] }
projects:
  shop:
    room: deploys
    guided_failure: { enabled: true }
    steps:
      - { name: fetch, run: '@STEP@' }
      - { name: install, run: '@STEP@', targets: [all], environments: [production] }
      - { name: install-s, run: '@STEP@', targets: [stage], environments: [staging] }
      - { name: restart, run: '@STEP@', targets: [all], environments: [production] }
      - { name: smoke, run: '@STEP@' }
      - { name: tidy, run: '@STEP@', condition: always }
"""
).replace("@STEP@", STEP.replace("'", "''"))


class After:
    def __init__(self, rig):
        self.rig, self.bad = rig, rig.folder / "bad"
        self.bad.mkdir()
        rig.config.write_text(rig.config.read_text().replace("@BAD@", str(self.bad)))
        self.person = Client(rig)

    def break_(self, step, target="worker", text="no space left\n"):
        (self.bad / f"{step}-{target}").write_text(text)

    def mend(self, step, target="worker"):
        (self.bad / f"{step}-{target}").unlink()

    def deploy(self, version, environment="production", more=""):
        return self.person.deploy("shop", version, environment, more)

    def good(self, version, environment="production"):
        number = self.deploy(version, environment)
        self.person.wait_state(number, "succeeded")
        return number

    def answer(self, number, guidance, newer_than=0):
        """Answers the question of the deployment that is newer than that one; its number."""

        def asked():
            found = [q for q in self.person.questions(number) if q["id"] > newer_than]
            return found[0] if found else None

        question = until(f"a question of D{number} after Q{newer_than}", asked)
        self.person.say(f"{guidance} Q{question['id']}")
        return question["id"]

    def failed(self, version, step="install", target="m-3"):
        """A deployment that failed at this step on this machine."""
        self.break_(step, target)
        number = self.deploy(version)
        self.answer(number, "fail")
        self.person.wait_state(number, "failed")
        self.mend(step, target)
        return number

    def versions(self, environment="production"):
        return {row["target"]: row for row in self.person.get("/v1/versions")["items"] if row["environment"] == environment}


@contextmanager
def after(name, **more):
    rig = site(CONFIG + CONFIG_PEOPLE, name=name, **more)
    stage = After(rig)
    with rig:
        yield stage
        stage.person.close()


def test_resume_repeats_nothing_and_runs_only_where_it_did_not_finish():
    with after("resume") as a:
        person = a.person
        first = a.failed("1.0")
        page = person.deployment(first)
        assert page["resume"].pop("consequence")
        assert page["resume"] == {"place": "install on m-3", "unknown": False, "why": None, "label": "Resume"}
        reply = person.say(f"resume D{first}")
        second = reply["deployment"]
        assert f"goes on from D{first} with install on m-3" in reply["text"]
        done = person.wait_state(second, "succeeded")
        assert sorted(starts(a.rig, second)) == sorted(
            [("install", "m-3", 1)] + [("restart", f"m-{n}", 1) for n in (1, 2, 3)] + [("smoke", "-", 1), ("tidy", "-", 1)]
        )
        assert (done["origin"], done["origin_of"]) == ("resume", f"D{first}")
        earlier = run_of(done, "install", "m-1")
        assert earlier["earlier"] and earlier["state"] == "succeeded" and earlier["attempt"] == 0
        assert person.deployment(first)["resumed_by"] == f"D{second}"
        assert person.deployment(first)["resume"] is None
        assert all(row["version"] == "1.0" and row["deployment"] == second for row in a.versions().values())

        # What went on goes on no second time, nor does what succeeded.
        assert f"resumed before, by D{second}" in person.say(f"resume D{first}", ok=False)["text"]
        assert "succeeded" in person.say(f"resume D{second}", ok=False)["text"]
        history = person.say("history shop production")["text"]
        assert f"Resumes D{first}" in history and f"Goes on in D{second}" in history

        # What something newer followed is not resumed either: the way out is named.
        third = a.failed("1.1", "restart", "m-2")
        a.good("1.2")
        refused = person.say(f"resume D{third}", ok=False)["text"]
        assert f"came after D{third}" in refused and "deploy shop 1.1 to production" in refused

        # A resumed one can fail and be resumed; canceled ones too, and while they wait nothing is there to resume.
        fourth = a.failed("1.3", "restart", "m-1")
        a.break_("smoke")
        fifth = person.post(f"/v1/deployments/{fourth}/resume", {})["deployment"]
        a.answer(fifth, "ignore")  # smoke: restart on m-1 is done by now
        person.wait_state(fifth, "succeeded_with_warnings")
        assert [s for s in starts(a.rig, fifth) if s[0] in ("fetch", "install")] == []
        assert [s for s in starts(a.rig, fifth) if s[0] == "restart"] == [("restart", "m-1", 1)]
        a.mend("smoke")
        (a.bad / "restart-m-2.slow").touch()
        sixth = a.deploy("1.4")
        until("restart on m-2", lambda: ("restart", "m-2", 1) in starts(a.rig, sixth))
        assert "is not over" in person.say(f"resume D{sixth}", ok=False)["text"]
        person.say(f"cancel D{sixth}")
        person.wait_state(sixth, "canceled")
        (a.bad / "restart-m-2.slow").unlink()
        assert a.versions()["m-2"]["unconfirmed"]["version"] == "1.4"
        seventh = person.say(f"resume D{sixth}")["deployment"]
        person.wait_state(seventh, "succeeded")
        assert [s for s in starts(a.rig, seventh) if s[0] in ("fetch", "install")] == []
        assert ("restart", "m-2", 1) in starts(a.rig, seventh)
        assert a.versions()["m-2"]["unconfirmed"] is None


def test_what_was_excluded_is_owed_until_it_has_caught_up():
    with after("owed") as a:
        person = a.person
        a.good("1.0")
        for target in ("m-2", "m-3"):
            a.break_("install", target)
        first = a.deploy("1.1")
        question = person.wait_questions(first, 2)[0]
        person.say(f"exclude Q{question['card']} m-2")
        a.answer(first, "fail")
        person.wait_state(first, "failed")
        a.mend("install", "m-3")
        row = a.versions()["m-2"]
        assert (row["version"], row["owed"]["version"], row["owed"]["deployment"]) == ("1.0", "1.1", first)

        second = person.say(f"resume D{first}")
        assert "Still excluded: m-2" in second["text"]
        done = person.wait_state(second["deployment"], "succeeded_with_warnings")
        assert run_of(done, "install", "m-2")["state"] == "excluded"
        assert not [s for s in starts(a.rig, second["deployment"]) if s[1] == "m-2"]
        assert a.versions()["m-1"]["version"] == a.versions()["m-3"]["version"] == "1.1"
        assert a.versions()["m-2"]["version"] == "1.0" and a.versions()["m-2"]["owed"]["deployment"] == first
        assert "catch up shop in production" in person.say("status")["text"]
        text = person.say("versions shop")["text"]
        assert "m-2: 1.0 since" in text and f"owed 1.1 since D{first}" in text
        assert "no version that is confirmed everywhere" in person.say("promote shop from production to staging", ok=False)["text"]

        # `again` keeps what was excluded, and says so; excluded again it stays owed.
        again = person.request("POST", f"/api/tasks/rerun/ServerTasks-{second['deployment']}")
        assert again.status == 201, again
        third = int(again.json["Id"].rsplit("-", 1)[1])
        person.wait_state(third, "succeeded_with_warnings")
        assert {s[1] for s in starts(a.rig, third)} == {"-", "m-1", "m-3"}
        assert a.versions()["m-2"]["owed"]["deployment"] == first

        # It fails once more while it catches up, and is excluded from nothing: the last machine can't be.
        fourth = person.say(f"catch up D{first}")["deployment"]
        a.answer(fourth, "fail")
        person.wait_state(fourth, "failed")
        assert a.versions()["m-2"]["owed"] is not None
        a.mend("install", "m-2")
        fifth = person.say("catch up shop in production")
        assert "1.1" in fifth["text"] and "catches up on m-2" in fifth["text"]
        person.wait_state(fifth["deployment"], "succeeded")
        assert {s[1] for s in starts(a.rig, fifth["deployment"])} == {"-", "m-2"}
        assert a.versions()["m-2"]["owed"] is None and a.versions()["m-2"]["version"] == "1.1"
        assert "owed anything" in person.say("catch up shop in production", ok=False)["text"]

        # Dropped explicitly, exclusions are no more; and the whole pays a debt as well as a catch up does.
        a.break_("install", "m-1")
        sixth = a.deploy("1.2")
        a.answer(sixth, "exclude")
        person.wait_state(sixth, "succeeded_with_warnings")
        a.mend("install", "m-1")
        seventh = person.say(f"again D{sixth} with excluded")["deployment"]
        person.wait_state(seventh, "succeeded")
        assert {row["version"] for row in a.versions().values()} == {"1.2"}
        assert not [row for row in a.versions().values() if row["owed"]]


def test_an_unknown_outcome_is_run_again_only_if_somebody_says_so():
    with after("unknown") as a:
        person = a.person
        (a.bad / "restart-m-2.slow").touch()
        first = a.deploy("1.0")
        until("restart on m-2", lambda: ("restart", "m-2", 1) in starts(a.rig, first))
        pid, shell, _ = until("its supervisor", a.rig.supervisors)[0]
        a.rig.workers[0].kill()
        os.kill(pid, signal.SIGKILL)
        os.killpg(shell, signal.SIGKILL)
        a.rig.workers[0].start()
        question = person.wait_questions(first)[0]
        assert question["unknown"]
        person.say(f"fail Q{question['id']}")
        person.wait_state(first, "failed")
        (a.bad / "restart-m-2.slow").unlink()
        row = a.versions()["m-2"]
        assert row["unknown"] and row["unconfirmed"]["version"] == "1.0" and row["version"] is None
        assert "unknown: 1.0 may be there" in person.say("versions")["text"]

        assert person.deployment(first)["resume"]["unknown"]
        refused = person.say(f"resume D{first}", ok=False)["text"]
        assert "outcome of restart on m-2" in refused and f"resume D{first} rerun-unknown" in refused
        assert len(person.get("/v1/deployments")["items"]) == 1
        second = person.say(f"resume D{first} rerun-unknown")["deployment"]
        person.wait_state(second, "succeeded")
        assert ("restart", "m-2", 1) in starts(a.rig, second)
        assert not a.versions()["m-2"]["unknown"]
        assert person.get(f"/v1/deployments/{second}/audit")["entries"][0]["what"] == f"created resume D{first} rerun-unknown"


def all_at_once(jobs):
    """Starts them together; what each returned."""
    gate = threading.Barrier(len(jobs))
    results = [None] * len(jobs)

    def run(at):
        gate.wait()
        results[at] = jobs[at]()

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_resumes_at_once_one_wins_and_a_kill_makes_no_second_one():
    with after("races", servers=2) as a:
        person = a.person
        first = a.failed("1.0")
        clients = [Client(a.rig, name, server) for name in ("alice", "bob", "carol", "dave") for server in a.rig.servers]
        replies = all_at_once([lambda c=c: c.post("/v1/commands", {"line": f"resume D{first}"}) for c in clients])
        won = [reply for reply in replies if reply["ok"]]
        assert len(won) == 1, replies
        person.wait_state(won[0]["deployment"], "succeeded")
        assert len(person.get("/v1/deployments")["items"]) == 2
        for client in clients:
            client.close()

        # The server dies while it resumes; whoever asks again under the same key is told the same deployment.
        for round in range(3):
            number = a.failed(f"1.{round + 1}")
            server = a.rig.servers[round % 2]
            before = len(person.get("/v1/deployments")["items"])

            def resume(target, number=number, round=round):
                body = {"words": ["resume", f"D{number}"]}
                return a.rig.local().ask("POST", "/v1/commands", body, key=f"key-{round}", server=target)

            def shoot(server=server):
                server.kill()

            def ask(server=server):
                try:
                    return resume(server)
                except (OSError, http.client.HTTPException):
                    return None

            all_at_once([ask, shoot])
            server.start()
            until("the server to be ready", lambda server=server: a.rig.server_ready(server))
            person.close()
            told = {resume(target)[1]["deployment"] for target in a.rig.servers}
            assert len(told) == 1 and 0 not in told, told
            person.wait_state(told.pop(), "succeeded")
            assert len(person.get("/v1/deployments")["items"]) == before + 1


def test_nothing_is_started_once_a_freeze_is_recorded():
    with after("freeze", servers=2) as a:
        person = a.person
        failed = a.failed("1.0")
        stop = threading.Event()
        frozen = threading.Event()
        late, early = [], []

        def deploy_on(client, version):
            n = 0
            while not stop.is_set() and n < 200:
                n += 1
                after_freeze = frozen.is_set()
                reply = client.post("/v1/commands", {"line": f"deploy shop {version}.{n} to production"})
                (late if after_freeze else early).append(reply)

        clients = [Client(a.rig, name, a.rig.servers[at % 2]) for at, name in enumerate(("alice", "bob", "carol", "dave"))]
        threads = [threading.Thread(target=deploy_on, args=(client, at + 2)) for at, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        until("some deployments", lambda: len([reply for reply in early if reply["ok"]]) > 3)
        assert person.say("freeze production -- release week")["ok"]
        count = int(a.rig.redis()("ZCARD", "{gp}:deployments"))
        frozen.set()
        until("refusals", lambda: len(late) > 8)
        stop.set()
        for thread in threads:
            thread.join()
        assert int(a.rig.redis()("ZCARD", "{gp}:deployments")) == count
        assert not [reply for reply in late if reply["ok"]]
        assert all("frozen by alice" in reply["text"] and "release week" in reply["text"] for reply in late)
        for client in clients:
            client.close()

        # So is all else that would start something; what runs goes on; elsewhere nothing has changed.
        for line in (f"resume D{failed}", "rollback shop in production", "catch up shop in production", f"again D{failed}"):
            assert "frozen by alice" in person.say(line, ok=False)["text"], line
        body = {"ReleaseId": "Releases-shop-9.9", "EnvironmentId": "Environments-production", "DeploymentFreezeOverrideReason": "x"}
        assert b"frozen by alice" in person.request("POST", "/api/deployments", body).body
        assert "frozen by alice" in person.say("freeze production", ok=False)["text"]
        assert "frozen by alice" in person.say("status")["text"]
        assert person.get("/v1/overview")["freezes"][0]["reason"] == "release week"
        a.good("1.0", "staging")
        assert person.say("unfreeze production -- over")["ok"]
        assert "not frozen" in person.say("unfreeze production", ok=False)["text"]
        entries = person.get("/v1/freezes/production/audit")["entries"]
        assert [(e["what"], e["actor"], e["note"]) for e in entries] == [("frozen", "alice", "release week"), ("unfrozen", "alice", "over")]
        live = [d["id"] for d in person.get("/v1/deployments?take=200")["items"] if d["state"] in ("queued", "running")]
        for number in live:  # Some may end before.
            person.post("/v1/commands", {"line": f"cancel D{number}"})


def test_the_command_line_says_the_same_and_ends_with_its_exit_codes():
    with after("after-cli") as a:

        def run(*words, **more):
            access = ["--token-file", str(a.rig.folder / "alice.token"), "--server", f"http://127.0.0.1:{a.rig.servers[0].port}"]
            return subprocess.run([GUIDEPOST, *words, *access], capture_output=True, text=True, timeout=60, **more)

        failed = a.failed("1.0")
        done = run("resume", f"D{failed}", "--wait")
        assert done.returncode == 0, done
        assert "goes on from" in done.stdout
        refused = run("resume", f"D{failed}")
        assert refused.returncode == run("exclude", "Q1", "--note", "x", "--yes").returncode != 0
        assert "resumed before" in refused.stderr
        assert run("freeze", "production", "--note", "release week").returncode == 0
        assert "release week" in run("rollback", "shop", "in", "production").stderr
        assert run("unfreeze", "production", "--note", "over").returncode == 0
        listed = json.loads(run("versions", "--json").stdout)["items"]
        assert {row["version"] for row in listed} == {"1.0"}


def test_rollback_and_promote_name_the_version_that_they_deploy():
    with after("rollback") as a:
        person = a.person
        assert "was confirmed" in person.say("rollback shop in production", ok=False)["text"]
        for version in ("1.0", "1.1", "1.2"):
            a.good(version)
        back = person.say("rollback shop in production")
        assert ": shop 1.1 to production" in back["text"] and "back from 1.2" in back["text"]
        assert person.wait_state(back["deployment"], "succeeded")["origin"] == "rollback"
        # Further back, not forth.
        further = person.post("/v1/projects/shop/rollback", {"environment": "production"})
        assert ": shop 1.0 to production" in further["text"]
        person.wait_state(further["deployment"], "succeeded")
        assert "before 1.0" in person.say("rollback shop in production", ok=False)["text"]

        assert "nothing confirmed on s-1" in person.say("promote shop from staging to production", ok=False)["text"]
        a.good("2.0", "staging")
        promoted = person.say("promote shop from staging to production")
        assert ": shop 2.0 to production" in promoted["text"]
        person.wait_state(promoted["deployment"], "succeeded")
        a.break_("restart", "m-1")
        number = a.deploy("2.1")
        a.answer(number, "exclude")
        person.wait_state(number, "succeeded_with_warnings")
        refused = person.say("promote shop from production to staging", ok=False)["text"]
        assert "2.1 on m-2" in refused and "2.0 on m-1" in refused


def past_of(person, question):
    return person.get(f"/v1/questions/{question}")["past"]


def test_past_answers_are_counted_exactly_though_the_leader_is_killed():
    with after("past", servers=2) as a:
        person = a.person
        a.break_("install", "m-1")
        last = 0

        def kill_leader():
            """Whichever it is: one after the other."""
            person.close()
            for server in a.rig.servers:
                server.kill()
                server.start()
                until("the server to be ready", lambda server=server: a.rig.server_ready(server))

        expected = {"retry": 0, "retry_worked": 0, "ignore": 0, "exclude": 0, "fail": 0}
        for round, answers in enumerate((["retry", "ignore"], ["retry", "retry!"], ["exclude"], ["retry!"], ["fail"])):
            number = a.deploy(f"1.{round}")
            for answer in answers:
                question = until(
                    f"a question of D{number} after Q{last}",
                    lambda: [q for q in person.questions(number) if q["id"] > last],
                )[0]
                found = past_of(person, question["id"])
                assert {key: found[key] for key in expected} == expected, (answer, found)
                last = question["id"]
                if answer.endswith("!"):
                    a.mend("install", "m-1")
                person.say(f"{answer.rstrip('!')} Q{last}")
                if round in (1, 3):
                    kill_leader()
                expected[answer.rstrip("!")] += 1
                expected["retry_worked"] += answer.endswith("!")
            person.wait_state(number, "succeeded", "succeeded_with_warnings", "failed")
            if answers[-1].endswith("!"):
                a.break_("install", "m-1")
        number = a.deploy("2.0")
        question = person.wait_questions(number)[0]
        text = "Same error 7 times here before: Retry 4x (worked 2x), Ignore 1x, Exclude 1x, Fail 1x"
        assert past_of(person, question["id"])["text"] == text
        assert text in person.say(f"show Q{question['id']}")["text"]
        assert text in person.deployment(number)["cards"][0]["facts"]
        # Another error is another matter.
        a.answer(number, "fail")
        person.wait_state(number, "failed")
        a.break_("install", "m-1", "permission denied\n")
        number = a.deploy("2.1")
        assert past_of(person, person.wait_questions(number)[0]["id"])["text"] is None
        assert len([line for line in oracle(a.rig) if line[0] == "start"]) > 0
