"""Machines on which a step can't begin, though they are reached."""

from ssh_world import world

# Takes away the shell that makes a run directory, so that the connection breaks right after the start; then lets one be made, so that the
# next connection finds out that nothing was started.
BREAKING = """#!/bin/sh
case $1 in
*/runs/*)
    [ -e {folder}/mended ] && exec /bin/mkdir "$@"
    [ -e {folder}/broke ] || {{ : >{folder}/broke; kill -9 $PPID; exit 1; }}
    /bin/mkdir "$@" && rm {folder}/broke
    ;;
*) exec /bin/mkdir "$@" ;;
esac
"""


def test_a_connection_that_breaks_at_each_start_is_asked_about():
    with world("breaks") as w:
        web = w.machines.all["web-1"]
        tools = web.folder / "tools"
        tools.mkdir()
        (tools / "mkdir").write_text(BREAKING.format(folder=tools))
        (tools / "mkdir").chmod(0o755)
        web.stop()
        web.environment = f"PATH={tools}:/usr/bin:/bin"
        web.start()
        id = w.person.deploy("slow", "1.0", "production")
        question = w.question(seconds=60)
        assert not question["unknown"] and question["attempt"] == 6, question
        assert question["outcome"] == "not started: again and again its connection broke, or its worker died, before it began"
        assert "nothing was started on web-1: the connection broke" in question["excerpt"], question
        assert w.steps(web) == []
        (tools / "mended").touch()
        assert w.person.answer(question["id"], "retry")[0] == 200
        assert w.final(id) == "succeeded"
        assert w.steps(web) == [("install", 7), ("check", 1)]
