"""guidepost plays what the bot on Slack's own SDK plays in test_slack_bolt.py: the same acts, seen with the same eyes."""

import pytest
import slack_fake
from slack_rig import SlackRig
from slack_scenario import Scenario, Words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

# A project for each question, so that none of their deployments waits for another.
LANES = "".join(
    f"""
  lane-{n}:
    room: deploys
    guided_failure: {{ note_required: [exclude] }}
    steps: [{{ name: install, run: "[ $GUIDEPOST_TARGET = web-1 ]", targets: [web] }}]
"""
    for n in range(1, 20)
) + """
  sized:
    room: deploys
    inputs:
      - {{ name: SIZE, type: choice, choices: [small, large], required: true }}
      - {{ name: WORD, required: true }}
    steps: [{{ name: install, run: "true" }}]
""".replace("{{", "{").replace("}}", "}")
NAMES = {"U0ALICE": "alice", "U0BOB": "bob"}
GUIDEPOST = Words(
    mention=lambda n: f"deploy lane-{n} 1.4.2 to production",
    click="gp.ignore",
    open_modal="gp.exclude.note",
    values={"note": {"v": "no power"}},
    wrong_values={"note": {"v": " "}},
    command="whoami",
    told=lambda seen: seen["text"].startswith("You are carol"),
    window="deploy sized 1.4.2 to production",
    window_values={"SIZE": {"v": "large"}, "WORD": {"v": "on Friday"}},
    window_told=lambda seen: "sized 1.4.2 to production starts" in seen["text"],
    shown=lambda message, user: f" by {NAMES[user]} after" in message["text"],
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    with SlackRig(tmp_path_factory.mktemp("scenario"), LANES, paced=False, speed=60) as rig:
        yield Scenario(rig.slack, GUIDEPOST)


@pytest.mark.parametrize("act", Scenario.ACTS, ids=lambda act: act.__name__)
def test_with_guidepost(scenario, act):
    act(scenario)
