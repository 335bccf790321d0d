"""One run of guidepost-ssh, as a worker has it: a run directory, instructions on standard input, a record to read."""

import os
import re
import signal
import subprocess
from pathlib import Path

from rig import BUILD, until

SSH = BUILD / "guidepost-ssh"
NUMBER = re.compile(rb"out\.(\d+)")
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
CONTROL = "control"

# enum rundir_unreachable
OTHER, NAME, REFUSED, ROUTE, TIMEOUT, CLOSED, KEY_UNKNOWN, KEY_CHANGED, DENIED, PROGRAM, CONFIG, SHELL = range(1, 13)


def told(pairs):
    records = [*pairs, ("end", "")]
    out = b""
    for key, value in records:
        value = value if isinstance(value, bytes) else str(value).encode()
        out += b"%s %d\n%s\n" % (key.encode(), len(value), value)
    return out


class Run:
    def __init__(self, machines, folder, destination, script="true", id="2.0.1", env=(), secrets=(), **more):
        self.machines, self.destination, self.id = machines, destination, id
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        (self.folder / "record").write_text(f"boot {BOOT}\n")
        control = machines.folder / CONTROL
        control.mkdir(mode=0o700, exist_ok=True)
        given = {
            "script": script,
            "ssh-destination": destination,
            "ssh-run": f"test/311/{id}",
            "ssh-config": machines.config,
            "ssh-control": control,
        }
        given.update({key.replace("_", "-"): value for key, value in more.items()})
        self.given = [(key, value) for key, value in given.items() if value is not None]
        self.given += [("env", value) for value in env] + [("secret", value) for value in secrets]
        self.process = None

    def start(self, work=None):
        given = [*self.given, ("work", work)] if work else self.given
        self.process = subprocess.Popen([SSH], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.process.stdin.write(told(given))
        self.process.stdin.close()
        return self

    def go_on(self, work="attach"):
        return self.start(work)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cancel(self):
        self.process.send_signal(signal.SIGTERM)

    def record(self):
        return (self.folder / "record").read_text()

    def end(self):
        """(word, number), or None."""
        for line in self.record().splitlines():
            words = line.split()
            if words[0] == "exit":
                return words[1], int(words[2])
        return None

    def wait(self, seconds=60):
        status = self.process.wait(seconds)
        assert status == 0, f"exit status {status}, record: {self.record()}"
        return self.end()

    def segments(self):
        found = [(int(NUMBER.fullmatch(name).group(1)), name) for name in map(os.fsencode, os.listdir(self.folder)) if NUMBER.fullmatch(name)]
        return [self.folder / os.fsdecode(name) for _, name in sorted(found)]

    def output(self):
        return b"".join(path.read_bytes() for path in self.segments())

    def text(self):
        return self.output().decode(errors="replace")

    def is_lost(self):
        return (self.folder / "lost").exists()

    def has_started(self):
        return "\nstarted " in self.record()

    def says(self, text, seconds=30):
        until(f"{text!r} in the output", lambda: text.encode() in self.output(), seconds)

    def remote(self):
        """Its run directory on the machine, as the machine's own file system has it."""
        return self.machines.all[self.destination].home / ".guidepost/runs/test/311" / self.id

    def ssh_clients(self):
        """The processes of ssh that it has."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children]
