/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each test of IMA's measurement lists needs: the list files, files that
 * are measured, the TPM's PCR, the kernel's log.
 *
 * The tests take the records of the system's measurement list out of the kernel
 * and keep them in $IMA_TEST_DIR: whoever attests the system misses them. Without
 * that variable, all of them are skipped. The rule that they add to the policy
 * stays until reboot.
 *
 * Nothing here knows the harness, which can be part of one object file only.
 * Unless something else is said, functions return 0 or a negative errno.
 */
#ifndef IMA_SELFTEST_COMMON_H
#define IMA_SELFTEST_COMMON_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "blob.h"
#include "hash.h"
#include "mlist.h"

#define IMA_DIR "/sys/kernel/security/integrity/ima"
#define IMA_PCR 10

/* What belongs to this user is measured, and nothing else. */
#define TEST_UID 61453

#define MAX_BANKS 8

enum list_form { ASCII, BINARY, NR_FORMS };
enum list_kind { CURRENT, STAGED, NR_KINDS };

struct bank {
	char algo[32];
	size_t digest_size;
	bool in_tpm;
	char path[NR_FORMS][NR_KINDS][128];
};

struct ima {
	struct bank bank[MAX_BANKS];
	int nr_banks;

	/* Here this test keeps the files that it measures. */
	char dir[256];
	/* The algorithm of the digests of files, "" if not known. */
	char file_algo[32];

	/* Here all the tests keep what they deleted from the kernel's list. */
	char saved_dir[256];
	/* Why no replay can be expected to hold, or NULL. */
	const char *no_replay;
	/* Some were deleted without being saved. */
	bool records_missing;

	int klog;
	char error[512];
};

/*
 * Get ready for a test: find the files, load the policy's rule, put right what
 * a test that died has left.
 *
 * Return: why the test has to be skipped, or NULL. An error that should fail
 * the test is told in @ima->error, which is empty otherwise.
 */
const char *ima_setup(struct ima *ima);

/* Make a directory that is only for this user, or see that it is one. */
int ima_private_dir(const char *path);
/* Return: what this test has left wrong, or "". */
const char *ima_teardown(struct ima *ima, bool failed);

/* Root's view of the files only, without setting anything up. */
const char *ima_find_banks(struct ima *ima);
bool ima_has_staging(void);

/* Was the kernel built with CONFIG_@option? -1 if it does not tell (CONFIG_IKCONFIG_PROC). */
int kernel_option(const char *option);
/* Was the kernel built to record duplicates? True also if nobody can tell. */
bool ima_may_record_duplicates(void);

/* Was the kernel told to forget what it deletes, so that it is recorded again? */
bool ima_forgets_deleted(void);

/* Open and close. */
int try_open(const char *path, int flags);

/* Records in the current list, as the kernel counts them. */
long ima_count(void);
/* Records deleted since boot. -ENOENT: the kernel does not count them. */
long ima_deleted(void);

/*
 * Make a new file that holds @content, and have it measured. The bare function
 * does not care whether that gives a record.
 */
int measure_content(const char *path, const char *content);
/* @dir/<name><i>, for @nr files from @first on, each with a content of its own. */
int measure_files(const struct ima *ima, const char *name, unsigned int first,
		  unsigned int nr);
/*
 * A file with a path of nearly PATH_MAX bytes: its record is larger than the
 * buffer that a reader gets first.
 */
int measure_long_path(const struct ima *ima, const char *content);
/* Open a measured file for write while it is read: a record of a violation. */
int violate(const char *path);

/*
 * Objects that are in use of a slab cache, once pages that are free are given
 * back. -ENOENT: nobody can tell (CONFIG_SLUB_DEBUG).
 */
long slab_objects(const char *cache);

/* All of the list files' content at one time. */
struct lists {
	struct blob blob[MAX_BANKS][NR_FORMS][NR_KINDS];
	long count;
	long deleted;
};

int lists_read(const struct ima *ima, struct lists *l);
bool lists_equal(const struct lists *a, const struct lists *b);
/* Are the lists and the counters what they were? */
bool lists_unchanged(const struct ima *ima, const struct lists *before);
void lists_free(struct lists *l);
/* Are the ASCII lists what the binary ones say? Return: NULL, or what is not. */
const char *lists_disagree(const struct ima *ima, const struct lists *l);

/* The bank's PCR as the TPM has it. */
int tpm_pcr(const struct bank *bank, uint8_t *value);
/*
 * Extend it in all of the TPM's banks, in the place of the kernel, by
 * @digest[bank].
 */
#define TPM_DEVICE "/dev/tpmrm0"
int tpm_extend(const struct ima *ima, const uint8_t digest[][HASH_MAX_SIZE]);

/* Where memory ends: the bytes before can be read, those from here on not. */
char *end_of_memory(void);

/* What a system call failed with, or 0. */
static inline int errno_of(ssize_t ret)
{
	return ret < 0 ? errno : 0;
}

/* From the environment, or else the default. */
unsigned int env_uint(const char *name, unsigned int value);

#endif /* IMA_SELFTEST_COMMON_H */
