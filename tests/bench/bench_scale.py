#!/usr/bin/env python3
"""How cost and memory grow: with the number of machines of a deployment, and with the number of deployments that wait for people.

    bench_scale.py BUILD

The server, the leader and Redis are real (appendonly, appendfsync always); the worker claims and ends each run with the commits of
a real one, but starts no process (hollow_worker.c), so that what is measured is guidepost and not the spawning.
BENCH_PAUSED says how many deployments wait at most (10000 unless set).
"""

import os
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
os.environ["GUIDEPOST_BUILD"] = sys.argv[1]

from people import CONFIG_PEOPLE, Client, prepare  # noqa: E402
from rig import Program, Rig, until  # noqa: E402

STEPS, FEW, MANY = 20, 100, 1000
PAUSED = int(os.environ.get("BENCH_PAUSED", "10000"))
LEVELS = [level for level in (10, 1000, 10000, 100000) if level <= PAUSED]
SIDE = max(4, int(LEVELS[-1] ** 0.5 + 0.999) + 1)  # environments and projects: a lane for each deployment
ANSWERS = 200
IDLE_SECONDS = 62

CONFIG = (
    CONFIG_PEOPLE
    + "targets:\n"
    + "".join(f"  m-{n}: {{ local: true, tags: [many{', few' if n <= FEW else ''}] }}\n" for n in range(1, MANY + 1))
    + "environments:\n"
    + "".join(f"  e-{n}: {{ guided_failure: {{ enabled: true, max_retries: 100 }} }}\n" for n in range(SIDE))
    + "projects:\n"
    + "".join(
        f"  {tag}:\n    steps:\n" + "".join(f"      - {{ name: Step {n}, targets: [{tag}], max_parallel: 100, run: 'true' }}\n" for n in range(STEPS))
        for tag in ("few", "many")
    )
    + "".join(f"  p-{n}: {{ steps: [{{ name: Install, targets: [m-{n % MANY + 1}], run: 'false' }}] }}\n" for n in range(SIDE))
)


class ScaleRig(Rig):
    def __init__(self):
        super().__init__(CONFIG, workers=0, name="scale")
        self.redis_program.command += ["--hash-max-listpack-value", "2048"]
        self.workers = [Program(self, "hollow", [f"{sys.argv[1]}/tests/bench/hollow_worker", f"unix:{self.socket}", os.uname().nodename])]


def cpu_seconds(*programs):
    """User and system time of the programs so far."""
    ticks = 0
    for program in programs:
        fields = pathlib.Path(f"/proc/{program.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(program):
    line = next(line for line in pathlib.Path(f"/proc/{program.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def redis_bytes(redis, logs=False):
    """What Redis has allocated, without the tables that grow by doubling; without the output of steps, of which there is none here."""
    return int(next(line.split(":")[1] for line in redis("INFO", "memory").splitlines() if line.startswith("used_memory:")))


def asked(alice):
    text = alice.request("GET", "/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("guidepost_guidance_requests_total"))


def wide(rig, alice, redis):
    """One deployment over few machines, then one over many: time and CPU of a run."""
    print(f"{STEPS} steps on local targets, no process started; a run is claimed, ended and committed by the leader:")
    rows = []
    for project, count in (("few", FEW), ("many", MANY)):
        samples = []
        for _ in range(5 if count == FEW else 2):
            before, begun = cpu_seconds(rig.servers[0], rig.redis_program), time.monotonic()
            number = alice.deploy(project, "1.0", "e-0")
            until(f"D{number}", lambda: redis("HGET", f"{{gp}}:dep:{number}", "state") == "succeeded", seconds=600, pause=0.01)
            runs = count * STEPS
            samples.append(((time.monotonic() - begun) / runs * 1e6, (cpu_seconds(rig.servers[0], rig.redis_program) - before) / runs * 1e6))
        rows.append([statistics.median(column) for column in zip(*samples)])
        print(f"  {count:5} machines: {rows[-1][0]:8.1f} us a run ({1e6 / rows[-1][0]:6.0f} runs/s), {rows[-1][1]:8.1f} us CPU of server and Redis a run")
    print(f"  growth of the time of a run from {FEW} to {MANY} machines: {rows[1][0] / rows[0][0]:.2f}x, of its CPU: {rows[1][1] / rows[0][1]:.2f}x (1.00 = linear)")


def fill(alice, so_far, level):
    for n in range(so_far, level):
        alice.deploy(f"p-{n // SIDE}", "fails-1", f"e-{n % SIDE}")


def oldest(redis, count):
    return [int(question) for question in redis("ZRANGE", "{gp}:pending", 0, count - 1)]


def answers(rig, alice, redis, count):
    """Retry, which fails and is asked about again: (median time of the answer in ms, CPU of server and Redis in ms)."""
    times, before = [], cpu_seconds(rig.servers[0], rig.redis_program)
    while len(times) < count:
        questions, asked_before = oldest(redis, count - len(times)), asked(alice)
        for question in questions:
            begun = time.monotonic()
            reply = alice.request("POST", f"/v1/questions/{question}/answer", {"guidance": "retry", "single": True})
            assert reply.status == 200, reply
            times.append((time.monotonic() - begun) * 1000)
        until("all to be asked about again", lambda: asked(alice) >= asked_before + len(questions), seconds=120, pause=0.05)
    return statistics.median(times), (cpu_seconds(rig.servers[0], rig.redis_program) - before) * 1000 / count


# What people and programs look at, as often as they like. A page costs what is on it; `by project` is told apart by heads.
LOOKS = (
    ("pending", "/v1/commands", {"line": "pending"}),
    ("status", "/v1/commands", {"line": "status"}),
    ("overview", "/v1/overview", None),
    ("questions", "/v1/questions", None),
    ("interruptions", "/api/interruptions?pendingOnly=true", None),
    ("by project", "/api/tasks?states=Executing&project=Projects-p-0", None),
    ("metrics", "/metrics", None),
)


def looks_at(alice):
    """The median time of each look, in ms."""
    found = []
    for _, path, body in LOOKS:
        times = []
        for _ in range(5):
            begun = time.monotonic()
            reply = alice.request("GET" if body is None else "POST", path, body)
            assert reply.status == 200, reply
            times.append((time.monotonic() - begun) * 1000)
        found.append(statistics.median(times))
    return found


def print_looks(rows):
    """From the second level on: before, pages are not full."""
    print("\nlooking at them, in ms (pages are full from the second line on):")
    print(f"{'':>10} " + " ".join(f"{name:>13}" for name, *_ in LOOKS))
    for level, times in rows:
        print(f"{level:>10} " + " ".join(f"{ms:>13.2f}" for ms in times))
    if len(rows) > 2:
        (first, before), (last, after) = rows[1], rows[-1]
        print(f"{'ratio':>10} " + " ".join(f"{b / a:>12.2f}x" for a, b in zip(before, after)) + f"  from {first} to {last} (1.00 = flat)")


def idle(rig):
    """CPU of server and Redis in ms a second while nothing happens, over two sweeps."""
    before, begun = (cpu_seconds(rig.servers[0]), cpu_seconds(rig.redis_program)), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after, took = (cpu_seconds(rig.servers[0]), cpu_seconds(rig.redis_program)), time.monotonic() - begun
    print(f"  with {LEVELS[-1]} of them the idle server takes {(after[0] - before[0]) / took * 1000:.1f} ms CPU a second, Redis {(after[1] - before[1]) / took * 1000:.1f},")


def start_anew(rig):
    """How long the server takes until it is ready."""
    server = rig.servers[0]
    server.stop()
    begun = time.monotonic()
    server.start()
    until("it to be ready", lambda: rig.server_ready(server), pause=0.002)
    return time.monotonic() - begun


def restart(rig):
    """The time to readiness, and what the new leader does until it is quiet."""
    server, ready = rig.servers[0], start_anew(rig)
    quiet_since, last = time.monotonic(), 0.0
    while time.monotonic() - quiet_since < 3:
        time.sleep(0.1)
        if cpu_seconds(server) > last + 0.02:
            quiet_since, last = time.monotonic(), cpu_seconds(server)
    print(f"  started anew it is ready after {ready * 1000:.0f} ms, and quiet after {last:.2f} s of CPU")


def paused(rig, redis):
    print("\npaused deployments (one failed run each); an answer is Retry until it is asked about again:")
    print(f"{'':>10} {'answer p50':>12} {'CPU each':>10} {'RSS':>10} {'Redis each':>12}")
    rows, looks, so_far, base = [], [], 0, None
    for level in LEVELS:
        start_anew(rig)  # Its memory is that of what it has, not of what it has shown at the level before.
        alice = Client(rig, timeout=600)
        empty = redis_bytes(redis) if so_far == 0 else empty
        fill(alice, so_far, level)
        so_far = level
        until(f"{level} questions", lambda: redis("ZCARD", "{gp}:pending") == level, seconds=900, pause=0.1)
        # Before anybody looks at a list: what it costs to have them, not to show them.
        resident, each = resident_mb(rig.servers[0]), (redis_bytes(redis) - empty) / level
        # The first answers of a level warm up what the later ones find.
        answers(rig, alice, redis, ANSWERS // 4)
        latency, cpu = answers(rig, alice, redis, ANSWERS)
        looks.append((level, looks_at(alice)))
        base = base or resident
        rows.append((latency, cpu, resident - base, each))
        alice.close()
        print(f"{level:>10} {latency:>9.2f} ms {cpu:>7.2f} ms {resident:>7.1f} MB {each:>9.0f} B")
    first, last = rows[0], rows[-1]
    print(f"  from {LEVELS[0]} to {LEVELS[-1]}: an answer takes {last[0] / first[0]:.2f}x the time and {last[1] / first[1]:.2f}x the CPU (1.00 = flat),")
    print(f"  the server has grown by {last[2]:.2f} MB (goal: at most 2), Redis holds {last[3]:.0f} bytes for each (goal: at most 4096, logs apart)")
    idle(rig)
    restart(rig)
    print_looks(looks)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with prepare(ScaleRig(), CONFIG) as rig:
        wide(rig, Client(rig, timeout=600), rig.redis())
    with prepare(ScaleRig(), CONFIG) as rig:  # The memory of the one before is that of a thousand machines.
        paused(rig, rig.redis())


if __name__ == "__main__":
    main()
