/* SPDX-License-Identifier: MIT */
/* The row that an iterator writes for each TCP or UDP socket. totals.bpf.c writes the rows, totals_flows.cpp reads
   them. */
#ifndef SOCKTALLY_TOTALS_H
#define SOCKTALLY_TOTALS_H

#include "traffic/ebpf/tally.h"

#define TOTALS_HELD_BY_FILE 0 /* the socket has a file; if `inode` is 0, nothing holds the socket */
#define TOTALS_HELD_BY_KERNEL 1 /* the kernel made the socket for itself, without a file */
#define TOTALS_HELD_BY_UNKNOWN 2

/* The counters of a TCP socket are those of struct tcp_info, all read at one instant. Those of a UDP socket are 0. */
struct totals_row {
    tally_u64 cookie;
    tally_u64 inode; /* inode of the socket's file; 0: the socket has no file */
    tally_u64 cgroup_id; /* id of the socket's cgroup (version 2); 0: not known */
    tally_u64 bytes_received;
    tally_u64 bytes_acked;
    tally_u64 bytes_sent;
    tally_u64 bytes_retrans;
    tally_u32 rqueue; /* bytes received but not read, FIN included */
    tally_u32 wqueue; /* bytes written but not acknowledged, SYN and FIN included */
    tally_u32 notsent_bytes;
    tally_u32 segs_in;
    tally_u32 segs_out;
    tally_u32 data_segs_in;
    tally_u32 uid; /* user of the socket */
    tally_u32 interface; /* index of the device that the socket is bound to, or 0 */
    tally_u8 local[16]; /* in network order; AF_INET uses the first 4 bytes */
    tally_u8 remote[16];
    tally_u16 local_port; /* host order */
    tally_u16 remote_port;
    tally_u8 family; /* AF_* */
    tally_u8 protocol; /* IPPROTO_* */
    tally_u8 state; /* TCP_* */
    tally_u8 holder; /* TOTALS_HELD_* */
    tally_u32 rtt_us; /* smoothed round-trip time; 0: not measured */
    tally_u32 netns; /* inode of the socket's network namespace */
};
TALLY_ASSERT(sizeof(struct totals_row) == 136);

#endif
