// SPDX-License-Identifier: MIT
#include "report/selection.hpp"

#include <algorithm>

namespace socktally {

namespace {

using Text = Fact<std::string_view>;

/// Without names, the column `pod` has the uid: a UUID, or 32 digits for a static pod.
bool is_pod_uid(std::string_view text)
{
    return (text.size() == 36 || text.size() == 32) && text.find_first_not_of("0123456789abcdef-") == text.npos;
}

/// A saved row as filters see it. Null means unknown, unless the rest of the row rules a value out.
class RowSubject final : public Subject {
public:
    explicit RowSubject(const SavedRow& row) : row_(row) {}

    Fact<Pid> pid() const override
    {
        const auto number = number_in(Member::pid);
        return Fact<Pid>::of(number ? std::optional(Pid{static_cast<std::int32_t>(*number)}) : std::nullopt,
                             has_no_process());
    }
    Text shown_name() const override { return Text::of(text_in(Member::process), false); }
    Text process_name() const override
    {
        const auto name = text_in(Member::process);
        return is_of_cause() ? Text::of(std::nullopt, has_no_process()) : Text::of(name, false);
    }
    Fact<Uid> uid() const override
    {
        const auto number = number_in(Member::uid);
        return Fact<Uid>::of(number ? std::optional(Uid{static_cast<std::uint32_t>(*number)}) : std::nullopt,
                             has_no_process());
    }
    Text user() const override { return Text::of(text_in(Member::user), has_no_process()); }
    Text unit() const override { return of_group(Member::unit); }
    Text container() const override { return is_nameless() ? Text::unknown() : of_group(Member::container); }
    Text container_id() const override { return of_group(Member::container_id); }
    Text pod() const override
    {
        const auto name = text_in(Member::pod);
        return (name && is_pod_uid(*name)) || (!name && is_nameless()) ? Text::unknown() : of_group(Member::pod);
    }
    Text pod_uid() const override
    {
        const auto name = text_in(Member::pod);
        return name && !is_pod_uid(*name) ? Text::none() : of_group(Member::pod);
    }
    Fact<Protocol> protocol() const override
    {
        const auto name = text_in(Member::protocol);
        return Fact<Protocol>::of(name ? parse_protocol(*name) : std::nullopt, false);
    }
    Fact<std::uint16_t> local_port() const override { return port(Member::local_port); }
    Fact<std::uint16_t> remote_port() const override { return port(Member::remote_port); }
    Fact<Address> remote() const override
    {
        const auto address = text_in(Member::remote_address);
        return Fact<Address>::of(address ? parse_address(*address) : std::nullopt, false);
    }
    Fact<Inode> netns() const override { return Fact<Inode>::unknown(); }
    Text netns_name() const override { return Text::of(text_in(Member::netns), false); }
    Fact<std::uint32_t> interface() const override { return Fact<std::uint32_t>::unknown(); }
    Fact<bool> stays_on_this_machine() const override { return Fact<bool>::unknown(); }

    /// Returns whether a filter asks for a column that was not saved.
    bool lacks_column() const { return lacks_column_; }

private:
    std::optional<std::string_view> text_in(Member member) const
    {
        lacks_column_ = lacks_column_ || row_.is_absent(member);
        return row_.is(RowKind::other) ? std::nullopt : row_.text(member);
    }
    std::optional<std::uint64_t> number_in(Member member) const
    {
        lacks_column_ = lacks_column_ || row_.is_absent(member);
        return row_.is(RowKind::other) ? std::nullopt : row_.number(member);
    }
    std::optional<Cause> cause() const { return parse_cause(row_.text(Member::process).value_or("")); }
    bool is_of_cause() const
    {
        return row_.is_absent(Member::kind) ? cause() && row_.find(Member::pid) == nullptr : row_.is(RowKind::cause);
    }
    bool has_no_process() const { return is_of_cause() && cause() && !hides_process(*cause()); }
    bool is_nameless() const
    {
        const auto id = row_.text(Member::container_id);
        return id && id->starts_with(row_.text(Member::container).value_or(""));
    }
    /// If the cgroup of a process was read, the process is in no other unit, container or pod than the cgroup says.
    Text of_group(Member member) const
    {
        return Text::of(text_in(member), has_no_process() || row_.find(Member::cgroup) != nullptr);
    }
    Fact<std::uint16_t> port(Member member) const
    {
        const auto number = number_in(member);
        const auto protocol = parse_protocol(row_.text(Member::protocol).value_or(""));
        return Fact<std::uint16_t>::of(number ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt,
                                       protocol && !has_ports(*protocol));
    }

    const SavedRow& row_;
    mutable bool lacks_column_ = false;
};

} // namespace

TimePoint time_of(const Heading& heading, const SavedRow& row)
{
    const auto own = row.number(Member::time);
    return own ? TimePoint(std::chrono::nanoseconds(*own)) : heading.started_at;
}

Selection::Selection(Wanted wanted) : wanted_(std::move(wanted)), takes_every_row_(wanted_.filter.is_empty()) {}

bool Selection::takes_time(TimePoint time) const
{
    return (!wanted_.from || time >= *wanted_.from) && (!wanted_.to || time < *wanted_.to);
}

bool Selection::takes_host(const SavedRow& row) const
{
    const auto host = row.text(Member::host);
    return wanted_.hosts.empty() || std::find(wanted_.hosts.begin(), wanted_.hosts.end(), host) != wanted_.hosts.end();
}

Selection::Verdict Selection::judge(const SavedRow& row) const
{
    if (takes_every_row_) {
        return {};
    }
    const RowSubject subject(row);
    const Judged judged = wanted_.filter.judge(subject);
    return {judged, subject.lacks_column()};
}

} // namespace socktally
