"""The network between a server and PagerDuty, in the hands of a test.

A relay on a port of its own. It can be shut, so that connections break and new ones are refused; it
can be opened again on the same port; and it can hold answers back: what was asked has taken effect
then, and nobody knows. Nothing here depends on time.
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
        """Take a port. Nobody gets through yet."""
        self._portal = portal
        self._scheme, _, port = url.split(":")
        self._target = ("127.0.0.1", int(port))
        # Bound and never listening: while the gate is shut, the port refuses and stays ours.
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
        """Where PagerDuty seems to be."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let connections through, from now on."""
        self._portal.call(self._open)

    def shut(self) -> None:
        """Break every connection and refuse new ones."""
        self._portal.call(self._shut)

    def hold(self, *methods: str) -> None:
        """Hold the answers to requests of these methods. Over TLS the method cannot be read."""
        self._holding = methods

    def wait_until_an_answer_is_held(self) -> None:
        """Wait for the first answer that is kept back."""
        assert self._held.wait(DEADLINE), "nothing was answered"

    def release(self) -> None:
        """Hand over what was kept back, and keep nothing any more."""
        self._holding = ()
        self._portal.call(self._released.set)

    def close(self) -> None:
        """Shut it for good."""
        self.shut()
        self._place.close()

    @staticmethod
    def _share(place: socket.socket) -> None:
        # Where the option is missing (Windows), the other one means the same.
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
                # The head of a request comes in one piece, and one request at a time.
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

        # The end of one direction is the end of both: nobody here half-closes.
        directions = {asyncio.ensure_future(requests()), asyncio.ensure_future(answers())}
        _, other = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        for task in other:
            task.cancel()
        # A connection that broke is what this is for.
        await asyncio.gather(*directions, return_exceptions=True)
        for end in ends:
            end.close()
        self._ends -= ends


@contextmanager
def gate(portal: BlockingPortal, url: str) -> Iterator[Gate]:
    """Open a gate before `url`."""

    async def make() -> Any:
        return Gate(portal, url)

    made: Gate = portal.call(make)
    made.open()
    try:
        yield made
    finally:
        made.release()
        made.close()
