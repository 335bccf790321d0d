"""Questions that are not forgotten: reminders, rungs with their commands and signed webhooks, deadlines put off, all over deaths of
the leader; and who waits for a lane says for whom."""

import hashlib
import hmac
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from people import machines, site, token_of
from rig import Person, until

SECRET = "the secret of the pager"


class Receiver:
    """A pager's HTTP server: notes what it gets, and refuses as often as it is told to."""

    def __init__(self):
        self.got, self.refusals, self.held = [], 0, threading.Event()
        self.held.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((time.time(), dict(self.headers), body))
                outer.held.wait(30)
                refused = outer.refusals > 0
                outer.refusals -= refused
                self.send_response(503 if refused else 204)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/page"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, question):
        return [got for got in self.got if json.loads(got[2])["question"]["name"] == f"Q{question}"]


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


def config(url):
    return (
        """
people:
  alice: { token: { file: alice.token } }
  bob: { token: { file: bob.token } }
permissions:
  - { allow: [deploy, answer, view], to: [alice] }
  - { allow: [view], to: [bob] }
rooms: { deploys: {}, alerts: {} }
environments:
  production:
    room: deploys
    guided_failure:
      enabled: true
      responsible: [alice]
      remind_every: 1500ms
      escalate:
        - { after: 1s, mention: [bob], room: alerts }
        - { after: 2s, webhook: "URL", webhook_secret: { file: pager.secret } }
        - { after: 3s, run: "env >@oracle@.$GUIDEPOST_QUESTION.$$" }
  staging:
    room: deploys
    guided_failure: { enabled: true, remind_every: never, answer_within: 3s, if_unanswered: fail }
targets:
""".replace("URL", url)
        + machines(2)
        + """
projects:
  shop:
    steps:
      - { name: Install, targets: [all], run: "exit 3" }
  shelf:
    steps:
      - { name: Install, targets: [all], run: "exit 3" }
"""
    )


@pytest.fixture(scope="module")
def rig(receiver):
    with site(config(receiver.url), name="escalate", servers=2) as rig:
        (rig.folder / "pager.secret").write_text(SECRET + "\n")
        yield rig


@pytest.fixture
def alice(rig):
    """Whatever a test has left behind is over before the next."""
    rig.recover()
    yield Person(rig, "alice", token_of("alice"))
    rig.recover()
    local = rig.local()
    for deployment in local.get("/v1/deployments")["items"]:
        if not deployment["ended"]:
            local.say("cancel", f"D{deployment['id']}")
    until("all to be over", lambda: all(d["ended"] for d in local.get("/v1/deployments")["items"]))


def asked(person, number):
    """The card: what is asked about both machines at once."""
    return until("both machines to ask", lambda: (q := [q for q in person.questions() if q["deployment"] == number]) and len(q) == 2 and q[0])


def audit(person, number):
    return [entry["what"] for entry in person.get(f"/v1/deployments/{number}/audit")["entries"]]


def cards(person, room, question, kind):
    return [m["card"] for m in person.get(f"/v1/rooms/{room}")["messages"] if m["card"]["kind"] == kind and m["card"]["question"] == question]


def close(alice, number, question):
    alice.say("fail", f"Q{question}")
    until("the end", lambda: alice.deployment(number)["state"] == "failed")


def test_each_rung_is_climbed_once_though_the_leader_dies_again_and_again(alice, rig, receiver):
    number = alice.deploy("shop", "1.0.0", "production")
    question = asked(alice, number)["id"]
    ended = re.compile(rf"called Q{question} #3")
    while not any(ended.match(what) for what in audit(alice, number)):
        for server in rig.servers:
            server.kill()
            rig.recover()
            time.sleep(0.7)  # whoever leads now gets something done, however slow the machine is
    said = audit(alice, number)
    assert [what for what in said if what.startswith("escalated")] == [f"escalated Q{question} #{n}" for n in (1, 2, 3)], said
    assert len([what for what in said if what.startswith(f"called Q{question} #2")]) == 1, said
    sent = receiver.of(question)
    assert {headers["Idempotency-Key"] for _, headers, _ in sent} == {f"D{number}-Q{question}-2-webhook"}
    assert len({body for _, _, body in sent}) == 1, "each try says the same"
    for _, headers, body in sent:
        signed = hmac.new(SECRET.encode(), headers["Guidepost-Timestamp"].encode() + b"." + body, hashlib.sha256)
        assert headers["Guidepost-Signature"] == "v1=" + signed.hexdigest()
    document = json.loads(sent[0][2])
    assert sorted(document["question"]["targets"]) == ["m-1", "m-2"] and document["deployment"]["project"] == "shop", document
    environments = list(rig.folder.glob(f"oracle.Q{question}.*"))
    assert environments, "the command ran"
    names = {line.split("=")[0] for line in environments[0].read_text().splitlines()}
    assert "GUIDEPOST_TEXT" in names and not names & {"ASAN_OPTIONS", "USER"}, names
    close(alice, number, question)
    assert not rig.redis()("HGETALL", "{gp}:calls")


def test_what_is_shown_ends_like_its_question(alice):
    number = alice.deploy("shop", "1.0.1", "production")
    question = asked(alice, number)["id"]
    alice.say("take", f"Q{question}")
    escalation = until("the escalation", lambda: cards(alice, "alerts", question, "escalation"))[0]
    assert escalation["title"].endswith("needs bob") and "retry" in [a["verb"] for a in escalation["actions"]], escalation
    until("a reminder", lambda: cards(alice, "deploys", question, "reminder"))
    reminder = cards(alice, "deploys", question, "reminder")[-1]
    assert "alice is on it" in reminder["text"], reminder
    close(alice, number, question)
    until("the escalation's end", lambda: (c := cards(alice, "alerts", question, "escalation")[0])["outcome"] and not c["actions"])
    until("the reminder's end", lambda: cards(alice, "deploys", question, "reminder")[-1]["outcome"])


def test_a_webhook_that_is_refused_is_tried_again_under_the_same_id(alice, receiver):
    receiver.refusals = 1
    number = alice.deploy("shop", "1.0.2", "production")
    question = asked(alice, number)["id"]
    until("two tries", lambda: len(receiver.of(question)) == 2)
    until("it to be written down", lambda: f"called Q{question} #2" in audit(alice, number))
    first, second = receiver.of(question)
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"] and second[0] - first[0] > 1.5
    close(alice, number, question)


def test_a_call_that_was_under_way_when_the_leader_died_is_made_again_and_recorded_once(alice, rig, receiver):
    receiver.held.clear()
    number = alice.deploy("shop", "1.0.5", "production")
    question = asked(alice, number)["id"]
    until("the call", lambda: receiver.of(question))
    for server in rig.servers:
        server.kill()
    receiver.held.set()
    rig.recover()
    until("it to be written down", lambda: f"called Q{question} #2" in audit(alice, number))
    assert len(receiver.of(question)) == 2
    assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.of(question)}) == 1
    close(alice, number, question)
    assert audit(alice, number).count(f"called Q{question} #2") == 1


def test_nobody_is_called_for_what_was_answered(alice, receiver):
    number = alice.deploy("shop", "1.0.3", "production")
    question = asked(alice, number)["id"]
    close(alice, number, question)
    other = alice.deploy("shop", "1.0.4", "production")
    question_after = asked(alice, other)["id"]
    until("the rung of the other", lambda: receiver.of(question_after))
    assert not receiver.of(question)
    close(alice, other, question_after)


def test_a_parked_question_waits_and_holds_its_lane(alice, rig):
    number = alice.deploy("shop", "1.1.0", "staging")
    question = asked(alice, number)["id"]
    status, reply = Person(rig, "bob", token_of("bob")).say("park", f"Q{question}")
    assert not reply["ok"] and "bob may not take" in reply["text"], reply
    status, reply = alice.say("park", f"Q{question}")
    assert status == 200 and reply["ok"] and f"D{number} waits" in reply["text"], reply
    status, reply = alice.say("deploy", "shop", "1.1.1", "to", "staging")
    assert f"It waits for D{number}, paused since " in reply["text"], reply
    behind = reply["deployment"]
    assert f"It waits for D{number}, paused since " in alice.say("status", f"D{behind}")[1]["text"]
    said = until("for whom it waits", lambda: alice.deployment(behind)["waits_for"])
    assert said.startswith(f"waits for D{number}, paused since ") and said.endswith(f"(Q{question}), parked by alice"), said
    status = until("its card", lambda: [m["card"] for m in alice.get("/v1/rooms/deploys")["messages"] if m["card"]["deployment"] == behind])
    until("its card to say it", lambda: said in [m["card"] for m in alice.get("/v1/rooms/deploys")["messages"] if m["card"]["deployment"] == behind][0]["text"])
    time.sleep(4)  # longer than it might wait unparked
    assert alice.deployment(number)["state"] == "paused"
    for server in rig.servers:
        server.kill()
    rig.recover()
    assert alice.deployment(number)["state"] == "paused"
    alice.say("unpark", f"Q{question}")
    until("the deadline", lambda: alice.deployment(number)["state"] == "failed")
    said = audit(alice, number)
    assert f"parked Q{question}" in said and f"unparked Q{question}" in said, said
    close(alice, behind, asked(alice, behind)["id"])


def test_a_deadline_is_put_off(alice):
    number = alice.deploy("shop", "1.2.0", "staging")
    question = asked(alice, number)
    status, reply = alice.ask("POST", f"/v1/questions/{question['id']}/extend", {"for": "5s"})
    assert status == 200 and "means fail" in reply["text"], reply
    later = next(q for q in alice.questions() if q["id"] == question["id"])
    assert later["deadline"] > question["deadline"]
    until("the deadline", lambda: alice.deployment(number)["state"] == "failed")
    assert alice.deployment(number)["ended"] >= later["deadline"]


def test_extend_is_for_those_of_a_card_that_have_a_deadline(alice):
    number = alice.deploy("shop", "1.2.1", "staging")
    head = asked(alice, number)["id"]
    other = next(q["id"] for q in alice.questions() if q["deployment"] == number and q["id"] != head)
    assert alice.say("park", f"Q{head}")[1]["ok"] and alice.say("unpark", f"Q{other}")[1]["ok"]
    reply = alice.say("extend", f"Q{head}", "1h")[1]
    assert reply["ok"] and "means fail" in reply["text"], reply
    assert not alice.get(f"/v1/questions/{head}")["deadline"]
    assert alice.get(f"/v1/questions/{other}")["deadline"] > time.time() * 1000 + 1800000
    reply = alice.say("extend", f"Q{head}", "1m")[1]
    assert not reply["ok"] and "is parked by alice" in reply["text"], reply
    close(alice, number, head)


def test_a_deadline_and_an_answer_or_an_extend_at_one_moment(alice):
    for round in range(3):
        other = alice.deploy("shelf", f"1.3.{round}", "staging")
        number = alice.deploy("shop", f"1.3.{round}", "staging")
        extended, question = asked(alice, other), asked(alice, number)
        time.sleep(max(0, extended["deadline"] / 1000 - time.time() - 0.004 + 0.004 * round))
        put_off, _ = alice.ask("POST", f"/v1/questions/{extended['id']}/extend", {"for": "4s"})
        time.sleep(max(0, question["deadline"] / 1000 - time.time() - 0.004 + 0.004 * round))
        status, reply = alice.answer(question["id"], "retry")
        record = alice.get(f"/v1/questions/{question['id']}")
        assert not record["open"]
        assert (record["answered_by"] == "alice") == (status == 200), (reply, record)
        until("the end", lambda: alice.deployment(number)["state"] == "failed", seconds=30)
        until("the end of the other", lambda: alice.deployment(other)["state"] == "failed", seconds=30)
        late = alice.deployment(other)["ended"] - extended["deadline"]
        assert (late > 3000) == (put_off == 200), (put_off, late)


def test_a_room_is_told_once_a_day_what_is_open(alice, rig):
    number = alice.deploy("shelf", "1.0.0", "production")
    question = asked(alice, number)["id"]
    text = rig.config.read_text()
    rig.config.write_text(text.replace("rooms: { deploys: {}, alerts: {} }", 'rooms: { deploys: { digest: "00:00" }, alerts: {}, quiet: { digest: "00:00" } }'))

    def digests(room):
        return [m["card"] for m in alice.get(f"/v1/rooms/{room}")["messages"] if m["card"]["kind"] == "digest"]

    for _ in range(3):
        for server in rig.servers:
            server.kill()
        rig.recover()
        until("the digest", lambda: digests("deploys"))
    day = time.strftime("%Y-%m-%d", time.gmtime())
    until("the record", lambda: rig.redis()("GET", "{gp}:digest:console:quiet") == f"{day} done")
    assert len(digests("deploys")) == 1 and not digests("quiet")
    card = digests("deploys")[0]
    assert card["title"] == "1 question waits, oldest first" and card["rows"][0]["name"] == f"Q{question}", card
    close(alice, number, question)
