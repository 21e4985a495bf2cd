/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Reports the state, the round-trip time and the retransmissions of TCP connections, if keeps_facts is set. When a
   window ends, an iterator writes a row for each open connection. The map `closed` has a row for each connection that
   has closed since the previous window ended. Each retransmitted byte is in exactly one row. Part of tally.bpf.c. */
#ifndef SOCKTALLY_CONNECTIONS_H
#define SOCKTALLY_CONNECTIONS_H

#include "traffic/ebpf/flows.h"

/* Rows of closed connections, by cookie. Tally::connections() reads the rows and deletes them. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, tally_u64);
    __type(value, struct tally_connection);
} closed SEC(".maps");

/* Fills in the row. The caller holds the lock of the socket. */
static __always_inline void describe_connection(struct tally_connection* row, struct sock* sk, struct tcp_sock* tcp)
{
    struct tally_remote remote = {};
    struct sequence_note* note = bpf_sk_storage_get(&sequences, sk, 0, 0);
    row->cookie = cookie_of(sk);
    row->rtt_us = tcp->srtt_us >> 3;
    row->state = sk->__sk_common.skc_state;
    if (note && note->is_tracked) {
        const tally_u64 all = tcp->bytes_retrans;
        row->is_tracked = 1;
        row->retransmitted_bytes = all - note->retransmitted;
        note->retransmitted = all;
    }
    connected_to(sk, &remote);
    describe_flow(&row->flow, sk, &remote);
}

/* Adds a row for a connection that closes. If the socket connects again and closes again, its row has the retransmitted
   bytes of both connections. */
static __noinline int note_closed(struct sock* sk, struct tcp_sock* tcp)
{
    if (!sk || !tcp)
        return 0;
    struct tally_connection row = {};
    describe_connection(&row, sk, tcp);
    row.state = TCP_CLOSE; /* the socket is about to enter this state */
    struct tally_connection* before = bpf_map_lookup_elem(&closed, &row.cookie);
    if (before) {
        row.retransmitted_bytes += before->retransmitted_bytes;
        row.is_tracked &= before->is_tracked;
    }
    bpf_map_update_elem(&closed, &row.cookie, &row, BPF_ANY);
    return 0;
}

/* Returns whether the socket is a subflow of MPTCP. Processes do not use subflows, but the MPTCP socket. */
static __always_inline bool is_subflow(struct tcp_sock* tcp)
{
    return bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp;
}

#endif
