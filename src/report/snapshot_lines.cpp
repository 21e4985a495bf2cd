// SPDX-License-Identifier: MIT
// Most lines of a snapshot begin with the same, and differ in a few plain values behind it: these are read without
// simdjson, which takes more time than all the rest, as long as they are what is expected.
#include "report/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace socktally {

/// Where the line is as this program writes it: all that is said of the snapshot first, and "by" the last of it, with
/// no other bracket in between. What is behind it is a row for as long as lines begin with the same.
void SnapshotParser::remember_head()
{
    const auto by = std::find_if(line_order_.begin(), line_order_.end(),
                                 [](const Slot& slot) { return slot.part == Part::by || slot.part == Part::nothing; });
    const std::string end = fmt::format(R"("by":"{}",)", to_string(heading_.by));
    const auto place = text_.find(end);
    if (by == line_order_.end() || by->part == Part::nothing || place == text_.npos) {
        return;
    }
    const std::string_view head = text_.substr(0, place + end.size());
    std::uint32_t parts = 0;
    std::for_each(line_order_.begin(), by + 1, [&parts](const Slot& slot) { parts |= bit(slot.part); });
    if (parts == parts_ && head.find_last_of("{[") == 0) {
        head_ = head;
        head_members_ = static_cast<std::size_t>(by - line_order_.begin()) + 1;
    }
}

/// The columns of a line whose head is known, as far as they are written plainly, and in the order of the line before.
/// False where they are not: then simdjson says what the line is, or what is wrong with it.
bool SnapshotParser::read_after_head()
{
    PlainText text(text_.substr(head_.size()));
    row_.clear();
    for (std::size_t place = head_members_; place < line_order_.size(); ++place) {
        const Slot& slot = line_order_[place];
        if (slot.part != Part::nothing || slot.plain_name.empty() || !text.take(slot.plain_name) ||
            !read_plain(slot, text)) {
            return false;
        }
        if (!text.take(',')) {
            if (heading_.host) {
                row_.set(Member::host, {0, *heading_.host});
            }
            return text.take('}') && text.is_good_to_the_end();
        }
    }
    return false;
}

bool SnapshotParser::read_plain(const Slot& slot, PlainText& text)
{
    if (!slot.member) {
        return text.skip_value();
    }
    if (!row_.is_absent(*slot.member)) {
        return false;
    }
    if (text.take("null")) {
        row_.set_null(*slot.member);
        return true;
    }
    const MemberInfo& member = *slot.info;
    if (member.limit != 0) {
        const auto number = text.number();
        const bool is_good = number && *number <= member.limit;
        if (is_good) {
            row_.set(*slot.member, {*number, {}});
        }
        return is_good;
    }
    const auto string = text.string();
    if (!string) {
        return false;
    }
    if (member.word != nullptr) {
        const auto number = member.word(*string);
        if (number) {
            row_.set(*slot.member, {*number, {}});
        }
        return number.has_value();
    }
    const bool is_good = member.is_valid == nullptr || member.is_valid(*string);
    if (is_good) {
        row_.set(*slot.member, {0, *string});
    }
    return is_good;
}

} // namespace socktally
