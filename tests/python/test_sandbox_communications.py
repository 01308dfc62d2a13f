"""Tests that status updates, status pages and stated impacts have the form of PagerDuty's API.

Every answer is checked against its response schema in PagerDuty's OpenAPI description.
"""

import json
import urllib.request

import pytest
from contract import ACCOUNT, BASIC_PLAN, READ_ONLY, USER, ids

pytestmark = [pytest.mark.unit, pytest.mark.client]

SUBSCRIBERS = "/incidents/{id}/status_updates/subscribers"
UPDATES = "/incidents/{id}/status_updates"
IMPACT = "/incidents/{id}/business_services/{business_service_id}/impacts"
POSTS = "/status_pages/{id}/posts"
POST_UPDATES = "/status_pages/{id}/posts/{post_id}/post_updates"
POSTMORTEM = "/status_pages/{id}/posts/{post_id}/postmortem"


def test_subscribers_are_added_once(api):
    incident = api.open_incident()["id"]
    before = api.get(SUBSCRIBERS, id=incident)["subscribers"]
    user = api.get("/users", [("limit", 40)])["users"][30]["id"]
    team = api.get("/teams")["teams"][0]["id"]
    wanted = [
        {"subscriber_id": user, "subscriber_type": "user"},
        {"subscriber_id": team, "subscriber_type": "team"},
    ]
    for result in ("success", "duplicate"):
        body = {"subscribers": wanted[:1]}
        answer = api.send("POST", SUBSCRIBERS, body=body, id=incident)["subscriptions"]
        assert [one["result"] for one in answer] == [result]
    api.send("POST", SUBSCRIBERS, body={"subscribers": wanted}, token=ACCOUNT, id=incident)
    after = api.get(SUBSCRIBERS, id=incident)["subscribers"]
    assert len(after) <= len(before) + 2
    assert {user, team} <= {one["subscriber_id"] for one in after}
    (checkout,) = (
        one
        for one in api.get("/business_services")["business_services"]
        if one["name"] == "Online Checkout"
    )
    assert api.get("/business_services/{id}/subscribers", id=checkout["id"])["subscribers"]
    unknown = {"subscribers": [{"subscriber_id": "PNONE", "subscriber_type": "user"}]}
    for body in (unknown, {"subscribers": []}, {}):
        api.send("POST", SUBSCRIBERS, body=body, status=400, id=incident)
    api.get(SUBSCRIBERS, status=404, id="QNOBODY")


def log_entries(api, incident):
    """Return the log of an incident, of which PagerDuty describes only some entries."""
    url = f"{api.url}/incidents/{incident}/log_entries"
    request = urllib.request.Request(url, headers={"Authorization": USER})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["log_entries"]


def test_status_update_is_in_the_log(api):
    incident = api.open_incident()["id"]
    whole = {"message": "We roll back.", "subject": "Payments", "html_message": "<p>Soon.</p>"}
    for body in (whole, {"message": "We roll back."}):
        update = api.send("POST", UPDATES, body=body, id=incident)["status_update"]
        assert {name: update[name] for name in body} == body
        assert update["sender"]["id"] == api.me()["id"]
    entries = log_entries(api, incident)
    found = [one for one in entries if one["type"] == "status_update_log_entry"]
    assert [one["message"] for one in found] == ["We roll back."] * 2
    for body in ({"message": " "}, {}, {"message": "x", "subject": "without HTML"}):
        api.send("POST", UPDATES, body=body, status=400, id=incident)
    api.send("POST", UPDATES, body=whole, status=400, token=ACCOUNT, id=incident)
    api.send("POST", UPDATES, body=whole, status=403, token=READ_ONLY, id=incident)


def test_template_is_filled(api):
    template = api.get("/templates", [("query", "stakeholder")])["templates"][0]
    assert api.get("/templates/{id}", id=template["id"])["template"] == template
    incident = api.open_incident()
    body = {"incident_id": incident["id"], "status_update": {"message": "We roll back."}}
    answer = api.post("/templates/{id}/render", body, id=template["id"])
    assert answer["templated_fields"]["message"].endswith(": We roll back.")
    assert incident["title"] in answer["templated_fields"]["email_subject"]
    assert answer["errors"] == []
    api.send("POST", "/templates/{id}/render", body=body, status=404, id="PNONE")


def test_stated_impact_precedes_dependencies(api):
    incident = api.open_incident()["id"]
    impacts = "/incidents/{id}/business_services/impacts"
    services = api.get("/business_services")["business_services"]
    before = ids(api.get(impacts, id=incident)["services"])
    other = next(one["id"] for one in services if one["id"] not in before)
    for relation in ("impacted", "not_impacted"):
        parts = {"id": incident, "business_service_id": other}
        answer = api.send("PUT", IMPACT, body={"relation": relation}, **parts)
        assert answer == {"relation": relation}
        is_impacted = other in ids(api.get(impacts, id=incident)["services"])
        assert is_impacted is (relation == "impacted")
    api.send("PUT", IMPACT, body={"relation": "maybe"}, status=400, **parts)
    api.send("PUT", IMPACT, body={"relation": "impacted"}, token=ACCOUNT, **parts)


def test_status_pages_have_parts_and_posts(api):
    pages = api.get("/status_pages")["status_pages"]
    private = api.get("/status_pages", [("status_page_type", "private")])["status_pages"]
    assert {one["status_page_type"] for one in pages} == {"public", "private"}
    assert ids(private) < ids(pages)
    for page in pages:
        for part in ("statuses", "severities", "impacts", "services"):
            template = f"/status_pages/{{id}}/{part}"
            rows = api.get(template, id=page["id"])[part]
            assert rows
            if part != "services":
                found = api.get(template, [("post_type", "maintenance")], id=page["id"])[part]
                assert 0 < len(found) < len(rows)
            api.get(template, status=402, token=BASIC_PLAN, id=page["id"])
        posts = api.get(POSTS, id=page["id"])["posts"]
        for post in posts:
            both = {"id": page["id"], "post_id": post["id"]}
            assert api.get(POSTS + "/{post_id}", **both)["post"] == post
            updates = api.get(POST_UPDATES, **both)["post_updates"]
            assert ids(updates) == ids(post["updates"])
            include = [("include[]", "status_page_post_update")]
            assert api.get(POSTS + "/{post_id}", include, **both)["post"]["updates"] == updates
            api.get(POSTMORTEM, status=200 if "postmortem" in post else 404, **both)
    assert {post["post_type"] for post in api.get(POSTS, id=pages[0]["id"])["posts"]} == {
        "incident",
        "maintenance",
    }
    api.get(POSTS, status=404, id="PNONE")


def test_posts_are_published_with_values_of_their_page(api):
    page, other = (one["id"] for one in api.get("/status_pages")["status_pages"])

    def first(part, of=page, kind="incident"):
        query = [("post_type", kind)] if part != "services" else []
        row = api.get(f"/status_pages/{{id}}/{part}", query, id=of)[part][0]
        return {"id": row["id"], "type": row["type"]}

    update = {
        "type": "status_page_post_update",
        "message": "<p>Soon.</p>",
        "status": first("statuses"),
        "severity": first("severities"),
        "impacted_services": [{"service": first("services"), "impact": first("impacts")}],
        "update_frequency_ms": 300000,
        "notify_subscribers": True,
    }
    post = {
        "type": "status_page_post",
        "title": "Slow",
        "post_type": "incident",
        "starts_at": None,
        "ends_at": None,
        "updates": [update],
        "status_page": {"id": page, "type": "status_page"},
    }
    made = api.send("POST", POSTS, body={"post": post}, status=201, id=page)["post"]
    both = {"id": page, "post_id": made["id"]}
    body = {"post_update": {**update, "post": {"id": made["id"], "type": "status_page_post"}}}
    added = api.send("POST", POST_UPDATES, body=body, status=201, **both)["post_update"]
    assert added["message"] == "<p>Soon.</p>"
    assert len(api.get(POST_UPDATES, **both)["post_updates"]) == 2
    for wrong in (
        {"status": first("statuses", other)},
        {"status": first("statuses", page, "maintenance")},
        {"message": ""},
        {"notify_subscribers": None},
    ):
        body = {"post_update": {**update, **wrong}}
        api.send("POST", POST_UPDATES, body=body, status=400, **both)
    for wrong in (
        {"title": ""},
        {"post_type": "other"},
        {"updates": []},
        {"post_type": "maintenance"},
    ):
        api.send("POST", POSTS, body={"post": {**post, **wrong}}, status=400, id=page)
    postmortem = {
        "type": "status_page_post_postmortem",
        "post": {"id": made["id"], "type": "status_page_post"},
        "message": "<p>A release.</p>",
        "notify_subscribers": False,
    }
    api.get(POSTMORTEM, status=404, **both)
    api.send("PUT", POSTMORTEM, body={"postmortem": postmortem}, **both)
    assert api.get(POSTMORTEM, **both)["postmortem"]["message"] == "<p>A release.</p>"
    api.send("POST", POSTS, body={"post": post}, status=403, token=READ_ONLY, id=page)
