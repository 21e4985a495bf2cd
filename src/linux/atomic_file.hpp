// SPDX-License-Identifier: MIT
// Replaces files that others may read at any time: a file is replaced as a whole or stays what it was. The text goes to
// a temporary file beside it, to the disk, and is then renamed. Only SIGKILL or a crash leaves the temporary file.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace socktally {

/// A new file in a directory; removed again unless it replaces another one. Throws std::system_error.
class TemporaryFile {
public:
    /// `path` is the file to be replaced, which messages name. The name begins with ".socktally." and cannot be
    /// foreseen.
    TemporaryFile(int directory, std::string path);
    /// For the holder of a lock that keeps others from using this name. Removes what a killed run has left there.
    TemporaryFile(int directory, std::string path, std::string name);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// Writes the text to the disk, and sets the mode whatever the umask is. Whatever may fail fails here, before
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
    /// Throws if `path` cannot be replaced: its directory is not writable, or it is not a regular file. Symbolic links
    /// and devices are refused too: the link or device would be replaced, which is not what /dev/null means.
    explicit AtomicFile(const std::string& path);

    /// Replaces the file. All may read it, whatever the umask is, because its readers are mostly other users. Signals
    /// wait until it is done. Throws if it fails; the file is then what it was.
    void write(std::string_view text) const;

private:
    void require_replaceable() const;

    std::string path_;
    std::string name_; // in the directory
    Fd directory_;
};

} // namespace socktally
