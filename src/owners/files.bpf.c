// SPDX-License-Identifier: MIT OR GPL-2.0
// Writes a row for each IP or AF_PACKET socket, each namespace and each io_uring in every descriptor table of this
// machine, including the tables of threads that have one of their own.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "owners/iterators.h"
#include "linux/bpf_kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("iter/task_file")
int write_sockets(struct bpf_iter__task_file* context)
{
    struct task_struct* task = context->task;
    struct file* file = context->file;
    if (!task || !file)
        return 0;
    const unsigned long magic = file->f_inode->i_sb->s_magic;
    /* Few other anonymous inodes have a name as long as that of an io_uring. User space checks the name in /proc. */
    const int may_be_ring =
        magic == ANON_INODE_FS_MAGIC && file->f_path.dentry->d_name.len == sizeof "[io_uring]" - 1;
    struct socket* socket = bpf_sock_from_file(file);
    struct sock* sk = socket ? socket->sk : 0;
    const unsigned short family = sk ? sk->__sk_common.skc_family : 0;
    if (magic != NSFS_MAGIC && !may_be_ring && family != AF_INET && family != AF_INET6 && family != AF_PACKET)
        return 0;
    struct task_struct* leader = task->group_leader;
    struct files_row row = {
        .inode = file->f_inode->i_ino,
        .start_ns = leader->start_boottime,
        .stack_start = leader->mm->start_stack, /* 0 if the process has ended and no longer has an mm */
        .tgid = leader->tgid,
        .uid = leader->cred->euid.val,
        .fd = context->fd,
        .kind = magic == NSFS_MAGIC ? FILES_NAMESPACE : may_be_ring ? FILES_RING : FILES_SOCKET,
    };
    for (int i = 0; i < TALLY_NAME_LENGTH; ++i)
        row.name[i] = leader->comm[i];
    bpf_seq_write(context->meta->seq, &row, sizeof row);
    return 0;
}
