"""Refuses subinterpreters before the extension module is loaded.

The extension has one set of threads for the process. If a subinterpreter loaded it, Python 3.10
and 3.11 could not exit while that interpreter exists, and the main interpreter could no longer load
it.
"""

import _thread


def _is_main() -> bool:
    # Only Python 3.13 and newer have this. The import below takes a fraction of a millisecond.
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
        "interpreter, or in a separate process (under mod_wsgi, WSGIApplicationGroup %{GLOBAL})"
    )
