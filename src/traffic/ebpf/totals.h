/* SPDX-License-Identifier: MIT */
/* A row of the iterators over TCP and UDP sockets. totals.bpf.c writes it, totals_flows.cpp reads it. */
#ifndef SOCKTALLY_TOTALS_H
#define SOCKTALLY_TOTALS_H

#include "traffic/ebpf/tally.h"

#define TOTALS_HELD_BY_FILE 0 /* or by nothing, if inode is 0 */
#define TOTALS_HELD_BY_KERNEL 1 /* the kernel's own socket, which never had a file */
#define TOTALS_HELD_BY_UNKNOWN 2

/* The counters of a TCP socket are those of struct tcp_info, all of one instant. A UDP socket has none. */
struct totals_row {
    tally_u64 cookie;
    tally_u64 inode; /* of the socket's file; 0: no file refers to it */
    tally_u64 cgroup_id; /* of the socket, of version 2; 0: not known */
    tally_u64 bytes_received;
    tally_u64 bytes_acked;
    tally_u64 bytes_sent;
    tally_u64 bytes_retrans;
    tally_u32 rqueue; /* received, but not read */
    tally_u32 wqueue; /* written, but not acknowledged */
    tally_u32 notsent_bytes;
    tally_u32 segs_in;
    tally_u32 segs_out;
    tally_u32 data_segs_in;
    tally_u32 uid; /* the user who opened it */
    tally_u32 interface; /* index of the device that the socket is bound to, or 0 */
    tally_u8 local[16]; /* network order; 4 bytes for AF_INET */
    tally_u8 remote[16];
    tally_u16 local_port; /* host order */
    tally_u16 remote_port;
    tally_u8 family; /* AF_* */
    tally_u8 protocol; /* IPPROTO_* */
    tally_u8 state; /* TCP_* */
    tally_u8 holder; /* TOTALS_HELD_* */
    tally_u32 rtt_us; /* smoothed; 0: none was measured */
    tally_u32 netns; /* inode of the socket's namespace */
};
TALLY_ASSERT(sizeof(struct totals_row) == 136);

#endif
