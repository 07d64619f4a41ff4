// Load for a CoAP server, and the reference that it is measured by: an echo with one recvfrom and one sendto a datagram.
//
//   coap-load echo PORT                    answers each datagram with itself, until it is killed
//   coap-load get PORT SECONDS [PATH]      confirmable GETs from 32 sockets, 4 outstanding on each
//
// `get` prints one line: answers, answers that are no success, lost, seconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { sockets = 32, window = 4 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct sockaddr_in local(int port) {
    struct sockaddr_in a = {0};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static int echo(int port) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    struct sockaddr_in a = local(port);
    if (bind(fd, (struct sockaddr *)&a, sizeof a)) { perror("bind"); return 1; }
    for (;;) {
        char buffer[2048];
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
        if (n > 0) sendto(fd, buffer, n, 0, (struct sockaddr *)&from, length);
    }
}

struct slot { uint16_t id; double sent; };

int main(int argc, char **argv) {
    if (argc >= 3 && !strcmp(argv[1], "echo")) return echo(atoi(argv[2]));
    if (argc < 4 || strcmp(argv[1], "get")) { fprintf(stderr, "coap-load echo PORT | get PORT SECONDS [PATH]\n"); return 64; }
    const char *path = argc > 4 ? argv[4] : "time";
    struct sockaddr_in a = local(atoi(argv[2]));
    struct pollfd polls[sockets];
    static struct slot slots[sockets][window];
    static uint16_t next[sockets];
    unsigned seed = (unsigned)(now() * 1e6);
    for (int s = 0; s < sockets; s++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof a)) { perror("connect"); return 1; }
        polls[s] = (struct pollfd){fd, POLLIN, 0};
        next[s] = (uint16_t)rand_r(&seed);
    }
    uint8_t request[64] = {0x44, 1};
    size_t length = 8, name = strlen(path);
    request[length++] = 0xB0 | (uint8_t)name;
    memcpy(request + length, path, name);
    length += name;
    long answers = 0, errors = 0, lost = 0;
    double start = now(), end = start + atof(argv[3]), t = start;
    while (t < end) {
        for (int s = 0; s < sockets; s++) {
            struct mmsghdr out[window];
            struct iovec vectors[window];
            uint8_t copies[window][64];
            int count = 0;
            for (int w = 0; w < window; w++) {
                struct slot *slot = &slots[s][w];
                if (slot->sent && t - slot->sent < 1) continue;
                if (slot->sent) lost++;
                slot->id = next[s]++;
                slot->sent = t;
                memcpy(copies[count], request, length);
                copies[count][2] = slot->id >> 8;
                copies[count][3] = slot->id & 255;
                copies[count][4] = w;
                copies[count][5] = s;
                copies[count][6] = slot->id >> 8;
                copies[count][7] = slot->id & 255;
                vectors[count] = (struct iovec){copies[count], length};
                memset(&out[count], 0, sizeof out[count]);
                out[count].msg_hdr.msg_iov = &vectors[count];
                out[count].msg_hdr.msg_iovlen = 1;
                count++;
            }
            if (count) sendmmsg(polls[s].fd, out, count, 0);
        }
        poll(polls, sockets, 100);
        t = now();
        for (int s = 0; s < sockets; s++) {
            if (!(polls[s].revents & POLLIN)) continue;
            struct mmsghdr in[window * 2];
            struct iovec vectors[window * 2];
            uint8_t buffers[window * 2][256];
            memset(in, 0, sizeof in);
            for (int i = 0; i < window * 2; i++) {
                vectors[i] = (struct iovec){buffers[i], sizeof buffers[i]};
                in[i].msg_hdr.msg_iov = &vectors[i];
                in[i].msg_hdr.msg_iovlen = 1;
            }
            int count = recvmmsg(polls[s].fd, in, window * 2, MSG_DONTWAIT, NULL);
            for (int i = 0; i < count; i++) {
                uint8_t *b = buffers[i];
                // An answer names its slot and its message id in the token; a late one names another id.
                if (in[i].msg_len < 8 || b[4] >= window) continue;
                struct slot *slot = &slots[s][b[4]];
                if (!slot->sent || slot->id != (b[6] << 8 | b[7])) continue;
                slot->sent = 0;
                answers++;
                if (b[1] >> 5 != 2 && b[1] != 1) errors++;
            }
        }
    }
    printf("%ld %ld %ld %.6f\n", answers, errors, lost, now() - start);
    return 0;
}
