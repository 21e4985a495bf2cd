// SPDX-License-Identifier: MIT
#include "sockets/listed_socket.hpp"

namespace socktally {

Flow flow_of(const ListedSocket& socket)
{
    Flow flow;
    flow.tuple = socket.tuple;
    flow.cookie = socket.cookie;
    flow.inode = socket.inode;
    flow.uid = socket.uid;
    flow.cgroup_id = socket.cgroup_id;
    flow.interface = socket.interface;
    flow.state = socket.state;
    return flow;
}

} // namespace socktally
