"""The power took the end of a piece of output: what was written behind it is told nevertheless."""

from people import CONFIG_PEOPLE, Client, site
from rig import until

LINES = 20_000
CONFIG = (
    CONFIG_PEOPLE
    + """
environments: { one: { room: deploys } }
projects:
  lines:
    steps:
      - { name: Print, run: 'touch "@ORACLE@.begun"; while [ ! -e "@ORACLE@.go" ]; do sleep 0.05; done; seq -f "line %06.0f of the output" 1 @LINES@' }
""".replace("@LINES@", str(LINES))
)


def test_what_follows_a_short_piece_is_told():
    rig = site(CONFIG, name="lost")
    with rig:
        alice = Client(rig)
        number = alice.deploy("lines", "1", "one")
        until("the step", lambda: list(rig.folder.glob("**/*.begun")))
        rig.workers[0].kill()
        begun = list(rig.folder.glob("**/*.begun"))[0]
        begun.with_suffix(".go").touch()
        until("its end", lambda: not rig.supervisors())
        pieces = sorted(rig.folder.glob("**/runs/**/*out.[0-9]*"))
        assert len(pieces) > 2, pieces
        with open(pieces[0], "r+b") as piece:
            piece.truncate(1000)
        rig.workers[0].start()
        alice.wait_state(number, "succeeded")
        log = alice.get(f"/v1/deployments/{number}/log?step=0")
        assert f"line {LINES:06d} of the output" in str(log), log
