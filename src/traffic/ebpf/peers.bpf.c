// SPDX-License-Identifier: MIT OR GPL-2.0
// Records the remote ends of datagrams:
// - the destination address that a sender passes to a UDP or UDP-Lite socket,
// - the source address that a receiver asks a UDP or UDP-Lite socket for,
// - the destination of each packet that an ICMP or raw IP socket sends.
// The kernel runs these hooks in the thread that makes the call. The hooks for sends run before the datagram is sent.
// The hooks for receives run after the datagram was taken from the queue. The hooks change nothing.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/peers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PASS 1
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24

static __always_inline int keep(struct bpf_sock_addr* call, const struct tally_remote* remote)
{
    const tally_u32 thread = bpf_get_current_pid_tgid();
    struct tally_peer peer = {.owner = bpf_get_socket_cookie(call), .remote = *remote};
    struct tally_peer* entry = bpf_map_lookup_elem(&peers, &thread);
    if (entry)
        *entry = peer;
    else
        bpf_map_update_elem(&peers, &thread, &peer, BPF_ANY);
    return PASS;
}

/* Records an IPv4 address. The hook also runs for an IPv6 socket that sends to IPv4. Then it records the address as a
   mapped one (::ffff:a.b.c.d). */
static __always_inline int keep_v4(struct bpf_sock_addr* call, tally_u32 address)
{
    struct tally_remote remote = {.port = bpf_ntohs(call->user_port)};
    tally_u32* words = (tally_u32*)remote.address;
    if (call->family == AF_INET6) {
        words[2] = bpf_htonl(0xffff);
        words[3] = address;
    } else {
        words[0] = address;
    }
    return keep(call, &remote);
}

/* Records an IPv6 address. If a sender names the unspecified address, the kernel uses the loopback address. */
static __always_inline int keep_v6(struct bpf_sock_addr* call)
{
    struct tally_remote remote = {.port = bpf_ntohs(call->user_port)};
    tally_u32* words = (tally_u32*)remote.address;
    words[0] = call->user_ip6[0];
    words[1] = call->user_ip6[1];
    words[2] = call->user_ip6[2];
    words[3] = call->user_ip6[3];
    if ((words[0] | words[1] | words[2] | words[3]) == 0)
        words[3] = bpf_htonl(1);
    return keep(call, &remote);
}

/* The kernel also runs this hook for a send with control messages that names no address. The port is then 0. A send
   that names an address cannot name port 0. */
SEC("cgroup/sendmsg4")
int datagram_goes4(struct bpf_sock_addr* call)
{
    if (call->user_port == 0)
        return PASS;
    /* If a sender names the unspecified address, the kernel uses the socket's own address, or else the loopback
       address. */
    const tally_u32 address = call->user_ip4;
    return keep_v4(call, address ?: call->msg_src_ip4 ?: bpf_htonl(0x7f000001));
}

SEC("cgroup/sendmsg6")
int datagram_goes6(struct bpf_sock_addr* call) { return call->user_port == 0 ? PASS : keep_v6(call); }

SEC("cgroup/recvmsg4")
int datagram_comes4(struct bpf_sock_addr* call) { return keep_v4(call, call->user_ip4); }

SEC("cgroup/recvmsg6")
int datagram_comes6(struct bpf_sock_addr* call) { return keep_v6(call); }

/* Records the destination of packets that an ICMP or raw IP socket sends. `packet` begins with the IP header. */
SEC("cgroup_skb/egress")
int datagram_leaves(struct __sk_buff* packet)
{
    struct bpf_sock* sk = packet->sk ? bpf_sk_fullsock(packet->sk) : 0;
    if (!sk || !IS_RAW(sk->type, sk->protocol))
        return PASS;
    struct tally_peer* peer = bpf_sk_storage_get(&raw_peers, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!peer)
        return PASS;
    struct tally_remote remote = {};
    const long error = sk->family == AF_INET ? bpf_skb_load_bytes(packet, IPV4_DESTINATION, remote.address, 4)
                                             : bpf_skb_load_bytes(packet, IPV6_DESTINATION, remote.address, 16);
    peer->remote = remote;
    peer->owner = error == 0 ? bpf_get_current_task() : 0;
    return PASS;
}
