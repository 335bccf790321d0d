"""The checker finds what it is there to find: each invariant is broken by hand in a history that was good."""

import pytest

import checker
from history import Deployment, Entry, History, Kill, Line, Request, Rest, Step

MS = 1_000_000


def audit(*lines):
    """The time of the n-th entry is n seconds. "alice: answered ..." is said by alice."""
    entries = []
    for n, line in enumerate(lines, 1):
        actor, _, what = line.rpartition(": ")
        entries.append(Entry(what, actor, "api", n * 1000))
    return entries


def ran(deployment, step, target, attempt, start, end=None, code=0):
    lines = [Line("start", deployment, step, target, attempt, 100 + attempt, start * MS)]
    if end is not None:
        lines.append(Line("end", deployment, step, target, attempt, 100 + attempt, end * MS, code))
    return lines


def good():
    """D1: fetch, then install on two machines; on web-2 it fails once and is retried. D2 is canceled in the queue."""
    d1 = Deployment(
        1, "shop", "production", "1.0.1", "succeeded",
        [Step("fetch", ["-"]), Step("install", ["web-1", "web-2"]), Step("undo", ["web-1", "web-2"], condition="failure")],
        ["web-1", "web-2"],
        audit(
            "admitted", "issued 0.0 #1 plan", "claimed 0.0 #1 by w1", "ended 0.0 #1 exit 0", "issued 1.0 #1 plan", "issued 1.1 #1 plan",
            "claimed 1.0 #1 by w1", "claimed 1.1 #1 by w2", "ended 1.0 #1 exit 0", "ended 1.1 #1 exit 7", "asked Q1 1.1 #1",
            "alice: answered Q1 1.1 #1 retry", "alice: issued 1.1 #2 retry", "claimed 1.1 #2 by w1", "ended 1.1 #2 exit 0",
            "finished succeeded",
        ),
        claims={"0.0": "e:1:1", "1.0": "e:1:1", "1.1": "e:2:2"},
        runs={"0.0": "succeeded 1.1 =exit:0", "1.0": "succeeded 1.1", "1.1": "succeeded 2.2 r1.0.0"},
    )  # fmt: skip
    d2 = Deployment(
        2, "shop", "production", "1.0.2", "canceled", d1.steps, d1.targets, audit("alice: canceled", "finished canceled")
    )
    return History(
        oracle=ran(1, "fetch", "-", 1, 3100, 3900) + ran(1, "install", "web-1", 1, 7100, 8900)
        + ran(1, "install", "web-2", 1, 8100, 9900, 7) + ran(1, "install", "web-2", 2, 14100, 14900),
        deployments={1: d1, 2: d2},
        questions={1: {"deployment": "1", "state": "answered", "answer": "retry", "by": "alice"}},
        requests=[
            Request("deploy", "alice", "accepted", deployment=1, version="1.0.1"),
            Request("deploy", "alice", "accepted", deployment=2, version="1.0.2"),
            Request("answer", "alice", "accepted", deployment=1, question=1, guidance="retry"),
            Request("answer", "bob", "refused", deployment=1, question=1, guidance="fail", status=409,
                    text="Q1 was answered by alice 1 s ago: Retry."),
            Request("answer", "mallory", "refused", deployment=1, question=1, guidance="fail", status=403, allowed=False),
            Request("cancel", "alice", "accepted", deployment=2),
        ],
        rest=Rest(streams={"jobs:any": 0}, unacknowledged={"jobs:any": 0}),
    )  # fmt: skip


def change(d, before, *after):
    """Puts entries in the place of one of the audit."""
    index = next(i for i, entry in enumerate(d.audit) if entry.what == before)
    at = d.audit[index].at
    d.audit[index : index + 1] = [Entry(e.what, e.actor, e.via, at) for e in audit(*after)]


def numbers(history):
    return {found.number for found in checker.check(history) if found.faults}


def test_a_good_history_has_no_fault_and_is_seen():
    found = checker.check(good())
    assert not numbers(good()), checker.report(found)
    unseen = {9, 10, 17, 19}  # what did not happen in it
    assert {f.number for f in found if not f.seen} == unseen
    assert [f.number for f in found] == [*range(1, 23), 24]


def lose_a_job(h):
    h.deployments[1].state = "running"


def lose_a_deployment(h):
    del h.deployments[2]


def make_one_up(h):
    h.deployments[2].version = "9.9.9"


def make_an_answer_up(h):
    change(h.deployments[1], "answered Q1 1.1 #1 retry", "carol: answered Q1 1.1 #1 retry")


def run_unclaimed(h):
    h.oracle += ran(1, "install", "web-1", 2, 20000, 20100)


def start_twice(h):
    h.oracle += ran(1, "fetch", "-", 1, 3950, 3960)


def rerun_without_decision(h):
    change(h.deployments[1], "answered Q1 1.1 #1 retry")


def rerun_what_is_not_safe(h):
    change(h.deployments[1], "ended 1.0 #1 exit 0", "unknown 1.0 #1", "issued 1.0 #2 safe_to_rerun", "claimed 1.0 #2 by w1")


def overlap(h):
    h.oracle[-2].ns = 9000 * MS


def overlap_with_a_silent_one(h):
    del h.oracle[5]  # the end of install on web-2, first attempt
    change(h.deployments[1], "ended 1.1 #1 exit 7", "unknown 1.1 #1")
    h.kills.append(Kill("supervisor", 9000 * MS, (1, "install", "web-2", 1)))


def start_too_early(h):
    d = h.deployments[1]
    change(d, "ended 0.0 #1 exit 0", "issued 1.0 #1 plan")
    change(d, "issued 1.1 #1 plan", "ended 0.0 #1 exit 0", "issued 1.1 #1 plan")


def go_on_after_a_failure(h):
    d = h.deployments[1]
    d.steps[2].condition = "success"
    change(d, "asked Q1 1.1 #1", "asked Q1 1.1 #1", "issued 2.1 #1 plan")


def end_an_old_attempt(h):
    change(h.deployments[1], "ended 1.1 #2 exit 0", "ended 1.1 #1 exit 0")


def keep_an_old_claim(h):
    h.deployments[1].claims["1.1"] = "e:1:1"


def record_a_lie(h):
    change(h.deployments[1], "ended 1.1 #1 exit 7", "ended 1.1 #1 exit 8")


def record_a_success_without_an_end(h):
    del h.oracle[1]


def forget_the_truth(h):
    change(h.deployments[1], "ended 1.1 #1 exit 7", "unknown 1.1 #1")


def run_what_never_started(h):
    d = h.deployments[1]
    change(d, "ended 1.0 #1 exit 0", "never_started 1.0 #1", "issued 1.0 #2 never_started", "claimed 1.0 #2 by w1", "ended 1.0 #2 exit 0")


def claim_twice(h):
    change(h.deployments[1], "claimed 1.0 #1 by w1", "claimed 1.0 #1 by w1", "claimed 1.0 #1 by w2")


def admit_two(h):
    h.deployments[2].audit = audit("admitted", "alice: canceled", "finished canceled")


def admit_out_of_turn(h):
    h.deployments[2].audit = [Entry("admitted", at=1), Entry("canceled", "alice", at=2), Entry("finished canceled", at=3)]


def change_what_is_final(h):
    h.deployments[1].audit.append(Entry("failing", at=17000))


def show_another_end(h):
    h.deployments[1].state = "failed"


def accept_two(h):
    h.requests[3].outcome, h.requests[3].status = "accepted", 200
    change(h.deployments[1], "answered Q1 1.1 #1 retry", "alice: answered Q1 1.1 #1 retry", "bob: answered Q1 1.1 #1 fail")


def name_the_wrong_winner(h):
    h.requests[3].text = "Q1 was answered by carol 1 s ago: Fail."


def answer_another_attempt(h):
    change(h.deployments[1], "asked Q1 1.1 #1", "asked Q1 1.1 #2")


def let_anybody_answer(h):
    h.requests[4].outcome = "accepted"


def begin_after_fail(h):
    change(h.deployments[1], "answered Q1 1.1 #1 retry", "alice: answered Q1 1.1 #1 fail")


def start_on_an_excluded_target(h):
    d = h.deployments[1]
    change(d, "answered Q1 1.1 #1 retry", "alice: answered Q1 1.1 #1 exclude")


def exclude_the_last(h):
    d = h.deployments[1]
    d.targets = ["web-2"]
    change(d, "answered Q1 1.1 #1 retry", "alice: answered Q1 1.1 #1 exclude")


def leave_a_question(h):
    h.questions[1]["state"] = "open"


def refuse_an_open_question(h):
    h.requests[3].status = 400


def never_end_a_cancel(h):
    h.deployments[2].audit[1].at = 100_000


def forget_an_answer(h):
    change(h.deployments[1], "answered Q1 1.1 #1 retry", "answered Q1 1.1 #1 retry")


def forget_a_cancel(h):
    h.deployments[2].audit = []


def cut_the_audit(h):
    h.deployments[1].chained = False


def leave_a_job(h):
    h.rest.streams["jobs:any"] = 1


def leave_a_pending_entry(h):
    h.rest.unacknowledged["jobs:any"] = 1


def leave_a_claim(h):
    h.deployments[1].claims["1.1"] = "r:2:2:w1"


def leave_a_lane(h):
    h.rest.lanes["lane:shop/production"] = ["1"]


BROKEN = [
    (1, lose_a_job), (1, lose_a_deployment), (2, make_one_up), (2, make_an_answer_up), (2, run_unclaimed), (3, start_twice),
    (4, rerun_without_decision), (4, rerun_what_is_not_safe), (5, overlap), (5, overlap_with_a_silent_one), (6, start_too_early),
    (6, go_on_after_a_failure), (7, end_an_old_attempt), (7, keep_an_old_claim), (8, record_a_lie), (8, record_a_success_without_an_end),
    (9, forget_the_truth), (10, run_what_never_started), (11, claim_twice), (12, admit_two), (12, admit_out_of_turn),
    (13, change_what_is_final), (13, show_another_end), (14, accept_two), (14, name_the_wrong_winner), (15, answer_another_attempt),
    (16, let_anybody_answer), (17, begin_after_fail), (18, go_on_after_a_failure), (19, start_on_an_excluded_target),
    (19, exclude_the_last), (20, leave_a_question), (20, refuse_an_open_question), (21, never_end_a_cancel), (22, lose_a_deployment),
    (22, forget_an_answer), (22, forget_a_cancel), (22, cut_the_audit), (24, leave_a_job), (24, leave_a_pending_entry),
    (24, leave_a_claim), (24, leave_a_lane),
]  # fmt: skip


@pytest.mark.parametrize(("number", "breaks"), BROKEN, ids=lambda value: getattr(value, "__name__", f"I{value}"))
def test_what_is_broken_is_found(number, breaks):
    history = good()
    breaks(history)
    assert number in numbers(history)


def test_every_invariant_is_broken_at_least_once():
    assert {number for number, _ in BROKEN} == {found.number for found in checker.check(good())}
