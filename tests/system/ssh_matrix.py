"""The guidance matrix on machines that are reached by ssh, with one class more: unreachable. Its machines go away when Prepare has ended
there, each for itself, and come back before the answer that is to help. They are names of the same machines as the others: who goes away is
led to a port at which nobody listens."""

from contextlib import contextmanager

from matrix import ANSWERS, CLASSES, TIMES, Cell, config
from people import NOTE, site
from sshd import Machines

AWAY = "unreachable"
KINDS = (*CLASSES, AWAY)
LANES = len(ANSWERS) * len(TIMES) * 2

CONFIG = f"""
  {AWAY}:
    inputs:
      - {{ name: FAILS, type: text, default: "0" }}
      - {{ name: BROKEN, type: text, default: "" }}
    steps:
      - name: Prepare
        targets: [all]
        run: '{NOTE}note start; [ $GUIDEPOST_TARGET = m-1 ] || : >"@ORACLE@.away/$GUIDEPOST_TARGET"; note end'
      - {{ name: Work, targets: [all], run: '{NOTE}note start; note end' }}
      - {{ name: Check, targets: [all], run: '{NOTE}note start; note end' }}
      - {{ name: Tell, condition: failure, run: '{NOTE}note start; note end' }}
      - {{ name: Sweep, condition: always, run: '{NOTE}note start; note end' }}
ssh: {{ config: machines/ssh_config, known_hosts: machines/known_hosts }}
"""


def away_name(lane, n):
    return f"away-{lane}-{n}"


class SshCell(Cell):
    def __init__(self, kind, *more):
        super().__init__(kind, *more)
        if kind == "signal":
            self.outcome = "exit code 137"  # The shell over there cannot tell a signal from that.

    def machine(self, n):
        return away_name(self.lane, n) if self.kind == AWAY and n > 1 else f"m-{n}"

    def before_answer(self, rig, target, guidance):
        last = target != self.subject or self.given + 1 == self.times
        if self.kind == AWAY and last and guidance in ("Retry", "Ignore"):
            (rig.folder / "oracle.away" / target).unlink()

    def expected(self):
        """Whoever could not be reached has not started."""
        runs = super().expected()
        if self.kind == AWAY:
            for target in self.targets[1:]:
                runs["Work", target] = 0
            if not self.ends_failed:
                runs["Work", self.subject] = int(self.answer == "Retry")
                for target in self.targets[2:3]:
                    runs["Work", target] = 1
        return +runs

    def first_attempt(self, step, target):
        if self.kind != AWAY or step != "Work" or target not in self.targets[1:]:
            return 1
        return self.times + 1 if target == self.subject else 2

    def retried(self, client, target, begun, attempt, restarted):
        """An attempt that reaches nobody leaves no trace but in the audit."""
        if self.kind != AWAY:
            return super().retried(client, target, begun, attempt, restarted)
        slot = self.targets.index(target)
        return any(what.startswith(f"issued 1.{slot} #{attempt} ") for what in self.audit(client))


@contextmanager
def ssh_site(name):
    names = [f"m-{n}" for n in range(1, 5)] + [away_name(lane, n) for lane in range(LANES) for n in (2, 3, 4)]
    targets = "".join(f"  {name}: {{ ssh: {name}, tags: [all] }}\n" for name in names)
    rig = site(config(targets, CONFIG), name=name)
    away = rig.folder / "oracle.away"
    away.mkdir()
    with Machines(rig.folder / "machines") as machines:
        for n in range(1, 5):
            machines.add(f"m-{n}")
        text = f'Match exec "test -e {away}/%n"\n    Port 1\n' + machines.config.read_text()
        for n in (2, 3, 4):
            text += f"Host away-*-{n}\n    HostName 127.0.0.1\n    Port {machines.all[f'm-{n}'].port}\n    HostKeyAlias m-{n}\n"
        machines.config.write_text(text)
        with rig:
            yield rig
