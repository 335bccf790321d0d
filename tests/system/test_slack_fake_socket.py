"""Socket Mode of the fake Slack: envelopes, what comes again, and how connections end."""

import json
import time

import pytest
import slack_fake
from slack_fake import SlackFake
from slack_fake_stage import FORM, api, aside, events_of, hello, process, slack
from slack_wire import TEXT

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


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
