"""Slack's Socket Mode over TLS: connections end in every way that Slack knows, and no click is lost, nothing hurries, and it is said in words
how it is."""

import re
import time
from types import SimpleNamespace

import pytest
import slack_fake
from rig import until
from slack_fake import PATIENCE_SECONDS
from slack_rig import SlackRig

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

MORE = """
  quick: { room: deploys, steps: [{ name: run, run: "true", targets: [web-1] }] }
  stuck: { room: deploys, steps: [{ name: run, run: "false", targets: [web-1] }] }
"""
OPEN = "apps.connections.open"
HALF_OPEN_SECONDS = 30
DRAIN_SECONDS = 10


class SocketRig(SlackRig):
    """One server with its connection; a test may end and start it anew."""

    def __init__(self, folder):
        super().__init__(folder, more=MORE)
        self.version = 0
        self.asked = self.id = None

    @property
    def server(self):
        return self.rig.servers[0]

    def links(self):
        return self.slack.stats()["links"]

    def opens(self):
        return len(self.slack.calls(OPEN))

    def text(self, path, server=None):
        status, text = self.rig.local().ask("GET", path, server=server or self.server)
        assert status == 200, text
        return text

    def health(self, server=None):
        return re.search(r"^slack: (.*)$", self.text("/readyz?verbose", server), re.M).group(1)

    def metric(self, name, server=None):
        return float(re.search(rf'^guidepost_{name}{{adapter="slack"}} (\S+)$', self.text("/metrics", server), re.M).group(1))

    def wait_health(self, word, seconds=PATIENCE_SECONDS):
        return until(f"{word!r} to be said", lambda: word in self.health() and self.health(), seconds)

    def wait_ready(self):
        until("the server to be ready", lambda: self.rig.server_ready(self.server))

    def log(self):
        return self.server.log.read_text()

    def next_version(self):
        self.version += 1
        return f"1.0.{self.version}"

    def question(self):
        """The card of a question that is open."""
        if self.asked is None or not self.slack.buttons(self.slack.message(self.asked)):
            version = self.next_version()
            self.slack.mention("alice", "deploys", f"deploy stuck {version} to production")
            self.asked = self.slack.wait_message("deploys", lambda m: version in m["text"] and self.slack.buttons(m))
            self.id = max(q["deployment"] for q in self.rig.local().questions())
        return self.asked

    def refused_click(self):
        """A click of somebody who may not: it changes nothing, and whoever clicked hears of it once for each time that it arrived."""
        question, before = self.question(), len(self.slack.ephemerals("carol"))
        assert self.click("carol", question, "fail")
        until("carol to hear of it", lambda: len(self.slack.ephemerals("carol")) > before)
        assert len(self.slack.ephemerals("carol")) == before + 1
        return self.slack.envelopes("interactive")[-1]

    def end(self):
        """The question is answered, and that counts."""
        assert self.click("bob", self.question(), "fail")
        self.wait_end(self.id, "failed")
        self.wait_answered(self.asked)

    def wait_end(self, deployment, state):
        until(f"deployment {deployment} to be {state}", lambda: self.deployment(deployment)["state"] == state)

    def deploys_without_slack(self):
        id = self.rig.local().deploy("quick", self.next_version(), "production")
        self.wait_end(id, "succeeded")

    def restart(self):
        self.server.start()
        self.wait_ready()

    def add_server(self, config=None):
        """One more process, perhaps with a configuration of its own."""
        server = self.rig._server(len(self.rig.servers))
        if config is not None:
            path = self.folder / "other.yaml"
            path.write_text(f"{config}")
            server.command[server.command.index(str(self.rig.config))] = str(path)
        self.rig.servers.append(server)
        server.start()
        return server

    def renew(self):
        """All is well again, whatever a test has done."""
        self.known_counts = self.slack.stats()["counts"]
        self.slack.calm()
        self.slack.do("app", app_error="", bot_error="")
        self.slack.do("ghosts", count=0)
        self.slack.do("away", away=False)
        self.rig.recover()
        if self.health() != "connected":
            self.server.stop()
            self.restart()
        until("one connection", lambda: [link["ready"] and not link["draining"] for link in self.links()] == [True])


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """What takes Slack's own long times happens beside the other tests: begun with the first of them, looked at by the last."""
    folder = tmp_path_factory.mktemp
    with SocketRig(folder("half-open")) as half, SocketRig(folder("too-many")) as many, SocketRig(folder("hello")) as hello:
        half.question()
        other, _, _ = slack_fake.make_certificate(folder("authority"))
        wrong = hello.add_server(hello.rig.config.read_text().replace(str(hello.slack.ca_file), str(other)))
        old = hello.links()[0]["number"]
        hello.slack.disconnect("refresh_requested", number=old, close_after_ms=3600000)
        new = until("the new hello", lambda: [k["number"] for k in hello.links() if k["ready"] and k["number"] != old])
        assert old in [k["number"] for k in hello.links()]
        many.slack.set(max_connections=0)
        hello.slack.set(no_hello=True)
        first = half.links()[0]["number"]
        begin, begin_wall = time.monotonic(), time.time()
        half.slack.half_open()
        many.slack.drop()
        hello.slack.drop(new[0])
        more = {"begin": begin, "begin_wall": begin_wall}
        yield SimpleNamespace(half=half, first=first, many=many, hello=hello, old=old, wrong=wrong, **more)


@pytest.fixture(scope="module")
def process(tmp_path_factory, patient):
    with SocketRig(tmp_path_factory.mktemp("slack")) as rig:
        yield rig


@pytest.fixture
def s(process):
    process.renew()
    yield process
    assert_sound(process)


@pytest.fixture
def fresh(process):
    """The same with a new server, which remembers no trouble."""
    if process.server.alive():
        assert process.server.stop() == 0
    process.renew()
    yield process
    assert_sound(process)


def assert_sound(process):
    counts = process.slack.stats()["counts"]
    new = {name: counts[name] - process.known_counts[name] for name in ("too_big", "bad_acks", "late_acks")}
    assert not any(new.values()), new


# --- refresh


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_a_click_during_a_refresh_arrives_once(s, reason):
    s.question()
    old = s.links()[0]["number"]
    clicks = len(s.slack.envelopes("interactive"))
    s.slack.set(hello_delay_ms=2000)
    s.slack.disconnect(reason, close_after_ms=4000)
    until("the new connection beside the old one", lambda: len(s.links()) == 2)
    assert s.refused_click()["link"] == old, "the new one has not said hello yet"
    seen = []
    until("the old one to be closed", lambda: seen.append([link["number"] for link in s.links() if link["ready"]]) or len(s.links()) == 1)
    assert all(seen), "there was a gap"
    assert seen[-1] != [old]
    assert len(s.slack.envelopes("interactive")) == clicks + 1
    assert s.health() == "connected" and s.metric("chat_connected") == 1


def test_an_old_connection_is_acknowledged_by_until_it_closes(s):
    old = s.links()[0]["number"]
    s.slack.disconnect("refresh_requested", close_after_ms=2000)
    until("the new hello", lambda: [link for link in s.links() if link["ready"] and link["number"] != old])
    # What the old one still carries is not lost, nor answered elsewhere.
    elsewhere = s.slack.stats()["counts"]["acks_elsewhere"]
    s.refused_click()
    until("the old one to be closed", lambda: len(s.links()) == 1)
    assert s.slack.stats()["counts"]["acks_elsewhere"] == elsewhere


def test_many_refreshes_leave_one_connection(fresh):
    opens, resets = fresh.opens(), fresh.slack.stats()["counts"]["reset_by_client"]
    for _ in range(2):
        old = {link["number"] for link in fresh.links()}
        fresh.slack.disconnect("refresh_requested", close_after_ms=100)
        until("a new one", lambda: {link["number"] for link in fresh.links() if link["ready"]} - old)
        until("the old one to be gone", lambda: len(fresh.links()) == 1)
    assert fresh.opens() == opens + 2
    assert fresh.slack.stats()["counts"]["reset_by_client"] == resets, "a connection without its close frame leaves a ghost"


# --- frames


@pytest.mark.parametrize(
    "settings",
    [{"chunk_bytes": 1}, {"fragment_bytes": 7}, {"fragment_bytes": 1, "chunk_bytes": 1}, {"fragment_bytes": 4096}],
    ids=["bytes", "fragments", "bytes and fragments", "large fragments"],
)
def test_a_delivery_may_come_in_pieces(s, settings):
    s.question()
    s.slack.set(**settings)
    s.refused_click()
    s.slack.set(fragment_bytes=0, chunk_bytes=0)


@pytest.mark.parametrize("settings", [{}, {"chunk_bytes": 997}, {"fragment_bytes": 1001}], ids=["whole", "chunks", "fragments"])
def test_a_hundred_kilobytes_with_split_letters_are_taken(s, settings):
    version = s.next_version()
    s.slack.set(**settings)
    s.slack.mention("alice", "deploys", f"deploy quick {version} to production", attachments=[{"text": "ä€😀" * 1000}] * 12)
    s.slack.wait_message("deploys", lambda m: version in m["text"] and "Succeeded" in m["text"])
    s.slack.set(fragment_bytes=0, chunk_bytes=0)
    assert s.metric("chat_connected") == 1


# --- what is not understood


@pytest.mark.parametrize(
    "text",
    [
        '{"envelope_id":"0a1b-%d","type":"events_api","payload":{"event":',
        '{"envelope_id":"0a1b-%d","type":"events_api","payload":{"text":"\\ud800"}}}',
        '{"payload":{"envelope_id":"wrong"},"envelope_id":"0a1b-%d"}',
        '{"envelope_id":"0a1b-%d","type":17}',
    ],
)
def test_what_cannot_be_read_is_acknowledged(s, text):
    before = s.slack.stats()["counts"]["unknown_acks"]
    assert s.slack.do("raw", text=text % before)["sent"]
    s.slack.until("its acknowledgement", lambda: s.slack.stats()["counts"]["unknown_acks"] == before + 1)
    assert s.metric("chat_connected") == 1


@pytest.mark.parametrize(
    "type, payload",
    [
        ("shiny_new", {"a": 1}),
        ("interactive", {"type": "shortcut", "user": {"id": "U0ALICE"}}),
        ("interactive", {"type": "block_actions"}),
        ("interactive", {}),
        ("slash_commands", {"command": "/other"}),
        ("slash_commands", {"command": 5, "text": []}),
        ("events_api", {"event": {"type": "message", "user": {}, "text": None, "ts": 17}}),
        ("events_api", {"event": []}),
    ],
)
def test_what_means_nothing_to_us_is_acknowledged(s, type, payload):
    assert s.slack.do("envelope", type=type, payload=payload)["acknowledged"]


def test_text_that_is_nothing_disturbs_nothing(s):
    for text in ("", "null", "[]", '"text"', "{}", '{"type":"hello"}', '{"type":"disconnect","reason":5' + "5" * 70000, "\x00\x01"):
        assert s.slack.do("raw", text=text)["sent"]
    s.refused_click()


# --- troubles


def assert_patience(s, seconds, opens):
    """No more than so many attempts in so many seconds; and meanwhile deployments go on."""
    before = s.opens()
    s.deploys_without_slack()
    time.sleep(seconds)
    assert s.opens() - before <= opens


def test_socket_mode_that_is_switched_off_is_said_and_waited_for(fresh):
    fresh.slack.set(link_disabled=True)
    fresh.slack.drop()
    fresh.wait_health("Socket Mode is switched off")
    assert fresh.metric("chat_connected") == 0
    assert_patience(fresh, 3, 0)
    assert "Socket Mode is switched off" in fresh.log()


def test_too_many_connections_are_said_and_waited_for(fresh):
    fresh.slack.set(max_connections=0)
    fresh.slack.drop()
    fresh.wait_health("Too many connections")
    assert fresh.metric("chat_connected") == 0
    assert_patience(fresh, 2, 0)


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "not_allowed_token_type"])
def test_a_token_that_is_no_more_valid_ends_the_attempts(fresh, error):
    fresh.slack.do("app", app_error=error)
    fresh.slack.drop()
    said = fresh.wait_health("stopped")
    assert error in said and "reload guidepost" in said
    assert fresh.metric("chat_connected") == 0
    assert_patience(fresh, 1, 0)
    assert error in fresh.log()


def test_a_token_that_cannot_be_read_keeps_the_server_from_starting(fresh):
    token, away = fresh.folder / "bot-token", fresh.folder / "bot-token.away"
    token.rename(away)
    try:
        assert fresh.server.alive() is False or fresh.server.stop() == 0
        fresh.server.start()
        until("the server to give up", lambda: not fresh.server.alive())
        assert fresh.server.process.returncode != 0
        assert "bot-token" in fresh.log()
    finally:
        away.rename(token)


def test_an_app_that_was_removed_is_said(fresh):
    fresh.slack.do("uninstall")
    assert "then reload guidepost" in fresh.wait_health("removed the app")
    assert "app was removed" in fresh.log()
    assert fresh.server.stop() == 0  # its trouble stays until then


def test_a_scope_that_is_missing_is_said(fresh):
    fresh.slack.fail_next("usergroups.users.list", error="missing_scope", more={"needed": "usergroups:read"}, times=1000)
    assert fresh.server.stop() == 0
    fresh.restart()
    assert "usergroups:read" in fresh.wait_health("Slack refuses usergroups.users.list")
    assert fresh.server.stop() == 0


@pytest.mark.parametrize("which, error", [("app_error", "invalid_auth"), ("bot_error", "account_inactive")])
def test_a_token_that_is_wrong_at_the_start_is_said(fresh, which, error):
    assert fresh.server.stop() == 0
    fresh.slack.do("app", **{which: error})
    fresh.restart()
    assert error in fresh.wait_health("stopped")
    assert fresh.metric("chat_connected") == 0
    calls = len(fresh.slack.calls())
    fresh.deploys_without_slack()
    time.sleep(1)
    assert len([call for call in fresh.slack.calls()[calls:] if call["method"] in (OPEN, "auth.test")]) == 0
    assert fresh.server.stop() == 0


@pytest.mark.parametrize("status", [408, 500, 401])
def test_an_upgrade_that_is_refused_is_tried_again(fresh, status):
    fresh.slack.set(upgrade_status=status)
    before = fresh.opens()
    fresh.slack.drop()
    assert str(status) in fresh.wait_health(str(status))
    fresh.deploys_without_slack()
    time.sleep(1)
    assert 1 <= fresh.opens() - before <= 12
    fresh.slack.set(upgrade_status=0)
    fresh.slack.wait_connected()
    fresh.wait_health("connected")


@pytest.mark.parametrize(
    "fault",
    [{"fault": "429", "retry_after": 1}, {"fault": "html"}, {"fault": "500"}, {"fault": "broken_json"}, {"fault": "lost_reply"}],
    ids=lambda fault: fault["fault"],
)
def test_an_open_that_fails_is_tried_again(fresh, fault):
    fresh.slack.fail_next(OPEN, times=2, **fault)
    before = fresh.opens()
    fresh.slack.drop()
    fresh.slack.wait_connected()
    fresh.wait_health("connected")
    assert fresh.opens() - before == 3
    assert fresh.slack.stats()["ignored_retry_after"] == []


# --- ghosts and other programs


def test_connections_of_others_are_said_and_typed_answers_work(s):
    card = s.question()
    s.slack.set(ack_ms=1000)
    s.slack.do("ghosts", count=3)
    s.slack.drop()
    assert "3" in s.wait_health("not ours")
    assert s.metric("chat_foreign_connections") == 3 and s.metric("chat_connected") == 1
    # Every other click goes to nobody, and Slack does not send it again; messages come again.
    s.slack.do("ghosts", count=1)
    s.slack.set(speed=200)
    s.slack.say("bob", "deploys", "fail -- by hand", thread_ts=card.get("thread_ts") or card["ts"])
    s.wait_end(s.id, "failed")
    s.wait_answered(card)
    s.slack.set(ack_ms=3000, speed=1)
    s.slack.do("ghosts", count=0)
    s.slack.drop()
    until("no more foreign ones", lambda: s.metric("chat_foreign_connections") == 0)


def test_two_processes_share_the_load_and_do_not_fear_each_other(fresh):
    other = fresh.add_server()
    begin = len(fresh.log())
    logs = lambda: fresh.log()[begin:] + other.log.read_text()  # noqa: E731
    try:
        until("the other to be ready", lambda: fresh.rig.server_ready(other))
        fresh.slack.wait_connected(2)
        links = {link["number"] for link in fresh.links()}
        assert {fresh.refused_click()["link"] for _ in range(4)} == links, "one of them got all"
        question = fresh.question()
        assert fresh.click(["alice", "bob"], question, "fail", times=3)
        fresh.wait_end(fresh.id, "failed")
        fresh.wait_answered(question)
        fresh.slack.drop()
        fresh.slack.wait_connected(2)
        for server in (fresh.server, other):
            until("it to be calm", lambda server=server: fresh.health(server) == "connected")
            assert fresh.metric("chat_foreign_connections", server) == 0
        # One goes in order: the other takes nobody for the one that is gone.
        assert other.stop() == 0
        assert "not ours" not in logs()
        fresh.slack.do("ghosts", count=1)
        fresh.slack.drop()
        assert "1" in fresh.wait_health("not ours")
        assert fresh.metric("chat_foreign_connections") == 1
    finally:
        if other.alive():
            other.kill()
        fresh.rig.servers.remove(other)


# --- ends and starts


def test_after_kill_9_it_connects_again_and_old_buttons_work(s):
    s.question()
    s.server.kill()
    s.restart()
    s.slack.wait_connected()
    s.end()


def test_an_ordered_end_says_goodbye(s):
    before = s.slack.stats()["counts"]["closed_by_client"]
    assert s.server.stop() == 0
    counts = s.slack.until("the close", lambda: not s.links() and s.slack.stats()["counts"])
    assert counts["closed_by_client"] == before + 1


def test_an_ordered_end_is_clean_while_it_connects(s):
    assert s.server.stop() == 0
    for settings in ({"no_hello": True}, {"delay_ms": 3000}, {"upgrade_status": 500}, {"link_disabled": True}):
        s.slack.set(**settings)
        s.restart()
        time.sleep(0.2)
        assert s.server.stop() == 0, settings
        s.slack.calm()


def test_an_ordered_end_is_clean_while_slack_is_away(s):
    s.slack.do("away", away=True)
    s.wait_health("not connected")
    s.deploys_without_slack()
    assert s.server.stop() == 0
    s.restart()
    time.sleep(0.5)
    assert s.server.stop() == 0
    s.slack.do("away", away=False)
    s.restart()
    s.slack.wait_connected()


# --- what takes its time


def test_too_many_connections_lead_to_three_attempts_a_minute_at_most(patient):
    opens = patient.many.opens() - 1
    seconds = time.monotonic() - patient.begin
    assert 1 <= opens <= max(1, 3 * seconds / 60), f"{opens} attempts in {seconds} s"


def test_a_certificate_of_somebody_else_is_refused_and_that_is_said(patient):
    hello, wrong = patient.hello, patient.wrong
    until("the certificate to be refused", lambda: "certificate" in hello.health(wrong))
    assert hello.metric("chat_connected", wrong) == 0
    hello.deploys_without_slack()
    assert wrong.stop() == 0


def test_an_old_connection_that_slack_does_not_close_is_closed(patient):
    numbers = lambda: [link["number"] for link in patient.hello.links()]  # noqa: E731
    until("the old one to be closed", lambda: patient.old not in numbers(), DRAIN_SECONDS + 5)


def test_a_server_that_never_says_hello_is_given_up_and_tried_again(patient):
    hello = patient.hello
    until("it to be given up", lambda: "Slack did not say hello" in hello.log())
    until("another attempt", lambda: hello.opens() >= 4)  # the first, the refresh, the one in vain
    assert hello.metric("chat_connected") == 0


def test_a_half_open_connection_is_found_within_thirty_seconds(patient):
    half = patient.half
    until("a new connection", lambda: [k for k in half.links() if k["ready"] and k["number"] != patient.first], HALF_OPEN_SECONDS)
    new = next(k for k in half.links() if k["number"] != patient.first)
    assert new["since"] / 1000 - patient.begin_wall < HALF_OPEN_SECONDS
    half.slack.drop(patient.first)
    assert half.refused_click()["link"] == new["number"]
    half.end()
