"""Slack: commands in, questions with buttons out."""

import pytest
import slack_fake
from rig import until
from slack_rig import SlackRig

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


def test_a_mention_deploys_and_a_click_goes_on(tmp_path):
    with SlackRig(tmp_path) as s:
        question = s.ask()
        assert "retry Q1" in question["text"]
        s.repair()
        assert s.click("bob", question, "retry")
        answered = s.wait_answered(question)
        assert "bob" in answered["text"].lower() or "U0BOB" in str(answered["blocks"])
        until("the end", lambda: s.deployment()["state"] == "succeeded")
        s.slack.wait_message("deploys", lambda m: "Succeeded" in m["text"])
        stats = s.slack.stats()
        assert stats["duplicates"] == [] and stats["mass_mentions"] == [] and stats["without_text"] == 0
        assert stats["unacknowledged"] == 0
