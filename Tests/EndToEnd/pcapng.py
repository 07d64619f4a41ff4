"""Reads captures in pcapng (draft-ietf-opsawg-pcapng), written for the tests apart from what writes them."""

import struct


def read(data):
    """The interfaces' names, and the packets: interface, time in ns, bytes, direction, comment."""
    interfaces, resolutions, packets = [], [], []
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        assert length % 4 == 0 and length >= 12, (position, length)
        assert struct.unpack_from("<I", data, position + length - 4)[0] == length
        body = data[position + 8:position + length - 4]
        if position == 0:
            assert kind == 0x0A0D0D0A
            magic, major, _, section = struct.unpack_from("<IHHq", body)
            assert magic == 0x1A2B3C4D and major == 1 and section == -1
        elif kind == 1:
            link_type = struct.unpack_from("<H", body)[0]
            assert link_type == 101, link_type
            options = dict(read_options(body[8:]))
            interfaces.append(options[2].decode())
            resolutions.append(options[9])
        elif kind == 6:
            interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
            assert captured == original and resolutions[interface] == b"\x09"
            padded = (captured + 3) // 4 * 4
            options = dict(read_options(body[20 + padded:]))
            packets.append({
                "interface": interface, "time": high << 32 | low, "bytes": body[20:20 + captured],
                "direction": struct.unpack("<I", options[2])[0] & 3, "comment": options[1].decode()})
        else:
            raise AssertionError(f"block type {kind}")
        position += length
    assert position == len(data)
    return interfaces, packets


def read_options(data):
    position = 0
    while position < len(data):
        code, length = struct.unpack_from("<HH", data, position)
        if code == 0:
            assert position + 4 == len(data)
            return
        yield code, data[position + 4:position + 4 + length]
        position += 4 + (length + 3) // 4 * 4


def payload(packet):
    """What the UDP datagram in an IPv4 packet carries, with its device's address."""
    assert packet[0] == 0x45 and packet[9] == 17 and struct.unpack_from("!H", packet, 2)[0] == len(packet)
    words = struct.unpack("!10H", packet[:20])
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF, "the header's checksum"
    source, target, length = struct.unpack_from("!HHH", packet, 20)
    assert source == target == 5683 and length == len(packet) - 20
    device = packet[12:16] if packet[16:20] == bytes([10, 255, 255, 254]) else packet[16:20]
    return ".".join(map(str, device)), packet[28:]
