/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Counts the bytes that a process moves through each socket, if per_socket is set. Finds the remote end of each
   datagram, which may differ from the end that the socket is connected to. Part of tally.bpf.c. */
#ifndef SOCKTALLY_FLOWS_H
#define SOCKTALLY_FLOWS_H

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/peers.h"
#include "traffic/ebpf/process_counters.h"
#include "traffic/ebpf/sequence.h"
#include "traffic/ebpf/tally.h"

/* Set before loading. */
const volatile tally_u8 per_socket = 0;
const volatile tally_u8 per_tuple = 0;
const volatile tally_u8 per_peer = 0; /* 1 if the hooks of peers.bpf.c run */

/* Number of sends and receives whose flow had no room in the map `flows`. The process counters include their bytes. */
tally_u64 flows_dropped[TALLY_BUFFERS] = {};
/* Number of sockets that had more than TALLY_MOST_PEERS peers. */
tally_u64 crowded_in[TALLY_BUFFERS] = {};

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
    flow->netns = UNTRUSTED(sock, sk)->__sk_common.skc_net.net->ns.inum;
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

/* Sets `remote` to the remote end that the socket is connected to. */
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

/* Returns whether the socket may have one more peer in this epoch. The limit keeps one socket from filling the map
   `flows`. */
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
        __sync_fetch_and_add(&crowded_in[buffer_of(now)], 1);
    return peers < TALLY_MOST_PEERS;
}

static __always_inline void count_flow(struct sock* sk, tally_u32 now, tally_u32 slot, tally_u64 rx, tally_u64 tx,
                                       const struct tally_remote* remote)
{
    struct tally_flow_key key = {.cookie = cookie_of(sk), .slot = slot, .remote = *remote};
    struct tally_flow* flow = bpf_map_lookup_elem(&flows, &key);
    if (!flow && per_peer && sk->sk_protocol != IPPROTO_TCP && !has_room_for_peer(sk, now)) {
        key.remote = (struct tally_remote){};
        flow = bpf_map_lookup_elem(&flows, &key);
    }
    if (!flow) {
        struct tally_flow fresh = {};
        describe_flow(&fresh, sk, &key.remote);
        bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST); /* also fails if another CPU has just added the flow */
        flow = bpf_map_lookup_elem(&flows, &key);
        if (!flow) {
            __sync_fetch_and_add(&flows_dropped[buffer_of(now)], 1);
            return;
        }
    }
    if (rx)
        __sync_fetch_and_add(&flow->rx_bytes, rx);
    if (tx)
        __sync_fetch_and_add(&flow->tx_bytes, tx);
}

/* A datagram may be sent in parts (MSG_MORE, UDP_CORK). All parts go to the destination of the first part, whatever
   address a later part names. No hook runs for later parts. So if the first part names an address, this map keeps it
   with the socket. */
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tally_remote);
} corks SEC(".maps");
tally_u8 has_corks = 0; /* 1 after the map `corks` had an entry */

static __always_inline bool is_datagram(struct sock* sk)
{
    return sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE;
}

/* Gets the remote end that a hook has recorded for this call. Returns false if there is none. Clears the entry, so that
   the next call does not find it. */
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

/* Returns whether the socket holds parts of a datagram that is not complete yet. */
static __always_inline bool is_corked(struct sock* sk)
{
    if (!has_casts)
        return BPF_CORE_READ((struct udp_sock*)sk, pending) != 0;
    struct udp_sock* udp = bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct udp_sock));
    return udp->pending != 0;
}

/* Finds the destination of a datagram. It stays unknown if this call names no address and the socket is connected, but
   an earlier part of a datagram named an address. It is not known whether that datagram is complete, because no hook
   sees setsockopt(2) complete it. So this call may add to it, or begin another one. */
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

/* Finds the source of a received message. If a UDP socket is not connected, the source stays unknown, unless the caller
   asks for it. */
static __always_inline void find_received_from(struct sock* sk, struct tally_remote* remote)
{
    if (per_tuple && !(per_peer && (is_datagram(sk) || is_raw(sk)) && take_peer(sk, remote)))
        connected_to(sk, remote);
}

/* A pointer to the network header of `skb`. */
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
