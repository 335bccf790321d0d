"""The storm of tests/system, large: ten thousand clicks on a thousand questions, by eight servers. Without Slack's rates every message is true within
ten seconds after the faults; with them, a smaller one is true as soon as the rates allow. QUESTIONS and CLICKS say how many, SEED where to
begin."""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

import slack_fake  # noqa: E402
from slack_storm import WORDS, Storm  # noqa: E402

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")
SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))


@pytest.mark.parametrize(
    "limits, questions, clicks",
    [
        ("off", int(os.environ.get("QUESTIONS", 1000)), int(os.environ.get("CLICKS", 10000))),
        ("real", 60, 600),
    ],
)
def test_exactly_one_answer_each_and_every_message_true(tmp_path, capsys, limits, questions, clicks):
    with capsys.disabled():
        print(f"\nslack storm: SEED={SEED} QUESTIONS={questions} CLICKS={clicks}, Slack's rates {limits}", flush=True)
        with Storm(tmp_path, SEED, deployments=-(-questions // len(WORDS)), clicks=clicks, servers=8, limits=limits) as storm:
            counts = storm.play(kill_every=10)
        print(f"slack storm: {dict(counts)}: nothing wrong", flush=True)
