// SPDX-License-Identifier: MIT
// Keeps what was read of processes from window to window, so that it is still known in the window in which a process
// ends. Each process is read at most once a window, unless it has become another program. Entries are kept as long as
// the process lives, and a while longer.
#pragma once

#include "model/flow.hpp"
#include "model/identity.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace socktally {

class KnownProcesses {
public:
    void begin_window() { ++window_; }

    /// Fills `process.identity`, and `process.netns` if the backend did not see it: from the files of /proc, or, if the
    /// process has ended, from what was read before. Returns false if something that is needed is not known
    /// because the process ended too early.
    bool fill(int proc, const IdentityNeeds& needs, Process& process);

    std::size_t size() const { return known_.size(); }

private:
    struct Known {
        Process process;          // as it was when it was read
        std::uint64_t window = 0; // in which it was read, or found to have ended
        bool is_whole = false;
    };
    using Key = std::pair<Pid, StartTime>;

    void read(int proc, const IdentityNeeds& needs, const Process& process, Known& known) const;
    void forget_ended(int proc);

    std::map<Key, Known> known_;
    std::size_t most_ = 1024; // entries; then ended processes are looked for
    std::uint64_t window_ = 0;
};

} // namespace socktally
