"""A server whose configuration file is older than the one in force."""

import signal

from rig import Person, Rig, until

CONFIG = """
people: { alice: { token: { file: alice.token } }, bob: { token: { file: bob.token } } }
permissions:
  - { allow: [view, deploy, retry, ignore, fail], to: [alice, bob] }
environments: { production: { guided_failure: { enabled: true } } }
rooms: { deploys: {} }
targets: { web-1: { local: true, tags: [web] } }
projects:
  shop:
    room: deploys
    steps:
      - { name: install, run: "exit 3", targets: [web] }
"""


def test_a_server_with_an_older_file_accepts_no_answer_of_those_who_may_no_longer():
    rig = Rig(CONFIG, servers=2, name="stale")
    for name in ("alice", "bob"):
        (rig.folder / f"{name}.token").write_text(f"token-of-{name}-0123456789\n")
    with rig:
        bob = Person(rig, "bob", "token-of-bob-0123456789")
        fresh, stale = rig.servers
        rig.local().deploy("shop", "1.0.0", "production")
        question = until("the question", rig.local().questions)[0]["id"]
        before = rig.config.read_text()
        rig.config.write_text(before.replace("to: [alice, bob]", "to: [alice]"))
        fresh.signal(signal.SIGHUP)
        until("the reload", lambda: "configuration reloaded" in fresh.log.read_text())
        rig.config.write_text(before)  # as another machine still has it
        for _ in range(3):
            status, reply = bob.answer(question, "ignore", server=stale)
            assert status == 409, (status, reply)
        assert [q["id"] for q in rig.local().questions()] == [question]
        alice = Person(rig, "alice", "token-of-alice-0123456789")
        status, reply = alice.answer(question, "ignore", server=fresh)
        assert status == 200, reply
