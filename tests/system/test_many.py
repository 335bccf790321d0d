"""Where hundreds of deployments wait, the first page shows the oldest and says how many more there are."""

from people import CONFIG_PEOPLE, Client, site
from rig import until

SIDE, MANY, SHOWN, RECENT = 19, 350, 300, 20

CONFIG = (
    CONFIG_PEOPLE
    + "environments:\n"
    + "".join(f"  e-{n}: {{ room: deploys }}\n" for n in range(SIDE))
    + "projects:\n"
    + "".join(f"  p-{n}: {{ steps: [{{ name: Approve, approve: {{}} }}] }}\n" for n in range(SIDE))
)


def test_the_first_page_shows_the_oldest_and_counts_the_rest():
    with site(CONFIG, workers=0, name="many") as rig:
        alice = Client(rig)
        made = [alice.deploy(f"p-{n // SIDE}", "1.0", f"e-{n % SIDE}") for n in range(MANY)]
        redis = rig.redis()
        until("all to ask", lambda: redis("ZCARD", "{gp}:pending") == MANY)
        page = alice.get("/v1/overview")
        live = [summary["id"] for summary in page["live"]]
        assert live == made[:SHOWN] + made[-RECENT:][::-1], live
        assert page["left_out"] == MANY - SHOWN - RECENT
        # What was the first to ask is the first to be shown, and an answer makes room for another.
        first = alice.questions(made[0])[0]["id"]
        assert page["questions"][0]["question"] == first
        assert alice.say(f"proceed Q{first}")["ok"]
        alice.wait_state(made[0], "succeeded")
        page = alice.get("/v1/overview")
        assert made[0] not in [summary["id"] for summary in page["live"]] and page["left_out"] == MANY - SHOWN - RECENT - 1
