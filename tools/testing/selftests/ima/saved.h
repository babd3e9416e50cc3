/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The saved records. All of the tests run on the same kernel, one after the
 * other, and delete records: each of them adds here what it deletes, so that
 * at any time
 *
 *	saved + staged + current
 *
 * is what a list would be that nobody ever staged, and replays to the PCR.
 *
 * There is one file for each bank, of the name and format of the bank's binary
 * list, in the folder saved of $IMA_TEST_DIR. Records that were saved under
 * another boot are thrown away.
 */
#ifndef IMA_SELFTEST_SAVED_H
#define IMA_SELFTEST_SAVED_H

#include "common.h"

/* Called by ima_setup() and ima_teardown(). */
const char *saved_setup(struct ima *ima);
void saved_teardown(struct ima *ima);

/* Add what a list file of @bank showed. */
int saved_add(const struct ima *ima, int bank, const void *data, size_t len);
/* Add one of the lists, for all of the banks. */
int saved_add_list(const struct ima *ima, const struct lists *l,
		   enum list_kind kind);
/* Add the first @nr records of the current list, for all of the banks. */
int saved_add_first(const struct ima *ima, const struct lists *l, size_t nr);

/* Save what is staged, and delete it by way of @fd. -ENOENT if there is nothing. */
int save_and_delete_staged(const struct ima *ima, int fd);
/* Stage, save, delete. Return: 0 also if there is nothing. */
int save_and_delete(const struct ima *ima);

/* All of the records since boot that the bank's list had. */
int saved_read_all(const struct ima *ima, int bank, struct blob *b);

/*
 * Replay everything for each bank that the TPM has.
 *
 * Return: "" if the PCRs are what the records say, or why not.
 */
const char *saved_replay(struct ima *ima);

#endif /* IMA_SELFTEST_SAVED_H */
