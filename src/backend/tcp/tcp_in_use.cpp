// SPDX-License-Identifier: MIT
#include "backend/tcp/tcp_in_use.hpp"

#include "sys/file.hpp"
#include "sys/proc.hpp"

#include <fcntl.h>

#include <string>

namespace socktally {

std::size_t parse_tcp_in_use(std::string_view text)
{
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view protocol = next_word(line);
        if ((protocol == "TCP:" || protocol == "TCP6:") && next_word(line) == "inuse") {
            return parse_number(next_word(line)).value_or(0);
        }
    }
    return 0;
}

std::size_t read_tcp_in_use()
{
    constexpr std::size_t size_limit = 1 << 16;
    std::size_t sum = 0;
    std::string buffer;
    for (const char* path : {"/proc/thread-self/net/sockstat", "/proc/thread-self/net/sockstat6"}) {
        sum += parse_tcp_in_use(read_file(AT_FDCWD, path, buffer, size_limit).value_or(""));
    }
    return sum;
}

} // namespace socktally
