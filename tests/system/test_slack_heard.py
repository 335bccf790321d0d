"""What people say and click in Slack has its effect exactly once, if they may; and what nobody meant as a command has none."""

import time

import pytest
import slack_fake
from rig import until
from slack_rig import SlackRig

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

MORE = """
  quick: { room: private, steps: [{ name: run, run: "true", targets: [web-1] }] }
  lost: { room: deploys, steps: [{ name: run, run: "kill -9 $PPID; kill -9 $$", targets: [web-1] }] }
  pair: { room: deploys, steps: [{ name: run, run: "[ $GUIDEPOST_TARGET != web-2 ]", targets: [web] }] }
"""
SETTLE_SECONDS = 0.15  # in which something that must not happen would happen


class HeardRig(SlackRig):
    def __init__(self, folder):
        super().__init__(folder, more=MORE, paced=False, speed=200)
        self.version = 0
        self.asked = self.id = self.number = None
        self.counts = {}  # of the fake, when the test began
        self.given_up = 0  # deliveries that Slack has given up by order of the tests before

    @property
    def server(self):
        return self.rig.servers[0]

    def next_version(self):
        self.version += 1
        return f"1.0.{self.version}"

    def deployments(self, version):
        return [d for d in self.rig.local().get("/v1/deployments")["items"] if d["version"] == version]

    def wait_once(self, version):
        """It was started, and is not started again."""
        until(f"a deployment of {version}", lambda: self.deployments(version))
        time.sleep(SETTLE_SECONDS)
        assert len(self.deployments(version)) == 1
        return self.deployments(version)[0]

    def assert_never(self, version):
        time.sleep(SETTLE_SECONDS)
        assert self.deployments(version) == []

    def command(self, version):
        return f"deploy quick {version} to production"

    def begin(self):
        """A known state, in which nothing is under way but perhaps a question that the next test can use, too."""
        if self.asked is not None and not (self.asked_now()["open"] and self.slack.buttons(self.slack.message(self.asked))):
            self.asked = self.id = None
        self.recover(keep=self.id)
        for user in ("alice", "bob"):  # What they are told of the last test comes before this.
            word = f"echo-{self.next_version()}"
            self.slack.command(user, "deploys", word)
            self.slack.wait_ephemeral(user, lambda seen, word=word: word in seen["text"])
        stats = self.slack.stats()
        self.given_up, self.counts = stats["unacknowledged"], stats["counts"]

    def question(self):
        """The card of a question that is open: web-2 has failed."""
        if self.asked is None or not self.slack.buttons(self.slack.message(self.asked)):
            version = self.next_version()
            self.slack.mention("alice", "deploys", f"deploy pair {version} to production")
            self.asked = self.slack.wait_message("deploys", lambda m: version in m["text"] and self.slack.buttons(m))
            self.id = self.deployments(version)[0]["id"]
            self.number = self.wait_number()
        return self.asked

    def wait_number(self, after=0):
        """Of the open question of this deployment, if it is newer than that one."""
        return until("the question", lambda: next((q["id"] for q in self.rig.local().questions() if q["deployment"] == self.id and q["id"] > after), None))

    def asked_now(self):
        return self.rig.local().get(f"/v1/questions/{self.number}")

    def wait_answer(self, guidance, by="bob", via="slack"):
        asked = until("an answer", lambda: self.asked_now()["answer"] and self.asked_now())
        assert (asked["answer"], asked["answered_by"], asked["answered_via"]) == (guidance, by, via)
        self.wait_answered(self.asked)
        return asked

    def assert_open(self):
        time.sleep(SETTLE_SECONDS)
        assert self.asked_now()["open"]

    def reply(self, user, text):
        return self.slack.say(user, "deploys", text, thread_ts=self.question()["ts"])

    def told(self, user):
        return len(self.slack.ephemerals(user))

    def wait_told(self, user, word, before):
        """The one private sentence since then."""
        news = until(f"{user} to be told", lambda: self.slack.ephemerals(user)[before:])
        time.sleep(SETTLE_SECONDS)
        news = self.slack.ephemerals(user)[before:]
        assert len(news) == 1 and word in news[0]["text"], news
        return news[0]["text"]

    def restart(self):
        self.server.start()
        until("the server to be ready", lambda: self.rig.server_ready(self.server))
        self.slack.wait_connected()


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with HeardRig(tmp_path_factory.mktemp("heard")) as rig:
        yield rig


@pytest.fixture
def s(process):
    process.begin()
    yield process
    counts = process.slack.stats()["counts"]
    assert all(counts[name] == process.counts[name] for name in ("late_acks", "bad_acks")), counts
    assert not [m for m in process.slack.messages(from_bot=True) if "Traceback" in m["text"]]


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


# --- the same thing several times


def repeats(s, **change):
    """Slack sends all that it sent of the last message or click again."""
    last = s.slack.envelopes()[-1]["envelope_id"]
    assert s.slack.do("repeat", envelope_id=last, **change)["sent"]


def wait_acknowledged(s):
    until("all to be acknowledged", lambda: s.slack.stats()["unacknowledged"] <= s.given_up)


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


# --- who


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
