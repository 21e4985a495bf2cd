// SPDX-License-Identifier: MIT
// Replaces files while others read them: a file is replaced as a whole, or stays as it was. The text is written to a
// temporary file in the same directory and synced to disk, then the file is renamed. Only SIGKILL or a crash leaves the
// temporary file behind.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace socktally {

/// A new file in a directory, removed again unless it replaces another file. Throws std::system_error.
class TemporaryFile {
public:
    /// `path` is the file to replace, for messages. The temporary name begins with ".socktally." and cannot be guessed.
    TemporaryFile(int directory, std::string path);
    /// The caller holds a lock, so nobody else uses `name`. Removes a file of this name that a killed run has left.
    TemporaryFile(int directory, std::string path, std::string name);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// Writes the text to disk and sets the mode, whatever the umask is. Errors such as a full disk show here, before
    /// replace().
    void write(std::string_view text, mode_t mode) const;
    /// Becomes the file `name` of the same directory.
    void replace(const std::string& name);

private:
    int directory_;
    std::string path_;
    std::string name_;
    Fd file_; // none after replace()
};

class AtomicFile {
public:
    /// Throws if `path` cannot be replaced: its directory is not writable, or it is not a regular file. A symbolic link
    /// or a device is refused because the link or the device itself would be replaced (`-o /dev/null`).
    explicit AtomicFile(const std::string& path);

    /// Replaces the file. Everybody may read the new one, whatever the umask is, because its readers are mostly other
    /// users. Signals are blocked meanwhile. If it throws, the old file is unchanged.
    void write(std::string_view text) const;

private:
    void require_replaceable() const;

    std::string path_;
    std::string name_; // in the directory
    Fd directory_;
};

} // namespace socktally
