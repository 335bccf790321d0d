"""Output of steps: however much, however strange, and never with a secret in it, whatever the way."""

import json
import os
import re

import pytest

from people import CONFIG_PEOPLE, Client, site
from rig import until

SECRETS = {
    "PLAIN": "s3cr3t-Value-0987",
    "SPACED": "two words & 'quotes' \"too\"",
    "LONG": "k" * 40 + "-" + "z" * 60,
}
LINES = 100_000
MIB = 1 << 20

CONFIG = (
    CONFIG_PEOPLE
    + """
environments:
  one: { room: deploys, guided_failure: { enabled: true } }
projects:
  lines:
    steps:
      - { name: Print, run: 'i=0; while [ $i -lt 1000 ]; do seq -f "line %06.0f of the output" $((i * 100 + 1)) $((i * 100 + 100)); i=$((i + 1)); done' }
  endless:
    steps:
      - { name: Print, run: 'head -c 10485760 /dev/zero | tr "\\\\000" x; exit 4' }
  bytes:
    steps:
      - { name: Print, run: 'cat "@ORACLE@.bytes"; exit 5' }
  secrets:
    env:
      PLAIN: { file: PLAIN.secret }
      SPACED: { file: SPACED.secret }
      LONG: { file: LONG.secret }
    steps:
      - name: Leak
        run: |
          set -x
          echo "whole: $PLAIN, $SPACED, $LONG"
          echo "base64: $(printf %s "$PLAIN" | base64) $(printf 'x%s' "$PLAIN" | base64) $(printf 'xy%s' "$PLAIN" | base64)"
          echo "hex: $(printf %s "$PLAIN" | od -An -tx1 | tr -d ' \\n')"
          printf 'split: '
          printf %s "$PLAIN" | while IFS= read -r -n 1 c; do printf %s "$c"; done || true
          for part in s3cr 3t-V alue -098 7; do printf %s "$part"; sleep 0.25; done
          echo
          echo "error: $LONG" >&2
          echo "to fail with $PLAIN"
          exit 6
"""
)


@pytest.fixture(scope="module")
def rig():
    made = site(CONFIG, name="output")
    for name, value in SECRETS.items():
        (made.folder / f"{name}.secret").write_text(value + "\n")
    (made.folder / "oracle.bytes").write_bytes(bytes(range(256)) * 8 + b"\xff\xfe\x00\x1b]52;c;aGk=\x07\x1b[2J\xe2\x80\xae<script>@here &amp;\n" + b"last line\n")
    with made as rig:
        yield rig


@pytest.fixture
def alice(rig):
    return Client(rig)


def log_of(alice, number):
    """(text, bytes left out) of the only run."""
    text, left_out, after = "", 0, ""
    while True:
        page = alice.get(f"/v1/deployments/{number}/log?step=0&slot=0&after={after}")
        for batch in page["batches"]:
            text += batch["text"]
            left_out += batch["left_out"]
        if not page["batches"]:
            return text, left_out
        after = page["next"]


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) * 1024


def test_a_hundred_thousand_lines_do_no_harm(rig, alice):
    (worker,) = rig.workers
    before = rss(worker.process.pid)
    number = alice.deploy("lines", "1", "one")
    other = Client(rig, "bob")
    while alice.state(number) not in ("succeeded", "paused"):
        assert other.request("GET", "/livez").status == 200
    alice.wait_state(number, "succeeded")
    text, left_out = log_of(alice, number)
    size = LINES * len("line 000001 of the output\n")
    lines = text.splitlines()
    assert lines[0] == "line 000001 of the output" and lines[-1] == f"line {LINES:06d} of the output"
    # Head and tail are kept, a mebibyte at most, and what was left out is said to the byte.
    assert len(text) <= MIB + 200 and len(text) + left_out == size, (len(text), left_out, size)
    assert rss(worker.process.pid) - before < 64 * MIB


def test_ten_megabytes_without_a_newline_do_no_harm(rig, alice):
    number = alice.deploy("endless", "1", "one")
    (question,) = alice.wait_questions(number)
    text, left_out = log_of(alice, number)
    assert set(text) == {"x"} and len(text) + left_out == 10 * MIB and len(text) <= MIB
    assert 0 < len(question["excerpt"]) <= 2000
    card = alice.deployment(number)["cards"][0]
    assert len(json.dumps(card)) < 64 << 10
    alice.submit(question["id"], "Fail")
    alice.wait_state(number, "failed")


def test_any_bytes_are_shown_and_none_becomes_a_command_of_a_terminal(rig, alice):
    number = alice.deploy("bytes", "1", "one")
    (question,) = alice.wait_questions(number)
    text, _ = log_of(alice, number)
    assert "last line" in text and "<script>@here &amp;" in text
    for shown in (text, question["excerpt"], json.dumps(alice.deployment(number)), json.dumps(alice.get("/v1/rooms/deploys"))):
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown), shown[-300:]
    raw = alice.request("GET", f"/api/tasks/ServerTasks-{number}/raw")
    assert raw.status == 200 and b"last line" in raw.body and b"\x1b" not in raw.body
    alice.submit(question["id"], "Fail")
    alice.wait_state(number, "failed")


def spellings(value):
    """A value as it could get somewhere: plain, in base64 at each offset, in hexadecimal."""
    import base64

    found = [value.encode(), value.encode().hex().encode()]
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + value.encode()).rstrip(b"=")
        found.append(padded[offset + 1 if offset else 0 : -2])
    return found


def assert_clean(where, data):
    for name, value in SECRETS.items():
        for spelling in spellings(value):
            assert spelling not in data, f"{name} as {spelling!r} in {where}"


def redis_dump(rig):
    """Every value of every key."""
    redis, out = rig.redis(), []
    for key in redis.keys("*"):
        kind = redis("TYPE", key)
        ask = {
            "string": ["GET", key],
            "hash": ["HGETALL", key],
            "list": ["LRANGE", key, 0, -1],
            "set": ["SMEMBERS", key],
            "zset": ["ZRANGE", key, 0, -1],
            "stream": ["XRANGE", key, "-", "+"],
        }[kind]
        out.append(f"{key} {redis(*ask)}")
    redis.close()
    return "\n".join(out).encode()


def test_secrets_are_nowhere_but_in_their_step(rig, alice):
    number = alice.deploy("secrets", "1", "one")
    (question,) = alice.wait_questions(number)
    text, _ = log_of(alice, number)
    assert "whole: " in text and "to fail with" in text
    assert_clean("the log", text.encode())
    assert not re.search(r"s3cr.?3t-V", text), text
    assert_clean("the question", json.dumps(question).encode())
    for path in (f"/v1/deployments/{number}", f"/v1/deployments/{number}/audit", "/v1/overview", "/v1/rooms/deploys", "/v1/questions",
                 f"/api/interruptions/Interruptions-{question['id']}", f"/api/tasks/ServerTasks-{number}/raw",
                 f"/api/tasks/ServerTasks-{number}/details", "/api/events", "/metrics"):  # fmt: skip
        answer = alice.request("GET", path)
        assert answer.status == 200, (path, answer)
        assert_clean(path, answer.body)
    assert_clean("Redis", redis_dump(rig))
    for file in [*rig.folder.glob("*.log"), *(path for path in (rig.folder / "redis").rglob("*") if path.is_file())]:
        assert_clean(file, file.read_bytes())
    for host in rig.host_dirs:
        for path in host.rglob("*"):
            if path.is_file():
                assert_clean(path, path.read_bytes())
    alice.submit(question["id"], "Fail")
    alice.wait_state(number, "failed")


def test_a_secret_is_in_no_command_line_and_in_no_environment_but_that_of_its_step(rig, alice):
    config = rig.config.read_text()
    assert "value-in-env" not in config
    number = alice.deploy("secrets", "2", "one")
    seen = set()

    def looked():
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                command = open(f"/proc/{pid}/cmdline", "rb").read()
                environment = open(f"/proc/{pid}/environ", "rb").read()
            except OSError:
                continue
            assert_clean(f"the command line of {pid}", command)
            if SECRETS["PLAIN"].encode() in environment:
                assert b"GUIDEPOST_STEP=Leak" in environment, command
                seen.add(pid)
        return alice.questions(number)

    (question,) = until("the question", looked)
    assert seen, "the step had no secret at all"
    alice.submit(question["id"], "Fail")
    alice.wait_state(number, "failed")
