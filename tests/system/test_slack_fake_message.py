"""Messages and windows of the fake Slack: what fits, what does not by one, and what becomes of them."""

import pytest
import slack_fake
from slack_fake_stage import actions, api, button, clicked, modal, mrkdwn, plain, process, section, slack

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


# --- limits


def asking(**more):
    return actions(button(confirm={"title": plain("Sure?"), "text": plain("x"), "confirm": plain("Yes"), "deny": plain("No"), **more}))


def preformatted(text):
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}]}


def menu(type, count):
    return actions({"type": type, "action_id": "m", "options": [{"text": plain(str(i)), "value": str(i)} for i in range(count)]})


BLOCKS = [  # what fits, and what does not by one
    ("blocks", [section("x")] * 50, [section("x")] * 51),
    ("section", [section("ä" * 3000)], [section("x" * 3001)]),
    ("empty section", [section("x")], [section("")]),
    ("fields", [{"type": "section", "fields": [mrkdwn("x" * 200)] * 10}], [{"type": "section", "fields": [mrkdwn("x")] * 11}]),
    ("field", [{"type": "section", "fields": [mrkdwn("x" * 2000)]}], [{"type": "section", "fields": [mrkdwn("x" * 2001)]}]),
    ("header", [{"type": "header", "text": plain("x" * 150)}], [{"type": "header", "text": plain("x" * 151)}]),
    ("header is plain", [{"type": "header", "text": plain("x")}], [{"type": "header", "text": mrkdwn("x")}]),
    ("context", [{"type": "context", "elements": [mrkdwn("x")] * 10}], [{"type": "context", "elements": [mrkdwn("x")] * 11}]),
    ("actions", [actions(*(button(action_id=str(i)) for i in range(25)))], [actions(*(button(action_id=str(i)) for i in range(26)))]),
    ("actions twice", [actions(button(action_id="a"), button(action_id="b"))], [actions(button(), button())]),
    ("button", [actions(button("x" * 75))], [actions(button("x" * 76))]),
    ("value", [actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))]),
    ("action_id", [actions(button(action_id="x" * 255))], [actions(button(action_id="x" * 256))]),
    ("block_id", [{**section("x"), "block_id": "x" * 255}], [{**section("x"), "block_id": "x" * 256}]),
    ("block_id twice", [{**section("x"), "block_id": "1"}, section("y")], [{**section("x"), "block_id": "1"}] * 2),
    ("style", [actions(button(style="danger"))], [actions(button(style="default"))]),
    ("confirm", [asking(text=plain("x" * 300))], [asking(text=plain("x" * 301))]),
    ("confirm title", [asking(title=plain("x" * 100))], [asking(title=plain("x" * 101))]),
    ("deny", [asking(deny=plain("x" * 30))], [asking(deny=plain("x" * 31))]),
    ("static_select", [menu("static_select", 100)], [menu("static_select", 101)]),
    ("overflow", [menu("overflow", 5)], [menu("overflow", 6)]),
    ("rich text", [preformatted("x" * 5000)], [preformatted("")]),
    ("unknown field", [section("x")], [{**section("x"), "colour": "red"}]),
    ("unknown block", [{"type": "divider"}], [{"type": "banner"}]),
]


@pytest.mark.parametrize("fits, too_much", [row[1:] for row in BLOCKS], ids=[row[0] for row in BLOCKS])
def test_blocks_have_limits(api, fits, too_much):
    assert api.post(blocks=fits)["ok"]
    refused = api.post(blocks=too_much)
    assert refused["error"] == "invalid_blocks"
    assert "[json-pointer:/blocks" in refused["response_metadata"]["messages"][0]


def test_texts_have_limits(api):
    cut = api.post("x" * 40001)
    assert len(cut["message"]["text"]) == 40000 and cut["warning"] == "message_truncated"
    assert api.call("chat.update", channel="C0DEPLOYS", ts=cut["ts"], text="x" * 4001)["error"] == "msg_too_long"
    assert api.post("")["error"] == "no_text"
    assert api.post(blocks=[section("x" * 3000)] * 5)["error"] == "msg_blocks_too_long"


@pytest.mark.parametrize(
    "metadata, error",
    [
        ({"event_type": "question", "event_payload": {"nonce": "1", "step": {"name": "x"}, "more": [{"a": 1}]}}, None),
        ({"event_type": "question"}, "invalid_metadata_format"),
        ({"event_type": "two words", "event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "question", "event_payload": {"a": None}}, "invalid_metadata_schema"),
        ({"event_type": "question", "event_payload": {"a": {"b": {"c": 1}}}}, "invalid_metadata_schema"),
        ({"event_type": "question", "event_payload": {"a": "x" * 9000}}, "metadata_too_large"),
    ],
)
def test_metadata_is_flat_and_small(api, metadata, error):
    assert api.post(metadata=metadata).get("error") == error


@pytest.mark.parametrize(
    "change",
    [
        {"title": plain("x" * 25)},
        {"submit": plain("x" * 25)},
        {"private_metadata": "x" * 3001},
        {"callback_id": "x" * 256},
        {"blocks": [section("x")] * 101},
        {"blocks": []},
        {"submit": None},
        {"type": "home"},
    ],
)
def test_views_have_limits(api, slack, change):
    view = {name: value for name, value in modal(**change).items() if value is not None}
    said = api.call("views.open", trigger_id=clicked(api, slack), view=view)
    assert said["error"] == "invalid_arguments" and "[json-pointer:/view" in said["response_metadata"]["messages"][0]


def test_blocks_can_be_refused_for_no_reason(api, slack):
    slack.set(refuse_blocks=True)
    assert api.post(blocks=[section("x")])["error"] == "invalid_blocks"
    assert api.post()["ok"]


# --- messages


@pytest.mark.parametrize(
    "channel, error",
    [
        ("C0RANDOM", "not_in_channel"),
        ("C0HIDDEN", "channel_not_found"),
        ("C0NOWHERE", "channel_not_found"),
        ("C0ARCHIVE", "is_archived"),
        ("C0PRIVATE", None),
        ("U0ALICE", None),
    ],
)
def test_the_bot_posts_only_where_it_may(api, channel, error):
    assert api.post(channel=channel).get("error") == error


def test_only_own_messages_can_be_edited(api, slack):
    theirs = slack.say("alice", "deploys", "hello")
    assert api.call("chat.update", channel="C0DEPLOYS", ts=theirs, text="x")["error"] == "cant_update_message"
    assert api.call("chat.update", channel="C0DEPLOYS", ts="1.000001", text="x")["error"] == "message_not_found"
    ts = api.post("one", blocks=[actions(button())])["ts"]
    assert api.call("chat.update", channel="C0DEPLOYS", ts=ts, text="two", blocks=[])["ok"]
    now = slack.message({"channel": "C0DEPLOYS", "ts": ts})
    assert (now["text"], now["blocks"], [old["text"] for old in now["history"]]) == ("two", [], ["one"])


def test_ephemerals_are_for_members(api, slack):
    assert api.call("chat.postEphemeral", channel="C0PRIVATE", user="U0CAROL", text="x")["error"] == "user_not_in_channel"
    assert api.call("chat.postEphemeral", channel="C0DEPLOYS", user="U0CAROL", text="x")["ok"]
    assert [(seen["text"], seen["channel"]) for seen in slack.ephemerals("carol")] == [("x", "C0DEPLOYS")]


def test_metadata_is_kept_and_read_on_request(api):
    metadata = {"event_type": "question", "event_payload": {"nonce": "n-1"}}
    root = api.post(metadata=metadata)["ts"]
    reply = api.post(thread_ts=root, metadata=metadata)["ts"]
    api.call("chat.update", channel="C0DEPLOYS", ts=root, text="edited")
    assert "metadata" not in api.form("conversations.history", channel="C0DEPLOYS")["messages"][0]
    found = api.form("conversations.history", channel="C0DEPLOYS", include_all_metadata="true")["messages"]
    assert [(m["ts"], m["metadata"]) for m in found] == [(root, metadata)]
    found = api.form("conversations.replies", channel="C0DEPLOYS", ts=root, include_all_metadata="true")["messages"]
    assert [m["ts"] for m in found] == [root, reply] and found[1]["metadata"] == metadata


def test_history_comes_in_pages_newest_first(api):
    posted = [api.post(str(i))["ts"] for i in range(5)]
    since = {"channel": "C0DEPLOYS", "oldest": posted[0]}
    first = api.form("conversations.history", limit="2", **since)
    rest = api.form("conversations.history", limit="9", cursor=first["response_metadata"]["next_cursor"], **since)
    assert [m["ts"] for m in first["messages"] + rest["messages"]] == posted[:0:-1] and not rest["has_more"]


def test_who_would_page_everybody_is_found_out(api, slack):
    api.post("&lt;!channel&gt; is only text", blocks=[preformatted("<!channel>"), {"type": "header", "text": plain("<!here>")}])
    assert slack.stats()["mass_mentions"] == []
    api.post("x", blocks=[section("log: <!channel>")])
    api.post("<!here|here> x")
    assert len(slack.stats()["mass_mentions"]) == 2


def test_who_posts_twice_is_found_out(api, slack):
    for nonce in ("a", "b", "a"):
        api.post(metadata={"event_type": "question", "event_payload": {"nonce": nonce}})
    assert [twice["nonce"] for twice in slack.stats()["duplicates"]] == ["a"]


def test_people_are_what_they_are(api):
    def about(user):
        return api.form("users.info", user=user)["user"]

    assert about("U0GUEST")["is_ultra_restricted"] and about("U0FORMER")["deleted"] and about("U0OTHERBOT")["is_bot"]
    assert about("U0STRANGER")["team_id"] == "T0ELSEWHERE" and about("U0STRANGER")["is_stranger"]
    assert api.form("users.info", user="U0NOBODY")["error"] == "user_not_found"
    assert api.form("usergroups.users.list", usergroup="S0WEBONCALL")["users"] == ["U0ALICE", "U0BOB"]
    assert api.form("usergroups.users.list", usergroup="S0NOBODY")["error"] == "no_such_subteam"
