// SPDX-License-Identifier: MIT
// The file that one run of --since leaves to the next: locked against other runs, replaced as a whole or not at all.
#pragma once

#include "linux/atomic_file.hpp"
#include "linux/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

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
