// SPDX-License-Identifier: MIT
// Cgroups of version 2 that a case makes and removes.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>
#include <string>

namespace truth {

/// The mount point of version 2; empty where there is none.
inline std::string cgroup2_mount()
{
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        if (line.find(" - cgroup2 ") != std::string::npos) {
            std::istringstream words(line);
            std::string word;
            for (int field = 0; field < 5; ++field)
                words >> word;
            return word;
        }
    }
    return {};
}

/// The kernel's number of the calling process's cgroup; 0 where that is not known.
inline ino_t own_cgroup_id()
{
    std::ifstream cgroups("/proc/self/cgroup");
    for (std::string line; std::getline(cgroups, line);) {
        struct stat its {};
        if (line.starts_with("0::") && ::stat((cgroup2_mount() + line.substr(3)).c_str(), &its) == 0)
            return its.st_ino;
    }
    return 0;
}

/// Digits that another case, or another run of the suite, does not have: pids are those of a namespace.
inline std::string unique_digits()
{
    std::random_device random;
    return std::to_string(random()) + std::to_string(random());
}

/// A cgroup for as long as this lives; processes in it have to end before.
class Cgroup {
public:
    explicit Cgroup(const std::string& name) : path_("/" + name), directory_(cgroup2_mount() + path_)
    {
        is_there_ = !cgroup2_mount().empty() && ::mkdir(directory_.c_str(), 0755) == 0;
    }
    ~Cgroup() { remove(); }
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;

    bool is_there() const { return is_there_; }
    const std::string& path() const { return path_; }
    void add(pid_t pid) const { std::ofstream(directory_ + "/cgroup.procs") << pid << std::flush; }
    void remove()
    {
        if (is_there_)
            ::rmdir(directory_.c_str());
        is_there_ = false;
    }

private:
    std::string path_;
    std::string directory_;
    bool is_there_;
};

} // namespace truth
