// SPDX-License-Identifier: MIT
#include "processes/cgroup_tree.hpp"

#include <doctest/doctest.h>

using namespace socktally;

TEST_CASE("the cgroup2 mount is found beside those of version 1")
{
    const auto mount = find_cgroup2("36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices\n"
                                    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n");
    REQUIRE(mount);
    CHECK(mount->path == "/sys/fs/cgroup/unified");
    CHECK(mount->is_whole);
}

TEST_CASE("a cgroup2 mount of the whole tree goes before one of a part of it")
{
    const std::string part = "50 31 0:38 /system.slice /mnt/part rw - cgroup2 cgroup2 rw\n";
    const auto partly = find_cgroup2(part);
    REQUIRE(partly);
    CHECK(partly->path == "/mnt/part");
    CHECK_FALSE(partly->is_whole);
    const auto wholly = find_cgroup2(part + "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    REQUIRE(wholly);
    CHECK(wholly->path == "/sys/fs/cgroup");
    CHECK(wholly->is_whole);
    CHECK_FALSE(find_cgroup2("41 31 0:38 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")->is_whole);
}

TEST_CASE("mount points of any name do not deceive the search for cgroup2")
{
    CHECK(find_cgroup2("41 31 0:38 / /a\\040b\\134\\012 rw - cgroup2 none rw\n")->path == "/a b\\\n");
    CHECK(find_cgroup2("41 31 0:38 / /a\\777\\04 rw - cgroup2 none rw\n")->path == "/a\\777\\04");
    CHECK_FALSE(find_cgroup2("41 31 0:38 / /cgroup2 rw - tmpfs cgroup2 rw\n"));
    CHECK_FALSE(find_cgroup2("41 31 0:38 / /x\\040-\\040cgroup2 rw - tmpfs none rw\n"));
    CHECK_FALSE(find_cgroup2("41 31 0:38 / /x rw cgroup2\n"));
    CHECK_FALSE(find_cgroup2("\n - \n-\n"));
    CHECK_FALSE(find_cgroup2(""));
}
