/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Which cell the bytes of the running process belong to, and how many sockets it used. A part of tally.bpf.c. */
#ifndef SOCKTALLY_CELLS_H
#define SOCKTALLY_CELLS_H

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/tally.h"

/* Set before loading. */
const volatile tally_u32 cell_count = 2; /* of an epoch */
const volatile tally_u32 half_mask = 0; /* 1 where there is more than one epoch, and the maps have room for two */
/* The pid namespace in which process ids are to be given; both 0 for the first one. */
const volatile tally_u64 pid_namespace_device = 0;
const volatile tally_u64 pid_namespace_inode = 0;

/* The epoch that counts, or 0. A program looks once, so all that it does is part of one epoch. */
tally_u32 epoch = 0;
tally_u32 latest_epoch = 0; /* the same, but it stays when nothing counts any more */

tally_u32 next_cell[TALLY_HALVES] = {TALLY_FIRST_CELL, TALLY_FIRST_CELL};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2);
    __type(key, tally_u32);
    __type(value, struct tally_cell);
} cells SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 2);
    __type(key, struct tally_process);
    __type(value, tally_u32);
} processes SEC(".maps");

#define USERS 4
/* The cells of the first processes that used a socket, below the epoch in which they did. */
struct sock_users {
    tally_u64 cells[USERS];
    tally_u64 peers; /* the epoch in the upper half, the number of peers in it in the lower half */
};
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct sock_users);
} users SEC(".maps");

/* 0 for a process of another pid namespace than ours. */
static __always_inline tally_u32 visible_pid(struct task_struct* leader)
{
    struct bpf_pidns_info ids = {};
    if (pid_namespace_inode == 0)
        return leader->tgid;
    return bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &ids, sizeof ids) == 0 ? ids.tgid : 0;
}

static __always_inline void describe(struct tally_cell* cell, struct task_struct* leader, struct sock* sk)
{
    cell->tgid = visible_pid(leader);
    cell->start_ns = leader->start_boottime;
    cell->uid = leader->cred->euid.val;
    cell->cgroup_id = bpf_get_current_cgroup_id();
    cell->stack_start = bpf_get_current_task_btf()->mm->start_stack; /* not of the leader: it may be a zombie */
    cell->netns = sk->__sk_common.skc_net.net->ns.inum;
    cell->is_kernel_thread = (leader->flags & PF_KTHREAD) != 0;
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        cell->name[i] = leader->comm[i];
}

static __always_inline tally_u32 half_of(tally_u32 now) { return now & half_mask & (TALLY_HALVES - 1); }

/* The cell of that number in the epoch's half. */
static __always_inline tally_u32 cell_in(tally_u32 now, tally_u32 number) { return half_of(now) * cell_count + number; }

/* Not inlined: it runs where no seat is taken. */
static __noinline tally_u32 find_cell(struct sock* sk, tally_u32 now)
{
    const tally_u32 overflow = cell_in(now, TALLY_OVERFLOW_CELL);
    if (!sk)
        return overflow;
    struct task_struct* leader = bpf_get_current_task_btf()->group_leader;
    struct tally_process process = {.start_ns = leader->start_boottime, .tgid = leader->tgid, .epoch = now};
    tally_u32* known = bpf_map_lookup_elem(&processes, &process);
    if (known)
        return *known;
    tally_u32* next = &next_cell[half_of(now)];
    if (*next >= cell_count)
        return overflow;
    const tally_u32 number = __sync_fetch_and_add(next, 1);
    if (number >= cell_count)
        return overflow;
    tally_u32 index = cell_in(now, number);
    struct tally_cell* cell = bpf_map_lookup_elem(&cells, &index);
    if (!cell)
        return overflow;
    describe(cell, leader, sk);
    if (bpf_map_update_elem(&processes, &process, &index, BPF_NOEXIST) == 0)
        return index;
    /* Another thread was quicker: this cell stays empty. */
    known = bpf_map_lookup_elem(&processes, &process);
    return known ? *known : overflow;
}

/* A socket that this process has not used yet in the epoch counts as one more of its connections. Users of epochs before make room. */
static __noinline int note_user(struct sock* sk, tally_u32 index, tally_u32 now)
{
    const tally_u64 self = (tally_u64)now << 32 | index;
    struct tally_cell* cell = bpf_map_lookup_elem(&cells, &index);
    struct sock_users* used = sk ? bpf_sk_storage_get(&users, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE) : 0;
    if (!used || !cell)
        return 0;
    for (int i = 0; i < USERS; ++i) {
        const tally_u64 seen = used->cells[i];
        tally_u64 user = seen;
        if (seen >> 32 < now) {
            user = __sync_val_compare_and_swap(&used->cells[i], seen, self);
            if (user == seen) {
                __sync_fetch_and_add(&cell->sockets, 1);
                return 0;
            }
        }
        if (user == self)
            return 0;
    }
    return 0;
}

/* The kernel gives a socket its cookie when that is first asked for. Calls cost more than all else here, so it is read where it is. */
static __always_inline tally_u64 cookie_of(struct sock* sk)
{
    const tally_u64 cookie = sk->__sk_common.skc_cookie.counter;
    return cookie ? cookie : bpf_get_socket_cookie(sk);
}

/* A seat remembers the cell of a thread at a socket, so that neither has to be looked up for every message. It is one word, read and
   written whole: 44 bits of a hash of thread, socket and epoch, and the cell; 12 other bits of the hash are the seat's number. A thread id and
   the address of a socket are used again, but not one that was born at the same nanosecond, and no cookie. Who finds another pair in the
   seat takes it over. */
#define CELL_BITS 20
#define CELL_MASK ((1ULL << CELL_BITS) - 1)
#define SEATS 4096
tally_u64 seats[SEATS];

static __always_inline tally_u64 hash_of_thread_at(tally_u64 cookie, tally_u32 now)
{
    struct task_struct* thread = bpf_get_current_task_btf();
    tally_u64 hash = (((tally_u64)now << 32) + (thread->start_boottime ^ (tally_u64)thread->pid << 40)) * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 32 ^ cookie) * 0xd6e8feb86659fd93ULL;
    return hash ^ hash >> 32;
}

static __always_inline tally_u32 cell_of(struct sock* sk, tally_u32 now)
{
    const tally_u64 hash = hash_of_thread_at(cookie_of(sk), now);
    volatile tally_u64* seat = &seats[hash & (SEATS - 1)];
    const tally_u64 taken = *seat;
    if ((taken & ~CELL_MASK) == (hash & ~CELL_MASK) && taken & CELL_MASK)
        return taken & CELL_MASK;
    const tally_u32 index = find_cell(sk, now);
    note_user(sk, index, now);
    *seat = (hash & ~CELL_MASK) | index;
    return index;
}

#endif
