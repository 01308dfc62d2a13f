"""What annotations name, for programs that read them: frameworks that make tools of functions.

Type checkers are shown the real thing. To import `typing` would take longer than everything else
here, so these stand for what a program can do without: `object` takes anything, as `Any` does,
and the core says itself which texts it takes.
"""

from _collections_abc import AsyncGenerator, Generator  # Loaded already; `collections` is not.

__all__ = [
    "Any",
    "AsyncGenerator",
    "FaultKind",
    "Generator",
    "Region",
    "Self",
    "ToolFormat",
    "TracebackType",
    "Urgency",
]

Any = Self = TracebackType = object
FaultKind = Region = ToolFormat = Urgency = str
