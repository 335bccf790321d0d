"""`guidepost config check --online` against the fake Slack: what is right is said, each trouble has its sentence, and nothing is changed."""

import json
import subprocess

import pytest
from rig import GUIDEPOST, until
from slack_fake import SlackFake, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

CONFIG = """
chat:
  slack:
    app_token: {{ file: app-token }}
    bot_token: {{ file: bot-token }}
    api_url: {api_url}
    ca_file: {ca_file}
people:
  alice: {{ slack: {alice} }}
  bob: {{ slack: U0BOB }}
  carol: {{ email: carol@example.org }}
teams:
  oncall: {{ members: [alice], slack_usergroup: {group} }}
  others: {{ members: [carol] }}
rooms:
  deploys: {{ slack: {deploys} }}
  private: {{ slack: C0PRIVATE }}
targets: {{ web-1: {{ local: true }} }}
environments: {{ production: {{}} }}
projects:
  webshop:
    steps: [{{ name: fetch, run: "true" }}]
"""

# What is asked for; methods that post, edit or open are none of them.
READING = {"auth.test", "apps.connections.open", "conversations.info", "users.info", "usergroups.users.list"}


class Place:
    """A fake Slack, and a configuration that fits it but for what a test makes wrong."""

    def __init__(self, folder, slack):
        self.folder, self.slack = folder, slack
        self.tokens(slack.app_token, slack.bot_token)
        self.configure()

    def tokens(self, app, bot):
        (self.folder / "app-token").write_text(app)
        (self.folder / "bot-token").write_text(bot)

    def configure(self, more="", **change):
        values = {"api_url": self.slack.api_url, "ca_file": self.slack.ca_file, "alice": "U0ALICE", "group": "S0WEBONCALL"}
        text = CONFIG.format(**{**values, "deploys": "C0DEPLOYS", **change}) + more
        (self.folder / "guidepost.yaml").write_text(text)

    def run(self, *options):
        command = [GUIDEPOST, "config", "check", "--online", *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def check(self, exit_code=1):
        """The lines about what is not ok."""
        done = self.run()
        assert done.returncode == exit_code, done.stdout + done.stderr
        return [line for line in done.stdout.splitlines() if not line.startswith("ok ")]

    def nothing_was_changed(self):
        assert {call["method"] for call in self.slack.calls()} <= READING
        assert self.slack.stats()["links"] == []


@pytest.fixture
def place(tmp_path):
    with SlackFake(tmp_path / "slack") as slack:
        place = Place(tmp_path, slack)
        yield place
        if slack.process is not None:
            place.nothing_was_changed()


def test_what_is_right_is_said_line_by_line(place):
    done = place.run()
    assert done.stdout.splitlines() == [
        "ok      bot token: it is @guidepost in the workspace Workspace.",
        "ok      scopes: the bot token has all that it needs.",
        "ok      app token: Slack offers a connection for Socket Mode.",
        "ok      room deploys: #deploys, and the app is in it.",
        "ok      room private: #private, and the app is in it.",
        "ok      person alice: @alice, a member.",
        "ok      person bob: @bob, a member.",
        "ok      team oncall: the user group has 2 members, 2 of them in people.",
    ]
    assert done.returncode == 0
    assert "guidepost.yaml is right" in done.stderr


def test_neither_tokens_nor_addresses_are_printed(place):
    done = place.run()
    for secret in (place.slack.app_token, place.slack.bot_token, "wss:", "ticket"):
        assert secret not in done.stdout + done.stderr


def test_json_says_the_same_to_programs(place):
    place.configure(deploys="C0RANDOM")
    done = place.run("--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert said["ok"] is False and said["problems"] == []
    assert len(said["online"]) == 8
    assert {"result": "ok", "about": "person bob", "text": "@bob, a member"} in said["online"]
    (wrong,) = [each for each in said["online"] if each["result"] == "wrong"]
    assert wrong["about"] == "room deploys"


@pytest.mark.parametrize(
    "change, line",
    [
        ({"deploys": "C0RANDOM"}, "room deploys: the app is not in #random. Invite it, by writing there: /invite @guidepost."),
        ({"deploys": "C0ARCHIVE"}, "room deploys: #archive is archived. Unarchive it, or give the room another channel."),
        ({"deploys": "C0NOWHERE"}, "room deploys: the app sees no channel with this id."),
        ({"deploys": "C0HIDDEN"}, "room deploys: the app sees no channel with this id."),
        ({"alice": "U0NOBODY"}, "person alice: Slack knows nobody with this id."),
        ({"alice": "U0GUEST"}, "person alice: @guest is a guest and will be refused."),
        ({"alice": "U0FORMER"}, "person alice: @former is deactivated and will be refused."),
        ({"alice": "U0STRANGER"}, "person alice: @stranger is of another workspace and will be refused"),
        ({"alice": "U0OTHERBOT"}, "person alice: @otherbot is a bot and will be refused."),
        ({"group": "S0NOBODY"}, "team oncall: there is no user group with this id."),
    ],
)
def test_an_id_that_does_not_fit_is_named_and_the_rest_is_checked(place, change, line):
    place.configure(**change)
    (wrong,) = place.check()
    assert wrong.startswith("wrong   " + line)


@pytest.mark.parametrize(
    "token, line",
    [
        ("xoxb-0000000000-0wrong0token", "wrong   bot token: Slack does not know this token."),
        ("xapp-1-A0GUIDEPOST-0123456789-0fake0app0token", "wrong   bot token: it does not begin with xoxb-"),
    ],
)
def test_with_a_wrong_bot_token_the_app_token_is_still_checked(place, token, line):
    place.tokens(place.slack.app_token, token)
    wrong, skipped = place.check()
    assert wrong.startswith(line)
    assert skipped == "skipped the rest: not checked, since the bot token does not work."
    assert [call["token"] for call in place.slack.calls("apps.connections.open")] == ["xapp"]


def test_a_wrong_app_token_is_named_and_the_rest_is_checked(place):
    place.tokens("xapp-1-A0GUIDEPOST-0-0wrong", place.slack.bot_token)
    (wrong,) = place.check()
    assert wrong.startswith("wrong   app token: Slack does not know this token.")
    place.tokens("xoxb-swapped", place.slack.bot_token)
    (wrong,) = place.check()
    assert wrong.startswith("wrong   app token: it does not begin with xapp-")


def test_an_app_token_without_its_scope_is_told_so(place):
    place.slack.do("app", app_scopes=["authorizations:read"])
    (wrong,) = place.check()
    assert wrong.startswith("wrong   app token: it has not the scope connections:write.")


def test_a_token_that_cannot_be_read_is_named(place):
    (place.folder / "bot-token").unlink()
    wrong, skipped = place.check()
    assert wrong.startswith("wrong   bot token: ") and "bot-token" in wrong
    assert skipped == "skipped the rest: not checked, since the bot token does not work."


def test_an_app_that_was_removed_is_told_so(place):
    place.slack.do("app", bot_error="account_inactive")
    wrong, _ = place.check()
    assert wrong.startswith("wrong   bot token: the app was removed from the workspace.")


def test_missing_scopes_are_listed_and_what_needs_them_is_named(place):
    place.slack.do("app", scopes=["app_mentions:read", "channels:history", "channels:read", "chat:write", "commands"])
    lines = place.check()
    assert lines[0].startswith(
        "wrong   scopes: the bot token lacks im:history, groups:history, groups:read, usergroups:read, users:read. "
    )
    assert "App Manifest" in lines[0] and "Reinstall" in lines[0]
    assert lines[1] == "wrong   room private: cannot be checked: the bot token needs the scope groups:read."
    assert lines[2] == "wrong   person alice: cannot be checked: the bot token needs the scope users:read."
    assert lines[-1] == "wrong   team oncall: cannot be checked: the bot token needs the scope usergroups:read."


def test_several_troubles_are_all_said(place):
    place.configure(deploys="C0RANDOM", alice="U0GUEST", group="S0NOBODY")
    assert len(place.check()) == 3


def test_slack_that_is_away_is_said_once(place):
    place.slack.stop()
    wrong, skipped = place.check()
    assert wrong.startswith("wrong   bot token: Slack does not answer (no_reply: ")
    assert skipped == "skipped the rest: not checked, since no answer came."


def test_a_certificate_of_another_authority_is_said(place, tmp_path):
    with SlackFake(tmp_path / "other") as other:
        place.configure(ca_file=other.ca_file)
        wrong, _ = place.check()
    assert wrong.startswith("wrong   bot token: Slack does not answer (no_reply: ")
    assert "certificate" in wrong and "chat.slack.ca_file" in wrong


def test_the_question_that_gets_no_answer_ends_the_check(place):
    place.slack.fail_next("users.info", times=100, fault="500")
    lines = place.check()
    assert lines[0].startswith("wrong   person alice: Slack does not answer")
    assert lines[1:] == ["skipped the rest: not checked, since no answer came."]


def test_a_short_trouble_is_waited_for(place):
    place.slack.fail_next("users.info", fault="429", retry_after=1)
    place.slack.fail_next("conversations.info", fault="lost_reply")
    assert place.check(exit_code=0) == []


def test_without_slack_that_is_said(place):
    text = (place.folder / "guidepost.yaml").read_text()
    (place.folder / "guidepost.yaml").write_text(text[text.index("people:") :])
    assert place.check(exit_code=0) == ["skipped slack: the configuration has no chat.slack."]


def test_redis_that_is_away_is_said_and_slack_is_checked(place):
    place.configure(more='redis: { url: "redis://127.0.0.1:1" }\n')
    done = place.run()
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("wrong   redis: ")
    assert len(lines) == 9 and all(line.startswith("ok ") for line in lines[1:])


@pytest.fixture
def redis(tmp_path):
    path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--requirepass", "open-sesame", "--dir", str(tmp_path)]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    until("redis", path.exists)
    yield path
    server.kill()
    server.wait()


def test_redis_that_answers_is_said_and_one_that_wants_another_password_too(place, redis):
    more = f"redis: {{ url: 'unix:{redis}', password: {{ file: redis-password }} }}\n"
    place.configure(more=more)
    (place.folder / "redis-password").write_text("open-sesame")
    assert place.check(exit_code=0) == []
    (place.folder / "redis-password").write_text("a-guess-that-is-wrong")
    (wrong,) = place.check()
    assert wrong.startswith("wrong   redis: ") and "a-guess" not in wrong
    (place.folder / "redis-password").unlink()
    (wrong,) = place.check()
    assert wrong.startswith("wrong   redis: ") and "redis-password" in wrong


def test_the_rates_of_slack_are_kept(tmp_path):
    with SlackFake(tmp_path / "slack", limits="real") as slack:
        place = Place(tmp_path, slack)
        for n in range(24):
            slack.do("newcomer", name=f"p{n}")
        text = (tmp_path / "guidepost.yaml").read_text()
        people = "".join(f"  p{n}: {{ slack: U0P{n} }}\n" for n in range(24))
        (tmp_path / "guidepost.yaml").write_text(text.replace("people:\n", "people:\n" + people))
        assert place.check(exit_code=0) == []
        assert len(slack.calls("users.info")) == 26
        assert [call for call in slack.calls() if call["status"] == 429] == []
        place.nothing_was_changed()


def test_a_wrong_file_is_not_taken_online(place):
    place.configure(more="colour: blue\n")
    (problem,) = place.check()
    assert "colour" in problem
    assert place.slack.calls() == []
