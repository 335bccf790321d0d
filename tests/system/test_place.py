"""A worker judges only what happened in its own state directory."""

import time

from rig import SHOP, Rig, until

CONFIG = SHOP + "workers: { heartbeat: 500ms, lost_after: 2s }\n"


def test_another_state_directory_of_the_same_machine_proves_nothing():
    """So it is with two workers of one machine, and with a container that begins with an empty one."""
    with Rig(CONFIG, workers=2, hosts=2, name="place") as rig:
        rig.decisions.write_text("12 0 0\n")
        person = rig.local()
        person.deploy("shop", "1.0.0", "production")
        until("the step to run", lambda: rig.oracle_lines())
        owner = next(n for n in range(2) if rig.host_dirs[n] in [folder.parents[2] for *_, folder in rig.supervisors()])
        rig.workers[owner].kill()
        question = until("the question", person.questions)[0]
        assert question["unknown"]
        assert [line[0] for line in rig.oracle_lines()] == ["start"]
        for _ in range(2):  # to look here again does not make it known
            assert person.ask("POST", f"/v1/questions/{question['id']}/check", {})[0] == 200
            time.sleep(0.5)
        assert [q["id"] for q in person.questions()] == [question["id"]]
        assert [line[0] for line in rig.oracle_lines()] == ["start"]
