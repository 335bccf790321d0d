"""A stored deployment that can't be understood stops nobody else: it is set aside aloud, and loses nothing until it can be read."""

import pytest

from people import TWO_LANES, Client, site
from rig import until


@pytest.fixture
def rig():
    with site(TWO_LANES, name="aside") as rig:
        yield rig


def test_an_undecodable_deployment_blocks_neither_the_others_nor_itself_for_ever(rig):
    alice = Client(rig)
    broken = alice.deploy("shop", "1.0.0", "one")
    question = alice.wait_questions(broken)[0]["id"]
    redis = rig.redis()
    key = f"{{gp}}:dep:{broken}:runs"
    kept = redis("HGET", key, "0.1")
    rig.servers[0].kill()  # the leader may have it in its memory
    redis("HSET", key, "0.1", "what a newer program might write")
    redis("ZADD", "{gp}:timers", 1, f"{broken}:deadline:0:1:1:0:{question}")
    answer = {"event": "answered", "deployment": broken, "run": "0.1.1.0", "question": question, "guidance": "retry", "actor": "alice"}
    redis("XADD", "{gp}:inbox", "*", *(word for pair in answer.items() for word in pair))
    rig.servers[0].start()
    until("the server", lambda: rig.server_ready(rig.servers[0]))

    other = alice.deploy("shop", "1.0.0", "two")
    asked = alice.wait_questions(other)[0]["id"]
    assert alice.submit(asked, "Retry").status == 200
    alice.wait_state(other, "succeeded")

    ready = alice.request("GET", "/readyz?verbose")
    assert ready.status == 200 and f"set aside: Deployment D{broken} cannot be read" in ready.body.decode()
    metrics = alice.request("GET", "/metrics").body.decode()
    assert "guidepost_deployments_unreadable 1" in metrics
    assert "a deployment is set aside" in rig.servers[0].log.read_text()
    assert broken not in [d["id"] for d in alice.get("/v1/overview")["live"]]
    assert "cannot be read" in alice.say(f"status D{broken}", ok=False)["text"]

    # Whoever can read it goes on from what was recorded meanwhile: here a program that begins anew.
    redis("HSET", key, "0.1", kept)
    rig.servers[0].kill()
    rig.servers[0].start()
    until("the server", lambda: rig.server_ready(rig.servers[0]))
    alice.wait_state(broken, "succeeded")
    assert "set aside" not in alice.request("GET", "/readyz?verbose").body.decode()
