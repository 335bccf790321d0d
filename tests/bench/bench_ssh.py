#!/usr/bin/env python3
"""Measures a deployment of one step to 100 machines over ssh, 20 at a time, beside `ansible -f 20` doing the same on the same sshd, in
turns, and prints the ratio.

    bench_ssh.py BUILD [rounds]

One sshd plays all machines: each has an address of its own in 127.1.0.0/24, so that neither side can share a connection between two of
them. Both use OpenSSH's client and its shared connections. *cold*: no connection is there; *warm*: those of the time before still are.
Ansible runs once with its `raw` module, which only sends the command, and once with `command`, as people use it, which needs a Python on
the target. guidepost's time is from the accepted command to the recorded end of the deployment; of ansible, that of the process.
"""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MACHINES = 100
WINDOW = 20
SECONDS = 300

build = pathlib.Path(sys.argv[1]).resolve()
os.environ["GUIDEPOST_BUILD"] = str(build)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

from rig import Rig, until  # noqa: E402
from sshd import SSHD, Machines  # noqa: E402

NAMES = [f"m-{n:03}" for n in range(1, MACHINES + 1)]

CONFIG = """\
ssh: {{ config: {folder}/ssh_config, known_hosts: {folder}/known_hosts }}
permissions: [{{ allow: [view, deploy], to: ["*"] }}]
environments: {{ fleet: {{}} }}
targets:
{targets}
workers: {{ slots: {window} }}
projects:
  bench:
    steps: [{{ name: Touch, targets: [all], max_parallel: {window}, run: "true" }}]
"""


def prepare(machines):
    """One sshd that listens on every loopback address, and a name for each of the machines that it plays."""
    machine = machines.add("m", start=False)
    machine.address = "0.0.0.0"
    machine.start()
    hosts = "".join(
        f"Host {name}\n    HostName 127.1.0.{n}\n    Port {machine.port}\n    HostKeyAlias m\n" for n, name in enumerate(NAMES, 1)
    )
    machines.config.write_text(hosts + machines.config.read_text())
    return machine


def close_connections(machine):
    machine.drop()
    until("the connections to be gone", lambda: not machine.sshds())


class Guidepost:
    def __init__(self, folder):
        targets = "\n".join(f"  {name}: {{ ssh: {name}, tags: [all], environments: [fleet] }}" for name in NAMES)
        self.rig = Rig(CONFIG.format(folder=folder, targets=targets, window=WINDOW), name="bench")
        self.version = 0

    def run(self):
        self.version += 1
        person = self.rig.local()
        began = time.monotonic()
        id = person.deploy("bench", str(self.version), "fleet")
        ends = ("succeeded", "succeeded_with_warnings", "failed", "canceled")
        found = until("the deployment to end", lambda: (d := person.deployment(id))["state"] in ends and d, SECONDS)
        took = time.monotonic() - began
        if found["state"] != "succeeded":
            sys.exit(f"bench: the deployment over ssh ended as {found['state']}")
        return took


class Ansible:
    def __init__(self, machines, module):
        self.folder, self.module = machines.folder / f"ansible-{module}", module
        self.folder.mkdir()
        (self.folder / "hosts").write_text("".join(f"{name}\n" for name in NAMES))
        shared = f"-F {machines.config} -o ControlMaster=auto -o ControlPersist=60s"
        self.environment = os.environ | {
            "ANSIBLE_SSH_ARGS": shared,
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_HOME": str(self.folder),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        }

    def run(self):
        command = ["ansible", "all", "-i", self.folder / "hosts", "-f", str(WINDOW), "-m", self.module, "-a", "true"]
        began = time.monotonic()
        ended = subprocess.run(command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        took = time.monotonic() - began
        done = len(re.findall(r"CHANGED \| rc=0", ended.stdout))
        if ended.returncode != 0 or done != MACHINES:
            sys.exit(f"bench: ansible reached {done} of {MACHINES} machines\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return took


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not os.access(SSHD, os.X_OK) or shutil.which("ssh") is None:
        print("bench: SSH SKIPPED: there is no sshd (package openssh-server)")
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="guidepost-bench-ssh-"))
    try:
        with Machines(folder) as machines:
            machine = prepare(machines)
            guidepost = Guidepost(folder)
            peers = [("ansible raw", Ansible(machines, "raw")), ("ansible command", Ansible(machines, "command"))]
            if shutil.which("ansible") is None:
                print("bench: PEER SKIPPED: there is no ansible (package ansible-core). Below is guidepost alone, and no ratio.")
                peers = []
            with guidepost.rig:
                measure(machine, [("guidepost", guidepost), *peers], rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(machine, sides, rounds):
    found = {(name, kind): [] for name, _ in sides for kind in ("cold", "warm")}
    for _ in range(rounds):
        for name, side in sides:
            for kind in ("cold", "warm"):
                if kind == "cold":
                    close_connections(machine)
                found[name, kind].append(side.run())
    print(f"one step on {MACHINES} machines over ssh, {WINDOW} at a time, s: median [min - max] of {rounds}; redis appendfsync always")
    for kind in ("cold", "warm"):
        ours = statistics.median(found["guidepost", kind])
        for name, _ in sides:
            took = found[name, kind]
            middle = statistics.median(took)
            ratio = "" if name == "guidepost" else f"   guidepost takes {ours / middle:.2f} of it"
            print(f"{kind}  {name:<16} {middle:7.2f} [{min(took):.2f} - {max(took):.2f}]{ratio}")


main()
