"""The small round of the storm; the large one is in tests/soak."""

import pytest
import slack_fake
from slack_storm import Storm

pytestmark = pytest.mark.skipif(slack_fake.missing() is not None, reason=f"SKIPPED: {slack_fake.missing()}")


def test_exactly_one_answer_each_and_every_message_true(tmp_path):
    with Storm(tmp_path, seed=7, deployments=4, clicks=400, servers=2) as storm:
        counts = storm.play(kill_every=4)
        assert counts["servers killed"] >= 1
