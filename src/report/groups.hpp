// SPDX-License-Identifier: MIT
// Saved rows added up by a key. What is kept is one entry a group, of the columns that are asked for.
#pragma once

#include "report/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace socktally {

class Groups {
public:
    /// `columns` are kept besides those that every report needs. With `per`, the rows of each hour or day stay apart.
    Groups(GroupBy by, std::optional<Per> per, const std::vector<Member>& columns);

    /// False where the row does not say which group it is of: it is in the one that has null there.
    bool add(const Heading& heading, const SavedRow& row);

    /// One row a group, and one of RowKind::other (of each hour or day) where saved rows were of that kind. Unsorted.
    std::vector<Row> rows() const;
    /// Returns whether a sum was too large for 64 bits.
    bool has_overflowed() const { return has_overflowed_; }

private:
    /// A value that is kept.
    struct Kept {
        bool is_known = false;
        std::uint64_t number = 0;
        std::string text;
    };
    struct Group {
        std::vector<Kept> kept; // in the order of members_
        TimePoint until;        // the end of the last window in it
    };

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
    };

    void make_key(const Heading& heading, const SavedRow& row);
    bool tells_key(const Heading& heading, const SavedRow& row) const;
    void merge(Kept& kept, const Value* value, Merging merging, bool is_first);
    Row row_of(const Group& group) const;

    GroupBy by_;
    std::optional<Per> per_;
    std::vector<Member> members_;
    std::vector<Merging> merging_; // of each
    std::vector<Group> groups_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
    std::string key_; // used again
    bool has_overflowed_ = false;
};

} // namespace socktally
