"""What Slack shows of a deployment that has ended while Slack was away, when its server died before Slack came back, and many others ended since."""

import pytest
import slack_fake
from rig import until
from slack_stage import FAILS, Stage

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

OTHERS = 102  # more than the newest that a leader looks at anyhow
MORE = "".join(
    f"""
  quiet-{n}:
    steps: [{{{{ name: nothing, run: "true" }}}}]
"""
    for n in range(6)
)


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path, MORE) as stage:
        yield stage
        stage.check_messages()


def test_its_question_has_no_buttons_any_more(stage):
    play = stage.play(FAILS)
    question = play.wait_question()
    stage.slack.do("away", away=True)
    person, (server,) = stage.rig.local(), stage.rig.servers
    person.say("cancel", f"D{play.id}")
    play.wait_state("canceled")
    for n in range(OTHERS):
        person.say("deploy", f"quiet-{n % 6}", f"1.0.{n}", "to", "production")
    until("all others to be over", lambda: all(d["state"] == "succeeded" for d in person.get(f"/v1/deployments?take={OTHERS}")["items"]), 120)
    server.kill()
    stage.slack.do("away", away=False)
    server.start()
    until("the server", lambda: stage.rig.server_ready(server))
    stage.slack.wait_connected()
    stage.wait_answered(question)
    play.wait_closing("Canceled")
