// SPDX-License-Identifier: GPL-2.0-only
/*
 * Staging files: the measurement list files with CONFIG_IMA_STAGING, and the
 * commands that are written to them
 */

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "ima.h"
#include "ima_gate.h"
#include "ima_staging.h"
#include "ima_staging_fs.h"

/**
 * struct ima_list_file - an open measurement list file
 */
struct ima_list_file {
	/** @list: The list that the file shows, current or staged. */
	struct ima_list *list;
	/** @role: What the file counts as until it is released. */
	enum ima_gate_role role;
	/**
	 * @lock: Held for a whole read or seek. seq_file hands out what is
	 * left in its buffer before it calls back, so that the check that
	 * this is still wanted and the copy must not be torn apart by another
	 * thread that reads from the start of a new list.
	 */
	struct mutex lock;
	/**
	 * @generation: Generation of @list that is being read. Protected by
	 * @lock.
	 */
	unsigned long generation;
	/**
	 * @cursor: How far the file was read, as long as @generation is that
	 * of @list. Protected by @lock.
	 */
	struct ima_list_cursor cursor;
	/**
	 * @rewound: The read in progress is at offset 0: it takes the list as
	 * it finds it. Protected by @lock.
	 */
	bool rewound;
};

/* All list files together */
static struct ima_gate ima_gate = IMA_GATE_INIT(ima_gate);

/**
 * ima_staging_parse - tell which command a text is
 * @text: what user space wrote, not terminated
 * @len: its length in bytes
 * @command: set to the command, to %IMA_COMMAND_UNKNOWN if @text is none
 * @n: set to the number of records, for %IMA_COMMAND_DELETE_N
 *
 * Context: any.
 * Return: 0, -EINVAL if @text is no command, -ERANGE if it is a number that is
 * too large for @n.
 */
int ima_staging_parse(const char *text, size_t len, enum ima_command *command,
		      unsigned long *n)
{
	int ret;

	*command = IMA_COMMAND_UNKNOWN;
	if (!len || len > IMA_COMMAND_LEN_MAX)
		return -EINVAL;

	if (text[len - 1] == '\n')
		len--;

	if (len == 1 && text[0] == 'A') {
		*command = IMA_COMMAND_STAGE;
		return 0;
	}

	if (len == 1 && text[0] == 'D') {
		*command = IMA_COMMAND_DELETE;
		return 0;
	}

	ret = ima_staging_n_parse(text, len, n);
	if (ret != -EINVAL)
		*command = IMA_COMMAND_DELETE_N;
	return ret;
}

/**
 * ima_staging_execute - do what user space wrote to a list file
 * @staging: current and staged list
 * @list: the one of the two that the file shows
 * @text: what was written, not terminated
 * @len: its length in bytes
 * @command: set to the command that it was, done or refused
 *
 * Context: may sleep, takes both locks of @staging.
 * Return: the number of records that were staged or deleted, or, with nothing
 * changed, an error: -EINVAL if @text is no command or not one for this file,
 * -ERANGE if it is a number that is too large, -EINTR if a fatal signal arrives
 * while waiting for a lock, -EACCES (to stage) or -ESTALE (to delete) if all
 * records were copied for the next kernel, -EEXIST if records are to be staged
 * or deleted from the current list while some are staged, -ENOENT if there is
 * nothing, or not enough, to stage or delete.
 */
long ima_staging_execute(struct ima_staging *staging, struct ima_list *list,
			 const char *text, size_t len,
			 enum ima_command *command)
{
	unsigned long n;
	int ret;

	ret = ima_staging_parse(text, len, command, &n);
	if (ret)
		return ret;

	switch (*command) {
	case IMA_COMMAND_STAGE:
		return ima_staging_stage(staging);
	case IMA_COMMAND_DELETE:
		if (list != &staging->staged)
			return -EINVAL;
		return ima_staging_delete(staging);
	case IMA_COMMAND_DELETE_N:
		if (list != staging->list)
			return -EINVAL;
		return ima_staging_n_delete(staging, n);
	case IMA_COMMAND_UNKNOWN:
		break;
	}
	return -EINVAL;
}

/*
 * From here to ima_list_stop() no record is taken from the list. One that is
 * appended meanwhile is seen or not.
 */
static void *ima_list_start(struct seq_file *m, loff_t *pos)
{
	struct ima_list_file *lf = m->private;
	unsigned long generation;

	lockdep_assert_held(&lf->lock);
	down_read(&ima_staging.list_rwsem);

	generation = ima_list_generation(lf->list);
	if (lf->generation != generation) {
		if (!lf->rewound)
			return ERR_PTR(-ESTALE);
		/* The record that it leads to is gone. */
		lf->cursor = (struct ima_list_cursor){};
		lf->generation = generation;
	}
	lf->rewound = false;

	return ima_list_seek(lf->list, &lf->cursor, *pos);
}

static void *ima_list_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct ima_list_file *lf = m->private;

	lockdep_assert_held(&lf->lock);
	lockdep_assert_held(&ima_staging.list_rwsem);
	return ima_list_seek(lf->list, &lf->cursor, ++*pos);
}

static void ima_list_stop(struct seq_file *m, void *v)
{
	up_read(&ima_staging.list_rwsem);
}

static const struct seq_operations ima_list_binary_seqops = {
	.start = ima_list_start,
	.next = ima_list_next,
	.stop = ima_list_stop,
	.show = ima_measurements_show,
};

static const struct seq_operations ima_list_ascii_seqops = {
	.start = ima_list_start,
	.next = ima_list_next,
	.stop = ima_list_stop,
	.show = ima_ascii_measurements_show,
};

static int ima_list_open(struct file *file, struct ima_list *list,
			 const struct seq_operations *seqops)
{
	enum ima_gate_role role = IMA_GATE_READER;
	struct ima_list_file *lf;
	int ret;

	if (file->f_mode & FMODE_WRITE) {
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		role = IMA_GATE_WRITER;
	}

	ret = ima_gate_enter(&ima_gate, task_tgid(current), role);
	if (ret)
		return ret;

	lf = __seq_open_private(file, seqops, sizeof(*lf));
	if (!lf) {
		ima_gate_leave(&ima_gate, role);
		return -ENOMEM;
	}

	mutex_init(&lf->lock);
	lf->list = list;
	lf->role = role;
	lf->generation = ima_list_generation(list);
	/* A command has no offset: pwrite() is as good as write(). */
	if (role == IMA_GATE_WRITER)
		file->f_mode |= FMODE_PWRITE;
	return 0;
}

static int ima_list_binary_open(struct inode *inode, struct file *file)
{
	return ima_list_open(file, ima_staging.list, &ima_list_binary_seqops);
}

static int ima_list_ascii_open(struct inode *inode, struct file *file)
{
	return ima_list_open(file, ima_staging.list, &ima_list_ascii_seqops);
}

static int ima_staged_binary_open(struct inode *inode, struct file *file)
{
	return ima_list_open(file, &ima_staging.staged,
			     &ima_list_binary_seqops);
}

static int ima_staged_ascii_open(struct inode *inode, struct file *file)
{
	return ima_list_open(file, &ima_staging.staged, &ima_list_ascii_seqops);
}

static int ima_list_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct ima_list_file *lf = m->private;

	ima_gate_leave(&ima_gate, lf->role);
	mutex_destroy(&lf->lock);
	return seq_release_private(inode, file);
}

/* Were records taken from the list since it was read from its start? */
static bool ima_list_stale(const struct ima_list_file *lf)
{
	return lf->generation != ima_list_generation(lf->list);
}

static ssize_t ima_list_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	struct ima_list_file *lf = m->private;
	ssize_t ret;

	mutex_lock(&lf->lock);
	if (iocb->ki_pos && ima_list_stale(lf)) {
		ret = -ESTALE;
		goto out;
	}

	/* Again if a command comes in while the buffer is being enlarged. */
	do {
		lf->rewound = !iocb->ki_pos;
		ret = seq_read_iter(iocb, to);
	} while (ret == -ESTALE && !iocb->ki_pos);
	lf->rewound = false;
out:
	mutex_unlock(&lf->lock);
	return ret;
}

static loff_t ima_list_llseek(struct file *file, loff_t offset, int whence)
{
	struct seq_file *m = file->private_data;
	struct ima_list_file *lf = m->private;
	loff_t pos, ret;

	mutex_lock(&lf->lock);
	pos = file->f_pos;
	if (ima_list_stale(lf) && offset != (whence == SEEK_CUR ? -pos : 0)) {
		ret = -ESTALE;
	} else {
		/*
		 * A command can still come in, or there is no memory for a
		 * long record. seq_lseek() goes to the start then, which
		 * nobody asked for.
		 */
		ret = seq_lseek(file, offset, whence);
		if (ret < 0)
			file->f_pos = pos;
	}
	mutex_unlock(&lf->lock);
	return ret;
}

/*
 * Say in the audit log what was asked for and what came of it, but not in the
 * words of user space. By now it is done: nothing here can change it.
 */
static void ima_list_audit(struct file *file, enum ima_command command,
			   long ret)
{
	static const char *const ops[] = {
		[IMA_COMMAND_UNKNOWN] = "unknown_command",
		[IMA_COMMAND_STAGE] = "stage",
		[IMA_COMMAND_DELETE] = "delete",
		[IMA_COMMAND_DELETE_N] = "delete_n",
	};
	char cause[32]; /* more than the longest number */

	snprintf(cause, sizeof(cause), "records(%ld)", max(ret, 0));
	/* An informational message would be dropped by default. */
	integrity_audit_message(AUDIT_INTEGRITY_PCR, file_inode(file),
				file_dentry(file)->d_name.name, ops[command],
				cause, min(ret, 0), 0, min(ret, 0));
}

/*
 * A write is a command, whatever number of pieces it comes in. It does not
 * touch the state of the seq_file, which other threads may be reading from:
 * the new generation of the list keeps them from going on.
 */
static ssize_t ima_list_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	struct ima_list_file *lf = m->private;
	size_t len = iov_iter_count(from);
	enum ima_command command = IMA_COMMAND_UNKNOWN;
	char text[IMA_COMMAND_LEN_MAX + 1];
	size_t copy;
	long ret;

	/* One byte more than the longest command tells that it is too long. */
	copy = min(len, sizeof(text));
	if (copy_from_iter(text, copy, from) == copy)
		ret = ima_staging_execute(&ima_staging, lf->list, text, copy,
					  &command);
	else
		ret = -EFAULT;

	ima_list_audit(iocb->ki_filp, command, ret);
	if (ret < 0)
		return ret;

	/* Whoever goes on with this descriptor reads from the start. */
	iocb->ki_pos = 0;
	return len;
}

const struct file_operations ima_list_binary_ops = {
	.open = ima_list_binary_open,
	.read_iter = ima_list_read_iter,
	.write_iter = ima_list_write_iter,
	.llseek = ima_list_llseek,
	.release = ima_list_release,
};

const struct file_operations ima_list_ascii_ops = {
	.open = ima_list_ascii_open,
	.read_iter = ima_list_read_iter,
	.write_iter = ima_list_write_iter,
	.llseek = ima_list_llseek,
	.release = ima_list_release,
};

const struct file_operations ima_staged_binary_ops = {
	.open = ima_staged_binary_open,
	.read_iter = ima_list_read_iter,
	.write_iter = ima_list_write_iter,
	.llseek = ima_list_llseek,
	.release = ima_list_release,
};

const struct file_operations ima_staged_ascii_ops = {
	.open = ima_staged_ascii_open,
	.read_iter = ima_list_read_iter,
	.write_iter = ima_list_write_iter,
	.llseek = ima_list_llseek,
	.release = ima_list_release,
};
