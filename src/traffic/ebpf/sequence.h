/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Counts TCP's received payload by sequence numbers: what was read from a connection, by whichever call. Part of
   tally.bpf.c. */
#ifndef SOCKTALLY_SEQUENCE_H
#define SOCKTALLY_SEQUENCE_H

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/process_counters.h"
#include "traffic/ebpf/tally.h"

/* Set before loading: what TCP tells of connections is kept (connections.h). */
const volatile tally_u8 keeps_facts = 0;

/* A TCP socket was seen that note_existing() had not reached, because its network namespace could not be entered or
   found. */
tally_u8 untracked = 0;
/* A socket got no note, because memory or its own limit (net.core.optmem_max) was used up. */
tally_u8 out_of_memory = 0;
/* Both again for each epoch. */
tally_u8 untracked_in[TALLY_BUFFERS] = {};
tally_u8 out_of_memory_in[TALLY_BUFFERS] = {};
tally_u64 unclaimed_in[TALLY_BUFFERS] = {}; /* number of untracked sockets that were read so far, but not by recvmsg */

/* What is known of the payload that was read from a TCP connection. UNKNOWN: nothing yet. KNOWN: all. LATE: how much
   it is now, but not how much of it was read before the socket was first seen. Then the figure of recvmsg counts
   once; afterwards, or in the next epoch, the difference counts. */
#define UNKNOWN 0
#define KNOWN 1
#define LATE 2

struct sequence_note {
    tally_u64 consumed; /* payload bytes that were read since the connection began */
    tally_u32 position; /* copied_seq at that time */
    tally_u32 urgent; /* sequence number of the last urgent byte that was skipped */
    tally_u32 initial; /* sequence number of the connection's first byte; differs after the socket connects again */
    tally_u32 knowledge; /* about `consumed`, see above */
    tally_u32 met; /* the epoch in which it became LATE */
    tally_u32 accepted; /* this end did not send the first SYN */
    tally_u64 retransmitted; /* of tcp_sock.bytes_retrans, what is no part of the window; if it keeps_facts */
    tally_u64 is_tracked; /* the connection was there when counting began, or began later, and did not escape us */
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

/* Returns the TCP socket. `sk` must be TCP, and no request or TIME_WAIT socket. A cast costs nothing, a helper is a
   call. */
static __always_inline struct tcp_sock* tcp_of(struct sock* sk)
{
    return has_casts ? bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock)) : bpf_skc_to_tcp_sock(sk);
}

static __always_inline bool has_flag(struct sock* sk, int flag) { return sk->__sk_common.skc_flags >> flag & 1; }

/* Updates the note, and returns the payload bytes that were read since its last update. The bytes read since the
   connection began, by whichever call, are those received minus those still queued. The peer's FIN is in both
   figures until end of file is read, then only in the first. */
static __always_inline tally_u64 advance(struct sequence_note* note, struct sock* sk, struct tcp_sock* tcp)
{
    const tally_u32 position = tcp->copied_seq;
    const tally_u64 passed = tcp->bytes_received - (tally_u32)(tcp->rcv_nxt - position);
    const tally_u32 initial = position - (tally_u32)passed;
    const tally_u64 most = tcp->bytes_received - (has_flag(sk, SOCK_DONE) ? 1 : 0);
    const tally_u64 consumed = passed < most ? passed : most;
    /* If the start differs, the socket has connected again. */
    const tally_u64 before = note->initial == initial ? note->consumed : 0;
    tally_u64 bytes = consumed - before;
    /* Other reads skip an urgent byte: recv() with MSG_OOB reads it. */
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

/* Returns whether the peer opened an existing connection. The sequence numbers that this end has used exceed its
   payload by one if it sent a SYN, and by one for a FIN. */
static __always_inline bool was_accepted(struct sock* sk, struct tcp_sock* tcp)
{
    const unsigned char state = sk->__sk_common.skc_state;
    const bool ends = state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_LAST_ACK || state == TCP_CLOSING;
    const bool sent_fin = ends && tcp->snd_nxt == tcp->write_seq;
    const tally_u64 sequenced = tcp->bytes_acked + (tally_u32)(tcp->snd_nxt - tcp->snd_una);
    return sequenced == tcp->bytes_sent - tcp->bytes_retrans + sent_fin;
}

/* Begins a note. Bytes read so far are not part of the window. */
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

/* Returns whether tcp_consumes() counts the socket's bytes by sequence, including those of splice(2) and
   TCP_ZEROCOPY_RECEIVE. If a protocol runs on top of TCP (TLS), the application reads other bytes than TCP delivers,
   so the figure of the call counts. */
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
