// SPDX-License-Identifier: MIT
// One GET over a unix socket, as HTTP/1.0: the answer ends where the connection does, or at its Content-Length. Whoever
// answers may be hostile: there is a deadline for all of it, and a most of bytes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct HttpAnswer {
    std::optional<std::string> body; // of a status 200
    std::string failure;             // where there is none: "it did not answer in time"
};

struct HttpLimits {
    std::chrono::steady_clock::time_point deadline;
    std::size_t most = 16 << 20; // bytes, the headers with them
};

/// `socket` is a descriptor of the socket's file (find_trusted_socket); `owner` (or root) must be who listens.
HttpAnswer http_get(int socket, std::string_view target, uid_t owner, const HttpLimits& limits);

/// The body of an answer that has come to its end. Pure.
HttpAnswer parse_http_answer(std::string_view answer);

} // namespace socktally
