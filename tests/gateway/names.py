"""A DNS server for one name, as Docker's is for the replicas of a service."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_NO_ERROR, _NO_SUCH_NAME = 0x8180, 0x8183


@dataclass
class Names:
    """Where the name is; a test changes `addresses` whenever it likes."""

    where: str
    addresses: list[str] = field(default_factory=list)

    def answer(self, query: bytes) -> bytes:
        """To a query with one question, whatever it asks for; the address lives for a minute."""
        end = query.index(b"\0", 12) + 5
        code = _NO_ERROR if self.addresses else _NO_SUCH_NAME
        counts = (1, len(self.addresses), 0, 0)
        head = query[:2] + b"".join(n.to_bytes(2, "big") for n in (code, *counts))
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4"
        records = b"".join(record + socket.inet_aton(one) for one in self.addresses)
        return head + query[12:end] + records


@contextmanager
def names(*addresses: str) -> Iterator[Names]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        found = Names(f"127.0.0.1:{server.getsockname()[1]}", list(addresses))
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    query, client = server.recvfrom(512)
                    server.sendto(found.answer(query), client)

        server.settimeout(0.05)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join(5)
