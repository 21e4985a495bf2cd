// SPDX-License-Identifier: MIT OR GPL-2.0
// Counts the payload that passes between processes and sockets, per process and, if asked for, per process and socket.
//
// Each byte must pass exactly one hook, in the context of the process that moves the byte. The hooks are:
// - Since Linux 6.3: tracepoints at the return of every send and receive call of every protocol. They report the return
//   value, so zero-copy, sendfile(2), io_uring and segmentation offload are counted correctly. A locked-down kernel
//   allows tracepoints, but not fexit.
// - Before Linux 6.3: fexit programs at the return of the functions that now contain these tracepoints. They report the
//   same return value.
// - For receives of TCP: tcp_rcv_space_adjust. splice(2) and TCP_ZEROCOPY_RECEIVE make no receive call, so the bytes
//   are counted by sequence number (sequence.h). The hook tcp_cleanup_rbuf would count bytes twice, because some of its
//   callers pass a cumulative figure.
// - inet_sock_set_state: only to note that a connection begins or ends. The hook may run while any process is running,
//   so it never identifies a process.
//
// With tracepoints, the programs read kernel memory only through BTF pointers, which a locked-down kernel allows.
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

/* Returns the current epoch. Each program calls this once, because the epoch may change at any time. */
static __always_inline tally_u32 counting(void) { return *(volatile tally_u32*)&epoch; }

static __always_inline int sent(struct sock* sk, long ret)
{
    const tally_u32 now = counting();
    struct tally_remote remote = {};
    if (is_ours(sk))
        find_sent_to(sk, &remote); /* runs even if the call failed, to clear the entry that a hook has left */
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
    find_received_from(sk, &remote); /* runs even if the call failed, to clear the entry that a hook has left */
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

/* Before Linux 6.5, sendfile(2) and splice(2) into a socket called inet_sendpage(). If the protocol has no sendpage of
   its own, inet_sendpage() calls sendmsg, and the hook of sendmsg counts the bytes. */
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

/* Raw and ping sockets of IPv6, and sockets of DCCP, receive through this function. */
SEC("fexit/sock_common_recvmsg")
int BPF_PROG(sock_common_recvmsg_returns, struct socket* socket, struct msghdr* message, unsigned long size, int flags, int ret)
{
    return received(socket->sk, ret, flags);
}

/* AF_PACKET sockets send through packet_sendmsg() (SOCK_RAW, SOCK_DGRAM) or packet_sendmsg_spkt() (SOCK_PACKET). */
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

/* Records the source of each message that is read from an ICMP or raw IP socket. The kernel runs this hook when it
   copies the message to the reader. UDP is left out, because only some of its messages pass this hook. */
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
            out_of_memory = 1; /* received() runs later in this call, and counts the return value */
            out_of_memory_in[buffer_of(now)] = 1;
        }
        return 0;
    }
    const tally_u64 bytes = advance(note, sk, tcp);
    if (note->knowledge == LATE && note->met != now)
        note->knowledge = KNOWN; /* the call in which the note became LATE has ended */
    if (note->knowledge != KNOWN) {
        if (now && note->knowledge == UNKNOWN) {
            note->knowledge = LATE;
            note->met = now;
            untracked = 1; /* received() runs later in this call, and checks `untracked` */
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
    /* A process owns the socket's lock while it reads. Otherwise the kernel itself reads (NVMe, iSCSI) because a packet
       has arrived, and the running process has nothing to do with it. */
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

/* A process may have executed another program since its first byte. So the process gets the name that it has when it
   ends, in the current epoch and in the epoch that the backend is reading. */
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

/* The kernel runs this hook before the new thread or process runs. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forks, struct task_struct* parent, struct task_struct* child)
{
    inherit(parent, child);
    return 0;
}

/* Notes that a connection begins or ends. When a connection begins, nothing has been read and nothing retransmitted. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, struct sock* sk, int oldstate, int newstate)
{
    const bool was_open = oldstate != TCP_LISTEN && oldstate != TCP_SYN_SENT && oldstate != TCP_CLOSE;
    if (keeps_facts && newstate == TCP_CLOSE && was_open) {
        struct tcp_sock* ended = bpf_skc_to_tcp_sock(sk);
        return ended ? note_closed(sk, ended) : 0;
    }
    if (newstate != TCP_ESTABLISHED || (oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV))
        return 0;
    struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
    if (tcp)
        begin_sequence(sk, tcp, oldstate == TCP_SYN_RECV);
    return 0;
}

/* Runs before counting begins, for each TCP socket of each network namespace. Notes how much has been read from the
   socket, because these bytes do not belong to the window. */
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

/* Runs after a window has ended. Writes a row for each TCP connection that is open. */
SEC("iter/tcp")
int write_connections(struct bpf_iter__tcp* context)
{
    struct sock_common* common = context->sk_common;
    struct tcp_sock* tcp = common ? bpf_skc_to_tcp_sock(common) : 0;
    struct sock* used = tcp && common->skc_state != TCP_LISTEN ? used_socket_of((struct sock*)tcp, tcp) : 0;
    if (!used)
        return 0;
    struct tally_connection row = {};
    describe_connection(&row, (struct sock*)tcp, tcp, used);
    bpf_seq_write(context->meta->seq, &row, sizeof row);
    return 0;
}
