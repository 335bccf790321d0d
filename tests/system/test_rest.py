"""What people do with scripts and clients for Octopus Deploy, done to guidepost; and what it answers to requests that are wrong."""

import http.client
import json

import pytest

from people import CONFIG_PEOPLE, NOTE, Client, machines, question_of, site, starts
from rig import until

CONFIG = (
    "workers: { slots: 16 }\n"
    + CONFIG_PEOPLE.replace('to: ["*"] }', "to: [alice, bob, carol, dave] }\n  - { allow: [view], to: [erin] }").replace(
        "people:\n", "people:\n  erin: { token: { file: erin.token } }\n"
    )
    + "targets:\n"
    + machines(3)
    + """
environments:
  Staging: { room: deploys }
  Production: { room: deploys, guided_failure: { enabled: true } }
  Claimed: { room: deploys, guided_failure: { enabled: true, claim: required } }
projects:
  shop:
    inputs:
      - { name: BROKEN, type: text, default: m-2 }
    steps:
      - { name: Fetch, run: 'echo "fetching $GUIDEPOST_VERSION"' }
      - name: Install
        targets: [all]
        run: |
"""
    + f"          {NOTE}\n          note start\n"
    + """
          echo "installing on $GUIDEPOST_TARGET"
          if [ $GUIDEPOST_ATTEMPT = 1 ]; then
              case ",$BROKEN," in *",$GUIDEPOST_TARGET,"*) echo "no space left"; exit 100 ;; esac
          fi
      - { name: Smoke, run: 'true' }
  long:
    steps:
      - { name: Wait, run: 'sleep 60' }
"""
)


@pytest.fixture(scope="module")
def rig():
    made = site(CONFIG, name="rest")
    (made.folder / "erin.token").write_text("token-of-erin-0123456789\n")
    with made as rig:
        yield rig


def paused(client, version="1.0", environment="Production", more=""):
    number = client.deploy("shop", version, environment, more)
    client.wait_questions(number)
    return number


def finish(client, number):
    """Answers whatever is open with Fail, so that the lane is free."""
    for question in client.questions(number)[:1]:
        client.request("PUT", f"/api/interruptions/Interruptions-{question['id']}/responsible")
        assert client.submit(question["id"], "Fail").status == 200
    client.wait_state(number, "failed", "succeeded", "succeeded_with_warnings", "canceled")


def refused(answer, status=400, *words):
    """The error body that clients print: Errors is always filled."""
    assert answer.status == status, answer
    assert answer.json["ErrorMessage"] and answer.json["Errors"] == [answer.json["ErrorMessage"]], answer
    for word in words:
        assert word in answer.json["ErrorMessage"], answer


# --- the script that people ask for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ["Deployments-{}", "ServerTasks-{}"])
@pytest.mark.parametrize("base", ["/api", "/api/Spaces-1", "/api/spaces/Spaces-1", "/api/spaces/default"])
def test_a_script_continues_a_paused_deployment_with_retry(rig, alice, document, base):
    number = paused(alice)
    listed = alice.get(f"{base}/interruptions?regarding={document.format(number)}&pendingOnly=true")
    (interruption,) = listed["Items"]
    assert listed["TotalResults"] == 1 and listed["ItemsPerPage"] == 30
    links = interruption["Links"]
    took = alice.request("PUT", links["Responsible"])
    assert took.status == 200 and took.json["Username"] == "alice", took
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = alice.request("POST", links["Submit"], json.dumps({"Guidance": "Retry", "Notes": "by script"}), form)
    assert sent.status == 200 and sent.json["IsPending"] is False and sent.json["Form"]["Values"]["Guidance"] == "Retry", sent
    alice.wait_state(number, "succeeded")
    assert starts(rig, number).count(("Install", "m-2", 2)) == 1


def test_an_interruption_has_the_shape_that_clients_read(alice):
    number = paused(alice)
    (found,) = alice.interruptions(f"Deployments-{number}")
    id = question_of(found)
    assert found["Title"] == "Deploy shop release 1.0 to Production requires failure guidance"
    assert found["Type"] == "GuidedFailure" and found["IsPending"] and found["SpaceId"] == "Spaces-1"
    assert found["Form"]["Values"] == {"Instructions": None, "Notes": None, "Guidance": None}
    elements = {element["Name"]: element for element in found["Form"]["Elements"]}
    assert list(elements) == ["Instructions", "Notes", "Guidance"]
    assert [elements[name]["Control"]["Type"] for name in elements] == ["Paragraph", "TextArea", "SubmitButtonGroup"]
    assert [b["Value"] for b in elements["Guidance"]["Control"]["Buttons"]] == ["Fail", "Retry", "Ignore", "Exclude"]
    assert elements["Guidance"]["IsValueRequired"] is True
    assert {f"ServerTasks-{number}", f"Deployments-{number}"} <= set(found["RelatedDocumentIds"])
    assert found["TaskId"] == f"ServerTasks-{number}" and found["CorrelationId"].startswith(f"ServerTasks-{number}")
    assert found["ResponsibleUserId"] is None and found["CanTakeResponsibility"] and not found["HasResponsibility"]
    assert found["Links"]["Submit"].endswith(f"/interruptions/Interruptions-{id}/submit") and "User" not in found["Links"]
    assert found["Created"].endswith("+00:00")
    alice.request("PUT", found["Links"]["Responsible"])
    taken = alice.get(found["Links"]["Self"])
    assert taken["HasResponsibility"] and taken["ResponsibleUserId"] == "Users-alice"
    assert alice.get(taken["Links"]["User"])["Username"] == "alice"
    # .NET posts the whole form back; the node of the log that it belongs to has its CorrelationId.
    values = {**taken["Form"]["Values"], "Guidance": "Ignore"}
    assert alice.request("POST", found["Links"]["Submit"], values).status == 200
    alice.wait_state(number, "succeeded_with_warnings")
    details = alice.get(f"/api/tasks/ServerTasks-{number}/details")
    ids = []

    def walk(node):
        ids.append(node["Id"])
        for child in node["Children"]:
            walk(child)

    for node in details["ActivityLogs"]:
        walk(node)
    assert found["CorrelationId"] in ids, (found["CorrelationId"], ids)


def test_clients_that_only_post_say_in_a_header_what_they_mean(alice):
    number = paused(alice)
    (found,) = alice.interruptions(f"Deployments-{number}")
    assert alice.request("POST", found["Links"]["Responsible"], None).status == 405
    reply = alice.request("POST", found["Links"]["Responsible"], None, {"X-HTTP-Method-Override": "PUT"})
    assert reply.status == 200 and reply.json["Id"] == "Users-alice", reply
    assert alice.get(found["Links"]["Responsible"])["Username"] == "alice"
    finish(alice, number)


@pytest.mark.parametrize(
    "body",
    [
        {"Guidance": "RETRY"},
        {"guidance": " retry "},
        {"Instructions": None, "Notes": None, "Guidance": "Retry", "Extra": [1]},
        {"GUIDANCE": "Retry", "notes": ""},
    ],
)
def test_case_blanks_nulls_and_unknown_fields_do_not_matter(alice, body):
    number = paused(alice)
    (question,) = alice.questions(number)
    reply = alice.request("POST", f"/api/INTERRUPTIONS/interruptions-{question['id']}/Submit", body)
    assert reply.status == 200 and reply.json["Form"]["Values"]["Guidance"] == "Retry", reply
    alice.wait_state(number, "succeeded")


def test_guidance_abort_fails_the_deployment(alice):
    number = paused(alice)
    (question,) = alice.questions(number)
    reply = alice.submit(question["id"], "Abort")
    assert reply.status == 200 and reply.json["Form"]["Values"]["Guidance"] == "Fail", reply
    alice.wait_state(number, "failed")


@pytest.mark.parametrize(
    "body, status",
    [
        (None, 400),
        ("", 400),
        ("{}", 400),
        ('{"Guidance": null}', 400),
        ('{"Guidance": "Perhaps"}', 400),
        ('{"Guidance": "Proceed"}', 400),
        ('{"Guidance": 7}', 400),
        ('{"Guidance": "Retry"', 400),
        ('{"Guidance": "Retry", "Guidance": "Fail"}', 400),
        ("Guidance=Retry", 400),
        ("[" * 100 + "]" * 100, 413),
        ('{"Notes": "' + "x" * 3000 + '", "Guidance": "Retry"}', 413),
        ("[" + "1," * 30000 + "1]", 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_answer_is_refused_and_changes_nothing(alice, body, status):
    number = paused(alice)
    (question,) = alice.questions(number)
    refused(alice.request("POST", f"/api/interruptions/Interruptions-{question['id']}/submit", body), status)
    alice.close()
    assert [left["id"] for left in alice.questions(number)] == [question["id"]]
    finish(alice, number)


def test_who_comes_too_late_is_told_who_was_first(rig, alice):
    number = paused(alice)
    (question,) = alice.questions(number)
    assert Client(rig, "bob").submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")
    path = f"/api/interruptions/Interruptions-{question['id']}"
    refused(alice.submit(question["id"], "Ignore"), 400, "already been submitted", "answered by bob", "Retry")
    refused(alice.request("PUT", f"{path}/responsible"), 400, "already been submitted", "bob")
    assert alice.get(f"{path}/responsible")["Username"] == "bob"


def test_with_claim_required_the_order_is_responsible_then_submit_and_nobody_else(rig, alice):
    number = paused(alice, environment="Claimed")
    (question,) = alice.questions(number)
    path = f"/api/interruptions/Interruptions-{question['id']}"
    refused(alice.submit(question["id"], "Retry"), 400, "You must take responsibility")
    bob = Client(rig, "bob")
    assert bob.request("PUT", f"{path}/responsible").status == 200
    refused(alice.submit(question["id"], "Retry"), 400, "Someone else has taken responsibility")
    assert alice.get(path)["HasResponsibility"] is False and bob.get(path)["HasResponsibility"] is True
    assert bob.submit(question["id"], "Retry").status == 200
    alice.wait_state(number, "succeeded")


def test_who_may_only_look_cannot_answer_or_deploy_and_nobody_at_all_cannot_look(rig, alice):
    number = paused(alice)
    (question,) = alice.questions(number)
    erin = Client(rig, "erin")
    (seen,) = erin.interruptions(f"Deployments-{number}")
    assert seen["CanTakeResponsibility"] is False
    refused(erin.submit(question["id"], "Retry"), 403, "erin may not retry", "These may: alice, bob, carol, dave")
    refused(erin.request("POST", "/api/deployments", {"ReleaseId": "Releases-shop-1", "EnvironmentId": "Environments-Staging"}), 403, "deploy")
    nobody = Client(rig, None)
    for method, path in (("GET", f"/api/interruptions/Interruptions-{question['id']}"), ("POST", f"/api/tasks/ServerTasks-{number}/cancel")):
        refused(nobody.request(method, path), 401)
    wrong = Client(rig, None, headers={"X-Octopus-ApiKey": "API-WRONG"})
    assert wrong.request("GET", "/api/tasks").body == nobody.request("GET", "/api/tasks").body
    finish(alice, number)


# --- lists --------------------------------------------------------------------------------------------------------------------


def test_lists_are_paged_as_clients_page_them(rig, alice):
    numbers = [paused(alice, version=f"2.{n}", more="BROKEN=m-1,m-2,m-3") for n in range(1)]
    until("three questions", lambda: len(alice.questions(numbers[0])) == 3)
    about = f"/api/Spaces-1/interruptions?regarding=Deployments-{numbers[0]}"
    every = alice.get(f"{about}&take=2147483647")
    ids = [item["Id"] for item in every["Items"]]
    assert len(ids) == 3 and ids == sorted(ids, key=lambda id: -int(id.split("-")[1])), "newest first"
    first = alice.get(f"{about}&pendingOnly=False&skip=0&take=2")
    assert [item["Id"] for item in first["Items"]] == ids[:2]
    assert (first["TotalResults"], first["ItemsPerPage"], first["NumberOfPages"], first["LastPageNumber"]) == (3, 2, 2, 1)
    assert first["ItemType"] == "Interruption" and "Page.All" in first["Links"] and "Page.Last" in first["Links"]
    second = alice.get(first["Links"]["Page.Next"])
    assert [item["Id"] for item in second["Items"]] == ids[2:] and "Page.Next" not in second["Links"]
    assert alice.get(f"{about}&skip=50")["Items"] == []
    both = alice.get(f"/api/interruptions?ids={ids[0]},{ids[2]}&regarding=&pendingOnly=")["Items"]
    assert {item["Id"] for item in both} == {ids[0], ids[2]}
    assert isinstance(alice.get("/api/interruptions/all"), list)
    for what in ("skip=x", "take=-1", "take=1e3"):
        refused(alice.request("GET", f"/api/interruptions?{what}"), 400, what.split("=")[0])
    finish(alice, numbers[0])


def test_what_is_not_there_is_not_found(alice):
    for path in ("interruptions/Interruptions-999999", "deployments/Deployments-999999", "tasks/ServerTasks-999999", "projects/none", "nothing"):
        refused(alice.request("GET", f"/api/{path}"), 404)
    refused(alice.submit(999999, "Retry"), 404)
    assert alice.request("DELETE", "/api/tasks/ServerTasks-1").status == 405
    reply = alice.request("GET", "/v1/questions/999999")
    assert reply.status == 404 and reply.json["title"] == "not_found" and reply.headers["Content-Type"] == "application/problem+json"


def test_clients_find_their_way_from_the_root(rig, alice):
    root = Client(rig, None).get("/api")
    assert tuple(map(int, root["ApiVersion"].split(".")))[:2] == (3, 0)
    assert root["Links"]["Spaces"] and root["Links"]["CurrentUser"] and root["Version"] and root["InstallationId"]
    me = alice.get(root["Links"]["CurrentUser"])
    assert me["Username"] == "alice" and me["IsRequestor"] is True
    (space,) = alice.get(me["Links"]["Spaces"])
    assert space["IsDefault"]
    home = alice.get(space["Links"]["SpaceHome"])
    assert home["Links"]["Interruptions"].startswith("/api/Spaces-1/interruptions{")
    assert [space["Id"] for space in alice.get("/api/spaces/all")] == ["Spaces-1"]
    assert alice.get("/api/spaces?partialName=def&skip=0&take=5")["TotalResults"] == 1
    assert {item["Name"] for item in alice.get("/api/environments/all")} == {"Staging", "Production", "Claimed"}
    by_name = {item["Name"]: item for item in alice.get("/api/environments?take=2147483647")["Items"]}
    assert by_name["Production"]["UseGuidedFailure"] is True and by_name["Staging"]["UseGuidedFailure"] is False
    assert {item["Name"] for item in alice.get("/api/machines/all")} == {"m-1", "m-2", "m-3"}
    assert {item["Name"] for item in alice.get("/api/projects/all")} == {"shop", "long"}


# --- deployments and tasks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag, asks", [(None, False), (True, True), (False, False)])
def test_guided_failure_of_the_deployment_comes_before_that_of_the_environment(alice, flag, asks):
    """Octopus 1074, 5619, 6919: the same on every way in; here the environment says no."""
    body = {"ReleaseId": "Releases-shop-3.0", "EnvironmentId": "Environments-Staging", "UseGuidedFailure": flag}
    made = alice.request("POST", "/api/Spaces-1/deployments", body)
    assert made.status == 201 and made.json["ProjectId"] == "Projects-shop", made
    number = int(made.json["Id"].split("-")[1])
    assert made.json["TaskId"] == f"ServerTasks-{number}"
    if asks:
        alice.wait_questions(number)
        finish(alice, number)
    else:
        found = alice.wait_state(number, "failed")
        assert not found["questions"] and "Install on m-2 failed" in found["closing_why"]


@pytest.mark.parametrize("words, asks", [("", True), ("unguided", False), ("guided", True)])
def test_the_same_by_word_where_the_environment_says_yes(alice, words, asks):
    number = alice.deploy("shop", "3.1", "Production", words)
    if asks:
        alice.wait_questions(number)
        finish(alice, number)
    else:
        alice.wait_state(number, "failed")


@pytest.mark.parametrize("flag, asks", [("absent", True), (None, True), (False, False), (True, True)])
def test_the_command_of_newer_clients_makes_a_deployment(rig, alice, flag, asks):
    body = {
        "spaceId": "Spaces-1",
        "spaceIdOrName": "Default",
        "projectName": "shop",
        "releaseVersion": "4.0",
        "environmentNames": ["Production"],
        "specificMachineNames": ["m-1", "m-2"],
        "excludedMachineNames": [],
        "skipStepNames": ["Smoke"],
        "variables": {"BROKEN": "m-1"},
        "forcePackageDownload": False,
    }
    if flag != "absent":
        body["useGuidedFailure"] = flag
    made = alice.request("POST", "/api/Spaces-1/deployments/create/untenanted/v1", body)
    assert made.status in (200, 201), made
    (task,) = made.json["DeploymentServerTasks"]
    number = int(task["DeploymentId"].split("-")[1])
    if not asks:
        alice.wait_state(number, "failed")
        return
    (question,) = alice.wait_questions(number)
    assert question["target"] == "m-1"
    assert alice.submit(question["id"], "Retry").status == 200
    found = alice.wait_state(number, "succeeded", "succeeded_with_warnings")
    assert found["targets"] == ["m-1", "m-2"] and "Smoke" not in [step["name"] for step in found["steps"] if step["runs"][0]["state"] == "succeeded"]


@pytest.mark.parametrize(
    "path, body",
    [
        ("deployments", {}),
        ("deployments", {"ReleaseId": "Releases-none-1", "EnvironmentId": "Environments-Staging"}),
        ("deployments", {"ReleaseId": "Releases-shop-1", "EnvironmentId": "Environments-Nowhere"}),
        ("deployments/create/untenanted/v1", {"projectName": "shop"}),
        ("deployments/create/untenanted/v1", {"projectName": "shpo", "releaseVersion": "1", "environmentNames": ["Staging"]}),
        ("deployments/create/untenanted/v1", {"projectName": "shop", "releaseVersion": "$(reboot)", "environmentNames": ["Staging"]}),
        ("deployments/create/untenanted/v1", {"projectName": "shop", "releaseVersion": "1", "environmentNames": ["Staging"],
                                              "specificMachineNames": ["m-9"]}),
        ("deployments/create/untenanted/v1", {"projectName": "shop", "releaseVersion": "1", "environmentNames": ["Staging"],
                                              "variables": {"PATH": "/tmp"}}),
    ],
)  # fmt: skip
def test_a_deployment_that_cannot_be_is_refused_with_a_sentence(alice, path, body):
    before = alice.get("/v1/deployments?take=1")["total"]
    answer = alice.request("POST", f"/api/{path}", body)
    refused(answer, answer.status)
    assert answer.status in (400, 404), answer
    assert alice.get("/v1/deployments?take=1")["total"] == before


def test_a_preview_says_what_would_run_where_and_starts_nothing(alice):
    before = alice.get("/v1/deployments?take=1")["total"]
    preview = alice.get("/api/Spaces-1/releases/Releases-shop-1.0/deployments/preview/Environments-Production")
    steps = {step["ActionName"]: step for step in preview["StepsToExecute"]}
    assert list(steps) == ["Fetch", "Install", "Smoke"]
    assert steps["Install"]["MachineNames"] == ["m-1", "m-2", "m-3"] and steps["Install"]["Roles"] == ["all"]
    assert steps["Install"]["Machines"][0] == {"Id": "Machines-m-1", "DisplayName": "m-1"}
    assert steps["Fetch"]["MachineNames"] == [] and not steps["Fetch"]["HasNoApplicableMachines"]
    assert [step["ActionNumber"] for step in preview["StepsToExecute"]] == ["1", "2", "3"]
    assert preview["Form"]["Values"] == {"BROKEN": "m-2"}
    assert preview["Form"]["Elements"][0]["Name"] == "BROKEN" and not preview["Form"]["Elements"][0]["IsValueRequired"]
    assert preview["UseGuidedFailureModeByDefault"] is True
    assert not alice.get("/api/releases/Releases-shop-1.0/deployments/preview/Staging")["UseGuidedFailureModeByDefault"]
    alice.get("/api/releases/Releases-shop-1.0/deployments/preview/Nowhere", status=404)
    assert alice.get("/v1/deployments?take=1")["total"] == before


def test_a_task_says_how_it_goes_in_each_state(alice):
    number = paused(alice)
    task = alice.get(f"/api/tasks/ServerTasks-{number}")
    assert task["State"] == "Executing" and not task["IsCompleted"] and task["HasPendingInterruptions"] is True
    assert task["PendingInterruptionTypes"] == ["GuidedFailure"] and task["Arguments"]["DeploymentId"] == f"Deployments-{number}"
    assert task["Links"]["Interruptions"] == f"/api/interruptions?regarding=ServerTasks-{number}"
    (listed,) = alice.get(f"/api/tasks?ids=ServerTasks-{number}")["Items"]
    assert listed["Id"] == task["Id"]
    assert f"ServerTasks-{number}" in [item["Id"] for item in alice.get("/api/tasks?states=Executing&hasPendingInterruptions=true")["Items"]]
    behind = alice.deploy("shop", "9", "Production")
    assert alice.get(f"/api/tasks/ServerTasks-{behind}")["State"] == "Queued"
    assert [item["Id"] for item in alice.get(f"/api/tasks/ServerTasks-{behind}/queued-behind")["Items"]] == [f"ServerTasks-{number}"]
    (question,) = alice.questions(number)
    alice.submit(question["id"], "Ignore")
    alice.wait_state(number, "succeeded_with_warnings")
    task = alice.get(f"/api/tasks/ServerTasks-{number}")
    assert (task["State"], task["IsCompleted"], task["FinishedSuccessfully"], task["HasWarningsOrErrors"]) == ("Success", True, True, True)
    alice.wait_questions(behind)
    finish(alice, behind)
    task = alice.get(f"/api/tasks/ServerTasks-{behind}")
    assert (task["State"], task["FinishedSuccessfully"]) == ("Failed", False) and "alice answered Fail" in task["ErrorMessage"]


def test_details_and_raw_tell_the_log(alice):
    number = paused(alice)
    details = alice.get(f"/api/tasks/ServerTasks-{number}/details?verbose=false&tail=30")
    assert details["Task"]["Id"] == f"ServerTasks-{number}" and details["Progress"]["ProgressPercentage"] >= 0
    text = json.dumps(details["ActivityLogs"])
    assert "Attempt 1: exit code 100" in text and "Step 2: Install" in text
    raw = alice.request("GET", f"/api/tasks/ServerTasks-{number}/raw")
    assert raw.status == 200 and b"fetching 1.0" in raw.body and b"no space left" in raw.body
    finish(alice, number)


def test_a_task_is_canceled_without_a_body(alice):
    number = alice.deploy("long", "1", "Production")
    until("it to run", lambda: alice.deployment(number)["steps"][0]["runs"][0]["state"] == "running")
    reply = alice.request("POST", f"/api/Spaces-1/tasks/ServerTasks-{number}/cancel")
    assert reply.status == 200 and reply.json["Id"] == f"ServerTasks-{number}", reply
    alice.wait_state(number, "canceled")
    assert alice.get(f"/api/tasks/ServerTasks-{number}")["State"] == "Canceled"
    refused(alice.request("POST", f"/api/tasks/ServerTasks-{number}/cancel"), 400, "over")


def test_the_same_key_has_one_effect(alice):
    body = {"ReleaseId": "Releases-shop-5.0", "EnvironmentId": "Environments-Staging", "FormValues": {"BROKEN": "none"}}
    first = alice.request("POST", "/api/deployments", body, {"Idempotency-Key": "once"})
    again = alice.request("POST", "/api/deployments", body, {"Idempotency-Key": "once"})
    assert first.status == again.status == 201 and first.json["Id"] == again.json["Id"], (first, again)
    alice.wait_state(int(first.json["Id"].split("-")[1]), "succeeded")


def test_events_tell_who_answered(alice):
    number = paused(alice)
    (question,) = alice.questions(number)
    alice.submit(question["id"], "Retry")
    alice.wait_state(number, "succeeded")
    events = alice.get(f"/api/events?regarding=Deployments-{number}")["Items"]
    assert "GuidedFailureInterruptionRaised" in [event["Category"] for event in events]
    (submitted,) = [event for event in events if event["Message"].startswith("Submitted interruption")]
    assert submitted["Username"] == "alice"


# --- health -------------------------------------------------------------------------------------------------------------------


def test_health_and_metrics_need_no_key_here(rig, alice):
    nobody = Client(rig, None)
    assert nobody.request("GET", "/livez").body == b"ok\n"
    assert nobody.request("GET", "/healthz").status == 200
    ready = nobody.request("GET", "/readyz?verbose")
    assert ready.status == 200 and b"redis: ok" in ready.body and b"leads: yes" in ready.body
    metrics = nobody.request("GET", "/metrics")
    assert metrics.status == 200 and metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {line.split()[2]: line.split()[3] for line in metrics.body.decode().splitlines() if line.startswith("# TYPE")}
    assert names["guidepost_build_info"] == "gauge" and names["guidepost_http_requests_total"] == "counter"
    samples = [line for line in metrics.body.decode().splitlines() if line and not line.startswith("#")]
    assert all(line.startswith("guidepost_") or line.startswith("process_") for line in samples), samples[:5]
    for line in samples:
        float(line.rsplit(" ", 1)[1])
    # Behind a proxy nobody is near.
    assert Client(rig, None, headers={"X-Forwarded-For": "192.0.2.1"}).request("GET", "/metrics").status == 401
    assert alice.request("GET", "/metrics", None, {"X-Forwarded-For": "192.0.2.1"}).status == 200


def test_head_is_get_without_a_body(rig, alice):
    got, head = alice.request("GET", "/api/spaces/all"), alice.request("HEAD", "/api/spaces/all")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == got.headers["Content-Length"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(alice):
    reply = alice.request("POST", "/api/interruptions/Interruptions-1/submit", "x" * (3 << 20))
    assert reply.status == 413, reply


def test_requests_that_are_ambiguous_are_refused(rig):
    server = rig.servers[0]
    for lines in (
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
    ):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.connect()
        request = ["POST /v1/session HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *lines, "", "hello"]
        connection.sock.sendall("\r\n".join(request).encode())
        assert b" 400 " in connection.sock.recv(4096).split(b"\r\n")[0]
        connection.close()
