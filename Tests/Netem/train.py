"""Sends a train of datagrams, or counts losses, through netem (netns A B OUT JOB...) or a relay (udp HOST PORT RECEIVE OUT JOB...).

JOB: train SIZE COUNT GAP, one each GAP milliseconds (0: all at once); or loss COUNT. OUT.csv: seq,t_sent_ns,t_received_ns.
OUT.counts: for each datagram one byte, how often it arrived.
"""

import ctypes
import os
import select
import socket
import struct
import sys
import time


def in_namespace(name):
    descriptor = os.open("/run/netns/" + name, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(descriptor)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def pair(arguments):
    if arguments[0] == "netns":
        sender, receiver = arguments[1], arguments[2]
        r = in_namespace(receiver)
        r.bind(("0.0.0.0", 7000))
        s = in_namespace(sender)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 20)
        s.connect(("10.9.0.2", 7000))
        return s, r, arguments[3:]
    host, port, receive = arguments[1], int(arguments[2]), int(arguments[3])
    r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    r.bind(("127.0.0.1", receive))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((host, port))
    return s, r, arguments[4:]


def train(s, r, out, size, count, gap):
    rows = []

    def receive(until):
        while len(rows) < count and select.select([r], [], [], max(0, until - time.monotonic()))[0]:
            data = r.recv(65536)
            number, sent = struct.unpack("!IQ", data[:12])
            rows.append((number, sent, time.monotonic_ns()))
            if time.monotonic() >= until:
                break

    begin = time.monotonic()
    for number in range(count):
        if gap:
            receive(begin + number * gap / 1000)
        s.send(struct.pack("!IQ", number, time.monotonic_ns()) + bytes(size - 12))
    # The last one leaves long after the first where all were offered at once.
    receive(time.monotonic() + 30)
    with open(out + ".csv", "w") as file:
        file.writelines("%d,%d,%d\n" % row for row in rows)


def loss(s, r, out, count):
    got = bytearray(count)
    r.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

    def drain(wait):
        while select.select([r], [], [], wait)[0]:
            number = struct.unpack("!I", r.recv(2048)[:4])[0]
            got[number] = min(255, got[number] + 1)

    for number in range(count):
        s.send(struct.pack("!I", number) + bytes(36))
        if number % 8 == 7:
            # Slow enough for every socket's buffer on the way: what overflows there is not the link's loss.
            time.sleep(0.006)
            drain(0)
    drain(1)
    with open(out + ".counts", "wb") as file:
        file.write(got)


s, r, rest = pair(sys.argv[1:])
out, kind, numbers = rest[0], rest[1], [int(n) for n in rest[2:]]
train(s, r, out, *numbers) if kind == "train" else loss(s, r, out, *numbers)
