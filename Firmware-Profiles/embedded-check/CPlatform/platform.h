/* What a device brings to the DeviceClient: the primitives of Noise_KK_25519_ChaChaPoly_SHA256, randomness, storage and
   a modem. They are declared only; Scripts/check-embedded lets no other outside symbol through than these and the C
   library's memory functions. */
#ifndef SOTTO_PLATFORM_H
#define SOTTO_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104). */
void sotto_sha256(const uint8_t *data, size_t count, uint8_t *digest32);
void sotto_hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *data, size_t count, uint8_t *digest32);

/* X25519 (RFC 7748), keys of 32 bytes. sotto_x25519 returns 0 where the secret is all zeros, otherwise 1. */
void sotto_x25519_public(const uint8_t *private_key, uint8_t *public_key);
int sotto_x25519(const uint8_t *private_key, const uint8_t *public_key, uint8_t *secret);

/* AEAD_CHACHA20_POLY1305 (RFC 8439): the nonce is four zero bytes and `number`, little-endian. `sealed` takes
   count + 16 bytes. sotto_open wants count >= 16, writes count - 16 bytes and returns 1; 0 where the tag is wrong. */
void sotto_seal(
    const uint8_t *key, uint64_t number, const uint8_t *data, size_t data_count, const uint8_t *plaintext,
    size_t count, uint8_t *sealed);
int sotto_open(
    const uint8_t *key, uint64_t number, const uint8_t *data, size_t data_count, const uint8_t *ciphertext,
    size_t count, uint8_t *plaintext);

/* 32 unpredictable bytes. */
void sotto_random32(uint8_t *bytes);

/* Replaces the stored state; returns 1 once it would survive a loss of power. */
int sotto_store(const uint8_t *state, size_t count);
/* Hands a datagram for the gateway to the modem. */
void sotto_transmit(const uint8_t *datagram, size_t count);

/* The CoAP code that answered a request, or 0 where nothing did. */
void sotto_answered(uint32_t request, uint8_t code);
/* Whether the gateway pushes what arrives. */
void sotto_watching(int is_watching);
/* A message, or the verb of a command, whose arguments follow by sotto_argument. Texts are UTF-8 without an end mark,
   and gone when the call returns. */
void sotto_received(
    uint64_t unix_seconds, const uint8_t *text, size_t text_count, const uint8_t *sender, size_t sender_count,
    int is_command);
void sotto_argument(const uint8_t *key, size_t key_count, const uint8_t *value, size_t value_count);

#endif
