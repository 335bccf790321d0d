"""What tests of guidepost-ssh alone have in common: machines with an sshd and a shell each, and runs on them that are ended behind the test."""

import pytest
from ssh_run import Run
from sshd import NAMESPACES, SHELLS, Machines

WAIT = "while [ ! -e go ]; do sleep 0.05; done"


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with Machines(tmp_path_factory.mktemp("machines")) as made:
        made.add("web-1")
        made.add("dash", shell="dash" if NAMESPACES else None)
        for shell in SHELLS[1:] if NAMESPACES else ():
            made.add(shell, shell=shell)
        yield made


@pytest.fixture
def make(machines, tmp_path):
    """Runs with a name of their own; what is left of them is ended."""
    made = []

    def one(destination="web-1", script="true", **more):
        id = more.pop("id", f"{abs(hash(str(tmp_path))) % 10**9}.{len(made)}.1")
        run = Run(machines, tmp_path / str(len(made)), destination, script, id=id, **more)
        made.append(run)
        return run

    yield one
    for run in made:
        if run.process and run.process.poll() is None:
            run.kill()


def anywhere():
    return SHELLS if NAMESPACES else SHELLS[:1]


def begun(run, text="line 3\n"):
    run.start().says(text)
    return run
