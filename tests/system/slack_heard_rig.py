"""guidepost with the fake Slack for tests of what people say and click: a known state, and a question that is open when one is wanted."""

import time

import pytest
from rig import until
from slack_rig import SlackRig

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


def wait_acknowledged(s):
    until("all to be acknowledged", lambda: s.slack.stats()["unacknowledged"] <= s.given_up)
