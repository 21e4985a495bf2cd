/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Finds which processes descend from which, for --tree and run. Part of tally.bpf.c.
   
   User space marks the roots, and the descendants that they have at that time. From then on each new thread or
   process inherits the marks of the thread that makes it, before it runs. So a double fork, setsid(2) or exec makes
   no difference. Marks are stored with the thread, so they end with it. A thread that existed before has the marks
   of its process. */
#ifndef SOCKTALLY_DESCENDANTS_H
#define SOCKTALLY_DESCENDANTS_H

#include "linux/bpf_kernel.h"
#include "linux/bpf_types.h"

/* Set before loading. */
const volatile tally_u8 has_trees = 0;

/* A mark was lost because the kernel had no memory. */
tally_u32 mark_lost = 0;

/* The marks of a thread: one bit for each root. */
struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, tally_u64);
} marks SEC(".maps");

static __always_inline tally_u64 trees_of(struct task_struct* thread)
{
    tally_u64* mark = bpf_task_storage_get(&marks, thread, 0, 0);
    if (!mark)
        mark = bpf_task_storage_get(&marks, thread->group_leader, 0, 0);
    return mark ? *mark : 0;
}

static __always_inline void inherit(struct task_struct* parent, struct task_struct* child)
{
    tally_u64 trees = trees_of(parent);
    if (trees && !bpf_task_storage_get(&marks, child, &trees, BPF_LOCAL_STORAGE_GET_F_CREATE))
        mark_lost = 1;
}

#endif
