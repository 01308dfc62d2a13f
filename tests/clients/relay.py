"""Starts the server for a client and records every line between them: `relay.py LOG COMMAND...`.

Signals and the end of input reach the server as they would without it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time


def main() -> int:
    log_path, *command = sys.argv[1:]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: server.send_signal(received))
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def record(**what: object) -> None:
        line = json.dumps({"at": time.time(), "process": os.getpid(), **what}, ensure_ascii=False)
        os.write(log, line.encode() + b"\n")

    def pump(source, target, direction: str) -> None:
        for line in source:
            record(**{direction: line.decode(errors="replace").strip()})
            try:
                target.write(line)
                target.flush()
            except OSError:
                break
        with contextlib.suppress(OSError):
            target.close()

    threading.Thread(
        target=pump, args=(sys.stdin.buffer, server.stdin, "sent"), daemon=True
    ).start()
    answers = threading.Thread(
        target=pump, args=(server.stdout, sys.stdout.buffer, "answered"), daemon=True
    )
    answers.start()
    code = server.wait()
    answers.join(timeout=5)
    record(ended=code)
    return code


if __name__ == "__main__":
    # Not `sys.exit`: the thread that reads standard input may still wait for a line.
    os._exit(main() & 0xFF)
