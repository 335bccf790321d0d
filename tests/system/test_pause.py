"""What cannot be done now is tried again, and not without a pause."""

import time
from pathlib import Path

from rig import Rig, until

CONFIG = """
environments: { production: { guided_failure: { enabled: true, answer_within: 2s, if_unanswered: fail } } }
rooms: { deploys: {} }
targets: { web-1: { local: true, tags: [web] } }
projects:
  shop:
    room: deploys
    steps:
      - { name: install, run: "exit 3", targets: [web] }
"""


def cpu_seconds(program):
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_leader_whose_commits_are_refused_for_want_of_memory_waits_and_goes_on():
    with Rig(CONFIG, name="memory") as rig:
        person, server = rig.local(), rig.servers[0]
        id = person.deploy("shop", "1.0.0", "production")
        until("the question", person.questions)
        rig.redis()("CONFIG", "SET", "maxmemory", "1")
        time.sleep(2.5)  # the deadline passes
        before = cpu_seconds(server)
        time.sleep(3)
        assert cpu_seconds(server) - before < 1
        assert person.deployment(id)["state"] == "paused"
        rig.redis()("CONFIG", "SET", "maxmemory", "0")
        until("the end", lambda: person.deployment(id)["state"] == "failed")
