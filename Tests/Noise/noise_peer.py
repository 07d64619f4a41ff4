#!/usr/bin/env python3
"""The other side of a Noise handshake over UDP, played by the PyPI package noiseprotocol: what PeerTests.swift speaks to.

Its argument is a JSON object: name, role, prologue, psks, static, remoteStatic (hex), payloads (ours, one for
each handshake message of this side), port (of the test). Sends its handshake messages to that port of the loopback
address and takes datagrams only from there. After the handshake it prints a JSON line with what it saw.

Transport datagrams are: 8 bytes of the nonce, big-endian, then the ciphertext. Nonces arrive in any order.
"""

import json
import socket
import struct
import sys

from noise.connection import Keypair, NoiseConnection

# Sent in this order: out of order, with the gaps that losses leave, over one byte and over 32 bits.
NONCES = [7, 3, 0, 1000, 2**40 + 1, 8]


def connect(task: dict) -> NoiseConnection:
    connection = NoiseConnection.from_name(task["name"].encode())
    if task["role"] == "initiator":
        connection.set_as_initiator()
    else:
        connection.set_as_responder()
    connection.set_prologue(bytes.fromhex(task["prologue"]))
    if task["psks"]:
        connection.set_psks(psks=[bytes.fromhex(psk) for psk in task["psks"]])
    if task["static"]:
        connection.set_keypair_from_private_bytes(Keypair.STATIC, bytes.fromhex(task["static"]))
    if task["remoteStatic"]:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, bytes.fromhex(task["remoteStatic"]))
    connection.start_handshake()
    return connection


def main() -> None:
    task = json.loads(sys.argv[1])
    peer = ("127.0.0.1", task["port"])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(10)
    # The test waits for datagrams from this port.
    print(udp.getsockname()[1], flush=True)

    def receive() -> bytes:
        while True:
            datagram, source = udp.recvfrom(65_535)
            if source == peer:
                return datagram

    connection = connect(task)
    payloads = [bytes.fromhex(payload) for payload in task["payloads"]]
    read = []
    ours = task["role"] == "initiator"
    while not connection.handshake_finished:
        if ours:
            udp.sendto(connection.write_message(payloads.pop(0)), peer)
        else:
            read.append(bytes(connection.read_message(receive())).hex())
        ours = not ours
    handshake_hash = connection.get_handshake_hash().hex()
    outbound = connection.noise_protocol.cipher_state_encrypt
    inbound = connection.noise_protocol.cipher_state_decrypt

    def send_frames(label: str) -> None:
        for nonce in NONCES:
            outbound.set_nonce(nonce)
            udp.sendto(struct.pack(">Q", nonce) + connection.encrypt(f"{label} {nonce}".encode()), peer)

    def receive_frames() -> list:
        plaintexts = []
        for _ in NONCES:
            datagram = receive()
            inbound.set_nonce(struct.unpack(">Q", datagram[:8])[0])
            plaintexts.append(connection.decrypt(datagram[8:]).decode())
        return plaintexts

    # Under the first keys, then under those of one REKEY in each direction.
    frames = receive_frames()
    send_frames("peer")
    connection.rekey_inbound_cipher()
    connection.rekey_outbound_cipher()
    frames += receive_frames()
    send_frames("peer, rekeyed")
    print(json.dumps({"hash": handshake_hash, "payloads": read, "frames": frames}), flush=True)


if __name__ == "__main__":
    main()
