"""`huafang serve`: everything from the socket to the lanes, started in order and stopped in order."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from huafang.assets import Assets, tidy_tree
from huafang.errors import BadInput, Unavailable
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import LocalExecutor
from huafang.jobs.lease import hold
from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from huafang.models.store import ModelStore
from huafang.places import Places
from huafang.server.studio import Studio
from huafang.signals import Signals
from huafang.worker import LanePlaces, lane

LOOPBACK = ("127.0.0.1", "::1", "localhost")
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # compared with, not bound to
"""What one listens to for all of a machine's addresses."""
GRACE = 4.0
SHORTEST_TOKEN = 16
"""Characters of a token: the right one is let in however many wrong ones came before, so it must not be one that is guessed."""
STOPPED = 130
"""Exit code of who was told to leave at once."""


@dataclass(frozen=True)
class Options:
    """How to serve. `database` None is SQLite in the data folder; each of `devices` gets a lane of its own."""

    places: Places
    host: str = "127.0.0.1"
    port: int = 7860
    token: str | None = None
    hosts: tuple[str, ...] = ()
    database: str | None = None
    folders: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    threads: int | None = None
    queue_limit: int = 500
    proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-For says who the client is; nobody else's is believed."""


@contextmanager
def open_studio(options: Options) -> Iterator[Studio]:
    """The studio with its queue at work. Raises Unavailable when another one uses the data folder or the database."""
    places = options.places
    lock = FileLock(places.root / "huafang.lock", timeout=0)
    try:
        places.make()
        lock.acquire()
    except Timeout:
        raise Unavailable(
            f"another Huafang is using {places.root}", code="data.locked", hint="stop it, or give this one a data folder of its own with --data"
        ) from None
    except OSError as error:
        raise Unavailable(
            f"the data folder {places.root} cannot be written: {error.strerror}", code="disk.unwritable", hint="name another with --data"
        ) from error
    with contextlib.ExitStack() as stack:
        stack.callback(lock.release)
        address = options.database or places.database
        lease = stack.enter_context(hold(address))
        store = Store(open_database(address))
        stack.callback(store.close)
        where = LanePlaces(places.assets, places.models, places.outbox, options.folders, options.threads, places.work)
        executor = LocalExecutor({**dict.fromkeys(options.devices, "compute"), "network": "network"}, lane, (where,))
        assets = Assets(places.assets, [places.names, *(places.thumbnails / size for size in ("256", "512"))])
        threading.Thread(target=tidy_tree, args=(places.root,), name="tidy", daemon=True).start()
        dispatcher = Dispatcher(store, executor, assets, places.outbox, queue_limit=options.queue_limit, lease=lease)
        dispatcher.start()
        stack.callback(dispatcher.stop, GRACE)
        yield Studio(places, store, dispatcher, assets, ModelStore(places.models, options.folders), ", ".join(options.devices))


class Stop:
    """What SIGINT, SIGTERM and SIGHUP ask for: the first of them a stop in order, a second Ctrl-C to leave at once.

    To leave at once is to be killed: files are written whole or not at all, the database is its own keeper, and the next start takes up what was left.
    """

    def __init__(self) -> None:
        self.asked = False
        self._received = False
        self._then: Callable[[], None] | None = None

    def __enter__(self) -> "Stop":
        self._signals = Signals(self._on_thread, self._on_main)
        self._signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._signals.__exit__()

    def then(self, do: Callable[[], None]) -> None:
        """From now on a first signal calls `do`; until then it interrupts."""
        self._then = do

    def _on_thread(self, number: int) -> None:
        if self._received and number == signal.SIGINT:
            _leave()
        self._received = True

    def _on_main(self, number: int) -> None:
        if self.asked and number == signal.SIGINT:  # on Windows the event loop takes the signals of the thread
            _leave()
        self.asked = True
        if self._then is None:
            raise KeyboardInterrupt
        self._then()


def _leave() -> NoReturn:
    """End this process now, and those that it started."""
    for process in multiprocessing.active_children():
        process.kill()
    os._exit(STOPPED)


def serve(options: Options, on_ready: Callable[[list[str]], None]) -> None:
    """Serve until asked to stop. `on_ready` gets the addresses to open once it answers, this machine's own first. Raises Unavailable, BadInput."""
    _check_token(options)
    _check_proxies(options.proxies)
    listener = _listen(options.host, options.port)
    port = listener.getsockname()[1]
    shown = f"[{options.host}]" if ":" in options.host else options.host
    names, open_at = {"127.0.0.1", "localhost", "[::1]", shown, *options.hosts}, [shown]
    if options.host in EVERYWHERE:  # that is where it listens, and no address that a browser can open
        own = _own_addresses()
        names |= {socket.gethostname(), *own}
        open_at = ["[::1]" if ":" in options.host else "127.0.0.1", *sorted(one for one in own if not one.startswith("127."))]
    addresses = [f"http://{name}:{port}/" + (f"#token={options.token}" if options.token else "") for name in open_at]
    with contextlib.closing(listener), Stop() as stop, open_studio(options) as studio:
        import uvicorn

        from huafang.server.app import create_app
        from huafang.server.patience import PatientProtocol

        class Server(uvicorn.Server):
            """Leaves the signals to us: uvicorn raises them again when it has stopped, and a SIGTERM would then end us before the queue is put in order."""

            @contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

        config = uvicorn.Config(
            create_app(studio, hosts=names, token=options.token),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
            limit_concurrency=1000,
            http=PatientProtocol,
            h11_max_incomplete_event_size=65536,
            server_header=False,
            ws="none",
            proxy_headers=bool(options.proxies),
            forwarded_allow_ips=list(options.proxies),
        )
        server = Server(config)

        def close() -> None:
            studio.closing.set()  # ends open event streams, which would else hold the process
            server.should_exit = True

        stop.then(close)
        threading.Thread(target=_announce, args=(server, lambda: on_ready(addresses)), daemon=True).start()
        asyncio.run(server.serve(sockets=[listener]))


def _check_token(options: Options) -> None:
    """Raises BadInput for a token that can be guessed, or none where other machines can call."""
    example = f"for example --token {secrets.token_hex(16)}"
    if not options.token:
        if options.host not in LOOPBACK:
            said = f"--host {options.host} opens the studio to other machines, which needs a token"
            raise BadInput(said, code="token.needed", hint=f"add --token, or set HUAFANG_TOKEN; {example}")
        return
    if len(options.token) < SHORTEST_TOKEN:
        said = f"the token has {len(options.token)} characters, which can be guessed; at least {SHORTEST_TOKEN} are wanted"
        raise BadInput(said, code="token.short", hint=example)
    if not options.token.isprintable() or " " in options.token:
        raise BadInput("the token holds spaces or control characters, which do not travel in a header", code="token.bad", hint=example)


def _check_proxies(proxies: tuple[str, ...]) -> None:
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            said = f"--trusted-proxy {proxy[:80]!r} is no address and no network"
            raise BadInput(said, hint="allowed are addresses and networks of addresses: 127.0.0.1, 10.0.0.0/8, ::1") from None


def work(options: Options, on_ready: Callable[[], None]) -> None:
    """Run the queue with no web page, until asked to stop. `on_ready` is called once it is at work. Raises Unavailable."""
    with Stop() as stop, open_studio(options):
        stop.then(lambda: None)
        on_ready()
        while not stop.asked:
            time.sleep(0.1)


def _announce(server: object, ready: Callable[[], None]) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.01)
    ready()


def _listen(host: str, port: int) -> socket.socket:
    """Bind before anything is started, so that a port in use is one clear line."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"port {port} on {host} cannot be opened: {error.strerror}", code="port.in_use", hint="choose another with --port, or --port 0 for any free one"
        ) from error
    listener.listen(256)
    return listener


def _own_addresses() -> set[str]:
    """This machine's own addresses, to which a Host header may point: those of its name, and the one it would send from."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737): connecting a datagram socket chooses a way and sends nothing
        found.add(str(way.getsockname()[0]))
    if not found:
        logging.getLogger(__name__).info("this machine does not know its own addresses; name them with --allow-host")
    return found
