#define _GNU_SOURCE
#include "datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const uint32_t first_address = 0x7F010000;

int datagrams_open(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int on = 1;
    // What the load generator loses for want of room says nothing of the gateway.
    int room = 32 << 20;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    struct sockaddr_in any = {.sin_family = AF_INET};
    if (setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0 ||
        bind(descriptor, (struct sockaddr *)&any, sizeof any) < 0)
        return -1;
    return descriptor;
}

union control {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr alignment;
};

int datagrams_receive(int descriptor, struct datagram *into, int milliseconds) {
    struct mmsghdr messages[DATAGRAM_BATCH];
    struct iovec vectors[DATAGRAM_BATCH];
    union control controls[DATAGRAM_BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < DATAGRAM_BATCH; i++) {
        vectors[i] = (struct iovec){into[i].bytes, DATAGRAM_BYTES};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = controls[i].bytes;
        messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    int count = recvmmsg(descriptor, messages, DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
    if (count < 0 && errno == EAGAIN && milliseconds > 0) {
        struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
        if (poll(&wanted, 1, milliseconds) <= 0) return 0;
        count = recvmmsg(descriptor, messages, DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
    }
    if (count < 0) return errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED ? 0 : -1;
    for (int i = 0; i < count; i++) {
        into[i].length = messages[i].msg_len;
        into[i].device = 0;
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        if (header && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(header), sizeof info);
            into[i].device = ntohl(info.ipi_addr.s_addr) - first_address;
        }
    }
    return count;
}

int datagrams_send(int descriptor, const struct datagram *from, int count, uint16_t port) {
    struct mmsghdr messages[DATAGRAM_BATCH];
    struct iovec vectors[DATAGRAM_BATCH];
    union control controls[DATAGRAM_BATCH];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001)};
    if (count > DATAGRAM_BATCH) count = DATAGRAM_BATCH;
    memset(messages, 0, sizeof messages);
    memset(controls, 0, sizeof controls);
    for (int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){(void *)from[i].bytes, from[i].length};
        struct msghdr *message = &messages[i].msg_hdr;
        message->msg_name = &to;
        message->msg_namelen = sizeof to;
        message->msg_iov = &vectors[i];
        message->msg_iovlen = 1;
        message->msg_control = controls[i].bytes;
        message->msg_controllen = sizeof controls[i];
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        header->cmsg_level = IPPROTO_IP;
        header->cmsg_type = IP_PKTINFO;
        header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(first_address + from[i].device)};
        memcpy(CMSG_DATA(header), &info, sizeof info);
    }
    int sent = 0;
    while (sent < count) {
        int more = sendmmsg(descriptor, messages + sent, count - sent, 0);
        if (more < 0 && errno != EINTR && errno != ECONNREFUSED) return -1;
        if (more > 0) sent += more;
    }
    return sent;
}
