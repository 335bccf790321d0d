"""Names and texts never run: two thousand payloads, each of which leaves a file if anything ever takes it for code, go into versions,
inputs, notes, names of steps and of targets, and wherever else words can be put. What is accepted arrives as it is."""

import json
import subprocess
from itertools import cycle, islice

import pytest

from people import CONFIG_PEOPLE, Client, site
from rig import GUIDEPOST

# %s: a command that leaves a file.
FORMS = [
    "$(%s)", "`%s`", ";%s;", "|%s", "||%s", "&&%s", "&%s&", "\n%s\n", "'; %s; '", '"; %s; "', "')$(%s)('", '"$(%s)"', "'$(%s)'", "${X:-$(%s)}",
    "$((`%s`))", "<(%s)", ">(%s)", "{%s,}", "1.0;%s", "1.0$(%s)", "1.0`%s`", "-c %s", "--%s", "-oProxyCommand=%s", "../../$(%s)", "x\r%s\r", "\\$(%s)",
    "\\`%s\\`", "%%0a%s", "{{ lookup('pipe', '%s') }}", "${{ %s }}", "#{%s}", "<%%= `%s` %%>", "$(%s)#", "\u2028%s", "\u00a0;%s", "\u201c;%s;\u201d", "!%s",
    "~$(%s)", "*;%s", "=(%s)", "eval %s", "sh -c '%s'", "() { :;}; %s", "-- ; %s", "%s", "GUIDEPOST_STEP=$(%s)", "a=b\n%s", "\t%s", "exec %s <&3", "$'\\n%s'",
]  # fmt: skip
VERSIONS, INPUTS, NOTES, STEPS, MACHINES, SKIPS, LINES = 450, 550, 150, 150, 200, 200, 300
INPUTS_EACH = 50
PROBE = "/proc/$$/cmdline /proc/$PPID/cmdline"


def steps_of(names):
    return "".join(f"      - {{ name: {json.dumps(name, ensure_ascii=False)}, group: g{n}, targets: [all], max_parallel: 200, env: {{ PLACE: '{n}' }}, run: *keep }}\n" for n, name in enumerate(names))


def config(step_names):
    return (
        "workers: { slots: 16 }\n"
        + CONFIG_PEOPLE
        + "targets:\n"
        + "  m: { local: true, tags: [all] }\n"
        + "".join(f"  n-{n}: {{ local: true, tags: [many] }}\n" for n in range(NOTES + 1))
        + "environments:\n"
        + "".join(f"  {name}: {{ room: deploys, guided_failure: {{ enabled: true }} }}\n" for name in ("one", "two", "three"))
        + "projects:\n"
        + "  named:\n    steps:\n"
        + steps_of(step_names).replace("*keep", f"'printf %s \"$GUIDEPOST_STEP\" >\"@oracle@.step.$PLACE\"; cat {PROBE} >>@oracle@'")
        + "  given:\n    inputs:\n"
        + "".join(f"      - {{ name: IN_{n} }}\n" for n in range(INPUTS_EACH))
        + "    steps:\n"
        + f"      - {{ name: Keep, run: 'cat /proc/self/environ >\"@oracle@.env.$GUIDEPOST_DEPLOYMENT_ID\"; cat {PROBE} >>@oracle@' }}\n"
        + "  noted:\n    steps:\n"
        + f"      - {{ name: Fail, targets: [many], max_parallel: 200, run: '[ $GUIDEPOST_TARGET = n-{NOTES} ]' }}\n"
    )


class Payloads:
    """Each is another one, and leaves a file of its own."""

    def __init__(self, folder):
        self.folder, self.count, self.forms = folder, 0, cycle(FORMS)

    def take(self, count, fits=lambda payload: True):
        def all_of_them():
            for form in self.forms:
                payload = form % f"touch {self.folder}/{self.count}" if form.count("%s") == 1 else form
                if fits(payload):
                    self.count += 1
                    yield payload

        return list(islice(all_of_them(), count))


def one_line(text):
    return text.isprintable() and text == text.strip()


def test_the_payloads_are_sharp(tmp_path):
    for payload in Payloads(tmp_path).take(len(FORMS)):
        subprocess.run(["sh", "-c", f"echo {payload}"], capture_output=True, timeout=10, cwd=tmp_path)
        subprocess.run(["bash", "-c", f"echo '{payload}' \"{payload}\""], capture_output=True, timeout=10, cwd=tmp_path)
    assert sum(path.name.isdigit() for path in tmp_path.iterdir()) > len(FORMS) // 2


def test_two_thousand_payloads_run_nothing(tmp_path):
    canaries = tmp_path / "ran"
    canaries.mkdir()
    payloads = Payloads(canaries)
    step_names = payloads.take(STEPS, one_line)
    with site(config(step_names), name="injection") as rig:
        alice = Client(rig)
        literally(rig, alice, payloads, step_names)
        refused(rig, alice, payloads)
        assert payloads.count >= 2000
        # Nothing of it stands on the command line of a supervisor or a shell either.
        assert str(canaries) not in rig.oracle.read_text(errors="replace")
        assert not list(canaries.iterdir())


def literally(rig, alice, payloads, step_names):
    """What may be any text: names of steps, inputs, notes, reasons."""
    named = alice.deploy("named", "1.0", "one")
    noted = alice.deploy("noted", "1.0", "two")
    rounds = []
    for _ in range(INPUTS // INPUTS_EACH):
        values = {f"IN_{n}": payload for n, payload in enumerate(payloads.take(INPUTS_EACH))}
        body = {"projectName": "given", "releaseVersion": "1.0", "environmentNames": ["three"], "variables": values}
        made = alice.post("/api/Spaces-1/deployments/create/untenanted/v1", body, status=201)
        rounds.append((int(made["DeploymentServerTasks"][0]["DeploymentId"].split("-")[1]), values))

    for question, note in zip(alice.wait_questions(noted, NOTES, seconds=60), payloads.take(NOTES)):
        body = {"guidance": "ignore", "note": note, "single": True}
        assert alice.request("POST", f"/v1/questions/{question['id']}/answer", body).status == 200
        assert alice.get(f"/v1/questions/{question['id']}")["note"].split() == note.split()
    alice.wait_state(noted, "succeeded_with_warnings", seconds=60)

    for number, values in rounds:
        alice.wait_state(number, "succeeded", seconds=60)
        pairs = (rig.folder / f"oracle.env.{number}").read_bytes().decode().split("\0")
        found = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        assert {name: found[name] for name in values} == values

    alice.wait_state(named, "succeeded", seconds=60)
    for place, name in enumerate(step_names):
        assert (rig.folder / f"oracle.step.{place}").read_text() == name


def refused(rig, alice, payloads):
    """What must be a name: versions and machines; and typed lines, in which anything may stand anywhere."""
    before = alice.get("/v1/deployments?take=1")["total"]
    for payload in payloads.take(VERSIONS):
        body = {"projectName": "given", "releaseVersion": payload, "environmentNames": ["three"]}
        assert alice.request("POST", "/api/Spaces-1/deployments/create/untenanted/v1", body).status == 400, payload
    for payload in payloads.take(MACHINES):
        body = {"projectName": "named", "releaseVersion": "1", "environmentNames": ["one"], "specificMachineNames": [payload]}
        assert alice.request("POST", "/api/Spaces-1/deployments/create/untenanted/v1", body).status in (400, 404), payload
    for payload in payloads.take(SKIPS):
        body = {"words": ["deploy", "named", "1", "to", "one", "skip", payload]}
        assert not alice.post("/v1/commands", body)["ok"], payload
    lines = cycle(["deploy named {} to one", "log D1 {}", "status {}", "help {}", "retry Q1 {}", "cancel D1 -- {}", "{}"])
    for payload, line in zip(payloads.take(LINES), lines):
        reply = alice.request("POST", "/v1/commands", {"line": line.format(payload), "room": "deploys"})
        assert reply.status in (200, 400), (line, payload, reply)
    after = alice.get("/v1/deployments?take=200")
    assert all(d["version"] in ("1.0", "1") or d["version"].isascii() for d in after["items"])
    assert after["total"] - before <= LINES  # a payload that happens to be no more than a name

    # A configuration with such a name of a target does not even load.
    for payload in payloads.take(5):
        text = f"targets: {{ {json.dumps(payload)}: {{ local: true }} }}\nenvironments: {{ e: {{}} }}\nprojects: {{ p: {{ steps: [{{ name: a, run: b }}] }} }}\n"
        (rig.folder / "named.yaml").write_text(text)
        ran = subprocess.run([GUIDEPOST, "config", "check", rig.folder / "named.yaml"], capture_output=True, text=True, timeout=30)
        assert ran.returncode == 1 and "a name of letters" in ran.stdout + ran.stderr, (payload, ran)
