// SPDX-License-Identifier: MIT
// The fdinfo of an io_uring.
#include "backend/holders/fd_table.hpp"
#include "fuzz.hpp"

using namespace socktally;

int fuzz_one(std::span<const std::byte> input)
{
    const std::string_view text = as_text(input);
    const auto inodes = parse_io_uring_files(text);
    require(inodes.empty() || text.find("UserFiles:") != text.npos);
    require(inodes.size() <= text.size() / std::string_view("socket:[0]").size());
    return 0;
}
