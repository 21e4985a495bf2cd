// SPDX-License-Identifier: MIT
#include "traffic/ebpf/flow_tuple.hpp"

#include "traffic/ebpf/bpf_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace socktally {

namespace {

Protocol protocol_of(const tally_flow& flow)
{
    if (flow.family == AF_PACKET) {
        return Protocol::packet;
    }
    switch (flow.protocol) {
    case IPPROTO_TCP: return Protocol::tcp;
    case IPPROTO_UDP: return Protocol::udp;
    case IPPROTO_UDPLITE: return Protocol::udplite;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6: return Protocol::icmp;
    case IPPROTO_SCTP: return Protocol::sctp;
    case IPPROTO_DCCP: return Protocol::dccp;
    case IPPROTO_MPTCP: return Protocol::mptcp;
    default: return Protocol::raw; // the programs make IPPROTO_RAW of all raw sockets but those for ICMP
    }
}

} // namespace

Tuple tuple_of(const tally_flow& flow)
{
    Tuple tuple{protocol_of(flow), {address_of(flow.local, flow.family), flow.local_port}, {}};
    const Address remote = address_of(flow.remote, flow.family);
    if (!remote.is_unspecified()) {
        tuple.remote = {remote, flow.remote_port};
    }
    return tuple;
}

} // namespace socktally
