"""What people do in Slack and what they must see then, whichever bot is there: one on Slack's own SDK, or guidepost. A bot is described
by Words; each method of Scenario is one act of the play and can be run alone."""

from dataclasses import dataclass, field
from typing import Callable

from slack_fake import SlackFake

ROOM = "deploys"


@dataclass
class Words:
    """What must be said to this bot, and how its answers are known."""

    mention: Callable[[int], str]  # what alice says to the bot to be asked a question, the n-th time
    click: str  # action_id of a button that answers
    open_modal: str  # action_id of a button that opens a modal
    values: dict  # what bob fills in there: {block_id: {action_id: value}}
    wrong_values: dict  # what the bot must send back with an error
    command: str  # the text of a slash command
    told: Callable[[dict], bool]  # whether an ephemeral message is the answer to it
    window: str  # the text of a slash command that opens a modal
    window_values: dict  # what alice fills in there
    window_told: Callable[[dict], bool]  # whether an ephemeral message is the answer to that
    shown: Callable[[dict, str], bool] = field(default=lambda message, user: f"<@{user}>" in message["text"])  # answered by that user


class Scenario:
    def __init__(self, slack: SlackFake, words: Words):
        self.slack, self.words = slack, words
        self.asked, self.people = 0, slack.do("who")["users"]

    def ask(self, repeated=lambda: None):
        """Alice says something; gives the question that the bot posts then, and which has buttons."""
        known = {m["ts"] for m in self.slack.messages(ROOM, from_bot=True)}
        self.asked += 1
        self.slack.mention("alice", ROOM, self.words.mention(self.asked))
        repeated()
        return self.slack.wait_message(ROOM, lambda m: m["ts"] not in known and self.slack.buttons(m))

    def wait_answered(self, question, user):
        return self.slack.until(
            "the answer to be shown",
            lambda: (now := self.slack.message(question))
            and not self.slack.buttons(now)
            and self.words.shown(now, self.people[user])
            and now,
        )

    # --- the acts

    def a_mention_is_answered_by_a_question(self):
        question = self.ask()
        assert question["text"], "the text is what a notification shows"
        assert self.slack.stats()["unacknowledged"] == 0

    def a_click_is_acknowledged_and_the_message_edited(self):
        question = self.ask()
        assert self.slack.click("bob", question, self.words.click)
        self.wait_answered(question, "bob")

    def a_slash_command_is_answered_privately(self):
        assert self.slack.command("carol", ROOM, self.words.command)
        told = self.slack.wait_ephemeral("carol", self.words.told)
        assert told["source"] == "response_url"
        assert not [seen for seen in self.slack.ephemerals("bob") if self.words.told(seen)]

    def a_modal_is_opened_refused_and_taken(self):
        question = self.ask()
        assert self.slack.click("bob", question, self.words.open_modal)
        view = self.slack.wait_view("bob")
        refused = self.slack.submit(view, self.words.wrong_values)
        assert refused["acknowledged"] and refused["open"] and refused["errors"], refused
        taken = self.slack.submit(view, self.words.values)
        assert taken["acknowledged"] and not taken["open"], taken
        self.wait_answered(question, "bob")

    def a_modal_is_opened_by_a_command(self):
        assert self.slack.command("alice", ROOM, self.words.window)
        view = self.slack.wait_view("alice")
        assert self.slack.submit(view, self.words.window_values)["acknowledged"]
        assert self.slack.wait_ephemeral("alice", self.words.window_told)["source"] == "chat.postEphemeral"

    def a_refresh_is_survived(self):
        before = {link["number"] for link in self.slack.stats()["links"]}
        self.slack.disconnect("refresh_requested", close_after_ms=2000)
        self.slack.until("a new connection", lambda: [n for n in self.slack.wait_connected() if n["number"] not in before])
        question = self.ask()
        assert self.slack.click("alice", question, self.words.click)
        self.wait_answered(question, "alice")

    def a_cut_connection_is_opened_again(self):
        before = {link["number"] for link in self.slack.stats()["links"]}
        self.slack.drop()
        self.slack.until("a new connection", lambda: [n for n in self.slack.wait_connected() if n["number"] not in before])
        self.ask()

    def what_is_told_twice_is_done_once(self):
        self.slack.set(ignore_acks=1)
        question = self.ask(
            lambda: self.slack.until(
                "the event to be told again",
                lambda: [e for e in self.slack.envelopes("events_api") if e["retry_attempt"] == 1 and e["acked"] is not None],
            )
        )
        twice = [e for e in self.slack.envelopes("events_api") if e["retry_attempt"] == 1]
        self.slack.do("repeat", envelope_id=twice[-1]["envelope_id"])
        self.slack.do("repeat", envelope_id=twice[-1]["envelope_id"], new_envelope=True, event_id="Ev0AGAIN")
        self.slack.until("all to be acknowledged", lambda: all(e["acked"] is not None for e in self.slack.envelopes("events_api")[-2:]))
        later = [m for m in self.slack.messages(ROOM, from_bot=True) if m["ts"] > question["ts"] and self.slack.buttons(m)]
        assert later == [] and self.slack.stats()["duplicates"] == []

    def a_rate_limit_is_obeyed(self):
        question = self.ask()
        self.slack.fail_next("chat.update", fault="429", retry_after=2)
        assert self.slack.click("bob", question, self.words.click)
        self.wait_answered(question, "bob")
        updates = self.slack.calls("chat.update")
        (limited,) = [c for c in updates if c["status"] == 429]
        after = [c["at"] - limited["at"] for c in updates if c["at"] > limited["at"] + 100]
        assert after and min(after) >= 1900, after
        assert self.slack.stats()["ignored_retry_after"] == []

    def nothing_unseemly_was_done(self):
        stats = self.slack.stats()
        assert stats["mass_mentions"] == [] and stats["duplicates"] == [] and stats["without_text"] == 0
        counts = stats["counts"]
        assert (counts["too_big"], counts["bad_acks"], counts["unknown_acks"], counts["late_acks"]) == (0, 0, 0, 0), counts

    ACTS = [
        a_mention_is_answered_by_a_question,
        a_click_is_acknowledged_and_the_message_edited,
        a_slash_command_is_answered_privately,
        a_modal_is_opened_refused_and_taken,
        a_modal_is_opened_by_a_command,
        a_refresh_is_survived,
        a_cut_connection_is_opened_again,
        what_is_told_twice_is_done_once,
        a_rate_limit_is_obeyed,
        nothing_unseemly_was_done,
    ]
