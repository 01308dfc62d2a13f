"""Refuses subinterpreters, before the extension module is loaded.

The extension has one set of threads for the process. Loaded by a subinterpreter, it would keep
Python 3.10 and 3.11 from ending while that interpreter lives, and the main one could not load it
any more.
"""

import _thread


def _is_main() -> bool:
    # Since Python 3.13; before, the module takes a fraction of a millisecond to import.
    known = getattr(_thread, "_is_main_interpreter", None)
    if known is not None:
        return bool(known())
    try:
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())


if not _is_main():
    raise ImportError(
        "pagerduty_mcp_server cannot be imported in a subinterpreter: import it in the main "
        "interpreter, or in a process of its own (under mod_wsgi, WSGIApplicationGroup %{GLOBAL})"
    )
