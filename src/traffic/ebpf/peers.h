/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The maps in which the programs that see addresses (peers.bpf.c) leave the remote end of the datagram that a thread
   sends or receives. The programs that count read it at the end of the same call. */
#ifndef SOCKTALLY_PEERS_H
#define SOCKTALLY_PEERS_H

#include "traffic/ebpf/tally.h"

struct tally_peer {
    tally_u64 owner; /* the socket or thread that the entry is for; 0: already used */
    struct tally_remote remote;
    tally_u32 padding;
};
TALLY_ASSERT(sizeof(struct tally_peer) == 32);

/* By thread; the owner is the socket, by cookie or address. An entry is useless once its thread is back in user
   space, so the least recently used ones are evicted. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, tally_u32); /* thread */
    __type(value, struct tally_peer);
} peers SEC(".maps");

/* By socket; the owner is the thread. For sends of ICMP and raw IP, because during such a call the thread may also
   send for the kernel's own sockets. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tally_peer);
} raw_peers SEC(".maps");

#define IS_RAW(type, protocol) ((type) == SOCK_RAW || (protocol) == IPPROTO_ICMP || (protocol) == IPPROTO_ICMPV6)

#endif
