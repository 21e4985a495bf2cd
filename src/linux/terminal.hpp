// SPDX-License-Identifier: MIT
// The three standard streams: shows what they are connected to, and writes to them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace socktally {

/// Opens standard descriptors that are closed, so that no socket or file of ours gets their numbers: reading the new
/// standard input gives nothing, and writing to the new standard output fails. Returns these descriptors. Call this
/// first.
std::vector<int> occupy_standard_streams();

bool is_terminal(int fd);
/// Returns whether $TERM says that the terminal has neither cursor movement nor colour.
bool is_dumb_terminal();
/// Returns the width of the terminal at `fd` in columns, else $COLUMNS, else 80.
std::size_t terminal_width(int fd);
/// Returns the height of the terminal at `fd` in lines; 0 if it is not a terminal, or its height is unknown.
std::size_t terminal_height(int fd);

/// Writes one line to standard error, `socktally: TEXT`. Ignores errors.
void say(std::string_view text);

/// Throws std::system_error unless `fd` was opened for writing.
void require_writable(int fd, std::string_view name);
/// Writes all of `text`, or throws std::system_error.
void write_all(int fd, std::string_view text, std::string_view name);

} // namespace socktally
