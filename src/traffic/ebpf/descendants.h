/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Finds out which processes belong to the tree of a root process, for --tree and `run`. Part of tally.bpf.c.

   User space marks the root processes and all their descendants before counting begins. Each thread or process that is
   created later inherits the marks of the thread that creates it, before it runs for the first time. A double fork,
   setsid(2) or exec does not remove marks. The kernel stores marks with the thread, and frees them when the thread
   ends. A thread without marks of its own has the marks of its group leader. */
#ifndef SOCKTALLY_DESCENDANTS_H
#define SOCKTALLY_DESCENDANTS_H

#include "linux/bpf_kernel.h"
#include "linux/bpf_types.h"

/* Set before loading. */
const volatile tally_u8 has_trees = 0;

/* 1 after a mark was lost because the kernel had no memory. */
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
