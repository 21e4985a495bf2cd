/* SPDX-License-Identifier: MIT */
/* What the packet programs and the backend share. Fixed widths only; the kernel zeroes what is padding. */
#ifndef SOCKTALLY_PACKETS_H
#define SOCKTALLY_PACKETS_H

#include "traffic/ebpf/tally.h"

/* In tally_flow.protocol: a TCP connection that is part of an MPTCP one. */
#define PACKETS_SUBFLOW 262

struct packets_key {
    tally_u64 cookie;
    tally_u64 epoch; /* as in tally.h */
};

/* One socket in one epoch. */
struct packets_socket {
    tally_u64 rx_packets;
    tally_u64 tx_packets;
    struct tally_flow flow; /* its bytes are IP's; netns is 0 where nobody holds the socket */
    /* Filled after the window: a process that holds the socket. */
    tally_u64 holder_start_ns; /* 0: none does */
    tally_u32 holder_tgid;
    tally_u32 holder_uid; /* effective */
    tally_u32 is_shared; /* several do */
    char holder_name[TALLY_NAME_LENGTH];
    tally_u8 padding[4];
};
TALLY_ASSERT(sizeof(struct packets_socket) == 128);

#endif
