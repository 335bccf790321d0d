"""What Slack shows, on good days: each kind of message as it should be."""

import re

import pytest
import slack_fake
from people import machines
from rig import until
from slack_stage import FAILS, WORKS, Stage, history, number, words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

FLEET = 40
MORE = """
  hurry:
    room: deploys
    guided_failure: {{ answer_within: 5s, if_unanswered: fail }}
    steps: [{{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web-1] }}]
  fleet:
    room: deploys
    steps: [{{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [fleet], max_parallel: 40 }}]
"""
ONE_FAILS = "[ $GUIDEPOST_TARGET = web-1 ] || { echo broken; exit 7; }\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("shown"), MORE, targets=machines(FLEET, "f", "fleet")) as stage:
        yield stage
        stage.check_messages()
        assert stage.slack.stats()["errors"] == {}


@pytest.fixture(autouse=True)
def cleared(stage):
    yield
    stage.recover()


# --- progress


def test_progress_is_one_message_that_is_edited(stage):
    play = stage.play("until [ -e $0.go ]; do sleep 0.05; done\n")
    play.wait_status("Running")
    play.go()
    play.wait_closing("Succeeded")
    (status,) = play.statuses()
    texts = history(status)
    assert len(texts) >= 2 and texts[-1].startswith("Succeeded: play"), texts
    assert any(text.startswith("Running: play") for text in texts), texts
    assert stage.called(status) == []
    assert play.questions() == []


def test_the_last_line_is_under_the_status_message_and_calls_the_starter(stage):
    play = stage.play(WORKS)
    closing = play.wait_closing()
    (status,) = play.statuses()
    assert closing["thread_ts"] == status["ts"]
    assert stage.called(closing) == ["U0ALICE"]
    assert "<@U0ALICE>" in words(closing)
    assert len(play.closings()) == 1


# --- questions


def test_a_question_calls_the_responsible_once_and_shrinks_when_it_is_answered(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    q = number(question)
    assert question["text"] == (
        f"{q}: install failed on web-2 (play {play.version} to production): exit code 7. "
        f"Answer: retry {q}, ignore {q}, exclude {q}, fail {q}."
    )
    assert stage.called(question) == ["S0WEBONCALL"]
    assert "Paused: needs web-oncall" in words(question) and "broken" in words(question)
    labels = [b["text"]["text"] for b in stage.slack.buttons(question)]
    assert labels[:4] == ["Retry", "Ignore", "Exclude web-2", "Fail deployment"]
    assert [b.get("style") for b in stage.slack.buttons(question)][:4] == ["primary", None, None, "danger"]
    assert {b["value"] for b in stage.slack.buttons(question)} == {f"{q}:1"}
    play.write(WORKS)
    assert stage.click("bob", question, "retry")
    answered = stage.slack.until("the result", lambda: "worked on attempt 2" in (now := stage.slack.message(question))["text"] and now)
    assert stage.slack.buttons(answered) == [] and len(answered["blocks"]) == 1
    assert answered["text"].startswith(f"{q}: install on web-2 (play {play.version} to production): Retry by bob")
    play.wait_closing("Succeeded: ")
    assert len(play.questions()) == 1
    assert stage.called(question) == ["S0WEBONCALL"]


def test_two_causes_are_two_questions(stage):
    play = stage.play("echo broken; [ $GUIDEPOST_TARGET = web-1 ] && exit 3; exit 4\n")
    first, second = play.wait_question(0), play.wait_question(1)
    assert {"exit code 3", "exit code 4"} == {re.search(r"exit code \d", m["text"])[0] for m in (first, second)}
    assert stage.called(first) == stage.called(second) == ["S0WEBONCALL"]
    assert stage.click("bob", first, "fail")
    play.wait_closing("Failed")
    for message in (first, second):
        stage.wait_answered(message)


def test_forty_machines_with_one_cause_are_one_question_one_mention_and_one_click(stage):
    play = stage.play(FAILS, project="fleet")
    question = play.wait_question(seconds=40)
    seen = stage.slack.until(
        "all machines", lambda: (now := stage.slack.message(question)) and f"on {FLEET} of {FLEET} machines" in now["text"] and now, 40
    )
    assert len(play.questions()) == 1
    assert stage.called(question) == ["S0WEBONCALL"]
    assert "Excluding all of them would leave no machine" in words(seen)
    play.write(WORKS)
    assert stage.click("alice", seen, "retry")
    play.wait_state("succeeded", 40)
    answered = stage.wait_answered(question)
    assert "Retry by alice after" in answered["text"] and f"on {FLEET} machines" in answered["text"]
    play.wait_closing("Succeeded", 40)
    assert len(play.questions()) == 1 and stage.called(question) == ["S0WEBONCALL"]
    stage.slack.until("the result", lambda: f"worked on {FLEET} machines" in stage.slack.message(question)["text"])


def test_an_unknown_outcome_is_called_unknown_and_suggests_nothing(stage):
    play = stage.play("[ $GUIDEPOST_TARGET = web-1 ] || { kill -9 $PPID; kill -9 $$; }\n")
    question = play.wait_question()
    q = number(question)
    assert question["text"].startswith(f"{q}: Outcome unknown: install started on web-2")
    assert "It may have finished, may still run, or may have stopped half-way. Nothing was repeated." in question["text"]
    buttons = stage.slack.buttons(question)
    assert [b["text"]["text"] for b in buttons][:3] == ["Check again", "I checked: it worked", "Run it again"]
    assert not any(b.get("style") == "primary" for b in buttons)
    assert "confirm" in stage.button(question, "ignore")
    assert stage.click("bob", question, "ignore")
    play.wait_closing()
    assert "taken as done" in stage.wait_answered(question)["text"]


def test_a_look_for_the_truth_is_for_all_machines_of_the_card(stage):
    play = stage.play("kill -9 $PPID; kill -9 $$\n")
    question = play.wait_question()
    stage.slack.until("both machines", lambda: "on 2 of 2 machines" in stage.slack.message(question)["text"])
    known = len(stage.slack.ephemerals("bob"))
    assert stage.click("bob", stage.slack.message(question), "check")
    told = stage.slack.until("bob to be told", lambda: stage.slack.ephemerals("bob")[known:])[0]["text"]
    assert "2 machines are asked again" in told, told
    assert stage.click("bob", stage.slack.message(question), "fail")
    play.wait_closing("Failed")


def test_a_passed_deadline_is_shown_in_place_of_the_question(stage):
    play = stage.play(FAILS, project="hurry")
    question = play.wait_question()
    assert re.search(r"No answer by \d\d:\d\d UTC means fail\.$", question["text"])
    closed = stage.wait_answered(question)
    assert closed["text"].endswith("Nobody answered for 5 s (if_unanswered: fail)"), closed["text"]
    play.wait_closing("Failed")
    assert stage.called(question) == ["S0WEBONCALL"]


# --- the four ends


def test_succeeded_with_warnings_says_which(stage):
    play = stage.play(ONE_FAILS)
    assert stage.click("bob", play.wait_question(), "exclude")
    closing = play.wait_closing("Succeeded with warnings")
    assert "web-2 excluded by bob" in closing["text"] and "install did not finish" in closing["text"]
    assert stage.called(closing) == ["U0ALICE"]
    assert play.wait_status("Succeeded with warnings")


def test_failed_says_who_and_how_the_machines_are_left(stage):
    play = stage.play(ONE_FAILS, user="bob")
    assert stage.click("alice", play.wait_question(), "fail")
    closing = play.wait_closing("Failed")
    assert "install failed on web-2: exit code 7" in closing["text"] and "web-1 done" in closing["text"], closing["text"]
    assert stage.called(closing) == ["U0BOB"]
    assert play.wait_status("Failed")


def test_canceled_says_by_whom(stage):
    play = stage.play("sleep 60\n")
    play.wait_status("Running")
    stage.slack.mention("bob", "deploys", f"cancel D{play.id}")
    closing = play.wait_closing("Canceled")
    assert "bob" in closing["text"], closing["text"]
    assert stage.called(closing) == ["U0ALICE"]
    assert play.wait_status("Canceled")


# --- what only one person sees


def test_pending_help_and_refusals_are_private(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    q = number(question)
    before, others = len(stage.slack.messages("deploys", from_bot=True)), len(stage.slack.ephemerals("alice"))
    for text, wanted in (("pending", q), ("help", "deploy"), (f"show {q}", q), ("nonsense", "nonsense"), (f"fail {q}999", "Q")):
        known = len(stage.slack.ephemerals("bob"))
        assert stage.slack.command("bob", "deploys", text)
        seen = stage.slack.until(text, lambda known=known: stage.slack.ephemerals("bob")[known:])[0]
        assert wanted in seen["text"], seen["text"]
    assert stage.slack.command("carol", "deploys", f"fail {q}")
    refused = stage.slack.wait_ephemeral("carol", lambda seen: "may not" in seen["text"])
    assert "Nothing was changed" in refused["text"]
    assert stage.click("carol", question, "fail")
    stage.slack.until("the second refusal", lambda: len([e for e in stage.slack.ephemerals("carol") if "may not" in e["text"]]) == 2)
    assert len(stage.slack.ephemerals("alice")) == others
    assert len(stage.slack.messages("deploys", from_bot=True)) == before
    assert stage.slack.buttons(stage.slack.message(question))
    assert stage.click("bob", question, "ignore")
    play.wait_closing()


# --- what comes from outside


HOSTILE = {
    "mentions": "echo '<!channel> <!here> @channel <@U0ALICE> <!subteam^S0WEBONCALL>'; exit 7\n",
    "fences": "printf '```\\n*bold* <https://example.org|link> &amp; `x`\\n```\\n'; exit 7\n",
    "a_megabyte": "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 7\n",
    "a_megabyte_of_lines": "yes '<!channel> and so on' | head -c 1000000; echo the end; exit 7\n",
    "bytes": "head -c 4000 /dev/urandom; printf '\\000\\033[31m\\377\\ud83d'; exit 7\n",
    "wide_characters": "for i in $(seq 2000); do printf '\\360\\237\\230\\200'; done; exit 7\n",
}


@pytest.mark.parametrize("script", HOSTILE.values(), ids=HOSTILE)
def test_output_calls_nobody_and_breaks_no_message(stage, script):
    play = stage.play(f"[ $GUIDEPOST_TARGET = web-1 ] && exit 0\n{script}")
    question = play.wait_question()
    assert stage.called(question) == ["S0WEBONCALL"]
    assert [block["type"] for block in question["blocks"]].count("rich_text") == 1, "the output is shown as text alone"
    note = "-- <!channel> it's `fine` & <@U0ALICE>"
    stage.slack.say("bob", "deploys", f"ignore {note.replace('&', '&amp;').replace('<!', '&lt;!')}", thread_ts=question["ts"])
    answered = stage.wait_answered(question)
    play.wait_closing("Succeeded with warnings")
    assert "<!channel>" not in answered["text"] and "<!channel>" not in words(answered)
    assert stage.slack.stats()["mass_mentions"] == []
