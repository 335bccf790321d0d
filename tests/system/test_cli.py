"""The command line against a real server: exit codes, what goes where, and messages that say what, why and what next."""

import json
import os
import re
import signal
import subprocess

import pytest

from people import CONFIG_PEOPLE, Client, machines, site
from rig import GUIDEPOST, until

CONFIG = (
    "workers: { slots: 16 }\n"
    + CONFIG_PEOPLE.replace('to: ["*"] }', "to: [alice, bob] }\n  - { allow: [view], to: [carol] }")
    + "targets:\n"
    + machines(2)
    + """
environments:
  staging: { room: deploys }
  production: { room: deploys, guided_failure: { enabled: true, confirm: [fail] } }
projects:
  shop:
    inputs:
      - { name: FAILS, type: text, default: "0" }
    steps:
      - { name: Fetch, run: 'echo "fetching $GUIDEPOST_VERSION"' }
      - name: Install
        targets: [all]
        run: |
          echo "installing on $GUIDEPOST_TARGET"
          [ $GUIDEPOST_TARGET != m-2 ] || [ "$GUIDEPOST_ATTEMPT" -gt "$FAILS" ]
  long:
    steps:
      - { name: Wait, run: 'echo waiting; sleep 60' }
"""
)


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture(scope="module")
def rig():
    with site(CONFIG, name="cli") as rig:
        yield rig


@pytest.fixture
def gp(rig):
    """gp("status", ...) runs guidepost as alice; name=None: without a token."""

    def run(*args, name="alice", server=None, seconds=30, env=None):
        words = [GUIDEPOST, *args]
        variables = {"PATH": os.environ["PATH"], "HOME": str(rig.folder), "XDG_CONFIG_HOME": str(rig.folder / "none"), **(env or {})}
        variables.setdefault("GUIDEPOST_SERVER", server or f"http://127.0.0.1:{rig.servers[0].port}")
        if name:
            variables["GUIDEPOST_TOKEN_FILE"] = str(rig.folder / f"{name}.token")
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=variables, cwd=rig.folder)
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert "Sanitizer" not in ran.err and "\x1b" not in ran.out + ran.err, ran
        return ran

    yield run
    alice = Client(rig)
    for summary in alice.get("/v1/overview")["live"]:
        alice.request("POST", f"/api/tasks/ServerTasks-{summary['id']}/cancel")
        alice.wait_state(summary["id"], "canceled", "succeeded", "succeeded_with_warnings", "failed")


def number_of(ran):
    return int(re.search(r"\bD(\d+)\b", ran.out + ran.err)[1])


def paused(rig, gp, fails="9"):
    number = number_of(gp("deploy", "shop", "1.0", "to", "production", "--input", f"FAILS={fails}"))
    (question,) = Client(rig).wait_questions(number)
    return f"D{number}", f"Q{question['id']}"


# --- exit codes ---------------------------------------------------------------------------------------------------------------


def test_0_done_and_with_wait_succeeded(gp):
    ran = gp("deploy", "shop", "1.0", "to", "staging")
    assert ran.code == 0 and re.match(r"D\d+: shop 1\.0 to staging", ran.out), ran
    ran = gp("deploy", "shop", "1.0", "to", "staging", "--wait")
    assert ran.code == 0, ran


def test_1_with_wait_failed_or_canceled(rig, gp):
    ran = gp("deploy", "shop", "1.0", "to", "staging", "--wait", "--input", "FAILS=9")
    assert ran.code == 1 and "Failed. Install on m-2 failed: exit code 1." in ran.out, ran
    number = number_of(gp("deploy", "long", "1.0", "to", "staging"))
    assert gp("cancel", f"D{number}", "--", "wrong one").code == 0
    ran = gp("wait", f"D{number}")
    assert ran.code == 1 and "cancel" in (ran.out + ran.err).lower(), ran


@pytest.mark.parametrize(
    "args, words",
    [
        (["stauts"], ["no verb 'stauts'", "did you mean: status"]),
        (["status", "--jsno"], ["--jsno", "did you mean: --json"]),
        (["deploy", "shop"], ["deploy"]),
        (["retry"], ["retry Q42"]),
        (["wait"], ["Which deployment?", "guidepost wait D311"]),
        (["status", "--server"], ["--server needs a value"]),
        (["--json"], ["--json"]),
        (["deploy", "shop", "1.0", "to", "production", "--guided-failure", "perhaps"], ["guided-failure"]),
    ],
)
def test_2_the_command_line_is_wrong(gp, args, words):
    ran = gp(*args)
    assert ran.code == 2 and ran.out == "" and ran.err.startswith("guidepost: "), ran
    for word in words:
        assert word in ran.err, ran


def test_3_succeeded_with_warnings_unless_they_are_allowed(rig, gp):
    deployment, question = paused(rig, gp)
    assert gp("ignore", question, "--note", "known flake").code == 0
    assert gp("wait", deployment).code == 3
    assert gp("wait", deployment, "--allow-warnings").code == 0


def test_4_not_signed_in_or_not_allowed(rig, gp):
    ran = gp("status", name=None)
    assert ran.code == 4 and "--token-file" in ran.err, ran
    deployment, question = paused(rig, gp)
    ran = gp("retry", question, name="carol")
    assert ran.code == 4 and "carol may not retry" in ran.err and "alice, bob" in ran.err and "Nothing was changed" in ran.err, ran
    assert gp("deploy", "shop", "1.0", "to", "staging", name="carol").code == 4
    assert gp("cancel", deployment).code == 0


def test_5_what_is_not_there(gp):
    for args, word in (
        (["show", "Q999999"], "Q999999"),
        (["status", "D999999"], "D999999"),
        (["log", "D999999"], "D999999"),
        (["wait", "D999999"], "D999999"),
        (["deploy", "shpo", "1.0", "to", "staging"], "Did you mean 'shop'?"),
        (["deploy", "shop", "1.0", "to", "stagign"], "Did you mean 'staging'?"),
    ):
        ran = gp(*args)
        assert ran.code == 5 and word in ran.err and ran.out == "", ran


def test_6_a_conflict_says_who_was_first_and_where_to_look(rig, gp):
    deployment, question = paused(rig, gp, fails="1")
    assert gp("retry", question, name="bob").code == 0
    ran = gp("ignore", question)
    assert ran.code == 6 and f"{question} was answered by bob" in ran.err and "Retry" in ran.err, ran
    assert gp("wait", deployment).code == 0
    ran = gp("cancel", deployment)
    assert ran.code == 6 and f"{deployment} is over: succeeded" in ran.err, ran


def test_7_the_server_is_not_reachable(gp):
    ran = gp("status", server="http://127.0.0.1:1")
    assert ran.code == 7 and "No guidepost answers at http://127.0.0.1:1" in ran.err and "Is it running there?" in ran.err, ran
    ran = gp("status", env={"GUIDEPOST_SERVER": ""})
    assert ran.code == 7 and "guidepost up" in ran.err, ran


def test_8_the_time_is_over_and_it_still_runs_or_waits(rig, gp):
    deployment, question = paused(rig, gp)
    ran = gp("wait", deployment, "--timeout", "1s")
    assert ran.code == 8 and question in ran.out + ran.err, ran


def caught_signals(pid):
    return int(re.search(r"^SigCgt:\s*(\w+)$", open(f"/proc/{pid}/status").read(), re.M)[1], 16)


def test_130_an_interrupted_wait_stops_waiting_and_not_the_deployment(rig, gp):
    number = number_of(gp("deploy", "long", "1.0", "to", "staging"))
    env = {
        "PATH": os.environ["PATH"],
        "GUIDEPOST_SERVER": f"http://127.0.0.1:{rig.servers[0].port}",
        "GUIDEPOST_TOKEN_FILE": str(rig.folder / "alice.token"),
    }
    waiting = subprocess.Popen([GUIDEPOST, "wait", f"D{number}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
    until("the wait to be there", lambda: b"wait" in open(f"/proc/{waiting.pid}/cmdline", "rb").read())
    until("it to run", lambda: Client(rig).deployment(number)["steps"][0]["runs"][0]["state"] == "running")
    until("it to listen to SIGINT", lambda: caught_signals(waiting.pid) & 1 << (signal.SIGINT - 1))
    waiting.send_signal(signal.SIGINT)
    out, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 130 and f"D{number}".encode() in out, out
    assert Client(rig).state(number) == "running"


# --- what is printed ----------------------------------------------------------------------------------------------------------


def test_json_is_one_object_on_standard_output(rig, gp):
    deployment, question = paused(rig, gp)
    for args in (["status"], ["status", deployment], ["pending"], ["show", question], ["whoami"], ["history", "shop"], ["versions"], ["who", question]):
        ran = gp(*args, "--json")
        assert ran.code == 0 and len(ran.out.splitlines()) == 1, ran
        json.loads(ran.out)
    made = gp("deploy", "shop", "2.0", "to", "staging", "--json")
    assert json.loads(made.out)["deployment"] > 0


def test_pending_and_show_say_all_that_is_needed_to_answer(rig, gp):
    deployment, question = paused(rig, gp)
    ran = gp("pending")
    assert ran.code == 0 and question in ran.out and "Install" in ran.out and "m-2" in ran.out, ran
    ran = gp("show", question)
    for word in (question, "Install", "m-2", "exit code 1", "installing on m-2", "Runs Install again on m-2 as attempt 2."):
        assert word in ran.out, (word, ran)
    ran = gp("who", question)
    assert "alice" in ran.out and "bob" in ran.out, ran


def test_log_prints_the_output_of_the_steps(rig, gp):
    number = number_of(gp("deploy", "shop", "3.3", "to", "staging", "--wait"))
    ran = gp("log", f"D{number}")
    assert ran.code == 0 and "fetching 3.3" in ran.out and "installing on m-1" in ran.out, ran
    ran = gp("log", f"D{number}", "Install", "m-2")
    assert "installing on m-2" in ran.out and "installing on m-1" not in ran.out and "fetching" not in ran.out, ran


def test_deploy_with_follow_prints_output_while_it_runs(gp):
    ran = gp("deploy", "shop", "3.4", "to", "staging", "--follow")
    assert ran.code == 0 and "fetching 3.4" in ran.out + ran.err and "installing on m-2" in ran.out + ran.err, ran


def test_a_dry_run_starts_nothing(rig, gp):
    before = Client(rig).get("/v1/deployments?take=1")["total"]
    ran = gp("deploy", "shop", "1.0", "to", "production", "--dry-run")
    assert ran.code == 0 and "2. Install: m-1, m-2; asks when it fails" in ran.out, ran
    ran = gp("deploy", "shop", "1.0", "to", "production", "without", "m-1", "skip", "Fetch", "--dry-run", "--json")
    data = json.loads(ran.out)
    assert [step["name"] for step in data["steps"]] == ["Install"] and data["steps"][0]["targets"] == ["m-2"], ran
    assert data["left_out"] == ["Fetch"] and data["inputs"][0]["value"] == "0", ran
    assert Client(rig).get("/v1/deployments?take=1")["total"] == before


def test_options_and_words_choose_the_same(rig, gp):
    ran = gp("deploy", "shop", "1.0", "to", "production", "--target", "m-1", "--guided-failure", "false", "--wait")
    assert ran.code == 0, ran
    assert Client(rig).deployment(number_of(ran))["targets"] == ["m-1"]


def test_what_the_configuration_wants_confirmed_needs_yes_without_a_terminal(rig, gp):
    deployment, question = paused(rig, gp)
    ran = gp("fail", question)
    assert ran.code == 2 and "--yes" in ran.err and "Ends the deployment as failed." in ran.err, ran
    assert Client(rig).questions(int(deployment[1:]))
    ran = gp("fail", question, "--yes", "--", "needs a fix")
    assert ran.code == 0, ran
    ran = gp("wait", deployment)
    assert ran.code == 1 and "needs a fix" in ran.out + ran.err, ran


def test_take_retry_and_the_rest_of_a_question(rig, gp):
    deployment, question = paused(rig, gp, fails="1")
    assert gp("take", question).code == 0
    assert "alice" in gp("who", question).out
    ran = gp("retry", question, "--", "freed some disk space")
    assert ran.code == 0 and "Runs Install again on m-2 as attempt 2." in ran.out, ran
    assert gp("wait", deployment).code == 0
    assert "freed some disk space" in gp("show", question).out


def test_help_and_versions_need_no_server(gp):
    for args in ([], ["help"], ["--help"], ["--version"], ["help", "deploy"], ["deploy", "--help"], ["help", "--markdown"], ["completion", "bash"],
                 ["docs", "states"], ["config", "docs"], ["config", "schema"]):  # fmt: skip
        ran = gp(*args, name=None, env={"GUIDEPOST_SERVER": "http://127.0.0.1:1"})
        assert ran.code == 0 and ran.out and not ran.err, (args, ran)
    assert len(gp().out.splitlines()) <= 14


def test_config_check_says_everything_at_once(rig, gp):
    assert gp("config", "check", str(rig.config)).code == 0
    broken = rig.folder / "broken.yaml"
    broken.write_text("people: { alice: { tokn: x } }\ntargets: { m: { local: maybe } }\nprojects: { p: { steps: 3 } }\n")
    ran = gp("config", "check", str(broken))
    assert ran.code == 1 and re.search(r"broken\.yaml:1:\d+: .*did you mean 'token'", ran.out + ran.err), ran
    assert len(re.findall(r"broken\.yaml:\d+:\d+: error", ran.out + ran.err)) >= 2, ran


def test_healthcheck_knows_0_and_1(gp):
    assert gp("healthcheck").code == 0
    assert gp("healthcheck", server="http://127.0.0.1:1").code == 1
