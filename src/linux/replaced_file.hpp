// SPDX-License-Identifier: MIT
// A file that others read at any time: it is replaced as a whole or stays what it was, and is never there in part.
#pragma once

#include "linux/fd.hpp"

#include <string>
#include <string_view>

namespace socktally {

class ReplacedFile {
public:
    /// Throws where `path` cannot be replaced: its directory cannot be written to, or there is something else than a
    /// regular file. A symbolic link is refused too: it would be replaced, not what it leads to; and so are devices,
    /// since whoever says /dev/null does not mean that.
    explicit ReplacedFile(const std::string& path);

    /// The text goes to a temporary file beside it, to the disk, and then takes its place. All may read it, and its
    /// owner may write to it, whatever the umask is: what reads it is mostly somebody else. No signal comes in between;
    /// only SIGKILL or a crash leaves the temporary file (temporary_file.hpp).
    /// Throws where that fails; then the file is what it was.
    void write(std::string_view text) const;

private:
    void require_replaceable() const;

    std::string path_;
    std::string name_; // in the directory
    Fd directory_;
};

} // namespace socktally
