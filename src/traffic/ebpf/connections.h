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
/* Number of connections that had no room in it. */
tally_u64 closed_dropped = 0;

static __always_inline bool is_subflow(struct tcp_sock* tcp)
{
    return bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp;
}

/* Returns the socket that a process uses: of a subflow that of the MPTCP connection, else the connection itself. Null
   if there is none, or if a subflow does not lead to it (before Linux 6.3). */
static __always_inline struct sock* used_socket_of(struct sock* sk, struct tcp_sock* tcp)
{
    if (!is_subflow(tcp))
        return sk;
    if (!has_casts || !bpf_core_type_exists(struct mptcp_subflow_context))
        return 0;
    struct mptcp_subflow_context* subflow =
        bpf_rdonly_cast(tcp->inet_conn.icsk_ulp_data, bpf_core_type_id_kernel(struct mptcp_subflow_context));
    return subflow->conn;
}

/* The caller has the lock of the socket. `used` is its used_socket_of(). */
static __always_inline void describe_connection(struct tally_connection* row, struct sock* sk, struct tcp_sock* tcp,
                                                struct sock* used)
{
    struct socket* socket = UNTRUSTED(sock, used)->sk_socket;
    struct file* file = socket ? socket->file : 0;
    struct tally_remote remote = {};
    struct sequence_note* note = bpf_sk_storage_get(&sequences, sk, 0, 0);
    row->cookie = used == sk ? cookie_of(sk) : (tally_u64)used->__sk_common.skc_cookie.counter;
    if (file)
        row->inode = file->f_inode->i_ino;
    row->rtt_us = tcp->srtt_us >> 3;
    row->state = used->__sk_common.skc_state;
    if (note && note->is_tracked) {
        const tally_u64 all = tcp->bytes_retrans;
        row->is_tracked = 1;
        row->retransmitted_bytes = all - note->retransmitted;
        note->retransmitted = all;
    }
    connected_to(sk, &remote);
    describe_flow(&row->flow, sk, &remote);
    if (used != sk)
        row->flow.protocol = IPPROTO_MPTCP;
}

/* Adds a row for a connection that closes. If the socket connects again and closes again, its row has the retransmitted
   bytes of both connections. */
static __noinline int note_closed(struct sock* sk, struct tcp_sock* tcp)
{
    struct sock* used = sk && tcp ? used_socket_of(sk, tcp) : 0;
    if (!used)
        return 0;
    struct tally_connection row = {};
    describe_connection(&row, sk, tcp, used);
    if (used == sk)
        row.state = TCP_CLOSE; /* which it is in a moment */
    struct tally_connection* before = bpf_map_lookup_elem(&closed, &row.cookie);
    if (before) {
        row.retransmitted_bytes += before->retransmitted_bytes;
        row.is_tracked &= before->is_tracked;
    }
    if (bpf_map_update_elem(&closed, &row.cookie, &row, BPF_ANY) != 0)
        __sync_fetch_and_add(&closed_dropped, 1);
    return 0;
}

#endif
