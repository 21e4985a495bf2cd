// SPDX-License-Identifier: MIT
// The three standard streams: what they are connected to, and writing to them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace socktally {

/// Fills closed standard descriptors, so that no socket or file of ours becomes one of them: nothing can be read from
/// the new standard input, or written to the new standard output without an error. Returns the descriptors. Call first.
std::vector<int> occupy_standard_streams();

bool is_terminal(int fd);
/// Returns whether $TERM says that there is no cursor and no colour.
bool is_dumb_terminal();
/// Returns the columns of the terminal at `fd`, else those of $COLUMNS, else 80.
std::size_t terminal_width(int fd);
/// Returns the lines of the terminal at `fd`; 0 if it is none, or they are not known.
std::size_t terminal_height(int fd);

/// Writes one line to standard error, `socktally: TEXT`. Failure to write it is ignored.
void say(std::string_view text);

/// Throws std::system_error unless `fd` was opened for writing.
void require_writable(int fd, std::string_view name);
/// Writes all of `text`, or throws std::system_error.
void write_all(int fd, std::string_view text, std::string_view name);

} // namespace socktally
