// Datagrams of many devices through one socket: each device is an address of 127.0.0.0/8, which its datagrams leave from and
// come to.
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include <stdint.h>

enum { DATAGRAM_BYTES = 512, DATAGRAM_BATCH = 64 };

struct datagram {
    uint32_t device; // 0 up to 2^23
    uint32_t length;
    uint8_t bytes[DATAGRAM_BYTES];
};

// The socket, or -1.
int datagrams_open(void);
// Waits for at most that long; how many came, at most DATAGRAM_BATCH, or -1.
int datagrams_receive(int descriptor, struct datagram *into, int milliseconds);
// To 127.0.0.1; how many left, or -1.
int datagrams_send(int descriptor, const struct datagram *from, int count, uint16_t port);

#endif
