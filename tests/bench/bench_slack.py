#!/usr/bin/env python3
"""Measures guidepost in Slack beside a bot on @slack/bolt and BullMQ (peer/README.md), in the same call, on the project's own fake Slack.

    bench_slack.py BUILD [PEER] [rounds]

BUILD is the folder with the programs; PEER the folder with the peer and its packages, or "-" for guidepost alone. In each round
guidepost is measured, then the peer. Each has a fake Slack of its own, whose rates are lifted, and does the same job there: slash
commands begin deployments, each has a message that is edited, each failure asks with buttons, clicks answer.

No clock of a bot is read. The fake notes when it sent an envelope, when that was acknowledged, and when a call came; steps tell by a
FIFO that they run, and a thread here notes when. Both are the kernel's monotonic clock.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

from bench_peer import MACHINES, TICKS, centile, leave, print_row  # noqa: E402
from resp import Redis  # noqa: E402
from slack_fake import SlackFake, missing  # noqa: E402
from slack_wire import Api  # noqa: E402

LANES = 32
SINGLE_BATCHES = int(os.environ.get("BENCH_SLACK_BATCHES", "3"))  # of LANES clicks, one after another, and as many all at once
DEPLOYMENTS = LANES * int(os.environ.get("BENCH_SLACK_WHOLE", "6"))
CONCURRENCY = 16  # steps at once
LOOK_SECONDS = 0.02  # how often it is looked whether all have ended
CALM_SECONDS = 0.6  # people read a question before they click
CHANNEL = "C0DEPLOYS"
PEER_EVENTS = ["app_mention"]  # what the peer hears; guidepost also hears replies in threads, and the echo of its own messages

# What is compared: key, heading, unit, whether more of it is better.
MEASURES = [
    ("hello", "process start -> connected (hello)", "ms", False),
    ("memory", "RSS idle, bot and worker", "MB", False),
    ("ack50", "click -> acknowledged, p50", "ms", False),
    ("ack99", "click -> acknowledged, p99", "ms", False),
    ("step50", "click -> step started again, p50", "ms", False),
    ("step99", "click -> step started again, p99", "ms", False),
    ("edit50", "click -> message updated, p50", "ms", False),
    ("edit99", "click -> message updated, p99", "ms", False),
    ("command50", "command -> first step started, p50", "ms", False),
    ("command99", "command -> first step started, p99", "ms", False),
    ("many_step50", "32 in flight: click -> step again, p50", "ms", False),
    ("many_command50", "32 in flight: command -> step, p50", "ms", False),
    ("many_command99", "32 in flight: command -> step, p99", "ms", False),
    ("rate", "deployments, 3 steps x 3 machines", "/s", True),
    ("cpu", "CPU per 1,000 of them", "s", False),
]

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
workers: {{ slots: {concurrency} }}
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
            now = time.monotonic_ns() // 1000
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
            self.slack.set(max_connections=10)
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
                    sys.exit(f"bench: {process.args[0]} ended with {process.returncode}: see {self.folder}")
            if time.monotonic() > end:
                sys.exit(f"bench: waited in vain for {what}; the fake says {json.dumps(self.slack.stats())[:1500]}")
            time.sleep(LOOK_SECONDS)

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
                sys.exit(f"bench: {verb} {body}: {said}")

    def deploy(self, projects):
        self.version += 1
        text = self.command_text
        self.together("command", [{"user": "alice", "channel": CHANNEL, "text": text.format(project, self.version)} for project in projects])

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
        """CPU seconds of bot, worker, Redis, and every child that has ended; and of the fake."""
        return sum(map(cpu_of, self.processes)), cpu_of(self.slack.process)

    def memory_mb(self):
        texts = [pathlib.Path(f"/proc/{process.pid}/statm").read_text() for process in self.measured]
        return sum(int(text.split()[1]) for text in texts) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def cpu_of(process):
    text = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / TICKS


class Guidepost(Bot):
    name = "guidepost"
    durability = "appendfsync always, recorded before it is acknowledged"
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
        about = {"api_url": self.slack.api_url, "ca_file": self.slack.ca_file, "concurrency": CONCURRENCY}
        text = CONFIG.format(folder=self.folder, projects="\n".join(lines), **about)
        self.config.write_text(f"redis: {{ url: 'unix:{self.redis_path}' }}\n{text}")
        began = time.monotonic_ns() // 1000
        self.state = self.folder / "state"
        program = self.spawn([self.build / "guidepost", "up", "--config", self.config, "--state-dir", self.state, "--listen", "127.0.0.1:0"],
                             "guidepost")  # fmt: skip
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
    durability = "appendfsync everysec, acknowledged before it is recorded"
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
        env |= {"CONCURRENCY": str(CONCURRENCY), "NODE_EXTRA_CA_CERTS": str(self.slack.ca_file), "SLACK_API_URL": self.slack.api_url}
        env |= {"SLACK_APP_TOKEN": self.slack.app_token, "SLACK_BOT_TOKEN": self.slack.bot_token}
        worker = self.spawn(["node", self.source / "worker.mjs"], "worker", env=env, stdout=subprocess.PIPE)
        if not worker.stdout.readline():
            sys.exit(f"bench: the worker of the peer does not start: see {self.folder}")
        began = time.monotonic_ns() // 1000
        bot = self.spawn(["node", self.source / "slack.mjs"], "bot", env=env)
        self.hello_ms = self.connected_ms(began)
        self.measured = [bot, worker]
        self.redis = Redis(self.redis_path)

    def ended(self):
        return int(self.redis("GET", "ended") or 0)


def projects(fifo, attempt):
    """What is deployed: (script, machines, number of steps) by name. A tellN runs; an askN fails until it is told to try again."""
    return {
        **{f"tell{n}": (f"echo tell{n} {attempt} > {fifo}", MACHINES[:1], 1) for n in range(LANES)},
        **{f"ask{n}": (f"echo ask{n} {attempt} > {fifo}; [ {attempt} -gt 1 ]", MACHINES[:1], 1) for n in range(LANES)},
        **{f"p{n}": ("true", MACHINES, 3) for n in range(LANES)},
    }


# --- the measures


def now_us():
    return time.monotonic_ns() // 1000


def run_batch(bot, single, found):
    """LANES deployments at once, each of which asks; then their buttons are clicked, one after another or all at once."""
    count, names = bot.ended(), [f"ask{n}" for n in range(LANES)]
    after, began = f"{time.time():.6f}", now_us()
    bot.deploy(names)
    started = bot.steps.wait([(name, 1) for name in names])
    sent = bot.commands_us(began)
    found["many_command"] += [at - sent[name] for name, at in zip(names, started)]
    cards = bot.questions(names, after)
    time.sleep(CALM_SECONDS)
    clicked = now_us()
    if single:
        started = []
        for name in names:
            bot.click([cards[name]])
            started += bot.steps.wait([(name, 2)])
            time.sleep(0.01)
    else:
        bot.click([cards[name] for name in names])
        started = bot.steps.wait([(name, 2) for name in names])
    bot.until("the deployments to end", lambda: bot.ended() == count + LANES)
    edits = {}

    def edited():
        for call in bot.slack.do("calls", method="chat.update", after_us=clicked)["calls"]:
            edits.setdefault(call["ts"], call["at_us"])
        return all(card in edits for card in cards.values())

    bot.until("the questions to show the answers", edited)
    clicks = {envelope["payload"]["container"]["message_ts"]: envelope for envelope in bot.envelopes("interactive", clicked)}
    kind = "" if single else "many_"
    for name, at in zip(names, started):
        click = clicks[cards[name]]
        found[kind + "ack"].append(click["acked_us"] - click["at_us"])
        found[kind + "step"].append(at - click["at_us"])
        found[kind + "edit"].append(edits[cards[name]] - click["at_us"])


def run_commands(bot, found):
    """One command after another."""
    for n in range(LANES * SINGLE_BATCHES):
        name, count, began = f"tell{n % LANES}", bot.ended(), now_us()
        bot.deploy([name])
        started = bot.steps.wait([(name, 1)])[0]
        found["command"].append(started - bot.commands_us(began)[name])
        bot.until("the deployment to end", lambda: bot.ended() > count)


def run_whole(bot):
    """Deployments a second, from the first command to the last end; CPU seconds per 1,000 of bot and fake; calls of each; ms until all is shown."""
    count, (cpu, fake), began = bot.ended(), bot.cpu(), now_us()
    for _ in range(DEPLOYMENTS // LANES):
        bot.deploy([f"p{n}" for n in range(LANES)])
    bot.until("the deployments to end", lambda: bot.ended() >= count + DEPLOYMENTS)
    ended = now_us()
    calls = []

    def calm():
        before = len(calls)
        calls[:] = bot.slack.do("calls", after_us=began)["calls"]
        if before != len(calls):
            time.sleep(CALM_SECONDS)
        return before == len(calls)

    bot.until("the messages to be as they stay", calm)
    cpu_after, fake_after = bot.cpu()
    scale = 1000 / DEPLOYMENTS
    shown = max(0, max(call["at_us"] for call in calls) - ended) / 1000
    return DEPLOYMENTS * 1e6 / (ended - began), (cpu_after - cpu) * scale, (fake_after - fake) * scale, len(calls) / DEPLOYMENTS, shown


def print_times(what, us):
    p50, p90, p99 = (centile(us, percent) / 1000 for percent in (50, 90, 99))
    print(f"  {what:<44} p50 {p50:7.2f} ms   p90 {p90:7.2f}   p99 {p99:7.2f}   max {max(us) / 1000:7.2f}   ({len(us)})", flush=True)


def measure(kind, folder):
    bot = kind(folder)
    try:
        print(f"{kind.name}, {kind.durability}")
        found = {key: [] for key in ("ack", "step", "edit", "command", "many_ack", "many_step", "many_edit", "many_command")}
        time.sleep(1)
        memory = bot.memory_mb()
        print(f"  {'process start -> connected (hello)':<44} {bot.hello_ms:.1f} ms; RSS idle {memory:.1f} MB", flush=True)
        run_batch(bot, False, {key: [] for key in found})  # so that nothing is done for the first time
        for _ in range(SINGLE_BATCHES):
            run_batch(bot, True, found)
            run_batch(bot, False, found)
        run_commands(bot, found)
        for key, words in (("ack", "click -> acknowledged"), ("step", "click -> step started again"), ("edit", "click -> message updated")):
            print_times(words, found[key])
        print_times("command -> first step started", found["command"])
        for key, words in (("ack", "click -> acknowledged"), ("step", "click -> step again"), ("edit", "click -> message updated"), ("command", "command -> step")):
            print_times(f"{LANES} in flight: {words}", found["many_" + key])
        rate, cpu, fake, calls, shown = run_whole(bot)
        print(f"  {'deployments of 3 true steps on 3 machines':<44} {rate:.1f}/s ({DEPLOYMENTS}); {calls:.1f} calls to Slack each; all is shown {shown:.0f} ms later")
        print(f"  {'CPU seconds per 1,000 of them':<44} {cpu:.1f} (bot, worker, Redis and the steps), the fake Slack {fake:.1f}")
        print(f"  {'RSS after it':<44} {bot.memory_mb():.1f} MB", flush=True)
        stats = bot.slack.stats()
        if stats["errors"] or stats["duplicates"] or stats["unacknowledged"]:
            print(f"  the fake complains: {stats['errors']}, {len(stats['duplicates'])} duplicates, {stats['unacknowledged']} unacknowledged")
    finally:
        bot.stop()
    figures = {"hello": bot.hello_ms, "memory": memory, "rate": rate, "cpu": cpu}
    for key in ("ack", "step", "edit", "command", "many_step", "many_command"):
        figures |= {f"{key}{percent}": centile(found[key], percent) / 1000 for percent in (50, 99)}
    return figures


# --- the limit: a client that only acknowledges


def null_bot(port, ca_file, app_token, bot_token):
    """Acknowledges each envelope and edits the message of each click, on connections that are kept. In a process of its own."""
    fake = type("Fake", (), {"port": int(port), "ca_file": ca_file, "app_token": app_token, "bot_token": bot_token})
    api = Api(fake)
    link = api.open()
    calls = http.client.HTTPSConnection("localhost", fake.port, context=api.context, timeout=20)
    headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {bot_token}"}
    while True:
        said = link.message(timeout=600)
        if said[0] == "close" if isinstance(said, tuple) else "envelope_id" not in said:
            continue
        link.ack(said)
        if said["type"] == "interactive":
            payload = said["payload"]
            body = {"channel": payload["channel"]["id"], "ts": payload["message"]["ts"], "text": "answered"}
            calls.request("POST", "/api/chat.update", json.dumps(body), headers)
            calls.getresponse().read()


def measure_null(folder):
    """What the fake and the smallest client cost by themselves."""
    with SlackFake(folder) as slack:
        slack.do("app", events=[])
        about = [str(slack.port), str(slack.ca_file), slack.app_token, slack.bot_token]
        began = now_us()
        bot = subprocess.Popen([sys.executable, __file__, "null", *about], stdin=subprocess.DEVNULL)
        try:
            slack.wait_connected()
            hello = (slack.stats()["links"][-1]["hello_us"] - began) / 1000
            button = {"type": "button", "action_id": "go", "value": "1", "text": {"type": "plain_text", "text": "Go"}}
            api = Api(slack)
            acks, edits = [], []
            for _ in range(LANES * SINGLE_BATCHES):
                ts = api.post(blocks=[{"type": "actions", "elements": [button]}])["ts"]
                before = now_us()
                slack.do("click", user="alice", channel=CHANNEL, ts=ts, action_id="go")
                slack.until("the edit", lambda: slack.do("calls", method="chat.update", after_us=before)["calls"])
                click = slack.do("envelopes", type="interactive", after_us=before)["envelopes"][0]
                acks.append(click["acked_us"] - click["at_us"])
                edits.append(slack.do("calls", method="chat.update", after_us=before)["calls"][0]["at_us"] - click["at_us"])
            print(f"limit: a client in Python that only acknowledges and edits, nothing recorded; connected after {hello:.0f} ms")
            print_times("click -> acknowledged", acks)
            print_times("click -> message updated", edits)
        finally:
            bot.kill()
            bot.wait()


# --- beside each other


def spread(values):
    return f"{min(values):.1f}..{max(values):.1f}"


def compare(rounds):
    """rounds: the figures of each round, by name of the bot."""
    print(f"\nmedians of {len(rounds[Guidepost.name])} round(s), and least..most of the rounds")
    both = len(rounds) > 1
    print_row("", [*rounds, *(["ours/peer"] if both else []), *(f"{name} spread" for name in rounds)])
    for key, heading, unit, more in MEASURES:
        values = [[found[key] for found in figures] for figures in rounds.values()]
        medians = [statistics.median(of) for of in values]
        ratio = [f"{medians[0] / medians[1]:.2f}x"] if both else []
        print_row(f"{heading}{' (+)' if more else ''}, {unit}", [*medians, *ratio, *map(spread, values)])
    print("ours/peer: less is better, but where it says (+)")
    for kind in (Guidepost, Peer)[: len(rounds)]:
        print(f"{kind.name}: {kind.durability}")


def versions(build, source):
    def of(*argv):
        return subprocess.run(list(map(str, argv)), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    redis = re.search(r"v=(\S+)", of("redis-server", "--version"))[1]
    words = [of(build / "guidepost", "--version"), f"redis {redis}", f"node {of('node', '--version')}"]
    for package in ("@slack/bolt", "@slack/socket-mode", "@slack/web-api", "bullmq", "ioredis") if source else ():
        words.append(f"{package} {json.loads((source / 'node_modules' / package / 'package.json').read_text())['version']}")
    return f"{', '.join(words)}, {os.cpu_count()} cores; the fake Slack and this program take part of them"


def main():
    if sys.argv[1] == "null":
        null_bot(*sys.argv[2:])
    Guidepost.build = pathlib.Path(sys.argv[1]).resolve()
    Peer.source = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 and sys.argv[2] != "-" else None
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    if missing():
        print(f"bench: SLACK SKIPPED: {missing()}")
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    kinds = [Guidepost] + ([Peer] if Peer.source else [])
    rounds = {kind.name: [] for kind in kinds}
    print(f"== in Slack: {versions(Guidepost.build, Peer.source)}")
    # All folders are removed at the end: see bench_deployments.c.
    with tempfile.TemporaryDirectory(prefix="guidepost-bench-") as name:
        folder = pathlib.Path(name)
        measure_null(folder / "null")
        for number in range(count):
            print(f"== round {number + 1} of {count}", flush=True)
            for kind in kinds:
                rounds[kind.name].append(measure(kind, folder / f"{kind.name}-{number}"))
    compare(rounds)


if __name__ == "__main__":
    main()
