"""guidepost with the fake Slack: the people and rooms of that workspace, a deployment that fails on one machine until it is told otherwise."""

from rig import Rig, until
from slack_fake import SlackFake

CONFIG = """
chat:
  slack:
    app_token: {{ file: {folder}/app-token }}
    bot_token: {{ file: {folder}/bot-token }}
    api_url: {api_url}
    ca_file: {ca_file}
    paced: {paced}
people:
  alice: {{ slack: U0ALICE }}
  bob: {{ slack: U0BOB }}
  carol: {{ slack: U0CAROL }}
  gast: {{ slack: U0GUEST }}
  former: {{ slack: U0FORMER }}
  stranger: {{ slack: U0STRANGER }}
teams:
  web-oncall: {{ members: [bob], slack_usergroup: S0WEBONCALL }}
permissions:
  - {{ allow: [deploy, cancel], to: [alice, bob] }}
  - {{ allow: [answer], to: [web-oncall] }}
rooms:
  deploys: {{ slack: C0DEPLOYS }}
  private: {{ slack: C0PRIVATE }}
{rooms}
environments:
  production: {{ guided_failure: {{ enabled: true, responsible: [web-oncall] }} }}
targets:
  web-1: {{ local: true, tags: [web] }}
  web-2: {{ local: true, tags: [web] }}
{targets}
projects:
  webshop:
    room: deploys
    steps:
      - {{ name: fetch, run: "echo fetched", targets: [web] }}
      - {{ name: install, run: "echo 'disk <full> on <!channel>'; [ $GUIDEPOST_TARGET != web-2 ] || [ -e {folder}/repaired ]", targets: [web] }}
{more}
"""


ENDS = ("succeeded", "succeeded_with_warnings", "failed", "canceled")


class SlackRig:
    """`with SlackRig(tmp_path) as s:` s.slack is the fake, s.rig the programs."""

    def __init__(self, folder, more="", rooms="", targets="", paced=True, servers=1, workers=1, **slack):
        self.folder = folder
        self.lines = {"more": more, "rooms": rooms, "targets": targets, "paced": str(paced).lower()}
        self.servers, self.workers = servers, workers
        self.slack = SlackFake(folder / "slack", **slack)

    def __enter__(self):
        self.slack.start()
        (self.folder / "app-token").write_text(self.slack.app_token)
        (self.folder / "bot-token").write_text(self.slack.bot_token)
        try:
            config = CONFIG.format(folder=self.folder, api_url=self.slack.api_url, ca_file=self.slack.ca_file, **self.lines)
            self.rig = Rig(config, servers=self.servers, workers=self.workers, name="slack")
            self.rig.__enter__()
        except BaseException:
            self.slack.stop()
            raise
        try:
            self.slack.wait_connected(self.servers)
        except BaseException:
            self.rig.finish(failed=True)
            self.slack.stop()
            raise
        return self

    def __exit__(self, *about):
        try:
            self.rig.__exit__(*about)
        finally:
            self.slack.stop()

    def repair(self):
        (self.folder / "repaired").touch()

    def ask(self, version="1.4.2", user="alice"):
        """Alice deploys, and the question is there with its buttons."""
        known = {m["ts"] for m in self.slack.messages("deploys", from_bot=True)}
        self.slack.mention(user, "deploys", f"deploy webshop {version} to production")
        return self.slack.wait_message("deploys", lambda m: m["ts"] not in known and self.slack.buttons(m))

    def recover(self, keep=None):
        """A known state, whatever a test has left behind: all runs and is connected, and every deployment but `keep` is over."""
        self.slack.do("away", away=False)
        self.slack.calm()
        self.rig.recover()
        self.slack.wait_connected(len(self.rig.servers))
        person = self.rig.local()

        def over():
            left = [d["id"] for d in person.get("/v1/deployments")["items"] if d["state"] not in ENDS and d["id"] != keep]
            for id in left:
                person.say("cancel", f"D{id}")
            return not left

        until("all deployments to be over", over, pause=0.1)

    def button(self, message, verb):
        return next(b for b in self.slack.buttons(message) if b["action_id"].split(".")[1] == verb)

    def click(self, user, message, verb, **more):
        return self.slack.click(user, message, self.button(message, verb)["action_id"], **more)

    def wait_answered(self, question):
        return self.slack.until(
            "the answer to be shown", lambda: (now := self.slack.message(question)) and not self.slack.buttons(now) and now
        )

    def deployment(self, id=1):
        return self.rig.local().deployment(id)
