"""Exactly one answer wins: a thousand questions, each answered by four people at the same time through four doors."""

import random
import threading
import time
from collections import Counter

from people import CONFIG_PEOPLE, NOTE, PEOPLE, Client, machines, site, starts, token_of
from rig import until

QUESTIONS = 1000
PER_DEPLOYMENT = 25
GROUPS = 2  # quartets that race at the same time

CONFIG = (
    "workers: { slots: 16 }\n"
    + CONFIG_PEOPLE
    + "targets:\n"
    + machines(PER_DEPLOYMENT + 1)
    + "environments:\n"
    + "".join(f"  lane-{n}: {{ room: deploys, guided_failure: {{ enabled: true }} }}\n" for n in range(QUESTIONS // PER_DEPLOYMENT + 8))
    + "projects:\n  race:\n    steps:\n      - name: Work\n        targets: [all]\n        max_parallel: 200\n        run: |\n"
    + f"          {NOTE}\n          note start\n"
    # The last machine is never asked about, so that the others can be excluded.
    + f"          [ $GUIDEPOST_ATTEMPT -gt 1 ] || [ $GUIDEPOST_TARGET = m-{PER_DEPLOYMENT + 1} ]\n"
    + "  short:\n    steps:\n      - { name: Short, run: 'true' }\n"
)


class Answerer:
    """One person at one door. Says for each question whether the answer was accepted, or who was first."""

    def __init__(self, rig, name, door, guidance):
        self.name, self.guidance, self.send = name, guidance, getattr(self, door)
        self.client = Client(rig, name)
        if door == "page":
            self.sign_in()

    def sign_in(self):
        """As the page does: with a session's cookie, Origin and the header that no form can send."""
        reply = self.client.request("POST", "/v1/session", {"token": token_of(self.name)})
        assert reply.status == 200, reply
        server = self.client.rig.servers[0]
        self.client.headers = {
            "Cookie": reply.headers["Set-Cookie"].split(";")[0],
            "Origin": f"http://127.0.0.1:{server.port}",
            "X-Csrf": "1",
        }

    def octopus(self, question):
        reply = self.client.submit(question, self.guidance)
        return reply.status == 200, reply.json.get("ErrorMessage"), reply.status in (200, 400)

    def page(self, question):
        body = {"guidance": self.guidance.lower(), "single": True, "note": "from the page"}
        reply = self.client.request("POST", f"/v1/questions/{question}/answer", body)
        return reply.status == 200, reply.json.get("detail"), reply.status in (200, 409)

    def console(self, question):
        reply = self.client.post("/v1/commands", {"line": f"{self.guidance.lower()} Q{question} -- from the console", "room": "deploys"})
        return reply["ok"], reply["text"], reply["ok"] or reply["error"] == "conflict"


def race(rig, questions, answerers):
    """{question: [(name, accepted, text)]}; all four are let go together for each question."""
    barrier, said = threading.Barrier(len(answerers)), {question: [] for question in questions}
    broken = []

    def run(answerer):
        luck = random.Random(answerer.name)
        try:
            for question in questions:
                barrier.wait(60)
                time.sleep(luck.random() / 200)  # or the quicker door would always win
                accepted, text, expected = answerer.send(question)
                said[question].append((answerer.name, accepted, text))
                if not expected:
                    broken.append((answerer.name, question, text))
        except BaseException as error:
            broken.append((answerer.name, repr(error)))
            barrier.abort()

    threads = [threading.Thread(target=run, args=[answerer]) for answerer in answerers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken, broken[:5]
    return said


def ask_everywhere(rig, alice):
    deployments = [alice.deploy("race", "1", f"lane-{n}") for n in range(QUESTIONS // PER_DEPLOYMENT)]
    until("all questions", lambda: len(alice.questions()) == QUESTIONS, 60, pause=0.3)
    return deployments, {question["id"]: question for question in alice.questions()}


def test_of_four_answers_at_once_one_is_accepted_and_three_are_told_who_was_first():
    with site(CONFIG, name="race") as rig:
        alice = Client(rig)
        deployments, asked = ask_everywhere(rig, alice)
        ids = sorted(asked)
        said, threads = {}, []
        for group in range(GROUPS):
            answerers = [
                Answerer(rig, "alice", "octopus", "Retry"),
                Answerer(rig, "bob", "page", "Ignore"),
                Answerer(rig, "carol", "octopus", "Exclude"),
                Answerer(rig, "dave", "page", "Retry"),
            ]
            threads.append(threading.Thread(target=lambda part=ids[group::GROUPS], who=answerers: said.update(race(rig, part, who))))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == QUESTIONS
        winners = Counter()
        for id, answers in said.items():
            accepted = [name for name, ok, _ in answers if ok]
            assert len(answers) == 4 and len(accepted) == 1, (id, answers)
            winners[accepted[0]] += 1
            for name, ok, text in answers:
                assert ok or f"Q{id} was answered by {accepted[0]} " in text, (id, accepted, name, text)
        print(f"{QUESTIONS} questions, {4 * QUESTIONS} answers, accepted: {dict(winners)}")
        for number in deployments:
            alice.wait_state(number, "succeeded_with_warnings", "succeeded", seconds=60)
        check_outcomes(rig, alice, asked, said)


def check_outcomes(rig, alice, asked, said):
    """What was accepted is what is recorded and what happened."""
    guidance = {"alice": "retry", "bob": "ignore", "carol": "exclude", "dave": "retry"}
    again = {(number, target) for number in {q["deployment"] for q in asked.values()} for step, target, attempt in starts(rig, number) if attempt == 2}
    for id, question in asked.items():
        (winner,) = [name for name, ok, _ in said[id] if ok]
        assert ((question["deployment"], question["target"]) in again) == (guidance[winner] == "retry"), (id, winner)
    for id in sorted(asked)[::10]:
        (winner,) = [name for name, ok, _ in said[id] if ok]
        found = alice.get(f"/v1/questions/{id}")
        assert (found["answer"], found["answered_by"], found["open"]) == (guidance[winner], winner, False)


def test_console_and_rest_race_for_a_question_with_the_same_result():
    with site(CONFIG, name="console") as rig:
        alice = Client(rig)
        number = alice.deploy("race", "2", "lane-40", "on " + " ".join(f"m-{n}" for n in range(5, 27)))
        ids = [question["id"] for question in alice.wait_questions(number, 21)]
        # The first question heads the card of all, and words said in a room answer whole cards: the rest is raced for.
        answerers = [
            Answerer(rig, "alice", "console", "Ignore"),
            Answerer(rig, "bob", "octopus", "Retry"),
            Answerer(rig, "carol", "console", "Retry"),
            Answerer(rig, "dave", "page", "Exclude"),
        ]
        for id, answers in race(rig, ids[1:], answerers).items():
            accepted = [name for name, ok, _ in answers if ok]
            assert len(accepted) == 1, (id, answers)
            assert all(ok or f"answered by {accepted[0]} " in text for _, ok, text in answers), (id, answers)
        alice.submit(ids[0], "Ignore")
        alice.wait_state(number, "succeeded_with_warnings")


def test_excludes_at_once_never_exclude_the_last_machine():
    with site(CONFIG, name="exclude") as rig:
        alice = Client(rig)
        for turn in range(6):
            number = alice.deploy("race", "1", f"lane-{turn}", "on m-1 m-2 m-3 m-4")
            ids = [question["id"] for question in alice.wait_questions(number, 4)]
            barrier, replies = threading.Barrier(4), {}

            def exclude(name, id, barrier=barrier, replies=replies):
                client = Client(rig, name)
                client.get("/v1/me")
                barrier.wait(60)
                replies[id] = client.submit(id, "Exclude")

            threads = [threading.Thread(target=exclude, args=pair) for pair in zip(PEOPLE, ids)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            refused = [id for id, reply in replies.items() if reply.status != 200]
            assert len(refused) == 1, replies
            assert "last machine" in replies[refused[0]].json["ErrorMessage"], replies
            (question,) = alice.wait_questions(number)
            assert question["id"] == refused[0] and "exclude" not in [option["guidance"] for option in question["options"]]
            alice.submit(question["id"], "Retry")
            alice.wait_state(number, "succeeded_with_warnings")


def test_a_cancel_that_was_accepted_is_carried_out_also_at_the_very_end():
    """A deployment of a few milliseconds is canceled somewhere in them: it ends as the canceler was told."""
    with site(CONFIG, name="cancel") as rig:
        alice, luck, said, pause = Client(rig), random.Random(1), {}, 0.02
        for turn in range(150):
            number = alice.deploy("short", "1", f"lane-{turn % 8}")
            time.sleep(pause * luck.uniform(0.5, 1.5))
            said[number] = alice.request("POST", f"/api/tasks/ServerTasks-{number}/cancel").status == 200
            pause *= 1.25 if said[number] else 0.8  # so that it is about as long as a deployment, on any machine
        ended = {number: alice.wait_state(number, "succeeded", "canceled")["state"] for number in said}
        assert all((ended[number] == "canceled") == accepted for number, accepted in said.items()), (said, ended)
        print(f"{len(said)} cancels, {sum(said.values())} in time")
        assert 10 < sum(said.values()) < 140
