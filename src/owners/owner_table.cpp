// SPDX-License-Identifier: MIT
#include "owners/owner_table.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace socktally {

namespace {

bool by_inode(const Holder& a, const Holder& b) { return a.inode < b.inode; }

bool by_inode_and_process(const Holder& a, const Holder& b)
{
    return std::tie(a.inode, a.process) < std::tie(b.inode, b.process);
}

void add_holders_of(Inode inode, const std::vector<Holder>& sorted, std::vector<std::uint32_t>& processes)
{
    const auto [begin, end] = std::equal_range(sorted.begin(), sorted.end(), Holder{inode, 0}, by_inode);
    std::transform(begin, end, std::back_inserter(processes), [](const Holder& holder) { return holder.process; });
}

} // namespace

std::uint32_t OwnerTable::add(const Process& process)
{
    processes_.push_back(process);
    return static_cast<std::uint32_t>(processes_.size() - 1);
}

void OwnerTable::sort_first() { std::sort(first_.begin(), first_.end(), by_inode); }

void OwnerTable::add_later(Inode inode, std::uint32_t process)
{
    const auto [begin, end] = later_.equal_range(inode.value);
    if (std::any_of(begin, end, [=](const auto& entry) { return entry.second == process; })) {
        return;
    }
    later_.emplace(inode.value, process);
    const auto [first, last] = std::equal_range(former_.begin(), former_.end(), Holder{inode, 0}, by_inode);
    const auto again = std::find_if(first, last, [=](const Holder& holder) { return holder.process == process; });
    if (again != last) {
        former_.erase(again);
    }
}

bool OwnerTable::held(Inode inode) const
{
    const bool known =
        std::binary_search(first_.begin(), first_.end(), Holder{inode, 0}, by_inode) || later_.contains(inode.value);
    return inode.value == 0 || (known && !is_handed_on(inode));
}

void OwnerTable::forget(Inode inode)
{
    later_.erase(inode.value);
    handed_on_.erase(inode.value);
}

std::vector<Inode> OwnerTable::unheld(std::vector<Inode> inodes) const
{
    std::sort(inodes.begin(), inodes.end());
    auto first = first_.begin();
    std::erase_if(inodes, [&](Inode inode) {
        first = std::find_if(first, first_.end(), [&](const Holder& holder) { return holder.inode >= inode; });
        const bool known = (first != first_.end() && first->inode == inode) || later_.contains(inode.value);
        return inode.value == 0 || (known && !is_handed_on(inode));
    });
    return inodes;
}

std::vector<std::uint32_t> OwnerTable::holders_of(Inode inode) const
{
    std::vector<std::uint32_t> processes;
    if (is_handed_on(inode)) {
        return processes;
    }
    add_holders_of(inode, first_, processes);
    const auto [begin, end] = later_.equal_range(inode.value);
    for (auto entry = begin; entry != end; ++entry) {
        if (std::find(processes.begin(), processes.end(), entry->second) == processes.end()) {
            processes.push_back(entry->second);
        }
    }
    add_holders_of(inode, former_, processes);
    return processes;
}

std::vector<std::uint32_t> OwnerTable::sharers() const
{
    std::vector<std::uint32_t> processes;
    for (std::size_t i = 1; i < first_.size(); ++i) {
        if (first_[i].inode == first_[i - 1].inode && first_[i].process != first_[i - 1].process) {
            processes.insert(processes.end(), {first_[i - 1].process, first_[i].process});
        }
    }
    for (const auto& [inode, process] : later_) {
        const auto together = holders_of(Inode{inode});
        if (together.size() > 1) {
            processes.insert(processes.end(), together.begin(), together.end());
        }
    }
    return processes;
}

void OwnerTable::disown(std::vector<Inode> inodes)
{
    std::sort(inodes.begin(), inodes.end());
    std::erase_if(former_,
                  [&](const Holder& holder) { return std::binary_search(inodes.begin(), inodes.end(), holder.inode); });
}

std::vector<Holder> OwnerTable::with_others(std::vector<Holder> holders) const
{
    holders.reserve(holders.size() + later_.size() + former_.size());
    for (const auto& [inode, process] : later_) {
        holders.push_back({Inode{inode}, process});
    }
    holders.insert(holders.end(), former_.begin(), former_.end());
    std::erase_if(holders, [this](const Holder& holder) { return is_handed_on(holder.inode); });
    if (!std::is_sorted(holders.begin(), holders.end(), by_inode)) {
        std::sort(holders.begin(), holders.end(), by_inode);
    }
    return holders;
}

std::vector<std::optional<std::uint32_t>> OwnerTable::next_window(std::vector<Holder> held)
{
    std::sort(held.begin(), held.end(), by_inode_and_process);
    former_.clear(); // so that take() returns only the holders of the window that ends
    former_ = take();
    std::erase_if(former_, [&](const Holder& holder) {
        return std::binary_search(held.begin(), held.end(), holder, by_inode_and_process);
    });
    first_ = std::move(held);
    later_.clear();
    handed_on_.clear();

    std::vector<std::optional<std::uint32_t>> indices(processes_.size());
    std::vector<Process> left;
    for (std::vector<Holder>* holders : {&first_, &former_}) {
        for (Holder& holder : *holders) {
            auto& index = indices[holder.process];
            if (!index) {
                index = static_cast<std::uint32_t>(left.size());
                left.push_back(std::move(processes_[holder.process]));
            }
            holder.process = *index;
        }
    }
    processes_ = std::move(left);
    return indices;
}

} // namespace socktally
