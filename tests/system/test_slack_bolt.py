"""The fake Slack is honest: a bot on Slack's own SDK (tests/slack/bolt) gets along with it in everything that guidepost relies on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import slack_fake
from rig import BUILD
from slack_fake import SlackFake
from slack_scenario import Scenario, Words

SOURCES = Path(__file__).resolve().parent.parent / "slack" / "bolt"
INSTALL_SECONDS = 300
NO_REGISTRY = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E40[34]|ENOTCACHED|CERT_|_CERT")
BOLT = Words(
    mention=lambda n: f"deploy webshop 1.4.{n} to production",
    click="ask.retry",
    open_modal="ask.note",
    values={"note": {"v": "known flake"}},
    wrong_values={"note": {"v": " "}},
    command="status",
    told=lambda seen: seen["text"] == "You said: status",
    window="window",
    window_values={"size": {"v": "large"}, "word": {"v": "on Friday"}},
    window_told=lambda seen: seen["text"] == "You chose large, on Friday.",
)


def install(folder):
    """The bot with its packages, in the build folder; nothing is written beside the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "app.mjs"):
        shutil.copy2(SOURCES / name, folder / name)
    installed = folder / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime > (SOURCES / "package-lock.json").stat().st_mtime:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode != 0:
        if NO_REGISTRY.search(done.stdout + done.stderr):
            pytest.skip("SKIPPED: the packages of tests/slack/bolt could not be fetched")
        raise AssertionError(done.stdout + done.stderr)


class BoltBot:
    """The bot, connected to a fake Slack."""

    def __init__(self, folder, slack):
        self.log = slack.folder / "bolt.log"
        env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        env |= {"NODE_EXTRA_CA_CERTS": str(slack.ca_file), "SLACK_API_URL": slack.api_url}
        env |= {"SLACK_APP_TOKEN": slack.app_token, "SLACK_BOT_TOKEN": slack.bot_token}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["node", "app.mjs"], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    why = slack_fake.missing() or (None if shutil.which("npm") else "there is no npm (package npm)")
    if why:
        pytest.skip(f"SKIPPED: {why}")
    folder = BUILD / "slack-bolt"
    install(folder)
    with SlackFake(tmp_path_factory.mktemp("slack"), speed=60) as slack:
        bot = BoltBot(folder, slack)
        try:
            slack.wait_connected()
            yield Scenario(slack, BOLT)
        finally:
            bot.stop()


@pytest.mark.parametrize("act", Scenario.ACTS, ids=lambda act: act.__name__)
def test_with_the_sdk_of_slack(scenario, act):
    try:
        act(scenario)
    except AssertionError:
        print((scenario.slack.folder / "bolt.log").read_text(errors="replace"))
        raise
