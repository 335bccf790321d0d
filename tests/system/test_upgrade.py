"""What the version before has written is read by this one, and goes on."""

import pytest

from people import TWO_LANES, Client, site
from rig import until


@pytest.fixture
def rig():
    with site(TWO_LANES, name="upgrade") as rig:
        yield rig


def write_as_before(redis, live, questions):
    """`live` was a set, and open questions were ordered by the time they were asked."""
    redis("DEL", "{gp}:live")
    redis("SADD", "{gp}:live", *live)
    for question in questions:
        redis("ZADD", "{gp}:pending", 1764000000000, question)


def test_deployments_and_questions_of_before_go_on(rig):
    alice = Client(rig)
    before = alice.deploy("shop", "1.0.0", "one")
    question = alice.wait_questions(before)[0]["id"]
    waits = alice.deploy("shop", "1.0.1", "one")
    redis = rig.redis()
    rig.servers[0].kill()
    write_as_before(redis, [before, waits], [question])
    rig.servers[0].start()
    until("the server", lambda: rig.server_ready(rig.servers[0]))

    later = alice.deploy("shop", "1.0.0", "two")
    asked = alice.wait_questions(later)[0]["id"]
    assert [q["id"] for q in alice.questions()] == [question, asked]
    assert alice.submit(asked, "Retry").status == 200
    alice.wait_state(later, "succeeded")
    assert alice.submit(question, "Retry").status == 200
    alice.wait_state(before, "succeeded")
    asked = alice.wait_questions(waits)[0]["id"]
    assert alice.submit(asked, "Retry").status == 200
    alice.wait_state(waits, "succeeded")
