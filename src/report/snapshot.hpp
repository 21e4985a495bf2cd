// SPDX-License-Identifier: MIT
// Parses one saved JSON object. It is a document or a line of JSON lines. A document is a snapshot with all its rows. A
// line is one row with the heading of its snapshot. The whole object is checked before any part of it is used.
#pragma once

#include "table/row.hpp"
#include "util/timestamp.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace socktally {

/// The fields that all rows of a snapshot share.
struct Heading {
    TimePoint started_at;
    std::chrono::nanoseconds duration{0};
    const GroupBy* by = nullptr;
    bool complete = true;
    std::string_view backend;
    std::optional<std::string_view> host;
    std::optional<std::string_view> boot_id;
};

/// Thrown if a text is not a snapshot. The message says why in one line.
struct BadSnapshot : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class SnapshotParser {
public:
    /// The number of bytes after a text that must be readable.
    static constexpr std::size_t padding = 64;

    SnapshotParser();
    SnapshotParser(const SnapshotParser&) = delete;
    SnapshotParser& operator=(const SnapshotParser&) = delete;
    ~SnapshotParser();

    /// Parses `text`. At least `padding` bytes after it must be readable. Throws BadSnapshot if the text is invalid.
    /// Throws std::runtime_error if the text is output of `ports`, because report cannot use any of that input.
    void parse(std::string_view text);

    // The functions below return results of the last parse(), until the next one.
    // claims_to_be_one() returns whether the text says that it is a snapshot or a row of a snapshot, even if other
    // parts of the text are invalid.
    bool claims_to_be_one() const;
    const Heading& heading() const;
    /// Returns whether the text is a document; false for a line, which has one row.
    bool is_document() const;
    /// Returns the hash of the parsed text, which is a document or a line.
    std::size_t text_hash() const;
    /// Calls `use` for each row. `use` may change the row. The row has its host and its time. Values that were not
    /// saved are null.
    void for_each_row(const std::function<void(Row& row, const Origin& origin)>& use);

private:
    struct Impl; // hides simdjson, so that only one file includes it: compiling it takes seconds
    std::unique_ptr<Impl> impl_;
};

} // namespace socktally
