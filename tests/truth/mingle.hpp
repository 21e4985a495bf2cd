// SPDX-License-Identifier: MIT
// Several threads or processes at once on one connection.
#pragma once

#include "worker.hpp"

namespace truth {

/// Sends in small pieces until so many bytes are gone, and reads beside it what comes, to the end.
void mingle(Self& self, int fd, std::size_t tx);

/// The other end of a connection that several mingle on.
void answer_minglers(Self& self, int fd, std::size_t tx, std::size_t rx);

} // namespace truth
