"""A sandbox account for tests: `with sandbox() as account:`.

The sandbox is a small HTTP server in this process that behaves like PagerDuty's API. Nothing leaves
the machine, and nothing outlives the `with`.
"""

import os

from . import _core
from ._typing import Any, FaultKind, TracebackType, Urgency
from .client import PagerDuty, SyncPagerDuty

__all__ = ["Account", "sandbox"]

RATE_LIMIT = 960
"""The number of requests per minute that PagerDuty allows each token."""


class Account:
    """A running sandbox account.

    Attributes:
        url: The base URL, for `PagerDuty(base_url=…)`.
        token: The API key of the current user, who belongs to two teams.
        control_token: The token of the remote control, for other programs, in `X-Sandbox-Token`.
    """

    def __init__(self, core: _core.Sandbox) -> None:
        """Wraps a running sandbox. `sandbox()` makes one."""
        self._core = core
        self.url: str = core.url
        self.token: str = core.TOKEN
        self.control_token: str = core.control_token

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def environment(self) -> "dict[str, str]":
        """The variables with which a program uses it, for example a server that a test starts."""
        # An empty variable counts as unset, and takes precedence over a `.env` file.
        blank = dict.fromkeys(_core.VARIABLES, "")
        return blank | {"PAGERDUTY_API_HOST": self.url, "PAGERDUTY_API_TOKEN": self.token}

    def client(self, token: "str | None" = None) -> PagerDuty:
        """Makes a client of it, for its current user or for another of its `tokens`."""
        return PagerDuty(self.token if token is None else token, base_url=self.url)

    def sync_client(self, token: "str | None" = None) -> SyncPagerDuty:
        """Makes a client without `asyncio`."""
        return SyncPagerDuty(self.token if token is None else token, base_url=self.url)

    @property
    def description(self) -> "dict[str, Any]":
        """The contents: the users, the tokens and their meaning, and the number of objects."""
        return self._core.describe()

    @property
    def tokens(self) -> "dict[str, str]":
        """The tokens it accepts, each with its meaning, such as a user who may only read."""
        return {one["token"]: one["meaning"] for one in self.description["tokens"]}

    @property
    def current_user(self) -> "dict[str, Any]":
        """The owner of `token`: ID, name, email address and teams."""
        user: dict[str, Any] = self.description["current_user"]
        return user

    @property
    def incidents(self) -> "list[dict[str, Any]]":
        """All incidents as PagerDuty's API writes them, newest first."""
        return self._core.objects("incidents")

    @property
    def services(self) -> "list[dict[str, Any]]":
        """All services as PagerDuty's API writes them."""
        return self._core.objects("services")

    @property
    def teams(self) -> "list[dict[str, Any]]":
        """All teams as PagerDuty's API writes them."""
        return self._core.objects("teams")

    @property
    def users(self) -> "list[dict[str, Any]]":
        """All users as PagerDuty's API writes them."""
        return self._core.objects("users")

    @property
    def schedules(self) -> "list[dict[str, Any]]":
        """All schedules as PagerDuty's API writes them."""
        return self._core.objects("schedules")

    @property
    def shift_schedules(self) -> "list[dict[str, Any]]":
        """All shift-based schedules, without their rotations and shifts."""
        return self._core.objects("shift_schedules")

    @property
    def escalation_policies(self) -> "list[dict[str, Any]]":
        """All escalation policies as PagerDuty's API writes them."""
        return self._core.objects("escalation_policies")

    def incident(self, incident_id: "str | int") -> "dict[str, Any]":
        """Returns one incident, by its ID or number.

        Raises:
            KeyError: There is no such incident.
        """
        for incident in self.incidents:
            if str(incident_id) in (incident["id"], str(incident["incident_number"])):
                return incident
        raise KeyError(incident_id)

    def notes(self, incident_id: "str | int") -> "list[dict[str, Any]]":
        """Returns the notes of an incident, oldest first.

        Raises:
            KeyError: There is no such incident.
        """
        return self._core.notes(str(incident_id))

    def trigger(
        self,
        *,
        title: str,
        service: "str | None" = None,
        urgency: "Urgency" = "high",
        details: "str | None" = None,
    ) -> "dict[str, Any]":
        """Triggers an incident, assigned to the user on call.

        Args:
            title: The title.
            service: The ID or name of its service. The default is one of the current user's teams.
            urgency: The urgency.
            details: The details of the alert.

        Returns:
            The incident as PagerDuty's API writes it.

        Raises:
            ValueError: There is no such service; the message lists the existing ones.
        """
        if urgency not in ("high", "low"):
            raise ValueError(f"urgency is {urgency!r}; it can be 'high' or 'low'")
        return self._core.trigger(
            service=service, title=title, high_urgency=urgency == "high", details=details
        )

    def fail_next(
        self,
        status: "int | None" = None,
        *,
        kind: "FaultKind | None" = None,
        path: str = "*",
        method: "str | None" = None,
        times: int = 1,
        skip: int = 0,
        headers: "dict[str, str] | None" = None,
        body: "str | None" = None,
    ) -> None:
        """Injects a fault into the next request.

        The clients of this package send a read up to three times, so that a call fails only if
        `times` is 3.

        Args:
            status: The HTTP status, 500 by default.
            kind: Another fault: a proxy's HTML page, an empty or truncated response, a connection
                that is reset or hangs, a write that takes effect without a response.
            path: Only requests with this path: `/incidents/{id}` is one incident and not its notes,
                `*` is every path.
            method: Only requests with this method.
            times: The number of requests that fail.
            skip: The number of requests that pass before.
            headers: Headers of the response.
            body: The body of the response. The default is PagerDuty's body for that status.

        Raises:
            ValueError: There is no such status or kind, or a number is negative.
            TypeError: A status and a kind are given.
        """
        if kind is None:
            code = 500 if status is None else status
            if not 200 <= code <= 599:
                raise ValueError(f"status is {code}; it can be 200 to 599")
            fault: Any = {"status": {"code": code, "headers": headers or {}, "body": body}}
        elif status is None and headers is None and body is None:
            fault = kind
        else:
            raise TypeError("status, headers and body belong to a status, which kind excludes")
        self._fault(fault, path, method, times, skip)

    def delay_next(
        self,
        seconds: float,
        *,
        path: str = "*",
        method: "str | None" = None,
        times: int = 1,
        skip: int = 0,
    ) -> None:
        """Delays the response to the next request. The parameters are those of `fail_next`."""
        self._fault({"delay": round(seconds * 1000)}, path, method, times, skip)

    def _fault(self, kind: "Any", path: str, method: "str | None", times: int, skip: int) -> None:
        fault = {"kind": kind, "path": path, "method": method, "times": times, "skip": skip}
        self._core.fail(fault)

    def put_forward(self, seconds: float) -> None:
        """Puts the account's clock forward.

        Then everything scripted until that time has happened.
        """
        self._core.put_forward(seconds)

    def limit_rate(self, requests: int = RATE_LIMIT) -> None:
        """Allows each token this number of requests per minute, from now on. Others get a 429.

        Without an argument PagerDuty's own limit applies again. A client that was limited keeps to
        the limit until the minute is over: continue with a new client.
        """
        self._core.limit_rate(requests)

    @property
    def requests(self) -> "list[dict[str, Any]]":
        """The requests so far, oldest first: `method`, `path`, `query` and `from`."""
        return self._core.requests()

    def clear(self) -> None:
        """Removes faults and the record of requests. Incidents keep their state."""
        self._core.clear()


class _Running:
    """A sandbox that `os.environ` points to, with the values that it replaced."""

    def __init__(self, core: _core.Sandbox, variables: "dict[str, str]") -> None:
        self.core = core
        self.before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)


_RUNNING: "list[_Running]" = []
"""The running sandboxes of this process. The environment points to the last one."""


class sandbox:  # noqa: N801  # Used as a function is: `with sandbox() as account:`.
    """A sandbox account for the duration of a `with`.

    Meanwhile `os.environ` points to it, for everything in this package that reads its settings, and
    for programs that start with that environment. The end restores the environment. If several
    sandboxes run, the environment points to the one that started last.
    """

    def __init__(
        self,
        *,
        incidents: int = 600,
        rate_limit: int = RATE_LIMIT,
        latency: float = 0.0,
        documents: "dict[str, list[dict[str, Any]]] | None" = None,
        scenario: "str | None" = None,
    ) -> None:
        """Takes the properties of the account.

        Args:
            incidents: The number of incidents in the last 60 days.
            rate_limit: The number of requests per minute that each token may send.
            latency: The delay of every response in seconds.
            documents: Objects to add, as PagerDuty's API writes them: `{"teams": [{…}], …}` with
                teams, users, priorities, schedules, escalation_policies and services. An object
                with the ID of another replaces it. The `with` statement raises `ValueError` for
                an object that is not valid, with its name and the field.
            scenario: Events that happen as time goes on: `"outage"`. `Account.put_forward` makes
                time go on at once.
        """
        self._options: dict[str, Any] = {
            "incidents": incidents,
            "rate_limit": rate_limit,
            "latency": latency,
            "documents": documents,
            "scenario": scenario,
        }
        self._running: list[_Running] = []

    def __enter__(self) -> Account:
        core = _core.Sandbox(**self._options)
        account = Account(core)
        running = _Running(core, account.environment)
        self._running.append(running)
        _RUNNING.append(running)
        return account

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        value: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        running = self._running.pop()
        place = _RUNNING.index(running)
        _RUNNING.remove(running)
        if place < len(_RUNNING):
            # The next sandbox restores what this one would have restored.
            _RUNNING[place].before = running.before
        else:
            for name, text in running.before.items():
                if text is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = text
        running.core.stop()
