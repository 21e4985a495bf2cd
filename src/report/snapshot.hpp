// SPDX-License-Identifier: MIT
// One saved JSON object taken apart: a document, which is a snapshot with its rows, or a line of JSON lines, which is
// one row and says on its own which snapshot it is of. Everything in it is checked before any of it is handed on.
#pragma once

#include "model/timestamp.hpp"
#include "report/member.hpp"

#include <simdjson.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

/// What is said of a snapshot as a whole.
struct Heading {
    TimePoint started_at;
    std::chrono::nanoseconds duration{0};
    GroupBy by = GroupBy::process;
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
    /// `text` has simdjson::SIMDJSON_PADDING bytes behind it that may be read. Throws BadSnapshot.
    void parse(std::string_view text);

    // Of what was parsed last; valid until the next time.
    /// Whether it says that it is a snapshot or a row of one, however wrong the rest of it may be.
    bool claims_to_be_one() const;
    const Heading& heading() const { return heading_; }
    /// False: it is one row of a snapshot.
    bool is_document() const { return is_document_; }
    /// Of all that was parsed: of a document, or of one row.
    std::size_t text_hash() const { return std::hash<std::string_view>()(text_); }
    template <typename Use>
    void for_each_row(const Use& use)
    {
        if (!is_document_) {
            use(row_);
            return;
        }
        for (const simdjson::dom::element element : rows_) {
            read_row_of_document(element);
            use(row_);
        }
    }

private:
    enum class Part : std::uint8_t { nothing, schema, started_at, duration, by, complete, backend, host, boot_id };
    /// Where a member of an object goes.
    struct Slot {
        std::string name;
        Part part = Part::nothing;
        std::optional<Member> member;
        const MemberInfo* info = nullptr; // of the member
    };
    /// Objects of one origin have the same members in the same order, so the last one's are tried first.
    using Order = std::vector<Slot>;

    static Slot slot_of(std::string_view name, bool is_row_of_document);
    static const Slot& learn_slot(Order& order, std::size_t place, std::string_view name, bool is_row_of_document);
    static const Slot& find_slot(Order& order, std::size_t place, std::string_view name, bool is_row_of_document)
    {
        return place < order.size() && order[place].name == name ? order[place]
                                                                 : learn_slot(order, place, name, is_row_of_document);
    }
    void read_time(std::string_view name, std::string_view text);
    void read_part(const Slot& slot, const simdjson::dom::element& value);
    void read_member(const Slot& slot, const simdjson::dom::element& value);
    void read_line(const simdjson::dom::object& object);
    void read_document(const simdjson::dom::object& object);
    void read_row_of_document(const simdjson::dom::element& element);
    void require_parts() const;

    simdjson::dom::parser parser_; // heading_ points into it
    std::string_view text_;
    Heading heading_;
    bool is_document_ = false;
    std::uint32_t parts_ = 0; // a bit for each Part that was read
    SavedRow row_;
    simdjson::dom::array rows_; // of a document
    Order line_order_;
    Order row_order_;
    std::string time_text_; // that was read last, since rows of one snapshot have the same
    TimePoint time_;
};

} // namespace socktally
