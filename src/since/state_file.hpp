// SPDX-License-Identifier: MIT
// The file that one run of --since leaves to the next: locked against other runs, replaced as a whole or not at all.
#pragma once

#include "sys/fd.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace socktally {

class StateFile {
public:
    enum class Lock : std::uint8_t { at_once, wait };

    /// Locks FILE.lock beside it, which stays. Throws where another run holds the lock, unless it is to wait; and where
    /// the directory, the lock or what FILE is cannot be trusted: a link, not a plain file, somebody else's, writable
    /// by others.
    StateFile(const std::string& path, Lock lock);

    /// Its text; null where there is no file. Throws where it cannot be read.
    std::optional<std::string> read() const;

    /// Writes the text to FILE.tmp, and to the disk: what can fail of replacing the file fails here.
    void prepare(const std::string& text);
    /// What is FILE becomes FILE.bad: for a text that is not ours.
    void keep_aside() const;
    /// What was prepared becomes FILE.
    void replace() const;

private:
    Fd open_plain(const std::string& name, int flags) const;
    std::string path_of(const std::string& name) const;

    std::string directory_path_;
    std::string name_;
    Fd directory_;
    Fd lock_;
};

} // namespace socktally
