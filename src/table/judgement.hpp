// SPDX-License-Identifier: MIT
// The three answers of a filter: yes, no, or not known. They are ordered, so that "and" is the least of several and
// "or" the greatest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace socktally {

enum class Judgement : std::uint8_t { out, unknown, in };

constexpr Judgement judgement_of(bool holds) { return holds ? Judgement::in : Judgement::out; }

/// What is unknown stays unknown.
constexpr Judgement opposite(Judgement judgement)
{
    return judgement == Judgement::unknown ? judgement : judgement_of(judgement == Judgement::out);
}

/// `test` judges one value of the list; any of them may match.
template <typename List, typename Test>
Judgement judge_any(const List& list, const Test& test)
{
    Judgement judgement = Judgement::out;
    for (const auto& value : list) {
        judgement = std::max(judgement, test(value));
    }
    return judgement;
}

/// Something that a filter asks about: a value, no value, or not known.
template <typename T>
class Fact {
    struct Absent {};
    Fact(Absent /*tag*/, bool is_known) : is_known_(is_known) {}

public:
    Fact(T value) : value_(std::move(value)), is_known_(true) {}
    static Fact none() { return Fact(Absent{}, true); }
    static Fact unknown() { return Fact(Absent{}, false); }
    /// Without a value there is none if `is_known`.
    static Fact of(std::optional<T> value, bool is_known)
    {
        return value ? Fact(std::move(*value)) : Fact(Absent{}, is_known);
    }

    template <typename Test>
    Judgement judge(const Test& test) const
    {
        return value_ ? judgement_of(test(*value_)) : is_known_ ? Judgement::out : Judgement::unknown;
    }
    template <typename Value>
    Judgement is(const Value& wanted) const
    {
        return judge([&](const T& value) { return value == wanted; });
    }

private:
    std::optional<T> value_;
    bool is_known_;
};

} // namespace socktally
