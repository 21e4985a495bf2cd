// SPDX-License-Identifier: MIT
// Replaces a file as a whole: a reader sees either the old file or the new one. The text is written to a temporary file
// in the same directory. The temporary file is synced to disk and then renamed. It is left behind only after SIGKILL or
// a crash.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace socktally {

/// A new file in a directory. The destructor removes the file, unless replace() has renamed it. All functions throw
/// std::system_error.
class TemporaryFile {
public:
    /// `path` is the path of the file to replace, for messages. The name of the temporary file begins with
    /// ".socktally." and cannot be guessed.
    TemporaryFile(int directory, std::string path);
    /// Gives the temporary file the name `name`, which the caller must have locked. Removes a file that a killed run
    /// has left under this name.
    TemporaryFile(int directory, std::string path, std::string name);
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// Writes the text to disk and sets the mode, whatever the umask is. An error such as a full disk is thrown here,
    /// so replace() never puts a broken file in place of the old one.
    void write(std::string_view text, mode_t mode) const;
    /// Renames the temporary file to `name` in the same directory, and so replaces a file of this name.
    void replace(const std::string& name);

private:
    int directory_;
    std::string path_;
    std::string name_;
    Fd file_; // none after replace()
};

class AtomicFile {
public:
    /// Throws if `path` cannot be replaced, because its directory is not writable, or because it is not a regular file.
    /// Refuses a symbolic link and a device (`-o /dev/null`), because the file would replace the link or the device
    /// itself.
    explicit AtomicFile(const std::string& path);

    /// Replaces the file. Every user may read the new file, whatever the umask is, because its readers are mostly other
    /// users. Signals are blocked while the function runs. If it throws, the old file is unchanged.
    void write(std::string_view text) const;

private:
    void require_replaceable() const;

    std::string path_;
    std::string name_; // name of the file in directory_
    Fd directory_;
};

} // namespace socktally
