"""What travelled, told apart by session and frame number with the keys out of the devices' state files.

Shows that no (key, number) ever carried two different ciphertexts. Every datagram must be attributed: one that no key
opens fails the check, so that nothing escapes it.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .recorder import DOWN, UP

EPOCH = 1024


class Broken(AssertionError):
    """A promise was not kept."""


class Cbor:
    """The few items that a device's state consists of."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def item(self):
        head = self.data[self.at]
        kind, length = head >> 5, head & 31
        self.at += 1
        if length >= 24:
            size = 1 << (length - 24)
            length = int.from_bytes(self.data[self.at:self.at + size], "big")
            self.at += size
        if kind == 0:
            return length
        if kind == 2:
            self.at += length
            return self.data[self.at - length:self.at]
        if kind == 4:
            return [self.item() for _ in range(length)]
        raise ValueError(f"CBOR major type {kind}")


class Keys:
    """Of one direction of a session: by epoch, the first that was seen and those that follow from it."""

    def __init__(self, epoch, key):
        self.by_epoch = {epoch: key}

    def cipher(self, number):
        epoch = number // EPOCH
        known = [e for e in self.by_epoch if e <= epoch]
        if not known:
            return None
        newest = max(known)
        key = self.by_epoch[newest]
        while newest < epoch:
            # REKEY of Noise section 4.2.
            key = ChaCha20Poly1305(key).encrypt(b"\0" * 4 + b"\xff" * 8, bytes(32), b"")[:32]
            newest += 1
            self.by_epoch[newest] = key
        return ChaCha20Poly1305(key)

    def opens(self, number, ciphertext):
        cipher = self.cipher(number)
        if cipher is None:
            return False
        try:
            cipher.decrypt(b"\0" * 4 + number.to_bytes(8, "little"), ciphertext, b"")
            return True
        except InvalidTag:
            return False


class Session:
    def __init__(self, record):
        """`record`: a session as a device stores it."""
        assert record[0] == 3 and record[1] == 0, "another version of the stored session"
        length = record[2]
        self.id, rest = record[3:3 + length], record[3 + length:]
        self.device = int.from_bytes(rest[:8], "big")
        at = 56
        self.keys = {}
        for direction in (UP, DOWN):
            epoch, key = int.from_bytes(rest[at:at + 8], "big"), rest[at + 8:at + 40]
            at += 40
            self.keys[direction] = Keys(epoch, key)
        # Of what the device receives also the key of the epoch before, where there is one.
        # Then the ends of the newest frames that it received, by which it tells copies.
        assert at + 1 + 32 * rest[at] + 64 == len(rest)
        self.sent = {UP: {}, DOWN: {}}

    def number(self, direction, bits, low, ciphertext):
        """The number with these low bits under which the ciphertext opens; None: it is not of this session."""
        if bits == 64:
            return low if self.keys[direction].opens(low, ciphertext) else None
        window = 1 << bits
        expected = max(self.sent[direction], default=-1) + 1
        base = expected & ~(window - 1) | low
        for number in sorted((base + k * window for k in range(-2, 3)), key=lambda n: abs(n - expected)):
            if number >= 0 and self.keys[direction].opens(number, ciphertext):
                return number
        return None


def state(path):
    """The fields of a device's state; None: it has none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    if content.startswith(b"sotto note "):
        content = content[content.index(b"\n") + 1:]
    return Cbor(content).item()


def pending(path):
    """The CoAP message that a device will repeat when it runs again; empty: none."""
    fields = state(path)
    return fields[6][0] if fields and fields[6] else b""


class Sessions:
    """All sessions that a device's state file has ever named."""

    def __init__(self, state_files):
        self.files = {str(path): None for path in state_files}
        self.sessions = {}

    def look(self, _=None):
        """To be called whenever a datagram of a device has left: the state on which it depends is on disk."""
        for path, before in self.files.items():
            try:
                status = os.stat(path)
                stamp = (status.st_ino, status.st_mtime_ns)
                if stamp == before:
                    continue
            except FileNotFoundError:
                continue
            self.files[path] = stamp
            fields = state(path)
            for record in (fields[4], fields[5]):
                if record:
                    session = Session(record)
                    self.sessions.setdefault(session.id, session)


class Summary:
    def __init__(self):
        self.datagrams = self.repeated = self.handshakes = self.numbers = self.sessions = 0

    def __str__(self):
        return (f"{self.datagrams} datagrams: {self.numbers} frames under different numbers of {self.sessions} sessions, "
                f"{self.handshakes} handshake messages, {self.repeated} identical repetitions")


def device_number(datagram, at):
    """DeviceNumber: one to three bytes, the number of ones that lead says how many follow."""
    first = datagram[at]
    size = 1 if first < 0x80 else 2 if first < 0xC0 else 3
    return size


def check(datagrams, sessions):
    """`datagrams`: (direction, bytes) in the order in which they were sent, those of each direction for itself."""
    summary = Summary()
    handshakes = {}
    for direction, datagram in datagrams:
        summary.datagrams += 1
        first, at = datagram[0], 1
        if direction == UP:
            at += device_number(datagram, 1)
        if first >> 4 == 0b1000:
            # A handshake's ephemeral key stands for the key that its payload is encrypted under.
            ephemeral, message = (direction, datagram[at:at + 32]), datagram[at:]
            if handshakes.setdefault(ephemeral, message) != message:
                raise Broken(f"two different handshake messages {direction} with one ephemeral key")
            continue
        if first >> 6 == 0b11:
            bits, low = 6, first & 0x3F
        elif first >> 5 == 0b101:
            bits, low = 13, (first & 0x1F) << 8 | datagram[at]
            at += 1
        elif first == 0b1001_0001:
            bits, low = 64, int.from_bytes(datagram[at:at + 8], "big")
            at += 8
        else:
            raise Broken(f"an unknown datagram {direction}: {datagram.hex()}")
        ciphertext = datagram[at:]
        # Most are of the newest session.
        for session in reversed(sessions.values()):
            number = session.number(direction, bits, low, ciphertext)
            if number is not None:
                break
        else:
            raise Broken(f"a datagram {direction} of no session that a device has stored: {datagram.hex()}")
        sent = session.sent[direction]
        if number in sent:
            summary.repeated += 1
            if sent[number] != ciphertext:
                raise Broken(f"number {number} {direction} of session {session.id.hex()[:16]} carried two ciphertexts")
        sent[number] = ciphertext
    summary.handshakes = len(handshakes)
    summary.sessions = len(sessions)
    summary.numbers = sum(len(sent) for session in sessions.values() for sent in session.sent.values())
    return summary
