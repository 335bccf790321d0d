"""Starts the project's own fake Slack (tests/fakes/slack) with a certificate made for the occasion, and speaks to its control API:
acts as the people of the workspace, lets faults happen, and reads what was posted.

    with SlackFake(folder) as slack:
        slack.api_url, slack.ca_file, slack.app_token, slack.bot_token     # what the bot must be told
        asked = slack.mention("alice", "deploys", "deploy webshop 1.4.2 to production")
        card = slack.wait_message("deploys", lambda m: slack.buttons(m))
        slack.click("bob", card, "gp.retry")
        assert slack.stats()["mass_mentions"] == []
"""

import http.client
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

from rig import free_port

PATIENCE_SECONDS = 30
ROOT = Path(__file__).resolve().parent.parent.parent
MAIN = ROOT / "tests" / "fakes" / "slack" / "main.mjs"
MANIFEST = ROOT / "config" / "slack-manifest.yaml"  # the app has its scopes and events, and no others


def missing():
    """A sentence why the fake cannot be started, or None: for skipif."""
    for program, package in (("node", "nodejs"), ("openssl", "openssl")):
        if shutil.which(program) is None:
            return f"there is no {program} (package {package})"
    return None


def make_certificate(folder):
    """An authority and a certificate for localhost and 127.0.0.1 that it has signed: (ca, certificate, key)."""
    ca, ca_key, cert, key = (folder / name for name in ("ca.pem", "ca.key", "slack.pem", "slack.key"))
    request, names = folder / "slack.csr", folder / "slack.ext"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-days", "2", "-subj", "/CN=fake authority", "-keyout", ca_key, "-out", ca],
        ["req", "-new", *curve, "-subj", "/CN=localhost", "-keyout", key, "-out", request],
        ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", names, "-out", cert],
    ):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return ca, cert, key


class SlackFake:
    def __init__(self, folder, port=0, speed=1, seed=1, limits="off", state_file=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca_file, self.certificate, self.key = make_certificate(self.folder)
        self.options = {"port": port or free_port(), "speed": speed, "seed": seed, "limits": limits, "manifest": MANIFEST}
        if state_file:
            self.options["state-file"] = state_file
        self.process = None

    # --- life

    def start(self):
        options = [f"--{name}={value}" for name, value in self.options.items()]
        command = ["node", MAIN, "--leash", f"--certificate={self.certificate}", f"--key={self.key}", *options]
        self.log = open(self.folder / "slack.log", "ab")
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            raise AssertionError("the fake Slack did not start: " + (self.folder / "slack.log").read_text(errors="replace"))
        about = json.loads(line)
        self.port, self.control_port = about["port"], about["control_port"]
        self.app_token, self.bot_token, self.bot_user, self.team = (about[k] for k in ("app_token", "bot_token", "bot_user", "team"))
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.log.close()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def api_url(self):
        return f"https://localhost:{self.port}/api"

    # --- the control API

    def do(self, verb, timeout=60, **body):
        """One verb of tests/fakes/slack/README.md; what is None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=timeout)
        try:
            body = {name: value for name, value in body.items() if value is not None}
            connection.request("POST", f"/{verb}", json.dumps(body))
            reply = connection.getresponse()
            said = json.loads(reply.read())
        finally:
            connection.close()
        assert reply.status == 200, f"{verb} {body}: {said['error']}"
        return said

    # --- what people do

    def say(self, user, channel, text, **more):
        """`channel` "dm" is the person's direct messages with the bot. Gives the ts."""
        return self.do("say", user=user, channel=channel, text=text, **more)["ts"]

    def mention(self, user, channel, text, **more):
        return self.do("mention", user=user, channel=channel, text=text, **more)["ts"]

    def command(self, user, channel, text, command="/guidepost"):
        """True if it was acknowledged within three seconds."""
        return self.do("command", user=user, channel=channel, text=text, command=command)["acknowledged"]

    def click(self, user, message, action_id=None, **more):
        """`user` may be a list: they click at the same moment. `message` is what messages() gave. True if all were acknowledged."""
        who = {"users": user} if isinstance(user, (list, tuple)) else {"user": user}
        return self.do("click", channel=message["channel"], ts=message["ts"], action_id=action_id, **who, **more)["acknowledged"]

    def submit(self, view, values=None, user=None):
        """Gives {acknowledged, open, errors, view}."""
        return self.do("submit", view=view["id"], values=values or {}, user=user)

    def person(self, user, **change):
        """person("bob", deleted=True) deactivates bob; person("carol", is_restricted=True) makes a guest of her."""
        return self.do("person", user=user, **change)["user"]

    # --- faults

    def set(self, **settings):
        return self.do("set", **settings)

    def calm(self):
        """All faults end."""
        return self.do("calm")

    def fail_next(self, method=None, times=1, **fault):
        """fail_next("chat.update", fault="429", retry_after=2); fail_next("chat.postMessage", error="fatal_error"); fault="lost_reply"."""
        return self.do("fail_next", method=method, times=times, **fault)

    def disconnect(self, reason="refresh_requested", **more):
        return self.do("disconnect", reason=reason, **more)["connections"]

    def drop(self, number=None):
        return self.do("drop", number=number)["connections"]

    def half_open(self, number=None):
        return self.do("half_open", number=number)["connections"]

    # --- reading

    def stats(self):
        return self.do("stats")

    def messages(self, channel=None, **more):
        """Oldest first, each with its `history` of edits. from_bot=True gives only what the bot posted."""
        if more.pop("from_bot", False):
            more["from"] = self.bot_user
        return self.do("messages", channel=channel, **more)["messages"]

    def message(self, message):
        """The same message as it is now; None if it was deleted."""
        found = self.do("message", channel=message["channel"], ts=message["ts"], history=True)["message"]
        return found and {"channel": message["channel"], **found}

    def ephemerals(self, user=None):
        return self.do("ephemerals", user=user)["ephemerals"]

    def views(self, user=None):
        return self.do("views", user=user)["views"]

    def calls(self, method=None):
        return self.do("calls", method=method)["calls"]

    def envelopes(self, type=None, unacknowledged=None):
        return self.do("envelopes", type=type, unacknowledged=unacknowledged)["envelopes"]

    @staticmethod
    def buttons(message):
        """The buttons of a message, in order."""
        found = []
        for block in message.get("blocks") or []:
            elements = (block.get("elements") or []) + ([block["accessory"]] if "accessory" in block else [])
            found += [element for element in elements if element.get("type") == "button"]
        return found

    # --- waiting

    def until(self, what, look, seconds=PATIENCE_SECONDS):
        """Looks again and again until look() gives something, which is returned."""
        end = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s in vain for: {what}; the fake says {json.dumps(self.stats())[:2000]}")
            time.sleep(0.02)

    def wait_connected(self, count=1, seconds=PATIENCE_SECONDS):
        """Until so many connections have heard hello and none of them is about to close."""

        def connected():
            return [link for link in self.stats()["links"] if link["ready"] and not link["draining"]][count - 1 :]

        return self.until(f"{count} connections", connected, seconds)

    def wait_message(self, channel, wanted, seconds=PATIENCE_SECONDS):
        """The first message of the bot in the channel for which wanted(message) holds."""
        return self.until(
            f"a message in {channel}", lambda: next((m for m in self.messages(channel, from_bot=True) if wanted(m)), None), seconds
        )

    def wait_ephemeral(self, user, wanted=lambda seen: True, seconds=PATIENCE_SECONDS):
        return self.until(f"something that only {user} sees", lambda: next((e for e in self.ephemerals(user) if wanted(e)), None), seconds)

    def wait_view(self, user, seconds=PATIENCE_SECONDS):
        return self.until(f"a view for {user}", lambda: next((v for v in self.views(user) if v["open"]), None), seconds)
