// SPDX-License-Identifier: MIT
#include "sockets/tcp_in_use.hpp"

#include "linux/file.hpp"
#include "linux/proc.hpp"

#include <fcntl.h>

#include <string>

namespace socktally {

std::size_t parse_tcp_in_use(std::string_view text)
{
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::string_view protocol = next_word(line);
        if (protocol != "TCP:" && protocol != "TCP6:") {
            continue;
        }
        std::size_t sum = 0;
        for (std::string_view name = next_word(line); !name.empty(); name = next_word(line)) {
            const auto value = parse_number(next_word(line));
            sum += name == "inuse" || name == "tw" ? value.value_or(0) : 0;
        }
        return sum;
    }
    return 0;
}

TcpInUse::TcpInUse(const std::string& directory)
    : v4_(::open((directory + "/sockstat").c_str(), O_RDONLY | O_CLOEXEC)),
      v6_(::open((directory + "/sockstat6").c_str(), O_RDONLY | O_CLOEXEC))
{
}

std::optional<std::size_t> TcpInUse::read() const
{
    constexpr std::size_t size_limit = 1 << 16;
    std::string buffer;
    const auto v4 = v4_ ? reread_file(v4_.get(), buffer, size_limit) : std::nullopt;
    if (!v4) {
        return std::nullopt;
    }
    const std::size_t sum = parse_tcp_in_use(*v4);
    const auto v6 = v6_ ? reread_file(v6_.get(), buffer, size_limit) : std::string_view();
    return v6 ? std::optional(sum + parse_tcp_in_use(*v6)) : std::nullopt;
}

} // namespace socktally
