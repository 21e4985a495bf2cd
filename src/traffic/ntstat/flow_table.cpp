// SPDX-License-Identifier: MIT
#include "traffic/ntstat/flow_table.hpp"

#include <utility>

namespace socktally {

namespace {

bool is_quic(std::uint32_t provider) { return provider == static_cast<std::uint32_t>(NtstatProvider::quic_userland); }

SocketCounters counters_in(const NtstatUpdate& update)
{
    SocketCounters counters;
    counters.payload = {update.rx_bytes, update.tx_bytes};
    counters.bytes_received = update.rx_bytes;
    counters.bytes_acked = update.tx_bytes;
    return counters;
}

} // namespace

void NtstatFlowTable::take(const NtstatAdded& added)
{
    const auto [known, is_new] = flows_.try_emplace(added.source);
    if (is_new) {
        known->second.before = SocketCounters{};
        known->second.query = query_;
        known->second.is_quic = is_quic(added.provider);
    }
}

void NtstatFlowTable::take(const NtstatUpdate& update)
{
    const auto [known, is_new] = flows_.try_emplace(update.source);
    Flow& flow = known->second;
    if (is_new && is_complete_) { // the message that it was added is lost
        flow.before = SocketCounters{};
    }
    flow.is_quic = is_quic(update.provider);
    flow.now = counters_in(update);
    flow.query = query_;
    flow.has_last = flow.has_last || update.is_last;
    if (flow.is_quic) {
        return;
    }
    if (const auto* misfit = std::get_if<std::string_view>(&update.descriptor)) {
        misfit_ = *misfit;
        ++misfits_;
        return;
    }
    const auto& descriptor = std::get<NtstatDescriptor>(update.descriptor);
    if (flow.descriptor && (flow.descriptor->pid != descriptor.pid || flow.descriptor->upid != descriptor.upid)) {
        flow.earlier.push_back(*flow.descriptor);
    }
    flow.descriptor = descriptor;
}

void NtstatFlowTable::take(const NtstatRemoved& removed)
{
    if (auto flow = flows_.extract(removed.source)) {
        ended_.emplace_back(removed.source, std::move(flow.mapped()));
    }
}

void NtstatFlowTable::query_begins() { ++query_; }

void NtstatFlowTable::query_ends(bool is_complete) { is_complete_ = is_complete; }

/// A flow that was added after the last query began starts at 0, if no update of it has come yet.
void NtstatFlowTable::begin_next()
{
    ended_.clear();
    misfits_ = 0;
    for (auto& [source, flow] : flows_) {
        const auto known = flow.now ? flow.now : std::optional(SocketCounters{});
        flow.before = flow.query == query_ ? known : std::nullopt;
        flow.earlier.clear();
    }
}

void NtstatFlowTable::begin_window() { begin_next(); }

void NtstatFlowTable::count(std::uint64_t source, Flow& flow, bool totals, Faults& faults,
                            std::vector<NtstatTraffic>& all)
{
    if (!flow.descriptor || !flow.now) {
        return;
    }
    NtstatTraffic& traffic = all.emplace_back();
    traffic.source = source;
    traffic.descriptor = *flow.descriptor;
    traffic.earlier = flow.earlier;
    const auto before = totals ? std::optional(SocketCounters{}) : flow.before;
    if (!before) {
        ++faults[Fault::unlisted_before];
        return;
    }
    TcpPayload moved = flow.now->payload;
    if (have_restarted(*before, *flow.now)) {
        ++faults[Fault::resets];
    } else {
        moved = subtract(*before, *flow.now);
    }
    traffic.rx_bytes = moved.rx_bytes;
    traffic.tx_bytes = moved.tx_bytes;
}

std::vector<NtstatTraffic> NtstatFlowTable::end_window(bool totals, Faults& faults)
{
    std::vector<NtstatTraffic> all;
    for (auto& [source, flow] : ended_) {
        faults[Fault::quic_flows] += flow.is_quic ? 1 : 0;
        faults[Fault::closed_uncounted] += flow.is_quic || flow.has_last ? 0 : 1;
        const std::size_t known = all.size();
        count(source, flow, totals, faults, all);
        if (all.size() > known) {
            all.back().has_closed = true;
        }
    }
    for (auto& [source, flow] : flows_) {
        faults[Fault::quic_flows] += flow.is_quic ? 1 : 0;
        faults[Fault::counts_late] += flow.is_quic || flow.query == query_ ? 0 : 1;
        count(source, flow, totals, faults, all);
    }
    faults[Fault::garbled] += misfits_;
    begin_next();
    return all;
}

} // namespace socktally
