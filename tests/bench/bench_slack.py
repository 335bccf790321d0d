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
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

from bench_peer import centile, leave  # noqa: E402
from slack_bots import CHANNEL, LANES, Guidepost, Peer, now_us  # noqa: E402
from slack_fake import SlackFake, missing  # noqa: E402
from slack_wire import Api  # noqa: E402

BATCHES = 2  # of LANES clicks one after another, and as many of LANES at once
DEPLOYMENTS = 6 * LANES
CALM_SECONDS = 0.3  # between what people do, as people do it; the messages of the last have been edited by then

# What is measured over and over: key and heading.
TIMES = [
    ("ack", "click -> acknowledged"),
    ("step", "click -> step started again"),
    ("edit", "click -> message updated"),
    ("command", "command -> first step started"),
    ("many_ack", f"{LANES} in flight: click -> acknowledged"),
    ("many_step", f"{LANES} in flight: click -> step again"),
    ("many_edit", f"{LANES} in flight: click -> message updated"),
    ("many_command", f"{LANES} in flight: command -> step"),
]

# What is measured once in a round: key, heading and unit.
FIGURES = [
    ("hello", "process start -> connected (hello)", "ms"),
    ("memory", "RSS idle, bot and worker", "MB"),
    ("rate", "deployments/s, 3 true steps x 3 machines", "(+)"),
    ("cpu", "CPU per 1,000 of them", "s"),
    ("own_cpu", "of that, bot, worker and Redis", "s"),
    ("fake_cpu", "beside it, the fake Slack", "s"),
    ("calls", "calls to Slack for each of them", ""),
    ("shown", "the last end -> shown in Slack", "ms"),
    ("memory_after", "RSS after it", "MB"),
]

# --- the measures


def run_batch(bot, single, times):
    """LANES deployments at once, each of which asks; then their buttons are clicked, one after another or all at once."""
    count, names = bot.ended(), [f"ask{n}" for n in range(LANES)]
    after, began = f"{time.time():.6f}", now_us()
    bot.deploy(names)
    started = bot.steps.wait([(name, 1) for name in names])
    sent = bot.commands_us(began)
    times["many_command"] += [at - sent[name] for name, at in zip(names, started)]
    cards = bot.questions(names, after)
    time.sleep(CALM_SECONDS)
    clicked, started = now_us(), []
    for some in [[name] for name in names] if single else [names]:
        bot.click([cards[name] for name in some])
        started += bot.steps.wait([(name, 2) for name in some])
        time.sleep(CALM_SECONDS)
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
        times[kind + "ack"].append(click["acked_us"] - click["at_us"])
        times[kind + "step"].append(at - click["at_us"])
        times[kind + "edit"].append(edits[cards[name]] - click["at_us"])


def run_commands(bot, times):
    """One command after another."""
    for n in range(LANES * BATCHES):
        name, count, began = f"tell{n % LANES}", bot.ended(), now_us()
        bot.deploy([name])
        started = bot.steps.wait([(name, 1)])[0]
        times["command"].append(started - bot.commands_us(began)[name])
        bot.until("the deployment to end", lambda: bot.ended() > count)
        time.sleep(CALM_SECONDS)


def run_whole(bot):
    """Whole deployments, from the first command to the last end, and then until Slack has nothing more to be told."""
    count, cpu, began = bot.ended(), bot.cpu(), now_us()
    for _ in range(DEPLOYMENTS // LANES):
        bot.deploy([f"p{n}" for n in range(LANES)])
    bot.until("the deployments to end", lambda: bot.ended() >= count + DEPLOYMENTS)
    ended = now_us()
    calls = []

    def calm():
        before = len(calls)
        calls[:] = bot.slack.do("calls", after_us=began)["calls"]
        if before != len(calls):
            time.sleep(2 * CALM_SECONDS)
        return before == len(calls)

    bot.until("the messages to be as they stay", calm)
    own, steps, fake = ((after - before) * 1000 / DEPLOYMENTS for before, after in zip(cpu, bot.cpu()))
    return {
        "rate": DEPLOYMENTS * 1e6 / (ended - began),
        "cpu": own + steps,
        "own_cpu": own,
        "fake_cpu": fake,
        "calls": len(calls) / DEPLOYMENTS,
        "shown": max(0, max(call["at_us"] for call in calls) - ended) / 1000,
    }


def print_times(what, us):
    p50, p90, p99 = (centile(us, percent) / 1000 for percent in (50, 90, 99))
    print(f"  {what:<42} p50 {p50:7.2f} ms   p90 {p90:7.2f}   p99 {p99:7.2f}   max {max(us) / 1000:7.2f}   ({len(us)})", flush=True)


def measure(kind, folder):
    """One round of one bot: its times and its figures."""
    print(f"{kind.name}: {kind.durability}", flush=True)
    times = {key: [] for key, _ in TIMES}
    bot = kind(folder)
    try:
        time.sleep(1)
        figures = {"hello": bot.hello_ms, "memory": bot.memory_mb()}
        run_batch(bot, False, {key: [] for key in times})  # so that nothing is done for the first time
        for _ in range(BATCHES):
            run_batch(bot, True, times)
            run_batch(bot, False, times)
        run_commands(bot, times)
        figures |= run_whole(bot)
        figures["memory_after"] = bot.memory_mb()
        stats = bot.slack.stats()
    finally:
        bot.stop()
    for key, heading in TIMES:
        print_times(heading, times[key])
    for key, heading, unit in FIGURES:
        print(f"  {heading:<42} {figures[key]:11.2f} {unit.strip('(+)')}", flush=True)
    if stats["errors"] or stats["duplicates"] or stats["unacknowledged"]:
        print(f"  the fake complains: {stats['errors']}, {len(stats['duplicates'])} duplicates, {stats['unacknowledged']} unacknowledged")
    return times, figures


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
            for _ in range(LANES * BATCHES):
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


def print_row(heading, cells):
    print(f"{heading:<48}" + "".join(f"{cell:>18}" for cell in cells))


def compare(rounds):
    """rounds: (times, figures) of each round, by name of the bot. Samples of all rounds are put together; the spread is of rounds."""
    print(f"\nof {len(rounds[Guidepost.name])} round(s): p50 and p99 of all samples, medians of all else, and least..most of the rounds")
    ratio = ["ours/peer"] if len(rounds) > 1 else []
    print_row("", [*rounds, *ratio, *(f"{name} spread" for name in rounds)])

    def row(heading, best, values):
        quotient = [f"{best[0] / best[1]:.2f}x" if best[1] >= 0.1 else "-"] if ratio else []
        print_row(heading, [*(f"{one:.2f}" for one in best), *quotient, *(f"{min(of):.1f}..{max(of):.1f}" for of in values)])

    for key, heading in TIMES:
        for percent in (50, 99):
            values = [[centile(times[key], percent) / 1000 for times, _ in found] for found in rounds.values()]
            together = [centile([us for times, _ in found for us in times[key]], percent) / 1000 for found in rounds.values()]
            row(f"{heading}, p{percent}, ms", together, values)
    for key, heading, unit in FIGURES:
        values = [[figures[key] for _, figures in found] for found in rounds.values()]
        row(f"{heading} {unit}", [statistics.median(of) for of in values], values)
    if ratio:
        print("ours/peer: less is better, but more where it says (+)")
    else:
        print("bench: PEER SKIPPED: this is guidepost alone, and no ratio.")


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
        # On ext4: each folder in it gets a place by its name, away from the many files that another bench has just removed.
        subprocess.run(["chattr", "+T", name], stderr=subprocess.DEVNULL, check=False)
        measure_null(folder / "null")
        for number in range(count):
            print(f"== round {number + 1} of {count}, {os.getloadavg()[0]:.1f} processes wanted to run in the last minute", flush=True)
            for kind in kinds:
                rounds[kind.name].append(measure(kind, folder / f"{kind.name}-{number}-{now_us()}"))
    compare(rounds)


if __name__ == "__main__":
    main()
