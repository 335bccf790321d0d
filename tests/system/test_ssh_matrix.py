"""What each answer does, and whether it is what it said, on machines that are reached by ssh; the whole matrix of it is in tests/soak."""

from matrix import Matrix, cells
from people import starts
from ssh_matrix import AWAY, SshCell, ssh_site

CELLS = [cell for cell in cells(("exit", "unknown", AWAY)) if cell[2:] == (2, True)]


def test_every_answer_does_what_it_said_it_would_over_ssh():
    with ssh_site("ssh-matrix") as rig:
        matrix = Matrix(rig, restarts=True, of=CELLS, make=SshCell)
        matrix.run()
        sentences = matrix.check()
        print(f"{len(matrix.cells)} cells, {len(starts(rig))} runs, {sentences} consequence sentences, 0 false")
        assert len(matrix.cells) == 12 and sentences == 42
