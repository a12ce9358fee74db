# SPDX-License-Identifier: GPL-2.0-only
"""A scraper beside others who take all connections of the metrics endpoint.

Theory of operation: holders connect from addresses of their own, send nothing
or half a request, and reconnect as soon as they are closed. Meanwhile a scraper
sends one request after another; each scrape must be answered, and quickly.
"""
import contextlib
import errno
import selectors
import socket
import threading
import time

from namespace import wait_for
from nettest import net_test
from sockets import TIMEOUT

PORT = 9790
SCRAPES = 65
SCRAPE_S = 1
EACH = 16  # as many as there are places
HALF = b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: "


class Holders(threading.Thread):
    """EACH connections from each of @addresses, held as long as possible."""

    def __init__(self, env, addresses, each=EACH):
        super().__init__()
        self.env, self.over, self.opened = env, False, 0
        self.wanted = [a for a in addresses for _ in range(each)]
        self.trouble = None

    def dial(self, address):
        v6 = ":" in address
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        s.setblocking(False)
        s.bind((address, 0))
        got = s.connect_ex((self.env.server.ip6 if v6 else self.env.server.ip4,
                            PORT))
        assert got in (0, errno.EINPROGRESS), errno.errorcode[got]
        self.opened += 1
        return s

    def hold(self, ready):
        while not self.over:
            for key, events in ready.select(0.1):
                s = key.fileobj
                try:
                    if events & selectors.EVENT_WRITE:
                        s.send(HALF)
                        ready.modify(s, selectors.EVENT_READ, key.data)
                        continue
                    if s.recv(4096):
                        continue
                except OSError:
                    pass
                ready.unregister(s)
                s.close()
                ready.register(self.dial(key.data),
                               selectors.EVENT_READ | selectors.EVENT_WRITE,
                               key.data)

    def run(self):
        try:
            with self.env.client.inside(), \
                    selectors.DefaultSelector() as ready:
                for address in self.wanted:
                    ready.register(self.dial(address), selectors.EVENT_READ |
                                   selectors.EVENT_WRITE, address)
                try:
                    self.hold(ready)
                finally:
                    for key in list(ready.get_map().values()):
                        key.fileobj.close()
        except Exception as e:
            self.trouble = e


@contextlib.contextmanager
def holders(env, addresses, each=EACH):
    h = Holders(env, addresses, each)
    h.start()
    try:
        wait_for(lambda: h.trouble or h.opened >= 2 * EACH, 10,
                 "the holders to connect")
        yield h
        assert not h.trouble, f"test set-up: a holder: {h.trouble!r}"
    finally:
        h.over = True
        h.join()


def scrape(env, source):
    """Seconds, or what came instead of the metrics."""
    v6 = ":" in source
    start = time.monotonic()
    try:
        with env.client.inside():
            s = socket.create_connection(
                (env.server.ip6 if v6 else env.server.ip4, PORT), TIMEOUT,
                (source, 0))
        with contextlib.closing(s):
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            got = b""
            while part := s.recv(1 << 20):
                got += part
    except OSError as e:
        return str(e)
    if b"synkeeper_build_info" not in got:
        return f"{got[:60]!r}"
    return time.monotonic() - start


def scrapes(env, source, what):
    got = [scrape(env, source) for _ in range(SCRAPES)]
    bad = [g for g in got if isinstance(g, str)]
    assert not bad, f"{what}: {len(bad)} of {SCRAPES} scrapes from {source} " \
        f"were not served: {bad[0]}"
    print(f"{what}: {SCRAPES} scrapes from {source} within "
          f"{1000 * max(got):.0f} ms each")
    assert max(got) < SCRAPE_S, \
        f"{what}: a scrape from {source} took {max(got):.2f} s"


def addresses(env, n, network="2001:db8::"):
    made = [f"{network}a:{i:x}" for i in range(1, n + 1)]
    env.client.run(["ip", "-batch", "-"], input="".join(
        f"addr add {a}/64 dev {env.client.iface} nodad\n" for a in made))
    return made


@net_test
def test_two_addresses_kept_the_scraper_out(env):
    """They are in one /64, the scraper's own."""
    daemon = env.synkeeperd("--metrics", f"*:{PORT}")
    with holders(env, addresses(env, 2)) as h:
        scrapes(env, env.client.ip6, "two neighbours")
        scrapes(env, env.client.ip4, "two addresses of one /64")
        opened = h.opened
    print(f"{opened} connections")
    daemon.check_alive()


@net_test
def test_many_addresses_of_one_network(env):
    """Each with one connection; the scraper is in another network."""
    daemon = env.synkeeperd("--metrics", f"*:{PORT}")
    elsewhere = addresses(env, 1, "2001:db8:0:1::")[0]
    with holders(env, addresses(env, 64), 1):
        scrapes(env, env.client.ip4, "64 addresses of one /64")
        scrapes(env, elsewhere, "64 addresses of one /64")
    daemon.check_alive()


@net_test
def test_many_networks(env):
    """Two more than there are places, each from a network of its own, and idle:
    the last one is served."""
    daemon = env.synkeeperd("--metrics", f"*:{PORT}")
    nets = [addresses(env, 1, f"2001:db8:0:{i:x}::")[0] for i in range(1, 19)]
    with contextlib.ExitStack() as stack:
        for a in nets:
            with env.client.inside():
                stack.enter_context(contextlib.closing(
                    socket.create_connection((env.server.ip6, PORT), TIMEOUT,
                                             (a, 0))))
        scrapes(env, env.client.ip6, "18 idle networks")
    daemon.check_alive()
