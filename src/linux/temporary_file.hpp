// SPDX-License-Identifier: MIT
// A text on the disk, in a file of its own, that is to take the place of another file as a whole.
#pragma once

#include "linux/fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace socktally {

class TemporaryFile {
public:
    /// Makes a new file in `directory`, whose name begins with ".socktally." and cannot be foreseen. `path` is the file
    /// that it is for, which messages name. Throws std::system_error, as the others do.
    TemporaryFile(int directory, std::string path);
    /// Its name is this one: for who holds a lock that keeps others from making it. What a run that was killed has left
    /// there is removed first.
    TemporaryFile(int directory, std::string path, std::string name);
    /// Removes the file, unless it has become another one.
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// The text goes to the disk, and the file gets this mode, whatever the umask is. What can fail of replacing
    /// another file fails here.
    void write(std::string_view text, mode_t mode) const;
    /// It becomes the file `name` of the same directory, in the place of one that is there.
    void replace(const std::string& name);

private:
    int directory_;
    std::string path_;
    std::string name_;
    Fd file_; // none: it is there no more
};

} // namespace socktally
