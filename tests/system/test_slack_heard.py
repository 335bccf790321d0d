"""What people say and click in Slack has its effect, and what nobody meant as a command has none."""

import time

import pytest
import slack_fake
from rig import until
from slack_heard_rig import process, s

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


# --- the ways to give a command


def test_a_mention_is_a_command_and_comes_twice(s):
    version, before = s.next_version(), s.told("alice")
    ts = s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)
    s.wait_told("alice", version, before)
    twins = [e["payload"]["event"]["type"] for e in s.slack.envelopes("events_api") if e["payload"]["event"].get("ts") == ts]
    assert sorted(twins) == ["app_mention", "message"]


@pytest.mark.parametrize("text", ["{}", "<@U0GUIDEPOST> {}", "guidepost {}", "  `{}`"])
def test_a_direct_message_needs_no_mention(s, text):
    version = s.next_version()
    s.slack.say("alice", "dm", text.format(s.command(version)))
    s.wait_once(version)
    until("the reply", lambda: [m for m in s.slack.messages("D0ALICE", from_bot=True) if version in m["text"]])


@pytest.mark.parametrize("channel", ["deploys", "random", "dm"])
def test_a_slash_command_works_everywhere(s, channel):
    version, before = s.next_version(), s.told("alice")
    assert s.slack.command("alice", channel, s.command(version))
    s.wait_once(version)
    s.wait_told("alice", version, before)


@pytest.mark.parametrize(
    "text",
    [
        "<@U0GUIDEPOST>\u00a0deploy\u00a0quick\u00a0{}\u00a0to\u00a0production",
        "<@U0GUIDEPOST|guidepost>: deploy quick {} to production\u200b",
        "<@U0GUIDEPOST> Deploy quick {}  to   production ",
        "<@U0GUIDEPOST> *deploy quick {} to production*",
        "\u2066<@U0GUIDEPOST>, deploy \u2067quick {} to production\u2069",
    ],
)
def test_what_clients_make_of_a_text_is_understood(s, text):
    version = s.next_version()
    s.slack.say("alice", "deploys", text.format(version))
    s.wait_once(version)


# --- replies in the question's thread


@pytest.mark.parametrize(
    "text, guidance, note",
    [
        ("exclude web-2 -- disk is broken", "exclude", "disk is broken"),
        ("Exclude web-2 — it’s “broken”", "exclude", "it’s “broken”"),
        ("exclude\u00a0web-2\u00a0–\u00a0a &lt;disk&gt; &amp; more", "exclude", "a <disk> & more"),
        ("fail", "fail", None),
        ("<@U0GUIDEPOST> fail -- by mention", "fail", "by mention"),
        ("/guidepost ignore -- typed as a command", "ignore", "typed as a command"),
    ],
)
def test_a_reply_in_the_thread_answers(s, text, guidance, note):
    before = s.told("bob")
    s.question()
    s.reply("bob", text)
    asked = s.wait_answer(guidance)
    assert asked["note"] == note
    s.wait_told("bob", "by bob", before)


def test_retry_in_the_thread_runs_again_and_asks_again(s):
    first = s.question()
    number = s.number
    s.reply("bob", "retry")
    s.number = s.wait_number(after=number)
    assert s.asked_now()["attempt"] == 2
    s.wait_answered(first)
    s.asked = s.slack.wait_message("deploys", lambda m: f"Q{s.number}" in m["text"] and s.slack.buttons(m))
    s.reply("bob", "fail")
    s.wait_answer("fail")


@pytest.mark.parametrize(
    "text",
    [
        "who did this?",
        "take your time",
        "I would retry",
        "check the disk first, please",
        "show me",
        "deploy webshop 9.9.9 to production",
        "<@U0ALICE> retry",
        "hm",
    ],
)
def test_people_may_talk_in_the_thread(s, text):
    s.question()
    before = len(s.slack.ephemerals())
    s.reply("bob", text)
    s.assert_open()
    assert len(s.slack.ephemerals()) == before


def test_the_same_words_elsewhere_are_nothing(s):
    s.question()
    before = len(s.slack.ephemerals())
    thread = s.slack.say("alice", "deploys", "lunch?")
    s.slack.say("bob", "deploys", "fail", thread_ts=thread)
    s.slack.say("bob", "deploys", "fail")
    s.slack.say("bob", "private", "retry", thread_ts=s.slack.say("bob", "private", "retry"))
    s.assert_open()
    assert len(s.slack.ephemerals()) == before


# --- buttons and windows


def test_a_click_answers(s):
    assert s.click("bob", s.question(), "ignore")
    s.wait_answer("ignore")


def test_a_window_answers_with_its_note(s):
    s.click("bob", s.question(), "choose")
    view = s.slack.wait_view("bob")
    said = s.slack.submit(view, {"answer": {"v": "exclude"}, "note": {"v": "disk <is> & broken"}})
    assert said["acknowledged"] and not said["open"], said
    assert s.wait_answer("exclude")["note"] == "disk <is> & broken"


# --- what nobody meant as a command


def test_an_edit_is_no_command(s):
    version = s.next_version()
    ts = s.slack.say("alice", "deploys", "hello")
    s.slack.do("edit", user="alice", channel="deploys", ts=ts, text=f"<@U0GUIDEPOST> {s.command(version)}")
    until("it to have come", lambda: [e for e in s.slack.envelopes("events_api") if e["payload"]["event"].get("edited")])
    s.assert_never(version)


def test_an_edit_a_preview_and_a_deletion_do_not_repeat_it(s):
    version = s.next_version()
    ts = s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)
    s.slack.do("edit", user="alice", channel="deploys", ts=ts, text=f"<@U0GUIDEPOST> {s.command(version)} ")
    s.slack.do("unfurl", user="alice", channel="deploys", ts=ts)
    s.slack.do("remove", user="alice", channel="deploys", ts=ts)
    s.wait_once(version)


def test_programs_give_no_commands(s):
    version, before = s.next_version(), len(s.slack.ephemerals())
    line = f"<@U0GUIDEPOST> {s.command(version)}"
    s.slack.say("otherbot", "deploys", line, bot_id="B0OTHER", subtype="bot_message")
    s.slack.say("otherbot", "deploys", line, bot_id="B0OTHER")
    s.slack.say("alice", "deploys", line, bot_id="B0WORKFLOW")
    s.slack.say("alice", "deploys", line, app_id="A0OTHER")
    s.slack.say("guidepost", "deploys", line)
    s.slack.say("alice", "deploys", line, hidden=True)
    event = {"type": "message", "user": "U0ALICE", "channel": "C0DEPLOYS", "channel_type": "channel", "text": line}
    for n, subtype in enumerate(("reminder_add", "channel_topic", "me_message")):
        s.slack.do("event", channel="deploys", event={**event, "subtype": subtype, "ts": f"{time.time() + n:.6f}"})
    s.question()
    s.slack.say("guidepost", "deploys", "fail", thread_ts=s.asked["ts"])
    s.slack.say("bob", "deploys", "fail", thread_ts=s.asked["ts"], bot_id="B0OTHER")
    s.assert_open()
    s.assert_never(version)
    assert len(s.slack.ephemerals("bob")) + len(s.slack.ephemerals("otherbot")) <= before


def test_a_mention_in_the_middle_or_none_is_talk(s):
    version, before = s.next_version(), len(s.slack.ephemerals())
    for text in (f"{s.command(version)}", f"please <@U0GUIDEPOST> {s.command(version)}", f"guidepost {s.command(version)}",
                 f"&gt; <@U0GUIDEPOST> {s.command(version)}", f"<@U0BOB> {s.command(version)}"):  # fmt: skip
        s.slack.say("alice", "deploys", text)
    s.assert_never(version)
    assert len(s.slack.ephemerals()) == before
