"""The bridge process seen from the platform: started on first use, one exchange at a time, noticed when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import socket
import sys
from pathlib import Path

from lambent.cloud.bridge.messages import PREFIX, Message, decode_value
from lambent.cloud.bridge.patched import missing

logger = logging.getLogger(__name__)

_STOP_S = 5.0


class BridgeUnavailableError(Exception):
    """The bridge process cannot be started, or ended in the middle of an exchange."""


class BridgeProcess:
    """One moto process and the socket to it. Exchanges are the caller's to serialise."""

    def __init__(
        self, child: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._child = child
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> BridgeProcess:
        """Start the process. Raises BridgeUnavailableError where moto is not installed, or is another than we mend."""
        spec = importlib.util.find_spec("moto")
        if spec is None or spec.origin is None:
            raise BridgeUnavailableError("moto is not installed")
        if lacks := missing(Path(spec.origin).parent):
            logger.error("the installed moto is none that Lambent works with: it lacks %s", "; ".join(lacks))
            raise BridgeUnavailableError(
                f"the installed moto lacks {lacks[0]}; pip install 'lambent[bridge]' brings one that has it"
            )
        ours, theirs = socket.socketpair()
        with theirs:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "lambent.cloud.bridge.moto",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                # A group of its own: Ctrl-C is for the platform, which then closes the socket.
                start_new_session=True,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        return cls(child, reader, writer)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self._child.returncode is None and not self._reader.at_eof()

    async def exchange(self, message: Message) -> Message:
        """Send one message and return the answer. Raises BridgeUnavailableError if the process ends meanwhile."""
        try:
            self._writer.write(message.encode())
            await self._writer.drain()
            header_length, body_length = PREFIX.unpack(await self._reader.readexactly(PREFIX.size))
            header = decode_value(await self._reader.readexactly(header_length))
            return Message(header, await self._reader.readexactly(body_length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise BridgeUnavailableError("the bridge process ended in the middle of a request") from error

    async def stop(self) -> None:
        """End the process: by closing its socket, then, after a bounded wait, by force."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        try:
            await asyncio.wait_for(self._child.wait(), _STOP_S)
        except TimeoutError:
            logger.warning("the bridge process did not end by itself and is killed")
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()
