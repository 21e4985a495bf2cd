/* SPDX-License-Identifier: MIT */
/* Shared by BPF programs and backend: keys and values of maps. Only fixed-width types; padding is zeroed. */
#ifndef SOCKTALLY_TALLY_H
#define SOCKTALLY_TALLY_H

#include "linux/bpf_types.h"

/* Windows follow each other as epochs, numbered from 1. Two epochs have counters at a time: the one that is counted
   and the one that is read. Each uses the buffer with the number of its lowest bit. */
#define TALLY_BUFFERS 2

/* Slots of process counters. The first ones of each buffer belong to no process. */
#define TALLY_OVERFLOW_SLOT 1 /* for processes that have no slot */
#define TALLY_KERNEL_SLOT 2   /* for bytes moved outside of a process's context */
#define TALLY_FIRST_SLOT 3

/* One process. Only the sums change after the first byte. 128 bytes, so that two processes never share a cache line. */
struct tally_counters {
    tally_u64 rx_bytes;
    tally_u64 tx_bytes;
    tally_u64 start_ns; /* of the group leader, since boot (task_struct.start_boottime) */
    tally_u64 cgroup_id;
    tally_u64 stack_start; /* mm_struct.start_stack; changes with each exec */
    tally_u64 trees; /* as Process::trees */
    tally_u32 tgid; /* in our pid namespace; 0: the process has none there */
    tally_u32 uid; /* effective */
    tally_u32 netns; /* inode of the namespace of its first socket */
    tally_u32 sockets; /* number of sockets that moved bytes */
    tally_u32 is_kernel_thread;
    char name[TALLY_NAME_LENGTH]; /* of the group leader */
    tally_u8 padding[44];
};
TALLY_ASSERT(sizeof(struct tally_counters) == 128);

/* Identifies a process in one epoch. */
struct tally_process {
    tally_u64 start_ns;
    tally_u32 tgid;
    tally_u32 epoch;
};
TALLY_ASSERT(sizeof(struct tally_process) == 16);

/* The remote end; all 0 if there is none or it is not known. */
struct tally_remote {
    tally_u8 address[16]; /* network order; 4 bytes for AF_INET */
    tally_u16 port; /* host order */
    tally_u16 padding;
};
TALLY_ASSERT(sizeof(struct tally_remote) == 20);

/* One socket as used by one process and, if tuples are asked for, with one remote end: a socket may be reconnected,
   or have many. */
struct tally_flow_key {
    tally_u64 cookie;
    tally_u32 slot;
    struct tally_remote remote;
};
TALLY_ASSERT(sizeof(struct tally_flow_key) == 32);

/* The largest number of flows with a remote end of their own that a socket may have in an epoch; not for TCP. Other
   bytes are in the flow without a remote end. */
#define TALLY_MOST_PEERS 8192

struct tally_flow {
    tally_u64 rx_bytes;
    tally_u64 tx_bytes;
    tally_u8 local[16]; /* network order; 4 bytes for AF_INET */
    tally_u8 remote[16];
    tally_u16 family; /* AF_* */
    tally_u16 protocol; /* IPPROTO_* */
    tally_u16 local_port; /* host order */
    tally_u16 remote_port;
    tally_u32 netns;
    tally_u32 uid; /* the socket's */
    tally_u32 interface; /* index of the device that the socket is bound to, or 0 */
    tally_u32 accepted; /* TCP: the peer opened the connection */
};
TALLY_ASSERT(sizeof(struct tally_flow) == 72);

/* What TCP tells of a connection at the end of a window, or when it was closed. */
struct tally_connection {
    tally_u64 cookie;
    tally_u64 retransmitted_bytes; /* since its last row, or since counting or the connection began */
    tally_u32 rtt_us; /* smoothed; 0: none was measured */
    tally_u16 state; /* TCP_* */
    tally_u16 is_tracked; /* else the retransmitted bytes are not known */
    struct tally_flow flow; /* without bytes */
};
TALLY_ASSERT(sizeof(struct tally_connection) == 96);

/* A value of tally_flow.protocol in the packet programs: a TCP connection that is a subflow of MPTCP. */
#define PACKETS_SUBFLOW 262

struct packets_key {
    tally_u64 cookie;
    tally_u64 epoch;
};

/* One socket in one epoch. */
struct packets_socket {
    tally_u64 rx_packets;
    tally_u64 tx_packets;
    struct tally_flow flow; /* bytes are those of IP; netns is 0 if no process holds the socket */
    /* Set after the window: a process that holds the socket. */
    tally_u64 holder_start_ns; /* 0: no process does */
    tally_u32 holder_tgid;
    tally_u32 holder_uid; /* effective */
    tally_u32 is_shared; /* several processes do */
    char holder_name[TALLY_NAME_LENGTH];
    tally_u8 padding[4];
};
TALLY_ASSERT(sizeof(struct packets_socket) == 128);

#endif
