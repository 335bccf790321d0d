"""The whole guidance matrix on machines that are reached by ssh, undisturbed and with everything but Redis and the steps killed in between.
$CLASSES="exit unreachable" plays only those."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from matrix import Matrix, cells  # noqa: E402
from people import starts  # noqa: E402
from ssh_matrix import KINDS, SshCell, ssh_site  # noqa: E402


@pytest.mark.parametrize("restarts", [False, True], ids=["undisturbed", "killed and restarted in between"])
def test_every_answer_does_what_it_said_it_would_over_ssh(restarts, capsys):
    kinds = os.environ.get("CLASSES", " ".join(KINDS)).split()
    with ssh_site("ssh-matrix") as rig:
        matrix = Matrix(rig, restarts, of=cells(kinds), make=SshCell)
        matrix.run()
        sentences = matrix.check()
        with capsys.disabled():
            print(f"\n{len(matrix.cells)} cells, {len(starts(rig))} runs, {sentences} consequence sentences, 0 false")
        assert sentences > 120 * len(kinds)
