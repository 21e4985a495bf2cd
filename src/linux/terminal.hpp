// SPDX-License-Identifier: MIT
// Functions for the standard streams: what they are connected to, and writing to them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace socktally {

/// Opens /dev/null for each standard stream that is closed, and returns the numbers of these streams. Otherwise a
/// socket or file that we open could get the number of a standard stream. Reading from a standard input opened here
/// gives nothing. Writing to a standard output opened here fails. Call this function first.
std::vector<int> occupy_standard_streams();

bool is_terminal(int fd);
/// Returns whether $TERM is empty, or says that the terminal can neither move its cursor nor show colours.
bool is_dumb_terminal();
/// Returns the width in columns of the terminal at `fd`. If the width is unknown, returns $COLUMNS. If this variable is
/// not set either, returns 80.
std::size_t terminal_width(int fd);
/// Returns the height in lines of the terminal at `fd`; 0 if `fd` is not a terminal, or if the height is unknown.
std::size_t terminal_height(int fd);

/// Writes the line `socktally: TEXT` to standard error. Ignores errors.
void say(std::string_view text);

/// Throws std::system_error if `fd` is not open for writing. `name` is for the message.
void require_writable(int fd, std::string_view name);
/// Writes all of `text`, or throws std::system_error. `name` is for the message.
void write_all(int fd, std::string_view text, std::string_view name);

} // namespace socktally
