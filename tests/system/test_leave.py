"""What happens to those who stop, and to whom they leave their work."""

import json
import signal
import socket
import time

import pytest
from rig import SHOP, Rig, until


def ask_and_hang_up(person, port, path, body):
    """Sends a request whole, and does not wait for the reply."""
    body = json.dumps(body)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {person.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        time.sleep(0.2)


def test_a_server_stops_while_a_command_waits_for_redis():
    with Rig(SHOP, workers=0, name="stop") as rig:
        person, server = rig.local(), rig.servers[0]
        rig.redis_program.pause()
        for words in (["status"], ["deploy", "shop", "1.0.0", "to", "production"], ["pending"]):
            ask_and_hang_up(person, server.port, "/v1/commands", {"words": words})
        assert server.stop() == 0
        rig.redis_program.resume()


@pytest.mark.alone
def test_a_worker_that_leaves_a_step_running_is_missed_at_once():
    with Rig(SHOP, name="left") as rig:
        rig.decisions.write_text("10 0 0\n")
        person, worker = rig.local(), rig.workers[0]
        id = person.deploy("shop", "1.0.0", "production")
        until("the step to run", lambda: rig.oracle_lines())
        worker.signal(signal.SIGTERM)
        until("it to have heard that", lambda: '"stopping"' in worker.log.read_text())
        worker.stop()  # asked twice: it does not wait for the step
        worker.start()
        before = time.monotonic()
        until("the run to be adopted", lambda: "adopted a run" in worker.log.read_text(), )
        assert time.monotonic() - before < 3
        until("the end", lambda: person.deployment(id)["state"] == "succeeded")


def test_a_worker_that_has_drained_is_known_to_be_gone():
    with Rig(SHOP, name="drained") as rig:
        until("the worker to be known", lambda: rig.redis().hash("{gp}:workers"))
        assert rig.workers[0].stop() == 0
        until("the worker to be forgotten", lambda: not rig.redis().hash("{gp}:workers"), seconds=8)
        assert not list(rig.host_dirs[0].glob("workers/*"))
