"""Modules run at the same time, if pytest was started with -n. A test that is marked `alone` measures time: while it runs, no other does."""

import fcntl
from pathlib import Path

import pytest
from people import Client


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time, so no other test may run meanwhile")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    if not hasattr(item.config, "workerinput"):
        yield  # There is one process, and so one test at a time.
        return
    folder = Path(item.config.option.basetemp).parent  # that of all workers of this run
    alone = item.get_closest_marker("alone") is not None
    with open(folder / "room", "w") as room:
        with open(folder / "door", "w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # Whoever waits for the others to leave lets nobody in.
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture
def alice(rig):
    """To the server of the module's rig; what a test has left under way is canceled behind it."""
    client = Client(rig)
    yield client
    for summary in client.get("/v1/overview")["live"]:  # of a test that failed
        client.request("POST", f"/api/tasks/ServerTasks-{summary['id']}/cancel")
    client.close()
