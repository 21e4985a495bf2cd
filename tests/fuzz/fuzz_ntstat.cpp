// SPDX-License-Identifier: MIT
// Datagrams of the kernel control com.apple.network.statistics, and what the flow table makes of them.
#include "fuzz.hpp"
#include "traffic/ntstat/flow_table.hpp"

using namespace socktally;

FUZZ_DRIVER(ntstat)
{
    NtstatFlowTable flows;
    std::size_t messages = 0;
    std::uint64_t last = 0;
    flows.query_begins();
    for (auto datagram = input; auto message = next_ntstat_message(datagram);) {
        ++messages;
        require(datagram.empty() || datagram.data() + datagram.size() == input.data() + input.size());
        if (const auto* added = std::get_if<NtstatAdded>(&*message)) {
            flows.take(*added);
        } else if (const auto* removed = std::get_if<NtstatRemoved>(&*message)) {
            flows.take(*removed);
        } else if (const auto* update = std::get_if<NtstatUpdate>(&*message)) {
            flows.take(*update);
            last = update->rx_bytes;
        } else if (const auto* success = std::get_if<NtstatSuccess>(&*message)) {
            flows.query_ends(success->has_more);
            success->context % 2 == 0 ? flows.begin_window() : flows.query_begins();
        }
    }
    Faults faults;
    const auto traffic = flows.end_window(last % 2 == 0, faults);
    require(traffic.size() <= messages);
    for (const NtstatTraffic& flow : traffic) {
        require(flow.rx_bytes.has_value() == flow.tx_bytes.has_value());
        require(flow.descriptor.name.size() < 64 && flow.descriptor.pid.value >= 0);
    }
    require(flows.end_window(false, faults).size() <= traffic.size());
}
