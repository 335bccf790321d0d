"""One answer for all machines of a card."""

import time

from rig import Rig, until

CONFIG = """
environments: { production: { guided_failure: { enabled: true, max_retries: 1 } } }
rooms: { deploys: {} }
targets:
  web-1: { local: true, tags: [web] }
  web-2: { local: true, tags: [web] }
  web-3: { local: true, tags: [web] }
projects:
  shop:
    room: deploys
    steps:
      - { name: install, run: "exit 3", targets: [web] }
"""


def answer_card(person, question, guidance):
    return person.ask("POST", f"/v1/questions/{question}/answer", {"guidance": guidance, "note": "checked"})


def test_an_answer_for_a_card_leaves_out_machines_that_it_is_not_possible_for():
    with Rig(CONFIG, name="card") as rig:
        person = rig.local()
        id = person.deploy("shop", "1.0.0", "production")
        first, second, third = until("three questions", lambda: [q["id"] for q in person.questions()][2:] and [q["id"] for q in person.questions()])
        assert person.answer(first, "retry")[0] == 200
        again = until("the question without Retry", lambda: [q["id"] for q in person.questions() if q["id"] > third])[0]
        status, reply = answer_card(person, first, "retry")
        assert status == 200, reply
        until("both to be asked about again", lambda: len([q for q in person.questions() if q["id"] > again]) == 2)
        assert again in [q["id"] for q in person.questions()]  # still waits for an answer that is possible
        status, reply = answer_card(person, first, "retry")
        assert status in (400, 409, 422), (status, reply)
        assert "was retried" in str(reply)
        assert answer_card(person, first, "ignore")[0] == 200
        until("the end", lambda: person.deployment(id)["state"] == "succeeded_with_warnings")
