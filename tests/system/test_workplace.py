"""Where a step works, as whom, and with what environment."""

import os
import pwd

import pytest

from people import CONFIG_PEOPLE, Client, site

SHOW = '\'{ pwd; id -un; } >"@oracle@.$GUIDEPOST_STEP.$GUIDEPOST_TARGET"; env >"@oracle@.env"\''

CONFIG = (
    CONFIG_PEOPLE
    + """
targets:
  plain: { local: true, tags: [all] }
  placed: { local: true, tags: [all], work_dir: @folder@/of-target }
environments: { production: { room: deploys } }
projects:
  shop:
    steps:
      - { name: Nowhere, run: SHOW }
      - { name: Everywhere, targets: [all], run: SHOW }
      - { name: Somewhere, targets: [all], work_dir: @folder@/of-step, run: SHOW }
  placed:
    work_dir: @folder@/of-project
    steps:
      - { name: Project, run: SHOW }
      - { name: Target, targets: [all], run: SHOW }
      - { name: Step, work_dir: of-step, run: SHOW }
""".replace("SHOW", SHOW)
)

# Everything that a step finds, whatever the server and the worker were started with; _ and PWD are the shell's own.
GIVEN = {"PATH", "LANG", "SHELL", "HOME", "USER", "LOGNAME", "GUIDEPOST", "TRACEPARENT", "PWD", "_", "OLDPWD", "SHLVL"}


def opened(config, name):
    rig = site(config, name=name)
    for folder in ("of-target", "of-step", "of-project"):
        (rig.folder / folder).mkdir()
    rig.config.write_text(rig.config.read_text().replace("@folder@", str(rig.folder)))
    return rig


def shown(rig, step, target=""):
    place, user = (rig.folder / f"oracle.{step}.{target}").read_text().split("\n")[:2]
    return os.path.relpath(place, rig.folder), user


def test_a_step_works_where_step_target_project_or_the_configuration_say():
    with opened(CONFIG, "place") as rig:
        alice = Client(rig)
        for project in ("shop", "placed"):
            alice.wait_state(alice.deploy(project, "1.0", "production"), "succeeded")
        assert shown(rig, "Nowhere")[0] == "."
        assert shown(rig, "Everywhere", "plain")[0] == "." and shown(rig, "Everywhere", "placed")[0] == "of-target"
        assert shown(rig, "Somewhere", "plain")[0] == shown(rig, "Somewhere", "placed")[0] == "of-step"
        assert shown(rig, "Project")[0] == "of-project" and shown(rig, "Step")[0] == "of-step"
        assert shown(rig, "Target", "plain")[0] == "of-project" and shown(rig, "Target", "placed")[0] == "of-target"
        names = {line.split("=", 1)[0] for line in (rig.folder / "oracle.env").read_text().splitlines()}
        assert {name for name in names if not name.startswith("GUIDEPOST_")} <= GIVEN, names


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run steps as somebody else")
def test_a_step_runs_as_the_user_that_the_configuration_names():
    with opened("workers: { run_as: nobody }\n" + CONFIG, "user") as rig:
        rig.folder.chmod(0o777)  # where the steps write what they saw
        alice = Client(rig)
        alice.wait_state(alice.deploy("shop", "1.0", "production"), "succeeded")
        assert shown(rig, "Nowhere")[1] == shown(rig, "Everywhere", "placed")[1] == "nobody"
        env = dict(line.split("=", 1) for line in (rig.folder / "oracle.env").read_text().splitlines() if "=" in line)
        assert env["USER"] == env["LOGNAME"] == "nobody" and env["HOME"] == pwd.getpwnam("nobody").pw_dir
