# SPDX-License-Identifier: GPL-2.0-only
"""A SYN flood through a packet socket, for a server in skb mode.

Theory of operation: .output/tests/flood sends with XDP_TX, which a veth accepts
only from a peer in native mode. This one prepares 8,192 SYNs with random
sources and sends them in a loop, some ten thousand a second, which is plenty
for skb mode. Prints {"sent": N} at the end.

usage: rawflood.py IFACE SRC_MAC DST_MAC DST_IPV4 PORT SECONDS [RATE
       [OPTIONS]], the options in hexadecimal, of whole words
"""
import json
import random
import socket
import struct
import sys
import time

VARIANTS = 8192
OPTIONS = "020405b40402080a000000010000000001030307"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(dice, macs, dst, port, options):
    """One frame, from a random address in 16.0.0.0/4 to 96.0.0.0/4."""
    src = dice.randrange(0x10 << 24, 0x60 << 24).to_bytes(4, "big")
    tcp = struct.pack("!HHIIBBHHH", dice.randrange(1024, 65536), port,
                      dice.getrandbits(32), 0, 0x50 + 4 * len(options),
                      0x02, 64240, 0, 0) + options
    pseudo = src + dst + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64,
                     socket.IPPROTO_TCP, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return macs + b"\x08\x00" + ip + tcp


def main(iface, src_mac, dst_mac, dst, port, seconds, rate="1000000",
         options=OPTIONS):
    dice = random.Random(1)
    macs = bytes.fromhex((dst_mac + src_mac).replace(":", ""))
    frames = [syn(dice, macs, socket.inet_aton(dst), int(port),
                  bytes.fromhex(options))
              for _ in range(VARIANTS)]
    start = time.monotonic()
    sent, end = 0, start + min(float(seconds), 60)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((iface, 0))
        while time.monotonic() < end:
            for frame in frames[sent % VARIANTS:][:256]:
                s.send(frame)
            sent += 256
            time.sleep(max(0, start + sent / float(rate) - time.monotonic()))
    print(json.dumps({"sent": sent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
