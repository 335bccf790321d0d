"""What the tests of the fake Slack have in common: one that is reset before each test, and blocks of messages."""

import threading

import pytest
from slack_fake import SlackFake
from slack_wire import Api

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with SlackFake(tmp_path_factory.mktemp("slack"), speed=200) as slack:
        yield slack


@pytest.fixture
def slack(process):
    process.do("reset")
    return process


@pytest.fixture
def api(slack):
    return Api(slack)


def hello(api, **more):
    link = api.open(**more)
    assert link.message()["type"] == "hello"
    return link


def aside(act, *args, **more):
    """Does it in a thread, since it waits for an acknowledgement; gives what join() needs to get the outcome."""
    found = []
    thread = threading.Thread(target=lambda: found.append(act(*args, **more)))
    thread.start()

    def join():
        thread.join(10)
        return found[0]

    return join


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text):
    return {"type": "section", "text": mrkdwn(text)}


def button(text="Retry", **more):
    return {"type": "button", "text": plain(text), "action_id": "a", **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def modal(**more):
    note = {"type": "input", "block_id": "note", "label": plain("Note"), "element": {"type": "plain_text_input", "action_id": "v"}}
    return {"type": "modal", "title": plain("Question 42"), "submit": plain("Answer"), "blocks": [note], "callback_id": "answer", **more}


def clicked(api, slack):
    """A fresh trigger_id."""
    link = hello(api)
    click = aside(slack.click, "alice", {"channel": "C0DEPLOYS", "ts": api.post(blocks=[actions(button(value="42:1"))])["ts"]}, "a")
    envelope = next_of(link, "interactive")
    link.ack(envelope)
    assert click()
    link.close()
    return envelope["payload"]["trigger_id"]


def next_of(link, type):
    while True:
        message = link.message()
        if message["type"] == type:
            return message
        link.ack(message)


def events_of(link, count):
    found = []
    for _ in range(count):
        envelope = link.message()
        link.ack(envelope)
        found.append(envelope["payload"]["event"])
    return found
