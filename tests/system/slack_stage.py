"""Deployments whose steps do what a test wants, shown in the fake Slack. One stage serves many tests: each has versions of its own, and so
messages and questions."""

import re

from rig import until
from slack_fake import PATIENCE_SECONDS
from slack_rig import SlackRig

PROJECTS = """
  play:
    room: deploys
    steps:
      - {{ name: prepare, run: "true" }}
      - {{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web] }}
  careful:
    room: deploys
    guided_failure: {{ confirm: [ignore, exclude, fail], note_required: [ignore] }}
    steps:
      - {{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web] }}
      - {{ name: enable, run: "echo $GUIDEPOST_TARGET >>{folder}/$GUIDEPOST_VERSION.enabled", targets: [web] }}
"""

FAILS = "echo broken; exit 7\n"
WORKS = "true\n"

# Errors of Slack that say that a message was not as it must be.
UNFIT = ("invalid_", "msg_", "no_text", "too_", "metadata_", "missing_", "not_allowed", "unknown_method")


class Stage(SlackRig):
    """`with Stage(folder) as stage:` `more` are further projects, whose {folder} is that of the scripts."""

    def __init__(self, folder, more="", paced=False, **options):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, more=(PROJECTS + more).format(folder=folder), paced=paced, **options)
        self.count = 0

    def play(self, script, project="play", user="alice"):
        """A new version whose step runs this script on each machine."""
        self.count += 1
        return Play(self, project, f"1.{self.count}.0", script, user)

    def called(self, message):
        """Who was called by a message, when it was posted."""
        return [seen["called"] for seen in self.slack.stats()["notifications"] if seen["ts"] == message["ts"]]

    def unfit(self):
        return {error for error in self.slack.stats()["errors"] if error.split(" ")[1].startswith(UNFIT)}

    def check_messages(self, allowed=()):
        """Whatever was posted or edited until now was as it must be; `allowed` are errors that a test has asked for."""
        stats = self.slack.stats()
        assert not [error for error in self.unfit() if error.split(" ")[1] not in allowed], stats["errors"]
        assert stats["mass_mentions"] == [] and stats["duplicates"] == [] and stats["without_text"] == 0, stats
        assert stats["ignored_retry_after"] == [] and stats["counts"]["late_acks"] == 0, stats
        for message in self.slack.messages(from_bot=True):
            for version in [*message["history"], message]:
                if self.slack.buttons(version) and any(b["action_id"] == "gp.retry" for b in self.slack.buttons(version)):
                    number = self.slack.buttons(version)[0]["value"].split(":")[0]
                    assert f"retry {number}" in version["text"] and f"fail {number}" in version["text"], version["text"]


class Play:
    """One deployment, and what the room shows of it."""

    def __init__(self, stage, project, version, script, user="alice", say=True):
        self.stage, self.slack, self.project, self.version = stage, stage.slack, project, version
        self.script = stage.folder / f"{version}.sh"
        self.write(script)
        if say:
            self.slack.mention(user, "deploys", f"deploy {project} {version} to production")

    def write(self, script):
        self.script.write_text(script)

    def go(self, word="go"):
        """A script that waits until $0.go is there goes on."""
        self.script.with_name(f"{self.script.name}.{word}").touch()

    def messages(self, channel="deploys"):
        name = f"{self.project} {self.version} "
        return [m for m in self.slack.messages(channel, from_bot=True) if name in m["text"]]

    def statuses(self):
        return [m for m in self.messages() if not is_reply(m) and not is_question(m)]

    def questions(self):
        return [m for m in self.messages() if is_question(m)]

    def closings(self):
        return [m for m in self.messages() if is_reply(m)]

    def wait_status(self, words, seconds=PATIENCE_SECONDS):
        return self.slack.until(
            f"{self.version}: {words}", lambda: next((m for m in self.statuses() if m["text"].startswith(words)), None), seconds
        )

    def wait_question(self, nth=0, seconds=PATIENCE_SECONDS):
        """The question that is open, with its buttons."""

        def asked():
            found = [m for m in self.questions() if self.slack.buttons(m)]
            return found[nth] if len(found) > nth else None

        return self.slack.until(f"{self.version}: a question", asked, seconds)

    def wait_closing(self, words="", seconds=PATIENCE_SECONDS):
        return self.slack.until(
            f"{self.version}: the end", lambda: next((m for m in self.closings() if m["text"].startswith(words)), None), seconds
        )

    @property
    def id(self):
        def look():
            items = self.stage.rig.local().get("/v1/deployments")["items"]
            return next((d["id"] for d in items if d["version"] == self.version and d["project"] == self.project), None)

        return until(f"{self.version} to be known", look)

    def state(self):
        return self.stage.deployment(self.id)["state"]

    def wait_state(self, state, seconds=30):
        return until(f"{self.version} to be {state}", lambda: self.state() == state, seconds, 0.05)

    def answer(self, guidance, user=None):
        """On the page, as the local user."""
        asked = until("the question", lambda: [q for q in self.stage.rig.local().questions() if q["deployment"] == self.id])
        return self.stage.rig.local().answer(asked[0]["id"], guidance)


def is_reply(message):
    return message.get("thread_ts", message["ts"]) != message["ts"]


def is_question(message):
    return re.match(r"Q\d", message["text"]) is not None


def number(message):
    """Q7 of a question's message."""
    return message["text"].split(":")[0]


def history(message):
    """Each text that the message has had, the last one last."""
    return [old["text"] for old in message["history"]] + [message["text"]]


def words(message):
    """All that a message shows, as one text."""
    found = []

    def walk(part):
        if isinstance(part, dict):
            for name, value in part.items():
                if isinstance(value, str) and name in ("text", "user_id", "usergroup_id"):
                    found.append(value)
                else:
                    walk(value)
        elif isinstance(part, list):
            for each in part:
                walk(each)

    walk(message.get("blocks") or [])
    return "\n".join(found)
