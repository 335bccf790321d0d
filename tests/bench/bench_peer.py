#!/usr/bin/env python3
"""Measures guidepost beside a peer (peer/README.md) in the same call, and prints how they compare.

    bench_peer.py PROGRAM PEER [rounds]

PROGRAM is bench_deployments; PEER is the folder with the peer and its packages. In each round guidepost is measured,
then the peer in each of its settings, so that whatever else disturbs the machine disturbs all of them. The medians over
the rounds are compared. The peer is measured as bench_deployments measures guidepost; the constants below are its own.
"""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SAMPLES = 200
LANES = 32
DEPLOYMENTS = 320
MACHINES = ["m0", "m1", "m2"]
DURABILITIES = ["everysec", "always"]
WORKERS = [1, 2]
TICKS = os.sysconf("SC_CLK_TCK")

# What is compared: its key, its heading, and whether more of it is better.
RATE, COMMAND, COMMAND_99, ANSWER, ANSWER_99, MEMORY, CPU = range(7)
MEASURES = [
    (RATE, "deployments/s", True),
    (COMMAND, "command p50", False),
    (COMMAND_99, "command p99", False),
    (ANSWER, "answer p50", False),
    (ANSWER_99, "answer p99", False),
    (MEMORY, "idle MB", False),
    (CPU, "CPU s/1,000", False),
]

# The lines of bench_deployments; one that it does not print is left out of the comparison.
OURS = [
    (r"^deployments of 3 true steps on 3 targets\s+([\d.]+)/s", [RATE]),
    (r"^command -> first step started\s+p50\s+([\d.]+) ms.*p99\s+([\d.]+)", [COMMAND, COMMAND_99]),
    (r"^answer -> step started again\s+p50\s+([\d.]+) ms.*p99\s+([\d.]+)", [ANSWER, ANSWER_99]),
    (r"^RSS idle\s+([\d.]+) MB", [MEMORY]),
    (r"^CPU seconds per 1,000 deployments\D*?\s([\d.]+)", [CPU]),
]


def measure_ours(program, folder):
    """One round of bench_deployments, shown as it comes. The folder is removed at the end of all rounds: see there."""
    found = {}
    with subprocess.Popen([program, "1", folder], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            for pattern, keys in OURS:
                match = re.search(pattern, line)
                if match:
                    found.update(zip(keys, map(float, match.groups())))
    if process.returncode != 0:
        sys.exit(f"bench: {program} ended with {process.returncode}")
    return found


class Peer:
    """A private redis-server, the bot and its workers, in a folder of their own."""

    def __init__(self, source, durability, workers):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="guidepost-peer-"))
        self.processes = []
        os.mkfifo(self.folder / "fifo")
        self.fifo = os.open(self.folder / "fifo", os.O_RDWR | os.O_CLOEXEC)
        try:
            self.start(source, durability, workers)
        except BaseException:
            self.stop()
            raise

    def start(self, source, durability, workers):
        redis = self.folder / "redis.sock"
        self.spawn(["redis-server", "--port", "0", "--unixsocket", redis, "--dir", self.folder, "--save", "",
                    "--appendonly", "yes", "--appendfsync", durability], stdout=subprocess.DEVNULL)
        while not redis.exists():
            self.check()
            time.sleep(0.01)
        projects = self.folder / "projects.json"
        projects.write_text(json.dumps(self.projects()))
        env = {**os.environ, "NODE_ENV": "production", "REDIS": str(redis), "PROJECTS": str(projects)}
        started = time.monotonic()
        self.bot, *self.workers = [self.spawn(["node", source / name], stdout=subprocess.PIPE, env=env)
                                   for name in ["bot.mjs"] + ["worker.mjs"] * workers]
        self.port = int(self.bot.stdout.readline() or 0)
        ready = [worker.stdout.readline() for worker in self.workers]
        self.check()
        if self.port == 0 or b"" in ready:
            sys.exit("bench: the peer does not start")
        self.started_ms = (time.monotonic() - started) * 1e3
        self.connection = socket.create_connection(("127.0.0.1", self.port), 20)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def projects(self):
        tell = f"echo 1 > {self.folder}/fifo"
        ask = f"echo $ATTEMPT > {self.folder}/fifo; [ $ATTEMPT -gt 1 ]"
        whole = {"steps": [{"run": "true", "machines": MACHINES}] * 3}
        return {
            "tell": {"steps": [{"run": tell, "machines": MACHINES[:1]}]},
            "ask": {"steps": [{"run": ask, "machines": MACHINES[:1]}]},
            **{f"p{lane}": whole for lane in range(LANES)},
        }

    def spawn(self, argv, **options):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def check(self):
        for process in self.processes:
            if process.poll() is not None:
                sys.exit(f"bench: {process.args[0]} ended with {process.returncode}")

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        os.close(self.fifo)
        shutil.rmtree(self.folder)

    def http(self, method, path, body=None):
        text = "" if body is None else json.dumps(body)
        head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n")
        self.connection.sendall((head + text).encode())
        reply = b""
        while True:
            more = self.connection.recv(65536)
            if more == b"":
                sys.exit("bench: the peer hung up")
            reply += more
            head, end, rest = reply.partition(b"\r\n\r\n")
            if end and len(rest) == int(re.search(rb"Content-Length: (\d+)", head)[1]):
                break
        if b" 200 " not in head[:16]:
            sys.exit(f"bench: the peer refuses {method} {path}: {reply.decode()}")
        return json.loads(rest)

    def wait_step(self):
        if not select.select([self.fifo], [], [], 20)[0]:
            sys.exit("bench: no step of the peer has told that it runs")
        os.read(self.fifo, 64)

    def deploy(self, project, number):
        return self.http("POST", "/deploy", {"project": project, "version": f"1.{number}"})["deployment"]

    def ended(self):
        return self.http("GET", "/metrics")["ended"]

    def wait_ended(self, count, pause):
        last = time.monotonic() + 300
        while self.ended() < count:
            if time.monotonic() > last:
                sys.exit("bench: the peer's deployments do not end")
            time.sleep(pause)

    def memory_mb(self):
        texts = [pathlib.Path(f"/proc/{process.pid}/statm").read_text() for process in [self.bot, *self.workers]]
        pages = sum(int(text.split()[1]) for text in texts)
        return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def cpu(self):
        """CPU seconds of bot, workers, Redis, and every child that has ended."""
        texts = [pathlib.Path(f"/proc/{process.pid}/stat").read_text() for process in self.processes]
        return sum(int(field) for text in texts for field in text.rpartition(")")[2].split()[11:15]) / TICKS

    def command_ms(self):
        times = []
        for i in range(SAMPLES):
            count = self.ended()
            before = time.monotonic()
            self.deploy("tell", i)
            self.wait_step()
            times.append((time.monotonic() - before) * 1e3)
            self.wait_ended(count + 1, 0.001)
        return times

    def answer_ms(self):
        times = []
        for i in range(SAMPLES):
            count = self.ended()
            deployment = self.deploy("ask", i)
            self.wait_step()
            while deployment not in self.http("GET", "/questions")["questions"]:
                time.sleep(0.0005)
            before = time.monotonic()
            self.http("POST", "/answer", {"deployment": deployment, "guidance": "retry"})
            self.wait_step()
            times.append((time.monotonic() - before) * 1e3)
            self.wait_ended(count + 1, 0.001)
        return times

    def throughput(self):
        """Deployments a second, and the CPU seconds of a thousand."""
        count, cpu, began = self.ended(), self.cpu(), time.monotonic()
        for i in range(DEPLOYMENTS):
            self.deploy(f"p{i % LANES}", i)
        self.wait_ended(count + DEPLOYMENTS, 0.005)
        return DEPLOYMENTS / (time.monotonic() - began), (self.cpu() - cpu) * 1000 / DEPLOYMENTS


def centile(times, percent):
    return sorted(times)[len(times) * percent // 100]


def print_times(what, times):
    p50, p90, p99 = (centile(times, percent) for percent in (50, 90, 99))
    print(f"{what:<44} p50 {p50:7.2f} ms   p90 {p90:7.2f}   p99 {p99:7.2f}   ({len(times)})", flush=True)


def measure_peer(source, durability, workers):
    peer = Peer(source, durability, workers)
    try:
        print(f"peer, {name_peer(durability, workers)}")
        print(f"{'process start -> listening':<44} {peer.started_ms:.0f} ms")
        time.sleep(1)
        memory = peer.memory_mb()
        print(f"{'RSS idle':<44} {memory:.1f} MB (bot and workers together)", flush=True)
        command = peer.command_ms()
        print_times("command -> first step started", command)
        answer = peer.answer_ms()
        print_times("answer -> step started again", answer)
        rate, cpu = peer.throughput()
        print(f"{'deployments of 3 true steps on 3 targets':<44} {rate:.1f}/s = {rate * 9:.0f} steps/s")
        print(f"{'CPU seconds per 1,000 deployments':<44} {cpu:.1f} (bot, workers, Redis and the steps)", flush=True)
    finally:
        peer.stop()
    return {RATE: rate, COMMAND: centile(command, 50), COMMAND_99: centile(command, 99), ANSWER: centile(answer, 50),
            ANSWER_99: centile(answer, 99), MEMORY: memory, CPU: cpu}


def name_peer(durability, workers):
    return f"appendfsync {durability}, {workers} worker{'s' if workers > 1 else ''}"


def print_row(name, values):
    cells = ["-" if value is None else value if isinstance(value, str) else f"{value:.2f}" for value in values]
    print(f"{name:<38}" + "".join(f"{cell:>14}" for cell in cells))


def compare(ours, peers):
    """ours: a list of rounds; peers: lists of rounds by name."""
    def medians(rounds):
        return [statistics.median(values) if values else None
                for values in ([found[key] for found in rounds if key in found] for key, _, _ in MEASURES)]

    def ratios(mine, theirs):
        return ["-" if None in pair else f"{pair[0] / pair[1]:.2f}x" for pair in zip(mine, theirs)]

    mine = medians(ours)
    rows = {name: medians(rounds) for name, rounds in peers.items()}
    print(f"\nmedians of {len(ours)} round(s); command, answer: ms until the step has started; CPU: children included")
    print_row("", [heading for _, heading, _ in MEASURES])
    print_row("guidepost, appendfsync always", mine)
    for name, row in rows.items():
        print_row(f"peer, {name}", row)
    print("ratio guidepost / peer: more is better of deployments/s, less of all else")
    for name, row in rows.items():
        print_row(f"to {name}", ratios(mine, row))
    best = [max(column) if more else min(column) for column, (_, _, more) in zip(zip(*rows.values()), MEASURES)]
    print_row("to the peer's best of each column", ratios(mine, best))
    print("deployments/s by rounds")
    for name, rounds in {"guidepost": ours, **{f"peer, {name}": rounds for name, rounds in peers.items()}}.items():
        print_row(name, [found.get(RATE) for found in rounds])


def versions(source):
    def of(*argv):
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    packages = [f"{name} {json.loads((source / 'node_modules' / name / 'package.json').read_text())['version']}"
                for name in ("bullmq", "ioredis")]
    redis = re.search(r"v=(\S+)", of("redis-server", "--version"))[1]
    return f"peer: node {of('node', '--version').strip()}, {', '.join(packages)}, redis {redis}, {os.cpu_count()} cores"


def leave(number, _):
    """Stops what was started, undisturbed by a second signal."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    program, source = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    print(versions(source))
    settings = [(durability, workers) for durability in DURABILITIES for workers in WORKERS]
    ours, peers = [], {name_peer(*setting): [] for setting in settings}
    with tempfile.TemporaryDirectory(prefix="guidepost-bench-") as folder:
        for number in range(count):
            print(f"== round {number + 1} of {count}", flush=True)
            ours.append(measure_ours(program, f"{folder}/{number}"))
            for setting in settings:
                peers[name_peer(*setting)].append(measure_peer(source, *setting))
    compare(ours, peers)


if __name__ == "__main__":
    main()
