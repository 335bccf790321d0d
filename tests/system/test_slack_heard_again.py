"""What is heard several times in Slack has its effect exactly once, whatever dies meanwhile."""

import time

import pytest
import slack_fake
from rig import until
from slack_heard_rig import SETTLE_SECONDS, process, s, wait_acknowledged

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


# --- the same thing several times


def repeats(s, **change):
    """Slack sends all that it sent of the last message or click again."""
    last = s.slack.envelopes()[-1]["envelope_id"]
    assert s.slack.do("repeat", envelope_id=last, **change)["sent"]


def test_an_event_that_slack_retries_is_done_once(s):
    version = s.next_version()
    s.slack.set(ack_ms=200, ignore_acks=1000)
    ts = s.slack.mention("alice", "deploys", s.command(version))
    retried = lambda: [e for e in s.slack.envelopes("events_api") if e["payload"]["event"].get("ts") == ts]  # noqa: E731
    until("three retries", lambda: max((e["retry_attempt"] for e in retried()), default=0) >= 3)
    assert len({e["payload"]["event_id"] for e in retried()}) == 2
    s.slack.calm()
    s.wait_once(version)


@pytest.mark.parametrize("change", [{}, {"new_envelope": True}, {"new_envelope": True, "event_id": "Ev0OTHER"}], ids=["same", "new", "other"])
@pytest.mark.parametrize("restart", [False, True], ids=["at once", "after a restart"])
def test_an_event_that_comes_again_is_done_once(s, change, restart):
    version, before = s.next_version(), s.told("alice")
    s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)
    if restart:
        s.server.kill()
        s.restart()
    for _ in range(3):
        repeats(s, **change)
    wait_acknowledged(s)
    s.wait_once(version)
    if not restart:
        s.wait_told("alice", version, before)


def test_a_first_sight_as_a_retry_is_done(s):
    version = s.next_version()
    assert s.server.stop() == 0
    ts = s.slack.mention("alice", "deploys", s.command(version))
    s.restart()
    s.wait_once(version)
    seen = [e for e in s.slack.envelopes("events_api") if e["payload"]["event"].get("ts") == ts]
    assert seen and all(e["retry_attempt"] > 0 for e in seen)


def test_a_click_that_comes_again_is_done_once(s):
    s.question()
    assert s.click("bob", s.asked, "retry", times=2)
    again = s.slack.wait_message("deploys", lambda m: m["ts"] > s.asked["ts"] and s.slack.buttons(m))
    for restart in (False, True):
        if restart:
            s.server.kill()
            s.restart()
        repeats(s)
        repeats(s, new_envelope=True)
        wait_acknowledged(s)
        time.sleep(SETTLE_SECONDS)
        run = s.deployment(s.id)["steps"][0]["runs"][1]
        assert run["attempt"] == 2, run
    s.asked, s.number = again, run["question"]
    assert s.click("bob", again, "fail")
    s.wait_answer("fail")


def test_a_command_by_slash_that_comes_again_is_done_once(s):
    version = s.next_version()
    assert s.slack.command("alice", "deploys", s.command(version))
    s.wait_once(version)
    repeats(s)
    s.server.kill()
    s.restart()
    repeats(s, new_envelope=True)
    wait_acknowledged(s)
    s.wait_once(version)


# --- what dies meanwhile


def test_what_was_done_before_kill_9_is_not_done_again(s):
    version = s.next_version()
    s.slack.set(ignore_acks=1000)
    s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)
    s.server.kill()
    s.slack.calm()
    s.restart()
    wait_acknowledged(s)
    s.wait_once(version)


def test_what_was_not_done_before_kill_9_is_done_after_it(s):
    version = s.next_version()
    s.rig.redis_program.pause()
    s.slack.mention("alice", "deploys", s.command(version))
    time.sleep(0.5)
    assert s.slack.stats()["unacknowledged"] >= s.given_up + 2, "acknowledged before it is recorded"
    s.server.kill()
    s.rig.redis_program.resume()
    s.restart()
    s.wait_once(version)
    wait_acknowledged(s)


def test_an_answer_that_slack_repeats_after_kill_9_counts_once(s):
    s.question()
    s.slack.set(ignore_acks=1000)
    s.reply("bob", "exclude web-2 -- before the crash")
    s.wait_answer("exclude")
    s.server.kill()
    s.slack.calm()
    s.restart()
    wait_acknowledged(s)
    assert s.asked_now()["note"] == "before the crash"
    until("the end", lambda: s.deployment(s.id)["state"] == "succeeded_with_warnings")


def test_what_was_refused_without_redis_is_done_when_slack_repeats_it(s):
    version, before = s.next_version(), len(s.slack.messages("D0ALICE", from_bot=True))
    s.rig.redis_program.kill()
    try:
        ts = s.slack.say("alice", "dm", s.command(version))
        told = until("alice to be told", lambda: s.slack.messages("D0ALICE", from_bot=True)[before:])[0]["text"]
        assert "Nothing was recorded" in told
    finally:
        s.rig.redis_program.start()
    until("redis", s.rig.redis_answers)
    until("the server to be ready", lambda: s.rig.server_ready(s.server))
    said = next(e for e in s.slack.envelopes("events_api") if e["payload"]["event"].get("ts") == ts)
    for _ in range(2):
        s.slack.do("repeat", envelope_id=said["envelope_id"], new_envelope=True)
    s.wait_once(version)


def test_without_redis_nothing_is_done_and_that_is_said(s):
    version, before = s.next_version(), s.told("bob")
    s.question()
    s.rig.redis_program.kill()
    try:
        assert s.click("bob", s.asked, "fail")
        s.wait_told("bob", "Nothing was recorded", before)
        before, alice = s.told("bob"), s.told("alice")
        s.slack.command("bob", "deploys", "pending")
        s.wait_told("bob", "try again", before)
        before = s.told("bob")
        s.reply("bob", "fail")
        s.wait_told("bob", "Nothing was recorded", before)
        s.slack.mention("alice", "deploys", s.command(version))
        until("alice to be told", lambda: s.slack.ephemerals("alice")[alice:])
        assert "Nothing was recorded" in s.slack.ephemerals("alice")[-1]["text"]
    finally:
        s.rig.redis_program.start()
    until("redis", s.rig.redis_answers)
    until("the server to be ready", lambda: s.rig.server_ready(s.server))
    s.assert_open()
    s.assert_never(version)
    s.slack.mention("alice", "deploys", s.command(version))
    s.wait_once(version)
    assert s.click("bob", s.asked, "fail")
    s.wait_answer("fail")
