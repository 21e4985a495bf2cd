// SPDX-License-Identifier: MIT
// Moving bytes that never pass through the process's memory. Every function counts what it moved.
#pragma once

#include "worker.hpp"

namespace truth {

void splice_in(Self& self, int fd, std::size_t bytes);  // socket to pipe; the pipe is emptied beside it
void splice_to_end(Self& self, int fd);                 // until the peer shuts its side
void splice_out(Self& self, int fd, std::size_t bytes); // file to pipe to socket
void send_file(Self& self, int fd, std::size_t bytes);

} // namespace truth
