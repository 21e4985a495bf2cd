/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the hooks of peers.bpf.c leave for the programs of tally.bpf.c: the other end of the datagram that a thread sends or receives.
   The hook runs within the call, the program that counts at the end of the same call, so the thread is enough to find it by. A thread in
   user space has nothing here. The least recently used entries make room. */
#ifndef SOCKTALLY_PEERS_H
#define SOCKTALLY_PEERS_H

#include "backend/ebpf/tally.h"

struct tally_peer {
    tally_u64 cookie; /* of the socket; 0: taken */
    struct tally_remote remote;
    tally_u32 padding;
};
TALLY_ASSERT(sizeof(struct tally_peer) == 32);

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, tally_u32); /* thread */
    __type(value, struct tally_peer);
} peers SEC(".maps");

#endif
