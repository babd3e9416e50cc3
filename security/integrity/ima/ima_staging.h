/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Staging: take records off the measurement list, so that they can be saved
 * and deleted
 */

#ifndef _SECURITY_INTEGRITY_IMA_STAGING_H
#define _SECURITY_INTEGRITY_IMA_STAGING_H

#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

#include "ima_list.h"

struct ima_seen;
struct seq_file;

/**
 * struct ima_staging - the current list and what was staged of it
 *
 * Every record is on one of the two lists until a command deletes it. Deleted
 * records are first moved to a list that nobody else knows, so that they are
 * freed under no lock.
 *
 * Lock order: the lock of an open list file, its seq_file's own lock,
 * @list_rwsem, @append_mutex.
 */
struct ima_staging {
	/**
	 * @list_rwsem: Keeps walks of a list from records being taken off it,
	 * and commands from each other. Whoever walks @list or @staged holds
	 * it, for reading if it does nothing else. A command holds it for
	 * writing from before it looks at the lists until it has changed
	 * them. It is not taken to append. A reader holds it while it fills
	 * a buffer, and while it walks to an offset that does not follow the
	 * one it has read last.
	 */
	struct rw_semaphore list_rwsem;
	/**
	 * @append_mutex: Held to append to @list. It is also held while the
	 * record's digest is extended into the TPM, so that commands hold it
	 * for as long as it takes to exchange some pointers, and no longer.
	 */
	struct mutex *append_mutex;
	/**
	 * @list: The current list. Records are appended under @append_mutex,
	 * and taken off it under @append_mutex and @list_rwsem.
	 */
	struct ima_list *list;
	/** @staged: The staged list. Changes under @list_rwsem. */
	struct ima_list staged;
	/**
	 * @deleted: Number of records that commands deleted since boot.
	 * Changes under @list_rwsem. Read without a lock by
	 * ima_staging_deleted().
	 */
	unsigned long deleted;
	/**
	 * @copied: Each record of both lists was copied for the next kernel:
	 * what is deleted now would come back there. Becomes true once, under
	 * @list_rwsem.
	 */
	bool copied;
	/**
	 * @forget_in: Table in which deleted records have their digests
	 * forgotten, or NULL if digests are remembered for ever. Does not
	 * change after boot.
	 */
	struct ima_seen *forget_in;
};

extern struct ima_staging ima_staging;

long ima_staging_stage(struct ima_staging *staging);
long ima_staging_delete(struct ima_staging *staging);
unsigned long ima_staging_deleted(const struct ima_staging *staging);
void ima_staging_free(struct ima_staging *staging, struct ima_list *deleted);
unsigned long ima_staging_size(struct ima_staging *staging);
bool ima_staging_dump(struct ima_staging *staging, struct seq_file *file,
		      u64 *count);

#endif /* _SECURITY_INTEGRITY_IMA_STAGING_H */
