"""Buttons: whoever clicks, whenever, on whatever: the right effect once, or a private sentence why not; and the message shows the truth."""

import re
import time

import pytest
import slack_fake
from people import machines
from rig import until
from slack_stage import FAILS, WORKS, Stage, number, words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

ONE_FAILS = "[ $GUIDEPOST_TARGET = web-1 ] || { echo broken; exit 7; }\n"
RACES = 50
MORE = """
  fleet:
    room: deploys
    steps: [{{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [fleet], max_parallel: 9 }}]
  strict:
    room: deploys
    guided_failure: {{ claim: required }}
    steps: [{{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [fleet], max_parallel: 9 }}]
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("buttons"), MORE, targets=machines(3, "f", "fleet")) as stage:
        yield stage
        stage.check_messages(allowed=["invalid_trigger_id"])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two servers, which share the clicks."""
    with Stage(tmp_path_factory.mktemp("pair"), servers=2) as stage:
        yield stage
        stage.check_messages()


@pytest.fixture(autouse=True)
def cleared(request):
    yield
    for name in {"stage", "pair"} & set(request.fixturenames):
        stage = request.getfixturevalue(name)
        for view in [view for view in stage.slack.views() if view["open"]]:
            stage.slack.do("close_view", view=view["id"])
        stage.recover()


class Ears:
    """What people hear privately from now on."""

    def __init__(self, stage):
        self.slack = stage.slack
        self.known = {user: len(self.slack.ephemerals(user)) for user in ("alice", "bob", "carol")}

    def heard(self, user):
        return [seen["text"] for seen in self.slack.ephemerals(user)[self.known[user] :]]

    def wait(self, user, wanted=""):
        return self.slack.until(f"{user} to be told {wanted}", lambda: next((t for t in self.heard(user) if wanted in t), None))


def answers(stage, question, count=1):
    """(guidance, who) of each answer that was accepted, of the questions of the card."""
    first = int(number(question)[1:])
    records = [stage.rig.local().get(f"/v1/questions/{first + n}") for n in range(count)]
    return [(record["answer"], record["answered_by"]) for record in records if not record["open"]]


# --- late, again, and elsewhere


def test_a_click_after_a_restart_of_everything(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    for program in stage.rig.servers + stage.rig.workers + [stage.rig.redis_program]:
        program.kill()
    stage.rig.redis_program.start()
    until("redis", stage.rig.redis_answers)
    for program in stage.rig.servers + stage.rig.workers:
        program.start()
    until("the server", lambda: stage.rig.server_ready(stage.rig.servers[0]))
    stage.slack.wait_connected(seconds=30)
    play.write(WORKS)
    assert stage.click("bob", question, "retry")
    stage.wait_answered(question)
    play.wait_closing("Succeeded", 30)
    assert answers(stage, question) == [("retry", "bob")]


def test_a_click_on_what_the_message_showed_before(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    assert stage.click("bob", question, "ignore")
    stage.wait_answered(question)
    ears = Ears(stage)
    assert stage.click("alice", question, "fail", stale=True)
    told = ears.wait("alice")
    assert re.search(rf"{number(question)} was answered by bob .* ago: Ignore\.", told), told
    play.wait_closing("Succeeded with warnings")
    assert ears.heard("bob") == []


def test_five_clicks_of_one_person_are_one_answer(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    ears = Ears(stage)
    assert stage.click("bob", question, "exclude", times=5)
    stage.wait_answered(question)
    play.wait_closing("Succeeded with warnings")
    assert answers(stage, question) == [("exclude", "bob")]
    for told in ears.heard("bob"):
        assert "was answered by bob" in told, told


def test_of_two_people_within_a_millisecond_exactly_one_wins(stage):
    play = stage.play(ONE_FAILS)
    for n in range(RACES):
        question = play.wait_question()
        ears = Ears(stage)
        # After a Retry the step fails again, so that there is a next question; people may retry so often and no more.
        if n % 9 == 8 or n == RACES - 1:
            assert stage.click(["alice", "bob"], question, "ignore")
            play.wait_closing()
        else:
            assert stage.click(["alice", "bob"], question, "retry")

        def shown(question=question):
            now = stage.slack.message(question)
            return now if "by " in now["text"].split("): ")[-1] else None

        answered = stage.slack.until("an answer", shown)
        winner = re.search(r"by (alice|bob)", answered["text"])[1]
        loser = {"alice": "bob", "bob": "alice"}[winner]
        assert f"was answered by {winner}" in ears.wait(loser), (n, ears.heard(loser))
        assert ears.heard(winner) == [] and len(ears.heard(loser)) == 1
        if n % 9 == 8 and n < RACES - 1:
            play = stage.play(ONE_FAILS)


def test_a_question_that_was_answered_on_the_page(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    status, _ = play.answer("ignore")
    assert status == 200
    answered = stage.wait_answered(question)
    assert "Ignore by local:" in answered["text"] and "checked" in words(answered)
    ears = Ears(stage)
    assert stage.click("bob", question, "retry", stale=True)
    assert "was answered by local:" in ears.wait("bob")
    play.wait_closing("Succeeded with warnings")


def test_a_question_that_is_gone(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    stage.slack.mention("alice", "deploys", f"cancel D{play.id}")
    play.wait_closing("Canceled")
    stage.wait_answered(question)
    ears = Ears(stage)
    assert stage.click("bob", question, "retry", stale=True)
    told = ears.wait("bob")
    assert f"{number(question)} is closed." in told and "cancel" in told, told
    assert play.state() == "canceled"


def test_a_question_that_never_was(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    ears = Ears(stage)
    assert stage.click("bob", question, "take")
    payload = stage.slack.envelopes("interactive")[-1]["payload"]
    action = {**payload["actions"][0], "action_id": "gp.retry", "value": "Q999999:1", "action_ts": "1.000001"}
    assert stage.slack.do("envelope", type="interactive", payload={**payload, "actions": [action], "trigger_id": "1.2.3"})["acknowledged"]
    assert "Q999999" in ears.wait("bob")
    assert stage.slack.buttons(stage.slack.message(question))


# --- who


@pytest.mark.parametrize("user, why", [("carol", "may not"), ("guest", "guest"), ("stranger", "other"), ("former", "")])
def test_somebody_who_may_not_is_refused_privately(stage, user, why):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    known = len(stage.slack.ephemerals(user))
    for verb in ("fail", "ignore", "take"):
        assert stage.click(user, question, verb)
    told = stage.slack.until("three refusals", lambda: (now := stage.slack.ephemerals(user)[known:])[2:] and now)
    assert all(why in seen["text"] for seen in told), [seen["text"] for seen in told]
    assert stage.slack.buttons(stage.slack.message(question)) and answers(stage, question) == []


def test_somebody_who_may_not_is_refused_before_a_window_opens(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    ears = Ears(stage)
    assert stage.click("carol", question, "choose")
    choosing = ears.wait("carol", "may not")
    assert stage.click("carol", question, "retry")
    assert ears.wait("carol", "may not") == choosing and "Nothing was changed" in choosing
    stage.slack.until("both refusals", lambda: ears.heard("carol") == [choosing] * 2)
    assert stage.slack.views("carol") == []
    assert stage.slack.buttons(stage.slack.message(question)) and answers(stage, question) == []


def test_somebody_who_may_not_any_more_is_refused_by_the_window(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    ears = Ears(stage)
    assert stage.click("bob", question, "choose")
    view = stage.slack.wait_view("bob")
    stage.slack.person("bob", is_restricted=True)
    try:
        stage.slack.submit(view, {"answer": {"v": "fail"}})
        assert "guest" in ears.wait("bob")
        assert answers(stage, question) == []
    finally:
        stage.slack.person("bob", is_restricted=False)


# --- what the buttons say


def test_confirmations_tell_the_truth(stage):
    play = stage.play(ONE_FAILS, project="careful")
    question = play.wait_question()
    assert "confirm" not in stage.button(question, "retry")
    exclude, fail = stage.button(question, "exclude")["confirm"], stage.button(question, "fail")["confirm"]
    assert exclude["title"]["text"] == "Exclude web-2?" and exclude["deny"]["text"] == "Keep waiting"
    assert "web-2 gets no further step in this deployment" in exclude["text"]["text"]
    assert "Ends the deployment as failed." in fail["text"]["text"] and fail["style"] == "danger"
    assert stage.click("bob", question, "exclude")
    play.wait_closing("Succeeded with warnings")
    assert (stage.folder / f"{play.version}.enabled").read_text().split() == ["web-1"]


def test_fail_does_what_its_confirmation_says(stage):
    play = stage.play(ONE_FAILS, project="careful")
    question = play.wait_question()
    told = stage.button(question, "fail")["confirm"]["text"]["text"]
    assert "Nothing is rolled back" in told, told
    assert stage.click("bob", question, "fail")
    play.wait_closing("Failed")
    assert not (stage.folder / f"{play.version}.enabled").exists()


# --- windows


def test_a_required_note_is_asked_for_in_a_window(stage):
    play = stage.play(ONE_FAILS, project="careful")
    question = play.wait_question()
    assert stage.button(question, "ignore")["action_id"] == "gp.ignore.note"
    clicked = time.time() * 1000
    assert stage.click("bob", question, "ignore")
    view = stage.slack.wait_view("bob")
    assert stage.slack.calls("views.open")[-1]["at"] - clicked < 3000
    assert answers(stage, question) == []
    refused = stage.slack.submit(view, {"note": {"v": "  "}})
    assert refused["open"] and "note" in refused["errors"] and "needs a note" in refused["errors"]["note"]
    taken = stage.slack.submit(view, {"note": {"v": "known flake <!channel>"}})
    assert taken["acknowledged"] and not taken["open"]
    answered = stage.wait_answered(question)
    assert "Ignore by bob" in answered["text"] and "known flake" in words(answered)
    play.wait_closing("Succeeded with warnings")
    assert answers(stage, question) == [("ignore", "bob")]


def test_an_answer_for_some_of_the_machines(stage):
    play = stage.play(FAILS, project="fleet")
    question = play.wait_question()
    stage.slack.until("all three", lambda: "on 3 of 3 machines" in stage.slack.message(question)["text"])
    question = stage.slack.message(question)
    assert stage.button(question, "choose")["text"]["text"] == "Choose machines…"
    assert stage.click("bob", question, "choose")
    view = stage.slack.wait_view("bob")
    nothing = stage.slack.submit(view, {"answer": {"v": "exclude"}})
    assert nothing["open"] and "Choose machines" in nothing["errors"]["machines"]
    taken = stage.slack.submit(view, {"answer": {"v": "exclude"}, "machines": {"v": ["f-1", "f-3"]}, "note": {"v": "no power"}})
    assert not taken["open"], taken
    rest = stage.slack.until("the rest", lambda: "install failed on f-2 " in (now := stage.slack.message(question))["text"] and now)
    assert stage.slack.buttons(rest) and "no power" in words(rest) and f"retry {number(question)}" in rest["text"]
    play.write(WORKS)
    assert stage.click("bob", rest, "retry")
    closing = play.wait_closing("Succeeded with warnings")
    assert "f-1, f-3 excluded by bob" in closing["text"], closing["text"]
    assert sorted(answers(stage, question, 3)) == [("exclude", "bob"), ("exclude", "bob"), ("retry", "bob")]


def test_a_click_on_fewer_machines_than_there_are_now_answers_only_for_those(stage):
    play = stage.play("[ $GUIDEPOST_TARGET = f-1 ] || until [ -e $0.go ]; do sleep 0.05; done\nexit 7\n", project="fleet")
    question = play.wait_question()
    assert {b["value"] for b in stage.slack.buttons(question)} == {f"{number(question)}:1"}
    play.go()
    stage.slack.until("all three", lambda: "on 3 of 3 machines" in stage.slack.message(question)["text"])
    assert stage.slack.click("bob", question, "gp.ignore", value=f"{number(question)}:1", stale=True)
    until("one answer", lambda: answers(stage, question, 3) == [("ignore", "bob")])
    rest = stage.slack.until("the rest", lambda: "on 2 of 3 machines" in (now := stage.slack.message(question))["text"] and now)
    assert stage.click("bob", rest, "ignore")
    play.wait_closing()


def test_take_takes_all_machines_of_the_card(stage):
    play = stage.play(FAILS, project="strict")
    question = play.wait_question()
    stage.slack.until("all three", lambda: "on 3 of 3 machines" in stage.slack.message(question)["text"])
    question = stage.slack.message(question)
    ears = Ears(stage)
    assert stage.click("alice", question, "ignore")
    assert "Take it first" in ears.wait("alice")
    assert stage.click("bob", question, "take")
    taken = stage.slack.until("who is on it", lambda: "bob is on it" in words(now := stage.slack.message(question)) and now)
    assert stage.click("alice", taken, "ignore")
    assert "was taken by bob" in ears.wait("alice", "taken by bob")
    assert stage.click("bob", taken, "ignore")
    play.wait_closing("Succeeded with warnings")
    assert answers(stage, question, 3) == [("ignore", "bob")] * 3


def test_a_window_that_was_open_when_somebody_else_answered(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    assert stage.click("bob", question, "choose")
    view = stage.slack.wait_view("bob")
    assert stage.click("alice", question, "ignore")
    stage.wait_answered(question)
    ears = Ears(stage)
    assert stage.slack.submit(view, {"answer": {"v": "fail"}})["acknowledged"]
    assert "was answered by alice" in ears.wait("bob")
    play.wait_closing("Succeeded with warnings")


def test_a_window_that_cannot_be_opened_is_told(stage):
    play = stage.play(ONE_FAILS, project="careful")
    question = play.wait_question()
    ears = Ears(stage)
    stage.slack.set(trigger_ms=0)
    assert stage.click("bob", question, "ignore")
    told = ears.wait("bob")
    assert "window could not be opened" in told and f"ignore {number(question)} -- " in told, told
    stage.slack.calm()
    assert stage.slack.buttons(stage.slack.message(question))
    stage.slack.fail_next("views.open", fault="500")
    assert stage.click("bob", question, "ignore")
    assert stage.slack.until("told again", lambda: len(ears.heard("bob")) == 2 or stage.slack.views("bob"))
    stage.slack.say("bob", "deploys", "ignore -- by hand", thread_ts=question["ts"])
    play.wait_closing("Succeeded with warnings")


def test_a_window_is_opened_while_everything_else_is_held_back(stage):
    play = stage.play(ONE_FAILS, project="careful")
    question = play.wait_question()
    stage.slack.set(methods=["chat.postMessage", "chat.update", "users.info"], delay_ms=1500)
    assert stage.click("bob", question, "ignore")
    assert stage.slack.wait_view("bob")


# --- when something is away


def test_a_click_with_redis_away_is_told_or_kept(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    ears = Ears(stage)
    stage.rig.redis_program.kill()
    assert stage.click("bob", question, "ignore"), "acknowledged in time"
    told = ears.wait("bob")
    assert "Nothing was recorded" in told or "not known" in told or "store is away" in told, told
    stage.rig.redis_program.start()
    until("redis", stage.rig.redis_answers)
    until("the server", lambda: stage.rig.server_ready(stage.rig.servers[0]))
    assert stage.click("bob", question, "ignore") if stage.slack.buttons(stage.slack.message(question)) else True
    stage.wait_answered(question)
    play.wait_closing("Succeeded with warnings")
    assert answers(stage, question) == [("ignore", "bob")]


def test_a_click_reaches_the_server_that_does_not_lead(pair):
    stage = pair
    links = set()
    for _ in range(4):  # Slack gives each click to one of the connections in turn.
        play = stage.play(ONE_FAILS)
        question = play.wait_question()
        play.write(WORKS)
        assert stage.click("bob", question, "retry")
        links.add(stage.slack.envelopes("interactive")[-1]["link"])
        stage.wait_answered(question)
        play.wait_closing("Succeeded")
        if len(links) < 2 and links:
            stage.slack.mention("carol", "deploys", "help")  # so that the turn is the other's
    assert len(links) == 2, "both servers had a click"
    assert stage.slack.stats()["duplicates"] == []
