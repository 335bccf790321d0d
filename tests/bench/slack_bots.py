"""The two bots of bench_slack.py, each with a fake Slack, a Redis and a worker of its own, and what people do to them."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

from bench_peer import MACHINES, TICKS
from resp import Redis
from slack_fake import SlackFake

LANES = 32
LOOK_SECONDS = 0.02  # how often it is looked whether all have ended
CHANNEL = "C0DEPLOYS"
PEER_EVENTS = ["app_mention"]  # what the peer hears; guidepost also hears replies in threads, and the echo of its own messages

CONFIG = """
chat:
  slack:
    app_token: {{ file: {folder}/app-token }}
    bot_token: {{ file: {folder}/bot-token }}
    api_url: {api_url}
    ca_file: {ca_file}
    paced: false
people: {{ alice: {{ slack: U0ALICE }} }}
permissions:
  - {{ allow: [deploy, answer], to: [alice] }}
rooms: {{ deploys: {{ slack: C0DEPLOYS }} }}
environments:
  e: {{ room: deploys, guided_failure: {{ enabled: true }} }}
targets:
  m0: {{ local: true, tags: [m] }}
  m1: {{ local: true, tags: [m] }}
  m2: {{ local: true, tags: [m] }}
projects:
{projects}
"""


class Steps:
    """The FIFO through which steps tell that they run: when each did, by project and attempt, in microseconds."""

    def __init__(self, folder):
        self.path = folder / "fifo"
        os.mkfifo(self.path)
        self.file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self.told = {}
        self.more = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        rest = b""
        while True:
            data = os.read(self.file, 65536)
            now = now_us()
            *lines, rest = (rest + data).split(b"\n")
            with self.more:
                for line in lines:
                    project, attempt = line.decode().split()
                    self.told[project, int(attempt)] = now
                self.more.notify_all()

    def wait(self, keys, seconds=30):
        with self.more:
            if not self.more.wait_for(lambda: all(key in self.told for key in keys), seconds):
                sys.exit(f"bench: steps have not told that they run: {[key for key in keys if key not in self.told]}")
            return [self.told.pop(key) for key in keys]


class Bot:
    """A bot with its fake Slack, its Redis and its worker, in a folder of its own. What differs is in Guidepost and Peer."""

    appendfsync = "always"

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.steps = Steps(folder)
        self.slack = SlackFake(folder / "slack").start()
        self.control = [http.client.HTTPConnection("127.0.0.1", self.slack.control_port, timeout=60) for _ in range(LANES)]
        self.processes = []
        self.version = 0
        try:
            self.redis_path = self.start_redis()
            self.start()
        except BaseException:
            self.stop()
            raise

    # --- life

    def spawn(self, argv, name, **options):
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stderr=log, **{"stdout": log, **options})
        self.processes.append(process)
        return process

    def start_redis(self):
        path = self.folder / "redis.sock"
        self.spawn(["redis-server", "--port", "0", "--unixsocket", path, "--dir", self.folder, "--save", "",
                    "--appendonly", "yes", "--appendfsync", self.appendfsync], "redis")  # fmt: skip
        self.until("redis", path.exists)
        return path

    def until(self, what, look, seconds=60):
        end = time.monotonic() + seconds
        while not look():
            for process in self.processes:
                if process.poll() is not None:
                    self.give_up(f"{process.args[0]} ended with {process.returncode}")
            if time.monotonic() > end:
                self.give_up(f"waited in vain for {what}; the fake says {json.dumps(self.slack.stats())[:1500]}")
            time.sleep(LOOK_SECONDS)

    def give_up(self, why):
        logs = "".join(f"\n--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in sorted(self.folder.glob("*.log")))
        sys.exit(f"bench: {why}{logs}")

    def connected_ms(self, began_us):
        """From began_us to the hello of the newest connection."""
        self.until("hello", lambda: any(link["ready"] for link in self.slack.stats()["links"]))
        return (self.slack.stats()["links"][-1]["hello_us"] - began_us) / 1000

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for connection in self.control:
            connection.close()
        self.slack.stop()

    # --- what people do: all bodies are on their way before the first answer is read

    def together(self, verb, bodies):
        for connection, body in zip(self.control, bodies):
            connection.request("POST", f"/{verb}", json.dumps(body))
        for connection, body in zip(self.control, bodies):
            reply = connection.getresponse()
            said = json.loads(reply.read())
            if reply.status != 200 or not said["acknowledged"]:
                self.give_up(f"{verb} {body}: {said}")

    def deploy(self, projects):
        self.version += 1
        texts = [self.command_text.format(project, self.version) for project in projects]
        self.together("command", [{"user": "alice", "channel": CHANNEL, "text": text} for text in texts])

    def click(self, questions):
        self.together("click", [{"user": "alice", "channel": CHANNEL, "ts": ts, "action_id": self.retry} for ts in questions])

    # --- what Slack has seen

    def envelopes(self, type, after_us):
        return self.slack.do("envelopes", type=type, after_us=after_us)["envelopes"]

    def commands_us(self, after_us):
        """When the command for each project was sent."""
        return {envelope["payload"]["text"].split()[1]: envelope["at_us"] for envelope in self.envelopes("slash_commands", after_us)}

    def questions(self, projects, after):
        """The message that asks, by project, once each has one."""
        found = {}

        def look():
            messages = self.slack.do("messages", channel=CHANNEL, after=after)["messages"]
            for message in messages:
                project = re.search(r"\bask\d+\b", json.dumps(message.get("blocks")))
                if project and any(button["action_id"] == self.retry for button in SlackFake.buttons(message)):
                    found[project[0]] = message["ts"]
            return len(found) == len(projects)

        self.until(f"{len(projects)} questions", look)
        return found

    # --- the processor and memory

    def cpu(self):
        """CPU seconds of bot, worker and Redis, of their children, and of the fake."""
        own, children = (sum(column) for column in zip(*map(cpu_of, self.processes)))
        return own, children, cpu_of(self.slack.process)[0]

    def memory_mb(self):
        texts = [pathlib.Path(f"/proc/{process.pid}/statm").read_text() for process in self.measured]
        return sum(int(text.split()[1]) for text in texts) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def ticks_of(pid):
    """CPU ticks of a process, and of its children that have ended."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    user, system, children_user, children_system = map(int, text.rpartition(")")[2].split()[11:15])
    return user + system, children_user + children_system


def cpu_of(process):
    """CPU seconds of the process, and of its children, with theirs: those that have ended and those that wait for more work."""
    own, children = ticks_of(process.pid)
    for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has just ended
            children += sum(ticks_of(child))
    return own / TICKS, children / TICKS


class Guidepost(Bot):
    name = "guidepost"
    durability = "appendfsync always, recorded before it is acknowledged, 8 steps at once"
    retry = "gp.retry"
    command_text = "deploy {} 1.{} to e"
    build = None

    def start(self):
        (self.folder / "app-token").write_text(self.slack.app_token)
        (self.folder / "bot-token").write_text(self.slack.bot_token)
        self.config = self.folder / "guidepost.yaml"
        lines = []
        for name, (run, machines, count) in projects(self.steps.path, "$GUIDEPOST_ATTEMPT").items():
            targets = ", targets: [m]" if machines == MACHINES else ", targets: [m0]"
            steps = "\n".join(f"      - {{ name: s{n}, run: '{run}'{targets} }}" for n in range(count))
            lines.append(f"  {name}:\n    room: deploys\n    steps:\n{steps}")
        about = {"folder": self.folder, "api_url": self.slack.api_url, "ca_file": self.slack.ca_file}
        text = CONFIG.format(projects="\n".join(lines), **about)
        self.config.write_text(f"redis: {{ url: 'unix:{self.redis_path}' }}\n{text}")
        self.state = self.folder / "state"
        command = [self.build / "guidepost", "up", "--config", self.config, "--state-dir", self.state, "--listen", "127.0.0.1:0"]
        began = now_us()
        program = self.spawn(command, "guidepost")
        self.hello_ms = self.connected_ms(began)
        self.measured = [program]
        self.until("its address", lambda: (self.state / "local.token").exists() and (self.state / "address").exists())
        port = int((self.state / "address").read_text().strip().rpartition(":")[2])
        self.rest = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.headers = {"Authorization": f"Bearer {(self.state / 'local.token').read_text().strip()}"}

    def ended(self):
        self.rest.request("GET", "/metrics", headers=self.headers)
        text = self.rest.getresponse().read().decode()
        return sum(int(count) for count in re.findall(r"^guidepost_deployments_total\{.*\} (\d+)", text, re.M))


class Peer(Bot):
    name = "peer"
    durability = "appendfsync everysec, acknowledged before it is recorded, 16 steps at once"
    appendfsync = "everysec"
    retry = "answer.retry"
    command_text = "deploy {} 1.{}"
    source = None

    def start(self):
        self.slack.do("app", events=PEER_EVENTS)
        wanted = {name: {"steps": [{"run": run, "machines": machines}] * count}
                  for name, (run, machines, count) in projects(self.steps.path, "$ATTEMPT").items()}  # fmt: skip
        (self.folder / "projects.json").write_text(json.dumps(wanted))
        env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        env |= {"NODE_ENV": "production", "REDIS": str(self.redis_path), "PROJECTS": str(self.folder / "projects.json")}
        env |= {"NODE_EXTRA_CA_CERTS": str(self.slack.ca_file), "SLACK_API_URL": self.slack.api_url}
        env |= {"SLACK_APP_TOKEN": self.slack.app_token, "SLACK_BOT_TOKEN": self.slack.bot_token}
        worker = self.spawn(["node", self.source / "worker.mjs"], "worker", env=env, stdout=subprocess.PIPE)
        if not worker.stdout.readline():
            self.give_up("the worker of the peer does not start")
        began = now_us()
        bot = self.spawn(["node", self.source / "slack.mjs"], "bot", env=env)
        self.hello_ms = self.connected_ms(began)
        self.measured = [bot, worker]
        self.redis = Redis(self.redis_path)

    def ended(self):
        return int(self.redis("GET", "ended") or 0)


def now_us():
    return time.monotonic_ns() // 1000


def projects(fifo, attempt):
    """What is deployed: (script, machines, number of steps) by name. A tellN runs; an askN fails until it is told to try again."""
    return {
        **{f"tell{n}": (f"echo tell{n} {attempt} > {fifo}", MACHINES[:1], 1) for n in range(LANES)},
        **{f"ask{n}": (f"echo ask{n} {attempt} > {fifo}; [ {attempt} -gt 1 ]", MACHINES[:1], 1) for n in range(LANES)},
        **{f"p{n}": ("true", MACHINES, 3) for n in range(LANES)},
    }
