"""SIGHUP: a good configuration takes over, a broken one changes nothing, and what runs keeps the plan it was started with."""

import signal
import subprocess

import pytest

from people import CONFIG_PEOPLE, NOTE, Client, machines, site, starts, token_of
from rig import GUIDEPOST, until


def config(people=CONFIG_PEOPLE, word="old", more="", guided="true"):
    return (
        people
        + "targets:\n"
        + machines(2)
        + f"""
environments:
  one: {{ room: deploys, guided_failure: {{ enabled: {guided} }} }}
  two: {{ room: deploys, guided_failure: {{ enabled: true }} }}
projects:
  shop:
    steps:
      - name: Work
        targets: [all]
        run: |
          {NOTE}
          note start
          [ $GUIDEPOST_ATTEMPT -gt 1 ] || [ $GUIDEPOST_TARGET = m-1 ] || exit 9
      - {{ name: After-{word}, targets: [all], run: '{NOTE}note start; note end' }}
"""
        + more
    )


@pytest.fixture
def rig():
    with site(config(), name="reload") as rig:
        yield rig


def reload(rig, text, programs=None):
    """Writes the configuration and tells everybody; True if it was taken over."""
    first = rig.config.read_text().splitlines()[0] + "\n"
    rig.config.write_text(first + text.replace("@ORACLE@", str(rig.oracle)))
    programs = programs or rig.servers
    before = {program: program.log.read_text() for program in programs}
    for program in programs:
        program.signal(signal.SIGHUP)

    def said(program):
        news = program.log.read_text()[len(before[program]) :]
        return ("configuration reloaded" in news or "reload refused" in news) and news

    return all("configuration reloaded" in until(f"{program.name} to say what it did", lambda program=program: said(program)) for program in programs)


def test_what_runs_keeps_its_plan_and_the_next_deployment_has_the_new_one(rig):
    alice = Client(rig)
    number = alice.deploy("shop", "1", "one")
    (question,) = alice.wait_questions(number)
    queued = alice.deploy("shop", "2", "one")
    assert reload(rig, config(word="new", guided="false"), rig.servers + rig.workers)
    assert alice.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")
    assert {step for step, _, _ in starts(rig, number)} == {"Work", "After-old"}
    # Its plan was frozen when it was asked for, guided failure with it.
    (question,) = alice.wait_questions(queued)
    alice.submit(question["id"], "Retry")
    alice.wait_state(queued, "succeeded")
    assert "After-old" in {step for step, _, _ in starts(rig, queued)}
    later = alice.deploy("shop", "3", "one")
    found = alice.wait_state(later, "failed")
    assert [step["name"] for step in found["steps"]] == ["Work", "After-new"]


def test_a_broken_configuration_changes_nothing_and_says_so(rig):
    alice = Client(rig)
    redis = rig.redis()
    until("the worker", lambda: redis("HLEN", "{gp}:workers"))  # it would not begin with what follows
    assert not reload(rig, config() + "  shop: { steps: 3 }\nnonsense: true\n")
    log = rig.servers[0].log.read_text()
    assert "guidepost.yaml:" in log and "error: " in log and "nonsense" in log
    ready = alice.request("GET", "/readyz?verbose")
    assert ready.status == 200 and b"note: The configuration file has errors; the one before is still in force." in ready.body
    assert "errors" in alice.get("/v1/overview")["banner"]
    number = alice.deploy("shop", "1", "one")
    alice.wait_questions(number)
    assert reload(rig, config())
    assert b"note:" not in alice.request("GET", "/readyz?verbose").body
    assert alice.get("/v1/overview")["banner"] is None


def test_an_answer_of_somebody_whose_right_was_taken_away_is_refused(rig):
    alice, bob = Client(rig), Client(rig, "bob")
    number = alice.deploy("shop", "1", "one")
    (question,) = bob.wait_questions(number)
    narrowed = CONFIG_PEOPLE.replace('to: ["*"]', "to: [alice]")
    assert reload(rig, config(narrowed))
    reply = bob.submit(question["id"], "Retry")
    assert reply.status == 403 and "bob may not retry" in reply.json["ErrorMessage"] and "alice" in reply.json["ErrorMessage"], reply
    assert starts(rig, number).count(("Work", "m-2", 2)) == 0
    assert alice.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")


def test_a_removed_person_and_a_changed_token_sign_in_no_more_not_even_by_a_session(rig):
    bob, carol = Client(rig, "bob"), Client(rig, "carol")
    cookies = {}
    for client in (bob, carol):
        reply = client.request("POST", "/v1/session", {"token": token_of(client.name)})
        cookies[client.name] = Client(rig, None, headers={"Cookie": reply.headers["Set-Cookie"].split(";")[0]})
        assert cookies[client.name].request("GET", "/v1/me").json["name"] == client.name
    (rig.folder / "carol.token").write_text("another-token-of-carol-42\n")
    assert reload(rig, config(CONFIG_PEOPLE.replace("  bob: { token: { file: bob.token } }\n", "")))
    for client in (bob, carol, cookies["bob"], cookies["carol"]):
        assert client.request("GET", "/v1/me").status == 401
    fresh = Client(rig, None, headers={"Authorization": "Bearer another-token-of-carol-42"})
    assert fresh.get("/v1/me")["name"] == "carol"
    assert Client(rig).get("/v1/me")["name"] == "alice"


def test_another_server_checks_by_the_new_rules_before_it_has_read_them():
    """Two servers; only one is told. What the other still believes must not count."""
    with site(config(), name="two", servers=2) as rig:
        told, other = rig.servers
        alice = Client(rig, server=told)
        number = alice.deploy("shop", "1", "one")
        (question,) = alice.wait_questions(number)
        assert reload(rig, config(CONFIG_PEOPLE.replace('to: ["*"]', "to: [alice]")), [told])
        bob = Client(rig, "bob", server=other)

        def refused():
            reply = bob.submit(question["id"], "Retry")
            assert reply.status in (400, 403), reply
            return reply.status == 403

        until("the other server to know", refused)
        assert [q["id"] for q in alice.questions(number)] == [question["id"]]
        assert starts(rig, number).count(("Work", "m-2", 2)) == 0


def test_a_removed_project_and_machine_do_not_stop_what_runs(rig):
    alice = Client(rig)
    number = alice.deploy("shop", "1", "two")
    (question,) = alice.wait_questions(number)
    without = config().replace("  shop:\n", "  other:\n").replace("m-2: {", "m-9: {")
    assert reload(rig, without, rig.servers + rig.workers)
    assert alice.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")
    assert alice.say("deploy shop 2 to two", ok=False)["error"] == "not_found"


def test_the_program_reads_what_config_check_reads(rig):
    done = subprocess.run([GUIDEPOST, "config", "check", rig.config], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done
