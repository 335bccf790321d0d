"""What Slack shows on bad days: calls that fail, replies that get lost, closed rooms, Slack away. In the end all is shown, once."""

import signal
import threading
import time

import pytest
import slack_fake
from rig import until
from slack_stage import WORKS, Play, Stage, history, number, words

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")

ROOMS = """
  archive: {{ slack: C0ARCHIVE }}
  random: {{ slack: C0RANDOM }}
  hidden: {{ slack: C0HIDDEN }}
  nowhere: {{ slack: C0NOWHERE }}
""".replace("{{", "{").replace("}}", "}")
MORE = "".join(
    f"""
  in-{room}:
    room: {room}
    steps: [{{{{ name: install, run: "exec sh {{folder}}/$GUIDEPOST_VERSION.sh", targets: [web] }}}}]
"""
    for room in ("archive", "random", "hidden", "nowhere", "private")
) + """
  chatty:
    room: deploys
    steps:
""" + "".join(f"      - {{{{ name: part-{n}, run: 'sleep 0.05' }}}}\n" for n in range(50)) + """
      - {{ name: install, run: "exec sh {folder}/$GUIDEPOST_VERSION.sh", targets: [web] }}
""" + "".join(
    f"""
  lane-{n}:
    room: deploys
    steps: [{{{{ name: install, run: "exec sh {{folder}}/$GUIDEPOST_VERSION.sh", targets: [web] }}}}]
"""
    for n in range(20)
)
HELD_SECONDS = 8
ONE_FAILS = "[ $GUIDEPOST_TARGET = web-1 ] || { echo broken; exit 7; }\n"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("faults"), MORE, rooms=ROOMS) as stage:
        yield stage
        # What was on its way when Slack went away comes again after a minute.
        stage.slack.until("all to be acknowledged", lambda: stage.slack.stats()["unacknowledged"] == 0, 100)
        stage.check_messages(allowed=["invalid_blocks"])


@pytest.fixture(scope="module")
def paced(tmp_path_factory):
    """At the pace that Slack allows."""
    with Stage(tmp_path_factory.mktemp("paced"), MORE, rooms=ROOMS, paced=True) as stage:
        yield stage
        stage.check_messages()


@pytest.fixture(scope="module", autouse=True)
def crowd(tmp_path_factory):
    """Twenty deployments in one room at once, whose questions are answered on the page; it takes as long as all other tests together."""
    with Stage(tmp_path_factory.mktemp("crowd"), MORE, rooms=ROOMS, paced=True, limits="real") as stage:
        plays = [Play(stage, f"lane-{n}", "8.0.0", ONE_FAILS, say=False) for n in range(20)]
        for play in plays:
            assert stage.rig.local().say("deploy", play.project, play.version, "to", "production")[0] == 200

        def answer():
            for play in plays:
                play.wait_question(seconds=60)
            for play in plays:
                play.answer("ignore")

        answering = threading.Thread(target=answer)
        answering.start()
        yield stage, plays
        answering.join()
        stage.check_messages()


@pytest.fixture(autouse=True)
def cleared(request):
    yield
    for name in {"stage", "paced"} & set(request.fixturenames):
        stage = request.getfixturevalue(name)
        stage.recover()


def server_log(stage):
    return "".join(server.log.read_text(errors="replace") for server in stage.rig.servers)


def health(stage):
    return stage.rig.local().ask("GET", "/readyz?verbose")[1]


def play_through(stage, play):
    """From the question to the end, with each message once."""
    question = play.wait_question()
    play.write(WORKS)
    assert stage.click("bob", question, "retry")
    play.wait_closing("Succeeded", 30)
    stage.wait_answered(question)
    play.wait_status("Succeeded")
    assert (len(play.statuses()), len(play.questions()), len(play.closings())) == (1, 1, 1)


# --- calls that fail

FAULTS = ("lost_request", "lost_reply", "500", "html", "broken_json", "half_json")


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_slack_replies_each_message_appears_once(stage, fault):
    for method in ("chat.postMessage", "chat.update"):
        stage.slack.fail_next(method, fault=fault)
    play_through(stage, stage.play(ONE_FAILS))


def test_a_call_that_hangs_is_given_up_and_looked_for(stage):
    stage.slack.fail_next("chat.postMessage", delay_ms=11000)
    play = stage.play(ONE_FAILS)
    play.wait_question()  # does not wait for the status message
    play.wait_status("Paused", 30)
    time.sleep(1.5)  # until the first post, which came late, would be there twice
    assert len(play.statuses()) == 1 and stage.slack.stats()["duplicates"] == []
    play_through(stage, play)


def test_a_lost_reply_and_a_leader_killed_make_no_duplicate(stage):
    stage.slack.set(methods=["conversations.history"], p_500=1)
    stage.slack.fail_next("chat.postMessage", fault="lost_reply", times=2)
    play = stage.play(ONE_FAILS)
    until("two lost replies", lambda: [c["fault"] for c in stage.slack.calls("chat.postMessage")][-2:] == ["lost_reply"] * 2)
    (server,) = stage.rig.servers
    server.kill()
    stage.slack.calm()
    server.start()
    until("the server", lambda: stage.rig.server_ready(server))
    stage.slack.wait_connected()
    play_through(stage, play)
    assert stage.slack.stats()["duplicates"] == []


def test_blocks_that_slack_refuses_are_left_out(stage):
    stage.slack.set(refuse_blocks=True)
    play = stage.play(ONE_FAILS)
    question = stage.slack.until("the question", lambda: next(iter(play.questions()), None))
    q = number(question)
    assert not question.get("blocks") and f"retry {q}" in question["text"]
    play.write(WORKS)
    stage.slack.say("bob", "deploys", "retry", thread_ts=question["ts"])
    play.wait_closing("Succeeded")
    stage.slack.until("the answer", lambda: "Retry by bob" in stage.slack.message(question)["text"])
    assert len(play.questions()) == 1


def test_a_message_that_somebody_deleted_appears_again_once(stage):
    play = stage.play(ONE_FAILS)
    question = play.wait_question()
    stage.slack.do("remove", user="alice", channel="deploys", ts=question["ts"])
    stage.slack.mention("bob", "deploys", f"take {number(question)}")
    again = play.wait_question()
    assert again["ts"] != question["ts"] and "bob is on it" in words(again)
    assert stage.click("bob", again, "ignore")
    play.wait_closing()
    stage.wait_answered(again)
    assert len(play.questions()) == 1


def test_a_status_message_that_somebody_deleted_appears_again_once(stage):
    play = stage.play(ONE_FAILS)
    question, status = play.wait_question(), play.wait_status("Paused")
    stage.slack.do("remove", user="alice", channel="deploys", ts=status["ts"])
    play.write(WORKS)
    assert stage.click("bob", question, "retry")
    closing = play.wait_closing("Succeeded")
    (again,) = play.statuses()
    assert again["ts"] == closing["thread_ts"] != status["ts"]


def test_a_closing_line_whose_status_message_was_deleted_brings_it_back(stage):
    play = stage.play("until [ -e $0.go ]; do sleep 0.05; done\n")
    status = play.wait_status("Running")
    stage.slack.fail_next("chat.postMessage", fault="500", times=2)  # to be tried again, under a message that is gone by then
    play.go()
    play.wait_status("Succeeded")
    stage.slack.do("remove", user="alice", channel="deploys", ts=status["ts"])
    closing = play.wait_closing("Succeeded")
    (again,) = play.statuses()
    assert again["ts"] == closing["thread_ts"] != status["ts"]
    assert "thread_not_found" in [c["error"] for c in stage.slack.calls("conversations.replies")]
    assert len(play.closings()) == 1


# --- rooms

ROOM_TROUBLES = {"archive": "archived", "random": "/invite", "hidden": "invite the bot", "nowhere": "Correct the id"}


@pytest.mark.parametrize("room", ROOM_TROUBLES)
def test_a_room_that_cannot_be_written_to_is_said_in_words_and_disturbs_nobody(stage, room):
    if room == "archive":
        stage.slack.do("archive", channel="archive")
    before = len(stage.slack.calls("chat.postMessage"))
    lost = stage.play(ONE_FAILS, project=f"in-{room}")
    lost.answer("ignore")
    lost.wait_state("succeeded_with_warnings")
    play_through(stage, stage.play(ONE_FAILS))
    line = until("the trouble in the health page", lambda: next((li for li in health(stage).splitlines() if f"room {room}:" in li), None))
    assert ROOM_TROUBLES[room] in line, line
    assert ROOM_TROUBLES[room] in server_log(stage)
    refused = [c for c in stage.slack.calls("chat.postMessage")[before:] if c["error"]]
    assert 0 < len(refused) < 16, "backed off"


def test_a_room_is_caught_up_with_when_it_can_be_written_to(stage):
    stage.slack.do("member", channel="private", user="guidepost", present=False)
    play = stage.play(ONE_FAILS, project="in-private")
    until("the trouble in the health page", lambda: "room private:" in health(stage))
    stage.slack.do("member", channel="private", user="guidepost", present=True)
    question = stage.slack.until("the question", lambda: next((m for m in play.messages("private") if stage.slack.buttons(m)), None))
    assert stage.click("bob", question, "ignore")
    until("no more trouble", lambda: "room private:" not in health(stage))


def test_a_room_that_was_given_up_for_a_while_is_tried_at_once_after_a_reload(stage):
    def pause():
        refused = [c["at"] for c in stage.slack.calls("chat.postMessage") if c["error"] == "is_archived"]
        return refused[-1] - refused[-2] if len(refused) > 1 else 0

    stage.slack.do("archive", channel="archive")
    play = stage.play(ONE_FAILS, project="in-archive")
    until("the question on the page", lambda: [q for q in stage.rig.local().questions() if q["deployment"] == play.id])
    until("a pause of four seconds, which is doubled", lambda: pause() >= 4000)
    stage.slack.do("archive", channel="archive", archived=False)
    (server,) = stage.rig.servers
    server.signal(signal.SIGHUP)
    stage.slack.until("the question", lambda: [m for m in play.messages("archive") if stage.slack.buttons(m)], 7)
    until("no more trouble", lambda: "room archive:" not in health(stage))
    play.answer("ignore")
    play.wait_state("succeeded_with_warnings")


# --- too much at once


def test_progress_that_slack_holds_back_ends_true_and_delays_no_question(paced):
    stage = paced
    play = Play(stage, "chatty", "7.0.0", f"until [ -e $0.$GUIDEPOST_TARGET ]; do sleep 0.05; done\n{ONE_FAILS}")
    play.wait_status("Running")
    until("the last step", lambda: [run["state"] for run in stage.deployment(play.id)["steps"][-1]["runs"]] == ["running"] * 2)
    stage.slack.fail_next("chat.update", fault="429", retry_after=HELD_SECONDS)
    play.go("web-1")
    limited = until("an edit that has to wait", lambda: [c for c in stage.slack.calls("chat.update") if c["status"] == 429])[-1]
    play.go("web-2")
    question = play.wait_question()
    assert float(question["ts"]) < limited["at"] / 1000 + HELD_SECONDS, "the question waited for the edits"
    assert stage.click("bob", question, "ignore")
    play.wait_closing(seconds=30)
    stage.wait_answered(question)
    (status,) = play.statuses()
    assert status["text"].startswith("Succeeded with warnings")
    steps = [int(text.split("step ")[1].split(" ")[0]) for text in history(status) if "step " in text]
    assert steps == sorted(steps), "in order"
    assert len(history(status)) < 15, "few edits for fifty steps"
    assert stage.slack.stats()["ignored_retry_after"] == []


# --- Slack away


def test_slack_away_holds_up_nothing_and_is_caught_up_with(stage):
    before = stage.play(ONE_FAILS)
    question = before.wait_question()
    stage.slack.do("away", away=True)
    until("the trouble in the health page", lambda: "slack: not connected" in health(stage))
    person = stage.rig.local()
    assert person.say("deploy", "lane-0", "9.0.0", "to", "production")[0] == 200
    during = Play(stage, "lane-0", "9.0.0", ONE_FAILS, say=False)
    before.answer("ignore")
    before.wait_state("succeeded_with_warnings")
    during.answer("ignore")
    during.wait_state("succeeded_with_warnings")
    time.sleep(3)
    posts = len(stage.slack.messages(from_bot=True))
    stage.slack.do("away", away=False)
    answered = stage.wait_answered(question)
    assert "Ignore by" in answered["text"]
    for play in (before, during):
        play.wait_closing("Succeeded with warnings", 45)
        (status,) = play.statuses()
        assert status["text"].startswith("Succeeded with warnings")
    assert len(history(answered)) == 2, history(answered)
    assert len(history(during.statuses()[0])) == 1, "nothing that is past is shown"
    shown = stage.slack.until("the question that is over", during.questions)
    assert len(shown) == 1 and len(history(shown[0])) == 1 and stage.called(shown[0]) == []
    assert len(stage.slack.messages(from_bot=True)) == posts + 4
    stage.slack.wait_connected()


def test_a_start_with_slack_away(stage):
    (server,) = stage.rig.servers
    stage.slack.do("away", away=True)
    assert server.stop() == 0
    server.start()
    until("the server", lambda: stage.rig.server_ready(server))
    assert "slack: not connected" in health(stage)
    person = stage.rig.local()
    play = Play(stage, "lane-1", "9.0.0", ONE_FAILS, say=False)
    assert person.say("deploy", "lane-1", "9.0.0", "to", "production")[0] == 200
    until("the question on the page", lambda: [q for q in person.questions() if q["deployment"] == play.id])
    stage.slack.do("away", away=False)
    question = play.wait_question(seconds=45)
    stage.slack.wait_connected(seconds=45)
    assert stage.called(question) == ["S0WEBONCALL"]
    play_through(stage, play)


# --- the crowd


def test_twenty_deployments_at_the_pace_of_slack(crowd):
    stage, plays = crowd
    for play in plays:
        play.wait_closing("Succeeded with warnings", 120)
        play.wait_status("Succeeded with warnings", 120)
    for play in plays:
        assert (len(play.statuses()), len(play.questions()), len(play.closings())) == (1, 1, 1)
        assert "Ignore by local:" in stage.wait_answered(play.questions()[0])["text"]
    last = max(play.questions()[0]["ts"] for play in plays)
    before = [play for play in plays if play.statuses()[0]["ts"] < last]
    assert len(before) < 15, "questions go before progress"
    assert len([c for c in stage.slack.calls() if c["status"] == 429]) <= 3, "we keep the pace ourselves"
    assert stage.slack.stats()["ignored_retry_after"] == []
