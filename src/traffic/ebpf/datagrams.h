/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Finds the other end of the datagram that a call sends or receives. It may differ from the end that the socket is
   connected to. Part of tally.bpf.c. */
#ifndef SOCKTALLY_DATAGRAMS_H
#define SOCKTALLY_DATAGRAMS_H

#include "traffic/ebpf/cells.h"
#include "traffic/ebpf/flows.h"
#include "linux/bpf_kernel.h"
#include "traffic/ebpf/peers.h"
#include "traffic/ebpf/sequence.h"
#include "traffic/ebpf/tally.h"

/* A datagram may be sent in parts (MSG_MORE, UDP_CORK). The parts after the first go where the first one went, whatever address they name,
   and run no hook. By socket: where the first part went, if it named an address. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tally_remote);
} corks SEC(".maps");
tally_u8 has_corks = 0; /* corks has had an entry */

static __always_inline bool is_datagram(struct sock* sk)
{
    return sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE;
}

/* Returns true if the hooks saw this call. Clears the entry, so that the next call does not find it. */
static __always_inline bool take_peer(struct sock* sk, struct tally_remote* remote)
{
    const tally_u32 thread = bpf_get_current_task_btf()->pid;
    struct tally_peer* seen = bpf_map_lookup_elem(&peers, &thread);
    if (!seen || seen->owner == 0 || (seen->owner != cookie_of(sk) && seen->owner != (tally_u64)sk))
        return false;
    *remote = seen->remote;
    seen->owner = 0;
    return true;
}

static __always_inline bool is_raw(struct sock* sk) { return IS_RAW(sk->sk_type, sk->sk_protocol); }

static __always_inline bool take_raw_peer(struct sock* sk, struct tally_remote* remote)
{
    struct tally_peer* seen = bpf_sk_storage_get(&raw_peers, sk, 0, 0);
    if (!seen || seen->owner != (tally_u64)bpf_get_current_task_btf())
        return false;
    *remote = seen->remote;
    seen->owner = 0;
    return true;
}

/* Returns true if parts of a datagram wait for the rest. */
static __always_inline bool is_corked(struct sock* sk)
{
    if (!has_casts)
        return BPF_CORE_READ((struct udp_sock*)sk, pending) != 0;
    struct udp_sock* udp = bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct udp_sock));
    return udp->pending != 0;
}

/* If a connected socket was corked with an address other than its own, setsockopt(2) may have uncorked it unseen: the
   other end stays unknown then. */
static __noinline int sent_to(struct sock* sk, struct tally_remote* remote)
{
    if (!sk || !remote)
        return 0;
    const bool is_named = take_peer(sk, remote);
    const bool is_open = is_corked(sk);
    if (is_named && is_open) {
        struct tally_remote* first = bpf_sk_storage_get(&corks, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
        if (first) {
            *first = *remote;
            has_corks = 1;
        }
        return 0;
    }
    struct tally_remote* first = has_corks ? bpf_sk_storage_get(&corks, sk, 0, 0) : 0;
    if (!is_named && !first)
        connected_to(sk, remote);
    else if (!is_named && sk->__sk_common.skc_dport == 0)
        *remote = *first;
    if (first && !is_open)
        bpf_sk_storage_delete(&corks, sk);
    return 0;
}

static __always_inline void find_sent_to(struct sock* sk, struct tally_remote* remote)
{
    if (!per_tuple)
        return;
    if (per_peer && is_datagram(sk))
        sent_to(sk, remote);
    else if (!(per_peer && is_raw(sk) && take_raw_peer(sk, remote)))
        connected_to(sk, remote);
}

/* The source of a datagram on an unconnected UDP socket stays unknown if the caller does not ask for it. */
static __always_inline void find_received_from(struct sock* sk, struct tally_remote* remote)
{
    if (per_tuple && !(per_peer && (is_datagram(sk) || is_raw(sk)) && take_peer(sk, remote)))
        connected_to(sk, remote);
}

/* The network header of the packet. */
#define HEADER(type, skb)                                                                                                                        \
    ((struct type*)bpf_rdonly_cast((skb)->head + (skb)->network_header, bpf_core_type_id_kernel(struct type)))

static __always_inline void source_of(struct sk_buff* skb, unsigned short family, struct tally_remote* remote)
{
    tally_u32* address = (tally_u32*)remote->address;
    if (family == AF_INET) {
        address[0] = has_casts ? HEADER(iphdr, skb)->saddr
                               : BPF_CORE_READ((struct iphdr*)(skb->head + skb->network_header), saddr);
        return;
    }
    for (int i = 0; i < 4; ++i)
        address[i] = has_casts ? HEADER(ipv6hdr, skb)->saddr.in6_u.u6_addr32[i]
                               : BPF_CORE_READ((struct ipv6hdr*)(skb->head + skb->network_header), saddr.in6_u.u6_addr32[i]);
}

#endif
