"""Real machines to reach by ssh, as far as one machine can play them: OpenSSH's sshd as the current user on ports of its own, each with
a home folder, host keys, a boot id and a shell of its own, and an ssh_config and known_hosts by which guidepost reaches them.

    with Machines(folder) as machines:
        web = machines.add("web-1")               # listens; `ssh -F machines.config web-1` works
        web.drop()                                # its connections break, it listens on
        web.freeze(), web.thaw()                  # it falls silent, with all its connections
        web.stop(), web.start()                   # nobody listens, and listens again
        web.reboot()                              # everything on it dies, and it comes back under another boot id

What a machine cannot play without root (another shell as /bin/sh, a boot id, a small disk, a network to cut) is done in namespaces of
its own; NAMESPACES says whether they may be made here, and needs_namespaces marks a test that needs them.
"""

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from rig import free_port, until

SSHD = "/usr/sbin/sshd"
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SHELLS = ("dash", "bash", "busybox")


def namespaces_work():
    if os.geteuid() != 0:
        return False
    script = f"mount --bind /dev/null {BOOT_ID}"
    return subprocess.run(["unshare", "-m", "-n", "sh", "-c", script], capture_output=True).returncode == 0


NAMESPACES = namespaces_work()
needs_namespaces = pytest.mark.skipif(not NAMESPACES, reason="namespaces can't be made here (root is needed, outside of a chroot)")


def quoted(*words):
    return " ".join(shlex.quote(str(word)) for word in words)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options)


def parents():
    """The parent of each process."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found


def descendants(pid):
    """All processes below `pid`, children before their own children."""
    children = {}
    for child, parent in parents().items():
        children.setdefault(parent, []).append(child)
    found, left = [], [pid]
    while left:
        for child in children.get(left.pop(0), []):
            found.append(child)
            left.append(child)
    return found


def kill(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Machine:
    """One sshd. Its folder has `home`, `host_key`, `sshd_config`, `sshd.log`, and `boot_id` where namespaces work."""

    def __init__(self, machines, name, shell=None, disk=None, network=None):
        self.machines, self.name, self.shell, self.disk, self.network = machines, name, shell, disk, network
        self.folder = machines.folder / name
        self.home = self.folder / "home"
        self.address = network.address if network else "127.0.0.1"
        self.port = 22 if network else free_port()
        self.process = None
        self.environment = ""  # more of it, as for SetEnv
        self.home.mkdir(parents=True)
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        self.new_host_key()

    @property
    def pid(self):
        return self.process.pid

    def new_host_key(self):
        """Takes effect with the next start. known_hosts still has the old one: `trust` writes it anew."""
        key = self.folder / "host_key"
        for old in (key, key.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)

    def host_key(self):
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def _write_config(self):
        # The environment that a script finds is that of the login; HOME tells the machines of one user apart.
        environment = f"HOME={self.home} {self.environment}"
        if self.shell == "busybox":
            tools = self.folder / "bin"
            tools.mkdir(exist_ok=True)
            run("busybox", "--install", "-s", tools)
            # Debian's has none.
            if not (tools / "flock").exists():
                (tools / "flock").symlink_to(shutil.which("flock"))
            environment += f" PATH={tools}"
        (self.folder / "sshd_config").write_text(f"""\
ListenAddress {self.address}:{self.port}
HostKey {self.folder}/host_key
AuthorizedKeysFile {self.machines.folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PermitUserEnvironment no
MaxStartups 1000
MaxSessions 1000
UseDNS no
SetEnv {environment}
""")

    def _command(self):
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        mounts = []
        if NAMESPACES:
            mounts.append(quoted("mount", "--bind", self.folder / "boot_id", BOOT_ID))
        if self.shell:
            real = os.path.realpath("/bin/sh")
            mounts.append(quoted("mount", "--bind", shutil.which(self.shell), real))
        if self.disk:
            mounts.append(quoted("mount", "-t", "tmpfs", "-o", f"size={self.disk}", "none", self.home))
        if mounts:
            command = ["unshare", "-m", "sh", "-c", " && ".join([*mounts, quoted("exec", *command)])]
        return self.network.command(command) if self.network else command

    def start(self):
        self._write_config()
        with open(self.folder / "sshd.log", "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def listens():
            assert self.process.poll() is None, self.log()
            return b"Server listening" in (self.folder / "sshd.log").read_bytes()[before:]

        until(f"sshd of {self.name} listens", listens)
        return self

    def log(self):
        return (self.folder / "sshd.log").read_text(errors="replace")

    def connections(self):
        """The processes of its connections, and what runs in them as long as it belongs to the connection."""
        return descendants(self.pid)

    def sshds(self):
        """Those of them that are sshd."""

        def name(pid):
            with contextlib.suppress(OSError):
                return Path(f"/proc/{pid}/comm").read_text().strip()

        return [pid for pid in self.connections() if name(pid) in ("sshd", "sshd-session")]

    def processes(self):
        """All that runs on it, whoever its parent is: it has its HOME."""
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"HOME={self.home}".encode() in environ.read_bytes().split(b"\0"):
                    found.append(int(environ.parent.name))
        return found

    def drop(self):
        """All its connections break. What has left them goes on."""
        for pid in self.sshds():
            kill(pid, signal.SIGKILL)

    def freeze(self):
        """It takes connections (the kernel does) and says nothing, like a host that hangs. What has left the connections goes on."""
        kill(self.pid, signal.SIGSTOP)
        self.frozen = self.sshds()
        for pid in self.frozen:
            kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in [*self.frozen, self.pid]:
            kill(pid, signal.SIGCONT)

    def stop(self):
        """Nobody listens any more, and all connections break."""
        if self.process:
            connections = self.sshds()
            for pid in [self.pid, *connections]:
                kill(pid, signal.SIGKILL)
                kill(pid, signal.SIGCONT)
            self.process.wait()
            self.process = None

    def lose(self):
        """Everything on it is gone at once, as when the power fails."""
        self.stop()
        until("all processes are gone", lambda: not [kill(pid, signal.SIGKILL) for pid in self.processes()])

    def reboot(self):
        self.lose()
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
        return self.start()

    def finish(self):
        self.lose()
        if self.network:
            self.network.finish()


class Network:
    """A host of its own behind a wire that can be cut: a network namespace. Needs NAMESPACES."""

    def __init__(self, number):
        self.namespace = f"gp{os.getpid()}-{number}"
        self.wire = f"gp{os.getpid() % 100000}.{number}"
        net = f"10.{200 + os.getpid() % 50}.{number}"
        self.address = f"{net}.2"
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        run("ip", "addr", "add", f"{net}.1/24", "dev", self.wire)
        run("ip", "link", "set", self.wire, "up")
        for words in (["addr", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"], ["link", "set", "lo", "up"]):
            run("ip", "-n", self.namespace, *words)

    def command(self, command):
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command]

    def cut(self):
        """Packets vanish; nobody is told."""
        run("ip", "-n", self.namespace, "link", "set", "eth0", "down")

    def mend(self):
        run("ip", "-n", self.namespace, "link", "set", "eth0", "up")

    def finish(self):
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True)
        subprocess.run(["ip", "link", "del", self.wire], capture_output=True)


class Machines:
    """The machines of a test, the key that opens them, and the files by which ssh finds them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.config = self.folder / "ssh_config"
        self.known_hosts = self.folder / "known_hosts"
        self.all = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "key")
        shutil.copy(self.folder / "key.pub", self.folder / "authorized_keys")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.finish()

    def add(self, name, shell=None, disk=None, cuttable=False, start=True):
        """shell: what /bin/sh is there (SHELLS). disk: size of its home as a small file system, `64k`. cuttable: it has a network that
        can be cut. Each needs NAMESPACES."""
        assert NAMESPACES or not (shell or disk or cuttable), "namespaces can't be made here"
        machine = Machine(self, name, shell, disk, Network(len(self.all) + 1) if cuttable else None)
        self.all[name] = machine
        self.trust()
        return machine.start() if start else machine

    def trust(self):
        """Writes ssh_config and known_hosts as they should be."""
        hosts = "".join(
            f"Host {m.name}\n    HostName {m.address}\n    Port {m.port}\n    HostKeyAlias {m.name}\n" for m in self.all.values()
        )
        self.config.write_text(f"""\
{hosts}
Host *
    User {getpass.getuser()}
    IdentityFile {self.folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {self.known_hosts}
    GlobalKnownHostsFile /dev/null
""")
        self.known_hosts.write_text("".join(f"{m.name} {m.host_key()}\n" for m in self.all.values()))

    def finish(self):
        for machine in self.all.values():
            machine.finish()
