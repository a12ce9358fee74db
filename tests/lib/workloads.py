# SPDX-License-Identifier: GPL-2.0-only
"""Good clients of many kinds at once, and the server that they talk to.

Theory of operation: a client opens a connection, tells the server in a line
what to do, does its own part, and closes; that is a workload. Between them they
open, close, half-close and reset from either side, move megabytes both ways,
chat, and stay silent. Every byte is compared, on both ends, and every
connection must end the way its workload intends. `serve` prints a line for each
wrong byte it got. `visit` runs many workloads at once, chosen by its seed, and
is driven by lines:

	go		start
	report		the results so far, as a line of JSON
	pause		start no more, and report when all have finished

Clients marked as victims may be reset at any time, as `session kill` does to
them. A reset that is lost on a link saturated by a flood leaves a client
waiting in silence: that is counted, and is not a failure by itself.

usage: workloads.py serve PORT...
       workloads.py visit SEED WORKERS good|victim PORTS SERVER4 SERVER6
                  SOURCE4 SOURCE6
"""
import asyncio
import collections
import contextlib
import functools
import hashlib
import json
import random
import resource
import socket
import struct
import sys
import time

from crowd import files_max, new_socket
from slack import slack
from sockets import Pattern

SIZES = (1 << 10, 1 << 16, 1 << 20, 4 << 20)
SEEDS = 4
WORKLOAD_S = slack(90)  # for one workload, except chats
VICTIM_S = slack(30)  # for a victim, which may miss its reset
CONNECT_S = slack(40)  # five lost SYNs
SILENT_S = 60  # how long a server waits for a silent client
WORD = b"how do you do?\n"
READ = 1 << 16
FAILURES_TOLD = 20


def clock():
    """The time, as printed with failures and actions."""
    now = time.time()
    return time.strftime("%T", time.localtime(now)) + f"{now % 1:.2f}"[1:]


class Wrong(Exception):
    """The connection lived, but did something else than it should."""


@functools.lru_cache(maxsize=None)
def pattern(size, seed):
    return Pattern(size, seed)


@functools.lru_cache(maxsize=None)
def digest(size, seed):
    return pattern(size, seed).digest()


# -- both ends

async def give(writer, size, seed):
    for chunk in pattern(size, seed).chunks():
        writer.write(chunk)
        await writer.drain()


async def take(reader, size, seed):
    h, got = hashlib.sha256(), 0
    while got < size:
        data = await reader.read(min(READ, size - got))
        if not data:
            raise Wrong(f"the stream ended after {got} of {size} bytes")
        h.update(data)
        got += len(data)
    if h.hexdigest() != digest(size, seed):
        raise Wrong(f"{size} bytes came, but not those sent")


async def take_end(reader):
    data = await reader.read(READ)
    if data:
        raise Wrong(f"{len(data)} bytes came instead of the end")


async def take_word(reader):
    got = await reader.readline()
    if got != WORD:
        raise Wrong(f"{got!r} came instead of a word")


def reset(writer):
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# -- workloads: the client's part and the server's, under the same name. Whoever
# returns first closes first.

class Client:
    @staticmethod
    async def get(reader, _writer, size, seed):
        await take(reader, size, seed)

    @staticmethod
    async def served(reader, _writer, size, seed):
        await take(reader, size, seed)
        await take_end(reader)

    @staticmethod
    async def upload(reader, writer, size, seed):
        await give(writer, size, seed)
        writer.write_eof()
        await take_word(reader)
        await take_end(reader)

    @staticmethod
    async def download(reader, writer, size, seed):
        writer.write_eof()
        await take(reader, size, seed)
        await take_end(reader)

    @staticmethod
    async def both(reader, writer, size, seed):
        await asyncio.gather(give(writer, size, seed),
                             take(reader, size, seed + 1))

    @staticmethod
    async def after(reader, writer, size, seed):
        await take_end(reader)
        await give(writer, size, seed)

    @staticmethod
    async def chat(reader, writer, size, seed):
        for _ in range(1 + size % 3):
            await asyncio.sleep(seed)
            writer.write(WORD)
            await take_word(reader)

    @staticmethod
    async def silent(_reader, _writer, _size, seed):
        await asyncio.sleep(seed)

    @staticmethod
    async def reset(reader, writer, _size, _seed):
        await take_word(reader)
        reset(writer)

    @staticmethod
    async def refuse(reader, _writer, _size, _seed):
        try:
            await take_end(reader)
        except ConnectionResetError:
            return
        raise Wrong("the stream ended without a reset")


class Server:
    @staticmethod
    async def get(reader, writer, size, seed):
        await give(writer, size, seed)
        await take_end(reader)

    @staticmethod
    async def served(_reader, writer, size, seed):
        await give(writer, size, seed)

    @staticmethod
    async def upload(reader, writer, size, seed):
        await take(reader, size, seed)
        await take_end(reader)
        writer.write(WORD)

    @staticmethod
    async def download(reader, writer, size, seed):
        await take_end(reader)
        await give(writer, size, seed)

    @staticmethod
    async def both(reader, writer, size, seed):
        await asyncio.gather(give(writer, size, seed + 1),
                             take(reader, size, seed))
        await take_end(reader)

    @staticmethod
    async def after(reader, writer, size, seed):
        writer.write_eof()
        await take(reader, size, seed)
        await take_end(reader)

    @staticmethod
    async def chat(reader, writer, _size, _seed):
        while word := await reader.readline():
            writer.write(word)

    @staticmethod
    async def silent(reader, _writer, _size, _seed):
        await take_end(reader)

    @staticmethod
    async def reset(reader, writer, _size, _seed):
        writer.write(WORD)
        await reader.read(1)  # its reset

    @staticmethod
    async def refuse(_reader, writer, _size, _seed):
        reset(writer)


WORKLOADS = [name for name in vars(Client) if not name.startswith("_")]


def tcp_of(sock):
    """The kernel's view of a connection: struct tcp_info, <linux/tcp.h>."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    state, _, retransmits = struct.unpack_from("3B", info)
    unacked, sent, got = (struct.unpack_from("I", info, at)[0]
                          for at in (24, 44, 52))
    acked, received = struct.unpack_from("2Q", info, 120)
    return f"TCP state {state}, {acked} bytes acknowledged, {unacked} " \
        f"segments not, {retransmits} retransmits, last sent {sent} ms ago; " \
        f"{received} bytes received, the last {got} ms ago"


async def close(writer):
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


# -- the server

async def serve_one(reader, writer):
    line = b""
    try:
        line = await asyncio.wait_for(reader.readline(), SILENT_S)
        if line:
            name, size, seed = line.decode().split()
            await getattr(Server, name)(reader, writer, int(size), int(seed))
    except (OSError, asyncio.TimeoutError):
        pass  # the client knows whether that was intended
    except Exception as e:  # anything else is reported, and fails the test
        if not isinstance(e, Wrong) or "stream ended after" not in str(e):
            print(f"wrong: {line!r} of {writer.get_extra_info('peername')}: "
                  f"{e!r}", flush=True)
    finally:
        await close(writer)


async def run_server(ports):
    for port in ports:
        for family, address in ((socket.AF_INET, "0.0.0.0"),
                                (socket.AF_INET6, "::")):
            await asyncio.start_server(serve_one, address, int(port),
                                       family=family, backlog=4096)
    await asyncio.Event().wait()


# -- the clients

class Visitors:
    def __init__(self, seed, workers, victim, ports, ends):
        self.dice = random.Random(seed)
        self.workers = workers
        self.victim = victim
        self.ports = ports
        self.ends = ends  # ((server, source), ...)
        self.going = True
        self.connects = self.failed = self.reset = self.silent = 0
        self.done = collections.Counter()
        self.failures = []
        self.bytes = 0
        self.slowest = 0.0

    def report(self):
        return {"connects": self.connects, "done": sum(self.done.values()),
                "workloads": self.done, "bytes": self.bytes,
                "reset": self.reset, "silent": self.silent,
                "slowest_s": round(self.slowest, 2), "failed": self.failed,
                "failures": self.failures}

    async def work(self):
        while self.going:
            await self.workload()
            await asyncio.sleep(self.dice.random() * 0.2)

    async def workload(self):
        name = self.dice.choice(WORKLOADS)
        size, seed = self.dice.choice(SIZES), self.dice.randrange(SEEDS)
        server, source = self.dice.choice(self.ends)
        port = self.dice.choice(self.ports)
        what = f"{name} {size} {seed} at {server} port {port}"
        sock, step, begun, ends = None, "connect", clock(), []
        try:
            sock = new_socket(source)
            sock.setblocking(False)
            start = time.monotonic()
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(
                sock, (server, port)), CONNECT_S)
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.connects += 1
            what += f" from {sock.getsockname()[:2]}"
            step = "talk"
            await asyncio.wait_for(
                self.talk(sock, name, size, seed, ends),
                VICTIM_S if self.victim or name == "refuse" else WORKLOAD_S)
            self.done[name] += 1
            self.bytes += size
        except (OSError, asyncio.TimeoutError, Wrong) as e:
            if self.victim and \
                    isinstance(e, (ConnectionResetError, BrokenPipeError)):
                self.reset += 1
            elif isinstance(e, asyncio.TimeoutError) and step == "talk" and \
                    (self.victim or name == "refuse"):
                self.silent += 1
            else:
                self.failed += 1
                if len(self.failures) < FAILURES_TOLD:
                    self.failures.append(f"{clock()} (begun {begun}) {what}: "
                                         f"{step}: {e!r}; {ends}")
        finally:
            if sock:
                sock.close()

    @staticmethod
    async def talk(sock, name, size, seed, ret_ends):
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            writer.write(f"{name} {size} {seed}\n".encode())
            await getattr(Client, name)(reader, writer, size, seed)
        except BaseException:  # a time-out, too
            with contextlib.suppress(OSError):  # closed, after a reset
                ret_ends.append(tcp_of(sock))
            raise
        finally:
            await close(writer)


async def run_visitors(visitors):
    loop, tasks = asyncio.get_running_loop(), []
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        word = line.strip()
        if not word:
            break
        if word == "go":
            visitors.going = True
            tasks = [asyncio.create_task(visitors.work())
                     for _ in range(visitors.workers)]
            continue
        if word == "pause":
            visitors.going = False
            await asyncio.gather(*tasks)
            tasks = []
        print(json.dumps(visitors.report()), flush=True)


def main(what, *args):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max(), files_max()))
    if what == "serve":
        asyncio.run(run_server(args))
        return
    seed, workers, kind, ports, server4, server6, source4, source6 = args
    asyncio.run(run_visitors(Visitors(
        seed, int(workers), kind == "victim",
        [int(p) for p in ports.split(",")],
        ((server4, source4), (server6, source6)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
