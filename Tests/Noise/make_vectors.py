#!/usr/bin/env python3
"""Writes Vectors/noiseprotocol-*.json with the PyPI package noiseprotocol (0.3.1), an implementation independent of
ours and of libsodium: the handshakes that the published files lack (XXpsk0, IXpsk0, several psks in one handshake).

    .build/venv/bin/python Tests/Noise/make_vectors.py

Keys come from a fixed label: the same files every time.
"""

import hashlib
import json
import pathlib
import warnings

from noise.connection import Keypair, NoiseConnection

PATTERNS = ["XXpsk0", "IXpsk0", "XXpsk0+psk3", "NNpsk0+psk2", "KKpsk0+psk2"]
HASHES = ["SHA256", "SHA512", "BLAKE2b"]
PROLOGUES = [b"", b"Sotto vectors"]
PAYLOADS = [b"first", b"", b"the third message", b"\x00" * 40, b"", bytes(range(100))]


def key(label: str) -> bytes:
    return hashlib.sha256(b"sotto vector " + label.encode()).digest()


def public_key(private: bytes) -> bytes:
    connection = NoiseConnection.from_name(b"Noise_NN_25519_ChaChaPoly_SHA256")
    connection.set_keypair_from_private_bytes(Keypair.STATIC, private)
    return connection.noise_protocol.keypairs["s"].public_bytes


def peer(name: str, side: str, prologue: bytes, psks: list, keys: dict) -> NoiseConnection:
    connection = NoiseConnection.from_name(name.encode())
    if side == "init":
        connection.set_as_initiator()
    else:
        connection.set_as_responder()
    connection.set_prologue(prologue)
    connection.set_psks(psks=list(psks))
    for field, pair in [("static", Keypair.STATIC), ("ephemeral", Keypair.EPHEMERAL)]:
        if f"{side}_{field}" in keys:
            connection.set_keypair_from_private_bytes(pair, keys[f"{side}_{field}"])
    if f"{side}_remote_static" in keys:
        connection.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, keys[f"{side}_remote_static"])
    connection.start_handshake()
    return connection


def vector(pattern: str, hash_name: str, prologue: bytes) -> dict:
    name = f"Noise_{pattern}_25519_ChaChaPoly_{hash_name}"
    base = pattern.split("psk")[0]
    keys = {"init_ephemeral": key("init_ephemeral"), "resp_ephemeral": key("resp_ephemeral")}
    if base[0] in "KXI":
        keys["init_static"] = key("init_static")
    if base[1] in "KX":
        keys["resp_static"] = key("resp_static")
    if base[1] == "K":
        keys["init_remote_static"] = public_key(keys["resp_static"])
    if base[0] == "K":
        keys["resp_remote_static"] = public_key(keys["init_static"])
    psks = [key(f"psk {index}") for index in range(pattern.count("psk"))]
    peers = [peer(name, side, prologue, psks, keys) for side in ["init", "resp"]]

    messages = []
    for index, payload in enumerate(PAYLOADS):
        writer, reader = peers[index % 2], peers[1 - index % 2]
        if writer.handshake_finished:
            sent = writer.encrypt(payload)
            received = reader.decrypt(sent)
        else:
            sent = bytes(writer.write_message(payload))
            received = reader.read_message(sent)
        assert bytes(received) == payload
        messages.append({"payload": payload.hex(), "ciphertext": sent.hex()})
    hashes = {connection.get_handshake_hash().hex() for connection in peers}
    assert len(hashes) == 1
    return {
        "protocol_name": name,
        "init_prologue": prologue.hex(),
        "resp_prologue": prologue.hex(),
        **{field: value.hex() for field, value in keys.items()},
        "init_psks": [psk.hex() for psk in psks],
        "resp_psks": [psk.hex() for psk in psks],
        "handshake_hash": hashes.pop(),
        "messages": messages,
    }


def main() -> None:
    # Fixed ephemeral keys are what vectors are made of.
    warnings.simplefilter("ignore")
    vectors = [
        vector(pattern, hash_name, prologue)
        for pattern in PATTERNS
        for hash_name in HASHES
        for prologue in PROLOGUES
    ]
    file = pathlib.Path(__file__).parent / "Vectors" / "noiseprotocol-25519-chachapoly.json"
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in vectors)
    file.write_text('{"vectors":[\n' + lines + "\n]}\n")
    print(f"{file}: {len(vectors)} vectors")


if __name__ == "__main__":
    main()
