"""An account for tests: `with sandbox() as account:`.

It is a small HTTP server in this process that behaves as PagerDuty's API does. Nothing of it leaves
the machine, and nothing outlives the `with`.
"""

import os

from . import _core
from .client import PagerDuty, SyncPagerDuty

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Literal

    Urgency = Literal["high", "low"]
    FaultKind = Literal["html", "empty", "truncated", "reset", "hang", "lost_response"]
else:
    from ._annotations import Any, FaultKind, TracebackType, Urgency

__all__ = ["Account", "sandbox"]

RATE_LIMIT = 960
"""How many requests a minute PagerDuty allows each token."""


class Account:
    """A running account.

    Attributes:
        url: Where it is: a base URL for `PagerDuty(base_url=…)`.
        token: The API key of its current user, who belongs to two teams.
        control_token: Opens its remote control to other programs, in `X-Sandbox-Token`.
    """

    def __init__(self, core: _core.Sandbox) -> None:
        """Wrap a running account. `sandbox()` makes one."""
        self._core = core
        self.url: str = core.url
        self.token: str = core.TOKEN
        self.control_token: str = core.control_token

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def environment(self) -> "dict[str, str]":
        """The variables that make a program, a server started by a test for one, use it."""
        # Blank counts as unset, and wins over a `.env` file.
        blank = dict.fromkeys(_core.VARIABLES, "")
        return blank | {"PAGERDUTY_API_HOST": self.url, "PAGERDUTY_API_TOKEN": self.token}

    def client(self, token: "str | None" = None) -> PagerDuty:
        """Make a client of it, for its current user or for another of its `tokens`."""
        return PagerDuty(self.token if token is None else token, base_url=self.url)

    def sync_client(self, token: "str | None" = None) -> SyncPagerDuty:
        """Make a client without `asyncio`."""
        return SyncPagerDuty(self.token if token is None else token, base_url=self.url)

    @property
    def description(self) -> "dict[str, Any]":
        """What there is: the cast, the tokens and their meaning, and how many of what."""
        return self._core.describe()

    @property
    def tokens(self) -> "dict[str, str]":
        """The tokens it accepts and what each stands for, such as a user who may only read."""
        return {one["token"]: one["meaning"] for one in self.description["tokens"]}

    @property
    def current_user(self) -> "dict[str, Any]":
        """Who `token` belongs to: id, name, email and teams."""
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
    def escalation_policies(self) -> "list[dict[str, Any]]":
        """All escalation policies as PagerDuty's API writes them."""
        return self._core.objects("escalation_policies")

    def incident(self, incident_id: "str | int") -> "dict[str, Any]":
        """Look at one incident, by its ID or number.

        Raises:
            KeyError: There is no such incident.
        """
        for incident in self.incidents:
            if str(incident_id) in (incident["id"], str(incident["incident_number"])):
                return incident
        raise KeyError(incident_id)

    def notes(self, incident_id: "str | int") -> "list[dict[str, Any]]":
        """Look at the notes of an incident, oldest first.

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
        """Raise an incident, assigned to whoever is on call.

        Args:
            title: What is wrong.
            service: The ID or name of its service; by default one of the current user's teams.
            urgency: Its urgency.
            details: What there is to say about it.

        Returns:
            The incident as PagerDuty's API writes it.

        Raises:
            ValueError: There is no such service; the message lists those there are.
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
        """Make the next request go wrong.

        The clients here try a read up to three times, so that a call fails only if `times` is 3.

        Args:
            status: The HTTP status, 500 by default.
            kind: What else goes wrong: a proxy's HTML page, an empty or truncated answer, a
                connection that is reset or hangs, a change that takes effect and is not answered.
            path: Which requests: `/incidents/{id}` is one incident and not its notes, `*`
                everything.
            method: Only those with this method.
            times: How many of them.
            skip: How many pass before.
            headers: Headers of the answer.
            body: Its body; by default PagerDuty's own for that status.

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
        """Make the next request be answered late. Parameters as in `fail_next`."""
        self._fault({"delay": round(seconds * 1000)}, path, method, times, skip)

    def _fault(self, kind: "Any", path: str, method: "str | None", times: int, skip: int) -> None:
        fault = {"kind": kind, "path": path, "method": method, "times": times, "skip": skip}
        self._core.fail(fault)

    def limit_rate(self, requests: int = RATE_LIMIT) -> None:
        """Allow each token so many requests a minute, beginning now; then it is answered with 429.

        Without an argument it is PagerDuty's own limit again. A client that was limited believes it
        until the minute is over: go on with a new one.
        """
        self._core.limit_rate(requests)

    @property
    def requests(self) -> "list[dict[str, Any]]":
        """The requests so far, oldest first: `method`, `path`, `query` and `from`."""
        return self._core.requests()

    def clear(self) -> None:
        """Forget faults and requests. Incidents keep their state."""
        self._core.clear()


class _Running:
    """An account that `os.environ` points to, and what that was before."""

    def __init__(self, core: _core.Sandbox, variables: "dict[str, str]") -> None:
        self.core = core
        self.before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)


_RUNNING: "list[_Running]" = []
"""Those that run in this process, the one that holds last."""


class sandbox:  # noqa: N801  # Used as a function is: `with sandbox() as account:`.
    """An account for the time of a `with`.

    Meanwhile `os.environ` points to it, and so everything in this package that reads its settings
    then, and everything that is started with that environment; at the end it is as before. Of
    several, whichever ends first, the one that was begun last and still runs holds.
    """

    def __init__(
        self, *, incidents: int = 600, rate_limit: int = RATE_LIMIT, latency: float = 0.0
    ) -> None:
        """Say what the account is like.

        Args:
            incidents: How many incidents it has had in the last 60 days.
            rate_limit: How many requests a minute each token may send.
            latency: Seconds by which every answer is held back.
        """
        self._options: dict[str, Any] = {
            "incidents": incidents,
            "rate_limit": rate_limit,
            "latency": latency,
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
            # What was before this one is before the one that was begun after it.
            _RUNNING[place].before = running.before
        else:
            for name, text in running.before.items():
                if text is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = text
        running.core.stop()
