"""Who says it in Slack: what is done only for those who may, and what the others are told."""

import time

import pytest
import slack_fake
from slack_heard_rig import process, s, wait_acknowledged

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


@pytest.mark.parametrize(
    "user, reason",
    [("guest", "guest"), ("stranger", "of another workspace or organisation"), ("former", "deactivated"), ("otherbot", "does not know you")],
)
def test_who_is_no_member_is_refused_privately_with_the_reason(s, user, reason):
    version = s.next_version()
    if user != "former":  # Slack shows nothing in a channel to somebody who is deactivated.
        before = s.told(user)
        s.slack.mention(user, "deploys", s.command(version))
        s.wait_told(user, reason, before)
    before = s.told(user)
    assert s.slack.command(user, "deploys", s.command(version))
    s.wait_told(user, reason, before)
    s.assert_never(version)
    before = s.told(user)
    assert s.click(user, s.question(), "fail")
    s.wait_told(user, reason, before)
    s.assert_open()


def test_somebody_new_is_told_how_to_be_known(s):
    version = s.next_version()
    id = s.slack.do("newcomer", name="dave")["user"]["id"]
    assert s.slack.command("dave", "deploys", s.command(version))
    assert id in s.wait_told("dave", "guidepost does not know you", 0)
    s.assert_never(version)


def test_another_workspace_is_refused(s):
    version, before = s.next_version(), s.told("alice")
    ts = f"{time.time():.6f}"
    event = {"type": "app_mention", "user": "U0ALICE", "user_team": "T0ELSEWHERE", "channel": "C0DEPLOYS", "ts": ts}
    s.slack.do("event", channel="deploys", event={**event, "text": f"<@U0GUIDEPOST> {s.command(version)}"})
    s.wait_told("alice", "another workspace", before)
    s.assert_never(version)


def test_who_is_deactivated_or_made_a_guest_is_refused_from_then_on(s):
    version, before = s.next_version(), s.told("alice")
    for change, word in (({"deleted": True}, "deactivated"), ({"is_restricted": True}, "guest")):
        s.slack.person("alice", **change)
        wait_acknowledged(s)
        assert s.slack.command("alice", "deploys", s.command(version))
        s.wait_told("alice", word, before)
        s.slack.person("alice", **dict.fromkeys(change, False))
        wait_acknowledged(s)
        before = s.told("alice")
    s.assert_never(version)
    s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)


def test_a_name_proves_nothing(s):
    version, carol = s.next_version(), "U0CAROL"
    question = s.question()
    s.slack.person(carol, name="bob2", real_name="bob", profile={"display_name": "bob", "real_name": "bob"})
    try:
        before = s.told(carol)
        assert s.click(carol, question, "fail")
        s.wait_told(carol, "carol may not fail", before)
        before = s.told(carol)
        s.slack.mention(carol, "deploys", s.command(version), username="alice", user_profile={"name": "alice", "display_name": "alice"})
        s.wait_told(carol, "carol may not deploy", before)
    finally:
        s.slack.person(carol, name="carol", real_name="carol", profile={"display_name": "carol"})
    s.assert_open()
    s.assert_never(version)


def test_who_lacks_the_permission_hears_who_has_it_and_nobody_else_hears(s):
    version, before = s.next_version(), s.told("carol")
    everybody = len(s.slack.ephemerals())
    s.slack.mention("carol", "deploys", s.command(version))
    text = s.wait_told("carol", "carol may not deploy", before)
    assert "alice" in text and "bob" in text and "Nothing was changed" in text
    assert len(s.slack.ephemerals()) == everybody + 1
    assert not [m for m in s.slack.messages(from_bot=True) if "may not deploy" in m["text"]]
    s.question()
    before = s.told("carol")
    s.reply("carol", "fail")
    assert "bob" in s.wait_told("carol", "carol may not fail", before)
    s.assert_open()
    s.assert_never(version)


def test_a_group_of_slack_counts_is_remembered_and_read_again_when_it_changes(s):
    def asked():
        return len(s.slack.calls("usergroups.users.list"))

    s.question()
    before = s.told("carol")
    assert s.click("carol", s.asked, "fail")
    text = s.wait_told("carol", "may not fail", before)
    assert "These may: bob and the Slack group of web-oncall." in text
    calls = asked()
    s.slack.do("usergroup", group="web-oncall", users=["carol"])
    wait_acknowledged(s)
    assert s.click("carol", s.asked, "fail")
    s.wait_answer("fail", by="carol")
    assert calls < asked() <= calls + 2, "Slack tells the change by two events"
    calls = asked()
    s.question()
    before = s.told("alice")
    assert s.click("alice", s.asked, "fail")
    s.wait_told("alice", "may not fail", before)
    assert asked() == calls, "the group is remembered"
    s.slack.do("usergroup", group="web-oncall", users=["alice", "bob"])
    wait_acknowledged(s)
    assert s.click("alice", s.asked, "fail")
    s.wait_answer("fail", by="alice")


def test_who_became_a_guest_while_the_window_was_open_is_told(s):
    s.click("bob", s.question(), "choose")
    view, before = s.slack.wait_view("bob"), s.told("bob")
    s.slack.person("bob", is_restricted=True)
    wait_acknowledged(s)
    try:
        assert s.slack.submit(view, {"answer": {"v": "fail"}})["acknowledged"]
        s.wait_told("bob", "guest", before)
    finally:
        s.slack.person("bob", is_restricted=False)
        wait_acknowledged(s)
    s.assert_open()


def test_a_window_of_a_question_that_is_over_is_answered(s):
    s.click("bob", s.question(), "choose")
    view, before = s.slack.wait_view("bob"), s.told("bob")
    assert s.rig.local().say("fail", f"Q{s.number}")[0] == 200
    s.wait_answered(s.asked)
    assert s.slack.submit(view, {"answer": {"v": "exclude"}})["acknowledged"]
    s.wait_told("bob", "was answered by", before)


def test_a_look_at_the_machine_is_answered(s):
    version = s.next_version()
    s.slack.mention("alice", "deploys", f"deploy lost {version} to production")
    asked = s.slack.wait_message("deploys", lambda m: version in m["text"] and s.slack.buttons(m))
    before = s.told("bob")
    assert s.click("bob", asked, "check")
    s.wait_told("bob", "is asked again", before)
    assert s.click("bob", asked, "fail")
    s.wait_answered(asked)


def test_while_it_is_not_known_who_is_in_a_group_nobody_is_refused_for_it(s):
    s.question()
    s.server.kill()
    s.slack.fail_next("usergroups.users.list", fault="500", times=1000)
    s.restart()
    before = s.told("carol")
    assert s.click("carol", s.asked, "fail")
    assert "who is in web-oncall" in s.wait_told("carol", "Slack could not be asked", before)
    s.assert_open()
    s.slack.calm()
    s.server.kill()
    s.restart()
    assert s.click("bob", s.asked, "fail")
    s.wait_answer("fail")
