"""Limits that hold for every call, and the exception for arguments that are wrong."""

from . import _core
from .errors import ValidationError

__all__ = ["RESPONSE_LIMIT", "ValidationError"]

RESPONSE_LIMIT: int = _core.RESPONSE_LIMIT
"""How many results a list has when no `limit` is given."""
