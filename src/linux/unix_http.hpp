// SPDX-License-Identifier: MIT
// One GET over a unix socket, as HTTP/1.0: the answer ends with the connection, or after Content-Length bytes. The
// server may be hostile, so one deadline and one limit of bytes hold for everything.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct HttpAnswer {
    std::optional<std::string> body; // of an answer with status 200
    std::string failure;             // why there is no body: "it did not answer in time"
};

struct HttpLimits {
    std::chrono::steady_clock::time_point deadline;
    std::size_t most = 16 << 20; // bytes, headers included
};

/// `socket` is a descriptor of the socket's file (find_trusted_socket). The process that listens must belong to `owner`
/// or root.
HttpAnswer http_get(int socket, std::string_view target, uid_t owner, const HttpLimits& limits);

/// Takes the body out of a whole answer. Pure.
HttpAnswer parse_http_answer(std::string_view answer);

} // namespace socktally
