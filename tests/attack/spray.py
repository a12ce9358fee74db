# SPDX-License-Identifier: GPL-2.0-only
"""Sends the frames of a file in a loop, at a rate, for some seconds.

Theory of operation: each frame follows its length, two bytes. Frames are sent
through a packet socket, which accepts any form, and each at least once, however
slow the machine is. Prints {"frames": n, "bytes": n, "rounds": complete rounds}
at the end; SIGTERM ends it early.

usage: spray.py IFACE FILE SECONDS RATE
"""
import json
import signal
import socket
import struct
import sys
import time

BURST = 64  # a veth's ring holds 256, and good clients need some of it
SECONDS_MOST = 120
WIRE_MIN = 60  # bytes of a frame on Ethernet


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    frames, at = [], 0
    while at < len(data):
        n, = struct.unpack_from("!H", data, at)
        frames.append(data[at + 2:at + 2 + n])
        at += 2 + n
    return frames


def write(path, frames):
    with open(path, "wb") as f:
        for frame in frames:
            f.write(struct.pack("!H", len(frame)) + frame)


def main(iface, path, seconds, rate):
    frames, over = read(path), []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    start = time.monotonic()
    end, last = start + min(float(seconds), SECONDS_MOST), start + SECONDS_MOST
    count = size = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((iface, 0))
        while not over and (time.monotonic() < end or
                            count < len(frames) and time.monotonic() < last):
            for _ in range(BURST):
                frame = frames[count % len(frames)]
                try:
                    s.send(frame)
                except OSError:
                    continue  # the queue is full
                count += 1
                size += max(len(frame), WIRE_MIN)
            time.sleep(max(0, start + count / float(rate) - time.monotonic()))
    print(json.dumps({"frames": count, "bytes": size,
                      "rounds": count // len(frames)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
