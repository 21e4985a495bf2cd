// SPDX-License-Identifier: MIT OR GPL-2.0
// Writes a row for each TCP and UDP socket of one network namespace: that of the thread that reads the iterator. The
// kernel locks a TCP socket while its row is written. TIME_WAIT and request sockets have no counters, and get no row.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/totals.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

extern void* bpf_rdonly_cast(const void* object, __u32 btf_id) __ksym __weak;

static __always_inline void describe(struct totals_row* row, struct sock* sk)
{
    row->cookie = bpf_get_socket_cookie(sk);
    row->uid = sk->sk_uid.val;
    row->netns = sk->__sk_common.skc_net.net->ns.inum;
    row->interface = sk->__sk_common.skc_bound_dev_if;
    if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup) && sk->sk_cgrp_data.cgroup) /* since Linux 5.15 */
        row->cgroup_id = sk->sk_cgrp_data.cgroup->kn->id;
    row->local_port = sk->__sk_common.skc_num;
    row->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
    row->family = sk->__sk_common.skc_family;
    row->state = sk->__sk_common.skc_state;
    if (row->family == AF_INET) {
        *(tally_u32*)row->local = sk->__sk_common.skc_rcv_saddr;
        *(tally_u32*)row->remote = sk->__sk_common.skc_daddr;
        return;
    }
    for (int i = 0; i < 4; ++i) {
        ((tally_u32*)row->local)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
        ((tally_u32*)row->remote)[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
    }
}

/* Sets row->inode and row->holder. A subflow of MPTCP has no file, but the kernel gives it the inode number of its
   MPTCP connection (mptcp_subflow_create_socket()). The number is in struct socket_alloc, which contains `socket`. No
   pointer leads to socket_alloc, so the program needs a cast (since Linux 6.2). */
static __always_inline void find_holder(struct totals_row* row, struct sock* sk, int is_multipath)
{
    struct socket* socket = sk->sk_socket;
    if (!socket)
        return;
    struct file* file = socket->file;
    if (file) {
        row->inode = file->f_inode->i_ino;
    } else if (!is_multipath) {
        row->holder = TOTALS_HELD_BY_KERNEL;
    } else if (bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_rdonly_cast)) {
        struct socket_alloc* alloc = bpf_rdonly_cast(socket, bpf_core_type_id_kernel(struct socket_alloc));
        row->inode = alloc->vfs_inode.i_ino;
    } else {
        row->holder = TOTALS_HELD_BY_UNKNOWN;
    }
}

SEC("iter/tcp")
int write_tcp(struct bpf_iter__tcp* context)
{
    struct sock_common* common = context->sk_common;
    struct tcp_sock* tcp = common ? bpf_skc_to_tcp_sock(common) : 0;
    if (!tcp)
        return 0;
    struct totals_row row = {
        .protocol = IPPROTO_TCP,
        .bytes_received = tcp->bytes_received,
        .bytes_acked = tcp->bytes_acked,
        .bytes_sent = tcp->bytes_sent,
        .bytes_retrans = tcp->bytes_retrans,
        .rqueue = tcp->rcv_nxt - tcp->copied_seq,
        .wqueue = tcp->write_seq - tcp->snd_una,
        .notsent_bytes = tcp->write_seq - tcp->snd_nxt,
        .segs_in = tcp->segs_in,
        .segs_out = tcp->segs_out,
        .data_segs_in = tcp->data_segs_in,
        .rtt_us = tcp->srtt_us >> 3,
    };
    describe(&row, (struct sock*)tcp);
    find_holder(&row, (struct sock*)tcp, bpf_core_field_exists(tcp->is_mptcp) && tcp->is_mptcp);
    bpf_seq_write(context->meta->seq, &row, sizeof row);
    return 0;
}

SEC("iter/udp")
int write_udp(struct bpf_iter__udp* context)
{
    struct sock* sk = (struct sock*)context->udp_sk;
    if (!sk)
        return 0;
    struct totals_row row = {.protocol = IPPROTO_UDP};
    describe(&row, sk);
    find_holder(&row, sk, 0);
    bpf_seq_write(context->meta->seq, &row, sizeof row);
    return 0;
}
