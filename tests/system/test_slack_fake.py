"""The fake Slack enforces what Slack enforces, and fails when it is told to: else the tests against it would prove nothing."""

import time

import pytest
import slack_fake
from slack_fake_stage import FORM, api, aside, hello, process, slack

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

JSON = "application/json; charset=utf-8"


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
