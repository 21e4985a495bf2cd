// SPDX-License-Identifier: MIT
#include "owners/holder_notes.hpp"

#include "linux/privileges.hpp"

#include <fmt/format.h>
#include <linux/capability.h>

namespace socktally {

void add_unread_note(std::vector<Note>& notes, std::size_t unread)
{
    if (unread > 0) {
        notes.push_back(
            {"owners-unread",
             fmt::format("the descriptors of processes could not be read {} times, for want of memory or of "
                         "descriptors of our own: some owners may be unknown",
                         unread),
             "ulimit -n 1024", false});
    }
}

void add_denied_limit(std::vector<Note>& limits)
{
    if (!has_capability(CAP_DAC_READ_SEARCH) || !has_capability(CAP_SYS_PTRACE)) {
        limits.push_back({"owners-denied", "names your own processes only; the traffic of others is totalled by user",
                          std::string(setcap_remedy), false});
    }
}

} // namespace socktally
