"""The exceptions of calls."""

from ._typing import Any


class PagerDutyError(Exception):
    """A call failed.

    Match on `code`: codes are stable, messages are not. `docs/errors.md` lists them.

    Attributes:
        message: The reason, with the offending value.
        code: The error code, such as `NOT_FOUND`.
        hint: The next step, if there is one.
        status: The HTTP status, if PagerDuty answered.
        retryable: Whether the same call may succeed later.
        envelope: The whole answer as an MCP client receives it. Some errors have more in
            `envelope["error"]`: `request_id`, `pagerduty_code`, `retry_after_seconds`.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "INTERNAL",
        hint: "str | None" = None,
        status: "int | None" = None,
        retryable: bool = False,
        envelope: "dict[str, Any] | None" = None,
    ) -> None:
        """Makes an error. A test of a caller may leave out everything except the message."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.status = status
        self.retryable = retryable
        self.envelope = envelope or {}

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class PagerDutyAuthError(PagerDutyError):
    """No credential is set, or PagerDuty rejects it."""


class ValidationError(PagerDutyError, ValueError):
    """An argument is missing, invalid, or in conflict with another argument.

    A `ValueError` too, which the 4.x modules raised.
    """
