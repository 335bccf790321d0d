"""Starts the real programs - a private redis-server, `guidepost serve`, `guidepost worker`, `guidepost up` - in a folder of their own,
waits until they are ready, kills and restarts them, talks to them as people do, and leaves nothing running behind.

$GUIDEPOST_BUILD is the folder with the programs (build/asan). Logs are shown when a test fails; a report of a sanitizer in any of them
is a failure by itself.
"""

import getpass
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from resp import Redis, RedisError

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("GUIDEPOST_BUILD", HERE.parent.parent / "build" / "asan")).resolve()
GUIDEPOST = BUILD / "guidepost"
STEP = HERE / "step.sh"
REPORT = re.compile(r"ERROR: \w*Sanitizer|runtime error:|Assertion .* failed|SUMMARY: \w*Sanitizer")
READY_SECONDS = 30

# A shop on one machine whose step does what the test has decided (step.sh says how).
SHOP = """
environments: { production: { guided_failure: { enabled: true } } }
rooms: { deploys: {} }
targets: { web-1: { local: true, tags: [web] } }
projects:
  shop:
    env: { ORACLE: "@oracle@", DECISIONS: "@decisions@" }
    room: deploys
    steps:
      - { name: install, run: "@step@", targets: [web] }
"""


def until(what, condition, seconds=READY_SECONDS, pause=0.02):
    """Looks again and again until the condition holds, and returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(pause)


def free_port():
    """Below those that the kernel gives to connections, one of which could take it while its server is down."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def process_place(pid):
    """(deployment, step, target, attempt) of a process that belongs to a step, or None."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    env = dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if b"=" in pair)
    if "GUIDEPOST_DEPLOYMENT_ID" not in env:
        return None
    return (int(env["GUIDEPOST_DEPLOYMENT_ID"]), env["GUIDEPOST_STEP"], env["GUIDEPOST_TARGET"] or "-", int(env["GUIDEPOST_ATTEMPT"]))


def started_in(record):
    """(supervisor, shell) as the record of a run directory has it; None if it is not started."""
    for line in record.read_text().splitlines(keepends=True):
        words = line.split()
        if line.endswith("\n") and words[:1] == ["started"]:
            return int(words[1]), int(words[2])
    return None


def process_runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class Program:
    """One program that is started again after each death."""

    def __init__(self, rig, name, command):
        self.rig, self.name, self.command = rig, name, [str(word) for word in command]
        self.log = rig.folder / f"{name}.log"
        self.process = None
        self.stopped = False  # by SIGSTOP
        self.starts = 0

    def start(self):
        self.starts += 1
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.rig.folder),
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=self.rig.folder, start_new_session=True
            )
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def kill(self):
        """kill -9, and nothing less."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.stopped = False

    def pause(self):
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def resume(self):
        self.signal(signal.SIGCONT)
        self.stopped = False

    def stop(self, seconds=30):
        """An ordered stop; returns the exit code."""
        self.resume()
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)


class Person:
    """Talks REST to whichever server answers, by a token."""

    def __init__(self, rig, name, token, timeout=20):
        self.rig, self.name, self.token, self.timeout = rig, name, token, timeout

    def ask(self, method, path, body=None, key=None, server=None):
        """(status, parsed body). Raises OSError or HTTPException if it is not known what came of it."""
        server = server or next((s for s in self.rig.servers if s.alive()), self.rig.servers[0])
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=self.timeout)
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        try:
            return response.status, json.loads(text) if text else None
        except ValueError:
            return response.status, text

    def get(self, path):
        """Of what must be there; waits for a server that can say it."""
        last = None

        def answer():
            nonlocal last
            try:
                last = self.ask("GET", path)
            except (OSError, http.client.HTTPException) as error:
                last = error
                return None
            return last if last[0] == 200 else None

        try:
            return until(f"GET {path}", answer)[1]
        except AssertionError as error:
            raise AssertionError(f"{error}; the last answer was {last}") from None

    def say(self, *words, key=None, **more):
        """A command, as on the command line: (status, reply)."""
        return self.ask("POST", "/v1/commands", {"words": list(words)}, key=key, **more)

    def deploy(self, project, version, environment, *more):
        status, reply = self.say("deploy", project, version, "to", environment, *more)
        assert status == 200 and reply["ok"], reply
        return reply["deployment"]

    def answer(self, question, guidance, note="checked", **more):
        body = {"guidance": guidance, "note": note, "single": True}
        return self.ask("POST", f"/v1/questions/{question}/answer", body, **more)

    def deployment(self, id):
        return self.get(f"/v1/deployments/{id}")

    def questions(self):
        return self.get("/v1/questions?take=1000")["items"]


class Rig:
    def __init__(self, config, workers=1, servers=1, hosts=1, name="rig"):
        """`config` is the text of guidepost.yaml without `redis:`, with @step@, @oracle@ and @decisions@ for the paths of those;
        workers share the state directories of so many `hosts`."""
        assert GUIDEPOST.exists(), f"{GUIDEPOST} is not there: make MODE=asan"
        self.folder = Path(tempfile.mkdtemp(prefix=f"guidepost-{name}-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "redis.sock"
        self.oracle = self.folder / "oracle"
        self.oracle.touch(mode=0o666)
        self.decisions = self.folder / "decisions"
        self.config = self.folder / "guidepost.yaml"
        for word, path in {"@step@": STEP, "@oracle@": self.oracle, "@decisions@": self.decisions}.items():
            config = config.replace(word, str(path))
        self.config.write_text(f"redis: {{ url: 'unix:{self.socket}' }}\n" + config)
        self.redis_program = Program(self, "redis", self._redis_command())
        self.servers = [self._server(n) for n in range(servers)]
        self.workers = [
            Program(self, f"worker-{n}", [GUIDEPOST, "worker", "--config", self.config, "--state-dir", self.host_dir(n % hosts)])
            for n in range(workers)
        ]
        self.host_dirs = [self.host_dir(n) for n in range(hosts)]

    def host_dir(self, n):
        return self.folder / f"host-{n}"

    def _redis_command(self):
        (self.folder / "redis").mkdir()
        return [
            "redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder / "redis", "--save", "",
            "--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip

    def _server(self, n):
        port = free_port()
        state = self.folder / "serve"
        command = [GUIDEPOST, "serve", "--config", self.config, "--state-dir", state, "--listen", f"127.0.0.1:{port}"]
        server = Program(self, f"serve-{n}", command)
        server.port = port
        return server

    @property
    def programs(self):
        return [self.redis_program, *self.servers, *self.workers]

    def __enter__(self):
        try:
            self.redis_program.start()
            until("redis", self.redis_answers)
            for program in self.servers + self.workers:
                program.start()
            for server in self.servers:
                until(f"{server.name} to be ready", lambda server=server: self.server_ready(server))
        except BaseException:
            self.finish(failed=True)
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.finish(failed=kind is not None)

    def redis(self):
        return Redis(self.socket)

    def redis_answers(self):
        try:
            redis = self.redis()
            try:
                return redis("PING") == "PONG"
            finally:
                redis.close()
        except (OSError, RedisError):
            return False

    def server_ready(self, server):
        if not server.alive():
            raise AssertionError(f"{server.name} ended:\n{tail(server.log)}")
        try:
            return self.local().ask("GET", "/readyz", server=server)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def local(self, **more):
        """The local user, who may do everything."""
        path = self.folder / "serve" / "local.token"
        return Person(self, f"local:{getpass.getuser()}", path.read_text().strip() if path.exists() else "-", **more)

    def restart_dead(self):
        """Starts again whatever has died; returns the names."""
        names = []
        for program in self.programs:
            if not program.alive():
                program.start()
                names.append(program.name)
        return names

    def recover(self):
        """Whatever a test has stopped or killed runs again."""
        for program in self.programs:
            if program.stopped:
                program.resume()
        self.restart_dead()
        until("redis", self.redis_answers)
        for server in self.servers:
            until(f"{server.name} to be ready", lambda server=server: self.server_ready(server))

    def oracle_lines(self):
        return [line.split() for line in self.oracle.read_text().splitlines()]

    def supervisors(self):
        """(pid, shell, record) of each guidepost-step that has a run: what the record says, if it has that name."""
        found = []
        for host in self.host_dirs:
            for record in (path for path in host.glob("runs/*/*") if path.name.count(".") == 2 and path.is_file()):
                try:
                    pid, shell = started_in(record)
                    name = Path(f"/proc/{pid}/comm").read_text().strip()
                except (OSError, TypeError):
                    continue
                ended = any(line.startswith("exit ") for line in record.read_text().splitlines())
                if name == "guidepost-step" and not ended and process_runs(pid):
                    found.append((pid, shell, record))
        return found

    def own_processes(self):
        """Every process that was started in here, by its folder or environment."""
        mark = str(self.folder).encode()
        found = set()
        for proc in Path("/proc").iterdir():
            if not proc.name.isdigit() or int(proc.name) == os.getpid():
                continue
            try:
                if mark in (proc / "environ").read_bytes() or os.readlink(proc / "cwd").encode().startswith(mark):
                    found.add(int(proc.name))
            except OSError:
                pass
        return {pid for pid in found | {pid for pid, _, _ in self.supervisors()} if process_runs(pid)}

    def finish(self, failed):
        for program in self.programs:
            if program.alive():
                program.kill()

        def none_left():
            left = self.own_processes()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left

        until("everything to be gone", none_left)
        reports = self.sanitizer_reports()
        if failed or reports:
            self.show_logs()
        if failed or reports or os.environ.get("KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not reports, "\n".join(reports)

    def sanitizer_reports(self):
        found = []
        for log in sorted(self.folder.glob("*.log")):
            text = log.read_text(errors="replace")
            match = REPORT.search(text)
            if match:
                found.append(f"{log.name}: {text[match.start():match.start() + 4000]}")
        return found

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- {log.name}\n{tail(log)}")


def tail(path, lines=40):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return str(error)
