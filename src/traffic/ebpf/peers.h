/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Maps with the remote end of the datagram that a thread is sending or receiving. A hook writes an entry during a
   system call. The program that counts the bytes of this call reads the entry at the end of the call. */
#ifndef SOCKTALLY_PEERS_H
#define SOCKTALLY_PEERS_H

#include "traffic/ebpf/tally.h"

struct tally_peer {
    /* In `peers`: the cookie or the address of the socket. In `raw_peers`: the address of the thread. 0: the entry was
       read. */
    tally_u64 owner;
    struct tally_remote remote;
    tally_u32 padding;
};
TALLY_ASSERT(sizeof(struct tally_peer) == 32);

/* Remote ends by thread. An entry is useless after the thread has returned to user space, so the map may evict the
   least recently used entries. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, tally_u32); /* thread */
    __type(value, struct tally_peer);
} peers SEC(".maps");

/* Remote ends by socket, for sends of ICMP and raw IP. An entry in `peers` could be wrong here: during such a call, the
   thread may also send packets of the kernel's own sockets. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tally_peer);
} raw_peers SEC(".maps");

#define IS_RAW(type, protocol) ((type) == SOCK_RAW || (protocol) == IPPROTO_ICMP || (protocol) == IPPROTO_ICMPV6)

#endif
