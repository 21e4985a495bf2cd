// SPDX-License-Identifier: MIT OR GPL-2.0
// Counts the packets of each socket, where packets pass between IP and the socket. At that moment any process may be
// running, so the programs record no process. After the window the backend finds the process by the socket's cookie: in
// the flows of tally.bpf.c, or in the descriptor tables. The hooks are those of control groups, because they know the
// socket of a packet. The hooks of interfaces (tc, XDP) mostly do not know it.
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/tally.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PASS 1

/* The epoch that is counted. A program reads it only once. */
tally_u64 epoch = 1;
tally_u64 holders_epoch = 1; /* epoch of the sockets whose holders note_holders() records */

/* Number of packets that were not counted, because their socket had no room in the map `sockets`. */
tally_u64 packets_dropped[TALLY_BUFFERS] = {};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct packets_key);
    __type(value, struct packets_socket);
} sockets SEC(".maps");

static __always_inline bool is_subflow(struct bpf_sock* sk)
{
    if (sk->protocol != IPPROTO_TCP || !bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_skc_to_mptcp_sock))
        return false;
    return bpf_skc_to_mptcp_sock(sk) != 0;
}

static __always_inline tally_u16 protocol_of(struct bpf_sock* sk)
{
    if (is_subflow(sk))
        return IPPROTO_MPTCP;
    if (sk->type == SOCK_RAW && sk->protocol != IPPROTO_ICMP && sk->protocol != IPPROTO_ICMPV6)
        return IPPROTO_RAW;
    return sk->protocol;
}

static __always_inline void describe(struct tally_flow* flow, struct bpf_sock* sk, struct __sk_buff* packet)
{
    flow->family = sk->family;
    flow->protocol = protocol_of(sk);
    flow->uid = bpf_get_socket_uid(packet);
    flow->interface = sk->bound_dev_if;
    flow->local_port = sk->src_port;
    flow->remote_port = bpf_ntohs(sk->dst_port);
    tally_u32* local = (tally_u32*)flow->local;
    tally_u32* remote = (tally_u32*)flow->remote;
    if (flow->family == AF_INET) {
        local[0] = sk->src_ip4;
        remote[0] = sk->dst_ip4;
        return;
    }
    local[0] = sk->src_ip6[0];
    local[1] = sk->src_ip6[1];
    local[2] = sk->src_ip6[2];
    local[3] = sk->src_ip6[3];
    remote[0] = sk->dst_ip6[0];
    remote[1] = sk->dst_ip6[1];
    remote[2] = sk->dst_ip6[2];
    remote[3] = sk->dst_ip6[3];
}

/* Returns the entry of the packet's socket. Returns null if the map is full, or if the socket is a TIME_WAIT or request
   socket. */
static __always_inline struct packets_socket* entry_of(struct __sk_buff* packet)
{
    struct packets_key key = {.cookie = bpf_get_socket_cookie(packet), .epoch = *(volatile tally_u64*)&epoch};
    struct packets_socket* entry = bpf_map_lookup_elem(&sockets, &key);
    if (entry)
        return entry;
    struct bpf_sock* sk = packet->sk ? bpf_sk_fullsock(packet->sk) : 0;
    if (!sk)
        return 0;
    struct packets_socket fresh = {};
    describe(&fresh.flow, sk, packet);
    bpf_map_update_elem(&sockets, &key, &fresh, BPF_NOEXIST); /* also fails if another CPU has just added the socket */
    entry = bpf_map_lookup_elem(&sockets, &key);
    if (!entry)
        __sync_fetch_and_add(&packets_dropped[key.epoch & (TALLY_BUFFERS - 1)], 1);
    return entry;
}

/* `packet` begins with the IP header. packet->len is the real length of the packet, even if the IP header has another
   one. */
SEC("cgroup_skb/ingress")
int packet_comes(struct __sk_buff* packet)
{
    struct packets_socket* entry = entry_of(packet);
    if (entry) {
        __sync_fetch_and_add(&entry->rx_packets, 1);
        __sync_fetch_and_add(&entry->flow.rx_bytes, packet->len);
    }
    return PASS;
}

SEC("cgroup_skb/egress")
int packet_goes(struct __sk_buff* packet)
{
    struct packets_socket* entry = entry_of(packet);
    if (entry) {
        __sync_fetch_and_add(&entry->tx_packets, 1);
        __sync_fetch_and_add(&entry->flow.tx_bytes, packet->len);
    }
    return PASS;
}

/* Runs after the window, for each open file of each thread. Records the process that holds a socket with packets. All
   threads of a process count as one holder. */
SEC("iter/task_file")
int note_holders(struct bpf_iter__task_file* context)
{
    struct task_struct* task = context->task;
    struct file* file = context->file;
    if (!task || !file)
        return 0;
    struct socket* socket = bpf_sock_from_file(file);
    struct sock* sk = socket ? socket->sk : 0;
    if (!sk || (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
        return 0;
    struct packets_key key = {.cookie = bpf_get_socket_cookie(sk), .epoch = holders_epoch};
    struct packets_socket* entry = bpf_map_lookup_elem(&sockets, &key);
    if (!entry)
        return 0;
    struct task_struct* leader = task->group_leader;
    if (entry->holder_start_ns != 0) {
        if (entry->holder_start_ns != leader->start_boottime || entry->holder_tgid != (tally_u32)leader->tgid)
            entry->is_shared = 1;
        return 0;
    }
    entry->flow.netns = sk->__sk_common.skc_net.net->ns.inum;
    entry->holder_start_ns = leader->start_boottime;
    entry->holder_tgid = leader->tgid;
    entry->holder_uid = leader->cred->euid.val;
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        entry->holder_name[i] = leader->comm[i];
    return 0;
}
