"""Approvals by typed words: proceed and abort, who may say them, and that they answer nothing else."""

import os
import subprocess

import pytest

from people import machines, site, token_of
from rig import GUIDEPOST, Person, until

CONFIG = (
    """
people:
  alice: { token: { file: alice.token } }
  bob: { token: { file: bob.token } }
permissions:
  - { allow: [deploy, answer], to: [alice] }
  - { allow: [approve], to: [bob] }
rooms: { deploys: {} }
environments: { production: { guided_failure: { enabled: true } } }
targets:
"""
    + machines(1)
    + """
projects:
  shop:
    room: deploys
    steps:
      - { name: Approve, approve: { instructions: "Is the backup there?" } }
      - { name: Install, targets: [all], run: "exit 3" }
"""
)


@pytest.fixture(scope="module")
def rig():
    with site(CONFIG, name="approval") as rig:
        yield rig


@pytest.fixture
def alice(rig):
    return Person(rig, "alice", token_of("alice"))


@pytest.fixture
def bob(rig):
    return Person(rig, "bob", token_of("bob"))


def ask(alice):
    """A deployment that waits for an approval: (number, question)."""
    number = alice.deploy("shop", "1.0.0", "production")
    return number, wait_question(alice, number)


def wait_question(alice, number, after=0):
    def found():
        return next((q["id"] for q in alice.questions() if q["deployment"] == number and q["id"] > after), None)

    return until("the question", found)


def wait_state(alice, number, state):
    return until(f"D{number} to be {state}", lambda: (d := alice.deployment(number))["state"] == state and d)


def test_proceed_lets_the_deployment_go_on_and_abort_is_refused_for_a_failure(alice, bob):
    number, question = ask(alice)
    status, reply = bob.say("proceed", f"Q{question}", "--", "yes, from 14:00")
    assert status == 200 and reply["ok"], reply
    failure = wait_question(alice, number, after=question)
    for word in ("proceed", "abort"):
        status, reply = Person(alice.rig, "local", alice.rig.local().token).say(word, f"Q{failure}")
        assert not reply["ok"] and f"Install on m-1 can't be answered with {word.title()}." in reply["text"], reply
        assert "Possible: Retry, Ignore or Fail." in reply["text"]
    status, reply = alice.say("fail", f"Q{failure}")
    assert reply["ok"], reply
    wait_state(alice, number, "failed")


def test_abort_ends_the_deployment_as_failed(alice, bob):
    number, question = ask(alice)
    status, reply = bob.say("abort", f"Q{question}", "--", "there is no backup")
    assert status == 200 and reply["ok"], reply
    found = wait_state(alice, number, "failed")
    assert "bob answered Abort for Approve" in found["closing_why"]
    assert "there is no backup" in str(found)


def test_only_who_may_approve_can_and_other_answers_do_not_fit(alice, bob):
    number, question = ask(alice)
    for word in ("proceed", "abort"):
        status, reply = alice.say(word, f"Q{question}")
        assert not reply["ok"] and reply["text"].startswith("alice may not approve in shop to production. Nothing was changed."), reply
        assert "These may: bob." in reply["text"]
    for word in ("retry", "ignore", "exclude", "fail"):
        status, reply = alice.say(word, f"Q{question}")
        assert not reply["ok"] and "Possible: Proceed or Abort." in reply["text"], reply
    assert [q["id"] for q in alice.questions() if q["deployment"] == number] == [question]
    assert bob.say("abort", f"Q{question}")[1]["ok"]
    status, reply = bob.say("proceed", f"Q{question}")
    assert not reply["ok"] and f"Q{question} was answered by bob" in reply["text"], reply


def test_the_command_line_has_both_words(rig, alice):
    for words in (["proceed", "--note", "go"], ["abort", "--", "not tonight"]):
        number, question = ask(alice)
        place = ["--server", f"http://127.0.0.1:{rig.servers[0].port}", "--token-file", rig.folder / "bob.token"]
        command = [GUIDEPOST, words[0], f"Q{question}", *place, *words[1:]]
        env = {"PATH": os.environ["PATH"], "HOME": str(rig.folder)}
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, env=env)
        assert done.returncode == 0, done
        if words[0] == "proceed":
            alice.say("fail", f"Q{wait_question(alice, number, after=question)}")
        wait_state(alice, number, "failed")
