// SPDX-License-Identifier: MIT
// Turns the kernel's messages about flows into what each flow moved in a window. Pure.
//
// The kernel sends totals of each flow since it began: when asked (a query), and once more when the flow closes. The
// first query of a window gives the totals to subtract, and the query at its end the last totals. The totals of a flow
// that closes before come by themselves. A flow that begins in the window starts at 0. If a query was not answered in
// full, flows that were there before have no totals to subtract, so their bytes are unknown.
#pragma once

#include "traffic/faults.hpp"
#include "traffic/ntstat/messages.hpp"
#include "traffic/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace socktally {

/// The bytes that a flow moved in a window.
struct NtstatTraffic {
    std::uint64_t source = 0;
    NtstatDescriptor descriptor;             // the last one
    std::vector<NtstatDescriptor> earlier{}; // one for each other process that used the socket before in this window
    std::optional<std::uint64_t> rx_bytes;
    std::optional<std::uint64_t> tx_bytes;
    bool has_closed = false;
};

class NtstatFlowTable {
public:
    void take(const NtstatAdded& added);
    void take(const NtstatUpdate& update);
    void take(const NtstatRemoved& removed);

    /// Call these two around a query. Until the query has ended, an update may be the answer to it.
    void query_begins();
    void query_ends(bool is_complete);
    /// Begins the first window: the totals that are known now are subtracted later. Each later window begins where the
    /// last one ended.
    void begin_window();
    /// Ends a window. Returns the flows that have a descriptor, and forgets those that have closed. Counts what is
    /// missing. With `totals`, returns totals since each flow began.
    std::vector<NtstatTraffic> end_window(bool totals, Faults& faults);

    /// Returns why the last descriptor that made no sense made none; empty if all of them made sense.
    std::string_view misfit() const { return misfit_; }

private:
    struct Flow {
        std::optional<SocketCounters> before{}; // when the window began; null: not known
        std::optional<SocketCounters> now{};    // null: no update has come yet
        std::optional<NtstatDescriptor> descriptor{};
        std::vector<NtstatDescriptor> earlier{}; // as in NtstatTraffic
        std::uint64_t query = 0;                 // number of the query in which the flow was added or last updated
        bool is_quic = false;
        bool has_last = false; // its last totals have come
    };

    void begin_next();
    void count(std::uint64_t source, Flow& flow, bool totals, Faults& faults, std::vector<NtstatTraffic>& all);

    std::map<std::uint64_t, Flow> flows_; // by source
    std::vector<std::pair<std::uint64_t, Flow>> ended_{};
    std::uint64_t query_ = 0;
    bool is_complete_ = false; // the last query was answered in full
    std::string_view misfit_{};
    std::uint64_t misfits_ = 0; // in this window
};

} // namespace socktally
