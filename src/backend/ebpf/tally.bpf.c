// SPDX-License-Identifier: MIT OR GPL-2.0
// Counts payload where it passes between processes and sockets, per process and, where asked for, per process and socket.
// Kernel 6.3 and later: tracepoints of the socket layer, which every send and receive of every protocol passes in the context of the
// process that makes it. No kernel memory is read but through BTF pointers, which a locked-down kernel allows.
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "backend/ebpf/kernel.h"
#include "backend/ebpf/tally.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_ICMPV6 58
#define IPPROTO_RAW 255
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define SOCK_DONE 1 /* bit numbers of sk_flags */
#define SOCK_URGINLINE 2
#define PF_KTHREAD 0x00200000
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3

/* Set before loading. */
const volatile tally_u8 per_socket = 0;
const volatile tally_u32 cell_count = 2;
/* The pid namespace in which process ids are to be given; both 0 for the first one. */
const volatile tally_u64 pid_namespace_device = 0;
const volatile tally_u64 pid_namespace_inode = 0;

/* Set while running: there are network namespaces whose TCP sockets note_existing() could not reach. */
tally_u8 strangers = 0;
tally_u64 unclaimed = 0; /* of those, the ones read by other means than recvmsg so far */

/* Counting is on. Before that the programs only keep sock_note.consumed up to date. */
tally_u8 active = 0;
tally_u32 next_cell = TALLY_FIRST_CELL;
tally_u64 flows_dropped = 0; /* sockets that found no room in flows; their bytes are in the cell all the same */

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2);
    __type(key, tally_u32);
    __type(value, struct tally_cell);
} cells SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 2);
    __type(key, struct tally_process);
    __type(value, tally_u32);
} processes SEC(".maps");

/* What is known of a TCP connection's consumed payload: nothing yet; what it is; or what it is by now, but not how much of it was read
   before the window: then recvmsg's own figure counts, once, and after that the difference does. */
#define UNKNOWN 0
#define KNOWN 1
#define LATE 2

#define USERS 4
struct sock_note {
    tally_u64 last_user; /* see cell_of() */
    tally_u64 consumed; /* TCP payload that was read since the connection began */
    tally_u32 position; /* copied_seq then */
    tally_u32 urgent; /* sequence number of the last urgent byte that was stepped over */
    tally_u32 initial; /* sequence number at which it began: tells connections of one socket apart */
    tally_u32 users[USERS]; /* cells of the first processes that used the socket */
    tally_u32 knowledge; /* of consumed, see below */
};
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct sock_note);
} sock_notes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct tally_flow_key);
    __type(value, struct tally_flow);
} flows SEC(".maps");

/* 0 for a process of another pid namespace than ours. */
static __always_inline tally_u32 visible_pid(struct task_struct* leader)
{
    struct bpf_pidns_info ids = {};
    if (pid_namespace_inode == 0)
        return leader->tgid;
    return bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &ids, sizeof ids) == 0 ? ids.tgid : 0;
}

static __always_inline void describe(struct tally_cell* cell, struct task_struct* leader, struct sock* sk)
{
    cell->tgid = visible_pid(leader);
    cell->start_ns = leader->start_boottime;
    cell->uid = leader->cred->euid.val;
    cell->cgroup_id = bpf_get_current_cgroup_id();
    cell->netns = sk->__sk_common.skc_net.net->ns.inum;
    cell->is_kernel_thread = (leader->flags & PF_KTHREAD) != 0;
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        cell->name[i] = leader->comm[i];
}

/* Not inlined: it runs when a socket is used by another thread than before. */
static __noinline tally_u32 find_cell(struct sock* sk)
{
    if (!sk)
        return TALLY_OVERFLOW_CELL;
    struct task_struct* leader = bpf_get_current_task_btf()->group_leader;
    struct tally_process process = {.start_ns = leader->start_boottime, .tgid = leader->tgid};
    tally_u32* known = bpf_map_lookup_elem(&processes, &process);
    if (known)
        return *known;
    if (next_cell >= cell_count)
        return TALLY_OVERFLOW_CELL;
    tally_u32 index = __sync_fetch_and_add(&next_cell, 1);
    struct tally_cell* cell = bpf_map_lookup_elem(&cells, &index);
    if (!cell)
        return TALLY_OVERFLOW_CELL;
    describe(cell, leader, sk);
    if (bpf_map_update_elem(&processes, &process, &index, BPF_NOEXIST) == 0)
        return index;
    /* Another thread was quicker: this cell stays empty. */
    known = bpf_map_lookup_elem(&processes, &process);
    return known ? *known : TALLY_OVERFLOW_CELL;
}

/* A socket that this process has not used yet in the window counts as one more of its connections. */
static __noinline int note_user(struct sock_note* note, tally_u32 index)
{
    struct tally_cell* cell = bpf_map_lookup_elem(&cells, &index);
    if (!note || !cell)
        return 0;
    for (int i = 0; i < USERS; ++i) {
        tally_u32 user = note->users[i];
        if (user == 0)
            user = __sync_val_compare_and_swap(&note->users[i], 0, index);
        if (user == index)
            return 0;
        if (user == 0) {
            __sync_fetch_and_add(&cell->sockets, 1);
            return 0;
        }
    }
    return 0;
}

#define CELL_BITS 20
#define CELL_MASK ((1ULL << CELL_BITS) - 1)

/* 44 bits that tell threads apart: a thread id is used again, but not one that was born at the same nanosecond. */
static __always_inline tally_u64 thread_mark(void)
{
    struct task_struct* thread = bpf_get_current_task_btf();
    return (thread->start_boottime ^ (tally_u64)thread->pid << 40) * 0x9e3779b97f4a7c15ULL & ~CELL_MASK;
}

/* Most sockets are used by one thread for long, so the note remembers the last one and its cell. Both are in one word: threads of two
   processes may be here at the same time, and must not see the mark of one with the cell of the other. */
static __always_inline tally_u32 cell_of(struct sock* sk, struct sock_note* note)
{
    if (!note)
        return find_cell(sk);
    const tally_u64 mark = thread_mark();
    const tally_u64 last = *(volatile tally_u64*)&note->last_user;
    if ((last & ~CELL_MASK) == mark)
        return last & CELL_MASK;
    const tally_u32 index = find_cell(sk);
    note_user(note, index);
    *(volatile tally_u64*)&note->last_user = mark | index;
    return index;
}

static __noinline int describe_flow(struct tally_flow* flow, struct sock* sk)
{
    if (!flow || !sk)
        return 0;
    flow->family = sk->__sk_common.skc_family;
    flow->protocol = sk->sk_protocol;
    if (sk->sk_type == SOCK_RAW && flow->protocol != IPPROTO_ICMP && flow->protocol != IPPROTO_ICMPV6)
        flow->protocol = IPPROTO_RAW;
    flow->netns = sk->__sk_common.skc_net.net->ns.inum;
    flow->uid = sk->sk_uid.val;
    if (flow->family == AF_PACKET)
        return 0;
    flow->local_port = sk->__sk_common.skc_num;
    flow->remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
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

static __always_inline void count_flow(struct sock* sk, tally_u32 cell, tally_u64 rx, tally_u64 tx)
{
    struct tally_flow_key key = {.cookie = bpf_get_socket_cookie(sk), .cell = cell};
    struct tally_flow* flow = bpf_map_lookup_elem(&flows, &key);
    if (!flow) {
        struct tally_flow fresh = {};
        describe_flow(&fresh, sk);
        bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST); /* fails too where another CPU was quicker */
        flow = bpf_map_lookup_elem(&flows, &key);
        if (!flow) {
            __sync_fetch_and_add(&flows_dropped, 1);
            return;
        }
    }
    if (rx)
        __sync_fetch_and_add(&flow->rx_bytes, rx);
    if (tx)
        __sync_fetch_and_add(&flow->tx_bytes, tx);
}

static __always_inline void count(struct sock* sk, tally_u32 index, tally_u64 rx, tally_u64 tx)
{
    struct tally_cell* cell = bpf_map_lookup_elem(&cells, &index);
    if (!cell)
        return;
    if (rx)
        __sync_fetch_and_add(&cell->rx_bytes, rx);
    if (tx)
        __sync_fetch_and_add(&cell->tx_bytes, tx);
    if (per_socket)
        count_flow(sk, index, rx, tx);
}

static __always_inline bool is_ours(struct sock* sk)
{
    const unsigned short family = sk->__sk_common.skc_family;
    return family == AF_INET || family == AF_INET6;
}

static __always_inline struct sock_note* note_of(struct sock* sk)
{
    return bpf_sk_storage_get(&sock_notes, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline int sent(struct sock* sk, long ret)
{
    if (ret <= 0 || !active)
        return 0;
    if (!is_ours(sk) && sk->__sk_common.skc_family != AF_PACKET)
        return 0;
    count(sk, cell_of(sk, note_of(sk)), 0, ret);
    return 0;
}

static __always_inline bool has_flag(struct sock* sk, int flag) { return sk->__sk_common.skc_flags >> flag & 1; }

/* Brings the note up to date; the number of payload bytes read since it last was. Read since the connection began, in whichever way, is
   what came less what is still queued. The peer's FIN is part of both until end of file is read, and then of the first only. */
static __always_inline tally_u64 advance(struct sock_note* note, struct sock* sk, struct tcp_sock* tcp)
{
    const tally_u32 position = tcp->copied_seq;
    const tally_u64 passed = tcp->bytes_received - (tally_u32)(tcp->rcv_nxt - position);
    const tally_u32 initial = position - (tally_u32)passed;
    const tally_u64 most = tcp->bytes_received - (has_flag(sk, SOCK_DONE) ? 1 : 0);
    const tally_u64 consumed = passed < most ? passed : most;
    /* One whose beginning differs has connected again. */
    const tally_u64 before = note->initial == initial ? note->consumed : 0;
    tally_u64 bytes = consumed - before;
    /* An urgent byte is stepped over: recv() with MSG_OOB is what reads it. */
    const tally_u32 urgent = tcp->urg_seq;
    if (urgent != note->urgent && bytes != 0 && (tally_u32)(urgent - note->position) < (tally_u32)(position - note->position)) {
        note->urgent = urgent;
        if (!has_flag(sk, SOCK_URGINLINE))
            --bytes;
    }
    note->consumed = consumed;
    note->position = position;
    note->initial = initial;
    return bytes;
}

/* TCP is counted by sequence in tcp_consumes(), where splice(2) and TCP_ZEROCOPY_RECEIVE pass as well. But what a protocol on top of it
   (TLS) hands to the application is not what TCP hands to that protocol. */
static __always_inline bool counted_by_sequence(struct sock* sk, struct sock_note* note)
{
    if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
        return false;
    struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
    if (!tcp || tcp->inet_conn.icsk_ulp_ops)
        return false;
    if (!note || note->knowledge == KNOWN)
        return true;
    if (note->knowledge == LATE)
        __sync_fetch_and_add(&unclaimed, -1);
    advance(note, sk, tcp);
    note->knowledge = KNOWN;
    return false;
}

static __always_inline int received(struct sock* sk, long ret, int flags)
{
    if (ret <= 0 || !active || flags & (MSG_PEEK | MSG_ERRQUEUE))
        return 0;
    if (!is_ours(sk))
        return 0;
    const bool urgent_only = flags & MSG_OOB;
    if (!strangers && !urgent_only && sk->sk_protocol == IPPROTO_TCP && counted_by_sequence(sk, 0))
        return 0;
    struct sock_note* note = note_of(sk);
    if (!urgent_only && counted_by_sequence(sk, note))
        return 0;
    count(sk, cell_of(sk, note), ret, 0);
    return 0;
}

/* Since Linux 6.3. */
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

/* Before Linux 6.3: the same two figures at the return of the functions that the tracepoints have since stood next to. sendfile(2) and
   splice(2) into a socket went by sendpage until 6.5. */
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
    return sent(socket->sk, ret);
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

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_consumes, struct sock* sk)
{
    struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
    if (!tcp || tcp->inet_conn.icsk_ulp_ops)
        return 0;
    struct sock_note* note = note_of(sk);
    if (!note)
        return 0;
    const tally_u64 bytes = advance(note, sk, tcp);
    if (note->knowledge != KNOWN) {
        if (active && note->knowledge == UNKNOWN) {
            note->knowledge = LATE;
            __sync_fetch_and_add(&unclaimed, 1);
        }
        return 0;
    }
    if (bytes == 0 || !active)
        return 0;
    /* A kernel user of the socket (NVMe, iSCSI) may read from it while a packet comes in, whoever is running then. */
    count(sk, sk->sk_lock.owned ? cell_of(sk, note) : TALLY_KERNEL_CELL, bytes, 0);
    return 0;
}

/* A connection that begins while we watch has had nothing read from it. In whatever context: no process is looked at here. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state_changes, struct sock* sk, int oldstate, int newstate)
{
    if (newstate != TCP_ESTABLISHED || (oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV))
        return 0;
    struct tcp_sock* tcp = bpf_skc_to_tcp_sock(sk);
    struct sock_note* note = tcp ? note_of(sk) : 0;
    if (!note)
        return 0;
    advance(note, sk, tcp);
    note->urgent = tcp->urg_seq;
    note->knowledge = KNOWN;
    return 0;
}

/* Run before counting begins, over the TCP sockets of each network namespace: their past is no part of the window. */
SEC("iter/tcp")
int note_existing(struct bpf_iter__tcp* context)
{
    struct sock_common* common = context->sk_common;
    struct tcp_sock* tcp = common ? bpf_skc_to_tcp_sock(common) : 0;
    if (!tcp)
        return 0;
    struct sock* sk = (struct sock*)tcp;
    struct sock_note* note = note_of(sk);
    if (!note)
        return 0;
    advance(note, sk, tcp);
    note->urgent = tcp->urg_seq;
    note->knowledge = KNOWN;
    return 0;
}
