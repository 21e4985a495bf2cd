// SPDX-License-Identifier: MIT
// The state that a run of --since leaves to the next run: its text (state.cpp) and its file (state_file.cpp).
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
    Inode netns;         // network namespace of the run that wrote the state
    std::string purpose; // description of the series (purpose_of() in since.cpp); empty if there are none
    std::chrono::system_clock::time_point taken_at; // in whole microseconds
    std::chrono::nanoseconds uptime{0};             // time since boot when this state was taken, suspend included
    Snapshot snapshot;
    std::vector<GrowingSeries> series;
};

std::string write_state(const State& state);
/// Appends the line with the checksum to all other lines of a state.
std::string with_check_sum(std::string lines);

/// The reason why a text is not a valid state.
struct BadState {
    std::string why;
};
/// Parses the text of a state. Returns BadState unless all of it is valid, because the text is not trusted.
std::variant<State, BadState> read_state(std::string_view text);

/// The state file, here called FILE. A lock keeps other runs out. FILE is always replaced as a whole.
class StateFile {
public:
    enum class Lock : std::uint8_t { at_once, wait };

    /// Locks FILE.lock, a file in the same directory that is never removed. If another run holds the lock, waits with
    /// Lock::wait, else throws. Throws if everyone may write to the directory and it has no sticky bit. Throws if
    /// FILE.lock is a symbolic link, is not a regular file, belongs to another user, or is writable by others.
    StateFile(const std::string& path, Lock lock);

    /// Returns the text of FILE; null if FILE does not exist. Throws if FILE cannot be read, or fails the same checks
    /// as FILE.lock.
    std::optional<std::string> read() const;

    /// Keeps a FILE whose text is not valid: makes a hard link FILE.bad to it, or FILE.bad.2 and so on if that name is
    /// taken. Returns the path of the link.
    std::string keep_aside() const;
    /// Writes the text to .socktally.FILE, which only the holder of the lock uses. Throws on an error such as a full
    /// disk, while FILE is still unchanged.
    void prepare(std::string_view text);
    /// Replaces FILE by .socktally.FILE.
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
