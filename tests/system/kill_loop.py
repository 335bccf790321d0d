"""The kill loop: deployments run and questions are answered while everything is killed at random; then the faults stop, all must come to an
end, and the checker reads what every witness says.

The seed decides what is killed when, how steps end and what people answer. What the machine makes of it is not repeatable, so a seed finds
its bug again only often, not always. KINDS="worker redis" kills only those.

With `ssh` the targets are reached by ssh: guidepost-ssh, OpenSSH's clients and the sessions of sshd are among the killed. None of them has the
truth, so that none of their deaths is a reason to ask anybody.
"""

import contextlib
import http.client
import os
import random
import signal
import threading
import time

import checker
import history
from rig import Person, Rig, process_place, process_runs, until
from sshd import Machines

LANES = [("shop", "production"), ("shop", "staging"), ("bank", "production"), ("bank", "staging")]
WEIGHTS = {"serve": 3, "worker": 4, "supervisor": 3, "shell": 2, "step": 2, "redis": 2, "stop": 2}
WEIGHTS |= {"guidepost-ssh": 3, "ssh": 3, "sshd": 3}
LOCAL = "serve worker supervisor shell step redis stop"
STOP_SECONDS = (2.5, 4.5)  # past lost_after
HEAL_SECONDS = 240
ASK_SECONDS = 5  # then another server is asked
QUIET_SECONDS = 60  # without any progress: something is lost

TARGETS = ("web-1", "web-2", "web-3")

STEPS = """
      - { name: fetch, run: "@step@" }
      - { name: drain, run: "@step@", targets: [web], group: roll, max_parallel: 2 }
      - { name: install, run: "@step@", targets: [web], group: roll }
      - { name: enable, run: "@step@", targets: [web], group: roll }
      - { name: index, run: "@step@", targets: [web], safe_to_rerun: true }
      - { name: warm, run: "@step@", targets: [web], auto_retry: { times: 1, delay: 200ms } }
      - { name: migrate, run: "@step@", required: true }
      - { name: report, run: "@step@", on_error: continue }
      - { name: undo, run: "@step@", targets: [web], condition: failure }
      - { name: sweep, run: "@step@", targets: [web], condition: cleanup }
"""

CONFIG = """
workers: { slots: 8, heartbeat: 500ms, lost_after: 2s }
people:
  alice: { token: { file: alice.token } }
  mallory: { token: { file: mallory.token } }
permissions:
  - { allow: [view, deploy, answer, cancel], to: [alice] }
  - { allow: [view], to: [mallory] }
rooms: { deploys: {} }
targets:
  web-1: { local: true, tags: [web] }
  web-2: { local: true, tags: [web] }
  web-3: { local: true, tags: [web] }
environments:
  production: { room: deploys, guided_failure: { enabled: true, max_retries: 20 } }
  staging: { room: deploys, guided_failure: { enabled: true, max_retries: 20 } }
projects:
  shop:
    env: { ORACLE: "@oracle@", DECISIONS: "@decisions@" }
    steps: @steps@
  bank:
    env: { ORACLE: "@oracle@", DECISIONS: "@decisions@" }
    steps: @steps@
"""


def over_ssh(config):
    config = config.replace("rooms:", "ssh: { config: machines/ssh_config, known_hosts: machines/known_hosts }\nrooms:", 1)
    for name in TARGETS:
        config = config.replace(f"{name}: {{ local: true,", f"{name}: {{ ssh: {name},")
    return config


def write_fates(rig, chance):
    """Most steps end well and soon; some fail, take their time or are deaf."""
    lines = []
    for _ in range(500):
        seconds = chance.choice([0.05, 0.1, 0.2, 0.4]) if chance.random() < 0.95 else chance.uniform(1, 3)
        code = 0 if chance.random() < 0.85 else chance.choice([1, 2, 7, 100])
        lines.append(f"{seconds:.2f} {code} {int(chance.random() < 0.1)}")
    rig.decisions.write_text("\n".join(lines) + "\n")


class People:
    """Who deploys, who answers and who cancels, each in a thread, and what they were told."""

    def __init__(self, rig, seed, deployments):
        self.rig, self.wanted = rig, deployments
        self.requests = []
        self.over = threading.Event()
        self.healed = threading.Event()
        self.errors = []
        (rig.folder / "alice.token").write_text("alice-token-0123456789abcdef\n")
        (rig.folder / "mallory.token").write_text("mallory-token-0123456789abcdef\n")
        jobs = [(self.create, 1), (self.answer, 2), (self.answer, 3), (self.intrude, 4), (self.cancel, 5)]
        self.threads = [threading.Thread(target=self.guard, args=(job, random.Random(seed + n)), daemon=True) for job, n in jobs]

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a thread of the people hangs"
        assert not self.errors, self.errors

    def guard(self, job, chance):
        try:
            job(chance)
        except BaseException as error:  # shown by join
            self.errors.append(repr(error))
            raise

    def somebody(self, chance):
        if chance.random() < 0.5:
            return self.rig.local(timeout=ASK_SECONDS)
        return Person(self.rig, "alice", "alice-token-0123456789abcdef", timeout=ASK_SECONDS)

    def server(self, chance):
        return chance.choice(self.rig.servers)

    def insist(self, chance, person, key, ask):
        """Asks with the same key until it is known what came of it: (status, reply); or None if that never was."""
        while not (self.over.is_set() and self.healed.is_set()):
            try:
                status, reply = ask(person, key, self.server(chance))
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
                continue
            error = (reply.get("error") or {}) if isinstance(reply, dict) else {}
            unclear = status >= 500 or (isinstance(error, dict) and error.get("title") in ("unavailable", "unknown", "timeout"))
            if status == 429 or unclear:
                time.sleep(0.1)
                continue
            return status, reply
        return None

    def keep(self, **what):
        self.requests.append(history.Request(ns=time.time_ns(), **what))

    def create(self, chance):
        """One after the other, so that the order of the queue is known."""
        for n in range(self.wanted):
            if self.over.is_set():
                return
            project, environment = chance.choice(LANES)
            version, person = f"1.0.{n}", self.somebody(chance)
            words = ("deploy", project, version, "to", environment)
            told = self.insist(chance, person, f"create-{n}", lambda p, key, server: p.say(*words, key=key, server=server))
            accepted = told is not None and told[0] == 200 and told[1]["ok"]
            assert told is None or accepted, told
            self.keep(
                kind="deploy", who=person.name, version=version, outcome="accepted" if accepted else "ambiguous",
                deployment=told[1]["deployment"] if accepted else 0,
            )  # fmt: skip
            self.over.wait(chance.uniform(0, 0.4))

    def open_questions(self, chance):
        try:
            status, reply = self.rig.local(timeout=ASK_SECONDS).ask("GET", "/v1/questions?take=1000", server=self.server(chance))
        except (OSError, http.client.HTTPException):
            return []
        return reply["items"] if status == 200 else []

    def still_runs(self, question):
        """Whether a person who looks on the machine would find the step running."""
        place = (question["deployment"], question["step"], question["target"], question["attempt"])
        return any(
            line.kind == "start" and line.attempt_key[:2] == place[:2] and line.attempt == place[3]
            and line.target in (place[2], "-") and process_runs(line.pid) and process_place(line.pid) == line.attempt_key
            for line in history.read_oracle(self.rig.oracle.read_text())
        )  # fmt: skip

    def answer(self, chance):
        count = 0
        while not self.over.is_set():
            questions = self.open_questions(chance)
            if not questions:
                self.over.wait(0.1)
                continue
            count += 1
            question = chance.choice(questions)
            options = [option["guidance"] for option in question["options"]]
            guidance = chance.choices(options, [{"retry": 6, "ignore": 3, "exclude": 2}.get(g, 1) for g in options])[0]
            # Of an unknown outcome people say what it is only after they looked; Retry may be pressed at any time.
            if question["unknown"] and guidance != "retry" and self.still_runs(question):
                self.over.wait(0.1)
                continue
            person, key = self.somebody(chance), f"answer-{threading.get_ident()}-{count}"
            told = self.insist(
                chance, person, key, lambda p, key, server: p.answer(question["id"], guidance, key=key, server=server)
            )
            self.told(person, question, guidance, told)
            self.over.wait(chance.uniform(0, 0.1))

    def told(self, person, question, guidance, told, **more):
        status, reply = told or (0, "")
        outcome = "ambiguous" if told is None else "accepted" if status == 200 else "refused"
        text = reply.get("detail", "") if isinstance(reply, dict) else str(reply)
        self.keep(
            kind="answer", who=person.name, outcome=outcome, deployment=question["deployment"], question=question["id"],
            guidance=guidance, status=status, text=text, **more,
        )  # fmt: skip

    def intrude(self, chance):
        """Who may not answer tries."""
        mallory = Person(self.rig, "mallory", "mallory-token-0123456789abcdef", timeout=ASK_SECONDS)
        while not self.over.wait(1):
            questions = self.open_questions(chance)
            if questions:
                question = chance.choice(questions)
                guidance = question["options"][0]["guidance"]
                told = self.insist(chance, mallory, None, lambda p, _, server: p.answer(question["id"], guidance, server=server))
                self.told(mallory, question, guidance, told, allowed=False)

    def cancel(self, chance):
        """About one of ten."""
        while not self.over.wait(chance.uniform(1, 4)):
            created = [r for r in list(self.requests) if r.kind == "deploy" and r.outcome == "accepted"][-4:]
            if not created or chance.random() < 0.6:
                continue
            id, person = chance.choice(created).deployment, self.somebody(chance)
            told = self.insist(
                chance, person, f"cancel-{time.time_ns()}", lambda p, key, server: p.say("cancel", f"D{id}", key=key, server=server)
            )
            accepted = told is not None and told[0] == 200 and told[1]["ok"]
            outcome = "accepted" if accepted else "ambiguous" if told is None else "refused"
            self.keep(kind="cancel", who=person.name, outcome=outcome, deployment=id)


class Killer:
    def __init__(self, rig, chance, machines=None):
        self.rig, self.chance, self.machines = rig, chance, machines
        self.kills = []
        self.counts = {}
        self.paused = []  # (until when, program)

    def note(self, what, attempt=None):
        self.kills.append(history.Kill(what, time.time_ns(), attempt))
        self.counts[what] = self.counts.get(what, 0) + 1

    def tend(self):
        """Restarts what is dead and lets go on what was stopped long enough."""
        self.rig.restart_dead()
        for when, program in list(self.paused):
            if time.monotonic() >= when:
                self.note_again(program)
                program.resume()
                self.paused.remove((when, program))

    def note_again(self, program):
        """A worker that is stopped is away until it goes on, so that end counts too."""
        self.kills.append(history.Kill(program.name.split("-")[0], time.time_ns()))

    def once(self):
        """One fault; False if there was nothing of that kind to kill."""
        kinds = os.environ.get("KINDS", LOCAL + (" guidepost-ssh ssh sshd" if self.machines else "")).split()
        what = self.chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0]
        if what in ("supervisor", "shell", "step"):
            return self.kill_child(what)
        if what == "stop":
            return self.stop_worker()
        if what in ("guidepost-ssh", "ssh", "sshd"):
            return self.kill_connection(what)
        of_kind = {"serve": self.rig.servers, "worker": self.rig.workers, "redis": [self.rig.redis_program]}[what]
        victims = [program for program in of_kind if program.alive()]
        if not victims:
            return False
        victim = self.chance.choice(victims)
        self.paused = [(when, program) for when, program in self.paused if program is not victim]
        self.note(what)
        victim.kill()
        return True

    def stop_worker(self):
        victims = [program for program in self.rig.workers if program.alive() and not program.stopped]
        if not victims:
            return False
        victim = self.chance.choice(victims)
        self.note("worker")
        self.counts["stopped worker"] = self.counts.get("stopped worker", 0) + 1
        self.counts["worker"] -= 1
        victim.pause()
        self.paused.append((time.monotonic() + self.chance.uniform(*STOP_SECONDS), victim))
        return True

    def kill_connection(self, what):
        """A supervisor that waits for a target, a client or a master of OpenSSH, or the other end of one."""
        if what == "sshd":
            victims = [pid for machine in self.machines.all.values() for pid in machine.sshds()]
        else:
            victims = [pid for pid in self.rig.own_processes() if process_name(pid) == what]
        if not victims:
            return False
        self.note(what)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.chance.choice(victims), signal.SIGKILL)
        return True

    def kill_child(self, what):
        """A supervisor, the shell that it runs, or the step itself."""
        runs = {process_place(line.pid): line.pid for line in history.read_oracle(self.rig.oracle.read_text())[-50:]}
        victims = []
        for supervisor, shell, _ in self.rig.supervisors():
            attempt = process_place(shell)
            pid = {"supervisor": supervisor, "shell": shell, "step": runs.get(attempt)}[what]
            if attempt is not None and pid is not None:
                victims.append((pid, attempt))
        if not victims:
            return False
        pid, attempt = self.chance.choice(victims)
        self.note(what, attempt)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return True

    def total(self):
        return sum(self.counts.values())


def process_name(pid):
    try:
        with open(f"/proc/{pid}/comm") as name:
            return name.read().strip()
    except OSError:
        return ""


def settled(rig, people):
    """True when every deployment is final; the people go on answering meanwhile."""
    redis = rig.redis()
    try:
        live = redis("ZCARD", "{gp}:live")
        created = sum(r.kind == "deploy" for r in people.requests)
        return live == 0 and created == people.wanted
    finally:
        redis.close()


def progress(rig):
    redis = rig.redis()
    try:
        return redis("GET", "{gp}:seq"), redis("ZCARD", "{gp}:live"), redis("XLEN", "{gp}:inbox"), rig.oracle.stat().st_size
    finally:
        redis.close()


def heal(rig, killer, people):
    """No more faults: all must end by itself and by answers."""
    for program in rig.workers:
        program.resume()
        killer.note_again(program)
    killer.paused = []
    rig.restart_dead()
    until("redis", rig.redis_answers)
    begun = moved = time.monotonic()
    before = None
    while not settled(rig, people):
        now = time.monotonic()
        after = progress(rig)[1:]
        if after != before:
            before, moved = after, now
        dead = [program.name for program in rig.programs if not program.alive()]
        assert not dead, f"{dead} died by itself"
        assert now - moved < QUIET_SECONDS, f"nothing moves any more: {stuck(rig)}"
        assert now - begun < HEAL_SECONDS, f"still not at rest: {stuck(rig)}"
        time.sleep(0.2)
    people.healed.set()
    people.join()
    until("Redis to be at rest", lambda: at_rest(rig), seconds=45)
    return time.monotonic() - begun


def at_rest(rig):
    redis = rig.redis()
    try:
        rest = history.read_rest(redis, "{gp}:", {})
        left = [rest.inbox, rest.pending, rest.live, *rest.lanes.values(), *rest.streams.values(), *rest.owned.values()]
        return not any(left)
    finally:
        redis.close()


def stuck(rig):
    redis = rig.redis()
    text = []
    for id in redis("ZRANGE", "{gp}:live", 0, -1):
        header = redis.hash(f"{{gp}}:dep:{id}")
        text.append(f"D{id} {header.get('state')} {header.get('closing', '')}")
        for name, run in sorted(redis.hash(f"{{gp}}:dep:{id}:runs").items()):
            claim = redis("HGET", f"{{gp}}:dep:{id}:claims", name)
            if run.split()[0] in ("queued", "running", "lost", "delayed", "asking"):
                text.append(f"  {name}: {run} | {claim}")
        text += [f"    {entry.what}" for entry in history.read_audit(redis, "{gp}:", id)[0][-12:]]
    return "\n".join(text)


def run(seed, kills, deployments, ssh=False):
    """Returns (what was killed, what the checker found, seconds to heal)."""
    chance = random.Random(seed)
    config = CONFIG.replace("@steps@", STEPS)
    rig = Rig(over_ssh(config) if ssh else config, workers=2, servers=2, name="kill-ssh" if ssh else "kill")
    write_fates(rig, chance)
    people = People(rig, seed, deployments)
    with contextlib.ExitStack() as stack:
        machines = stack.enter_context(Machines(rig.folder / "machines")) if ssh else None
        for name in TARGETS if ssh else ():
            machines.add(name)
        killer = Killer(rig, chance, machines)
        stack.enter_context(rig)
        people.start()
        try:
            while killer.total() < kills:
                time.sleep(chance.uniform(0.1, 0.6))
                killer.once()
                killer.tend()
            healed = heal(rig, killer, people)
        finally:
            people.healed.set()
            people.over.set()
        found = checker.check(history.collect(rig, people.requests, killer.kills))
        ends = [program.stop() for program in rig.workers + rig.servers]
        assert ends == [0] * len(ends), f"an ordered stop gave {ends}"
        assert not any(f.faults for f in found), checker.report(found)
    return killer.counts, found, healed
