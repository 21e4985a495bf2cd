// SPDX-License-Identifier: MIT OR GPL-2.0
// Counts payload where it passes between processes and sockets, per process and, if asked for, per process and socket.
//
// Each byte must pass exactly one hook, in the context of the process that moves it. So the hooks are:
// - Since Linux 6.3, tracepoints at the return of every send and receive of every protocol. They give what the call
//   returned, so zero-copy, sendfile(2), io_uring and segmentation offload count right. They need no fexit, which a
//   locked-down kernel refuses.
// - Before 6.3, fexit programs that take the same figure at the return of the functions that now contain these
//   tracepoints.
// - For TCP's receives, tcp_rcv_space_adjust, where bytes are counted by sequence, because splice(2) and
//   TCP_ZEROCOPY_RECEIVE pass no receive call. The obvious tcp_cleanup_rbuf gets cumulative figures on some paths, so
//   their sum would count bytes twice.
// - inet_sock_set_state, which runs in the context that a packet came in, only to note the start of a connection, never
//   to find a process.
//
// Kernel memory is read only through BTF pointers, which a locked-down kernel allows.
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/connections.h"
#include "traffic/ebpf/descendants.h"
#include "traffic/ebpf/flows.h"
#include "traffic/ebpf/process_counters.h"
#include "traffic/ebpf/sequence.h"
#include "traffic/ebpf/tally.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static __always_inline void count(struct sock* sk, tally_u32 now, tally_u32 slot, tally_u64 rx, tally_u64 tx,
                                  const struct tally_remote* remote)
{
    struct tally_counters* counters = bpf_map_lookup_elem(&process_counters, &slot);
    if (!counters)
        return;
    if (rx)
        __sync_fetch_and_add(&counters->rx_bytes, rx);
    if (tx)
        __sync_fetch_and_add(&counters->tx_bytes, tx);
    if (per_socket)
        count_flow(sk, now, slot, rx, tx, remote);
}

static __always_inline bool is_ours(struct sock* sk)
{
    const unsigned short family = sk->__sk_common.skc_family;
    return family == AF_INET || family == AF_INET6;
}

/* Reads the epoch. Read it once, because it may change between two reads. */
static __always_inline tally_u32 counting(void) { return *(volatile tally_u32*)&epoch; }

static __always_inline int sent(struct sock* sk, long ret)
{
    const tally_u32 now = counting();
    struct tally_remote remote = {};
    if (is_ours(sk))
        find_sent_to(sk, &remote); /* after a failed call too, to clear the entry */
    if (ret <= 0 || !now)
        return 0;
    if (!is_ours(sk) && sk->__sk_common.skc_family != AF_PACKET)
        return 0;
    count(sk, now, slot_of(sk, now), 0, ret, &remote);
    return 0;
}

static __always_inline int received(struct sock* sk, long ret, int flags)
{
    const tally_u32 now = counting();
    if (!is_ours(sk))
        return 0;
    struct tally_remote remote = {};
    find_received_from(sk, &remote); /* after a failed call too, to clear the entry */
    if (ret <= 0 || !now || flags & (MSG_PEEK | MSG_ERRQUEUE))
        return 0;
    if (!(flags & MSG_OOB) && counted_by_sequence(sk, now))
        return 0;
    count(sk, now, slot_of(sk, now), ret, 0, &remote);
    return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sock_sends, struct sock* sk, int ret, int flags)
{
    return sent(sk, ret);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sock_receives, struct sock* sk, int ret, int flags)
{
    return received(sk, ret, flags);
}

/* Before 6.5, sendfile(2) and splice(2) into a socket used sendpage. For a protocol without a sendpage of its own,
   inet_sendpage() calls sendmsg. */
struct msghdr;
struct page;

SEC("fexit/inet_sendmsg")
int BPF_PROG(inet_sendmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int ret)
{
    return sent(socket->sk, ret);
}

SEC("fexit/inet6_sendmsg")
int BPF_PROG(inet6_sendmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int ret)
{
    return sent(socket->sk, ret);
}

SEC("fexit/inet_sendpage")
int BPF_PROG(inet_sendpage_returns, struct socket* socket, struct page* page, int offset, unsigned long size, int flags, long ret)
{
    struct sock* sk = socket->sk;
    return sk->__sk_common.skc_prot->sendpage ? sent(sk, ret) : 0;
}

SEC("fexit/inet_recvmsg")
int BPF_PROG(inet_recvmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int flags, int ret)
{
    return received(socket->sk, ret, flags);
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(inet6_recvmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int flags, int ret)
{
    return received(socket->sk, ret, flags);
}

/* Covers the raw and ping sockets of IPv6, and DCCP. */
SEC("fexit/sock_common_recvmsg")
int BPF_PROG(sock_common_recvmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int flags, int ret)
{
    return received(socket->sk, ret, flags);
}

/* AF_PACKET: first SOCK_RAW and SOCK_DGRAM, then SOCK_PACKET. */
SEC("fexit/packet_sendmsg")
int BPF_PROG(inject_returns, struct socket* socket, struct msghdr* message, unsigned long size, int ret)
{
    return sent(socket->sk, ret);
}

SEC("fexit/packet_sendmsg_spkt")
int BPF_PROG(inject_spkt_returns, struct socket* socket, struct msghdr* message, unsigned long size, int ret)
{
    return sent(socket->sk, ret);
}

/* Runs when a message is copied to its reader: for every message of an ICMP or raw IP socket, but only for some of a
   UDP socket. */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(message_is_read, struct sk_buff* skb, int length)
{
    struct sock* sk = skb->sk;
    if (!sk || !is_ours(sk) || !is_raw(sk))
        return 0;
    const tally_u32 thread = bpf_get_current_task_btf()->pid;
    struct tally_peer peer = {.owner = (tally_u64)sk};
    source_of(skb, sk->__sk_common.skc_family, &peer.remote);
    bpf_map_update_elem(&peers, &thread, &peer, BPF_ANY);
    return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_consumes, struct sock* sk)
{
    struct tcp_sock* tcp = tcp_of(sk);
    if (!tcp || tcp->inet_conn.icsk_ulp_ops)
        return 0;
    const tally_u32 now = counting();
    struct sequence_note* note = sequence_of(sk);
    if (!note) {
        if (now) {
            out_of_memory = 1; /* before received() runs for the same call: its figure then counts */
            out_of_memory_in[buffer_of(now)] = 1;
        }
        return 0;
    }
    const tally_u64 bytes = advance(note, sk, tcp);
    if (note->knowledge == LATE && note->met != now)
        note->knowledge = KNOWN; /* the call that made it LATE has ended */
    if (note->knowledge != KNOWN) {
        if (now && note->knowledge == UNKNOWN) {
            note->knowledge = LATE;
            note->met = now;
            untracked = 1; /* before received() runs for the same call */
            untracked_in[buffer_of(now)] = 1;
            __sync_fetch_and_add(&unclaimed_in[buffer_of(now)], 1);
        }
        return 0;
    }
    if (bytes == 0 || !now)
        return 0;
    struct tally_remote remote = {};
    if (per_tuple)
        connected_to(sk, &remote);
    /* A kernel user of the socket (NVMe, iSCSI) may read from it when a packet comes in, whichever process is
       running. */
    count(sk, now, sk->sk_lock.owned ? slot_of(sk, now) : slot_in(now, TALLY_KERNEL_SLOT), bytes, 0, &remote);
    return 0;
}

static __noinline int name_at_end(struct task_struct* task, tally_u32 of)
{
    if (!task)
        return 0;
    struct tally_process process = {.start_ns = task->start_boottime, .tgid = task->tgid, .epoch = of};
    tally_u32* slot = bpf_map_lookup_elem(&processes, &process);
    struct tally_counters* counters = slot ? bpf_map_lookup_elem(&process_counters, slot) : 0;
    if (!counters)
        return 0;
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        counters->name[i] = task->comm[i];
    return 0;
}

/* A process may have become another program since its first byte, so it gets the name that it ends with, also in the
   epoch that is being read. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_ends, struct task_struct* task)
{
    if (task->pid != task->tgid)
        return 0;
    const tally_u32 latest = latest_epoch;
    name_at_end(task, latest);
    if (buffer_mask)
        name_at_end(task, latest - 1);
    return 0;
}

/* Runs before the new thread or process does. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forks, struct task_struct* parent, struct task_struct* child)
{
    inherit(parent, child);
    return 0;
}

/* Nothing has been read from a connection that begins while we watch, and nothing sent again. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, struct sock* sk, int oldstate, int newstate)
{
    const bool was_open = oldstate != TCP_LISTEN && oldstate != TCP_SYN_SENT && oldstate != TCP_CLOSE;
    if (keeps_facts && newstate == TCP_CLOSE && was_open) {
        struct tcp_sock* ended = bpf_skc_to_tcp_sock(sk);
        return ended && !is_subflow(ended) ? note_closed(sk, ended) : 0;
    }
    if (newstate != TCP_ESTABLISHED || (oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV))
        return 0;
    struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
    if (tcp)
        begin_sequence(sk, tcp, oldstate == TCP_SYN_RECV);
    return 0;
}

/* Runs before counting begins, for the TCP sockets of each network namespace, because bytes read earlier are not
   part of the window. */
SEC("iter/tcp")
int note_existing(struct bpf_iter__tcp* context)
{
    struct sock_common* common = context->sk_common;
    struct tcp_sock* tcp = common ? bpf_skc_to_tcp_sock(common) : 0;
    if (!tcp)
        return 0;
    begin_sequence((struct sock*)tcp, tcp, was_accepted((struct sock*)tcp, tcp));
    return 0;
}

/* Runs when a window is over. */
SEC("iter/tcp")
int write_connections(struct bpf_iter__tcp* context)
{
    struct sock_common* common = context->sk_common;
    struct tcp_sock* tcp = common ? bpf_skc_to_tcp_sock(common) : 0;
    if (!tcp || common->skc_state == TCP_LISTEN || is_subflow(tcp))
        return 0;
    struct tally_connection row = {};
    describe_connection(&row, (struct sock*)tcp, tcp);
    bpf_seq_write(context->meta->seq, &row, sizeof row);
    return 0;
}
