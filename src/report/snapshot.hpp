// SPDX-License-Identifier: MIT
// One saved JSON object taken apart: a document, which is a snapshot with its rows, or a line of JSON lines, which is
// one row and says on its own which snapshot it is of. Everything in it is checked before any of it is handed on.
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

/// A message of one line says why the text is no snapshot.
struct BadSnapshot : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class SnapshotParser {
public:
    /// Bytes that have to be readable behind a text that is parsed.
    static constexpr std::size_t padding = 64;

    SnapshotParser();
    SnapshotParser(const SnapshotParser&) = delete;
    SnapshotParser& operator=(const SnapshotParser&) = delete;
    ~SnapshotParser();

    /// `text` has `padding` bytes behind it that may be read. Throws BadSnapshot;
    /// std::runtime_error for a list of `ports`, which is no mistake of a line.
    void parse(std::string_view text);

    // The results of the last parse; valid until the next one.
    /// Whether it says that it is a snapshot or a row of one, however wrong the rest of it may be.
    bool claims_to_be_one() const;
    const Heading& heading() const;
    /// False: it is one row of a snapshot.
    bool is_document() const;
    /// Hash of all text that was parsed: of a document, or of one row.
    std::size_t text_hash() const;
    /// `use` may change the row, which has its host and its time. What was not saved of it is null.
    void for_each_row(const std::function<void(Row& row, const Origin& origin)>& use);

private:
    struct Impl; // keeps simdjson, which takes seconds to compile, in one file
    std::unique_ptr<Impl> impl_;
};

} // namespace socktally
