"""A relay between a server and PagerDuty that a test controls.

It has a separate port. A test can shut it, so that connections break and new ones are refused, and
open it again on the same port. It can also hold answers back: then a request has taken effect, but
the server has no answer. Nothing here depends on time.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anyio.from_thread import BlockingPortal

DEADLINE = 30


class Gate:
    """A relay to `url` that runs behind a portal."""

    def __init__(self, portal: BlockingPortal, url: str) -> None:
        """Bind a port. Connections are refused until the gate opens."""
        self._portal = portal
        self._scheme, _, port = url.split(":")
        self._target = ("127.0.0.1", int(port))
        # Bound but never listening: while the gate is shut, the port refuses and stays reserved.
        self._place = socket.socket()
        self._share(self._place)
        self._place.bind(("127.0.0.1", 0))
        self.port: int = self._place.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._holding: tuple[str, ...] = ()
        self._released = asyncio.Event()
        self._held = threading.Event()

    @property
    def url(self) -> str:
        """The URL at which the server reaches PagerDuty."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let connections through."""
        self._portal.call(self._open)

    def shut(self) -> None:
        """Break every connection and refuse new ones."""
        self._portal.call(self._shut)

    def hold(self, *methods: str) -> None:
        """Hold the answers to requests of these methods. Over TLS the method cannot be read."""
        self._holding = methods

    def wait_until_an_answer_is_held(self) -> None:
        """Wait for the first answer that is held back."""
        assert self._held.wait(DEADLINE), "nothing was answered"

    def release(self) -> None:
        """Send the answers that are held back, and hold no more."""
        self._holding = ()
        self._portal.call(self._released.set)

    def close(self) -> None:
        """Shut the gate for good."""
        self.shut()
        self._place.close()

    @staticmethod
    def _share(place: socket.socket) -> None:
        # Windows lacks the option, and has another one with the same effect.
        shared = getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)
        place.setsockopt(socket.SOL_SOCKET, shared, 1)

    async def _open(self) -> None:
        listener = socket.socket()
        self._share(listener)
        listener.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(self._relay, sock=listener)

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()

    async def _relay(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection(*self._target)
        ends = {to_near, to_far}
        self._ends |= ends
        held = False

        async def requests() -> None:
            nonlocal held
            while data := await near.read(1 << 16):
                # The head of a request arrives in one piece, and there is one request at a time.
                held |= data.partition(b" ")[0].decode(errors="replace") in self._holding
                to_far.write(data)
                await to_far.drain()

        async def answers() -> None:
            while data := await far.read(1 << 16):
                if held:
                    self._held.set()
                    await self._released.wait()
                to_near.write(data)
                await to_near.drain()

        # Both directions end together, since no peer closes only one of them.
        directions = {asyncio.ensure_future(requests()), asyncio.ensure_future(answers())}
        _, other = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        for task in other:
            task.cancel()
        # A connection that breaks is expected here.
        await asyncio.gather(*directions, return_exceptions=True)
        for end in ends:
            end.close()
        self._ends -= ends


@contextmanager
def gate(portal: BlockingPortal, url: str) -> Iterator[Gate]:
    """Open a gate in front of `url`."""

    async def make() -> Any:
        return Gate(portal, url)

    made: Gate = portal.call(make)
    made.open()
    try:
        yield made
    finally:
        made.release()
        made.close()
