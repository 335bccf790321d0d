"""What Slack shows of a question that nobody answers: reminders in its thread, the escalation in another room, and clocks put off."""

import pytest
import slack_fake
from rig import until
from slack_stage import FAILS, WORKS, Stage, number, words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

MORE = """
  nag:
    room: deploys
    guided_failure:
      remind_every: 1s
      answer_within: 1h
      if_unanswered: fail
      escalate: [{{ after: 1500ms, mention: [alice], room: private }}]
    steps: [{{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web-1] }}]
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("remind"), MORE) as stage:
        yield stage
        stage.check_messages()
        assert stage.slack.stats()["errors"] == {}


@pytest.fixture(autouse=True)
def cleared(stage):
    yield
    stage.recover()


def wait_reminder(stage, question, after=None):
    """The newest one under the question; newer than `after`."""

    def found():
        under = [m for m in stage.slack.messages("deploys", from_bot=True) if m.get("thread_ts") == question["ts"] != m["ts"]]
        under = [m for m in under if "has waited" in m["text"] and (after is None or float(m["ts"]) > float(after["ts"]))]
        return under[-1] if under else None

    return stage.slack.until("a reminder", found)


def wait_escalation(stage, question):
    name = number(question)
    return stage.slack.until(
        "the escalation", lambda: next((m for m in stage.slack.messages("private", from_bot=True) if f" {name}: " in m["text"]), None)
    )


def test_a_reminder_is_a_reply_that_calls_who_should_answer_and_then_who_took_it(stage):
    play = stage.play(FAILS, project="nag")
    question = play.wait_question()
    reminder = wait_reminder(stage, question)
    assert reminder["text"].startswith(f"{number(question)} has waited "), reminder
    assert stage.called(reminder) == ["S0WEBONCALL"]
    assert stage.slack.buttons(reminder) == []
    assert stage.click("bob", question, "take")
    later = wait_reminder(stage, question, after=reminder)
    taken = stage.slack.until("one that knows who is on it", lambda: "bob is on it" in (now := wait_reminder(stage, question))["text"] and now)
    assert float(taken["ts"]) >= float(later["ts"])
    assert stage.click("bob", question, "fail")
    stage.wait_answered(question)
    stage.slack.until("its end", lambda: "Fail by bob" in words(stage.slack.message(wait_last(stage, question))))


def wait_last(stage, question):
    return [m for m in stage.slack.messages("deploys", from_bot=True) if m.get("thread_ts") == question["ts"] != m["ts"]][-1]


def test_an_escalation_is_the_question_in_another_room_and_is_answered_there(stage):
    play = stage.play(FAILS, project="nag")
    question = play.wait_question()
    escalation = wait_escalation(stage, question)
    assert stage.called(escalation) == ["U0ALICE"]
    assert "needs alice" in words(escalation), words(escalation)
    labels = [b["text"]["text"] for b in stage.slack.buttons(escalation)]
    assert labels[:2] == ["Retry", "Ignore"] and {"Extend", "Park"} <= set(labels), labels
    play.write(WORKS)
    stage.slack.mention("bob", "private", "retry", thread_ts=escalation["ts"])
    play.wait_state("succeeded")
    for message in (question, escalation):
        assert "Retry by bob" in stage.wait_answered(message)["text"]


def test_the_clocks_are_put_off_by_buttons(stage):
    play = stage.play(FAILS, project="nag")
    question = play.wait_question()

    def asked():
        return next(q for q in stage.rig.local().questions() if q["deployment"] == play.id)

    before = asked()["deadline"]
    assert stage.click("bob", question, "extend")
    until("a later deadline", lambda: asked()["deadline"] > before)
    assert stage.click("bob", question, "park")
    parked = stage.slack.until("it to say so", lambda: "Parked by bob" in words(now := stage.slack.message(question)) and now)
    assert asked()["deadline"] == 0 and asked()["parked_by"] == "bob"
    verbs = {b["action_id"].split(".")[1] for b in stage.slack.buttons(parked)}
    assert "unpark" in verbs and not verbs & {"park", "extend"}, verbs
    assert stage.click("bob", parked, "unpark")
    until("it to have a deadline again", lambda: asked()["deadline"] > 0)
    again = stage.slack.until("the button", lambda: (now := stage.slack.message(question)) and "gp.park" in [b["action_id"] for b in stage.slack.buttons(now)] and now)
    assert stage.click("carol", again, "park")
    stage.slack.until("a refusal", lambda: any("may not take" in e["text"] for e in stage.slack.ephemerals("carol")))
