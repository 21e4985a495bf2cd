// SPDX-License-Identifier: MIT
// The words for the choice between variants of the BPF programs.
#include "traffic/ebpf/refusal.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <vector>

using namespace socktally;

TEST_CASE("a refused variant says what the kernel lacks, forbids or does not understand")
{
    const Variant variant{"probes", "probes", false};
    CHECK(why_refused(variant, ESRCH, Lockdown::none) == "the kernel has no probes");
    CHECK(why_refused(variant, EPERM, Lockdown::active) == "kernel lockdown does not allow these BPF programs");
    CHECK(why_refused(variant, EPERM, Lockdown::none) ==
          "the kernel does not allow these BPF programs: Operation not permitted");
    CHECK(why_refused(variant, EINVAL, Lockdown::none) == "the kernel rejected the programs: Invalid argument");
    CHECK(why_refused(variant, 524, Lockdown::none) == "the kernel rejected the programs: Operation not supported");
}

TEST_CASE("lockdown is what stands in brackets")
{
    CHECK(parse_lockdown("[none] integrity confidentiality\n") == Lockdown::none);
    CHECK(parse_lockdown("none [integrity] confidentiality\n") == Lockdown::active);
    CHECK(parse_lockdown("none integrity [confidentiality]\n") == Lockdown::active);
    CHECK(parse_lockdown("") == Lockdown::none);
}

TEST_CASE("the choice of a variant names the one that runs, why not those before it, and those that were not tried")
{
    CHECK(describe_choice("tracepoints", {}) == "uses tracepoints; fexit is not needed");
    const std::vector<RefusedVariant> first{{"tracepoints", "too old"}};
    CHECK(describe_choice("fexit", first) == "uses fexit; tracepoints: too old");
    const std::vector<RefusedVariant> all{{"tracepoints", "too old"}, {"fexit", "forbidden"}};
    CHECK(describe_refusals(all) == "tracepoints: too old; fexit: forbidden");
}
