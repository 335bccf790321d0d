"""What happened, from every witness: the oracle file of the steps, the audit streams, the final state as REST shows it, what lies in Redis
at rest, what people asked for and were told, and what was killed. Plain data, so that a test can also write one by hand."""

import hashlib
import json
import re
from dataclasses import dataclass, field


@dataclass
class Line:
    """One line of the oracle."""

    kind: str  # start or end
    deployment: int
    step: str
    target: str  # "-" on the worker itself
    attempt: int
    pid: int
    ns: int
    code: int | None = None

    @property
    def attempt_key(self):
        return (self.deployment, self.step, self.target, self.attempt)


@dataclass
class Entry:
    """One entry of an audit. `at` is the time of the fact, in milliseconds."""

    what: str
    actor: str = ""
    via: str = ""
    at: int = 0


@dataclass
class Step:
    name: str
    slots: list  # names of targets, or ["-"]
    condition: str = "success"
    group: str | None = None
    required: bool = False
    safe_to_rerun: bool = False
    continue_on_error: bool = False
    retry_times: int = 0


@dataclass
class Deployment:
    id: int
    project: str
    environment: str
    version: str
    state: str
    steps: list
    targets: list
    audit: list = field(default_factory=list)
    chained: bool = True  # the hashes of the audit are whole
    claims: dict = field(default_factory=dict)  # "step.slot" -> "e:1:2"
    runs: dict = field(default_factory=dict)  # "step.slot" -> "succeeded 1.2 ..."

    @property
    def lane(self):
        return (self.project, self.environment)


@dataclass
class Request:
    """Something a person asked for. `outcome` is accepted, refused or ambiguous."""

    kind: str  # deploy, answer, cancel
    who: str
    outcome: str
    ns: int = 0
    deployment: int = 0
    version: str = ""
    question: int = 0
    guidance: str = ""
    status: int = 200
    text: str = ""
    allowed: bool = True  # by the configuration


@dataclass
class Kill:
    """A process that was killed (or stopped, for `worker` only): redis, serve, worker, supervisor or step."""

    what: str
    ns: int
    attempt: tuple | None = None


@dataclass
class Rest:
    """What Redis holds when nothing is left to do."""

    inbox: int = 0
    pending: list = field(default_factory=list)
    live: list = field(default_factory=list)
    lanes: dict = field(default_factory=dict)
    streams: dict = field(default_factory=dict)  # of jobs -> number of entries
    unacknowledged: dict = field(default_factory=dict)
    owned: dict = field(default_factory=dict)
    not_final: list = field(default_factory=list)


@dataclass
class History:
    oracle: list = field(default_factory=list)
    deployments: dict = field(default_factory=dict)
    questions: dict = field(default_factory=dict)  # id -> hash, as in Redis
    requests: list = field(default_factory=list)
    kills: list = field(default_factory=list)
    rest: Rest = field(default_factory=Rest)


def read_oracle(text):
    lines = []
    for line in text.splitlines():
        kind, deployment, step, target, attempt, pid, ns, code = line.split()
        lines.append(Line(kind, int(deployment), step, target, int(attempt), int(pid), int(ns), None if code == "-" else int(code)))
    return lines


def read_plan(text):
    """(steps, names of targets) of a frozen plan."""
    plan = json.loads(text)
    targets = [target.split("\n")[0] for target in plan["targets"]]
    steps = []
    for step in plan["steps"]:
        slots = ["-"]
        if not step.get("on_worker"):
            slots = [targets[i] for part in filter(None, step["targets"].split(",")) for i in numbers(part)]
        known = ("condition", "group", "required", "safe_to_rerun", "continue_on_error", "retry_times")
        steps.append(Step(step["name"], slots, **{key: step[key] for key in known if key in step}))
    return steps, targets


def numbers(part):
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)


def read_audit(redis, prefix, id):
    """(entries, whether the hashes that chain them lead to the one in the header)"""
    entries, head = [], ""
    for text in redis("LRANGE", f"{prefix}audit:{id}", 0, -1):
        at, what, actor, via = (json.loads(text) + ["", "", ""])[:4]
        entries.append(Entry(what, actor, via, at))
        head = hashlib.sha256((head + text).encode()).hexdigest()
    return entries, head == redis("HGET", f"{prefix}dep:{id}", "audit")


def read_deployment(redis, prefix, id, state):
    header = redis.hash(f"{prefix}dep:{id}")
    steps, targets = read_plan(redis("HGET", f"{prefix}plan:{header['plan']}", "text"))
    audit, chained = read_audit(redis, prefix, id)
    return Deployment(
        id=id,
        project=header["project"],
        environment=header["environment"],
        version=header["version"],
        state=state,
        steps=steps,
        targets=targets,
        audit=audit,
        chained=chained,
        claims=redis.hash(f"{prefix}dep:{id}:claims"),
        runs=redis.hash(f"{prefix}dep:{id}:runs"),
    )


def read_rest(redis, prefix, deployments):
    final = {"succeeded", "succeeded_with_warnings", "failed", "canceled"}
    rest = Rest(
        inbox=redis("XLEN", f"{prefix}inbox"),
        pending=redis("ZRANGE", f"{prefix}pending", 0, -1),
        live=redis("SMEMBERS", f"{prefix}live"),
        not_final=[d.id for d in deployments.values() if d.state not in final],
    )
    for key in redis.keys(f"{prefix}lane:*"):
        rest.lanes[key] = redis("LRANGE", key, 0, -1)
    for key in redis.keys(f"{prefix}owned:*"):
        rest.owned[key] = redis("SMEMBERS", key)
    for key in redis.keys(f"{prefix}jobs:*") + redis.keys(f"{prefix}control:*"):
        rest.streams[key] = redis("XLEN", key)
        rest.unacknowledged[key] = sum(group[group.index("pending") + 1] for group in redis("XINFO", "GROUPS", key))
    return rest


def collect(rig, requests, kills, prefix="{gp}:"):
    """Everything, after the storm. The state of each deployment is the one that REST shows."""
    redis, person = rig.redis(), rig.local()
    ids = [int(id) for id in redis("ZRANGE", f"{prefix}deployments", 0, -1)]
    deployments = {id: read_deployment(redis, prefix, id, person.deployment(id)["state"]) for id in ids}
    questions = {}
    for key in redis.keys(f"{prefix}q:*"):
        questions[int(re.search(r"(\d+)$", key)[1])] = redis.hash(key)
    return History(
        oracle=read_oracle(rig.oracle.read_text()),
        deployments=deployments,
        questions=questions,
        requests=requests,
        kills=kills,
        rest=read_rest(redis, prefix, deployments),
    )
