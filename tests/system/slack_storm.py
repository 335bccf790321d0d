"""A storm in Slack: many questions, many more clicks, replies that get lost, refusals, what is told twice and out of order, and servers that
die. Then it calms down, and each question must have exactly one answer, no message may be there twice, and each must show what is true."""

import html
import random
import threading
import time
from collections import Counter

from rig import Rig, until
from slack_fake import SlackFake

PEOPLE = ("alice", "bob")
FAULTS = {"p_lost_replies": 0.1, "p_429": 0.1, "p_500": 0.05, "p_duplicate": 0.1, "reorder_ms": 200, "retry_after": 1}
CALM_SECONDS = 10  # after the faults, without Slack's rates
CLICKERS = 16

# Each machine fails for a reason of its own, so that each question has a card of its own. As many as run at once.
WORDS = "apple birch cedar daisy elder fennel ginger hazel iris juniper".split()

CONFIG = """
chat:
  slack:
    app_token: {{ file: {folder}/app-token }}
    bot_token: {{ file: {folder}/bot-token }}
    api_url: {api_url}
    ca_file: {ca_file}
    paced: {paced}
people: {{ alice: {{ slack: U0ALICE }}, bob: {{ slack: U0BOB }} }}
permissions:
  - {{ allow: [deploy, answer], to: [alice, bob] }}
rooms: {{ deploys: {{ slack: C0DEPLOYS }} }}
workers: {{ slots: 16 }}
environments:
  production: {{ guided_failure: {{ enabled: true }} }}
targets:
{targets}
projects:
{projects}
"""


class Storm:
    def __init__(self, folder, seed, deployments, clicks, servers, limits="off"):
        self.folder, self.clicks, self.limits = folder, clicks, limits
        self.chance = random.Random(seed)
        self.deployments = deployments
        self.slack = SlackFake(folder / "slack", speed=60, seed=seed, limits=limits)
        self.servers = servers
        self.counts = Counter()
        self.over = threading.Event()

    def __enter__(self):
        self.slack.start()
        (self.folder / "app-token").write_text(self.slack.app_token)
        (self.folder / "bot-token").write_text(self.slack.bot_token)
        script = f"[ -e {self.folder}/repaired ] || {{ echo no ${{GUIDEPOST_TARGET#m-}}; exit 1; }}"
        config = CONFIG.format(
            folder=self.folder,
            api_url=self.slack.api_url,
            ca_file=self.slack.ca_file,
            paced="false" if self.limits == "off" else "true",
            targets="\n".join(f"  m-{word}: {{ local: true, tags: [m] }}" for word in WORDS),
            projects="\n".join(
                f"  p{n}: {{ room: deploys, steps: [ {{ name: install, targets: [m], run: '{script}' }} ] }}" for n in range(self.deployments)
            ),
        )
        try:
            self.rig = Rig(config, servers=self.servers, name="storm").__enter__()
            self.slack.wait_connected(self.servers)
        except BaseException:
            self.slack.stop()
            raise
        return self

    def __exit__(self, *about):
        self.over.set()
        try:
            self.rig.__exit__(*about)
        finally:
            self.slack.stop()

    @property
    def questions(self):
        return self.deployments * len(WORDS)

    def cards(self):
        """The messages that ask, by the nonce of their card."""
        return {
            message["metadata"]["event_payload"]["nonce"]: message
            for message in self.slack.messages("deploys", from_bot=True)
            if "-Q" in message.get("metadata", {}).get("event_payload", {}).get("nonce", "")
        }

    # --- the acts

    def ask(self):
        person = self.rig.local()
        for n in range(self.deployments):
            person.deploy(f"p{n}", "1.0", "production")
        found = until("all questions in Slack", lambda: len(c := self.cards()) == self.questions and c, seconds=60 + self.questions * 2, pause=0.5)
        (self.folder / "repaired").touch()
        return list(found.values())

    def click_all(self, cards):
        """Each card is clicked by all clickers about the same number of times."""
        plan = [self.chance.choice(cards) for _ in range(self.clicks - len(cards))] + cards
        self.chance.shuffle(plan)
        lock = threading.Lock()

        def clicker(seed):
            chance = random.Random(seed)
            while True:
                with lock:
                    if not plan:
                        return
                    card = plan.pop()
                self.click(chance.choice(PEOPLE), card, chance.choice(["gp.retry", "gp.ignore"]))

        threads = [threading.Thread(target=clicker, args=(self.chance.random(),)) for _ in range(CLICKERS)]
        for thread in threads:
            thread.start()
        return threads

    def click(self, user, card, action):
        """On the button, or on the window of somebody whose screen still shows it."""
        for stale in (False, True):
            try:
                taken = self.slack.click(user, card, action, stale=stale)
                self.counts["clicks acknowledged" if taken else "clicks lost with a server"] += 1
                return
            except AssertionError as error:
                last = error
        raise last

    def kill_servers(self, every):
        """Every so many seconds one of them dies and comes again."""

        def killer():
            chance = random.Random(self.chance.random())
            while not self.over.wait(every):
                server = chance.choice(self.rig.servers)
                server.kill()
                server.start()
                self.counts["servers killed"] += 1

        thread = threading.Thread(target=killer)
        thread.start()
        return thread

    # --- what must be true

    def open_questions(self):
        return self.rig.local().get("/v1/questions?take=1000")["items"]

    def check_answers(self):
        person = self.rig.local()
        answered = Counter()
        for id in range(1, self.deployments + 1):
            for entry in person.get(f"/v1/deployments/{id}/audit")["entries"]:
                if entry["what"].startswith("answered"):
                    answered[entry["what"]] += 1
                    self.counts["answers"] += 1
            assert person.deployment(id)["state"] in ("succeeded", "succeeded_with_warnings"), person.deployment(id)["state"]
        return answered

    def untrue(self):
        """Messages that do not show what is true."""
        person, wrong = self.rig.local(), []
        messages = self.cards()
        for id in range(1, self.deployments + 1):
            for card in person.deployment(id)["cards"]:
                message = messages.get(f"D{id}-{card['question']}") or messages.get(f"D{id}-Q{card['question']}")
                if message is None or html.unescape(message["text"]) != card["text"] or self.slack.buttons(message):
                    wrong.append((id, card["question"], message and message["text"], card["text"]))
        return wrong

    def play(self, kill_every):
        killer = None
        try:
            self.slack.set(**FAULTS)
            killer = self.kill_servers(kill_every)
            cards = self.ask()
            for thread in self.click_all(cards):
                thread.join()
            while self.open_questions():  # whose clicks all got lost with a server
                for thread in self.click_again():
                    thread.join()
        finally:
            self.over.set()
            if killer:
                killer.join()
        self.rig.restart_dead()
        self.slack.calm()
        calm = time.monotonic()
        until("the end of all", lambda: all(self.rig.local().deployment(n)["ended"] for n in range(1, self.deployments + 1)), seconds=60)
        # A card is edited when it is answered and when it is known what came of it; Slack allows 50 edits a minute.
        budget = CALM_SECONDS if self.limits == "off" else 30 + (2 * self.questions + 4 * self.deployments) * 60 / 50
        until("each message to show what is true", lambda: not self.untrue(), seconds=budget, pause=0.3)
        self.counts["seconds to be true again"] = round(time.monotonic() - calm, 1)
        self.check_answers()
        stats = self.slack.stats()
        assert self.counts["answers"] == self.questions, self.counts
        assert stats["duplicates"] == [] and stats["mass_mentions"] == [] and stats["without_text"] == 0, (stats["duplicates"], stats["mass_mentions"], stats["without_text"])
        return self.counts

    def click_again(self):
        open_now = {f"D{q['deployment']}-Q{q['id']}" if isinstance(q["id"], int) else f"D{q['deployment']}-{q['id']}" for q in self.open_questions()}
        left = [message for nonce, message in self.cards().items() if nonce in open_now]
        self.counts["clicked again"] += len(left)
        self.clicks = len(left)
        return self.click_all(left)
