"""New tokens and authorities by SIGHUP: the new connection is there before the old one ends, and what does not work changes nothing."""

import re
import signal

import pytest
import slack_fake
from rig import until
from slack_rig import SlackRig

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

APP, BOT = "xapp-2-A0GUIDEPOST-second0app0token", "xoxb-2-second0bot0token"


@pytest.fixture
def rig(tmp_path):
    with SlackRig(tmp_path, paced=False) as rig:
        yield rig


def hup(rig, app=None, bot=None):
    if app is not None:
        (rig.folder / "app-token").write_text(app)
    if bot is not None:
        (rig.folder / "bot-token").write_text(bot)
    rig.rig.servers[0].signal(signal.SIGHUP)


def health(rig):
    status, text = rig.rig.local().ask("GET", "/readyz?verbose", server=rig.rig.servers[0])
    assert status == 200, text
    return re.search(r"^slack: (.*)$", text, re.M).group(1)


def links(rig):
    return {link["number"]: link["draining"] for link in rig.slack.stats()["links"] if link["ready"]}


def whoami(rig, user="alice"):
    known = len(rig.slack.ephemerals(user))
    assert rig.slack.command(user, "deploys", "whoami")
    rig.slack.until("an answer", lambda: any(f"You are {user}" in e["text"] for e in rig.slack.ephemerals(user)[known:]))


def renew(rig, app=APP, bot=BOT):
    """The new connection's number."""
    (old,) = links(rig)
    rig.slack.do("app", more_tokens={APP: "app", BOT: "bot"})
    hup(rig, app, bot)
    new = rig.slack.until("a new connection", lambda: (links(rig).keys() - {old}) or None)
    assert old in links(rig), "the old connection is read until the new one is there"
    return new


def test_new_tokens_are_used_without_a_gap(rig):
    question = rig.ask()
    (new,) = renew(rig)
    rig.slack.do("app", revoked_tokens=[rig.slack.app_token, rig.slack.bot_token])
    known = len(rig.slack.calls())
    whoami(rig)
    rig.repair()
    assert rig.click("bob", question, "retry")
    rig.wait_answered(question)
    rig.slack.until("the old connection to end", lambda: set(links(rig)) == {new})
    assert health(rig) == "connected"
    assert not [call for call in rig.slack.calls()[known:] if call["error"]], "nothing is asked by the old tokens"
    whoami(rig)


@pytest.mark.parametrize("which, error", [("app", "invalid_auth"), ("bot", "invalid_auth"), ("swapped", "not_allowed_token_type")])
def test_tokens_that_do_not_work_keep_the_old_ones(rig, which, error):
    (old,) = links(rig)
    rig.slack.do("app", more_tokens={APP: "app", BOT: "bot"})
    hup(rig, *{"app": ("xapp-wrong", BOT), "bot": (APP, "xoxb-wrong"), "swapped": (BOT, APP)}[which])
    said = until("it to be said", lambda: "do not work" in health(rig) and health(rig))
    assert error in said and "the old ones stay in use" in said, said
    assert set(links(rig)) == {old}
    whoami(rig)
    hup(rig, APP, BOT)
    rig.slack.until("a new connection", lambda: links(rig).keys() - {old})
    until("all to be well", lambda: health(rig) == "connected")
    whoami(rig)


def test_a_file_that_cannot_be_read_keeps_the_old_tokens(rig):
    (old,) = links(rig)
    token = rig.folder / "app-token"
    token.rename(rig.folder / "away")
    hup(rig)
    assert "app-token" in until("it to be said", lambda: "do not work" in health(rig) and health(rig))
    whoami(rig)
    (rig.folder / "away").rename(token)
    hup(rig)
    until("all to be well", lambda: health(rig) == "connected")
    assert set(links(rig)) == {old}, "the same tokens need no new connection"


def test_what_was_stopped_for_good_goes_on_with_new_tokens(rig):
    rig.slack.do("app", revoked_tokens=[rig.slack.app_token, rig.slack.bot_token])
    rig.slack.drop()
    until("it to be stopped", lambda: "stopped" in health(rig))
    hup(rig)
    assert "either" in until("it to be said", lambda: "do not work" in health(rig) and health(rig))
    rig.slack.do("app", more_tokens={APP: "app", BOT: "bot"})
    hup(rig, APP, BOT)
    rig.slack.wait_connected()
    until("all to be well", lambda: health(rig) == "connected")
    whoami(rig)


def test_new_authorities_in_the_same_file_are_used(rig):
    rig.slack.stop()
    fresh = slack_fake.make_certificate(rig.slack.folder)
    assert fresh[0] == rig.slack.ca_file
    rig.slack.options["port"] = rig.slack.port
    rig.slack.start()
    until("the certificate to be refused", lambda: "not connected" in health(rig))
    hup(rig)
    rig.slack.wait_connected()
    until("all to be well", lambda: health(rig) == "connected")
    whoami(rig)
