"""Methods for tools: each is compiled from the catalogue when it is first used.

A method is compiled from source, so that Python itself checks its arguments, and that `inspect`,
`typing` and the frameworks that read signatures find an ordinary function. Only methods in use are
compiled, which keeps the import fast however many tools there are. Type checkers and editors read
`_methods.pyi`, generated from the same catalogue.
"""

from . import _core
from ._typing import Any, AsyncGenerator, Generator  # noqa: F401  # Names in annotations.

__all__ = ["AsyncTools", "SyncTools"]

ANSWER = "dict[str, Any]"


class AsyncTools:
    """A coroutine for each tool, and an asynchronous iterator for each list."""


class SyncTools:
    """A method for each tool, and an iterator for each list."""


class _Method:
    """A method that is not compiled yet. The first access replaces it."""

    def __init__(self, owner, name):
        self.owner = owner
        self.name = name

    def __get__(self, instance, owner=None):
        function = _compile(self.owner, self.name)
        setattr(self.owner, self.name, function)
        return function.__get__(instance, owner)


def _compile(owner, name):
    """Compiles the method `name` of a class."""
    tool, is_stream, keywords, documentation = _core.method(name)
    is_async = owner is AsyncTools
    if is_stream:
        start, call = "def", "self._stream"
        returns = (
            f"AsyncGenerator[{ANSWER}, None]" if is_async else f"Generator[{ANSWER}, None, None]"
        )
    else:
        start, call = ("async def", "await self._ask") if is_async else ("def", "self._ask")
        returns = ANSWER
    signature = ["self"]
    if keywords:
        signature.append("*")
    for keyword, annotation, default in keywords:
        signature.append(
            f"{keyword}: {annotation!r}" + ("" if default is None else f" = {default}")
        )
    arguments = ", ".join(f"{keyword!r}: {keyword}" for keyword, _, _ in keywords)
    source = (
        f"{start} {name}({', '.join(signature)}) -> {returns!r}:\n"
        f"    return {call}({tool!r}, {{{arguments}}})\n"
    )
    namespace = {}
    exec(compile(source, f"<{__name__}.{owner.__name__}.{name}>", "exec"), globals(), namespace)
    function = namespace[name]
    function.__qualname__ = f"{owner.__qualname__}.{name}"
    function.__doc__ = documentation
    return function


for _class in (AsyncTools, SyncTools):
    for _name in _core.METHODS:
        setattr(_class, _name, _Method(_class, _name))
