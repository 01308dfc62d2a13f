"""What calls raise."""

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


class PagerDutyError(Exception):
    """A call failed.

    Match on `code`: codes are stable, messages are not. `docs/errors.md` lists them.

    Attributes:
        message: What went wrong, with the offending value.
        code: The error code, such as `NOT_FOUND`.
        hint: What to do next, where there is something to do.
        status: The HTTP status, where PagerDuty answered.
        retryable: Whether the same call may succeed later.
        envelope: The whole answer, as MCP clients get it. `envelope["error"]` has more where there
            is more: `request_id`, `pagerduty_code`, `retry_after_seconds`.
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
        """Make an error; all but the message may be left out, as it is in tests of callers."""
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
    """No credential was given, or PagerDuty does not accept it."""


class ValidationError(PagerDutyError, ValueError):
    """An argument is missing, not what it has to be, or at odds with another.

    A `ValueError` too, which is what the 4.x modules raised.
    """
