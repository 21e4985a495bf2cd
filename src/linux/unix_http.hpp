// SPDX-License-Identifier: MIT
// One GET request of HTTP/1.0 over a unix socket. The answer ends after Content-Length bytes, or when the server closes
// the connection. The server is not trusted: the whole exchange has one deadline and one limit of bytes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace socktally {

struct HttpAnswer {
    std::optional<std::string> body; // body of an answer with HTTP status 200
    std::string failure;             // why there is no body, such as "no answer in time"
};

struct HttpLimits {
    std::chrono::steady_clock::time_point deadline;
    std::size_t most = 16 << 20; // bytes, headers included
};

/// Sends a request for `target` and returns the answer. `socket` is a descriptor of the file of the socket
/// (find_trusted_socket()). The server process must belong to `owner` or root.
HttpAnswer http_get(int socket, std::string_view target, uid_t owner, const HttpLimits& limits);

/// Returns the body of an answer that was received to its end, or why there is no body. Pure.
HttpAnswer parse_http_answer(std::string_view answer);

} // namespace socktally
