/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the programs that see addresses leave for those that count: the other end of the datagram that a thread sends or receives. The
   first run within the call, the second at the end of the same call. */
#ifndef SOCKTALLY_PEERS_H
#define SOCKTALLY_PEERS_H

#include "backend/ebpf/tally.h"

struct tally_peer {
    tally_u64 owner; /* 0: taken */
    struct tally_remote remote;
    tally_u32 padding;
};
TALLY_ASSERT(sizeof(struct tally_peer) == 32);

/* By thread, which has nothing here while it is in user space; the owner is the socket, by cookie or address. The least recently used
   entries make room. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, tally_u32); /* thread */
    __type(value, struct tally_peer);
} peers SEC(".maps");

/* By socket; the owner is the thread. For sends of ICMP and raw IP: while they last, this thread may send for sockets of the kernel's own. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tally_peer);
} raw_peers SEC(".maps");

#define IS_RAW(type, protocol) ((type) == SOCK_RAW || (protocol) == IPPROTO_ICMP || (protocol) == IPPROTO_ICMPV6)

#endif
