"""Tests of serving over HTTP: the credential in use, the offered tools, the start and the end."""

import json
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doors import TOOLS, Door, native
from test_auth import EVERYTHING
from test_http_lifetime import INITIALIZE
from web import DEADLINE, Web, serve

pytestmark = [pytest.mark.unit, pytest.mark.server]

USER = "sandbox-user"
TEAMLESS = "sandbox-teamless-user"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER_TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def web(sandbox, nowhere: Path):
    """Return a server with its own credential, for this machine only."""
    with serve(
        native(), cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url, PAGERDUTY_API_TOKEN=USER
    ) as web:
        yield web


@pytest.fixture
def public(sandbox, nowhere: Path):
    """Return a server with its own credential, for other machines, too."""
    with serve(
        native(),
        *("--host", "0.0.0.0"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN=USER,
    ) as web:
        yield web


def name(web: Web, **headers: str) -> str:
    return web.call("build_user_context", **headers)["name"]


def test_http_start_prints_address_and_credential(web: Web, public: Web):
    assert re.match(r"Serving MCP at http://127\.0\.0\.1:\d+/mcp\. Only this machine", web.greeting)
    assert "Every request needs its own X-PagerDuty-Token header." in public.greeting


@pytest.mark.parametrize("name", ["http", "streamable-http"])
@pytest.mark.parametrize(
    ("host", "port"), [("FASTMCP_HOST", "FASTMCP_PORT"), ("MCP_HOST", "MCP_PORT")]
)
def test_http_accepts_variables_of_python_servers(door: Door, nowhere: Path, name, host, port):
    variables = {"FASTMCP_TRANSPORT": name, host: "localhost", port: "0"}
    with door.start("--sandbox", cwd=nowhere, **variables) as process:
        try:
            assert process.stderr.readline().startswith("Serving MCP at http://")
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    "variables",
    [
        {"FASTMCP_TRANSPORT": "sse"},
        {"FASTMCP_TRANSPORT": "http", "MCP_PORT": "many"},
        {"FASTMCP_TRANSPORT": "http", "FASTMCP_PORT": "65536"},
        {"FASTMCP_TRANSPORT": "http", "FASTMCP_HOST": "192.0.2.1"},
    ],
)
def test_http_unusable_settings_stop_start(nowhere: Path, variables):
    done = native().run("--sandbox", cwd=nowhere, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint:" in done.stderr


def test_http_options_win_over_environment(nowhere: Path):
    done = native().run("--transport", "stdio", "--sandbox", cwd=nowhere, FASTMCP_TRANSPORT="http")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_http_dotenv_cannot_enable_http(tmp_path: Path):
    (tmp_path / ".env").write_text("FASTMCP_TRANSPORT=http\nFASTMCP_HOST=0.0.0.0\n")
    done = native().run("--sandbox", cwd=tmp_path)
    assert done.returncode == 0
    assert "Serving MCP" not in done.stderr
    assert "FASTMCP_TRANSPORT" in done.stderr, "the log names the ignored variables"
    assert "FASTMCP_HOST" in done.stderr


def test_http_header_token_wins(web: Web):
    mine, theirs = name(web), name(web, X_PagerDuty_Token=TEAMLESS)
    assert mine != theirs
    assert name(web, X_PagerDuty_Token=f" {USER} ") == mine
    refused = web.call("get_teams", X_PagerDuty_Token="nonsense")
    assert refused["error"]["code"] == "AUTHENTICATION_FAILED"
    assert "nonsense" not in json.dumps(refused)


def test_http_configured_author_is_not_used_for_callers(sandbox, nowhere: Path):
    robot = sandbox.control("GET", "/sandbox")["current_user"]
    with serve(
        native(),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN="sandbox-account-key",
        PAGERDUTY_USER_EMAIL=robot["email"],
    ) as web:
        (incident,) = web.call("get_incidents", {"limit": 1}, X_PagerDuty_Token=USER)["incidents"]
        note = {"incident_id": incident["id"], "content": "seen"}
        written = web.call("add_incident_note", note)["notes"][0]
        assert written["user"]["id"] == robot["id"]
        refused = web.call("add_incident_note", note, X_PagerDuty_Token="sandbox-account-key")
    assert refused["error"]["code"] == "NO_USER_CONTEXT"


def test_http_authorization_header_is_credential(web: Web):
    theirs = name(web, X_PagerDuty_Token=TEAMLESS)
    for value in (f"Bearer {TEAMLESS}", f"Token token={TEAMLESS}"):
        assert name(web, Authorization=value) == theirs
    for gateways in ("Basic dTpw", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln"):
        assert name(web, Authorization=gateways) == name(web), "the gateway's own"


@pytest.mark.parametrize(
    ("options", "variables"),
    [(["--require-key"], {}), ([], {"PAGERDUTY_REQUIRE_KEY": "1"})],
)
def test_http_token_can_be_required_on_loopback(sandbox, nowhere: Path, options, variables):
    own = {"PAGERDUTY_API_HOST": sandbox.url, "PAGERDUTY_API_TOKEN": USER}
    with serve(native(), *options, cwd=nowhere, **own, **variables) as web:
        assert "Every request needs its own X-PagerDuty-Token header." in web.greeting
        for method in ("initialize", "tools/list", "tools/call"):
            assert web.ask(method, {"name": "get_teams"}).status == 401
        assert web.call("get_teams", Authorization=f"Bearer {USER}")["teams"]


@pytest.mark.parametrize("variables", [{}, {"PAGERDUTY_REQUIRE_KEY": "1"}])
def test_http_required_token_and_shared_credential_conflict(nowhere: Path, variables):
    required = [] if variables else ["--require-key"]
    options = ["--transport", "http", "--port", "0", "--shared-credential", *required]
    done = native().run(*options, cwd=nowhere, **variables)
    assert done.returncode == 2
    assert "--shared-credential" in done.stderr
    assert "hint:" in done.stderr


@pytest.mark.parametrize("token", ["", "  ", "(null)", "undefined"])
def test_http_empty_header_has_no_fallback(web: Web, token: str):
    answer = web.ask("tools/list", X_PagerDuty_Token=token)
    assert answer.status == 401
    assert answer.error["data"]["code"] == "MISSING_CREDENTIALS"


def test_http_public_server_needs_callers_credential(public: Web):
    for method in ("initialize", "tools/list", "tools/call"):
        answer = public.ask(method, {"name": "get_teams"})
        assert answer.status == 401
        assert "WWW-Authenticate" in {key.title().replace("Www", "WWW") for key in answer.headers}
        assert answer.error["data"]["code"] == "MISSING_CREDENTIALS"
        assert "X-PagerDuty-Token" in answer.error["data"]["hint"]
    assert public.call("get_teams", X_PagerDuty_Token=USER)["teams"]


def test_http_credential_can_be_shared(sandbox, nowhere: Path):
    shared = {"PAGERDUTY_API_HOST": sandbox.url, "PAGERDUTY_API_TOKEN": USER}
    with serve(
        native(), *("--host", "0.0.0.0"), "--shared-credential", cwd=nowhere, **shared
    ) as web:
        assert "acts in its name" in web.greeting
        assert web.call("get_teams")["teams"]


def test_http_login_is_never_used(nowhere: Path):
    with serve(native(), cwd=nowhere, PAGERDUTY_CLIENT_ID="client") as web:
        error = web.call("get_teams")["error"]
    assert error["code"] == "MISSING_CREDENTIALS"
    assert "cannot use the login" in error["message"]


def offered(web: Web, **headers: str) -> list[str]:
    return [tool["name"] for tool in web.ask("tools/list", **headers).result["tools"]]


def test_http_request_headers_narrow_tools(web: Web):
    assert offered(web) == TOOLS
    assert offered(web, X_MCP_Readonly="false") == TOOLS
    reads = offered(web, X_MCP_Readonly="TRUE")
    assert len(reads) == 9
    assert "resolve_incident" not in reads
    both = {"X_MCP_Readonly": "true", "X_MCP_Tools": " get_users, get_teams,resolve_incident"}
    assert offered(web, **both) == ["get_teams", "get_users"]
    assert offered(web, X_MCP_Tools="") == []
    of_people = ["build_user_context", "get_teams", "get_users"]
    assert offered(web, X_MCP_Toolsets="teams, users") == of_people
    assert offered(web, X_MCP_Toolsets="all") == TOOLS
    crossed = {"X_MCP_Toolsets": "teams,users", "X_MCP_Tools": "get_teams,get_incidents"}
    assert offered(web, **crossed) == ["get_teams"]
    assert offered(web, X_MCP_Toolsets="") == TOOLS, "a gateway's empty variable"
    assert web.call("get_teams", **both)["teams"]
    refused = web.ask("tools/call", {"name": "resolve_incident", "arguments": {}}, **both).json
    assert refused["error"]["code"] == -32602
    assert refused["error"]["message"].endswith("the tools are: get_teams, get_users")
    document = web.ask("resources/read", {"uri": "docs://tools"}, **both).result["contents"][0]
    assert "## get_teams" in document["text"]
    assert "## resolve_incident" not in document["text"]
    assert offered(web) == TOOLS, "and only itself"


def test_http_request_headers_cannot_widen_tools(sandbox, nowhere: Path):
    with serve(
        native(), "--read-only", "--tools", "get_teams,resolve_incident", cwd=nowhere
    ) as web:
        wide = {"X_MCP_Readonly": "false", "X_MCP_Tools": ",".join(TOOLS)}
        assert offered(web, **wide) == ["get_teams"]
        assert offered(web, X_MCP_Tools="get_users") == []


@pytest.mark.parametrize(
    ("header", "value"),
    [("X_MCP_Readonly", "yes"), ("X_MCP_Tools", "get_team"), ("X_MCP_Toolsets", "team")],
)
def test_http_invalid_filter_is_refused(web: Web, header, value):
    answer = web.ask("tools/list", **{header: value})
    assert answer.status == 400
    assert value in answer.error["message"]
    assert answer.error["data"]["hint"]


def test_http_sessions_belong_to_their_credential(sandbox, nowhere: Path):
    with serve(native(), "--sessions", cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url) as web:
        opened = web.ask("initialize", INITIALIZE, X_PagerDuty_Token=USER)
        session = {"Mcp_Session_Id": opened.headers["mcp-session-id"]}
        assert session["Mcp_Session_Id"]
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert web.send(body=note, X_PagerDuty_Token=USER, **session).status == 202
        for token in ({"X_PagerDuty_Token": TEAMLESS}, {}):
            for method in ("POST", "GET", "DELETE"):
                body = {"jsonrpc": "2.0", "id": 2, "method": "ping"} if method == "POST" else None
                answer = web.send(body=body, method=method, **token, **session)
                assert answer.status == 404, (method, token)
        assert '"result"' in web.ask("ping", X_PagerDuty_Token=USER, **session).text
        assert web.send(method="DELETE", X_PagerDuty_Token=USER, **session).status in (200, 202)
        assert web.ask("ping", X_PagerDuty_Token=USER, **session).status == 404


def test_http_stateless_requests_work_on_any_instance(web: Web):
    opened = web.ask(
        "initialize",
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    )
    assert opened.result["protocolVersion"] == "2025-06-18"
    assert "mcp-session-id" not in {key.lower() for key in opened.headers}
    assert web.send(method="GET", Accept="text/event-stream").status == 405


def test_http_trace_is_forwarded_and_logged(sandbox, nowhere: Path):
    with serve(
        native(),
        *("--log-format", "json", "--log-level", "debug"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_API_TOKEN=USER,
    ) as web:
        web.call(
            "get_teams",
            traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
            tracestate="vendor=1",
        )
        web.call("get_users", {"current_user_context": True}, traceparent="00-nonsense-01")
        traced = {"traceparent": f"00-{OTHER_TRACE}-00f067aa0ba902b7-01"}
        assert web.ask("tools/list", X_MCP_Readonly="perhaps", **traced).status == 400
        assert web.ask("tools/list", Host="evil.example", **traced).status == 403
        requests = sandbox.control("GET", "/sandbox/requests")
    (teams,) = [request for request in requests if request["path"] == "/teams"]
    assert re.fullmatch(rf"00-{TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", teams["traceparent"])
    assert all(other["traceparent"] is None for other in requests if other is not teams)
    lines = [json.loads(line) for line in web.log]
    answered = [line for line in lines if line.get("message") == "PagerDuty answered"]
    assert answered[0]["span"]["trace_id"] == TRACE
    assert all(line["request_id"].startswith("sandbox-") for line in answered)
    assert any(line.get("message") == "call answered" for line in lines)
    refused = [line for line in lines if line.get("message") == "request refused"]
    assert [line["span"]["trace_id"] for line in refused] == [OTHER_TRACE] * 2


def test_http_override_is_logged_with_its_schedule(sandbox, nowhere: Path):
    with serve(
        native(),
        *("--log-format", "json", "--toolsets", "oncall,schedules"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
    ) as web:
        (schedule,) = web.call("get_schedules", {"limit": 1}, X_PagerDuty_Token=USER)["schedules"]
        start, end = (
            (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
            for days in (20, 21)
        )
        period = {"start": start, "end": end, "user_id": "me"}
        arguments = {"schedule_id": schedule["id"], **period}
        web.call("override_oncall", {**arguments, "dry_run": True}, X_PagerDuty_Token=USER)
        made = web.call("override_oncall", arguments, X_PagerDuty_Token=USER)
        made = made["overrides"][0]["id"]
        cancel = {"schedule_id": schedule["id"], "override_id": made}
        web.call("cancel_override", cancel, X_PagerDuty_Token=USER)
    lines = [json.loads(line) for line in web.log]
    changes = [line for line in lines if line["target"] == "pagerduty_mcp_server::audit"]
    assert [(line["tool"], line["object"], line["outcome"]) for line in changes] == [
        ("override_oncall", f"schedule {schedule['id']}", "applied"),
        ("cancel_override", f"override {made} of schedule {schedule['id']}", "applied"),
    ], "a dry run changes nothing"
    assert all("incident" not in line for line in changes)


def test_http_writes_are_logged_with_author(sandbox, nowhere: Path):
    """The line is written at the default level, and every line of the log is JSON."""
    with serve(
        native(), "--log-format", "json", cwd=nowhere, PAGERDUTY_API_HOST=sandbox.url
    ) as web:
        arguments = {"statuses": ["triggered"], "limit": 1}
        (incident,) = web.call("get_incidents", arguments, X_PagerDuty_Token=USER)["incidents"]
        me = web.call("build_user_context", X_PagerDuty_Token=USER)
        content = {"incident_id": incident["id"], "content": "a text that only PagerDuty may have"}
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "an-agent", "version": "1.2"},
        }
        web.ask(
            "tools/call",
            {"name": "add_incident_note", "arguments": content, "_meta": meta},
            X_PagerDuty_Token=USER,
            Mcp_Protocol_Version="2026-07-28",
            Mcp_Method="tools/call",
            Mcp_Name="add_incident_note",
            traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
        )
        by_number = {"incident_id": incident["incident_number"]}
        for meta in [None, {"progressToken": "t"}]:
            params = {"name": "resolve_incident", "arguments": by_number, "_meta": meta}
            web.ask("tools/call", params, X_PagerDuty_Token=USER)
        web.call("resolve_incident", {"incident_id": "bad id!"}, X_PagerDuty_Token=USER)
    assert json.loads(web.greeting)["message"].startswith("Serving MCP at ")
    lines = [json.loads(line) for line in web.log]
    changes = [line for line in lines if line["target"] == "pagerduty_mcp_server::audit"]
    assert [(line["tool"], line["outcome"], line.get("error")) for line in changes] == [
        ("add_incident_note", "applied", None),
        ("resolve_incident", "applied", None),
        ("resolve_incident", "failed", "ALREADY_RESOLVED"),
    ]
    for line in changes:
        assert line["incident"] == incident["id"]
        assert line["object"] == f"incident {incident['id']}"
        assert (line["user_id"], line["author"]) == (me["user_id"], me["email"])
        assert line["credential"] == "the X-PagerDuty-Token header"
        assert isinstance(line["elapsed_s"], float)
        assert (line["sent"], line["withdrawn"], line["door"]) == (True, False, "http")
        assert line["request_id"]
    assert len({line["credential_fingerprint"] for line in changes}) == 1
    clients = [line.get("client") for line in changes]
    assert clients == ["an-agent 1.2", None, None], "only the first names itself"
    assert changes[0]["span"]["trace_id"] == TRACE
    everything = web.greeting + "".join(web.log)
    assert "a text that only" not in everything
    assert USER not in everything


def test_http_start_error_is_json_with_json_log(nowhere: Path):
    done = native().run("--log-format", "json", "--region", "mars", cwd=nowhere)
    assert done.returncode == 2
    (error,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert (error["level"], error["code"]) == ("ERROR", "INVALID_CONFIGURATION")
    assert "mars" in error["message"]
    assert error["hint"]


def test_http_logs_no_credential(sandbox, nowhere: Path):
    secrets = ["u+a-secret-that-is-refused", USER]
    with serve(
        native(),
        *("--log-format", "json", "--sessions"),
        cwd=nowhere,
        PAGERDUTY_API_HOST=sandbox.url,
        PAGERDUTY_LOG=f"{EVERYTHING},rmcp=trace,tower_http=trace",
    ) as web:
        for token in secrets:
            for method, params in [
                ("initialize", INITIALIZE),
                ("tools/list", None),
                ("tools/call", {"name": "get_teams", "arguments": {}}),
            ]:
                web.ask(method, params, X_PagerDuty_Token=token)
            meta = {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            web.ask(
                "tools/call",
                {"name": "get_teams", "arguments": {}, "_meta": meta},
                X_PagerDuty_Token=token,
                Mcp_Protocol_Version="2026-07-28",
                Mcp_Method="tools/call",
                Mcp_Name="get_teams",
            )
            web.ask("tools/list", X_PagerDuty_Token=token, X_MCP_Tools="nonsense")
    assert any("rmcp" in line for line in web.log), "the libraries speak, too"
    assert any("call answered" in line for line in web.log)
    for line in web.log:
        assert not any(f'{secret}"' in line or f"{secret}\\" in line for secret in secrets), line
        assert "u+a-secret" not in line


def test_http_probes_are_answered(web: Web):
    assert web.send("/healthz").status == 200
    assert web.send("/readyz").status == 200
    assert web.send("/healthz", Host="10.1.2.3:8000").status == 200, "a pod, by its address"


def test_http_metrics_count_only_calls_and_requests(web: Web, sandbox):
    policy = web.call("get_escalation_policies", {"limit": 1})["escalation_policies"][0]["id"]
    incident = web.call("get_incidents", {"limit": 1})["incidents"][0]["id"]
    web.call("get_escalation_policies", {"policy_id": policy})
    web.call("get_incidents", {"incident_id": incident, "include_notes": True})
    web.call("get_teams", {"limit": -1})
    web.ask("tools/call", {"name": "secret_tool"})
    web.send("/secret/path")
    web.call("get_teams", X_PagerDuty_Token="secret-token")
    sandbox.fail({"status": {"code": 404}}, path="/teams")
    web.call("get_teams")
    text = web.send("/metrics").text
    for line in (
        'pagerduty_mcp_calls_total{tool="get_incidents",outcome="ok"} 2',
        'pagerduty_mcp_calls_total{tool="get_teams",outcome="INVALID_PARAMETER"} 1',
        'pagerduty_mcp_calls_total{tool="unknown",outcome="UNKNOWN_TOOL"} 1',
        'pagerduty_mcp_calls_total{tool="get_teams",outcome="AUTHENTICATION_FAILED"} 1',
        'method="GET",path="/escalation_policies/{id}",status="200"} 1',
        'method="GET",path="/incidents/{id}",status="200"} 1',
        'method="GET",path="/incidents/{id}/notes",status="200"} 1',
        'method="GET",path="/teams",status="404"} 1',
        'method="GET",path="/teams",status="401"} 1',
        'pagerduty_mcp_http_requests_total{path="other",status="404"} 1',
        "pagerduty_mcp_http_in_flight 0",
        'cache="context",outcome="miss"}',
        'cache="context",outcome="hit"}',
        "pagerduty_mcp_api_rate_limit_headroom_ratio_count",
        'pagerduty_mcp_call_duration_seconds_count{tool="get_incidents"} 2',
    ):
        assert line in text, text
    assert text.endswith("# EOF\n")
    for hidden in ("secret", USER, policy, incident):
        assert hidden not in text
