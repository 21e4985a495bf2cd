/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Gives each process a slot in the counters, and counts the sockets that each process uses. Part of tally.bpf.c. */
#ifndef SOCKTALLY_PROCESS_COUNTERS_H
#define SOCKTALLY_PROCESS_COUNTERS_H

#include <bpf/bpf_core_read.h>

#include "linux/bpf_kernel.h"
#include "traffic/ebpf/descendants.h"
#include "traffic/ebpf/tally.h"

/* Set before loading. */
const volatile tally_u32 process_limit = 2; /* number of slots in each buffer */
const volatile tally_u32 buffer_mask = 0; /* 1 if several windows are measured, which need two buffers; else 0 */
/* Whether the kernel has bpf_rdonly_cast (since Linux 6.2). */
const volatile tally_u8 has_casts = 0;
/* The pid namespace whose process ids the programs report. Device and inode are 0 for the initial pid namespace. */
const volatile tally_u64 pid_namespace_device = 0;
const volatile tally_u64 pid_namespace_inode = 0;

/* The epoch that is counted; 0 if nothing is counted. A program reads it only once, so that each call counts for a
   single epoch. */
tally_u32 epoch = 0;
tally_u32 latest_epoch = 0; /* the last value of `epoch` that was not 0 */

tally_u32 next_slot[TALLY_BUFFERS] = {TALLY_FIRST_SLOT, TALLY_FIRST_SLOT};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 2);
    __type(key, tally_u32);
    __type(value, struct tally_counters);
} process_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 2);
    __type(key, struct tally_process);
    __type(value, tally_u32);
} processes SEC(".maps");

#define USERS 4
/* The slots of the first processes that used a socket in an epoch. The upper half of each word is the epoch, the lower
   half is the slot. */
struct sock_users {
    tally_u64 slots[USERS];
    tally_u64 peers; /* upper half: an epoch; lower half: number of the socket's peers in that epoch */
};
struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct sock_users);
} users SEC(".maps");

void* bpf_rdonly_cast(const void* object, tally_u32 type) __ksym __weak;

/* Makes the verifier lose its trust in a pointer, if the kernel has casts. If a program reads another pointer through a
   trusted one, the verifier compares a name with all types of the kernel, up to four times
   (btf_nested_type_is_trusted()). Each such read makes loading a millisecond slower. */
#define UNTRUSTED(type, object)                                                                                        \
    ((struct type*)(has_casts ? bpf_rdonly_cast(object, bpf_core_type_id_kernel(struct type)) : (void*)(object)))

/* Returns the pid of the running process in our pid namespace; 0 if the process has none there. */
static __always_inline tally_u32 visible_pid(struct task_struct* leader)
{
    struct bpf_pidns_info ids = {};
    if (pid_namespace_inode == 0)
        return leader->tgid;
    return bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &ids, sizeof ids) == 0 ? ids.tgid : 0;
}

static __always_inline void describe(struct tally_counters* counters, struct task_struct* leader, struct sock* sk)
{
    counters->tgid = visible_pid(leader);
    counters->start_ns = leader->start_boottime;
    counters->uid = leader->cred->euid.val;
    counters->cgroup_id = bpf_get_current_cgroup_id();
    /* The leader may be a zombie without an mm, so this reads the mm of the running thread. */
    counters->stack_start = UNTRUSTED(task_struct, bpf_get_current_task_btf())->mm->start_stack;
    counters->trees = has_trees ? trees_of(bpf_get_current_task_btf()) : 0;
    counters->netns = UNTRUSTED(sock, sk)->__sk_common.skc_net.net->ns.inum;
    counters->is_kernel_thread = (leader->flags & PF_KTHREAD) != 0;
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        counters->name[i] = leader->comm[i];
}

static __always_inline tally_u32 buffer_of(tally_u32 now) { return now & buffer_mask & (TALLY_BUFFERS - 1); }

/* Returns the index in process_counters of slot `number` in the buffer of epoch `now`. */
static __always_inline tally_u32 slot_in(tally_u32 now, tally_u32 number) { return buffer_of(now) * process_limit + number; }

/* Finds or adds the slot of the running process. Not inlined, because it runs only if the thread cache has no entry. */
static __noinline tally_u32 find_slot(struct sock* sk, tally_u32 now)
{
    const tally_u32 overflow = slot_in(now, TALLY_OVERFLOW_SLOT);
    if (!sk)
        return overflow;
    struct task_struct* leader = UNTRUSTED(task_struct, bpf_get_current_task_btf())->group_leader;
    struct tally_process process = {.start_ns = leader->start_boottime, .tgid = leader->tgid, .epoch = now};
    tally_u32* known = bpf_map_lookup_elem(&processes, &process);
    if (known)
        return *known;
    tally_u32* next = &next_slot[buffer_of(now)];
    if (*next >= process_limit)
        return overflow;
    const tally_u32 number = __sync_fetch_and_add(next, 1);
    if (number >= process_limit)
        return overflow;
    tally_u32 slot = slot_in(now, number);
    struct tally_counters* counters = bpf_map_lookup_elem(&process_counters, &slot);
    if (!counters)
        return overflow;
    describe(counters, leader, sk);
    if (bpf_map_update_elem(&processes, &process, &slot, BPF_NOEXIST) == 0)
        return slot;
    /* Another thread of the process has added a slot meanwhile. The slot that was taken here stays empty. */
    known = bpf_map_lookup_elem(&processes, &process);
    return known ? *known : overflow;
}

/* Adds 1 to the number of sockets of the process, if the process has not used this socket in this epoch before. In
   `users`, the process replaces a process of an earlier epoch. */
static __noinline int note_user(struct sock* sk, tally_u32 slot, tally_u32 now)
{
    const tally_u64 self = (tally_u64)now << 32 | slot;
    struct tally_counters* counters = bpf_map_lookup_elem(&process_counters, &slot);
    struct sock_users* used = sk ? bpf_sk_storage_get(&users, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE) : 0;
    if (!used || !counters)
        return 0;
    for (int i = 0; i < USERS; ++i) {
        const tally_u64 seen = used->slots[i];
        tally_u64 user = seen;
        if (seen >> 32 < now) {
            user = __sync_val_compare_and_swap(&used->slots[i], seen, self);
            if (user == seen) {
                __sync_fetch_and_add(&counters->sockets, 1);
                return 0;
            }
        }
        if (user == self)
            return 0;
    }
    return 0;
}

/* Returns the socket's cookie. The kernel makes the cookie when it is first asked for. The helper costs more than the
   rest of a program, so the field is read first. */
static __always_inline tally_u64 cookie_of(struct sock* sk)
{
    const tally_u64 cookie = sk->__sk_common.skc_cookie.counter;
    return cookie ? cookie : bpf_get_socket_cookie(sk);
}

/* The thread cache maps a thread and a socket to a slot, so that most messages need no look-up in `processes` and
   `users`. An entry is one word, which is read and written whole: 44 bits of a hash of thread, socket and epoch, and
   the slot in the low 20 bits. The low 12 bits of the hash are the index of the entry. The hash uses the thread's start
   time, because thread ids are reused, and the socket's cookie, because addresses are reused. A new pair of thread and
   socket replaces the pair that had the entry. */
#define SLOT_BITS 20
#define SLOT_MASK ((1ULL << SLOT_BITS) - 1)
#define CACHE_ENTRIES 4096
tally_u64 thread_cache[CACHE_ENTRIES];

static __always_inline tally_u64 hash_of_thread_at(tally_u64 cookie, tally_u32 now)
{
    struct task_struct* thread = bpf_get_current_task_btf();
    tally_u64 hash = (((tally_u64)now << 32) + (thread->start_boottime ^ (tally_u64)thread->pid << 40)) * 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ hash >> 32 ^ cookie) * 0xd6e8feb86659fd93ULL;
    return hash ^ hash >> 32;
}

static __always_inline tally_u32 slot_of(struct sock* sk, tally_u32 now)
{
    const tally_u64 hash = hash_of_thread_at(cookie_of(sk), now);
    volatile tally_u64* entry = &thread_cache[hash & (CACHE_ENTRIES - 1)];
    const tally_u64 cached = *entry;
    if ((cached & ~SLOT_MASK) == (hash & ~SLOT_MASK) && cached & SLOT_MASK)
        return cached & SLOT_MASK;
    const tally_u32 slot = find_slot(sk, now);
    note_user(sk, slot, now);
    *entry = (hash & ~SLOT_MASK) | slot;
    return slot;
}

#endif
