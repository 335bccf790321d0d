"""Who speaks to a guidepost in these tests: people with tokens of their own on connections that stay open, and the steps themselves,
which write into the oracle what they did."""

import http.client
import json
import socket

from rig import GUIDEPOST, Program, Rig, until

PEOPLE = ("alice", "bob", "carol", "dave")

CONFIG_PEOPLE = """
people:
  alice: { token: { file: alice.token } }
  bob: { token: { file: bob.token } }
  carol: { token: { file: carol.token } }
  dave: { token: { file: dave.token } }
permissions:
  - { allow: [deploy, answer, cancel, admin], to: ["*"] }
rooms:
  deploys: {}
"""

# For the beginning of a script: `note start` and `note end` write "start|end <deployment> <step> <target> <attempt> <pid>".
NOTE = (
    'note() { echo "$1 $GUIDEPOST_DEPLOYMENT_ID $(echo "$GUIDEPOST_STEP" | tr " " _) ${GUIDEPOST_TARGET:--} $GUIDEPOST_ATTEMPT $$"'
    ' >>"@ORACLE@"; }; '
)


def token_of(name):
    return f"token-of-{name}-0123456789"


def machines(count, prefix="m", tag="all"):
    """Lines of `targets:` for machines that are really this one: m-1, m-2, ..."""
    return "".join(f"  {prefix}-{n}: {{ local: true, tags: [{tag}] }}\n" for n in range(1, count + 1))


# Install fails once on m-2, in either environment.
TWO_LANES = (
    CONFIG_PEOPLE
    + "targets:\n"
    + machines(2)
    + "environments:\n  one: { room: deploys, guided_failure: { enabled: true } }\n"
    + "  two: { room: deploys, guided_failure: { enabled: true } }\n"
    + "projects:\n  shop:\n    steps:\n"
    + "      - { name: Install, targets: [all], run: '[ $GUIDEPOST_ATTEMPT -gt 1 ] || [ $GUIDEPOST_TARGET = m-1 ]' }\n"
)


def prepare(rig, config):
    for name in PEOPLE:
        (rig.folder / f"{name}.token").write_text(token_of(name) + "\n")
    rig.config.write_text(rig.config.read_text().replace("@ORACLE@", str(rig.oracle)))
    return rig


def site(config, **more):
    """A rig with serve, worker and redis-server, whose configuration knows alice, bob, carol and dave."""
    return prepare(Rig(config, **more), config)


class UpRig(Rig):
    """`guidepost up`: one process with a private redis-server."""

    def __init__(self, config, name="up"):
        super().__init__(config, workers=0, servers=1, name=name)
        self.config.write_text(config)
        self.state = self.folder / "serve"
        self.socket = self.state / "redis" / "redis.sock"
        self.host_dirs = [self.state]
        self.up = self.servers[0]
        self.up.command[1] = "up"

    @property
    def programs(self):
        return self.servers

    def __enter__(self):
        try:
            self.up.start()
            self.wait_ready()
        except BaseException:
            self.finish(failed=True)
            raise
        return self

    def wait_ready(self):
        until("up to be ready", lambda: self.server_ready(self.up))


def up(config, **more):
    return prepare(UpRig(config, **more), config)


class Answer:
    """What a server said: status, headers, body, and the body as JSON where it is that."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body, self.json = status, headers, body, None
        if body and "json" in (headers.get("Content-Type") or ""):
            self.json = json.loads(body)

    def __repr__(self):
        return f"{self.status} {self.body[:600].decode(errors='replace')}"


class Client:
    """One connection, kept open, on which one person speaks to one server."""

    def __init__(self, rig, name="alice", server=None, timeout=30, headers=None):
        self.rig, self.name, self.server, self.timeout = rig, name, server, timeout
        self.headers = {"X-Octopus-ApiKey": token_of(name)} if name else {}
        self.headers.update(headers or {})
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _send(self, method, path, body, headers):
        if self.connection is None:
            server = self.server or next((s for s in self.rig.servers if s.alive()), self.rig.servers[0])
            self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=self.timeout)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.request(method, path, body, headers)
        reply = self.connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())

    def request(self, method, path, body=None, headers=None):
        """A body that is no text is sent as JSON. A connection that was idle for too long is opened again."""
        lines = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            lines.setdefault("Content-Type", "application/json")
        reused = self.connection is not None
        try:
            return self._send(method, path, body, lines)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionRefusedError):
            self.close()
            if not reused:
                raise
            return self._send(method, path, body, lines)
        except BaseException:
            self.close()
            raise

    def get(self, path, status=200):
        answer = self.request("GET", path)
        assert answer.status == status, f"GET {path}: {answer!r}"
        return answer.json

    def post(self, path, body=None, status=200):
        answer = self.request("POST", path, body)
        assert answer.status == status, f"POST {path} {body}: {answer!r}"
        return answer.json

    # --- what people do most

    def say(self, line, ok=True):
        reply = self.post("/v1/commands", {"line": line})
        assert reply["ok"] == ok, (line, reply)
        return reply

    def deploy(self, project, version, environment, more=""):
        return self.say(f"deploy {project} {version} to {environment} {more}")["deployment"]

    def deployment(self, number):
        return self.get(f"/v1/deployments/{number}")

    def state(self, number):
        return self.deployment(number)["state"]

    def wait_state(self, number, *states, seconds=30):
        def reached():
            found = self.deployment(number)
            return found if found["state"] in states else None

        try:
            return until(f"D{number} to be {' or '.join(states)}", reached, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.deployment(number)}") from None

    def questions(self, number=None):
        """The open questions, oldest first."""
        return [q for q in self.get("/v1/questions?take=1000")["items"] if number in (None, q["deployment"])]

    def wait_questions(self, number, count=1, seconds=30):
        def asked():
            found = self.questions(number)
            return found if len(found) >= count else None

        return until(f"{count} questions of D{number}", asked, seconds)

    # --- what scripts for Octopus Deploy do

    def interruptions(self, regarding, pending=True):
        """All pages of the list, oldest first."""
        items, page = [], None
        while page is None or len(page) == 30:
            page = self.get(f"/api/interruptions?regarding={regarding}&pendingOnly={pending}&skip={len(items)}")["Items"]
            items += page
        return items[::-1]

    def submit(self, question, guidance, note="looked at it"):
        body = {"Instructions": None, "Notes": note, "Guidance": guidance}
        return self.request("POST", f"/api/interruptions/Interruptions-{question}/submit", body)


def question_of(interruption):
    """42 of Interruptions-42"""
    return int(interruption["Id"].rsplit("-", 1)[1])


def oracle(rig, deployment=None):
    """[(word, deployment, step, target, attempt, pid)], in the order in which it happened."""
    lines = [(word, int(number), step, target, int(attempt), int(pid)) for word, number, step, target, attempt, pid in rig.oracle_lines()]
    return [line for line in lines if deployment in (None, line[1])]


def starts(rig, deployment=None):
    """(step, target, attempt) of each start."""
    return [line[2:5] for line in oracle(rig, deployment) if line[0] == "start"]


def run_of(deployment, step, target):
    """The run in what /v1/deployments/N says; the target of a step on the worker is not looked at."""
    row = next(s for s in deployment["steps"] if s["name"] == step)
    return next(run for run in row["runs"] if row["on_worker"] or run["target"] == target)


def command(rig, verb, *args, name=None, **more):
    """A program beside those of the rig, such as a second worker."""
    return Program(rig, name or verb, [GUIDEPOST, verb, *args], **more)
