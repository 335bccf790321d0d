"""The guidance matrix: {exit, signal, timeout, quiet, unknown} x {Retry, Ignore, Exclude, Fail} x {1, 2, 11 answers} x {one, several open
questions}. Each cell is a deployment in a lane of its own; all of them go through their rounds of questions and answers together.

A cell answers Retry until its last answer, which is the one it is about. What must run follows from that alone, and so does what must
have been true of each consequence sentence that was shown before an answer.
"""

import itertools
import re
from collections import Counter

from people import CONFIG_PEOPLE, NOTE, Client, machines, oracle, question_of, run_of, starts
from rig import until

CLASSES = {
    "exit": ("exit 7", ""),
    "signal": ("kill -9 $$", ""),
    "timeout": ("sleep 30", "timeout: 700ms"),
    "quiet": ("sleep 30", "quiet_timeout: 700ms"),
    # Whoever would have written the end down dies together with the step.
    "unknown": ("kill -9 $PPID; kill -9 $$", ""),
}
OUTCOMES = {
    "exit": "exit code 7",
    "signal": "killed by signal 9 (SIGKILL)",
    "timeout": "timed out after 700 ms",
    "quiet": "no output for 700 ms",
    "unknown": "outcome unknown",
    "unreachable": "unreachable: connection refused",  # only by ssh
}
ANSWERS = ("Retry", "Ignore", "Exclude", "Fail")
TIMES = (1, 2, 11)
MOST_RETRIES = 10

# A machine that is broken fails its first Work, the subject as often as FAILS says: counted by the starts there were, not by the
# number of the attempt, which also grows when a worker died before it started anything.
PROJECT = """
  {name}:
    inputs:
      - {{ name: FAILS, type: text, default: "0" }}
      - {{ name: BROKEN, type: text, default: "m-2" }}
    steps:
      - {{ name: Prepare, targets: [all], run: '{note}note start; note end' }}
      - name: Work
        targets: [all]
        {limit}
        run: |
          {note}
          note start
          echo "working"
          times=$(grep -c "^start $GUIDEPOST_DEPLOYMENT_ID Work $GUIDEPOST_TARGET " "@ORACLE@")
          case ",$BROKEN," in
          *",$GUIDEPOST_TARGET,"*)
              if [ "$GUIDEPOST_TARGET" = m-2 ]; then most=$FAILS; else most=1; fi
              if [ "$times" -le "$most" ]; then {broken}; fi ;;
          esac
          note end
      - {{ name: Check, targets: [all], run: '{note}note start; note end' }}
      - {{ name: Tell, condition: failure, run: '{note}note start; note end' }}
      - {{ name: Sweep, condition: always, run: '{note}note start; note end' }}
"""


def cells(classes=CLASSES):
    """(class, answer, times, several) of each."""
    return list(itertools.product(classes, ANSWERS, TIMES, (False, True)))


def config(targets=machines(4), more=""):
    text = "workers: { slots: 24, heartbeat: 500ms }\n" + CONFIG_PEOPLE + "targets:\n" + targets + "environments:\n"
    for number in range(len(ANSWERS) * len(TIMES) * 2):
        text += f"  lane-{number}: {{ room: deploys, guided_failure: {{ enabled: true }} }}\n"
    text += "projects:"
    for name, (broken, limit) in CLASSES.items():
        text += PROJECT.format(name=name, broken=broken, limit=limit, note=NOTE)
    return text + more


class Cell:
    def __init__(self, kind, answer, times, several, lane):
        self.kind, self.answer, self.times, self.several, self.lane = kind, answer, times, several, lane
        self.targets = [self.machine(n) for n in range(1, 5 if several else 3)]
        self.subject = self.targets[1]
        self.outcome = OUTCOMES[kind]
        self.given = 0  # answers to questions about the subject
        self.said = []  # (target, guidance, sentence, oracle position, open questions) of each answer that was accepted
        self.number = None
        self.over = False

    def __repr__(self):
        return f"D{self.number} {self.kind} {self.answer} x{self.times}{' of several' if self.several else ''}"

    def machine(self, n):
        return f"m-{n}"

    @property
    def worn_out(self):
        """Eleven times Retry: the last of them is refused."""
        return self.answer == "Retry" and self.times > MOST_RETRIES

    @property
    def ends_failed(self):
        return self.answer == "Fail" or self.worn_out

    def next_answer(self):
        last = self.given + 1 == self.times
        return ("Fail" if self.worn_out else self.answer) if last else "Retry"

    def deploy(self, client):
        fails = self.times if self.answer == "Retry" and not self.worn_out else 100
        broken = "m-2,m-3,m-4" if self.several else "m-2"
        self.number = client.deploy(self.kind, "1.0", f"lane-{self.lane}", f"on {' '.join(self.targets)} FAILS={fails} BROKEN={broken}")

    def before_answer(self, rig, target, guidance):
        """What is done so that the answer has its effect."""

    # --- what must have run

    def expected(self):
        """How often each (step, target) starts."""
        runs = Counter()
        for target in self.targets:
            runs["Prepare", target] = runs["Work", target] = 1
        # Retries that were accepted.
        runs["Work", self.subject] += min(self.times, MOST_RETRIES) if self.answer == "Retry" else self.times - 1
        if self.ends_failed:
            runs["Tell", "-"] = 1
        else:
            if self.several:
                runs["Work", self.machine(3)] += 1
            for target in self.targets:
                if not (self.answer == "Exclude" and target == self.subject):
                    runs["Check", target] = 1
        runs["Sweep", "-"] = 1
        return runs

    def expected_state(self):
        if self.ends_failed:
            return "failed"
        warned = self.answer in ("Ignore", "Exclude") or self.several  # m-4 was ignored
        return "succeeded_with_warnings" if warned else "succeeded"

    def check(self, rig, client, restarted):
        found = client.deployment(self.number)
        assert found["state"] == self.expected_state(), (self, found["state"], found["closing_why"])
        ran = starts(rig, self.number)
        assert Counter((step, target) for step, target, _ in ran) == self.expected(), (self, sorted(ran))
        for place in {(step, target) for step, target, _ in ran}:
            attempts = [attempt for step, target, attempt in ran if (step, target) == place]
            first = self.first_attempt(*place)
            unbroken = attempts == list(range(first, first + len(attempts)))
            assert unbroken or (restarted and attempts == sorted(set(attempts))), (self, place, attempts, self.audit(client))
        # Nobody died, so nobody may have been taken for lost.
        assert restarted or not [what for what in self.audit(client) if what.split()[0] in ("lost", "adopted", "never_started")]
        state = {"Retry": "succeeded", "Ignore": "warned", "Exclude": "excluded", "Fail": "failed"}[self.answer]
        if self.ends_failed:
            state = "unknown" if self.kind == "unknown" else "failed"
        subject = run_of(found, "Work", self.subject)
        assert subject["state"] == state, (self, subject)
        if state != "succeeded":
            assert subject["outcome"] == self.outcome, (self, subject)
        assert not client.questions(self.number)
        for said in self.said:
            self.check_sentence(rig, client, found, restarted, *said)

    def first_attempt(self, step, target):
        """That is started at all."""
        return 1

    def audit(self, client):
        return [entry["what"] for entry in client.get(f"/v1/deployments/{self.number}/audit")["entries"]]

    # --- what was promised

    def retried(self, client, target, begun, attempt, restarted):
        """Whether Work there came next as that attempt; a death may have used up its number."""
        again = [attempt for step, at, attempt in begun if (step, at) == ("Work", target)]
        return again and again[0] >= attempt and (restarted or again[0] == attempt)

    def check_sentence(self, rig, client, found, restarted, target, guidance, sentence, position, open_before):
        begun = [(step, at, attempt) for word, _, step, at, attempt, _ in oracle(rig, self.number)[position:] if word == "start"]
        where = (self, target, guidance, sentence, begun)
        CHECKS[guidance](self, client, found, restarted, target, sentence, open_before, begun, where)


def check_retry(cell, client, found, restarted, target, sentence, open_before, begun, where):
    match = re.fullmatch(
        r"Runs Work again on (\S+) as attempt (\d+)\. Steps before it are not repeated\.( It is not declared safe to run twice\.)?", sentence
    )
    assert match and match[1] == target, where
    assert cell.retried(client, target, begun, int(match[2]), restarted), where
    assert not any(step == "Prepare" for step, _, _ in begun), where
    assert bool(match[3]) == (cell.kind == "unknown"), where


def check_ignore(cell, client, found, restarted, target, sentence, open_before, begun, where):
    match = re.fullmatch(r"Counts Work on (\S+) as done, with a warning\.(?: Next there: ([^.]*)\.)?( That fails too .*)?", sentence)
    assert match and match[1] == target, where
    assert run_of(found, "Work", target)["state"] == "warned", where
    assert bool(match[3]) == (cell.kind == "unreachable" and bool(match[2])), where
    if not cell.ends_failed:
        next_there = (match[2] or "").split(", ")
        assert [step for step, at, _ in begun if at == target] == next_there, where


def check_exclude(cell, client, found, restarted, target, sentence, open_before, begun, where):
    match = re.fullmatch(
        r"(\S+) gets no further step in this deployment and does not count as having 1\.0\. The other (?:(\d+) machines go|machine goes) on"
        r"(?:, but (\d+) of them waits? for an answer first)?\.",
        sentence,
    )
    assert match and match[1] == target, where
    assert not any(at == target for _, at, _ in begun), where
    assert {at for step, at, _ in begun if step == "Check"} == set(cell.targets) - {target}, where
    assert (int(match[2] or 1), int(match[3] or 0)) == (len(cell.targets) - 1, open_before - 1), where
    versions = client.get("/v1/overview")["versions"]
    rows = [v for v in versions if (v["project"], v["environment"]) == (cell.kind, f"lane-{cell.lane}") and v["target"]]
    assert {v["target"] for v in rows if v["version"]} == set(cell.targets) - {target}, (where, rows)
    assert [v["target"] for v in rows if v["owed"]] == [target], (where, rows)


def check_fail(cell, client, found, restarted, target, sentence, open_before, begun, where):
    match = re.fullmatch(
        r"Ends the deployment as failed\.(?: (\d+) other open questions? (?:is|are) closed with it\.)? Then still run: (.*)\.", sentence
    )
    assert match, where
    assert found["state"] == "failed", where
    questions = [client.get(f"/v1/questions/{question_of(i)}") for i in client.interruptions(f"Deployments-{cell.number}", pending=False)]
    assert not [question for question in questions if question["open"]], where
    assert len([question for question in questions if not question["answered_by"]]) == int(match[1] or 0) == open_before - 1, where
    assert [step for step, _, _ in begun] == match[2].split(", "), where


CHECKS = {"Retry": check_retry, "Ignore": check_ignore, "Exclude": check_exclude, "Fail": check_fail}


class Matrix:
    def __init__(self, rig, restarts, of=None, make=Cell):
        self.rig, self.restarts = rig, restarts
        self.client = Client(rig)
        lanes = Counter()
        self.cells = []
        for kind, answer, times, several in of or cells():
            self.cells.append(make(kind, answer, times, several, lanes[kind]))
            lanes[kind] += 1

    def restart(self):
        """kill -9 of everything but Redis and the steps."""
        for program in self.rig.servers + self.rig.workers:
            program.kill()
        for program in self.rig.servers + self.rig.workers:
            program.start()
        for server in self.rig.servers:
            until("the server to be back", lambda: self.rig.server_ready(server))

    def open_questions(self):
        """{deployment: {target: question}}"""
        found = {}
        for question in self.client.questions():
            found.setdefault(question["deployment"], {})[question["target"]] = question
        return found

    def wait_for_all(self, cells, answered):
        """Until every cell waits for its next answer; `answered`: ids of questions that have had theirs."""
        asked = {}

        def missing():
            asked.clear()
            asked.update(self.open_questions())
            return [c for c in cells if not self.waits(c, asked.get(c.number, {}), answered)]

        try:
            until("all questions", lambda: not missing(), 60, pause=0.2)
        except AssertionError:
            raise AssertionError(f"these do not ask: {[(c, self.client.deployment(c.number)) for c in missing()[:3]]}") from None
        return asked

    @staticmethod
    def waits(cell, asked, answered):
        wanted = {cell.subject} | (set(cell.targets[2:]) if cell.given == 0 else set())
        return wanted <= asked.keys() and asked[cell.subject]["id"] not in answered

    def answer(self, cell, asked, target, guidance):
        question = asked[target]
        options = {option["guidance"]: option for option in question["options"]}
        sentence = options[guidance.lower()]["consequence"]
        cell.before_answer(self.rig, target, guidance)
        position = len(oracle(self.rig, cell.number))
        reply = self.client.submit(question["id"], guidance)
        assert reply.status == 200 and reply.json["IsPending"] is False, (cell, guidance, reply)
        cell.said.append((target, guidance, sentence, position, len(asked)))

    def refuse_eleventh(self, cell, question):
        """After ten times Retry: no button, a sentence that says why, and no way around it (Octopus 2885)."""
        assert "retry" not in [option["guidance"] for option in question["options"]], (cell, question)
        interruption = self.client.get(f"/api/interruptions/Interruptions-{question['id']}")
        form = {element["Name"]: element["Control"] for element in interruption["Form"]["Elements"]}
        assert [button["Value"] for button in form["Guidance"]["Buttons"]] == ["Fail", "Ignore", "Exclude"], form
        assert "10 times" in form["Instructions"]["Text"], form
        reply = self.client.submit(question["id"], "Retry")
        assert reply.status == 400 and "10 times" in reply.json["Errors"][0], reply
        reply = self.client.request("POST", f"/v1/questions/{question['id']}/answer", {"guidance": "retry", "single": True})
        assert reply.status == 400 and "10 times" in reply.json["detail"], reply

    def run(self):
        for cell in self.cells:
            cell.deploy(self.client)
        answered = set()
        for turn in range(1, max(cell.times for cell in self.cells) + 1):
            waiting = [cell for cell in self.cells if cell.given < cell.times]
            asked = self.wait_for_all(waiting, answered)
            if self.restarts and turn in (1, 11):
                self.restart()
                assert {q["id"] for a in self.open_questions().values() for q in a.values()} == {
                    q["id"] for a in asked.values() for q in a.values()
                }
            for cell in waiting:
                self.turn(cell, asked[cell.number], answered)
            if self.restarts and turn in (1, 2, 5):
                self.restart()
        for cell in self.cells:
            self.client.wait_state(cell.number, "succeeded", "succeeded_with_warnings", "failed", seconds=60)

    def turn(self, cell, asked, answered):
        question = asked[cell.subject]
        assert question["unknown"] == (cell.kind == "unknown"), question
        assert question["outcome"] == cell.outcome, (cell, question)
        if cell.several and cell.given == 0 and not cell.ends_failed:
            self.answer(cell, asked, cell.machine(4), "Ignore")
        if cell.worn_out and cell.given + 1 == cell.times:
            self.refuse_eleventh(cell, question)
        self.answer(cell, asked, cell.subject, cell.next_answer())
        cell.given += 1
        answered.add(question["id"])
        if cell.given == cell.times and cell.several and not cell.ends_failed:
            self.answer(cell, asked, cell.machine(3), "Retry")

    def check(self):
        for cell in self.cells:
            cell.check(self.rig, self.client, self.restarts)
        return sum(len(cell.said) for cell in self.cells)
