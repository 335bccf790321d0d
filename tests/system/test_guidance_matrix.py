"""What each answer does, asked of the real programs: the whole matrix (see matrix.py), and what went wrong with guided failures elsewhere, by
the numbers of Octopus Deploy's issues."""

import time

import pytest

from matrix import Matrix, config as matrix_config
from people import CONFIG_PEOPLE, NOTE, Client, machines, oracle, question_of, run_of, site, starts
from rig import until


@pytest.mark.parametrize("restarts", [False, True], ids=["undisturbed", "killed and restarted in between"])
def test_every_answer_does_what_it_said_it_would(restarts):
    with site(matrix_config(), name="matrix") as rig:
        matrix = Matrix(rig, restarts)
        matrix.run()
        sentences = matrix.check()
        print(f"{len(matrix.cells)} cells, {len(starts(rig))} runs, {sentences} consequence sentences, 0 false")
        assert sentences > 600


# --- the list of issues ------------------------------------------------------------------------------------------------------

BREAKS_ONCE = """
          {note}
          note start
          case ",$BROKEN," in *",$GUIDEPOST_TARGET,"*)
              if [ "$GUIDEPOST_ATTEMPT" -le "$FAILS" ]; then echo "disk full"; exit 100; fi ;;
          esac
          note end
"""
INPUTS = """
    inputs:
      - { name: BROKEN, type: text, default: m-2 }
      - { name: FAILS, type: text, default: "1" }
"""

ROLLING = """
      - {{ name: Drain, group: roll, max_parallel: 1, targets: [all], run: '{note}note start; note end' }}
      - name: Install
        group: roll
        targets: [all]
        run: |{breaks}
      - {{ name: Enable, group: roll, targets: [all], run: '{note}note start; note end' }}
      - {{ name: Undrain, group: roll, targets: [all], condition: cleanup, run: '{note}note start; note end' }}
      - {{ name: Smoke, targets: [all], run: '{note}note start; note end' }}
"""
REQUIRED = """
      - name: Migrate
        targets: [all]
        required: true
        run: |{breaks}
      - {{ name: After, targets: [all], run: '{note}note start; note end' }}
"""
PLAIN = """
      - name: Fetch
        targets: [all]
        run: |{breaks}
      - {{ name: Install, targets: [all], run: '{note}note start; [ $GUIDEPOST_TARGET != m-1 ] || [ $GUIDEPOST_ATTEMPT -gt 1 ]; note end' }}
      - {{ name: Verify, targets: [all], run: '{note}note start; note end' }}
"""
SLOW = """
      - name: Fetch
        targets: [all]
        max_parallel: 2
        run: |
          {note}
          note start
          if [ $GUIDEPOST_TARGET = m-2 ]; then exit 3; fi
          until [ -e "@ORACLE@.go" ]; do sleep 0.1; done
          note end
      - {{ name: Install, targets: [all], run: '{note}note start; note end' }}
"""
DEAF = """
      - name: Deaf
        run: |
          {note}
          trap '' TERM
          note start
          while :; do sleep 0.2; done
"""


def config():
    text = "workers: { slots: 16 }\n" + CONFIG_PEOPLE + "targets:\n" + machines(4) + "environments:\n"
    for name in ("one", "two", "three"):
        text += f"  {name}: {{ room: deploys, guided_failure: {{ enabled: true }} }}\n"
    text += "projects:\n"
    projects = {"rolling": ROLLING, "required": REQUIRED, "plain": PLAIN, "slow": SLOW, "deaf": DEAF}
    for name, steps in projects.items():
        breaks = BREAKS_ONCE.format(note=NOTE)
        text += f"  {name}:{INPUTS}    steps:{steps.format(note=NOTE, breaks=breaks)}"
    return text


@pytest.fixture(scope="module")
def rig():
    with site(config(), name="issues") as rig:
        yield rig


def options(question):
    return {option["guidance"]: option["consequence"] for option in question["options"]}


def test_5891_an_excluded_machine_gets_nothing_more_in_a_rolling_step_and_the_others_go_on(rig, alice):
    number = alice.deploy("rolling", "1", "one", "FAILS=9")
    (question,) = alice.wait_questions(number)
    assert question["target"] == "m-2"
    # The window is one machine: m-2 keeps its place in it for as long as it waits.
    assert ("Drain", "m-3", 1) not in starts(rig, number)
    assert options(question)["exclude"] == (
        "m-2 gets no further step in this deployment but Undrain, and does not count as having 1. The other 3 machines go on."
    )
    position = len(oracle(rig, number))
    assert alice.submit(question["id"], "Exclude").status == 200
    found = alice.wait_state(number, "succeeded_with_warnings")
    after = [line[2:4] for line in oracle(rig, number)[position:] if line[0] == "start"]
    assert [step for step, target in after if target == "m-2"] == ["Undrain"]
    for target in ("m-3", "m-4"):
        assert [step for step, at in after if at == target] == ["Drain", "Install", "Enable", "Undrain", "Smoke"]
    assert run_of(found, "Smoke", "m-2")["state"] == "excluded"


def test_1452_ignore_keeps_the_later_steps_of_that_machine(rig, alice):
    number = alice.deploy("rolling", "2", "two", "FAILS=9")
    (question,) = alice.wait_questions(number)
    assert options(question)["ignore"] == "Counts Install on m-2 as done, with a warning. Next there: Enable, Undrain, Smoke."
    assert alice.submit(question["id"], "Ignore").status == 200
    alice.wait_state(number, "succeeded_with_warnings")
    assert [step for step, target, _ in starts(rig, number) if target == "m-2"] == ["Drain", "Install", "Enable", "Undrain", "Smoke"]


def test_707_retry_runs_the_step_again_in_a_rolling_step_and_nothing_before_it(rig, alice):
    number = alice.deploy("rolling", "3", "three")
    (question,) = alice.wait_questions(number)
    assert alice.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")
    ran = [(step, attempt) for step, target, attempt in starts(rig, number) if target == "m-2"]
    assert ran == [("Drain", 1), ("Install", 1), ("Install", 2), ("Enable", 1), ("Undrain", 1), ("Smoke", 1)]


def test_4941_a_required_step_offers_only_retry_and_fail_wherever_it_is_answered(rig, alice):
    number = alice.deploy("required", "1", "one")
    (question,) = alice.wait_questions(number)
    assert set(options(question)) == {"retry", "fail"}
    (interruption,) = alice.interruptions(f"ServerTasks-{number}")
    form = {element["Name"]: element["Control"] for element in interruption["Form"]["Elements"]}
    assert [button["Value"] for button in form["Guidance"]["Buttons"]] == ["Fail", "Retry"]
    for guidance in ("Ignore", "Exclude"):
        reply = alice.submit(question["id"], guidance)
        assert reply.status == 400 and "required step" in reply.json["Errors"][0], reply
        reply = alice.say(f"{guidance.lower()} Q{question['id']}", ok=False)
        assert "required step" in reply["text"] and "Retry or Fail" in reply["text"]
    assert starts(rig, number).count(("After", "m-2", 1)) == 0
    assert alice.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")


def test_4669_after_an_ignored_fetch_the_install_fails_by_itself_and_can_be_excluded(rig, alice):
    number = alice.deploy("plain", "1", "one", "BROKEN=m-1 FAILS=9")
    (question,) = alice.wait_questions(number)
    assert (question["step"], question["target"]) == ("Fetch", "m-1")
    assert alice.submit(question["id"], "Ignore").status == 200
    (question,) = alice.wait_questions(number)
    assert (question["step"], question["target"]) == ("Install", "m-1")
    assert alice.submit(question["id"], "Exclude").status == 200
    alice.wait_state(number, "succeeded_with_warnings")
    assert ("Verify", "m-1", 1) not in starts(rig, number)
    assert ("Verify", "m-2", 1) in starts(rig, number)


def test_3420_an_excluded_machine_keeps_its_version_and_the_others_have_the_new_one(rig, alice):
    first = alice.deploy("plain", "old", "two", "BROKEN=none")
    (question,) = alice.wait_questions(first)
    alice.submit(question["id"], "Retry")
    alice.wait_state(first, "succeeded")
    second = alice.deploy("plain", "new", "two", "BROKEN=m-2,m-3 FAILS=9")
    for question in alice.wait_questions(second, 2):
        alice.submit(question["id"], "Exclude" if question["target"] == "m-2" else "Ignore")
    (question,) = alice.wait_questions(second)
    alice.submit(question["id"], "Retry")
    alice.wait_state(second, "succeeded_with_warnings")
    versions = {v["target"]: v["version"] for v in alice.get("/v1/overview")["versions"] if (v["project"], v["environment"]) == ("plain", "two")}
    assert versions == {"": "new", "m-1": "new", "m-2": "old", "m-3": "new", "m-4": "new"}


def test_4646_several_pending_questions_are_answered_one_by_one_in_any_order_by_different_people(rig, alice):
    number = alice.deploy("rolling", "4", "one", "BROKEN=none")
    alice.wait_state(number, "succeeded")
    number = alice.deploy("plain", "1", "three", "BROKEN=m-2,m-3,m-4")
    asked = {question["target"]: question["id"] for question in alice.wait_questions(number, 3)}
    task = alice.get(f"/api/tasks/ServerTasks-{number}")
    assert task["HasPendingInterruptions"] and task["PendingInterruptionTypes"] == ["GuidedFailure"] and task["State"] == "Executing"
    for target, person, guidance in (("m-4", "bob", "Retry"), ("m-2", "carol", "Ignore"), ("m-3", "dave", "Exclude")):
        reply = Client(rig, person).submit(asked[target], guidance)
        assert reply.status == 200 and reply.json["ResponsibleUserId"] == f"Users-{person}", reply
        left = {question_of(i) for i in alice.interruptions(f"Deployments-{number}")}
        assert asked[target] not in left
    (question,) = alice.wait_questions(number)  # of Install on m-1
    alice.submit(question["id"], "Retry")
    found = alice.wait_state(number, "succeeded_with_warnings")
    assert [run_of(found, "Fetch", target)["state"] for target in ("m-2", "m-3", "m-4")] == ["warned", "excluded", "succeeded"]
    assert starts(rig, number).count(("Fetch", "m-4", 2)) == 1


def test_2121_each_prompt_names_its_step_its_machine_and_the_last_lines(rig, alice):
    number = alice.deploy("required", "2", "two", "BROKEN=m-2,m-3")
    alice.wait_questions(number, 2)
    texts = [i["Form"]["Elements"][0]["Control"]["Text"] for i in alice.interruptions(f"Deployments-{number}")]
    for target in ("m-2", "m-3"):
        (text,) = [text for text in texts if f" on {target} " in text]
        assert text.startswith(f"'Migrate' on {target} failed: exit code 100") and text.endswith("disk full")
    alice.say(f"cancel D{number}")
    alice.wait_state(number, "canceled")


def test_6576_and_3850_one_answer_to_a_card_answers_each_of_its_machines_and_leaves_none_pending(rig, alice):
    number = alice.deploy("rolling", "5", "two", "BROKEN=none")
    alice.wait_state(number, "succeeded")
    number = alice.deploy("plain", "2", "one", "BROKEN=m-2,m-3,m-4 FAILS=9")
    asked = alice.wait_questions(number, 3)
    assert len({question["card"] for question in asked}) == 1  # the same error
    card = asked[0]["card"]
    reply = alice.post(f"/v1/questions/{card}/answer", {"guidance": "exclude", "targets": ["m-3", "m-4"]})
    assert reply["data"]["accepted"] == 2
    (question,) = alice.wait_questions(number)
    assert question["target"] == "m-2"
    assert alice.request("POST", f"/v1/questions/{card}/answer", {"guidance": "retry", "targets": ["m-3"]}).status == 409
    alice.submit(question["id"], "Ignore")
    (question,) = alice.wait_questions(number)
    alice.submit(question["id"], "Retry")
    found = alice.wait_state(number, "succeeded_with_warnings")
    assert [run_of(found, "Fetch", target)["state"] for target in ("m-2", "m-3", "m-4")] == ["warned", "excluded", "excluded"]
    assert not alice.interruptions(f"Deployments-{number}")
    assert len(alice.interruptions(f"Deployments-{number}", pending=False)) == 4


def test_4708_cancel_closes_every_open_question_at_once(rig, alice):
    number = alice.deploy("plain", "3", "two", "BROKEN=m-1,m-2,m-3,m-4 FAILS=9")
    asked = alice.wait_questions(number, 4)
    reply = alice.request("POST", f"/api/tasks/ServerTasks-{number}/cancel")
    assert reply.status == 200, reply
    alice.wait_state(number, "canceled")
    assert not alice.interruptions(f"Deployments-{number}")
    for question in asked:
        reply = alice.submit(question["id"], "Retry")
        assert reply.status == 400 and "alice canceled it" in reply.json["ErrorMessage"], reply
    assert {step for step, _, _ in starts(rig, number)} == {"Fetch"}


def test_5208_the_first_fail_fails_lets_what_runs_finish_and_starts_nothing_more(rig, alice):
    number = alice.deploy("slow", "1", "one")
    (question,) = alice.wait_questions(number)
    assert options(question)["fail"] == "Ends the deployment as failed. What runs now finishes first. Nothing is rolled back."
    until("m-3 to be let in", lambda: ("Fetch", "m-3", 1) in starts(rig, number) or ("Fetch", "m-1", 1) in starts(rig, number))
    assert alice.submit(question["id"], "Fail").status == 200
    time.sleep(0.5)
    assert alice.state(number) == "running"
    (rig.folder / "oracle.go").touch()
    found = alice.wait_state(number, "failed")
    assert "alice answered Fail for Fetch on m-2" in found["closing_why"]
    ran = starts(rig, number)
    assert not [1 for step, _, _ in ran if step == "Install"] and len(ran) == len(set(ran)) == 2, ran
    assert [line[3] for line in oracle(rig, number) if line[0] == "end"] == ["m-1"]


def test_10230_a_canceled_step_that_does_not_listen_is_killed_and_the_deployment_ends(rig, alice):
    number = alice.deploy("deaf", "1", "one")
    until("the step to run", lambda: starts(rig, number))
    time.sleep(0.3)
    began = time.monotonic()
    alice.say(f"cancel D{number} -- stuck")
    until("the leader to apply the cancel", lambda: alice.state(number) == "canceling")
    found = alice.wait_state(number, "canceled", seconds=30)
    assert 9 < time.monotonic() - began < 30
    assert found["steps"][0]["runs"][0]["outcome"] == "stopped"


def test_6372_another_server_and_another_worker_go_on_after_an_answer():
    with site(config(), name="nodes", servers=2, workers=2) as rig:
        alice = Client(rig)
        number = alice.deploy("plain", "1", "one", "BROKEN=m-2 FAILS=1")
        (question,) = alice.wait_questions(number)
        ran_on = run_of(alice.deployment(number), "Fetch", "m-2")["worker"]
        leader = next(server for server in rig.servers if b"leads: yes" in Client(rig, server=server).request("GET", "/readyz?verbose").body)
        worker = next(worker for worker in rig.workers if f"-{worker.process.pid}-" in ran_on)
        leader.kill()
        worker.kill()
        other = Client(rig, server=next(server for server in rig.servers if server is not leader))
        assert other.submit(question["id"], "Retry").status == 200
        (question,) = other.wait_questions(number)
        assert question["step"] == "Install"
        assert other.submit(question["id"], "Ignore").status == 200
        other.wait_state(number, "succeeded_with_warnings")
        assert starts(rig, number).count(("Fetch", "m-2", 2)) == 1
