"""What people do in the fake Slack: clicks, windows, commands, and what is told of them."""

import json

import pytest
import slack_fake
from slack_fake_stage import actions, api, aside, button, clicked, events_of, hello, modal, next_of, process, section, slack

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


def test_a_trigger_works_once_and_for_three_seconds(api, slack):
    trigger = clicked(api, slack)
    assert api.call("views.open", trigger_id=trigger, view=modal())["ok"]
    assert api.call("views.open", trigger_id=trigger, view=modal())["error"] == "exchanged_trigger_id"
    assert api.call("views.open", trigger_id="1.2.3", view=modal())["error"] == "invalid_arguments"
    slack.set(trigger_ms=1)
    assert api.call("views.open", trigger_id=clicked(api, slack), view=modal())["error"] == "expired_trigger_id"


def test_a_modal_is_filled_in_and_answered(api, slack):
    view = api.call("views.open", trigger_id=clicked(api, slack), view=modal(private_metadata="42"))["view"]
    with pytest.raises(AssertionError, match="wants something in note"):
        slack.submit(view)
    link = hello(api)
    submit = aside(slack.submit, view, {"note": {"v": "disk is broken"}})
    envelope = link.message()
    sent = envelope["payload"]["view"]
    assert sent["state"]["values"] == {"note": {"v": {"type": "plain_text_input", "value": "disk is broken"}}}
    assert sent["private_metadata"] == "42" and envelope["accepts_response_payload"]
    link.ack(envelope, payload={"response_action": "errors", "errors": {"note": "too short"}})
    assert submit()["errors"] == {"note": "too short"} and slack.views("alice")[0]["open"]
    submit = aside(slack.submit, view, {"note": {"v": "disk is really broken"}})
    link.ack(link.message())
    assert not submit()["open"]


def test_a_response_url_works_five_times(api, slack):
    link = hello(api)
    command = aside(slack.command, "carol", "random", "status")
    envelope = link.message()
    link.ack(envelope)
    assert command()
    payload = envelope["payload"]
    assert (payload["command"], payload["text"], payload["is_enterprise_install"]) == ("/guidepost", "status", "false")
    path = "/response/" + payload["response_url"].split("/response/")[1]

    def respond(**said):
        return api.send(path, json.dumps(said).encode(), {"Content-Type": "application/json"})[0]

    assert respond(text="x", blocks=[section("x" * 3001)]) == 400
    assert [respond(text=str(i)) for i in range(6)] == [200] * 5 + [404]
    assert [seen["text"] for seen in slack.ephemerals("carol")] == ["0", "1", "2", "3", "4"]
    assert respond(text="x") == 404


def test_two_people_click_at_the_same_moment(api, slack):
    link = hello(api)
    ts = api.post(blocks=[actions(button(value="42:1"))])["ts"]
    click = aside(slack.click, ["alice", "bob"], {"channel": "C0DEPLOYS", "ts": ts}, "a", times=2)
    envelopes = [next_of(link, "interactive") for _ in range(4)]
    for envelope in envelopes:
        link.ack(envelope)
    assert click()
    assert sorted(e["payload"]["user"]["id"] for e in envelopes) == ["U0ALICE"] * 2 + ["U0BOB"] * 2
    assert {(e["payload"]["actions"][0]["value"], e["payload"]["message"]["ts"]) for e in envelopes} == {("42:1", ts)}


def test_what_an_old_message_showed_can_be_clicked(api, slack):
    link = hello(api)
    ts = api.post(blocks=[actions(button(value="42:1"))])["ts"]
    api.call("chat.update", channel="C0DEPLOYS", ts=ts, text="answered", blocks=[])
    with pytest.raises(AssertionError, match="has no"):
        slack.click("bob", {"channel": "C0DEPLOYS", "ts": ts}, "a")
    click = aside(slack.click, "bob", {"channel": "C0DEPLOYS", "ts": ts}, "a", stale=True)
    link.ack(next_of(link, "interactive"))
    assert click()


def test_a_mention_is_told_twice_and_an_edit_again(api, slack):
    link = hello(api)
    ts = slack.mention("alice", "deploys", "status")
    events = events_of(link, 2)
    assert sorted(e["type"] for e in events) == ["app_mention", "message"]
    assert {(e["ts"], e["text"], e["channel"], e["user"]) for e in events} == {(ts, "<@U0GUIDEPOST> status", "C0DEPLOYS", "U0ALICE")}
    slack.do("edit", user="alice", channel="deploys", ts=ts, text="<@U0GUIDEPOST> stop")
    events = events_of(link, 2)
    assert [(e["type"], e.get("subtype")) for e in events] == [("message", "message_changed"), ("app_mention", None)]
    assert events[1]["edited"]["user"] == "U0ALICE" and events[1]["ts"] == ts
    slack.do("unfurl", user="alice", channel="deploys", ts=ts)
    assert events_of(link, 1)[0]["subtype"] == "message_changed" and link.quiet()


def test_own_posts_come_back_and_strangers_are_marked(api, slack):
    link = hello(api)
    api.post("mine")
    assert (event := events_of(link, 1)[0])["bot_id"] == "B0GUIDEPOST" and event["user"] == "U0GUIDEPOST"
    slack.say("stranger", "shared", "hello")
    envelope = link.message()
    assert envelope["payload"]["is_ext_shared_channel"] and envelope["payload"]["event"]["user_team"] == "T0ELSEWHERE"
    slack.say("alice", "random", "the bot is not here")
    assert link.quiet()
    slack.say("alice", "dm", "status")
    assert events_of(link, 1)[0]["channel_type"] == "im"
