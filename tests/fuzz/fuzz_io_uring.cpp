// SPDX-License-Identifier: MIT
// The fdinfo of an io_uring.
#include "fuzz.hpp"
#include "owners/fd_table.hpp"

using namespace socktally;

FUZZ_DRIVER(io_uring)
{
    const std::string_view text = as_text(input);
    const auto inodes = parse_io_uring_files(text);
    require(inodes.empty() || text.find("UserFiles:") != text.npos);
    require(inodes.size() <= text.size() / std::string_view("socket:[0]").size());
}
