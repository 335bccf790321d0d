"""A pager that can't be reached is not given up, and people are told; a webhook over TLS; a command of a rung and what it may say."""

import hashlib
import hmac
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from people import machines, site, token_of
from rig import Person, until
from slack_fake import make_certificate

SECRET = "the secret of the pager"


class Pager:
    """An HTTPS server that notes what it gets. It refuses as it is told to: with a status, and headers beside it."""

    def __init__(self, certificate, key):
        self.got, self.refuses = [], None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                status, headers = outer.refuses or (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *words):
                """A client that does not trust us goes away."""

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/page"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def config(url, stranger):
    return f"""
server: {{ ca_file: ca.pem }}
people:
  alice: {{ token: {{ file: alice.token }} }}
permissions: [{{ allow: [deploy, answer, view], to: [alice] }}]
rooms: {{ deploys: {{}} }}
environments:
  paged:
    room: deploys
    guided_failure: {{ enabled: true, responsible: [alice], escalate: [{{ after: 1s, webhook: "{url}", webhook_secret: {{ file: pager.secret }} }}] }}
  strange:
    room: deploys
    guided_failure: {{ enabled: true, responsible: [alice], escalate: [{{ after: 1s, webhook: "{stranger}" }}] }}
  ordered:
    room: deploys
    guided_failure: {{ enabled: true, responsible: [alice], escalate: [{{ after: 1s, run: "cat told.secret; pwd; test -e @oracle@.mended" }}] }}
targets:
{machines(1)}
projects:
  shop:
    env: {{ TOKEN: {{ file: told.secret }} }}
    steps:
      - {{ name: Install, targets: [all], run: "exit 3" }}
  moved:
    work_dir: gone
    env: {{ TOKEN: {{ file: told.secret }} }}
    steps:
      - {{ name: Install, targets: [all], run: "true" }}
"""


@pytest.fixture(scope="module")
def pagers(tmp_path_factory):
    folder, other = tmp_path_factory.mktemp("pager"), tmp_path_factory.mktemp("stranger")
    ca, certificate, key = make_certificate(folder)
    _, *strange = make_certificate(other)
    pagers = Pager(certificate, key), Pager(*strange)
    yield ca, *pagers
    for pager in pagers:
        pager.server.shutdown()


@pytest.fixture(scope="module")
def rig(pagers):
    ca, pager, stranger = pagers
    text = config(pager.url, stranger.url)
    rig = site(text, name="pager")
    (rig.folder / "ca.pem").write_bytes(ca.read_bytes())
    (rig.folder / "pager.secret").write_text(SECRET + "\n")
    (rig.folder / "told.secret").write_text("hush-hush-0123\n")
    with rig:
        yield rig


@pytest.fixture
def alice(rig):
    return Person(rig, "alice", token_of("alice"))


@pytest.fixture(scope="module")
def questions(rig, pagers):
    """One in each environment, of which people were told that nobody could be called: {environment: (deployment, question)}."""
    pagers[1].refuses = 503, {"Retry-After": "5"}
    alice = Person(rig, "alice", token_of("alice"))
    numbers = {name: alice.deploy("shop", "1.0.0", name) for name in ("paged", "strange")}
    numbers["ordered"] = alice.deploy("moved", "1.0.0", "ordered")
    until("all to ask", lambda: len(alice.questions()) == 3)
    found = {name: (number, next(q["id"] for q in alice.questions() if q["deployment"] == number)) for name, number in numbers.items()}
    until("people to be told", lambda: all(lines(alice, question) for _, question in found.values()), seconds=90)
    return found


def entries(person, number, what):
    return [entry for entry in person.get(f"/v1/deployments/{number}/audit")["entries"] if entry["what"] == what]


def lines(person, question):
    """What was said under the question, beside reminders."""
    cards = [m["card"] for m in person.get("/v1/rooms/deploys")["messages"]]
    return [c["text"] for c in cards if c["kind"] == "reminder" and c["question"] == question]


def healthy(person):
    return next(line for line in person.ask("GET", "/readyz?verbose")[1].splitlines() if line.startswith("escalation:"))


def test_a_webhook_over_tls_is_signed_and_called_until_it_works(alice, rig, pagers, questions):
    pager, (number, question) = pagers[1], questions["paged"]
    assert lines(alice, question) == [
        f"Nobody could be called for Q{question}: the webhook of rung 1 of its escalation fails. It is tried again for as long as "
        f"Q{question} waits. The audit of D{number} says what is wrong."
    ]
    failed = entries(alice, number, f"call_fails Q{question} #1")
    assert len(failed) == 1 and failed[0]["note"] == "3 tries failed: its server answered 503", failed
    assert len(pager.got) == 3
    assert healthy(alice).startswith("escalation: 3 calls fail, lately D") and "503" not in healthy(alice), healthy(alice)
    assert "guidepost_escalation_calls_failing 3" in alice.ask("GET", "/metrics")[1]

    pager.refuses = None
    member = f"{number}:{question}:0:webhook"
    due, tries = rig.redis()("HGET", "{gp}:calls", member).split()
    assert tries == "3" and int(due) - 1000 * int(pager.got[-1][0]["Guidepost-Timestamp"]) > 30000
    rig.redis()("HSET", "{gp}:calls", member, f"{int(due) - 60000} 3")  # as if its pause were over
    rig.servers[0].kill()
    rig.recover()
    until("it to work", lambda: "works again" in lines(alice, question)[0])
    assert [entry["note"] for entry in entries(alice, number, f"called Q{question} #1")] == ["done by try 4"]
    assert {headers["Idempotency-Key"] for headers, _ in pager.got} == {f"D{number}-Q{question}-1-webhook"}
    for headers, body in pager.got:
        signed = hmac.new(SECRET.encode(), headers["Guidepost-Timestamp"].encode() + b"." + body, hashlib.sha256)
        assert headers["Guidepost-Signature"] == "v1=" + signed.hexdigest()
    stamps = [int(headers["Guidepost-Timestamp"]) for headers, _ in pager.got]
    assert stamps[1] - stamps[0] >= 4, "it has asked for 5 s; a stamp says whole seconds"
    assert json.loads(pager.got[0][1])["question"]["targets"] == ["m-1"]
    alice.say("fail", f"Q{question}")
    until("the line to end", lambda: "works again" not in lines(alice, question)[0])


def test_a_certificate_of_somebody_else_is_refused_in_words(alice, pagers, questions):
    stranger, (number, question) = pagers[2], questions["strange"]
    note = entries(alice, number, f"call_fails Q{question} #1")[0]["note"]
    assert note.startswith("3 tries failed: ") and "certificate" in note, note
    assert not stranger.got


def test_a_command_that_fails_says_why_and_no_secret(alice, rig, questions):
    number, question = questions["ordered"]
    note = entries(alice, number, f"call_fails Q{question} #1")[0]["note"]
    # Its folder is not there: it runs in that of the configuration.
    assert "exit code 1: ***" in note and str(rig.folder) in note and "hush" not in note, note
    assert "hush-hush" not in "".join(path.read_text(errors="replace") for path in rig.folder.glob("*.log"))
