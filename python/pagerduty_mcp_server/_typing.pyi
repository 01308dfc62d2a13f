"""The names of annotations, as type checkers read them."""

from collections.abc import AsyncGenerator as AsyncGenerator
from collections.abc import Generator as Generator
from types import TracebackType as TracebackType
from typing import TYPE_CHECKING as TYPE_CHECKING
from typing import Any as Any
from typing import Literal, TypeAlias

from typing_extensions import Self as Self

FaultKind: TypeAlias = Literal["html", "empty", "truncated", "reset", "hang", "lost_response"]
Region: TypeAlias = Literal["us", "eu"]
ToolFormat: TypeAlias = Literal["openai", "openai-responses", "anthropic", "mcp"]
Urgency: TypeAlias = Literal["high", "low"]
