// SPDX-License-Identifier: GPL-2.0-only
/*
 * Staging: take records off the measurement list, so that they can be saved
 * and deleted
 */

#include "ima.h"
#include "ima_staging.h"

struct ima_staging ima_staging = {
	.list_rwsem = __RWSEM_INITIALIZER(ima_staging.list_rwsem),
	.append_mutex = &ima_extend_list_mutex,
	.list = &ima_measurements,
	.staged = IMA_LIST_INIT(ima_staging.staged),
};

/**
 * ima_staging_init - prepare for staging a list other than the kernel's own
 * @staging: filled in, with nothing staged
 * @append_mutex: mutex that is held to append to @list
 * @list: list to stage
 *
 * Context: any.
 */
void ima_staging_init(struct ima_staging *staging, struct mutex *append_mutex,
		      struct ima_list *list)
{
	init_rwsem(&staging->list_rwsem);
	staging->append_mutex = append_mutex;
	staging->list = list;
	ima_list_init(&staging->staged);
}

/**
 * ima_staging_stage - stage all records of the current list
 * @staging: current and staged list
 *
 * Context: may sleep, takes both locks of @staging.
 * Return: 0, or, with nothing changed, -EINTR if a fatal signal arrives while
 * waiting for a lock, -EEXIST if records are staged already, -ENOENT if the
 * current list is empty.
 */
int ima_staging_stage(struct ima_staging *staging)
{
	int ret = 0;

	if (down_write_killable(&staging->list_rwsem))
		return -EINTR;

	if (ima_list_count(&staging->staged)) {
		ret = -EEXIST;
	} else if (!ima_list_count(staging->list)) {
		ret = -ENOENT;
	} else if (mutex_lock_killable(staging->append_mutex)) {
		ret = -EINTR;
	} else {
		ima_list_move(staging->list, &staging->staged);
		mutex_unlock(staging->append_mutex);
	}

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
 * Return: 0, or, with nothing changed, -EINTR if a fatal signal arrives while
 * waiting for the lock, -ENOENT if nothing is staged.
 */
int ima_staging_delete(struct ima_staging *staging)
{
	struct ima_list deleted = IMA_LIST_INIT(deleted);
	int ret = 0;

	if (down_write_killable(&staging->list_rwsem))
		return -EINTR;

	if (ima_list_count(&staging->staged))
		ima_list_move(&staging->staged, &deleted);
	else
		ret = -ENOENT;

	up_write(&staging->list_rwsem);

	ima_list_free(&deleted);
	return ret;
}
