// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stage and delete N: delete the first N records of the measurement list at
 * once, for systems that do not keep the list
 */

#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/string.h>

#include "ima.h"
#include "ima_staging.h"

/* The digits of the largest unsigned long of any machine, and an end */
#define IMA_STAGING_N_DIGITS 20

/**
 * ima_staging_n_parse - read the number of records to delete
 * @text: what user space wrote, without a newline at the end, not terminated
 * @len: its length in bytes
 * @n: set to the number
 *
 * Only one spelling of each number is taken: kstrtoul() alone would also take
 * a sign, leading zeros and another newline.
 *
 * Context: any.
 * Return: 0, -EINVAL if @text is not a decimal number above zero without
 * leading zeros, -ERANGE if it does not fit.
 */
int ima_staging_n_parse(const char *text, size_t len, unsigned long *n)
{
	char number[IMA_STAGING_N_DIGITS + 1];
	size_t i;

	if (!len || len > IMA_STAGING_N_DIGITS || text[0] == '0')
		return -EINVAL;

	for (i = 0; i < len; i++) {
		if (!isdigit(text[i]))
			return -EINVAL;
	}

	memcpy(number, text, len);
	number[len] = '\0';
	return kstrtoul(number, 10, n);
}

/**
 * ima_staging_n_delete - delete the first records of the current list
 * @staging: current and staged list
 * @n: number of records
 *
 * The list is walked to the last of these records without the mutex that
 * measuring needs, and cut under it. The records are freed under no lock.
 *
 * Context: may sleep, takes both locks of @staging.
 * Return: @n, or, with nothing changed, -EINTR if a fatal signal arrives while
 * waiting for a lock, -ESTALE if all records were copied for the next kernel,
 * -EEXIST if records are staged, which are older than those of the current
 * list, -ENOENT if there are fewer than @n records, or if @n is zero.
 */
long ima_staging_n_delete(struct ima_staging *staging, unsigned long n)
{
	struct ima_list deleted = IMA_LIST_INIT(deleted);
	struct ima_queue_entry *last;
	unsigned long size;
	long ret;

	if (down_write_killable(&staging->list_rwsem))
		return -EINTR;

	if (staging->copied) {
		ret = -ESTALE;
		goto out;
	}

	if (ima_list_count(&staging->staged)) {
		ret = -EEXIST;
		goto out;
	}

	/*
	 * Do not walk the whole list for nothing. The last record can be read
	 * before it is counted: whoever has read it can have it deleted.
	 */
	if (ima_list_count(staging->list) + 1 < n) {
		ret = -ENOENT;
		goto out;
	}

	last = ima_list_find(staging->list, n, &size);
	if (!last) {
		ret = -ENOENT;
		goto out;
	}

	ima_list_fetch(staging->list, &deleted, last);
	if (mutex_lock_killable(staging->append_mutex)) {
		ret = -EINTR;
		goto out;
	}
	ima_list_cut(staging->list, &deleted, last, n, size);
	mutex_unlock(staging->append_mutex);
	WRITE_ONCE(staging->deleted, staging->deleted + n);
	ret = n;
out:
	up_write(&staging->list_rwsem);

	ima_staging_free(staging, &deleted);
	return ret;
}
