/* SPDX-License-Identifier: MIT */
/* Keys and values of the maps that BPF programs share with the backend. All fields have a fixed width; padding is
   zeroed. */
#ifndef SOCKTALLY_TALLY_H
#define SOCKTALLY_TALLY_H

#include "linux/bpf_types.h"

/* Each window has a number, its epoch. The first epoch is 1. Two epochs have counters at the same time: while the
   programs count one, the backend reads the one before. If several windows are measured, the lowest bit of an epoch is
   the number of its buffer. */
#define TALLY_BUFFERS 2

/* The first slots of each buffer of process counters. They belong to no process. */
#define TALLY_OVERFLOW_SLOT 1 /* bytes of processes that found no free slot */
#define TALLY_KERNEL_SLOT 2   /* bytes that the kernel itself moved */
#define TALLY_FIRST_SLOT 3

/* The counters of one process. The sums grow; the other fields are set at the first byte, the name again at exit. The
   struct has 128 bytes, so that two processes never share a cache line. */
struct tally_counters {
    tally_u64 rx_bytes;
    tally_u64 tx_bytes;
    tally_u64 start_ns; /* start of the group leader, since boot (task_struct.start_boottime) */
    tally_u64 cgroup_id;
    tally_u64 stack_start; /* mm_struct.start_stack, which every exec changes */
    tally_u64 trees; /* see Process::trees */
    tally_u32 tgid; /* pid in our pid namespace; 0 if the process has none there */
    tally_u32 uid; /* effective */
    tally_u32 netns; /* inode of the network namespace of the first socket that the process used */
    tally_u32 sockets; /* number of sockets through which the process moved bytes */
    tally_u32 is_kernel_thread;
    char name[TALLY_NAME_LENGTH]; /* name of the group leader */
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

/* A remote end. All fields are 0 if there is no remote end, or if it is not known. */
struct tally_remote {
    tally_u8 address[16]; /* in network order; AF_INET uses the first 4 bytes */
    tally_u16 port; /* host order */
    tally_u16 padding;
};
TALLY_ASSERT(sizeof(struct tally_remote) == 20);

/* Identifies a flow: the bytes that one process moves through one socket. If tuples are asked for, the remote end
   is part of the key, because a socket may have many remote ends, or connect again. */
struct tally_flow_key {
    tally_u64 cookie;
    tally_u32 slot;
    struct tally_remote remote;
};
TALLY_ASSERT(sizeof(struct tally_flow_key) == 32);

/* The most flows with a remote end that one socket gets in an epoch. TCP sockets have no limit. The bytes of all
   further remote ends are in flows without a remote end. */
#define TALLY_MOST_PEERS 8192

struct tally_flow {
    tally_u64 rx_bytes;
    tally_u64 tx_bytes;
    tally_u8 local[16]; /* in network order; AF_INET uses the first 4 bytes */
    tally_u8 remote[16];
    tally_u16 family; /* AF_* */
    tally_u16 protocol; /* IPPROTO_* */
    tally_u16 local_port; /* host order */
    tally_u16 remote_port;
    tally_u32 netns;
    tally_u32 uid; /* user of the socket */
    tally_u32 interface; /* index of the device that the socket is bound to, or 0 */
    tally_u32 accepted; /* TCP: 1 if the peer opened the connection */
};
TALLY_ASSERT(sizeof(struct tally_flow) == 72);

/* What TCP tells of a connection at the end of a window, or when it was closed. MPTCP has a row for each subflow,
   with the cookie, the state and the holder of the whole. */
struct tally_connection {
    tally_u64 cookie;
    tally_u64 inode; /* 0: no process holds it any more */
    tally_u64 retransmitted_bytes; /* since its last row, or since counting or the connection began */
    tally_u32 rtt_us; /* smoothed; 0: none was measured */
    tally_u16 state; /* TCP_* */
    tally_u16 is_tracked; /* 0: retransmitted_bytes is not known */
    struct tally_flow flow; /* without bytes */
};
TALLY_ASSERT(sizeof(struct tally_connection) == 104);

struct packets_key {
    tally_u64 cookie;
    tally_u64 epoch;
};

/* The packets of one socket in one epoch. */
struct packets_socket {
    tally_u64 rx_packets;
    tally_u64 tx_packets;
    struct tally_flow flow; /* its bytes include IP headers; its netns is 0 if no process holds the socket */
    /* note_holders() sets the fields below after the window. They describe one process that holds the socket. */
    tally_u64 holder_start_ns; /* 0: no process holds the socket */
    tally_u32 holder_tgid;
    tally_u32 holder_uid; /* effective */
    tally_u32 is_shared; /* 1 if several processes hold the socket */
    char holder_name[TALLY_NAME_LENGTH];
    tally_u8 padding[4];
};
TALLY_ASSERT(sizeof(struct packets_socket) == 128);

#endif
