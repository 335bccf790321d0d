"""Checks a history against the promises, one small function an invariant. Each counts what it saw and says what was wrong.

The numbers are those by which the promises are known: I1 no job lost ... I24 structure. I23 (a state of Redis that went back in time is
loud) needs another kind of test.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field

FINAL = {"succeeded", "succeeded_with_warnings", "failed", "canceled"}
RUN_EVENT = re.compile(
    r"(issued|claimed|ended|lost|adopted|never_started|unknown|heard|still_running) (\d+)\.(\d+) #(\d+)(?: (?:by |with )?(\S+))?(?: (\S+))?$"
)
QUESTION_EVENT = re.compile(r"(asked|answered) Q(\d+) (\d+)\.(\d+) #(\d+)(?: (\S+))?$")
CLOSED_EVENT = re.compile(r"closed Q(\d+)")
LOOK_NS = 6_000_000_000  # a worker has so long to look at what another left behind, its own silence included
CANCEL_MS = 30_000 + 15_000


@dataclass
class Event:
    """One audit entry, understood."""

    kind: str
    entry: object
    step: int = -1
    slot: int = -1
    attempt: int = 0
    word: str | None = None  # why issued, who claimed, how ended, what was answered
    number: str | None = None
    question: int = 0

    @property
    def run(self):
        return (self.step, self.slot)


def parse(entry):
    match = RUN_EVENT.match(entry.what)
    if match:
        kind, step, slot, attempt, word, number = match.groups()
        return Event(kind, entry, int(step), int(slot), int(attempt), word, number)
    match = QUESTION_EVENT.match(entry.what)
    if match:
        kind, question, step, slot, attempt, word = match.groups()
        return Event(kind, entry, int(step), int(slot), int(attempt), word, question=int(question))
    match = CLOSED_EVENT.match(entry.what)
    if match:
        return Event("closed", entry, question=int(match[1]))
    kind, _, word = entry.what.partition(" ")
    return Event(kind, entry, word=word)


@dataclass
class Found:
    number: int
    title: str
    seen: int = 0
    faults: list = field(default_factory=list)

    def fault(self, text):
        self.faults.append(f"I{self.number}: {text}")


class Facts:
    """A history with what several checks need worked out."""

    def __init__(self, history):
        self.history = history
        self.events = {id: [parse(e) for e in d.audit] for id, d in history.deployments.items()}
        self.starts, self.ends = defaultdict(list), defaultdict(list)
        for line in history.oracle:
            (self.starts if line.kind == "start" else self.ends)[line.attempt_key].append(line)

    def deployments(self):
        for d in self.history.deployments.values():
            yield d, self.events[d.id]

    def runs(self):
        """(deployment, (step, slot), its events in order)"""
        for d, events in self.deployments():
            runs = defaultdict(list)
            for event in events:
                if event.step >= 0:
                    runs[event.run].append(event)
            for run, of_run in runs.items():
                yield d, run, of_run

    def kills(self, what, attempt):
        return [kill for kill in self.history.kills if kill.what == what and kill.attempt == attempt]


def attempt_key(d, event):
    step = d.steps[event.step]
    return (d.id, step.name, step.slots[event.slot], event.attempt)


CHECKS = []


def invariant(number, title):
    def register(check):
        def run(facts):
            found = Found(number, title)
            check(facts, found)
            return found

        CHECKS.append(run)
        run.__name__ = check.__name__
        return run

    return register


def check(history):
    facts = Facts(history)
    return [run(facts) for run in CHECKS]


def report(found):
    lines = [f"I{f.number:<3} {f.title:<58} {f.seen:>6} seen, {len(f.faults)} wrong" for f in found]
    return "\n".join(lines + [fault for f in found for fault in f.faults[:10]])


# --- jobs and attempts -----------------------------------------------------------------------------------------------------------------


@invariant(1, "no accepted deployment is lost")
def no_job_lost(facts, found):
    open_questions = {int(q["deployment"]) for q in facts.history.questions.values() if q["state"] == "open"}
    for request in facts.history.requests:
        if request.kind != "deploy" or request.outcome != "accepted":
            continue
        found.seen += 1
        d = facts.history.deployments.get(request.deployment)
        if d is None or (d.state not in FINAL and d.id not in open_questions):
            found.fault(f"D{request.deployment} is {d.state if d else 'gone'}, and nobody is asked")


@invariant(2, "everything descends from a request or a claim")
def no_invention(facts, found):
    asked = defaultdict(list)
    for request in facts.history.requests:
        if request.kind == "deploy" and request.outcome != "refused":
            asked[request.version].append(request)
    answers = {(r.question, r.guidance, r.who) for r in facts.history.requests if r.kind == "answer" and r.outcome != "refused"}
    made = defaultdict(list)
    claimed = set()
    for d, events in facts.deployments():
        made[d.version].append(d.id)
        found.seen += 1
        for event in events:
            if event.kind == "claimed":
                claimed.add(attempt_key(d, event))
            if event.kind == "answered":
                found.seen += 1
                if (event.question, event.word, event.entry.actor) not in answers:
                    found.fault(f"D{d.id}: {event.entry.what} by {event.entry.actor} was never asked for")
    for version, ids in made.items():
        if len(ids) != len(asked[version]):
            found.fault(f"version {version} was asked for {len(asked[version])} times and made {ids}")
    for key in facts.starts:
        found.seen += 1
        if key not in claimed:
            found.fault(f"{key} ran and was never claimed")


@invariant(3, "an attempt is started at most once")
def started_once(facts, found):
    for key, lines in facts.starts.items():
        found.seen += 1
        if len(lines) > 1:
            found.fault(f"{key} was started {len(lines)} times")


def justified(step, event, before):
    """Whether `event`, which issues an attempt, follows from what came before it in its run."""
    last = before[-1] if before else None
    if event.attempt == 1 and last is None:
        return event.word == "plan"
    if last is None:
        return False
    follows = last.attempt == event.attempt - 1
    failed = last.kind == "ended" and (last.word, last.number) != ("exit", "0")
    return {
        "retry": follows and last.kind == "answered" and last.word == "retry",
        "auto_retry": follows and failed and step.retry_times > 0,
        "safe_to_rerun": follows and last.kind == "unknown" and step.safe_to_rerun,
        "never_started": follows and last.kind == "never_started",
        "closing": last.kind == "issued" and last.attempt == event.attempt,
    }.get(event.word, False)


@invariant(4, "no attempt follows another without a decision")
def no_rerun_without_decision(facts, found):
    for d, run, events in facts.runs():
        for i, event in enumerate(events):
            if event.kind != "issued":
                continue
            found.seen += 1
            if not justified(d.steps[run[0]], event, events[:i]):
                found.fault(f"D{d.id}: {event.entry.what} after {events[i - 1].entry.what if i else 'nothing'}")


def recorded_end_ns(facts, key):
    """Of an attempt that could not tell its end: killed itself, or by its supervisor before the end was recorded."""
    killed = [kill.ns for kill in facts.kills("step", key)]
    d = facts.history.deployments[key[0]]
    recorded = [e.entry.at * 1_000_000 for e in facts.events[d.id] if e.kind == "ended" and attempt_key(d, e) == key]
    return min(killed + recorded, default=None)


@invariant(5, "no two attempts overlap on a target (or of a worker's step)")
def no_overlap(facts, found):
    intervals = defaultdict(list)
    for key, lines in facts.starts.items():
        d = facts.history.deployments.get(key[0])
        if d is None:
            continue
        end = max((line.ns for line in facts.ends.get(key, [])), default=None) or recorded_end_ns(facts, key)
        place = key[2] if key[2] != "-" else key[1]
        intervals[(*d.lane, place)].append((lines[0].ns, end, key))
    for place, of_place in intervals.items():
        latest, whose = 0, None
        for start, end, key in sorted(of_place, key=lambda interval: interval[0]):
            found.seen += 1
            if whose is not None and (latest is None or start < latest):
                found.fault(f"{key} started on {place} while {whose} ran")
            if latest is not None and (end is None or end > latest):
                latest, whose = end, key


def good_states(step, event, state):
    """The state of a run after the event: active, asking, bad, good or excluded."""
    if event.kind in ("issued", "claimed", "lost", "adopted", "heard", "never_started", "still_running"):
        return "active"
    if event.kind == "ended":
        success = (event.word, event.number) == ("exit", "0")
        return "good" if success or step.continue_on_error else "bad"
    if event.kind == "unknown":
        return "good" if step.continue_on_error else "bad"
    if event.kind == "asked":
        return "asking"
    if event.kind == "answered":
        return {"retry": "active", "ignore": "good", "proceed": "good", "exclude": "excluded"}.get(event.word, "bad")
    return state


def stages(steps):
    """The stage of each step: neighbours of one group are one stage."""
    numbers, number = [], -1
    for i, step in enumerate(steps):
        if i == 0 or step.group is None or step.group != steps[i - 1].group:
            number += 1
        numbers.append(number)
    return numbers


def blockers(d, event, states, excluded):
    """Runs before the one that is issued that do not let it start."""
    stage = stages(d.steps)
    for step in range(event.step):
        for slot, name in enumerate(d.steps[step].slots):
            if stage[step] == stage[event.step] and slot != event.slot:
                continue
            state = states.get((step, slot), "none")
            if name in excluded or state in ("good", "excluded"):
                continue
            if state == "none" and d.steps[step].condition == "failure":
                continue
            yield f"{d.steps[step].name} on {name} is {state}"


@invariant(6, "a step starts after the step before it settled well")
def order(facts, found):
    for d, events in facts.deployments():
        states, excluded, closing = {}, set(), False
        for event in events:
            closing = closing or event.kind in ("failing", "canceled")
            if event.kind == "issued" and event.word == "plan":
                found.seen += 1
                if not closing and d.steps[event.step].condition == "success":
                    for text in blockers(d, event, states, excluded):
                        found.fault(f"D{d.id}: {event.entry.what} while {text}")
            if event.step >= 0:
                states[event.run] = good_states(d.steps[event.step], event, states.get(event.run))
                if event.kind == "answered" and event.word == "exclude":
                    excluded.add(d.steps[event.step].slots[event.slot])


@invariant(7, "no event of an older attempt or owner counts")
def fencing(facts, found):
    for d, run, events in facts.runs():
        newest, ended = 0, set()
        for event in events:
            found.seen += 1
            if event.kind == "issued":
                newest = event.attempt
            elif event.kind == "still_running":
                newest = event.attempt
            elif event.attempt != newest:
                found.fault(f"D{d.id}: {event.entry.what} while attempt {newest} is the newest")
            if event.kind == "ended" and event.attempt in ended:
                found.fault(f"D{d.id}: {event.entry.what} for the second time")
            if event.kind == "ended":
                ended.add(event.attempt)
        field_name = f"{run[0]}.{run[1]}"
        claim, record = d.claims.get(field_name, ""), d.runs.get(field_name, "")
        if claim and record:
            attempt, epoch = claim.split(":")[1:3]
            if f"{attempt}.{epoch}" != record.split()[1]:
                found.fault(f"D{d.id} {field_name}: the claim is {claim}, the run {record}")


@invariant(8, "what is recorded is what happened")
def record_is_true(facts, found):
    for d, _, events in facts.runs():
        for event in events:
            if event.kind != "ended":
                continue
            found.seen += 1
            key = attempt_key(d, event)
            codes = [line.code for line in facts.ends.get(key, [])]
            killed = facts.kills("step", key) + facts.kills("shell", key)
            if event.word == "exit" and codes != [int(event.number)] and not (killed and event.number == "137"):
                found.fault(f"{key} is recorded as {event.word} {event.number}, the oracle says {codes}")
            if event.word == "signal" and not killed:
                found.fault(f"{key} is recorded as {event.word} {event.number}, and nobody killed it")


@invariant(9, "no outcome is unknown while the truth can be read")
def no_false_unknown(facts, found):
    hard = [kill.ns for kill in facts.history.kills if kill.what in ("worker", "redis")]
    for d, _, events in facts.runs():
        for event in events:
            if event.kind != "unknown":
                continue
            found.seen += 1
            at = event.entry.at * 1_000_000
            nobody_there = any(at - LOOK_NS <= ns <= at for ns in hard)
            if not facts.kills("supervisor", attempt_key(d, event)) and not nobody_there:
                found.fault(f"{attempt_key(d, event)} is unknown, and neither its supervisor nor a worker had been killed")


@invariant(10, "what never started never ran")
def never_started(facts, found):
    for d, _, events in facts.runs():
        for event in events:
            if event.kind == "never_started" or (event.kind == "ended" and event.word in ("not_started", "unreachable")):
                found.seen += 1
                if attempt_key(d, event) in facts.starts:
                    found.fault(f"{attempt_key(d, event)} ran, and is recorded as {event.entry.what}")


@invariant(11, "one owner at a time")
def single_pick_up(facts, found):
    for d, _, events in facts.runs():
        state = "free"
        for event in events:
            if event.kind == "issued":
                state = "free"
            elif event.kind in ("claimed", "adopted"):
                found.seen += 1
                wanted = ("free",) if event.kind == "claimed" else ("lost", "unknown")
                if state not in wanted:
                    found.fault(f"D{d.id}: {event.entry.what} while it was {state}")
                state = "owned"
            elif event.kind in ("lost", "unknown"):
                state = event.kind
            elif event.kind == "heard":
                state = "owned"
            elif event.kind == "still_running":
                state = "lost"
            elif event.kind in ("ended", "never_started"):
                state = "over"


@invariant(12, "one live deployment a lane, in the order of the queue")
def one_a_lane(facts, found):
    lanes = defaultdict(list)
    for d, events in facts.deployments():
        admitted = next((e.entry.at for e in events if e.kind == "admitted"), None)
        finished = next((e.entry.at for e in events if e.kind == "finished"), None)
        if admitted is not None:
            lanes[d.lane].append((admitted, finished, d.id))
    for lane, live in lanes.items():
        live.sort()
        for i, (admitted, _, id) in enumerate(live):
            found.seen += 1
            if i > 0 and (live[i - 1][1] is None or admitted < live[i - 1][1]):
                found.fault(f"D{id} began in {lane} before D{live[i - 1][2]} was final")
            if i > 0 and id < live[i - 1][2]:
                found.fault(f"D{id} began in {lane} after D{live[i - 1][2]}, which came later")


@invariant(13, "what is final stays as it is")
def finality(facts, found):
    for d, events in facts.deployments():
        finished = [i for i, event in enumerate(events) if event.kind == "finished"]
        if not finished:
            continue
        found.seen += 1
        if finished[0] != len(events) - 1:
            found.fault(f"D{d.id}: {events[finished[0] + 1].entry.what} after it was final")
        if events[finished[0]].word != d.state or d.state not in FINAL:
            found.fault(f"D{d.id} is {d.state}, and was {events[finished[0]].entry.what}")


# --- guidance --------------------------------------------------------------------------------------------------------------------------


def accepted_answers(facts):
    return [r for r in facts.history.requests if r.kind == "answer" and r.outcome == "accepted"]


@invariant(14, "exactly one answer a question is accepted")
def one_answer(facts, found):
    accepted, recorded = defaultdict(list), defaultdict(list)
    for request in accepted_answers(facts):
        accepted[request.question].append(request)
    for d, events in facts.deployments():
        for event in events:
            if event.kind == "answered":
                recorded[event.question].append(event)
    for question in accepted.keys() | recorded.keys():
        found.seen += 1
        if len(accepted[question]) > 1 or len(recorded[question]) > 1:
            found.fault(f"Q{question} has {len(accepted[question])} accepted answers and {len(recorded[question])} recorded ones")
    for request in facts.history.requests:
        q = facts.history.questions.get(request.question)
        if request.kind == "answer" and request.status == 409 and q is not None and q["state"] == "answered":
            if "was answered by" in request.text and f"was answered by {q['by']}" not in request.text:
                found.fault(f"Q{request.question} was answered by {q['by']}, and {request.who} was told: {request.text}")


@invariant(15, "an answer counts for the attempt it was shown for")
def bound(facts, found):
    for d, run, events in facts.runs():
        asked = {}
        for event in events:
            if event.kind == "asked":
                asked[event.question] = event.attempt
            if event.kind == "answered":
                found.seen += 1
                if asked.get(event.question) != event.attempt:
                    found.fault(f"D{d.id}: {event.entry.what}, but it was asked about attempt {asked.get(event.question)}")


@invariant(16, "only who may answer answers")
def authorised(facts, found):
    for request in facts.history.requests:
        if request.allowed:
            continue
        found.seen += 1
        if request.outcome == "accepted":
            found.fault(f"{request.who} may not {request.guidance or request.kind}, and did")
    denied = {r.who for r in facts.history.requests if not r.allowed}
    for d, events in facts.deployments():
        for event in events:
            if event.kind == "answered" and event.entry.actor in denied:
                found.fault(f"D{d.id}: {event.entry.what} by {event.entry.actor}, who may not")


@invariant(17, "after Fail nothing is begun but what is meant for it")
def fail_is_final(facts, found):
    for d, events in facts.deployments():
        failed = False
        for event in events:
            if event.kind == "answered" and event.word in ("fail", "abort"):
                found.seen += 1
                failed = True
            elif failed and event.kind == "claimed" and d.steps[event.step].condition == "success":
                found.fault(f"D{d.id}: {event.entry.what} after Fail")


@invariant(18, "Retry never turns into Ignore")
def retry_is_retry(facts, found):
    for d, events in facts.deployments():
        states, closing = {}, False
        for event in events:
            closing = closing or event.kind in ("failing", "canceled")
            if event.kind == "answered" and event.word == "retry":
                found.seen += 1
            if event.kind == "issued" and event.word == "plan" and not closing and d.steps[event.step].condition == "success":
                target = d.steps[event.step].slots[event.slot]
                for (step, slot), state in states.items():
                    if step < event.step and d.steps[step].slots[slot] == target and state in ("bad", "asking"):
                        found.fault(f"D{d.id}: {event.entry.what} while {d.steps[step].name} on {target} is {state}")
            if event.step >= 0:
                states[event.run] = good_states(d.steps[event.step], event, states.get(event.run))


@invariant(19, "Exclude sticks, and never takes the last target")
def exclude_sticks(facts, found):
    for d, events in facts.deployments():
        excluded = set()
        for event in events:
            if event.kind == "answered" and event.word == "exclude":
                found.seen += 1
                excluded.add(d.steps[event.step].slots[event.slot])
                if len(excluded) >= len(d.targets):
                    found.fault(f"D{d.id}: the last target was excluded")
            elif event.kind in ("issued", "claimed") and d.steps[event.step].condition != "cleanup":
                if d.steps[event.step].slots[event.slot] in excluded:
                    found.fault(f"D{d.id}: {event.entry.what} on an excluded target")


@invariant(20, "every open question can be answered")
def answerable(facts, found):
    for id, q in facts.history.questions.items():
        found.seen += 1
        if q["state"] == "open":
            found.fault(f"Q{id} is still open")
    for request in facts.history.requests:
        if request.kind == "answer" and request.outcome == "refused" and request.allowed and request.status not in (403, 404, 409):
            found.fault(f"Q{request.question}: {request.guidance} was refused with {request.status} {request.text}")


@invariant(21, "Cancel ends, or asks")
def cancel_ends(facts, found):
    for d, events in facts.deployments():
        begun = next((e.entry.at for e in events if e.kind == "canceled"), None)
        if begun is None:
            continue
        found.seen += 1
        after = [e.entry.at for e in events if e.kind in ("finished", "asked") and e.entry.at >= begun]
        if not after or after[0] - begun > CANCEL_MS:
            found.fault(f"D{d.id} was canceled and neither ended nor asked for {CANCEL_MS} ms")


# --- durability ------------------------------------------------------------------------------------------------------------------------


@invariant(22, "what was acknowledged is still there")
def acknowledged_is_durable(facts, found):
    recorded = {(e.question, e.word, e.entry.actor) for _, events in facts.deployments() for e in events if e.kind == "answered"}
    for d in facts.history.deployments.values():
        if not d.chained:
            found.fault(f"D{d.id}: the hashes of its audit do not fit")
    for request in facts.history.requests:
        if request.outcome != "accepted":
            continue
        found.seen += 1
        d = facts.history.deployments.get(request.deployment)
        if d is None:
            found.fault(f"D{request.deployment} was acknowledged ({request.kind}) and is gone")
        elif request.kind == "deploy" and d.version != request.version:
            found.fault(f"D{d.id} was acknowledged for {request.version} and is {d.version}")
        elif request.kind == "answer" and (request.question, request.guidance, request.who) not in recorded:
            found.fault(f"Q{request.question}: {request.guidance} by {request.who} was acknowledged and is not recorded")
        elif request.kind == "cancel" and not any(e.kind in ("canceled", "finished") for e in facts.events[d.id]):
            found.fault(f"D{d.id}: its cancel was acknowledged and is not recorded")


@invariant(24, "nothing is left over at rest")
def structure(facts, found):
    rest = facts.history.rest
    places = {"inbox": rest.inbox, "pending": rest.pending, "live": rest.live, **rest.lanes, **rest.streams, **rest.owned}
    for name, left in places.items():
        found.seen += 1
        if left and not rest.not_final:
            found.fault(f"{name} holds {left} though every deployment is final")
    for name, left in rest.unacknowledged.items():
        found.seen += 1
        if left:
            found.fault(f"{name} has {left} entries that nobody acknowledged")
    for d in facts.history.deployments.values():
        for field_name, claim in d.claims.items():
            found.seen += 1
            if d.state in FINAL and claim[0] in "ra":
                found.fault(f"D{d.id} is final, and {field_name} is {claim}")
