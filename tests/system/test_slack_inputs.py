"""A deployment that needs inputs: a slash command without them opens a window; elsewhere people are told what to type."""

import signal
import time
from html import unescape

import pytest
import slack_fake
from rig import until
from slack_stage import Stage

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

MORE = """
  asking:
    room: deploys
    inputs:
      - {{ name: REGION, label: "Where to", type: choice, choices: [eu, us], required: true }}
      - {{ name: MIGRATE, label: "Migrate <first>?", type: boolean, required: true }}
      - {{ name: TICKET, required: true }}
      - {{ name: SPEED, default: slow, required: true }}
    steps:
      - {{ name: say, run: "echo $REGION/$MIGRATE/$TICKET/$SPEED >{folder}/$GUIDEPOST_VERSION.said" }}
  growing:
    room: deploys
    inputs: [{{ name: REGION, required: true }}]
    steps: [{{ name: say, run: "true", targets: [web] }}]
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("inputs"), MORE) as stage:
        yield stage
        stage.check_messages(allowed=["invalid_trigger_id"])


@pytest.fixture(autouse=True)
def cleared(stage):
    yield
    for view in [view for view in stage.slack.views() if view["open"]]:
        stage.slack.do("close_view", view=view["id"])
    stage.recover()


def said(stage, version):
    def look():
        path = stage.folder / f"{version}.said"
        return path.exists() and path.read_text()

    return stage.slack.until(f"{version} to run", look)


def wait_told(stage, user, known, wanted):
    return stage.slack.until(
        f"{user} to be told {wanted}", lambda: next((e["text"] for e in stage.slack.ephemerals(user)[known:] if wanted in e["text"]), None)
    )


def confirmed(stage, version):
    items = stage.rig.local().get("/v1/deployments")["items"]
    return [d for d in items if d["version"] == version and d["state"] == "succeeded"]


def fields(view):
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def test_what_is_missing_is_asked_for_in_a_window(stage):
    known, typed = len(stage.slack.ephemerals("alice")), time.time() * 1000
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.1 to production")
    view = stage.slack.wait_view("alice")
    assert stage.slack.calls("views.open")[-1]["at"] - typed < 3000
    asked = fields(view)
    assert list(asked) == ["REGION", "MIGRATE", "TICKET"]
    assert {name: block["element"]["type"] for name, block in asked.items()} == {
        "REGION": "static_select",
        "MIGRATE": "radio_buttons",
        "TICKET": "plain_text_input",
    }
    assert asked["REGION"]["label"]["text"] == "Where to" and asked["TICKET"]["label"]["text"] == "TICKET"
    assert stage.slack.ephemerals("alice")[known:] == []
    taken = stage.slack.submit(view, {"REGION": {"v": "us"}, "MIGRATE": {"v": "true"}, "TICKET": {"v": " OPS-1 "}})
    assert taken["acknowledged"] and not taken["open"], taken
    assert said(stage, "1.0.1") == "us/true/OPS-1/slow\n"
    wait_told(stage, "alice", known, "asking 1.0.1 to production starts")


def test_only_what_is_missing_is_asked_for(stage):
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.2 to production REGION=eu TICKET='OPS 2' SPEED=fast")
    view = stage.slack.wait_view("alice")
    assert list(fields(view)) == ["MIGRATE"]
    stage.slack.submit(view, {"MIGRATE": {"v": "false"}})
    assert said(stage, "1.0.2") == "eu/false/OPS 2/fast\n"


def test_a_blank_is_refused_in_the_window(stage):
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.3 to production REGION=eu MIGRATE=true")
    view = stage.slack.wait_view("alice")
    refused = stage.slack.submit(view, {"TICKET": {"v": "  "}})
    assert refused["open"] and refused["errors"] == {"TICKET": "This is needed."}
    stage.slack.submit(view, {"TICKET": {"v": "OPS-3"}})
    assert said(stage, "1.0.3") == "eu/true/OPS-3/slow\n"


def test_a_window_that_is_sent_twice_starts_one_deployment(stage):
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.4 to production REGION=eu MIGRATE=true")
    stage.slack.submit(stage.slack.wait_view("alice"), {"TICKET": {"v": "OPS-4"}})
    payload = stage.slack.envelopes("interactive")[-1]["payload"]
    assert stage.slack.do("envelope", type="interactive", payload=payload)["acknowledged"]
    said(stage, "1.0.4")
    items = stage.rig.local().get("/v1/deployments")["items"]
    assert len([d for d in items if d["version"] == "1.0.4"]) == 1


def test_deploy_that_is_pressed_again_in_the_same_window_starts_one_deployment(stage):
    """Slack has missed the acknowledgement, the window is still open, and the second press has a trigger of its own."""
    known = len(stage.slack.ephemerals("alice"))
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.7 to production REGION=eu MIGRATE=true")
    stage.slack.submit(stage.slack.wait_view("alice"), {"TICKET": {"v": "OPS-7"}})
    said(stage, "1.0.7")
    payload = stage.slack.envelopes("interactive")[-1]["payload"]
    pressed = {**payload, "trigger_id": f"{payload['trigger_id']}1"}
    assert stage.slack.do("envelope", type="interactive", payload=pressed)["acknowledged"]
    until(
        "both to be told",
        lambda: len([e for e in stage.slack.ephemerals("alice")[known:] if "asking 1.0.7" in e["text"] or "before" in e["text"]]) == 2,
    )
    items = stage.rig.local().get("/v1/deployments")["items"]
    assert len([d for d in items if d["version"] == "1.0.7"]) == 1


def test_what_came_of_a_window_is_told_where_the_bot_is_no_member(stage):
    assert stage.slack.command("alice", "random", "deploy asking 1.0.8 to production REGION=eu MIGRATE=true")
    stage.slack.submit(stage.slack.wait_view("alice"), {"TICKET": {"v": "OPS-8"}})
    said(stage, "1.0.8")
    stage.slack.until(
        "alice to be told directly",
        lambda: [m for m in stage.slack.messages(from_bot=True) if "asking 1.0.8 to production starts" in m["text"] and m["channel"][0] == "D"],
    )


def test_a_frozen_environment_asks_for_nothing(stage):
    stage.rig.local().say("freeze", "production", "--note", "stocktaking")
    try:
        known = len(stage.slack.ephemerals("alice"))
        assert stage.slack.command("alice", "deploys", "deploy asking 1.0.9 to production")
        assert "stocktaking" in wait_told(stage, "alice", known, "Nothing was started")
        assert not [view for view in stage.slack.views() if view["open"]]
    finally:
        stage.rig.local().say("unfreeze", "production")


def test_only_a_deployment_opens_a_window(stage):
    """A version that is brought along has inputs of its own, which a window would ask for again."""
    for version in ("1.1.0", "1.1.1"):
        assert stage.slack.command("alice", "deploys", f"deploy growing {version} to production REGION=eu")
        until(f"{version} to be confirmed", lambda version=version: confirmed(stage, version))
    server = stage.rig.servers[0]
    text, said_before = stage.rig.config.read_text(), len(server.log.read_text())
    stage.rig.config.write_text(text.replace("inputs: [{ name: REGION", "inputs: [{ name: REASON, required: true }, { name: REGION"))
    server.signal(signal.SIGHUP)
    until("the new configuration", lambda: "configuration reloaded" in server.log.read_text()[said_before:])
    known = len(stage.slack.ephemerals("alice"))
    assert stage.slack.command("alice", "deploys", "rollback growing in production")
    told = unescape(wait_told(stage, "alice", known, "growing needs"))
    assert "REGION=eu" in told and "REASON=<text>" in told, told
    assert not [view for view in stage.slack.views() if view["open"]]


@pytest.mark.parametrize("say", ["mention", "expired"])
def test_without_a_trigger_people_are_told_what_to_type(stage, say):
    known = len(stage.slack.ephemerals("alice"))
    line = "deploy asking 1.0.5 to production REGION=eu"
    if say == "mention":
        stage.slack.mention("alice", "deploys", line)
    else:
        stage.slack.set(trigger_ms=-1)
        assert stage.slack.command("alice", "deploys", line)
    told = wait_told(stage, "alice", known, "asking needs")
    assert "Write: deploy asking 1.0.5 to production REGION=eu MIGRATE=<true|false> TICKET=<text>" in unescape(told), told
    assert not [view for view in stage.slack.views("alice") if view["open"]]


def test_what_else_is_wrong_is_told_first(stage):
    known = len(stage.slack.ephemerals("alice"))
    assert stage.slack.command("alice", "deploys", "deploy asking 1.0.6 to production REGION=mars")
    assert "mars" in wait_told(stage, "alice", known, "REGION")
    known = len(stage.slack.ephemerals("carol"))
    assert stage.slack.command("carol", "deploys", "deploy asking 1.0.6 to production")
    assert "may not deploy" in wait_told(stage, "carol", known, "Nothing was changed")
    assert not [view for view in stage.slack.views() if view["open"]]
