// SPDX-License-Identifier: MIT
// What filters ask of a flow of a sample, or of a saved row. The same filters judge both.
#pragma once

#include "model/address.hpp"
#include "model/flow.hpp"
#include "model/ids.hpp"
#include "table/judgement.hpp"

#include <cstdint>
#include <string_view>

namespace socktally {

class Subject {
public:
    virtual ~Subject() = default;

    virtual Fact<Pid> pid() const = 0;
    virtual Fact<std::string_view> shown_name() const = 0;   // of the process, or the cause in brackets
    virtual Fact<std::string_view> process_name() const = 0; // of the process
    virtual Fact<Uid> uid() const = 0;
    virtual Fact<std::string_view> user() const = 0;
    virtual Fact<std::string_view> unit() const = 0;
    virtual Fact<std::string_view> container() const = 0; // its name
    virtual Fact<std::string_view> container_id() const = 0;
    virtual Fact<std::string_view> pod() const = 0; // its name
    virtual Fact<std::string_view> pod_uid() const = 0;
    virtual Fact<Protocol> protocol() const = 0;
    virtual Fact<std::uint16_t> local_port() const = 0;
    virtual Fact<std::uint16_t> remote_port() const = 0;
    virtual Fact<Address> remote() const = 0;
    virtual Fact<Inode> netns() const = 0;
    virtual Fact<std::string_view> netns_name() const = 0;
    virtual Fact<std::uint32_t> interface() const = 0; // its index
    virtual Fact<bool> stays_on_this_machine() const = 0;

protected:
    Subject() = default;
    Subject(const Subject&) = default;
    Subject& operator=(const Subject&) = default;
};

} // namespace socktally
