// SPDX-License-Identifier: MIT
// Look-ups that leave the program and may hang: users and hosts in the system's databases (nsswitch.conf), and files
// and sockets of container engines. Databases and file systems may be on servers, so a helper process makes each
// look-up, with a deadline. One that has hung is not repeated for a hundred times as long as it was waited for.
#pragma once

#include "linux/file.hpp"
#include "linux/helper.hpp"
#include "linux/unix_http.hpp"
#include "model/address.hpp"
#include "model/ids.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace socktally {

struct User {
    Uid uid;
    std::string name;
    std::string home;
};

struct UserAnswer {
    bool in_time = true;
    std::optional<User> user{}; // null: there is none, or there was no answer in time
};

struct HostAnswer {
    std::vector<Address> addresses{}; // none: there is no such host, or `failure` says why it could not be found
    std::string failure{};            // "it did not answer in time"
};

class Lookups {
public:
    using Clock = Helper::Clock;

    UserAnswer find_user(Uid uid, std::chrono::milliseconds patience);
    UserAnswer find_user(const std::string& name, std::chrono::milliseconds patience);

    HostAnswer find_host(const std::string& name, std::chrono::milliseconds patience);

    /// Like read_trusted_file(), with errno ETIMEDOUT if the file cannot be read in time.
    std::optional<std::string> read_file(const TrustedPlace& place, std::size_t limit, Clock::time_point deadline);
    /// Asks an engine at this socket. The answer is null without a failure if there is no such socket.
    HttpAnswer ask_engine(const TrustedPlace& socket, std::string_view target, const HttpLimits& limits);

    /// Ends the helper until it is needed again.
    void release();

private:
    std::optional<std::string> ask(const std::string& about, const std::string& question, Clock::time_point deadline);
    UserAnswer find_user(const std::string& question, Clock::time_point deadline);

    std::optional<Helper> helper_;
    std::map<std::string, Clock::time_point> rests_until_; // by what hung: when it may be asked again
};

} // namespace socktally
