"""One answer for all alike: one card for a step and an error, answered for all of its machines, for a group, or for those that are
named; each machine's answer is recorded for itself, and covers nothing that it does not name."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from people import CONFIG_PEOPLE, NOTE, Client, run_of, site, starts
from rig import until

MACHINES = 100

CONFIG = (
    "workers: { slots: 16 }\n"
    + CONFIG_PEOPLE
    + "targets:\n"
    + "".join(f"  m-{n}: {{ local: true, tags: [all, {'blue' if n <= 10 else 'green'}] }}\n" for n in range(1, MACHINES + 1))
    + "environments:\n"
    + "".join(f"  lane-{n}: {{ room: deploys, guided_failure: {{ enabled: true }} }}\n" for n in range(1, 6))
    + "projects:\n  shop:\n    steps:\n      - name: Install\n        targets: [all]\n        max_parallel: 200\n        run: |\n"
    + f"          {NOTE}\n          note start\n"
    + "          [ $GUIDEPOST_ATTEMPT = 1 ] || exit 0\n"
    + "          case $GUIDEPOST_TARGET in\n"
    + "          *[02468]) echo \"$GUIDEPOST_TARGET: no space left on device\"; exit 28 ;;\n"
    + "          *) echo \"took $$ ms, then the mirror refused\"; exit 7 ;;\n"
    + "          esac\n"
    + f"      - {{ name: Restart, targets: [all], max_parallel: 200, run: '{NOTE} note start' }}\n"
)


@pytest.fixture(scope="module")
def rig():
    with site(CONFIG, name="alike") as rig:
        yield rig


@pytest.fixture
def alice(rig):
    return Client(rig)


def number_of(target):
    return int(target.split("-")[1])


def cards_of(alice, deployment):
    """The open question cards of the deployment, as its page has them, smallest number first."""
    cards = [c for c in alice.deployment(deployment)["cards"] if c["kind"] == "question" and c["outcome"] is None]
    return sorted(cards, key=lambda card: card["question"])


def paused(alice, environment, count=MACHINES):
    """(deployment, card of the odd machines, card of the even ones)"""
    deployment = alice.deploy("shop", "1.0.0", environment, "" if count == MACHINES else f"on {','.join(f'm-{n}' for n in range(1, count + 1))}")
    alice.wait_questions(deployment, count, seconds=60)
    alice.wait_state(deployment, "paused")
    cards = cards_of(alice, deployment)
    assert len(cards) == 2, [card["title"] for card in cards]
    odd = next(card for card in cards if "exit code 7" in str(card))
    return deployment, odd, next(card for card in cards if card is not odd)


def test_a_hundred_machines_that_fail_in_two_ways_are_two_cards_and_two_answers(rig, alice):
    deployment, odd, even = paused(alice, "lane-1")
    assert len(odd["rows"]) == len(even["rows"]) == MACHINES // 2 and odd["revision"] == MACHINES // 2

    def shown():
        messages = alice.get("/v1/rooms/deploys")["messages"]
        cards = [m["card"] for m in messages if m["card"] and m["card"]["deployment"] == deployment and m["card"]["kind"] == "question"]
        return len(cards) == 2 and all(card["revision"] == MACHINES // 2 for card in cards) and cards

    until("two cards in the room", shown)

    # One by typed words in the room, the other by one call.
    reply = alice.post("/v1/commands", {"line": f"retry Q{odd['question']} -- the mirror is back", "room": "deploys"})
    assert reply["ok"] and reply["data"]["accepted"] == MACHINES // 2, reply
    reply = alice.post(f"/v1/questions/{even['question']}/answer", {"guidance": "exclude", "note": "disks are ordered", "revision": even["revision"]})
    assert reply["data"]["accepted"] == MACHINES // 2, reply
    alice.wait_state(deployment, "succeeded_with_warnings", seconds=60)

    installs = [(target, attempt) for step, target, attempt in starts(rig, deployment) if step == "Install"]
    restarts = {target for step, target, attempt in starts(rig, deployment) if step == "Restart"}
    odds = {f"m-{n}" for n in range(1, MACHINES + 1, 2)}
    assert sorted(installs) == sorted([(f"m-{n}", 1) for n in range(1, MACHINES + 1)] + [(m, 2) for m in odds])
    assert restarts == odds
    # Each of them is recorded, not only the last one; and excluded machines do not have the version.
    audit = [entry["what"] for entry in alice.get(f"/v1/deployments/{deployment}/audit")["entries"]]
    assert sum(what.endswith(" exclude") for what in audit) == sum(what.endswith(" retry") and "answered" in what for what in audit) == 50
    have = {row["target"] for row in alice.get("/v1/overview")["versions"] if row["deployment"] == deployment and row["target"]}
    assert have == odds


def test_an_answer_covers_exactly_the_machines_it_names(rig, alice):
    deployment, odd, even = paused(alice, "lane-2", 12)

    def waits():
        return {q["target"] for q in alice.questions(deployment)}

    everyone = {f"m-{n}" for n in range(1, 13)}
    assert waits() == everyone
    refused = alice.say(f"retry Q{odd['question']} m-1,m-99", ok=False)
    assert "m-99" in refused["text"] and "nothing was answered" in refused["text"]
    # m-2 waits too, but not in this card.
    refused = alice.request("POST", f"/v1/questions/{odd['question']}/answer", {"guidance": "retry", "targets": ["m-1", "m-2"]})
    assert refused.status == 404 and "m-2" in refused.json["detail"]
    assert waits() == everyone

    assert alice.say(f"retry Q{odd['question']} m-1,m-3")["data"]["accepted"] == 2
    until("two answers", lambda: waits() == everyone - {"m-1", "m-3"})
    # A tag is a group: of this card's machines those that have it.
    assert alice.say(f"ignore Q{even['question']} green -- empty ones")["data"]["accepted"] == 1
    until("the group to be answered", lambda: waits() == everyone - {"m-1", "m-3", "m-12"})
    reply = alice.post(f"/v1/questions/{even['question']}/answer", {"guidance": "retry", "targets": ["blue"]})
    assert reply["data"]["accepted"] == 5
    assert alice.post(f"/v1/questions/{odd['question']}/answer", {"guidance": "retry"})["data"]["accepted"] == 4
    done = alice.wait_state(deployment, "succeeded_with_warnings", seconds=60)
    assert run_of(done, "Install", "m-12")["state"] == "warned"
    again = {target for step, target, attempt in starts(rig, deployment) if step == "Install" and attempt == 2}
    assert again == everyone - {"m-12"}


def test_who_comes_between_takes_one_machine_and_not_the_answer_of_the_others(rig, alice):
    deployment, odd, even = paused(alice, "lane-3", 6)
    bob = Client(rig, "bob")
    mine = next(q for q in alice.questions(deployment) if q["target"] == "m-3")
    assert bob.submit(mine["id"], "Ignore").status == 200
    assert alice.post(f"/v1/questions/{odd['question']}/answer", {"guidance": "retry", "note": "again"})["data"]["accepted"] == 2
    assert alice.post(f"/v1/questions/{even['question']}/answer", {"guidance": "fail", "note": "no use"})["ok"]
    done = alice.wait_state(deployment, "failed")
    assert run_of(done, "Install", "m-3")["state"] == "warned"
    assert run_of(done, "Install", "m-2")["state"] == "failed"
    assert {t for step, t, attempt in starts(rig, deployment) if attempt == 2} <= {"m-1", "m-5"}
    assert not [t for step, t, _ in starts(rig, deployment) if step == "Restart"]
    assert number_of(mine["target"]) == 3


def test_not_all_machines_can_be_excluded_by_one_answer(rig, alice):
    deployment, odd, even = paused(alice, "lane-4", 4)
    assert alice.say(f"exclude Q{odd['question']}")["data"]["accepted"] == 2
    until("two excludes", lambda: len(alice.questions(deployment)) == 2)
    refused = alice.say(f"exclude Q{even['question']}", ok=False)
    assert "every machine" in refused["text"], refused
    assert len(alice.questions(deployment)) == 2
    assert alice.say(f"exclude Q{even['question']} m-4")["data"]["accepted"] == 1
    assert alice.say(f"retry Q{even['question']} m-2")["data"]["accepted"] == 1
    done = alice.wait_state(deployment, "succeeded_with_warnings")
    assert {t for step, t, _ in starts(rig, deployment) if step == "Restart"} == {"m-2"}
    assert run_of(done, "Restart", "m-1")["state"] == "excluded"


def test_racing_excludes_never_exclude_the_last_machine(rig, alice):
    deployment, odd, even = paused(alice, "lane-5", 6)
    questions = [q["id"] for q in alice.questions(deployment)]

    def exclude(question):
        body = {"guidance": "exclude", "single": True}
        return Client(rig).request("POST", f"/v1/questions/{question}/answer", body).status

    with ThreadPoolExecutor(len(questions)) as pool:
        said = list(pool.map(exclude, questions))
    assert said.count(200) <= 5 and set(said) <= {200, 409}, said
    until("the excludes to be applied", lambda: len(alice.questions(deployment)) == 6 - said.count(200))
    for question in alice.questions(deployment):
        assert alice.request("POST", f"/v1/questions/{question['id']}/answer", {"guidance": "retry", "single": True}).status == 200
    done = alice.wait_state(deployment, "succeeded_with_warnings")
    assert sum(run["state"] == "excluded" for run in done["steps"][0]["runs"]) == said.count(200)
    assert {t for step, t, _ in starts(rig, deployment) if step == "Restart"}
