/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Counts the payload that is read from TCP connections. Sequence numbers show how much was read, whichever call read
   it. Part of tally.bpf.c. */
#ifndef SOCKTALLY_SEQUENCE_H
#define SOCKTALLY_SEQUENCE_H

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/process_counters.h"
#include "traffic/ebpf/tally.h"

/* Set before loading: whether connections.h reports the state and the retransmissions of connections. */
const volatile tally_u8 keeps_facts = 0;

/* 1 after bytes were read from a TCP socket that note_existing() had not reached, because the network namespace of the
   socket could not be entered or found. */
tally_u8 untracked = 0;
/* 1 after a socket got no sequence_note, because the kernel had no memory, or because the socket had reached its own
   limit (net.core.optmem_max). */
tally_u8 out_of_memory = 0;
/* `untracked` and `out_of_memory` for a single epoch: that of the buffer. */
tally_u8 untracked_in[TALLY_BUFFERS] = {};
tally_u8 out_of_memory_in[TALLY_BUFFERS] = {};
/* Number of sockets that note_existing() had not reached, and that were read in the epoch, but not by recvmsg. */
tally_u64 unclaimed_in[TALLY_BUFFERS] = {};

/* What is known about the payload that was read from a TCP connection.
   UNKNOWN: nothing, because no program has seen the connection yet.
   LATE: the total since the connection began, but not how much of it the current call has read. tcp_consumes() has seen
   the connection for the first time, in the middle of this call. If the call is recvmsg, its return value is counted,
   and the state becomes KNOWN. If not, the state becomes KNOWN in the next epoch.
   KNOWN: the total at the last update. All later bytes can be counted. */
#define UNKNOWN 0
#define KNOWN 1
#define LATE 2

struct sequence_note {
    tally_u64 consumed; /* payload bytes read since the connection began */
    tally_u32 position; /* value of copied_seq when `consumed` was computed */
    tally_u32 urgent; /* sequence number of the last urgent byte that reads have passed */
    tally_u32 initial; /* sequence number of the first received byte; changes when the socket connects again */
    tally_u32 knowledge; /* UNKNOWN, KNOWN or LATE */
    tally_u32 met; /* epoch in which `knowledge` became LATE */
    tally_u32 accepted; /* 1 if the peer opened the connection */
    tally_u64 retransmitted; /* bytes_retrans when the last row was written, or when tracking began */
    tally_u64 is_tracked; /* 1 if `retransmitted` is known */
};
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct sequence_note);
} sequences SEC(".maps");

static __always_inline struct sequence_note* sequence_of(struct sock* sk)
{
    return bpf_sk_storage_get(&sequences, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* Returns `sk` as a tcp_sock. `sk` must be a TCP socket, but not a request or TIME_WAIT socket. The cast is preferred
   because it costs nothing; the helper is a function call. */
static __always_inline struct tcp_sock* tcp_of(struct sock* sk)
{
    return has_casts ? bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock)) : bpf_skc_to_tcp_sock(sk);
}

static __always_inline bool has_flag(struct sock* sk, int flag) { return sk->__sk_common.skc_flags >> flag & 1; }

/* Updates the note, and returns the payload bytes that were read since its last update. The bytes read since the
   connection began are bytes_received minus the bytes in the receive queue. bytes_received includes the peer's FIN. The
   queue includes the FIN until end of file is read. */
static __always_inline tally_u64 advance(struct sequence_note* note, struct sock* sk, struct tcp_sock* tcp)
{
    const tally_u32 position = tcp->copied_seq;
    const tally_u64 passed = tcp->bytes_received - (tally_u32)(tcp->rcv_nxt - position);
    const tally_u32 initial = position - (tally_u32)passed;
    const tally_u64 most = tcp->bytes_received - (has_flag(sk, SOCK_DONE) ? 1 : 0);
    const tally_u64 consumed = passed < most ? passed : most;
    /* Another initial sequence number means that the socket has connected again. */
    const tally_u64 before = note->initial == initial ? note->consumed : 0;
    tally_u64 bytes = consumed - before;
    /* A normal read skips the urgent byte, unless SO_OOBINLINE is set. recv() with MSG_OOB reads it. */
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

/* Returns whether the peer opened a connection that was open before counting began. A SYN and a FIN each take one
   sequence number, but are not in bytes_sent. So if this end has sent no SYN, it has used as many sequence numbers as
   it has sent bytes, plus 1 if it has sent a FIN. */
static __always_inline bool was_accepted(struct sock* sk, struct tcp_sock* tcp)
{
    const unsigned char state = sk->__sk_common.skc_state;
    const bool ends = state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING;
    const bool sent_fin = ends && tcp->snd_nxt == tcp->write_seq;
    const tally_u64 sequenced = tcp->bytes_acked + (tally_u32)(tcp->snd_nxt - tcp->snd_una);
    return sequenced == tcp->bytes_sent - tcp->bytes_retrans + sent_fin;
}

/* Begins to track a connection. Bytes that were read earlier are not counted. */
static __always_inline void begin_sequence(struct sock* sk, struct tcp_sock* tcp, bool accepted)
{
    struct sequence_note* note = sequence_of(sk);
    if (!note)
        return;
    advance(note, sk, tcp);
    note->urgent = tcp->urg_seq;
    note->knowledge = KNOWN;
    note->accepted = accepted;
    if (keeps_facts) {
        note->retransmitted = tcp->bytes_retrans;
        note->is_tracked = 1;
    }
}

/* Returns whether tcp_consumes() counts the bytes that are read from the socket. If not, received() counts the return
   value of the call. Reads by splice(2) and TCP_ZEROCOPY_RECEIVE reach tcp_consumes(), but not received(). If a
   protocol runs on top of TCP (TLS), the application does not read the bytes that TCP delivers, so the return value is
   counted. */
static __always_inline bool counted_by_sequence(struct sock* sk, tally_u32 now)
{
    if (sk->sk_protocol != IPPROTO_TCP || sk->sk_type != SOCK_STREAM)
        return false;
    struct tcp_sock* tcp = tcp_of(sk);
    if (!tcp || tcp->inet_conn.icsk_ulp_ops)
        return false;
    if (!untracked && !out_of_memory)
        return true;
    struct sequence_note* note = sequence_of(sk);
    if (!note)
        return false;
    if (note->knowledge == KNOWN)
        return true;
    if (note->knowledge == LATE && note->met == now)
        __sync_fetch_and_add(&unclaimed_in[buffer_of(now)], -1);
    advance(note, sk, tcp);
    note->knowledge = KNOWN;
    return false;
}

#endif
