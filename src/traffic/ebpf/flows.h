/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The bytes of a process at one socket, for samples that tell sockets apart. A part of tally.bpf.c. */
#ifndef SOCKTALLY_FLOWS_H
#define SOCKTALLY_FLOWS_H

#include "traffic/ebpf/cells.h"
#include "linux/bpf_kernel.h"
#include "traffic/ebpf/sequence.h"
#include "traffic/ebpf/tally.h"

/* Set before loading. */
const volatile tally_u8 per_socket = 0;
const volatile tally_u8 per_tuple = 0;
const volatile tally_u8 per_peer = 0; /* true if the hooks of peers.bpf.c run */

/* Sockets that found no room in flows; their bytes are in the cell all the same. */
tally_u64 flows_dropped[TALLY_HALVES] = {};
/* Sockets with more peers than there is room for. */
tally_u64 crowded_in[TALLY_HALVES] = {};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct tally_flow_key);
    __type(value, struct tally_flow);
} flows SEC(".maps");

static __noinline int describe_flow(struct tally_flow* flow, struct sock* sk, const struct tally_remote* remote)
{
    if (!flow || !sk || !remote)
        return 0;
    flow->family = sk->__sk_common.skc_family;
    flow->protocol = sk->sk_protocol;
    if (sk->sk_type == SOCK_RAW && flow->protocol != IPPROTO_ICMP && flow->protocol != IPPROTO_ICMPV6)
        flow->protocol = IPPROTO_RAW;
    flow->interface = (tally_u32)sk->__sk_common.skc_bound_dev_if;
    flow->netns = sk->__sk_common.skc_net.net->ns.inum;
    flow->uid = sk->sk_uid.val;
    if (flow->family == AF_PACKET)
        return 0;
    flow->local_port = sk->__sk_common.skc_num;
    flow->remote_port = remote->port;
    __builtin_memcpy(flow->remote, remote->address, sizeof flow->remote);
    struct sequence_note* note = flow->protocol == IPPROTO_TCP ? bpf_sk_storage_get(&sequences, sk, 0, 0) : 0;
    if (note)
        flow->accepted = note->accepted;
    if (flow->family == AF_INET) {
        *(tally_u32*)flow->local = sk->__sk_common.skc_rcv_saddr;
        return 0;
    }
    for (int i = 0; i < 4; ++i)
        ((tally_u32*)flow->local)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    return 0;
}

/* The other end that the socket is connected to. */
static __always_inline void connected_to(struct sock* sk, struct tally_remote* remote)
{
    if (sk->__sk_common.skc_family == AF_PACKET)
        return;
    tally_u32* address = (tally_u32*)remote->address;
    remote->port = __builtin_bswap16(sk->__sk_common.skc_dport);
    if (sk->__sk_common.skc_family == AF_INET) {
        address[0] = sk->__sk_common.skc_daddr;
        return;
    }
    for (int i = 0; i < 4; ++i)
        address[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
}

/* Limits the peers of one socket, so that it cannot fill the map. */
static __noinline bool has_room_for_peer(struct sock* sk, tally_u32 now)
{
    struct sock_users* used = sk ? bpf_sk_storage_get(&users, sk, 0, 0) : 0;
    if (!used)
        return true;
    const tally_u64 none = (tally_u64)now << 32;
    tally_u64 seen = *(volatile tally_u64*)&used->peers;
    if (seen < none) {
        __sync_val_compare_and_swap(&used->peers, seen, none);
        seen = none;
    }
    if ((tally_u32)seen > TALLY_MOST_PEERS)
        return false;
    const tally_u32 peers = __sync_fetch_and_add(&used->peers, 1);
    if (peers == TALLY_MOST_PEERS)
        __sync_fetch_and_add(&crowded_in[half_of(now)], 1);
    return peers < TALLY_MOST_PEERS;
}

static __always_inline void count_flow(struct sock* sk, tally_u32 now, tally_u32 cell, tally_u64 rx, tally_u64 tx,
                                       const struct tally_remote* remote)
{
    struct tally_flow_key key = {.cookie = cookie_of(sk), .cell = cell, .remote = *remote};
    struct tally_flow* flow = bpf_map_lookup_elem(&flows, &key);
    if (!flow && per_peer && sk->sk_protocol != IPPROTO_TCP && !has_room_for_peer(sk, now)) {
        key.remote = (struct tally_remote){};
        flow = bpf_map_lookup_elem(&flows, &key);
    }
    if (!flow) {
        struct tally_flow fresh = {};
        describe_flow(&fresh, sk, &key.remote);
        bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST); /* fails too where another CPU was quicker */
        flow = bpf_map_lookup_elem(&flows, &key);
        if (!flow) {
            __sync_fetch_and_add(&flows_dropped[half_of(now)], 1);
            return;
        }
    }
    if (rx)
        __sync_fetch_and_add(&flow->rx_bytes, rx);
    if (tx)
        __sync_fetch_and_add(&flow->tx_bytes, tx);
}

#endif
