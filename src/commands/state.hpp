// SPDX-License-Identifier: MIT
// The state that one run of --since leaves to the next: its text form (state.cpp), and its file (state_file.cpp).
#pragma once

#include "linux/atomic_file.hpp"
#include "linux/fd.hpp"
#include "table/row.hpp"
#include "traffic/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace socktally {

struct State {
    std::string boot_id;
    Inode netns;                                    // that the run was in
    std::string purpose;                            // what the series are by; empty if there are none
    std::chrono::system_clock::time_point taken_at; // in whole microseconds
    std::chrono::nanoseconds uptime{0};             // at that time, suspended time included
    Snapshot snapshot;
    std::vector<GrowingSeries> series;
};

std::string write_state(const State& state);
/// Appends the check sum and the end to the lines of a state.
std::string with_check_sum(std::string lines);

/// Why a text is no state.
struct BadState {
    std::string why;
};
/// The text is hostile: nothing of it is taken unless all of it is as it was written.
std::variant<State, BadState> read_state(std::string_view text);

/// The file: locked against other runs, replaced as a whole or not at all.
class StateFile {
public:
    enum class Lock : std::uint8_t { at_once, wait };

    /// Locks FILE.lock beside it, which stays. Throws if another run holds the lock, unless it is to wait; and if
    /// the directory, the lock or what FILE is cannot be trusted: a link, not a plain file, somebody else's, writable
    /// by others.
    StateFile(const std::string& path, Lock lock);

    /// Its text; null if there is no file. Throws if it cannot be read.
    std::optional<std::string> read() const;

    /// For a text that is not ours: what is FILE has the name FILE.bad too from now on, or FILE.bad.2 and so on if
    /// that is taken. Returns the path.
    std::string keep_aside() const;
    /// Writes the text to .socktally.FILE, which the lock makes ours: what can fail of replacing FILE fails here.
    void prepare(std::string_view text);
    /// Puts the prepared file in the place of FILE.
    void replace();

private:
    Fd open_plain(const std::string& name, int flags) const;
    bool is_file(const std::string& name) const;
    std::string path_of(const std::string& name) const;

    std::string directory_path_;
    std::string name_;
    Fd directory_;
    Fd lock_;
    std::optional<TemporaryFile> prepared_;
};

} // namespace socktally
