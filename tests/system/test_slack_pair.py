"""Two servers share what Slack tells one of them."""

import pytest
import slack_fake
from slack_stage import Stage

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("pair"), servers=2) as stage:
        yield stage


def say(stage, user, line):
    """(the connection that had it, the answer)"""
    known = len(stage.slack.ephemerals(user))
    assert stage.slack.command(user, "deploys", line)
    told = stage.slack.until("an answer", lambda: stage.slack.ephemerals(user)[known:])[0]["text"]
    return stage.slack.envelopes("slash_commands")[-1]["link"], told


def until_both(stage, user, line, wanted):
    """Until each of the two servers has answered so, and has not answered otherwise since."""
    answered = {}

    def both():
        link, told = say(stage, user, line)
        answered[link] = wanted in told
        return len(answered) == 2 and all(answered.values())

    stage.slack.until(f"both to say {wanted}", both)


def test_who_is_deactivated_is_refused_by_both(pair):
    until_both(pair, "bob", "whoami", "You are bob")
    pair.slack.person("bob", deleted=True)
    until_both(pair, "bob", "whoami", "deactivated")
    pair.slack.person("bob", deleted=False)
    until_both(pair, "bob", "whoami", "You are bob")


def test_who_leaves_a_group_has_its_rights_with_neither(pair):
    until_both(pair, "alice", "whoami", "You are alice")
    pair.slack.do("usergroup", group="web-oncall", users=["alice"])
    until_both(pair, "alice", "whoami", "retry")
    pair.slack.do("usergroup", group="web-oncall", users=["carol"])
    until_both(pair, "alice", "whoami", "deploy, cancel.")
