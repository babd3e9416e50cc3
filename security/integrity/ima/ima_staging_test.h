/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of staging share: lists that are not the kernel's own,
 * and somebody who reads them
 */

#ifndef _SECURITY_INTEGRITY_IMA_STAGING_TEST_H
#define _SECURITY_INTEGRITY_IMA_STAGING_TEST_H

#include <linux/lockdep.h>
#include <linux/rculist.h>
#include <linux/rwsem.h>

#include "ima_staging.h"
#include "ima_test.h"

/**
 * struct ima_staging_test - what each case starts with
 */
struct ima_staging_test {
	/** @list: the current list, empty at first */
	struct ima_list list;
	/** @append_mutex: held to append to @list */
	struct mutex append_mutex;
	/** @staging: what is tested */
	struct ima_staging staging;
};

/**
 * ima_staging_test_init - make &kunit.priv a &struct ima_staging_test
 * @test: test
 *
 * Return: 0 or -ENOMEM.
 */
static inline int ima_staging_test_init(struct kunit *test)
{
	struct ima_staging_test *ctx;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ima_list_init(&ctx->list);
	mutex_init(&ctx->append_mutex);
	init_rwsem(&ctx->staging.list_rwsem);
	ctx->staging.append_mutex = &ctx->append_mutex;
	ctx->staging.list = &ctx->list;
	ima_list_init(&ctx->staging.staged);
	test->priv = ctx;
	return 0;
}

/**
 * ima_staging_test_exit - free the records that are left
 * @test: test
 */
static inline void ima_staging_test_exit(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;

	if (!ctx)
		return;
	ima_list_free(&ctx->list);
	ima_list_free(&ctx->staging.staged);
	mutex_destroy(&ctx->append_mutex);
}

/**
 * ima_staging_test_fill - put records on the lists
 * @test: test
 * @staged: number of staged records, which are numbered from 1
 * @current_n: number of current records, which go on from there
 */
static inline void ima_staging_test_fill(struct kunit *test, u32 staged,
					 u32 current_n)
{
	struct ima_staging_test *ctx = test->priv;

	ima_test_append(test, &ctx->staging.staged, 1, staged);
	ima_test_append(test, &ctx->list, 1 + staged, current_n);
}

/* The digest of a numbered record */
static inline void ima_staging_test_digest(u8 *digest, u32 number)
{
	memset(digest, 0, HASH_MAX_DIGESTSIZE);
	memcpy(digest, &number, sizeof(number));
}

/**
 * ima_staging_test_remember - have each record own a remembered digest
 * @test: test
 * @seen: table
 */
static inline void ima_staging_test_remember(struct kunit *test,
					     struct ima_seen *seen)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_list *lists[] = { &ctx->staging.staged, &ctx->list };
	u8 digest[HASH_MAX_DIGESTSIZE];
	struct ima_queue_entry *qe;
	int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		list_for_each_entry(qe, &lists[i]->records, later) {
			ima_staging_test_digest(digest, ima_test_number(qe));
			qe->seen = ima_seen_add(seen, 10, digest);
			KUNIT_ASSERT_NOT_NULL(test, qe->seen);
		}
	}
}

/* Is the digest of the record with this number remembered? */
static inline bool ima_staging_test_remembers(struct ima_seen *seen, u32 number)
{
	u8 digest[HASH_MAX_DIGESTSIZE];

	ima_staging_test_digest(digest, number);
	return ima_seen_contains(seen, 10, digest);
}

/* How many digests of the records from 1 to @n are remembered? */
static inline u32 ima_staging_test_remembered(struct ima_seen *seen, u32 n)
{
	u32 i, remembered = 0;

	for (i = 1; i <= n; i++)
		remembered += ima_staging_test_remembers(seen, i);
	return remembered;
}

/**
 * struct ima_staging_test_reader - a process that reads the current list
 */
struct ima_staging_test_reader {
	/** @staging: what it reads */
	struct ima_staging *staging;
	/** @stop: it is to stop */
	bool stop;
	/** @walks: how often it came to the end of a list */
	u32 walks;
};

/**
 * ima_staging_test_read_task - read the current list again and again
 * @data: &struct ima_staging_test_reader
 *
 * Return: how often two records that followed each other did not fit.
 */
static inline int ima_staging_test_read_task(void *data)
{
	struct ima_staging_test_reader *reader = data;
	struct ima_staging *staging = reader->staging;
	int wrong = 0;

	while (!READ_ONCE(reader->stop)) {
		struct ima_queue_entry *qe;
		unsigned long n, i = 0;
		u32 before = 0;

		down_read(&staging->list_rwsem);
		n = ima_list_count(staging->list);
		list_for_each_entry_rcu(qe, &staging->list->records, later,
					lockdep_is_held(&staging->list_rwsem)) {
			u32 number = ima_test_number(qe);

			/* Do not run after those who append. */
			if (i++ == n)
				break;
			if (before && number != before + 1)
				wrong++;
			before = number;
			/* Records are appended, but not taken, meanwhile. */
			if (i == n / 2)
				usleep_range(20, 50);
		}
		up_read(&staging->list_rwsem);
		reader->walks++;
		usleep_range(20, 50);
	}
	return wrong;
}

#endif /* _SECURITY_INTEGRITY_IMA_STAGING_TEST_H */
