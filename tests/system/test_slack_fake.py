"""The fake Slack enforces what Slack enforces, and fails when it is told to: else the tests against it would prove nothing."""

import json
import threading
import time

import pytest
import slack_fake
from slack_fake import SlackFake
from slack_wire import TEXT, Api

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with SlackFake(tmp_path_factory.mktemp("slack"), speed=200) as slack:
        yield slack


@pytest.fixture
def slack(process):
    process.do("reset")
    return process


@pytest.fixture
def api(slack):
    return Api(slack)


def hello(api, **more):
    link = api.open(**more)
    assert link.message()["type"] == "hello"
    return link


def aside(act, *args, **more):
    """Does it in a thread, since it waits for an acknowledgement; gives what join() needs to get the outcome."""
    found = []
    thread = threading.Thread(target=lambda: found.append(act(*args, **more)))
    thread.start()

    def join():
        thread.join(10)
        return found[0]

    return join


# --- tokens, scopes, content types


@pytest.mark.parametrize(
    "method, token, error",
    [
        ("auth.test", None, "not_authed"),
        ("auth.test", "xoxb-wrong", "invalid_auth"),
        ("auth.test", "app", "not_allowed_token_type"),
        ("auth.test", "xoxp-0123456789-0fake0user0token", "not_allowed_token_type"),
        ("apps.connections.open", "bot", "not_allowed_token_type"),
        ("no.such.method", "bot", "unknown_method"),
    ],
)
def test_each_method_wants_its_token(api, method, token, error):
    assert api.call(method, token=token) == {"ok": False, "error": error, **({"req_method": method} if error == "unknown_method" else {})}


def test_a_token_is_taken_in_the_header_only_for_connections(api, slack):
    assert api.call("apps.connections.open", token=None, type=FORM, **{})["error"] == "not_authed"
    assert api.send("/api/apps.connections.open", f"token={slack.app_token}".encode(), {"Content-Type": FORM})[2]["error"] == "not_authed"


def test_a_scope_that_is_missing_is_named(api, slack):
    slack.do("app", scopes=["chat:write", "im:history"])
    said = api.form("conversations.history", channel="C0PRIVATE")
    assert (said["error"], said["needed"], said["provided"]) == ("missing_scope", "groups:history", "chat:write,im:history")


def test_the_app_has_the_scopes_of_the_manifest(api):
    scopes = api.call_whole("auth.test")[1]["X-OAuth-Scopes"].split(",")
    assert "chat:write" in scopes and "chat:write.public" not in scopes
    assert f"    bot:\n      - {scopes[0]} " in slack_fake.MANIFEST.read_text()


def test_an_account_can_be_switched_off(api, slack):
    slack.do("app", bot_error="account_inactive")
    assert api.call("auth.test")["error"] == "account_inactive"


@pytest.mark.parametrize(
    "type, body, error",
    [
        ("application/json", b'{"channel":"C0DEPLOYS","text":"x"}', None),
        ("text/plain", b"channel=C0DEPLOYS&text=x", "invalid_post_type"),
        ("", b"channel=C0DEPLOYS&text=x", "missing_post_type"),
        ("application/json; charset=latin1", b"{}", "invalid_charset"),
        (JSON, b"{", "invalid_json"),
        (JSON, b"[1]", "json_not_object"),
        (FORM, b"channel=C0DEPLOYS&text=x&blocks=nonsense", "invalid_blocks_format"),
        (FORM, b"channel=C0DEPLOYS&text=x&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D", None),
    ],
)
def test_bodies_must_say_what_they_are(api, slack, type, body, error):
    headers = {"Authorization": f"Bearer {slack.bot_token}", **({"Content-Type": type} if type else {})}
    said = api.send("/api/chat.postMessage", body, headers)[2]
    assert said.get("error") == error
    assert (said.get("warning") == "missing_charset") == (type == "application/json")


def test_methods_that_read_take_no_json(api):
    assert api.call("conversations.info", channel="C0DEPLOYS")["error"] == "invalid_arguments"
    assert api.form("conversations.info", channel="C0DEPLOYS")["channel"]["name"] == "deploys"


def test_slashes_are_escaped_and_the_address_is_the_one_that_was_asked(api, slack):
    headers = {"Authorization": f"Bearer {slack.app_token}", "Host": f"127.0.0.1:{slack.port}"}
    assert api.send("/api/apps.connections.open", b"", headers)[2]["url"].startswith(f"wss://127.0.0.1:{slack.port}/link/?ticket=")


# --- limits


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text):
    return {"type": "section", "text": mrkdwn(text)}


def button(text="Retry", **more):
    return {"type": "button", "text": plain(text), "action_id": "a", **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


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


def modal(**more):
    note = {"type": "input", "block_id": "note", "label": plain("Note"), "element": {"type": "plain_text_input", "action_id": "v"}}
    return {"type": "modal", "title": plain("Question 42"), "submit": plain("Answer"), "blocks": [note], "callback_id": "answer", **more}


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


# --- rates and faults


def test_real_limits_slow_a_channel_down(api, slack):
    slack.set(limits="real")
    said = [api.call_whole("chat.postMessage", channel="C0DEPLOYS", text=str(i)) for i in range(5)]
    time.sleep(0.2)  # what comes at once may have been under way already
    said.append(api.call_whole("chat.postMessage", channel="C0DEPLOYS", text="5"))
    assert [status for status, _, _ in said] == [200] * 4 + [429] * 2
    assert said[4][1]["Retry-After"] == "1" and said[4][2] == {"ok": False, "error": "ratelimited"}
    assert api.post(channel="C0PRIVATE")["ok"], "another channel has a bucket of its own"
    assert [early["key"] for early in slack.stats()["ignored_retry_after"]] == ["chat.postMessage C0DEPLOYS"]


def test_real_limits_slow_a_method_down(api, slack):
    slack.set(limits="real")
    group = {"usergroup": "S0WEBONCALL"}
    assert [api.form("usergroups.users.list", **group)["ok"] for _ in range(21)] == [True] * 20 + [False]


def test_replies_can_be_lost_after_the_deed(api, slack):
    slack.fail_next("chat.postMessage", fault="lost_reply")
    with pytest.raises(ConnectionError):
        api.post("only once")
    slack.fail_next("chat.postMessage", fault="lost_request")
    with pytest.raises(ConnectionError):
        api.post("never")
    assert [m["text"] for m in slack.messages("deploys")] == ["only once"]


def test_a_response_url_can_fail_too(api, slack):
    link = hello(api)
    command = aside(slack.command, "carol", "random", "status")
    envelope = link.message()
    link.ack(envelope)
    assert command()
    path = "/response/" + envelope["payload"]["response_url"].split("/response/")[1]
    slack.fail_next("response_url", fault="500")
    assert api.send(path, b'{"text":"x"}')[0] == 500
    slack.fail_next("response_url", fault="lost_reply")
    with pytest.raises(ConnectionError):
        api.send(path, b'{"text":"y"}')
    assert [seen["text"] for seen in slack.ephemerals("carol")] == ["y"]


@pytest.mark.parametrize("fault, status", [("429", 429), ("500", 500), ("html", 503), ("broken_json", 200)])
def test_answers_can_be_bad(api, slack, fault, status):
    slack.fail_next("chat.postMessage", fault=fault, retry_after=7)
    said = api.call_whole("chat.postMessage", channel="C0DEPLOYS", text="x")
    assert said[0] == status and said[1].get("Retry-After") == ("7" if fault == "429" else None)
    assert api.post()["ok"] and len(slack.messages("deploys")) == 1


def test_chance_follows_the_settings(api, slack):
    slack.set(p_500=0.5, methods=["auth.test"])
    statuses = [api.call_whole("auth.test")[0] for _ in range(40)]
    assert 8 < statuses.count(500) < 32
    assert all(api.post()["ok"] for _ in range(10))
    with pytest.raises(AssertionError, match="there is no setting"):
        slack.set(p_nonsense=1)


# --- what people do


def clicked(api, slack):
    """A fresh trigger_id."""
    link = hello(api)
    click = aside(slack.click, "alice", {"channel": "C0DEPLOYS", "ts": api.post(blocks=[actions(button(value="42:1"))])["ts"]}, "a")
    envelope = next_of(link, "interactive")
    link.ack(envelope)
    assert click()
    link.close()
    return envelope["payload"]["trigger_id"]


def next_of(link, type):
    while True:
        message = link.message()
        if message["type"] == type:
            return message
        link.ack(message)


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


def events_of(link, count):
    found = []
    for _ in range(count):
        envelope = link.message()
        link.ack(envelope)
        found.append(envelope["payload"]["event"])
    return found


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


# --- Socket Mode


def test_a_ticket_works_once_and_not_for_long(api, slack):
    url = api.call("apps.connections.open", token="app", type=FORM)["url"]
    api.open(url=url)
    for wrong in (url, url.replace("ticket=", "ticket=0")):
        with pytest.raises(ConnectionError, match="401"):
            api.open(url=wrong)
    slack.set(ticket_ms=-1)
    with pytest.raises(ConnectionError, match="401"):
        api.open()


def test_hello_tells_how_many_there_are(api, slack):
    links = [api.open() for _ in range(3)]
    assert [link.message()["num_connections"] for link in links] == [1, 2, 3]
    slack.do("ghosts", count=2)
    links.append(api.open())
    message = links[-1].message()
    assert message["num_connections"] == 6 and message["debug_info"]["approximate_connection_time"] == 18060


def test_each_envelope_goes_to_one_connection(api, slack):
    links = [hello(api) for _ in range(3)]
    slack.do("app", events=["message.channels"])
    for i in range(6):
        slack.say("alice", "deploys", str(i))
    heard = [events_of(link, 2) for link in links]
    assert sorted(event["text"] for events in heard for event in events) == list("012345")
    assert all(link.quiet(0.1) for link in links)


def test_events_come_again_three_times(api, slack):
    slack.set(ack_ms=100)
    slack.do("app", events=["message.channels"])
    link = hello(api)
    slack.say("alice", "deploys", "hello")
    told = [link.message() for _ in range(4)]
    assert [(e["retry_attempt"], e["retry_reason"]) for e in told] == [(0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout")]
    assert len({e["envelope_id"] for e in told}) == 4 and len({e["payload"]["event_id"] for e in told}) == 1
    assert link.quiet() and slack.stats()["counts"]["given_up"] == 1


def test_an_acknowledged_event_does_not_come_again(api, slack):
    slack.set(ack_ms=100)
    link = hello(api)
    slack.say("alice", "deploys", "hello")
    events_of(link, 1)
    assert link.quiet(0.5) and slack.stats()["counts"]["acks"] == 1


def test_what_was_said_while_nobody_listened_comes_as_a_retry(api, slack):
    slack.say("alice", "deploys", "hello")
    time.sleep(0.1)
    assert hello(api).message(5)["retry_attempt"] in (2, 3)


def test_what_was_on_a_lost_connection_comes_under_the_same_name(api, slack):
    first = hello(api)
    slack.say("alice", "deploys", "hello")
    envelope = first.message()
    first.close()
    assert hello(api).message() == envelope


def test_clicks_and_commands_never_come_again(api, slack):
    slack.set(ack_ms=100)
    link = hello(api)
    assert not slack.command("alice", "deploys", "status")
    assert link.message()["type"] == "slash_commands" and link.quiet(0.5)
    link.close()
    slack.until("the connection to be gone", lambda: slack.stats()["connections"] == 0)
    assert not slack.command("alice", "deploys", "status")
    assert hello(api).quiet(0.5) and slack.stats()["counts"]["lost"] == 2


@pytest.mark.parametrize("final, payload", [(True, b"x" * 20481), (False, b'{"envelope_id":')], ids=["large", "fragmented"])
def test_large_and_fragmented_frames_end_the_connection(api, slack, final, payload):
    link = hello(api)
    link.write(TEXT, payload, final)
    assert link.message() == ("close", 1009) and slack.stats()["counts"]["too_big"] == 1


def test_a_frame_of_20480_bytes_is_taken(api, slack):
    link = hello(api)
    link.write(TEXT, json.dumps({"envelope_id": "x" * (20480 - 19)}).encode())
    slack.until("the frame to be read", lambda: slack.stats()["counts"]["unknown_acks"] == 1)


def test_an_eleventh_connection_is_too_many(api, slack):
    links = [hello(api) for _ in range(10)]
    eleventh = api.open()
    assert eleventh.message()["reason"] == "too_many_websockets" and eleventh.message() == ("close", 1000)
    assert slack.stats()["connections"] == len(links)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled", "too_many_websockets"])
def test_a_disconnect_is_announced(api, slack, reason):
    link, other = hello(api), hello(api)
    number = slack.stats()["links"][0]["number"]
    slack.disconnect(reason, number=number, close_after_ms=300)
    assert link.message()["reason"] == reason
    for _ in range(4):
        slack.say("alice", "deploys", "goes to the other one")
    assert events_of(other, 4) and link.message() == ("close", 1000)


def test_a_connection_grows_old(api, slack):
    slack.set(connection_seconds=10)
    assert hello(api).message()["reason"] == "warning"


def test_pings_carry_words_and_can_stop(api, slack):
    slack.set(ping_ms=50)
    link = hello(api)
    assert link.quiet(0.4) and link.pings > 3
    slack.until("the pongs", lambda: slack.stats()["counts"]["pongs"] > 3)
    slack.set(no_pings=True)
    link.quiet(0.2)
    before = link.pings
    assert link.quiet(0.3) and link.pings == before


def test_a_connection_can_be_half_open(api, slack):
    slack.set(ping_ms=50)
    link = hello(api)
    slack.half_open()
    link.quiet(0.1)
    before = link.pings
    slack.say("alice", "deploys", "hello")
    assert link.quiet(0.5) and link.pings == before and slack.stats()["connections"] == 1


def test_ghosts_swallow_their_share(api, slack):
    slack.set(ack_ms=50)
    slack.do("ghosts", count=1)
    link = hello(api)
    commands = [aside(slack.command, "alice", "deploys", str(i)) for i in range(4)]
    for _ in range(2):
        link.ack(link.message())
    assert sorted(join() for join in commands) == [False, False, True, True]


@pytest.mark.parametrize("setting", [{"chunk_bytes": 1}, {"fragment_bytes": 7}, {"fragment_bytes": 100, "chunk_bytes": 3}])
def test_frames_can_come_in_pieces(api, slack, setting):
    link = hello(api)
    slack.set(**setting)
    slack.say("alice", "deploys", "zwölf → 漢字 🚀")
    assert events_of(link, 1)[0]["text"] == "zwölf → 漢字 🚀"
    assert (link.fragments > 5, link.pings > 5) == (("fragment_bytes" in setting),) * 2


def test_an_envelope_can_come_twice(api, slack):
    link = hello(api)
    slack.set(p_duplicate=1)
    slack.say("alice", "deploys", "hello")
    first, second = link.message(), link.message()
    assert first == second
    link.ack(first)
    link.ack(second)
    slack.until("both to be acknowledged", lambda: slack.stats()["counts"]["acks"] == 2)
    slack.set(p_duplicate=0)
    slack.do("repeat", envelope_id=first["envelope_id"], new_envelope=True, event_id="Ev0OTHER")
    again = link.message()
    assert again["envelope_id"] != first["envelope_id"] and again["payload"]["event_id"] == "Ev0OTHER"
    assert again["payload"]["event"] == first["payload"]["event"]


def test_envelopes_can_overtake_each_other(api, slack):
    slack.set(reorder_ms=200)
    slack.do("app", events=["message.channels"])
    link = hello(api)
    for i in range(10):
        slack.say("alice", "deploys", str(i))
    heard = [event["text"] for event in events_of(link, 10)]
    assert heard != sorted(heard) == list("0123456789")


def test_anything_can_be_sent(api, slack):
    link = hello(api)
    slack.do("raw", text='{"envelope_id":"1","type":"novelty","payload":{}}')
    assert link.message()["type"] == "novelty"
    slack.do("raw", text='{"envelope_id":"2", broken')
    with pytest.raises(ValueError):
        link.message()
    sent = aside(slack.do, "envelope", type="interactive", payload={"type": "shortcut", "callback_id": "x"})
    envelope = link.message()
    link.ack(envelope)
    assert envelope["payload"]["callback_id"] == "x" and sent()["acknowledged"]


def test_administrators_are_heard(api, slack):
    link = hello(api)
    assert slack.person("bob", deleted=True)["deleted"]
    slack.do("newcomer", name="dora")
    slack.do("usergroup", group="web-oncall", users=["alice", "carol"])
    changed, joined, members, updated = events_of(link, 4)
    assert (changed["type"], changed["user"]["deleted"]) == ("user_change", True)
    assert (joined["type"], joined["user"]["id"]) == ("team_join", "U0DORA")
    assert (members["added_users"], members["removed_users"]) == (["U0CAROL"], ["U0BOB"])
    assert updated["type"] == "subteam_updated"
    slack.do("app", events=["app_uninstalled", "tokens_revoked"])
    slack.do("uninstall")
    assert [event["type"] for event in events_of(link, 2)] == ["app_uninstalled", "tokens_revoked"]
    assert api.call("auth.test")["error"] == "account_inactive"


def test_a_dead_slack_can_come_back(api, slack):
    link = hello(api)
    slack.do("away", away=True)
    with pytest.raises(ConnectionError):
        link.message()
    with pytest.raises(ConnectionRefusedError):
        api.post()
    slack.do("away", away=False)
    assert api.post()["ok"]


def test_the_workspace_survives_a_restart(tmp_path):
    slack = SlackFake(tmp_path, state_file=tmp_path / "state.json")
    with slack:
        slack.say("alice", "deploys", "remember")
    with slack:
        assert [m["text"] for m in slack.messages("deploys")] == ["remember"]
