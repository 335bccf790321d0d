"""A hundred questions at once climb their ladders while the leader dies again and again: each rung of each once."""

import random
import time

from people import machines, site, token_of
from rig import Person, until
from test_escalate import Receiver, audit

LANES = [(f"shop-{p}", f"stage-{e}") for p in range(10) for e in range(10)]
RUNGS = 3


def config(url):
    environments = "".join(
        f"""
  stage-{n}:
    room: deploys
    guided_failure:
      enabled: true
      remind_every: 1s
      escalate:
        - {{ after: 2s, room: alerts }}
        - {{ after: 3s, webhook: "{url}" }}
        - {{ after: 4s, run: "echo $GUIDEPOST_ID >>@oracle@" }}"""
        for n in range(10)
    )
    projects = "".join(f'\\n  shop-{n}: {{ steps: [{{ name: Install, targets: [all], run: "exit 3" }}] }}' for n in range(10)).replace("\\n", "\n")
    return f"""
people:
  alice: {{ token: {{ file: alice.token }} }}
permissions: [{{ allow: [deploy, answer, view], to: [alice] }}]
rooms: {{ deploys: {{}}, alerts: {{}} }}
workers: {{ slots: 32 }}
environments:{environments}
targets:
{machines(1)}
projects:{projects}
"""


def test_a_hundred_ladders_over_deaths_of_the_leader():
    receiver = Receiver()
    with site(config(receiver.url), name="ladders", servers=2) as rig:
        alice = Person(rig, "alice", token_of("alice"))
        numbers = [alice.deploy(project, "1.0.0", environment) for project, environment in LANES]
        until("all to ask", lambda: len(alice.questions()) == len(LANES), seconds=60)
        calls = rig.redis()
        dice = random.Random(7)

        def climbed():
            found = alice.get("/v1/questions?take=1000")["items"]
            return all(q["escalations"] == RUNGS for q in found) and not calls("HGETALL", "{gp}:calls")

        end = time.monotonic() + 90
        while not climbed():
            assert time.monotonic() < end, "not all ladders were climbed"
            dice.choice(rig.servers).kill()
            rig.recover()
        time.sleep(1)
        for number in numbers:
            said = audit(alice, number)
            question = alice.deployment(number)["questions"][0]
            assert [what for what in said if what.startswith("escalated")] == [f"escalated {question} #{n}" for n in range(1, RUNGS + 1)], said
            assert [said.count(f"called {question} #{n}") for n in (2, 3)] == [1, 1], said
            reminded = [int(what.split("#")[1]) for what in said if what.startswith("reminded")]
            assert reminded == list(range(1, len(reminded) + 1)) and reminded, said
        assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.got}) == len(LANES)
        assert len(set(rig.oracle.read_text().split())) == len(LANES)
        shown = [m["card"]["question"] for m in alice.get("/v1/rooms/alerts")["messages"]]
        assert len(shown) == len(set(shown)) == len(LANES)
    receiver.server.shutdown()
