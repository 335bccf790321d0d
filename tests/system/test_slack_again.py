"""What is offered when a deployment is over or to be refused, and how a message is found that may have been posted."""

import pytest
import slack_fake
from rig import until
from slack_stage import FAILS, WORKS, Stage, number, words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

ONE_FAILS = "[ $GUIDEPOST_TARGET = web-1 ] || { echo broken; exit 7; }\n"
BUSY = 1100  # messages that others write meanwhile
MORE = """
  gated:
    room: deploys
    guided_failure: {{ confirm: [abort], note_required: [abort] }}
    steps:
      - {{ name: approve, approve: {{ instructions: "Is the backup there?" }} }}
      - {{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web] }}
  asked:
    room: deploys
    guided_failure: {{ confirm: [abort] }}
    steps:
      - {{ name: approve, approve: {{ instructions: "Is the backup there?" }} }}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("again"), MORE) as stage:
        yield stage
        stage.check_messages()


@pytest.fixture(autouse=True)
def cleared(stage):
    yield
    stage.recover()


def told(stage, user, known, wanted):
    return stage.slack.until(
        f"{user} to be told {wanted}", lambda: next((e["text"] for e in stage.slack.ephemerals(user)[known:] if wanted in e["text"]), None)
    )


def fail(stage):
    """A deployment that bob has ended as failed, and what the room says at its end."""
    play = stage.play(ONE_FAILS)
    assert stage.click("bob", play.wait_question(), "fail")
    return play, play.wait_closing("Failed")


# --- Resume


def test_what_failed_is_resumed_by_a_click(stage):
    play, closing = fail(stage)
    confirm = stage.button(closing, "resume")["confirm"]
    assert "Goes on with install on web-2 in a new deployment" in confirm["text"]["text"], confirm
    assert confirm["deny"]["text"] == "Leave it" and f"resume D{play.id}" in closing["text"]
    failed = play.id
    play.write(f"echo $GUIDEPOST_TARGET >>{stage.folder}/{play.version}.ran\n")
    known = len(stage.slack.ephemerals("alice"))
    assert stage.click("alice", closing, "resume")
    assert "It goes on from" in told(stage, "alice", known, "starts")
    play.wait_closing("Succeeded")
    assert (stage.folder / f"{play.version}.ran").read_text().split() == ["web-2"]
    over = stage.slack.until("the button to go", lambda: (now := stage.slack.message(closing)) and not resumes(stage, now) and now)
    assert f"resume D{failed}" not in over["text"]


def resumes(stage, message):
    return [b for b in stage.slack.buttons(message) if b["action_id"] == "gp.resume"]


def test_of_two_who_resume_exactly_one_does(stage):
    play, closing = fail(stage)
    play.write(WORKS)
    known = {user: len(stage.slack.ephemerals(user)) for user in ("alice", "bob")}
    assert stage.click(["alice", "bob"], closing, "resume")
    said = stage.slack.until(
        "both to be told",
        lambda: (now := [e["text"] for user in known for e in stage.slack.ephemerals(user)[known[user] :]])[1:] and now,
    )
    assert sorted("is not resumed" in text or "was resumed before" in text for text in said) == [False, True], said
    play.wait_closing("Succeeded")
    assert len([m for m in play.closings() if m["text"].startswith("Succeeded")]) == 1


def test_somebody_who_may_not_deploy_does_not_resume(stage):
    play, closing = fail(stage)
    known = len(stage.slack.ephemerals("carol"))
    assert stage.click("carol", closing, "resume")
    assert "Nothing was changed" in told(stage, "carol", known, "may not deploy")
    assert resumes(stage, stage.slack.message(closing)) and play.state() == "failed"


def test_a_click_on_what_was_resumed_elsewhere_is_told(stage):
    play, closing = fail(stage)
    play.write(WORKS)
    stage.slack.mention("alice", "deploys", f"resume D{play.id}")
    play.wait_closing("Succeeded")
    known = len(stage.slack.ephemerals("bob"))
    assert stage.click("bob", closing, "resume", stale=True)
    assert told(stage, "bob", known, "was resumed before")


# --- approvals, notes


def test_abort_asks_once_more_where_the_configuration_wants_it(stage):
    play = stage.play(WORKS, project="asked")
    question = play.wait_question()
    assert "confirm" not in stage.button(question, "proceed")
    confirm = stage.button(question, "abort")["confirm"]
    assert confirm["title"]["text"] == "Abort?" and confirm["style"] == "danger", confirm
    gated = stage.play(WORKS, project="gated")
    assert stage.button(gated.wait_question(), "abort")["action_id"] == "gp.abort.note"


def test_a_note_in_quotes_is_quoted_once(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    stage.slack.say("bob", "deploys", "ignore -- “known flake”", thread_ts=question["ts"])
    answered = stage.wait_answered(question)
    assert "“known flake”" in words(answered) and "““" not in words(answered), words(answered)
    assert "““" not in play.wait_closing("Succeeded")["text"]


# --- a post that may have happened


def test_a_post_is_found_however_much_others_write_meanwhile(stage):
    stage.slack.set(methods=["conversations.history"], p_500=1)
    stage.slack.fail_next("chat.postMessage", fault="lost_reply")
    known = len(stage.slack.calls("chat.postMessage"))
    play = stage.play(FAILS)
    until("a lost reply", lambda: [c for c in stage.slack.calls("chat.postMessage")[known:] if c["fault"] == "lost_reply"])
    for n in range(BUSY):
        stage.slack.say("carol", "deploys", f"talk {n}")
    stage.slack.calm()
    play.wait_question()
    stage.slack.until("one page after the other", lambda: len(pages(stage)) > BUSY / 200)
    play.wait_status("Paused")
    assert len(play.statuses()) == 1 and stage.slack.stats()["duplicates"] == []


def pages(stage):
    return [call for call in stage.slack.calls("conversations.history") if not call["error"]]


def test_a_leader_that_does_not_know_yet_who_the_bot_is_posts_nothing_twice(stage):
    stage.slack.set(methods=["conversations.history"], p_500=1)
    stage.slack.fail_next("chat.postMessage", fault="lost_reply", times=2)
    known = len(stage.slack.calls("chat.postMessage"))
    play = stage.play(FAILS)
    until("two lost replies", lambda: [c["fault"] for c in stage.slack.calls("chat.postMessage")[known:]].count("lost_reply") == 2)
    (server,) = stage.rig.servers
    server.kill()
    stage.slack.calm()
    looked = len(pages(stage))
    stage.slack.fail_next("auth.test", fault="429", retry_after=3)
    server.start()
    until("the server", lambda: stage.rig.server_ready(server))
    stage.slack.until("it to be looked for", lambda: len(pages(stage)) > looked)
    stage.slack.wait_connected()
    play.wait_question()
    play.wait_status("Paused")
    assert stage.slack.stats()["duplicates"] == []
