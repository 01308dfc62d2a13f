"""Stand-ins for the names of `typing` in annotations, for programs that read them at run time.

Type checkers read `_typing.pyi`, which has the real ones. An import of `typing` would take longer
than that of everything else in this package. So at run time `object` stands for `Any`, and `str`
for a choice of texts.
"""

from _collections_abc import AsyncGenerator, Generator  # Always loaded; `collections` is not.

__all__ = [
    "TYPE_CHECKING",
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

TYPE_CHECKING = False
Any = Self = TracebackType = object
FaultKind = Region = ToolFormat = Urgency = str
