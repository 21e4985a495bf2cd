// SPDX-License-Identifier: MIT
#include "report/read.hpp"

#include "report/lines.hpp"

#include <optional>

namespace socktally {

namespace {

static_assert(Lines::padding >= SnapshotParser::padding);

/// Reports invalid lines. Reports adjacent ones together, so that the rest of a broken document is reported once.
class Faults {
public:
    explicit Faults(const std::function<void(const LeftOut&)>& tell) : tell_(tell) {}

    enum class Joining : std::uint8_t { with_the_last, never };

    void add(const LeftOut& lines, Joining joining)
    {
        if (has_pending_ && joining == Joining::with_the_last && pending_.last_line + 1 == lines.first_line) {
            pending_.last_line = lines.last_line;
            return;
        }
        end_run();
        pending_ = lines;
        has_pending_ = true;
    }
    /// Reports the invalid lines so far. They are not marked as cut off, because valid text follows them.
    void end_run()
    {
        pending_.is_cut_off = false;
        end();
    }
    void end()
    {
        if (has_pending_) {
            tell_(pending_);
            has_pending_ = false;
        }
    }

private:
    const std::function<void(const LeftOut&)>& tell_;
    LeftOut pending_;
    bool has_pending_ = false;
};

/// Parses the text. Returns the error message; null if the text is valid.
std::optional<std::string> fault_in(SnapshotParser& parser, std::string_view text)
{
    try {
        parser.parse(text);
    } catch (const BadSnapshot& error) {
        return error.what();
    }
    return std::nullopt;
}

} // namespace

void read_snapshots(int fd, const std::string& name, const std::function<void(SnapshotParser&)>& use,
                    const std::function<void(const LeftOut&)>& tell)
{
    Lines lines(fd, name);
    SnapshotParser parser;
    Faults faults(tell);
    while (const auto line = lines.next()) {
        if (line->is_overlong) {
            faults.add({line->first_line, line->last_line, "longer than 32 MiB"}, Faults::Joining::never);
            continue;
        }
        Extent extent = *line;
        auto fault = fault_in(parser, extent.text);
        bool is_cut_off = false;
        if (fault && line->text.front() == '{') {
            const Extent first = {{}, line->first_line, line->last_line};
            if (const auto object = lines.extend()) {
                extent = *object;
                fault = fault_in(parser, extent.text);
            } else {
                extent = first;
                is_cut_off = lines.is_cut_off();
            }
        }
        if (fault) {
            const auto joining = parser.claims_to_be_one() ? Faults::Joining::never : Faults::Joining::with_the_last;
            faults.add({extent.first_line, extent.last_line, *fault, is_cut_off}, joining);
        } else {
            faults.end_run();
            use(parser);
        }
    }
    faults.end();
}

} // namespace socktally
