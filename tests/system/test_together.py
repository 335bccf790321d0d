"""Servers that start at the same moment with one state directory."""

from rig import Rig

CONFIG = """
environments: { production: {} }
rooms: { deploys: {} }
targets: { web-1: { local: true } }
projects: { shop: { room: deploys, steps: [ { name: install, run: "true" } ] } }
"""
SERVERS, TIMES = 8, 30


def test_all_take_the_token_that_lies_in_the_state_directory():
    for _ in range(TIMES):
        with Rig(CONFIG, servers=SERVERS, workers=0, name="together") as rig:
            answers = [rig.local().ask("GET", "/v1/me", server=server)[0] for server in rig.servers]
            assert answers == [200] * SERVERS
