"""Who may speak to the server: Host, Origin and the mark against forged requests over all routes, also those that end in an error; headers of
every answer; and tokens in no log, no command line and no environment."""

import re
from pathlib import Path

import pytest

from people import CONFIG_PEOPLE, PEOPLE, Client, site, token_of, up
from rig import HERE

CONFIG = (
    CONFIG_PEOPLE.replace("alice: { token: { file: alice.token } }", "alice: { token: { file: alice.token }, password: { file: alice.password } }")
    + """
environments:
  one: { room: deploys, guided_failure: { enabled: true } }
projects:
  shop:
    steps:
      - { name: Work, run: 'exit 3' }
"""
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "object-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def routes():
    """(method, path) of each row of the server's own table, with something in place of each {}."""
    source = (HERE.parent.parent / "src" / "api" / "routes.c").read_text()
    rows = re.findall(r'\{"([A-Z]+)", "([^"]+)", ROUTE_(\w+),', source)
    assert len(rows) > 40
    return [(method, path.replace("{}", "1").replace("*", "none.js")) for method, path, _ in rows]


ROUTES = routes() + [("GET", "/nothing"), ("PATCH", "/v1/me"), ("OPTIONS", "/v1/me"), ("GET", "/api/nothing"), ("POST", "/"), ("GET", "/../etc/passwd")]


@pytest.fixture(scope="module")
def rig():
    made = site(CONFIG, name="security")
    (made.folder / "alice.password").write_text("correct horse battery staple\n")
    with made as rig:
        yield rig


@pytest.fixture(scope="module")
def question(rig):
    alice = Client(rig)
    number = alice.deploy("shop", "1", "one")
    (found,) = alice.wait_questions(number)
    return found["id"]


def host(rig):
    return f"127.0.0.1:{rig.servers[0].port}"


def session(rig, name="alice"):
    """A client as a page is one: by cookie only."""
    reply = Client(rig, None).request("POST", "/v1/session", {"token": token_of(name)})
    assert reply.status == 200 and "HttpOnly" in reply.headers["Set-Cookie"] and "SameSite=Strict" in reply.headers["Set-Cookie"], reply
    return reply.headers["Set-Cookie"].split(";")[0]


def send(rig, method, path, headers, body=None):
    client = Client(rig, None, headers=headers)
    try:
        if path == "/v1/events":  # a stream has no end
            client.request("GET", "/livez", None)
            client.connection.request(method, path, headers=client.headers)
            reply = client.connection.getresponse()
            reply.body = b""
            return reply
        return client.request(method, path, body)
    finally:
        client.close()


@pytest.mark.parametrize(
    "name",
    ["evil.example.com", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example.com", "127.0.0.1.evil.example.com:{port}", "[::1]", "", "0.0.0.0:{port}",
     "{own}.", "{own}@evil.example.com"],
)  # fmt: skip
def test_no_route_answers_under_another_name(rig, name):
    wrong = name.format(port=rig.servers[0].port, own=host(rig))
    for method, path in ROUTES:
        reply = send(rig, method, path, {"Host": wrong, "X-Octopus-ApiKey": token_of("alice")})
        assert reply.status in (400, 403), (method, path, wrong, reply)


def test_own_names_are_accepted(rig):
    for name in (host(rig), f"localhost:{rig.servers[0].port}", f"LOCALHOST:{rig.servers[0].port}", f"[::1]:{rig.servers[0].port}"):
        assert send(rig, "GET", "/v1/me", {"Host": name, "X-Octopus-ApiKey": token_of("alice")}).status == 200, name


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "http://127.0.0.1:1", "https://{own}", "http://{own}.evil.example.com", "http://evil.example.com/{own}", "{own}", ""]
)
def test_no_route_answers_a_page_of_another_origin(rig, origin):
    cookie = session(rig)
    foreign = origin.format(own=host(rig))
    for method, path in ROUTES:
        body = "{}" if method in ("POST", "PUT") else None
        reply = send(rig, method, path, {"Cookie": cookie, "Origin": foreign, "X-Csrf": "1", "Content-Type": "application/json"}, body)
        assert reply.status == 403, (method, path, foreign, reply)


@pytest.mark.parametrize("site_said", ["cross-site", "same-site"])
def test_no_route_answers_a_fetch_from_another_site(rig, site_said):
    cookie = session(rig)
    for method, path in ROUTES:
        reply = send(rig, method, path, {"Cookie": cookie, "Sec-Fetch-Site": site_said, "Sec-Fetch-Mode": "cors"})
        assert reply.status == 403, (method, path, reply)
    # Somebody who follows a link from elsewhere gets the page.
    reply = send(rig, "GET", "/", {"Sec-Fetch-Site": site_said, "Sec-Fetch-Mode": "navigate"})
    assert reply.status in (200, 404), reply


@pytest.mark.parametrize("missing", ["Origin", "X-Csrf", "Content-Type"])
def test_nothing_is_changed_by_a_cookie_alone(rig, question, missing):
    cookie = session(rig)
    right = {"Cookie": cookie, "Origin": f"http://{host(rig)}", "X-Csrf": "1", "Content-Type": "application/json"}
    wrong = {name: value for name, value in right.items() if name != missing}
    for method, path in ROUTES:
        if method in ("GET", "OPTIONS"):
            continue
        assert send(rig, method, path, wrong, "{}").status in (403, 405), (method, path, missing)
    for path in (f"/v1/questions/{question}/answer", f"/api/interruptions/Interruptions-{question}/submit"):
        reply = send(rig, "POST", path, wrong, '{"guidance": "fail", "Guidance": "Fail"}')
        assert reply.status == 403, reply
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        reply = send(rig, "POST", f"/v1/questions/{question}/answer", {**right, "Content-Type": content_type}, '{"guidance": "fail"}')
        assert reply.status == 403, (content_type, reply)
    assert Client(rig).get(f"/v1/questions/{question}")["open"] is True


def test_every_answer_has_every_header_and_none_lets_others_read_it(rig):
    cookie = session(rig)
    for headers in ({}, {"Cookie": cookie}, {"Host": "evil.example.com"}, {"Origin": "https://evil.example.com"}, {"X-Octopus-ApiKey": "wrong"}):
        for method, path in ROUTES:
            reply = send(rig, method, path, headers)
            for name, value in HEADERS.items():
                assert reply.headers[name] == value, (method, path, headers, reply.status, name, reply.headers[name])
            assert reply.headers["Access-Control-Allow-Origin"] is None and reply.headers["Cache-Control"], (method, path, headers)
            assert "Server" not in reply.headers or "/" not in reply.headers["Server"]


def test_what_needs_a_person_says_nothing_to_nobody(rig, question):
    source = (HERE.parent.parent / "src" / "api" / "routes.c").read_text()
    signed = re.findall(r'\{"([A-Z]+)", "([^"]+)", ROUTE_SIGNED,', source)
    for method, path in signed:
        for headers in ({}, {"X-Octopus-ApiKey": "x" * 40}, {"Authorization": "Bearer "}, {"Cookie": f"guidepost-{rig.servers[0].port}=nonsense",
                        "Origin": f"http://{host(rig)}", "X-Csrf": "1", "Content-Type": "application/json"}):  # fmt: skip
            reply = send(rig, method, path.replace("{}", str(question)), headers)
            assert reply.status == 401, (method, path, headers, reply)
            assert b"shop" not in reply.body and b"alice" not in reply.body


def test_the_body_of_a_request_never_says_who_asks(rig, question):
    body = {"Guidance": "Nonsense", "actor": "alice", "UserId": "Users-alice", "ResponsibleUserId": "Users-alice", "name": "alice"}
    assert send(rig, "POST", f"/api/interruptions/Interruptions-{question}/submit", {}, None).status == 401
    reply = Client(rig, "bob").request("POST", "/v1/commands", {**body, "line": "whoami"})
    assert reply.json["data"]["name"] == "bob"


def test_sign_in_is_slowed_down_and_its_words_do_not_tell_who_exists():
    made = site(CONFIG, name="signin")
    (made.folder / "alice.password").write_text("correct horse battery staple\n")
    with made as rig:
        nobody = Client(rig, None)
        good = nobody.request("POST", "/v1/session", {"name": "alice", "password": "correct horse battery staple"})
        assert good.status == 200 and good.json == {"name": "alice"}
        wrong = [nobody.request("POST", "/v1/session", {"name": name, "password": "guess"}) for name in ("alice", "mallory")]
        assert {reply.status for reply in wrong} == {401} and wrong[0].body == wrong[1].body
        last = [nobody.request("POST", "/v1/session", {"token": f"guess-{n}"}).status for n in range(30)]
        assert last[-1] == 429 and 401 in last
        assert Client(rig).request("GET", "/v1/me").status == 200, "who has a token is not locked out"


def test_a_session_ends_when_its_owner_signs_out(rig):
    cookie = session(rig)
    right = {"Cookie": cookie, "Origin": f"http://{host(rig)}", "X-Csrf": "1", "Content-Type": "application/json"}
    assert send(rig, "GET", "/v1/me", right).status == 200
    assert send(rig, "DELETE", "/v1/session", right).status == 200
    assert send(rig, "GET", "/v1/me", right).status == 401


def test_the_link_that_up_prints_signs_in_once():
    with up(CONFIG.replace(", password: { file: alice.password }", "")) as rig:
        link = re.search(r"Sign in once, within 15 minutes: http://[^/]+/login#(\S+)", rig.up.log.read_text())[1]
        first = Client(rig, None).request("POST", "/v1/session", {"link": link})
        assert first.status == 200 and first.json["name"].startswith("local:"), first
        assert Client(rig, None).request("POST", "/v1/session", {"link": link}).status == 401
        me = Client(rig, None, headers={"Cookie": first.headers["Set-Cookie"].split(";")[0]}).get("/v1/me")
        assert "deploy" in me["permissions"]
        assert (rig.state / "local.token").stat().st_mode & 0o777 == 0o600
        assert rig.state.stat().st_mode & 0o077 == 0
        for path in rig.state.rglob("*"):
            assert path.is_socket() or path.stat().st_mode & 0o077 == 0 or rig.state.stat().st_mode & 0o077 == 0, path


def test_tokens_are_in_no_log_no_command_line_no_environment_and_not_in_redis(rig, question):
    local = (rig.folder / "serve" / "local.token").read_text().strip()
    secrets = [token_of(name) for name in PEOPLE] + [local, "correct horse battery staple", session(rig).split("=", 1)[1]]
    for name in PEOPLE:
        Client(rig, name).get("/v1/me")
        Client(rig, None, headers={"Authorization": f"Bearer {token_of(name)}"}).get("/v1/overview")
    Client(rig).request("GET", f"/api/tasks?ApiKey={token_of('alice')}")
    places = {str(path): path.read_bytes() for path in rig.folder.glob("*.log")}
    places |= {str(path): path.read_bytes() for path in (rig.folder / "redis").rglob("*") if path.is_file()}
    for program in rig.programs:
        for part in ("cmdline", "environ"):
            places[f"{program.name} {part}"] = Path(f"/proc/{program.process.pid}/{part}").read_bytes()
    for where, data in places.items():
        for secret in secrets:
            assert secret.encode() not in data, where


def test_files_beside_the_page_are_not_served(rig):
    for path in ("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/.git/config", "//etc/passwd", "/app.js/../../x"):
        reply = send(rig, "GET", path, {})
        assert reply.status in (400, 404) and b"root:" not in reply.body, (path, reply)


def test_the_steps_do_not_inherit_the_servers_variables():
    with up(CONFIG.replace("exit 3", "env").replace(", password: { file: alice.password }", "")) as rig:
        alice = Client(rig)
        number = alice.deploy("shop", "1", "one")
        alice.wait_state(number, "succeeded")
        text = "".join(batch["text"] for batch in alice.get(f"/v1/deployments/{number}/log?step=0&slot=0")["batches"])
        names = {line.split("=", 1)[0] for line in text.splitlines() if "=" in line}
        assert "GUIDEPOST_DEPLOYMENT_ID" in names and "PATH" in names
        assert not names & {"ASAN_OPTIONS", "UBSAN_OPTIONS", "CREDENTIALS_DIRECTORY", "GUIDEPOST_TOKEN_FILE", "NOTIFY_SOCKET"}, names
