// SPDX-License-Identifier: MIT
// The state that a run of --since leaves to the next one: its text (state.cpp), and its file (state_file.cpp).
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
    Inode netns;                                    // the network namespace of the run
    std::string purpose;                            // what the series are by; empty if there are none
    std::chrono::system_clock::time_point taken_at; // in whole microseconds
    std::chrono::nanoseconds uptime{0};             // at that time, including suspend
    Snapshot snapshot;
    std::vector<GrowingSeries> series;
};

std::string write_state(const State& state);
/// Appends the check sum and the end to the lines of a state.
std::string with_check_sum(std::string lines);

/// The reason why a text is not a valid state.
struct BadState {
    std::string why;
};
/// Parses a state. The text may be hostile, so it is used only if all of it is valid.
std::variant<State, BadState> read_state(std::string_view text);

/// The state file. It is locked against other runs, and replaced as a whole or not at all.
class StateFile {
public:
    enum class Lock : std::uint8_t { at_once, wait };

    /// Locks FILE.lock in the same directory, which is never removed. Throws if another run holds the lock and `lock`
    /// is not wait. Throws too if the directory, the lock or FILE cannot be trusted: a link, not a plain file, of
    /// another user, or writable by others.
    StateFile(const std::string& path, Lock lock);

    /// Returns the text; null if there is no file. Throws if it cannot be read.
    std::optional<std::string> read() const;

    /// Gives FILE, which has a text that is not ours, the second name FILE.bad, or FILE.bad.2 and so on if that name is
    /// taken. Returns the path.
    std::string keep_aside() const;
    /// Writes the text to .socktally.FILE, a name that the lock protects. Errors such as a full disk show here, before
    /// FILE is replaced.
    void prepare(std::string_view text);
    /// Replaces FILE by the prepared file.
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
