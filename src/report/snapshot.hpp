// SPDX-License-Identifier: MIT
// Parses one saved JSON object: a document, which is a snapshot with its rows, or a line of JSON lines, which is one
// row with the facts of its snapshot. The whole object is checked before any of it is used.
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

/// The fields of a snapshot as a whole.
struct Heading {
    TimePoint started_at;
    std::chrono::nanoseconds duration{0};
    const GroupBy* by = nullptr;
    bool complete = true;
    std::string_view backend;
    std::optional<std::string_view> host;
    std::optional<std::string_view> boot_id;
};

/// The text is not a snapshot; the message says why in one line.
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

    /// Parses `text`, which must have `padding` readable bytes after it. Throws BadSnapshot for an invalid text, and
    /// std::runtime_error for a list of `ports`, which no other line would make valid.
    void parse(std::string_view text);

    // Results of the last parse(), valid until the next one.
    // claims_to_be_one() returns whether the text says that it is a snapshot or a row of one, even if the rest is
    // invalid.
    bool claims_to_be_one() const;
    const Heading& heading() const;
    /// Returns false if the text is one row of a snapshot.
    bool is_document() const;
    /// Returns the hash of the parsed text: of a document, or of one row.
    std::size_t text_hash() const;
    /// Calls `use` for each row, which `use` may change. The row has its host and its time; values that were not saved
    /// are null.
    void for_each_row(const std::function<void(Row& row, const Origin& origin)>& use);

private:
    struct Impl; // keeps simdjson, which takes seconds to compile, in one file
    std::unique_ptr<Impl> impl_;
};

} // namespace socktally
