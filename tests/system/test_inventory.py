"""Targets that another program lists."""

import json
import os
import subprocess

from rig import GUIDEPOST, Rig, until

CONFIG = """
environments: { production: {} }
rooms: { deploys: {} }
targets: { db-1: { local: true, tags: [db] } }
inventories:
  - { file: hosts.json, refresh: 1s, environments: [production] }
  - { command: [cat, "more hosts.json"], refresh: 1s }
projects:
  shop:
    room: deploys
    steps:
      - { name: install, targets: [web], run: 'echo "$GUIDEPOST_TARGET"' }
      - { name: migrate, targets: [db], run: "true" }
"""


def listing(**groups):
    """Hosts that need no ssh, since what is tested is who is listed."""
    hosts = {host: {"ansible_connection": "local"} for names in groups.values() for host in names}
    return json.dumps({"_meta": {"hostvars": hosts}, "all": {"children": list(groups)}} | {g: {"hosts": h} for g, h in groups.items()})


def machines(person):
    status, reply = person.say("deploy", "shop", "1.0.0", "to", "production", "--dry-run")
    return reply["text"] if status == 200 else str(reply)


def test_what_is_listed_can_be_deployed_to_and_a_broken_list_changes_nothing():
    rig = Rig(CONFIG, name="inventory")
    (rig.folder / "hosts.json").write_text(listing(web=["web-1", "web-2"]))
    (rig.folder / "more hosts.json").write_text(listing(db=["db-2"]))
    with rig:
        person = rig.local()
        until("the lists", lambda: all(name in machines(person) for name in ("web-1", "web-2", "db-2")))
        id = person.deploy("shop", "1.0.0", "production")
        until("its end", lambda: person.deployment(id)["state"] == "succeeded")

        (rig.folder / "hosts.json").write_text(listing(web=["web-1", "web-7"]))
        until("the new list", lambda: "web-7" in machines(person) and "web-2" not in machines(person))

        (rig.folder / "hosts.json").write_text(listing(web=["-oProxyCommand=x"]))
        until("it to be told", lambda: "inventories[0]: failed" in person.ask("GET", "/readyz?verbose")[1])
        assert "web-7" in machines(person)
        status, metrics = person.ask("GET", "/metrics")
        assert status != 200 or "guidepost_inventory_failed" in metrics

        check = subprocess.run([GUIDEPOST, "config", "check", rig.config], capture_output=True, text=True)
        assert check.returncode == 1 and "inventories[0]: the host '-oProxyCommand=x'" in check.stdout, check
        (rig.folder / "hosts.json").write_text(listing(web=["web-1"]))
        check = subprocess.run([GUIDEPOST, "config", "check", rig.config], capture_output=True, text=True)
        assert check.returncode == 0 and "3 targets" in check.stderr, check


def test_nothing_is_deployed_where_a_list_was_never_read_and_all_else_goes_on():
    rig = Rig(CONFIG.replace('[cat, "more hosts.json"]', "[sh, list.sh, secret-word]"), name="inventory-unread")
    go = rig.folder / "go"
    (rig.folder / "hosts.json").write_text(listing(web=["web-1"], db=["db-2"]))
    (rig.folder / "list.sh").write_text(f"until [ -e '{go}' ]; do sleep 0.1; done; echo '{{}}'\n")
    with rig:  # It is ready though the list is not there.
        person = rig.local()
        reply = person.say("deploy", "shop", "1.0.0", "to", "production")[1]
        assert reply["error"] == "conflict" and "inventories[1] has not been read yet" in reply["text"], reply
        health = person.ask("GET", "/readyz?verbose")[1]
        assert "inventories[1]: not read yet" in health and "secret-word" not in health, health
        go.write_text("")
        until("the list", lambda: "web-1" in machines(person))
        id = person.deploy("shop", "1.0.0", "production")
        until("its end", lambda: person.deployment(id)["state"] == "succeeded")


def test_a_list_without_end_and_a_pipe_are_refused():
    rig = Rig(CONFIG.replace('[cat, "more hosts.json"]', "[cat, /dev/zero]"), name="inventory-endless")
    os.mkfifo(rig.folder / "hosts.json")
    check = subprocess.run([GUIDEPOST, "config", "check", rig.config], capture_output=True, text=True, timeout=50)
    assert check.returncode == 1 and "inventories[0]: it is no regular file" in check.stdout, check
    assert "inventories[1]: it failed" in check.stdout, check


def test_targets_are_imported_as_a_block_to_paste():
    ansible = {
        "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1", "ansible_user": "deploy", "ansible_port": 2222}}},
        "all": {"children": ["ungrouped", "production"]},
        "ungrouped": {"hosts": ["lonely"]},
        "production": {"children": ["web"]},
        "web": {"hosts": ["web1"]},
    }
    run = subprocess.run([GUIDEPOST, "config", "import", "ansible"], input=json.dumps(ansible), capture_output=True, text=True)
    assert run.stdout == (
        'targets:\n  lonely: { ssh: "lonely" }\n  web1: { ssh: "ssh://deploy@10.0.0.1:2222", tags: [production, web] }\n'
    ), run
    config = "Host web-1 web-2\n  HostName 10.0.0.1\nHost *\n  User deploy\nhost=db-1\nMatch host x\n"
    run = subprocess.run([GUIDEPOST, "config", "import", "ssh"], input=config, capture_output=True, text=True)
    assert run.stdout == 'targets:\n  web-1: { ssh: "web-1" }\n  web-2: { ssh: "web-2" }\n  db-1: { ssh: "db-1" }\n', run
