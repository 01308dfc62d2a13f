"""Limits of every call, and the exception for wrong arguments."""

from . import _core
from .errors import ValidationError

__all__ = ["RESPONSE_LIMIT", "ValidationError"]

RESPONSE_LIMIT: int = _core.RESPONSE_LIMIT
"""The number of rows in a list without `limit`."""
