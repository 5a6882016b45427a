"""How long a sender may take: uvicorn waits for ever for the rest of a request, so that some hundred senders of a byte a second would hold the door.

A request's head has to come within HEAD. Its body has to come at RATE or faster on the whole, with pauses of PATIENCE. Who is slower is answered 408 and
cut off. What we send, and streams that we keep open, have no such end.
"""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 10.0
"""Seconds from the first byte of a request, or from the opening of a connection, to the end of its headers."""
PATIENCE = 30.0
"""Seconds for which a body may come slower than RATE."""
RATE = 32_000.0
"""Bytes a second: a picture of 64 MB has 35 minutes."""


class PatientProtocol(H11Protocol):
    """uvicorn's own, with a clock that runs while we wait for the sender."""

    _clock: asyncio.TimerHandle | None = None
    _due = 0.0
    """When our patience ends, on the loop's clock."""
    _taking: object = None
    """The request whose body we wait for; None while we wait for a head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._start(HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
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
