// SPDX-License-Identifier: GPL-2.0-only
/*
 * Staging: take records off the measurement list, so that they can be saved
 * and deleted
 */

#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "ima.h"
#include "ima_staging.h"

struct ima_staging ima_staging = {
	.list_rwsem = __RWSEM_INITIALIZER(ima_staging.list_rwsem),
	.append_mutex = &ima_extend_list_mutex,
	.list = &ima_measurements,
	.staged = IMA_LIST_INIT(ima_staging.staged),
};

static int __init ima_flush_htable_setup(char *value)
{
	if (*value)
		pr_warn("ima_flush_htable takes no value, ignored\n");
	else
		ima_staging.forget_in = &ima_seen;
	return 1;
}
__setup("ima_flush_htable", ima_flush_htable_setup);

/**
 * ima_staging_stage - stage all records of the current list
 * @staging: current and staged list
 *
 * Context: may sleep, takes both locks of @staging.
 * Return: the number of records, or, with nothing changed, -EINTR if a fatal
 * signal arrives while waiting for a lock, -EACCES if all records were copied
 * for the next kernel, -EEXIST if records are staged already, -ENOENT if the
 * current list is empty.
 */
long ima_staging_stage(struct ima_staging *staging)
{
	long ret;

	if (down_write_killable(&staging->list_rwsem))
		return -EINTR;

	if (staging->copied) {
		ret = -EACCES;
		goto out;
	}

	if (ima_list_count(&staging->staged)) {
		ret = -EEXIST;
		goto out;
	}

	if (ima_list_is_empty(staging->list)) {
		ret = -ENOENT;
		goto out;
	}

	ima_list_fetch(staging->list, &staging->staged, NULL);
	if (mutex_lock_killable(staging->append_mutex)) {
		ret = -EINTR;
		goto out;
	}
	ima_list_move(staging->list, &staging->staged);
	mutex_unlock(staging->append_mutex);
	ret = ima_list_count(&staging->staged);
out:
	up_write(&staging->list_rwsem);
	return ret;
}

/**
 * ima_staging_delete - delete the staged records
 * @staging: current and staged list
 *
 * The lock is released before the records are freed.
 *
 * Context: may sleep, takes &ima_staging.list_rwsem.
 * Return: the number of records, or, with nothing changed, -EINTR if a fatal
 * signal arrives while waiting for the lock, -ESTALE if all records were copied
 * for the next kernel, -ENOENT if nothing is staged.
 */
long ima_staging_delete(struct ima_staging *staging)
{
	struct ima_list deleted = IMA_LIST_INIT(deleted);
	long ret;

	if (down_write_killable(&staging->list_rwsem))
		return -EINTR;

	if (staging->copied) {
		ret = -ESTALE;
	} else if (!ima_list_count(&staging->staged)) {
		ret = -ENOENT;
	} else {
		ima_list_move(&staging->staged, &deleted);
		ret = ima_list_count(&deleted);
		WRITE_ONCE(staging->deleted, staging->deleted + ret);
	}

	up_write(&staging->list_rwsem);

	ima_staging_free(staging, &deleted);
	return ret;
}

/**
 * ima_staging_deleted - number of records deleted since boot
 * @staging: current and staged list
 *
 * Context: any, no lock needed.
 * Return: number of records.
 */
unsigned long ima_staging_deleted(const struct ima_staging *staging)
{
	return READ_ONCE(staging->deleted);
}

/**
 * ima_staging_free - free deleted records
 * @staging: current and staged list, which they were on
 * @deleted: list that nobody else knows, empty afterwards
 *
 * With &ima_staging.forget_in, the digests that these records added are
 * forgotten as well. One grace period serves all of them.
 *
 * Context: may sleep; not to be called under a lock, since a long list takes
 * its time. Does not allocate memory, and can not fail.
 */
void ima_staging_free(struct ima_staging *staging, struct ima_list *deleted)
{
	struct ima_seen *seen = staging->forget_in;
	struct ima_queue_entry *qe;
	bool removed = false;

	if (seen) {
		list_for_each_entry(qe, &deleted->records, later) {
			cond_resched();
			if (!qe->seen)
				continue;
			/* What somebody may still find is not freed. */
			if (WARN_ON_ONCE(!ima_seen_remove(seen, qe->seen)))
				qe->seen = NULL;
			removed = true;
		}
	}

	if (removed) {
		/* Somebody who measures may be looking at them. */
		synchronize_rcu();
		list_for_each_entry(qe, &deleted->records, later) {
			if (qe->seen)
				ima_seen_free(seen, qe->seen);
			cond_resched();
		}
	}

	ima_list_free(deleted);
}

/**
 * ima_staging_size - size of all records, staged and current
 * @staging: current and staged list
 *
 * Context: may sleep, takes &ima_staging.list_rwsem.
 * Return: bytes that ima_staging_dump() writes at most for the records that
 * there are. It needs a buffer that is larger than that, see ima_list_dump().
 */
unsigned long ima_staging_size(struct ima_staging *staging)
{
	unsigned long size;

	/* No command may move records between the two. */
	down_read(&staging->list_rwsem);
	size = staging->staged.size + READ_ONCE(staging->list->size);
	up_read(&staging->list_rwsem);
	return size;
}

/**
 * ima_staging_dump - copy all records for the next kernel
 * @staging: current and staged list, to which nothing is appended any more
 * @file: buffer, see ima_list_dump()
 * @count: increased by the number of records that were copied
 *
 * Staged records are older than current ones, and come first. Once all are
 * copied, every command is refused: what it deletes would come back.
 *
 * Context: may sleep, takes &ima_staging.list_rwsem.
 * Return: true if all records were copied, false if one did not fit.
 */
bool ima_staging_dump(struct ima_staging *staging, struct seq_file *file,
		      u64 *count)
{
	bool ret;

	down_write(&staging->list_rwsem);
	ret = ima_list_dump(&staging->staged, file, count) &&
	      ima_list_dump(staging->list, file, count);
	staging->copied = ret;
	up_write(&staging->list_rwsem);
	return ret;
}
