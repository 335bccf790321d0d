"""Where hundreds of deployments wait, every list gives a page of them, and says how many there are in all."""

from people import CONFIG_PEOPLE, Client, site
from rig import until

SIDE, MANY, SHOWN, RECENT, SAID = 15, 210, 100, 20, 20
ONE = SIDE  # deployments of one project

CONFIG = (
    CONFIG_PEOPLE
    + "teams: { visitors: { members: [dave] } }\n"
    + "environments:\n"
    + "".join(f"  e-{n}: {{ room: deploys }}\n" for n in range(SIDE))
    + "projects:\n"
    + "".join(f"  p-{n}: {{ steps: [{{ name: Approve, approve: {{}} }}] }}\n" for n in range(SIDE))
).replace(
    '  - { allow: [deploy, answer, cancel, admin], to: ["*"] }\n',
    "  - { allow: [deploy, answer, cancel, admin], to: [alice, bob, carol] }\n  - { allow: [view], to: [visitors], projects: [p-3] }\n",
)


def lines(reply):
    return reply["text"].rstrip("\n").split("\n")


def first_page(alice, made):
    page = alice.get("/v1/overview")
    live = [summary["id"] for summary in page["live"]]
    assert live == made[:SHOWN] + made[-RECENT:], live
    assert page["left_out"] == MANY - SHOWN - RECENT
    assert len(page["questions"]) == SHOWN and page["questions_left_out"] == MANY - SHOWN
    return [card["question"] for card in page["questions"]]


def pages_of(read, size):
    """All items of a list, page by page, and what it says is their number."""
    found, total = [], None
    while total is None or len(found) < total:
        items, total = read(len(found), size)
        assert 0 < len(items) <= size
        found += items
    return found, total


def v1_questions(alice, shown):
    def read(skip, take):
        page = alice.get(f"/v1/questions?skip={skip}&take={take}")
        return [q["id"] for q in page["items"]], page["total"]

    found, total = pages_of(read, 60)
    assert total == MANY and found == sorted(found) and len(set(found)) == MANY
    assert found[:SHOWN] == shown
    assert len(alice.get("/v1/questions")["items"]) == SHOWN


def octopus(person, path, expected):
    """As its clients do: on to Page.Next as long as there is one."""
    found, total = [], None
    while path:
        page = person.get(path)
        total = page["TotalResults"] if total is None else total
        assert page["TotalResults"] == total
        found += [item["Id"] for item in page["Items"]]
        path = page["Links"].get("Page.Next")
    assert total == len(found) == len(set(found)) == expected, (total, len(found), len(set(found)))
    return found


def words(alice, made):
    said = lines(alice.say("pending"))
    assert said[0] == f"{MANY} questions wait, the oldest {SAID}:" and len(said) == 2 + SAID and said[-1] == f"and {MANY - SAID} more"
    said = lines(alice.say("status"))
    assert [line.split()[0] for line in said[:SAID]] == [f"D{n}" for n in made[:SAID]] and said[SAID] == f"and {MANY - SAID} more"
    said = lines(alice.say("history p-3"))
    assert [line.split()[0] for line in said[:10]] == [f"D{n}" for n in reversed(made[3 * SIDE + 5 : 4 * SIDE])] and said[10] == "and 5 before these"


def visitor(dave, made):
    """Who may view little is told of that, all of it, and how much it is."""
    own = made[3 * SIDE : 4 * SIDE]
    page = dave.get("/v1/overview")
    assert [summary["id"] for summary in page["live"]] == own and page["left_out"] == 0
    assert len(page["questions"]) == ONE and page["questions_left_out"] == 0
    assert dave.get("/v1/questions")["total"] == ONE
    assert lines(dave.say("pending"))[0] == f"{ONE} questions wait, oldest first:"
    assert dave.get("/v1/deployments?take=2")["total"] == ONE
    octopus(dave, "/api/tasks?take=4", ONE)
    octopus(dave, "/api/interruptions?pendingOnly=true&take=4", ONE)


def metrics(alice):
    text = alice.request("GET", "/metrics").body.decode()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


def waiting_is_measured(alice, waiting):
    """Whoever watches over it is told how many wait, and since when."""
    told = metrics(alice)
    oldest = alice.get("/v1/questions?take=1")["items"][0]["asked"]
    assert told["guidepost_guidance_pending"] == told["guidepost_deployments_active"] == waiting
    assert told["guidepost_guidance_oldest_timestamp_seconds"] == oldest / 1000
    return told


def test_each_list_gives_a_page_and_the_whole_number():
    with site(CONFIG, workers=0, name="many") as rig:
        alice = Client(rig)
        made = [alice.deploy(f"p-{n // SIDE}", "1.0", f"e-{n % SIDE}") for n in range(MANY)]
        redis = rig.redis()
        until("all to ask", lambda: redis("ZCARD", "{gp}:pending") == MANY)
        shown = first_page(alice, made)
        v1_questions(alice, shown)
        octopus(alice, "/api/interruptions?pendingOnly=true&take=50", MANY)
        octopus(alice, "/api/interruptions?pendingOnly=true&regarding=Projects-p-3&take=4", ONE)
        octopus(alice, "/api/tasks?hasPendingInterruptions=true&take=80", MANY)
        octopus(alice, "/api/tasks?states=Executing&project=Projects-p-3&take=4", ONE)
        octopus(alice, "/api/deployments?environments=Environments-e-3&take=4", MANY // SIDE)
        words(alice, made)
        waiting_is_measured(alice, MANY)
        visitor(Client(rig, "dave"), made)
        # What was the first to ask is the first to be shown, and an answer makes room for another.
        assert alice.questions(made[0])[0]["id"] == shown[0]
        assert alice.say(f"proceed Q{shown[0]}")["ok"]
        alice.wait_state(made[0], "succeeded")
        page = alice.get("/v1/overview")
        assert made[0] not in [summary["id"] for summary in page["live"]] and page["left_out"] == MANY - SHOWN - RECENT - 1
        assert page["questions"][0]["question"] == shown[1] and page["questions_left_out"] == MANY - SHOWN - 1
        told = waiting_is_measured(alice, MANY - 1)
        assert told['guidepost_guidance_answer_seconds_count{environment="e-0"}'] == 1


def test_who_waits_is_told_for_whom_however_many_are_older():
    with site(CONFIG, workers=0, name="many") as rig:
        alice = Client(rig)
        for n in range(SHOWN + 5):
            alice.deploy(f"p-{n // SIDE}", "1.0", f"e-{n % SIDE}")
        holder = alice.deploy("p-14", "1.0", "e-14")
        waiting = [alice.deploy("p-14", f"1.{n}", "e-14") for n in (1, 2)]
        until("it to ask", lambda: alice.questions(holder))
        for summary in alice.get("/v1/deployments?take=3")["items"]:
            assert (summary["waits_for"] or "").startswith(f"waits for D{holder}, ") == (summary["id"] in waiting)
        for number in waiting:
            assert alice.get(f"/v1/deployments/{number}")["waits_for"].startswith(f"waits for D{holder}, ")
        live = {summary["id"]: summary["waits_for"] for summary in alice.get("/v1/overview")["live"]}
        assert all(live[number].startswith(f"waits for D{holder}, ") for number in waiting)
