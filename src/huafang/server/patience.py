"""How long a sender or a reader may take: uvicorn waits for ever for the rest of a request, and for a client that does not read its answer, so that some
hundred of them would hold the door.

A request's head has to come within HEAD. Its body has to come at RATE or faster on the whole, with pauses of PATIENCE. Who is slower is answered 408 and
cut off. A client that takes less than READ bytes of its answer within PATIENCE, while there are more for it, is cut off too. Streams that we keep open and
that have nothing to say have no such end.
"""

import asyncio
import json
import socket
import struct
import sys

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 10.0
"""Seconds from the first byte of a request, or from the opening of a connection, to the end of its headers."""
PATIENCE = 30.0
"""Seconds for which a body may come slower than RATE."""
RATE = 32_000.0
"""Bytes a second: a picture of 64 MB has 35 minutes."""
READ = 64 * 1024
"""Bytes that a reader has to take within PATIENCE: about 3 kB a second, as the kernel reports progress in thirds of its buffer."""
KERNEL_BUFFER = 128 * 1024
"""Bytes that the kernel may hold for a client. It would take megabytes by itself, and say nothing for minutes while a slow client empties them."""


class PatientProtocol(H11Protocol):
    """uvicorn's own, with a clock that runs while we wait for the sender."""

    _clock: asyncio.TimerHandle | None = None
    _due = 0.0
    """When our patience ends, on the loop's clock."""
    _taking: object = None
    """The request whose body we wait for; None while we wait for a head."""
    _reader: asyncio.TimerHandle | None = None
    """The clock that runs while a client has not taken all that was written."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that we hear of every byte that is not taken, and when all are
        if (line := transport.get_extra_info("socket")) is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        self._start(HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._stop_reader()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        now = self.loop.time()
        state = self.conn.their_state
        if state is h11.SEND_BODY and self._taking is self.cycle:
            # each byte buys time, but never more than we have patience for: a quick beginning is no credit
            self._due = min(self._due + len(data) / RATE, now + PATIENCE)
        elif state is h11.SEND_BODY:
            self._taking = self.cycle
            self._start(PATIENCE)
        elif state is h11.IDLE:
            if self._clock is None or self._taking is not None:
                self._taking = None
                self._start(HEAD)
        else:
            self._stop()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reader is None:
            self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_reader()

    def _watch_reader(self) -> None:
        self._reader = self.loop.call_later(PATIENCE, self._look_at_reader, self.transport.get_write_buffer_size())

    def _look_at_reader(self, before: int) -> None:
        """While writing is paused nothing is added, so what the buffer lost is what the client took."""
        if before - self.transport.get_write_buffer_size() >= READ:
            self._watch_reader()
        else:
            self._reader = None
            line = self.transport.get_extra_info("socket")
            if line is not None:  # without this the kernel keeps megabytes for the client, for as long as it answers
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
            self.transport.abort()  # close() would wait for the client to take the rest

    def _stop_reader(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # a request behind the one just answered may have come in part with it
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] and self._clock is None:
            self._start(HEAD)

    def _start(self, seconds: float) -> None:
        self._stop()
        self._due = self.loop.time() + seconds
        self._clock = self.loop.call_at(self._due, self._look)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look(self) -> None:
        self._clock = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # it is we who are slow
            self._due = self.loop.time() + PATIENCE
        if self.loop.time() < self._due:
            self._clock = self.loop.call_at(self._due, self._look)
            return
        self._cut_off()

    def _cut_off(self) -> None:
        """Say why, where no answer has begun yet, and hang up."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            said = "the request came too slowly, and was given up"
            body = json.dumps({"type": "about:blank", "title": said, "status": 408, "detail": said, "code": "request.slow", "hint": None}).encode()
            headers = [("content-type", "application/problem+json"), ("content-length", str(len(body))), ("connection", "close")]
            for event in (h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:
            self.cycle.disconnected = True  # whatever the application has to say now, nobody hears
        self.transport.close()
