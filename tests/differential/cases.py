"""The cases: which tool is called with which arguments, and what PagerDuty answers.

Everything follows from a seed and the recorded answers. Cases with an even number change each known
field in turn, those with an odd number are random.
"""

from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

import bodies
from bodies import Object, Raw, Style
from standin import Answer

BATCH = 25
"""Cases that share a process and its settings."""


@dataclass
class Case:
    """One call, and the answers to its requests."""

    number: int
    tool: str
    arguments: dict[str, Any]
    answers: dict[str, Answer]
    """The answers that differ from the recorded ones, by endpoint."""


@dataclass
class Batch:
    """Cases that run one after another in the same process."""

    number: int
    door: str
    """`stdio`, `http`, `cli`, `protocol` or `http-protocol`."""
    settings: dict[str, str]
    client: str
    protocol: str
    cases: list[Case]
    lines: list[bytes] = field(default_factory=list)
    """For the protocols: messages that are sent as they are."""


@dataclass
class Corpus:
    """The recorded answers, and what calls asked for."""

    recorded: dict[str, Answer]
    hits: dict[int, list[str]]
    """The endpoints that each scenario uses."""
    scenarios: list[tuple[str, dict[str, Any]]]
    fields: dict[str, list[str]]
    """The names that `include` takes, by tool."""

    @cached_property
    def trees(self) -> dict[str, Any]:
        """The recorded answers as trees."""
        return {
            endpoint: bodies.parse(answer.pages[0]) for endpoint, answer in self.recorded.items()
        }

    @cached_property
    def paths(self) -> list[tuple[int, str, tuple[Any, ...]]]:
        """Every place of every answer with a scenario that requests it, in a fixed order."""
        found: dict[tuple[str, tuple[Any, ...]], int] = {}
        for scenario, endpoints in self.hits.items():
            for endpoint in endpoints:
                envelope = self.trees[endpoint]
                main = main_member(envelope)
                rows = (
                    main[1]
                    if isinstance(main[1], list) and not isinstance(main[1], Object)
                    else [main[1]]
                )
                for row in rows[:40]:
                    for path in places(row):
                        found.setdefault((endpoint, path), scenario)
                for name in self.fields.get(self.scenarios[scenario][0], []):
                    found.setdefault((endpoint, (name,)), scenario)
        order = [(scenario, endpoint, path) for (endpoint, path), scenario in found.items()]
        Random(15).shuffle(order)
        return order


def main_member(envelope: Object) -> list[Any]:
    """Return the member of an envelope that has the rows or the object."""
    return next(member for member in envelope if isinstance(member[1], list))


def places(tree: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of a tree. Only the first elements of a list count, as `0`."""
    if isinstance(tree, Object):
        below = [(key, value) for key, value in tree]
    elif isinstance(tree, list):
        below = [(0, value) for value in tree[:2]]
    else:
        return []
    return [path for key, value in below for path in [(*above, key), *places(value, (*above, key))]]


def put(tree: Any, path: tuple[Any, ...], value: Any) -> bool:
    """Replace the value at a path. Adds the last member if it is missing."""
    for key in path[:-1]:
        if isinstance(tree, Object):
            tree = next((member[1] for member in tree if member[0] == key), None)
        else:
            tree = tree[0] if isinstance(tree, list) and tree else None
    if isinstance(tree, Object):
        for member in tree:
            if member[0] == path[-1]:
                member[1] = value
                return True
        tree.append([path[-1], value])
        return True
    if isinstance(tree, list) and tree:
        tree[0] = value
        return True
    return False


def scenarios(me: Any, ids: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls whose requests are recorded, from which all others are derived."""
    other = {"current_user_context": False}
    incident, team, user = ids["incidents"], ids["teams"], ids["users"]
    all_of_one = {
        "include_notes": True,
        "include_past_incidents": True,
        "include_related_incidents": True,
    }
    range_ = {"since": "2026-11-20T00:00:00Z", "until": "2026-12-20T00:00:00Z"}
    return [
        ("build_user_context", {}),
        ("get_incidents", {}),
        ("get_incidents", {"limit": 7}),
        ("get_incidents", {"limit": 250, "since": "2026-10-01", "until": "2026-12-01"}),
        (
            "get_incidents",
            {"offset": 5, "limit": 3, "statuses": ["resolved"], "urgencies": ["high"]},
        ),
        ("get_incidents", {**other, "team_ids": [team]}),
        ("get_incidents", {"incident_id": incident}),
        ("get_incidents", {"incident_id": incident, **all_of_one}),
        ("get_incidents", {"incident_id": incident, "include_notes": True}),
        ("get_incidents", {"incident_id": incident, "include_past_incidents": True}),
        ("get_incidents", {"incident_id": incident, "include_related_incidents": True}),
        ("acknowledge_incident", {"incident_id": incident}),
        ("resolve_incident", {"incident_id": incident}),
        ("add_incident_note", {"incident_id": incident, "content": "checked"}),
        ("get_oncalls", {}),
        ("get_oncalls", {**other, "user_ids": [user], "earliest": True, **range_}),
        ("get_oncalls", {"schedule_ids": [ids["schedules"]], **range_}),
        ("get_schedules", {}),
        ("get_schedules", {"query": "o", "limit": 4}),
        ("get_schedules", {"schedule_id": ids["schedules"]}),
        ("get_schedules", {"schedule_id": ids["schedules"], **range_}),
        ("get_schedules", {"schedule_id": ids["v3"]}),
        ("list_users_oncall", {"schedule_id": ids["schedules"]}),
        ("list_users_oncall", {"schedule_id": ids["schedules"], **range_}),
        ("get_escalation_policies", {}),
        ("get_escalation_policies", {**other, "query": "o"}),
        ("get_escalation_policies", {"policy_id": ids["escalation_policies"]}),
        ("get_services", {}),
        ("get_services", {**other, "query": "o"}),
        ("get_services", {"service_id": ids["services"]}),
        ("get_teams", {}),
        ("get_teams", {"query": "o", "limit": 2}),
        ("get_teams", {"team_id": team}),
        ("get_users", {}),
        ("get_users", {**other, "query": "a"}),
        ("get_users", {"user_id": user}),
    ]


SETTINGS = [
    {},
    {"PAGERDUTY_FORMAT": "compact"},
    {"PAGERDUTY_STRUCTURED_CONTENT": "off"},
    {"PAGERDUTY_RAW_TEXT": "1"},
    {"PAGERDUTY_MAX_RESPONSE_TOKENS": "200"},
    {"PAGERDUTY_MAX_RESPONSE_TOKENS": "1000"},
    {"PAGERDUTY_MAX_RESPONSE_TOKENS": "6000"},
    {"PAGERDUTY_MAX_RESPONSE_TOKENS": "0"},
]
CLIENTS = [
    "diff",
    "diff",
    "claude-code",
    "codex-mcp-client",
    "gemini-cli-mcp-client",
    "opencode",
    "copilot-cli",
]
PROTOCOLS = ["2025-11-25", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


def batch(corpus: Corpus, seed: int, number: int) -> Batch:
    """Return a batch. Four of five run over standard input and output."""
    rng = Random(f"{seed}:batch:{number}")
    settings: dict[str, str] = {}
    for chosen in rng.sample(SETTINGS, rng.choice([0, 1, 1, 2, 3])):
        settings.update(chosen)
    doors = {3: "http", 6: "cli", 8: "protocol", 13: "http", 16: "cli", 18: "http-protocol"}
    door = doors.get(number % 20, "stdio")
    first = number * BATCH
    cases = [case(corpus, seed, at) for at in range(first, first + BATCH)]
    return Batch(number, door, settings, rng.choice(CLIENTS), rng.choice(PROTOCOLS), cases)


def case(corpus: Corpus, seed: int, number: int) -> Case:
    """Return a case."""
    rng = Random(f"{seed}:{number}")
    turn = number // 2 + seed * 7919
    if number % 2 == 0:
        scenario, endpoint, path = corpus.paths[turn % len(corpus.paths)]
        answers = systematic(corpus, rng, endpoint, path)
    else:
        scenario = rng.randrange(len(corpus.scenarios))
        path, answers = (), at_random(corpus, rng, corpus.hits[scenario])
    tool, arguments = corpus.scenarios[scenario]
    return Case(number, tool, vary(corpus, rng, tool, arguments, path), answers)


def vary(
    corpus: Corpus, rng: Random, tool: str, arguments: dict[str, Any], path: tuple[Any, ...]
) -> dict[str, Any]:
    """Return the arguments with an `include` and a `limit`."""
    arguments = dict(arguments)
    if "content" in arguments and rng.random() < 0.8:
        arguments["content"] += f" {rng.randrange(10**9)}"
    known = corpus.fields.get(tool, [])
    if known and rng.random() < 0.5:
        arguments["include"] = include(rng, known, path)
    if (
        rng.random() < 0.15
        and tool.startswith("get_")
        and not any(name.endswith("_id") for name in arguments)
    ):
        arguments["limit"] = rng.choice([0, 1, 2, 3, 5, 50, 99, 100, 101, 200, "4"])
    return arguments


def include(rng: Random, known: list[str], path: tuple[Any, ...]) -> Any:
    """Return names for `include`, most often valid ones."""
    names = rng.sample(known, rng.randint(1, min(6, len(known))))
    if path and isinstance(path[0], str):
        names.append(path[0])
    if rng.random() < 0.3:
        names += rng.sample([*bodies.KEYS, "zzz", "self", "body", "notes"], 2)
    rng.shuffle(names)
    if rng.random() < 0.4:
        names = (
            [f"+{name}" for name in names] if rng.random() < 0.5 else [f"+{names[0]}", *names[1:]]
        )
    chance = rng.random()
    if chance < 0.08:
        names.append(
            rng.choice(
                [
                    "service.id",
                    "teams.summary",
                    "body.details.x",
                    "a b",
                    "",
                    "+",
                    "++id",
                    " id ",
                    "titel",
                    "x" * 65,
                ]
            )
        )
    elif chance < 0.1:
        return rng.choice([",".join(names), [], [""], ["*"], ["all"], names * 30, None, 1])
    return names


def base_rows(main: Any) -> list[Any]:
    """Return the rows of a main member."""
    return main if not isinstance(main, Object) else [main]


def pages_of(rng: Random, envelope: Object, rows: list[Any], count: int) -> list[Object]:
    """Split rows into pages that say whether there is more."""
    size = max(1, -(-len(rows) // count))
    pages = []
    for at in range(count):
        page = bodies.copy(Object(member for member in envelope if not isinstance(member[1], list)))
        name = main_member(envelope)[0]
        page.insert(0, [name, rows[at * size : (at + 1) * size]])
        put(page, ("more",), at + 1 < count)
        if rng.random() < 0.2:
            rng.shuffle(page)
        pages.append(page)
    return pages


def systematic(
    corpus: Corpus, rng: Random, endpoint: str, path: tuple[Any, ...]
) -> dict[str, Answer]:
    """Return answers whose rows differ in one place, by many values."""
    envelope = corpus.trees[endpoint]
    main = main_member(envelope)
    style = Style(rng)
    if isinstance(main[1], Object):
        changed = bodies.copy(envelope)
        put(main_member(changed)[1], path, bodies.value(rng))
        return {endpoint: Answer([style.write(changed)], repeats=True)}
    # A row that has this place, if there is one.
    rows = main[1]
    row = next((row for row in rows[:60] if path in places(row)), rows[0] if rows else Object())
    values = [bodies.valid(rng) for _ in range(24)]
    if rng.random() < 0.3:
        values[rng.randrange(24)] = rng.choice(
            [*bodies.LITERALS, *(Raw(text.encode()) for text in bodies.INVALID)]
        )
    changed_rows = []
    for at, value in enumerate(values):
        fresh = bodies.copy(row)
        put(fresh, ("id",), f"PROW{at}")
        put(fresh, path, value)
        changed_rows.append(fresh)
    page = pages_of(rng, envelope, changed_rows, 1)[0]
    return {endpoint: Answer([style.write(page)])}


def at_random(corpus: Corpus, rng: Random, endpoints: list[str]) -> dict[str, Answer]:
    """Return answers with random changes to one endpoint, or to all."""
    chosen = (
        endpoints
        if rng.random() < 0.15
        else [endpoints[-1] if rng.random() < 0.6 else rng.choice(endpoints)]
    )
    return {endpoint: random_answer(rng, corpus.trees[endpoint]) for endpoint in chosen}


def random_answer(rng: Random, envelope: Object) -> Answer:
    """Return an answer derived from a recorded one."""
    chance = rng.random()
    if chance < 0.03:
        return error_answer(rng)
    style, name = Style(rng), main_member(envelope)[0]
    main = main_member(envelope)[1]
    if isinstance(main, Object):
        pages = [bodies.copy(envelope)]
    else:
        rows = many_rows(rng, main)
        pages = pages_of(rng, envelope, rows, rng.choice([1, 1, 1, 2, 3]))
    for page in pages:
        if rng.random() < 0.9:
            for _ in range(rng.choice([1, 1, 2, 3, 5, 8])):
                bodies.mutate(
                    rng, main_member(page)[1] if any(isinstance(m[1], list) for m in page) else page
                )
        if rng.random() < 0.25:
            change_envelope(rng, page, name)
    written = [style.write(page) for page in pages]
    if rng.random() < 0.12:
        at = rng.randrange(len(written))
        written[at] = bodies.spoil(rng, written[at])
    return Answer(written, repeats=isinstance(main, Object) or rng.random() < 0.02)


def many_rows(rng: Random, rows: list[Any]) -> list[Any]:
    """Return a number of rows, some of which repeat or are no rows at all."""
    count = rng.choice([0, 1, 1, 2, 2, 3, 3, 4, 6, 10]) if rng.random() < 0.97 else 100
    if rng.random() < 0.1 or not rows:
        return [bodies.copy(rng.choice(rows)) if rows else Object() for _ in range(count)]
    chosen = [bodies.copy(row) for row in rng.sample(rows, min(count, len(rows)))]
    if rng.random() < 0.12:
        chosen.insert(rng.randint(0, len(chosen)), bodies.valid(rng))
    return chosen


FLAGS: list[Any] = [
    True, False, None, "true", "false", "True", "", "yes", "1", Raw(b"0"), Raw(b"1"), Raw(b"2"),
    Raw(b"1.0"), Raw(b"-0"), Raw(b"1e400"), [], Object(), [True],
]  # fmt: skip


def change_envelope(rng: Random, page: Object, name: str) -> None:
    """Change an envelope: flags, members and the rows as a whole."""
    match rng.randrange(10):
        case 0:
            put(page, ("more",), rng.choice(FLAGS))
        case 1:
            put(page, ("total",), bodies.valid(rng))
        case 2:
            page.insert(
                0, ["error", Object([["message", bodies.text(rng)], ["code", rng.choice(FLAGS)]])]
            )
        case 3:
            page[:] = [member for member in page if member[0] != name]
        case 4:
            page.insert(rng.randint(0, len(page)), [name, bodies.value(rng)])
        case 5:
            put(page, (name,), bodies.value(rng))
        case 6:
            page.insert(rng.randint(0, len(page)), [bodies.key(rng), bodies.value(rng)])
        case 7:
            page.append(["more", rng.choice(FLAGS)])
        case 8:
            escaped = Raw(f'"\\u{ord(name[0]):04x}{name[1:]}"'.encode())
            page[:] = [[escaped if key == name else key, value] for key, value in page]
        case _:
            rng.shuffle(page)


def error_answer(rng: Random) -> Answer:
    """Return an error of PagerDuty, or something like it. Only statuses that are not retried."""
    status = rng.choice([200, 200, 400, 400, 401, 402, 403, 404, 404, 409, 410, 414, 422, 301, 204])
    error = Object(
        [
            [
                "message",
                rng.choice(
                    [
                        "Not Found",
                        "Invalid Input Provided",
                        "Incident Already Resolved",
                        bodies.text(rng),
                    ]
                ),
            ],
            [
                "code",
                rng.choice(
                    [
                        Raw(b"2100"),
                        Raw(b"2001"),
                        Raw(b"1001"),
                        Raw(b"1005"),
                        "1019",
                        None,
                        Raw(b"2016"),
                    ]
                ),
            ],
            [
                "errors",
                rng.choice([[bodies.text(rng)], ["Requester User Not Found"], bodies.valid(rng)]),
            ],
        ]
    )
    rng.shuffle(error)
    body = Style(rng).write(Object([["error", error if rng.random() < 0.8 else bodies.value(rng)]]))
    if rng.random() < 0.3:
        body = bodies.spoil(rng, body)
    return Answer(
        [b"" if status == 204 else body],
        status,
        rng.choice(["application/json", "text/html"]),
        repeats=True,
    )
