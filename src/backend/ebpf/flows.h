/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The bytes of a process at one socket, for samples that tell sockets apart. A part of tally.bpf.c. */
#ifndef SOCKTALLY_FLOWS_H
#define SOCKTALLY_FLOWS_H

#include "backend/ebpf/cells.h"
#include "backend/ebpf/kernel.h"
#include "backend/ebpf/sequence.h"
#include "backend/ebpf/tally.h"

/* Set before loading. */
const volatile tally_u8 per_socket = 0;
const volatile tally_u8 per_tuple = 0;

/* Sockets that found no room in flows; their bytes are in the cell all the same. */
tally_u64 flows_dropped[TALLY_HALVES] = {};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct tally_flow_key);
    __type(value, struct tally_flow);
} flows SEC(".maps");

static __noinline int describe_flow(struct tally_flow* flow, struct sock* sk)
{
    if (!flow || !sk)
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
    flow->remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
    struct sequence_note* note = flow->protocol == IPPROTO_TCP ? bpf_sk_storage_get(&sequences, sk, 0, 0) : 0;
    if (note)
        flow->accepted = note->accepted;
    if (flow->family == AF_INET) {
        *(tally_u32*)flow->local = sk->__sk_common.skc_rcv_saddr;
        *(tally_u32*)flow->remote = sk->__sk_common.skc_daddr;
        return 0;
    }
    for (int i = 0; i < 4; ++i) {
        ((tally_u32*)flow->local)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
        ((tally_u32*)flow->remote)[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
    }
    return 0;
}

static __always_inline tally_u32 hash_of_remote(struct sock* sk)
{
    const tally_u32 factor = 0x9e3779b1;
    tally_u32 hash = sk->__sk_common.skc_dport * factor;
    if (sk->__sk_common.skc_family == AF_PACKET)
        return 0;
    if (sk->__sk_common.skc_family == AF_INET)
        return hash ^ sk->__sk_common.skc_daddr;
    for (int i = 0; i < 4; ++i)
        hash = (hash ^ sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i]) * factor;
    return hash;
}

static __always_inline void count_flow(struct sock* sk, tally_u32 now, tally_u32 cell, tally_u64 rx, tally_u64 tx)
{
    struct tally_flow_key key = {.cookie = cookie_of(sk), .cell = cell, .remote = per_tuple ? hash_of_remote(sk) : 0};
    struct tally_flow* flow = bpf_map_lookup_elem(&flows, &key);
    if (!flow) {
        struct tally_flow fresh = {};
        describe_flow(&fresh, sk);
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
