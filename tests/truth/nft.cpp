// SPDX-License-Identifier: MIT
// Runs nft inside a namespace.
#include "nft.hpp"

#include <sys/wait.h>

#include <stdexcept>

namespace truth {

namespace {
constexpr const char* program = "/usr/sbin/nft";
}

bool nft_installed() { return ::access(program, X_OK) == 0; }

void add_rules(const Netns& netns, const std::string& rules)
{
    const pid_t pid = fork_in({.net = &netns}, [&] {
        ::execl(program, "nft", rules.c_str(), nullptr);
        fail(program);
    });
    int status = 0;
    must(::waitpid(pid, &status, 0), "waitpid");
    if (status != 0)
        throw std::runtime_error("nft refuses the rules");
}

void drop_packets(const Netns& netns, const std::string& hook, int one_in)
{
    add_rules(netns, "table inet truth {\n chain loss {\n  type filter hook " + hook +
                         " priority 0; policy accept;\n  meta l4proto tcp numgen random mod " + std::to_string(one_in) +
                         " == 0 drop\n }\n}\n");
}

} // namespace truth
