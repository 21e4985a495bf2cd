/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The constants and fields of the kernel that the BPF programs use. The loader finds the offset of each field in the
   BTF of the running kernel, and puts this offset into the programs. */
#ifndef SOCKTALLY_KERNEL_H
#define SOCKTALLY_KERNEL_H

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_UDPLITE 136
#define IPPROTO_RAW 255
#define IPPROTO_MPTCP 262
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11
#define SOCK_DONE 1 /* SOCK_DONE and SOCK_URGINLINE are numbers of bits in skc_flags */
#define SOCK_URGINLINE 2
#define PF_KTHREAD 0x00200000
#define NSFS_MAGIC 0x6e736673
#define ANON_INODE_FS_MAGIC 0x09041934

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
    unsigned int inum;
};
struct net {
    struct ns_common ns;
};
typedef struct {
    struct net* net;
} possible_net_t;

typedef struct {
    long long counter;
} atomic64_t;

struct in6_addr {
    union {
        unsigned char u6_addr8[16];
        unsigned int u6_addr32[4];
    } in6_u;
};

struct proto {
    const void* sendpage; /* until Linux 6.5 */
};

struct sock_common {
    unsigned int skc_daddr;
    unsigned int skc_rcv_saddr;
    unsigned short skc_dport; /* network order */
    unsigned short skc_num; /* host order */
    unsigned short skc_family;
    volatile unsigned char skc_state;
    int skc_bound_dev_if;
    unsigned long skc_flags; /* enum sock_flags */
    struct proto* skc_prot;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    atomic64_t skc_cookie; /* cookie of the socket; 0 until a program asks for it */
};

typedef struct {
    int owned;
} socket_lock_t;

typedef struct {
    unsigned int val;
} kuid_t;

struct kernfs_node {
    unsigned long long id;
};
struct cgroup {
    struct kernfs_node* kn;
};
struct sock_cgroup_data {
    struct cgroup* cgroup; /* since Linux 5.15 */
};

struct sock {
    struct sock_common __sk_common;
    socket_lock_t sk_lock;
    unsigned short sk_type;
    unsigned short sk_protocol;
    kuid_t sk_uid;
    struct socket* sk_socket;
    struct sock_cgroup_data sk_cgrp_data;
};

struct inet_connection_sock {
    const void* icsk_ulp_ops;
    void* icsk_ulp_data; /* of a subflow of MPTCP a mptcp_subflow_context */
};

struct mptcp_subflow_context {
    struct sock* conn; /* the whole connection */
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    unsigned int copied_seq;
    unsigned int rcv_nxt;
    unsigned int urg_seq;
    unsigned int write_seq;
    unsigned int snd_una;
    unsigned int snd_nxt;
    unsigned int segs_in;
    unsigned int segs_out;
    unsigned int data_segs_in;
    unsigned int srtt_us; /* smoothed round-trip time in us, times eight */
    unsigned long long bytes_received;
    unsigned long long bytes_acked;
    unsigned long long bytes_sent;
    unsigned long long bytes_retrans;
    _Bool is_mptcp;
};

struct udp_sock {
    int pending; /* AF_* while a program puts a datagram together (MSG_MORE), else 0 */
};

struct iphdr {
    unsigned int saddr;
};

struct ipv6hdr {
    struct in6_addr saddr;
};

struct sk_buff {
    struct sock* sk;
    unsigned char* head;
    unsigned short network_header;
};

struct super_block {
    unsigned long s_magic;
};

struct inode {
    struct super_block* i_sb;
    unsigned long i_ino;
};

struct qstr {
    unsigned int len;
};
struct dentry {
    struct qstr d_name;
};
struct path {
    struct dentry* dentry;
};

struct file {
    struct inode* f_inode;
    struct path f_path;
};

struct socket {
    struct file* file;
    struct sock* sk;
};

struct socket_alloc {
    struct inode vfs_inode;
};

/* The kernel functions that a BPF program may call (kfuncs). The verifier of the running kernel must know them. */
enum special_kfunc_type { KF_bpf_rdonly_cast = 1 };

struct seq_file;

struct bpf_iter_meta {
    struct seq_file* seq;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta* meta;
    struct task_struct* task;
    unsigned int fd;
    struct file* file;
};

struct bpf_iter__tcp {
    struct bpf_iter_meta* meta;
    struct sock_common* sk_common;
};

struct bpf_iter__udp {
    struct bpf_iter_meta* meta;
    struct udp_sock* udp_sk;
};

struct cred {
    kuid_t euid;
};

struct mm_struct {
    unsigned long start_stack;
};

struct task_struct {
    int pid;
    int tgid;
    unsigned int flags;
    struct mm_struct* mm;
    unsigned long long start_boottime;
    struct task_struct* group_leader;
    const struct cred* cred;
    char comm[16];
};

#pragma clang attribute pop

#endif
