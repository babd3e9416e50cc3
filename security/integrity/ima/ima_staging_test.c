// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of staging
 */

#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>

#include "ima_staging_test.h"

static const u32 ima_staging_test_lengths[] = { 1, 2, 10, 1000 };

static void ima_staging_test_length_desc(const u32 *length, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u records", *length);
}

KUNIT_ARRAY_PARAM(ima_staging_test_length, ima_staging_test_lengths,
		  ima_staging_test_length_desc);

static void ima_staging_test_stage_takes_all(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	const u32 n = *(const u32 *)test->param_value;
	unsigned long current_seen, staged_seen;

	ima_staging_test_fill(test, 0, n);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&ctx->staging.staged);

	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), n);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, n);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
	/* Whoever is reading either list has to begin again. */
	KUNIT_EXPECT_NE(test, ima_list_generation(&ctx->list), current_seen);
	KUNIT_EXPECT_NE(test, ima_list_generation(&ctx->staging.staged),
			staged_seen);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(&ctx->staging), 0);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
}

static void ima_staging_test_measuring_goes_on_after_stage(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;

	ima_staging_test_fill(test, 0, 5);
	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 5);
	ima_test_append(test, &ctx->list, 6, 4);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 6, 4);
}

static void ima_staging_test_delete_takes_the_staged(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	const u32 n = *(const u32 *)test->param_value;
	unsigned long current_seen, staged_seen;

	ima_staging_test_fill(test, n, 3);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&ctx->staging.staged);

	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), n);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(&ctx->staging), n);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 0);
	KUNIT_EXPECT_NE(test, ima_list_generation(&ctx->staging.staged),
			staged_seen);
	/* Whoever is reading the current list is not disturbed. */
	IMA_TEST_EXPECT_LIST(test, &ctx->list, n + 1, 3);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), current_seen);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
}

static void ima_staging_test_delete_frees_the_records(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct kmem_cache *cache;
	u32 n;

	if (!IS_ENABLED(CONFIG_SLUB_DEBUG))
		kunit_skip(test, "needs CONFIG_SLUB_DEBUG to count slabs");

	cache = kmem_cache_create("ima_staging_test", IMA_TEST_OBJECT_SIZE, 0,
				  SLAB_NO_MERGE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (n = 1; n <= 100; n++) {
		struct ima_queue_entry *qe = ima_test_numbered(cache, n);

		KUNIT_EXPECT_NOT_NULL(test, qe);
		if (!qe)
			break;
		ima_list_append(&ctx->list, qe);
	}

	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 100);
	/* Zero says that the cache has no slab left. */
	KUNIT_EXPECT_NE(test, kmem_cache_shrink(cache), 0);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 100);
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(cache), 0);
	kmem_cache_destroy(cache);
}

struct ima_staging_test_refusal {
	const char *what;
	long (*command)(struct ima_staging *staging);
	u32 staged;
	u32 current_n;
	bool copied;
	int ret;
};

static const struct ima_staging_test_refusal ima_staging_test_refusals[] = {
	{ "stage, no record", ima_staging_stage, 0, 0, false, -ENOENT },
	{ "stage, all are staged", ima_staging_stage, 3, 0, false, -EEXIST },
	{ "stage, some are staged", ima_staging_stage, 3, 2, false, -EEXIST },
	{ "delete, no record", ima_staging_delete, 0, 0, false, -ENOENT },
	{ "delete, none is staged", ima_staging_delete, 0, 4, false, -ENOENT },

	/* that all were copied comes before what there is */
	{ "stage copied", ima_staging_stage, 0, 4, true, -EACCES },
	{ "stage copied, some are staged", ima_staging_stage, 3, 2, true,
	  -EACCES },
	{ "stage copied, no record", ima_staging_stage, 0, 0, true, -EACCES },
	{ "delete copied", ima_staging_delete, 3, 2, true, -ESTALE },
	{ "delete copied, none is staged", ima_staging_delete, 0, 4, true,
	  -ESTALE },
	{ "delete copied, no record", ima_staging_delete, 0, 0, true, -ESTALE },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_test_refusal, ima_staging_test_refusals,
		       what);

/* A refused command changes nothing, and waits for nobody who measures. */
static void ima_staging_test_refusal_changes_nothing(struct kunit *test)
{
	const struct ima_staging_test_refusal *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	unsigned long current_seen, staged_seen;
	struct ima_test_holder holder;

	ima_staging_test_fill(test, param->staged, param->current_n);
	ctx->staging.copied = param->copied;
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&ctx->staging.staged);

	ima_test_hold(test, &holder, &ctx->append_mutex);
	KUNIT_EXPECT_EQ(test, param->command(&ctx->staging), param->ret);
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);

	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged,
			     param->current_n);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), current_seen);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->staging.staged),
			staged_seen);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(&ctx->staging), 0);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
}

static void ima_staging_test_delete_waits_for_no_measuring(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_test_holder holder;

	ima_staging_test_fill(test, 3, 2);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 3);
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 0);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 4, 2);
}

static int ima_staging_test_stage_task(void *data)
{
	return ima_staging_stage(data);
}

static int ima_staging_test_delete_task(void *data)
{
	return ima_staging_delete(data);
}

static void ima_staging_test_stage_waits_for_append(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_test_holder holder;
	struct ima_test_task task;

	ima_staging_test_fill(test, 0, 5);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	ima_test_task_start(test, &task, ima_staging_test_stage_task,
			    &ctx->staging);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));

	/* What is appended in the name of the holder is staged as well. */
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 0);
	ima_test_append(test, &ctx->list, 6, 2);

	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 7);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 7);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
}

/* What can be read can be staged, even if it is not counted yet. */
static void ima_staging_test_stages_what_is_not_counted(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_test_holder holder;
	struct ima_test_task task;

	ima_staging_test_fill(test, 0, 1);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	WRITE_ONCE(ctx->list.count, 0);
	ima_test_task_start(test, &task, ima_staging_test_stage_task,
			    &ctx->staging);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	KUNIT_EXPECT_EQ(test, ctx->list.count, 0);
	WRITE_ONCE(ctx->list.count, 1);
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 1);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 1);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
}

struct ima_staging_test_wait {
	const char *what;
	int (*command)(void *data);
	u32 staged;
	u32 current_n;
};

static const struct ima_staging_test_wait ima_staging_test_waits[] = {
	{ "stage", ima_staging_test_stage_task, 0, 4 },
	{ "delete", ima_staging_test_delete_task, 3, 4 },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_test_wait, ima_staging_test_waits, what);

static void ima_staging_test_command_waits_for_walk(struct kunit *test)
{
	const struct ima_staging_test_wait *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	struct ima_test_task task;

	ima_staging_test_fill(test, param->staged, param->current_n);
	down_read(&ctx->staging.list_rwsem);
	ima_test_task_start(test, &task, param->command, &ctx->staging);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged,
			     param->current_n);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	up_read(&ctx->staging.list_rwsem);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task),
			param->staged ?: param->current_n);
}

static void ima_staging_test_kill_ends_wait_for_walk(struct kunit *test)
{
	const struct ima_staging_test_wait *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	unsigned long current_seen, staged_seen;
	struct ima_test_task task;

	ima_staging_test_fill(test, param->staged, param->current_n);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&ctx->staging.staged);

	down_read(&ctx->staging.list_rwsem);
	ima_test_task_start(test, &task, param->command, &ctx->staging);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	ima_test_task_kill(&task);
	KUNIT_EXPECT_TRUE(test, ima_test_task_ends(&task));
	up_read(&ctx->staging.list_rwsem);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), -EINTR);

	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged,
			     param->current_n);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), current_seen);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->staging.staged),
			staged_seen);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
}

static void ima_staging_test_kill_ends_wait_for_append(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	unsigned long current_seen, staged_seen;
	struct ima_test_holder holder;
	struct ima_test_task task;

	ima_staging_test_fill(test, 0, 5);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&ctx->staging.staged);

	ima_test_hold(test, &holder, &ctx->append_mutex);
	ima_test_task_start(test, &task, ima_staging_test_stage_task,
			    &ctx->staging);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	ima_test_task_kill(&task);
	KUNIT_EXPECT_TRUE(test, ima_test_task_ends(&task));
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), -EINTR);

	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 0);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 5);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), current_seen);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->staging.staged),
			staged_seen);

	/* Neither lock was left behind. */
	KUNIT_ASSERT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_ASSERT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, 5);
}

static void ima_staging_test_three_rounds(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	u32 round;

	for (round = 0; round < 3; round++) {
		u32 first = 1 + round * 7;

		ima_test_append(test, &ctx->list, first, 5);
		KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 5);
		ima_test_append(test, &ctx->list, first + 5, 2);
		KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging),
				-EEXIST);
		IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, first, 5);
		KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 5);
		KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging),
				-ENOENT);
		KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 2);
		IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, first + 5, 2);
		KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 2);
		KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging),
				-ENOENT);
		KUNIT_EXPECT_EQ(test, ima_staging_deleted(&ctx->staging),
				first + 6);
	}
}

static void ima_staging_test_conserves_records(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	/* Staged are [deleted + 1, staged], current are [staged + 1, last]. */
	u32 deleted = 0, staged = 0, last = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 20240917);
	for (i = 0; i < 2000; i++) {
		int ret = 0;
		u32 n;

		switch (prandom_u32_state(&rnd) % 4) {
		case 0:
		case 1:
			n = prandom_u32_state(&rnd) % 10;
			ima_test_append(test, &ctx->list, last + 1, n);
			last += n;
			break;
		case 2:
			if (staged != deleted)
				ret = -EEXIST;
			else if (last == staged)
				ret = -ENOENT;
			else
				ret = last - staged;
			if (ret > 0)
				staged = last;
			KUNIT_ASSERT_EQ(test, ima_staging_stage(&ctx->staging),
					ret);
			break;
		case 3:
			if (staged == deleted)
				ret = -ENOENT;
			else
				ret = staged - deleted;
			deleted = staged;
			KUNIT_ASSERT_EQ(test, ima_staging_delete(&ctx->staging),
					ret);
			break;
		}
		KUNIT_ASSERT_EQ(test, ima_staging_deleted(&ctx->staging),
				deleted);
		KUNIT_ASSERT_STREQ(test,
				   ima_test_fault(&ctx->staging.staged,
						  deleted + 1,
						  staged - deleted),
				   "");
		KUNIT_ASSERT_STREQ(test,
				   ima_test_fault(&ctx->list, staged + 1,
						  last - staged),
				   "");
	}
	/* Or else this did not try much. */
	KUNIT_EXPECT_GT(test, deleted, 1000);
}

#define ROUNDS 20

static void ima_staging_test_saves_all_while_measuring(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	struct ima_staging_test_reader reader = { .staging = staging };
	unsigned long end = jiffies + IMA_TEST_LIMIT;
	u32 last = 0, saved = 0, rounds = 0;
	struct ima_test_appender appender = {
		.list = &ctx->list,
		.mutex = &ctx->append_mutex,
		.last = &last,
	};
	struct ima_test_task appenders[2], reader_task;
	int i;

	ima_test_task_start(test, &reader_task, ima_staging_test_read_task,
			    &reader);
	for (i = 0; i < ARRAY_SIZE(appenders); i++)
		ima_test_task_start(test, &appenders[i], ima_test_append_task,
				    &appender);

	while ((rounds < ROUNDS || READ_ONCE(reader.walks) < ROUNDS) &&
	       time_before(jiffies, end)) {
		int ret = ima_staging_stage(staging);
		unsigned long n;

		usleep_range(50, 100);
		if (ret == -ENOENT)
			continue;
		KUNIT_EXPECT_GT(test, ret, 0);

		/* Save what is staged, and delete it then. */
		n = ima_list_count(&staging->staged);
		KUNIT_EXPECT_EQ(test, ret, n);
		IMA_TEST_EXPECT_LIST(test, &staging->staged, saved + 1, n);
		saved += n;
		KUNIT_EXPECT_EQ(test, ima_staging_delete(staging), n);
		rounds++;
	}

	WRITE_ONCE(appender.stop, true);
	for (i = 0; i < ARRAY_SIZE(appenders); i++)
		KUNIT_EXPECT_EQ(test, ima_test_task_join(&appenders[i]), 0);
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&reader_task), 0);

	/* What was not saved is all that is left. */
	IMA_TEST_EXPECT_LIST(test, &ctx->list, saved + 1, last - saved);
	IMA_TEST_EXPECT_LIST(test, &staging->staged, 1, 0);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(staging), saved);
	KUNIT_EXPECT_GE(test, rounds, ROUNDS);
	KUNIT_EXPECT_GE(test, reader.walks, ROUNDS);
}

/**
 * struct ima_staging_test_commander - processes that give commands
 */
struct ima_staging_test_commander {
	/** @staging: what they stage and delete */
	struct ima_staging *staging;
	/** @stop: they are to stop */
	bool stop;
	/** @deletes: how many times they deleted something */
	atomic_t deletes;
};

/* Return how many commands had a result that none of them can have. */
static int ima_staging_test_command_task(void *data)
{
	struct ima_staging_test_commander *commander = data;
	int wrong = 0;

	while (!READ_ONCE(commander->stop)) {
		int ret = ima_staging_stage(commander->staging);

		if (ret <= 0 && ret != -EEXIST && ret != -ENOENT)
			wrong++;
		usleep_range(20, 50);
		ret = ima_staging_delete(commander->staging);
		if (ret > 0)
			atomic_inc(&commander->deletes);
		else if (ret != -ENOENT)
			wrong++;
	}
	return wrong;
}

static void ima_staging_test_commands_keep_apart(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	struct ima_staging_test_commander commander = { .staging = staging };
	struct ima_staging_test_reader reader = { .staging = staging };
	unsigned long end = jiffies + IMA_TEST_LIMIT;
	u32 last = 0;
	struct ima_test_appender appender = {
		.list = &ctx->list,
		.mutex = &ctx->append_mutex,
		.last = &last,
	};
	struct ima_test_task commanders[3], reader_task, appender_task;
	unsigned long staged, left;
	int i;

	ima_test_task_start(test, &reader_task, ima_staging_test_read_task,
			    &reader);
	for (i = 0; i < ARRAY_SIZE(commanders); i++)
		ima_test_task_start(test, &commanders[i],
				    ima_staging_test_command_task, &commander);
	ima_test_task_start(test, &appender_task, ima_test_append_task,
			    &appender);

	while (atomic_read(&commander.deletes) < ROUNDS &&
	       time_before(jiffies, end))
		usleep_range(50, 100);

	WRITE_ONCE(commander.stop, true);
	for (i = 0; i < ARRAY_SIZE(commanders); i++)
		KUNIT_EXPECT_EQ(test, ima_test_task_join(&commanders[i]), 0);
	WRITE_ONCE(appender.stop, true);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&appender_task), 0);
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&reader_task), 0);

	/* Only the oldest were deleted: all from one on are still there. */
	staged = ima_list_count(&staging->staged);
	left = ima_list_count(&ctx->list);
	KUNIT_EXPECT_LT(test, staged + left, last);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(staging),
			last - left - staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, last - left + 1, left);
	IMA_TEST_EXPECT_LIST(test, &staging->staged, last - left - staged + 1,
			     staged);
	KUNIT_EXPECT_GE(test, atomic_read(&commander.deletes), ROUNDS);
}

/*
 * Dump both lists to a buffer that has space for all but @less bytes, and look
 * for the records there, by their numbers from 1 on. Returns how many.
 */
static u64 ima_staging_test_dump(struct kunit *test, size_t less, bool *all)
{
	struct ima_staging_test *ctx = test->priv;
	const size_t head = sizeof(u32) + TPM_DIGEST_SIZE + sizeof(u32) +
			    strlen("ima-ng") + sizeof(u32) + sizeof(u32);
	struct seq_file file = { .count = 5 };
	size_t at = file.count;
	u32 number, len, n;
	u64 count = 0;

	file.size = at + ima_staging_size(&ctx->staging) + 1 - less;
	file.buf = kunit_kzalloc(test, file.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, file.buf);
	*all = ima_staging_dump(&ctx->staging, &file, &count);

	for (n = 1; at + head + sizeof(number) <= file.count; n++) {
		memcpy(&number, file.buf + at + head, sizeof(number));
		KUNIT_ASSERT_EQ(test, number, n);
		memcpy(&len, file.buf + at + head - 2 * sizeof(u32),
		       sizeof(len));
		if (ima_canonical_fmt)
			len = le32_to_cpu((__force __le32)len);
		at += head - sizeof(u32) + len;
	}
	KUNIT_EXPECT_EQ(test, at, file.count);
	KUNIT_EXPECT_EQ(test, n - 1, count);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
	return count;
}

struct ima_staging_test_lists {
	const char *what;
	u32 staged;
	u32 current_n;
};

static const struct ima_staging_test_lists ima_staging_test_dumps[] = {
	{ "staged and current records", 7, 5 },
	{ "staged records", 7, 0 },
	{ "current records", 0, 5 },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_test_dump, ima_staging_test_dumps, what);

static void ima_staging_test_dumps_staged_first(struct kunit *test)
{
	const struct ima_staging_test_lists *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	const u32 n = param->staged + param->current_n;
	bool all;

	ima_staging_test_fill(test, param->staged, param->current_n);
	KUNIT_EXPECT_EQ(test, ima_staging_test_dump(test, 0, &all), n);
	KUNIT_EXPECT_TRUE(test, all);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged,
			     param->current_n);

	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), -EACCES);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), -ESTALE);
	IMA_TEST_EXPECT_LIST(test, &ctx->staging.staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged,
			     param->current_n);
}

/* What is not carried as a whole does not come back: nothing is refused. */
static void ima_staging_test_small_dump_refuses_nothing(struct kunit *test)
{
	const struct ima_staging_test_lists *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	const u32 n = param->staged + param->current_n;
	size_t half;
	bool all;

	ima_staging_test_fill(test, param->staged, param->current_n);
	KUNIT_EXPECT_EQ(test, ima_staging_test_dump(test, 1, &all), n - 1);
	KUNIT_EXPECT_FALSE(test, all);
	half = ima_staging_size(staging) / 2;
	KUNIT_EXPECT_LE(test, ima_staging_test_dump(test, half, &all),
			n / 2 + 1);
	KUNIT_EXPECT_FALSE(test, all);

	if (param->staged)
		KUNIT_EXPECT_EQ(test, ima_staging_delete(staging),
				param->staged);
	if (param->current_n)
		KUNIT_EXPECT_EQ(test, ima_staging_stage(staging),
				param->current_n);
}

static void ima_staging_test_dump_of_nothing(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	bool all;

	KUNIT_EXPECT_EQ(test, ima_staging_size(&ctx->staging), 0);
	KUNIT_EXPECT_EQ(test, ima_staging_test_dump(test, 0, &all), 0);
	KUNIT_EXPECT_TRUE(test, all);
}

static void ima_staging_test_deleted_is_not_dumped(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	unsigned long size;
	bool all;

	ima_test_append(test, &ctx->staging.staged, 101, 7);
	ima_test_append(test, &ctx->list, 1, 5);
	size = ima_staging_size(&ctx->staging);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 7);
	KUNIT_EXPECT_LT(test, ima_staging_size(&ctx->staging), size);
	KUNIT_EXPECT_EQ(test, ima_staging_test_dump(test, 0, &all), 5);
	KUNIT_EXPECT_TRUE(test, all);
}

static const struct ima_staging_test_lists ima_staging_test_forgets[] = {
	{ "none is staged", 0, 3 },
	{ "some are staged", 5, 3 },
	{ "all are staged", 5, 0 },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_test_forget, ima_staging_test_forgets, what);

static void ima_staging_test_delete_forgets(struct kunit *test)
{
	const struct ima_staging_test_lists *param = test->param_value;
	const u32 n = param->staged + param->current_n;
	struct ima_staging_test *ctx = test->priv;
	struct ima_seen seen = {};
	u32 i;

	KUNIT_ASSERT_EQ(test, ima_seen_init(&seen, "ima_staging_test", 32), 0);
	ima_staging_test_fill(test, param->staged, param->current_n);
	ima_staging_test_remember(test, &seen);
	ctx->staging.forget_in = &seen;

	/* A refused command forgets nothing, nor does staging. */
	if (param->staged)
		KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging),
				-EEXIST);
	KUNIT_EXPECT_EQ(test, ima_staging_test_remembered(&seen, n), n);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging),
			(long)param->staged ?: -ENOENT);
	for (i = 1; i <= n; i++)
		KUNIT_EXPECT_EQ(test, ima_staging_test_remembers(&seen, i),
				i > param->staged);
	KUNIT_EXPECT_EQ(test, atomic_read(&seen.table.nelems),
			param->current_n);
	ima_seen_destroy(&seen);
}

static void ima_staging_test_delete_remembers(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_seen seen = {};

	KUNIT_ASSERT_EQ(test, ima_seen_init(&seen, "ima_staging_test", 32), 0);
	ima_staging_test_fill(test, 5, 3);
	ima_staging_test_remember(test, &seen);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 5);
	KUNIT_EXPECT_EQ(test, ima_staging_stage(&ctx->staging), 3);
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 3);
	KUNIT_EXPECT_EQ(test, ima_staging_test_remembered(&seen, 8), 8);
	ima_seen_destroy(&seen);
}

/*
 * A violation, a record that was restored, and one for whose digest there was
 * no memory own none, whoever added the same digest.
 */
static void ima_staging_test_forgets_what_is_owned(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_queue_entry *qe;
	struct ima_seen seen = {};

	KUNIT_ASSERT_EQ(test, ima_seen_init(&seen, "ima_staging_test", 32), 0);
	ima_staging_test_fill(test, 5, 3);
	ima_staging_test_remember(test, &seen);
	ctx->staging.forget_in = &seen;

	list_for_each_entry(qe, &ctx->staging.staged.records, later) {
		if (ima_test_number(qe) % 2)
			qe->seen = NULL;
	}
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 5);
	KUNIT_EXPECT_EQ(test, ima_staging_test_remembered(&seen, 8), 6);
	KUNIT_EXPECT_FALSE(test, ima_staging_test_remembers(&seen, 2));
	KUNIT_EXPECT_FALSE(test, ima_staging_test_remembers(&seen, 4));
	ima_seen_destroy(&seen);
}

/*
 * Somebody may have found a digest just before it was removed: it is not freed
 * before those who were looking then are done.
 */
static void ima_staging_test_waits_for_lookups(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_seen seen = {};
	unsigned long before;

	KUNIT_ASSERT_EQ(test, ima_seen_init(&seen, "ima_staging_test", 32), 0);
	/* So many that the table does not shrink, which needs another task. */
	ima_staging_test_fill(test, 1, 30);
	ima_staging_test_remember(test, &seen);
	ctx->staging.forget_in = &seen;

	before = get_state_synchronize_rcu();
	KUNIT_EXPECT_EQ(test, ima_staging_delete(&ctx->staging), 1);
	KUNIT_EXPECT_TRUE(test, poll_state_synchronize_rcu(before));
	ima_seen_destroy(&seen);
}

static struct kunit_case ima_staging_test_cases[] = {
	KUNIT_CASE_PARAM(ima_staging_test_stage_takes_all,
			 ima_staging_test_length_gen_params),
	KUNIT_CASE(ima_staging_test_measuring_goes_on_after_stage),
	KUNIT_CASE_PARAM(ima_staging_test_delete_takes_the_staged,
			 ima_staging_test_length_gen_params),
	KUNIT_CASE(ima_staging_test_delete_frees_the_records),
	KUNIT_CASE_PARAM(ima_staging_test_refusal_changes_nothing,
			 ima_staging_test_refusal_gen_params),
	KUNIT_CASE(ima_staging_test_delete_waits_for_no_measuring),
	KUNIT_CASE(ima_staging_test_stage_waits_for_append),
	KUNIT_CASE(ima_staging_test_stages_what_is_not_counted),
	KUNIT_CASE_PARAM(ima_staging_test_command_waits_for_walk,
			 ima_staging_test_wait_gen_params),
	KUNIT_CASE_PARAM(ima_staging_test_kill_ends_wait_for_walk,
			 ima_staging_test_wait_gen_params),
	KUNIT_CASE(ima_staging_test_kill_ends_wait_for_append),
	KUNIT_CASE(ima_staging_test_three_rounds),
	KUNIT_CASE(ima_staging_test_conserves_records),
	KUNIT_CASE(ima_staging_test_saves_all_while_measuring),
	KUNIT_CASE(ima_staging_test_commands_keep_apart),
	KUNIT_CASE_PARAM(ima_staging_test_dumps_staged_first,
			 ima_staging_test_dump_gen_params),
	KUNIT_CASE_PARAM(ima_staging_test_small_dump_refuses_nothing,
			 ima_staging_test_dump_gen_params),
	KUNIT_CASE(ima_staging_test_dump_of_nothing),
	KUNIT_CASE(ima_staging_test_deleted_is_not_dumped),
	KUNIT_CASE_PARAM(ima_staging_test_delete_forgets,
			 ima_staging_test_forget_gen_params),
	KUNIT_CASE(ima_staging_test_delete_remembers),
	KUNIT_CASE(ima_staging_test_forgets_what_is_owned),
	KUNIT_CASE(ima_staging_test_waits_for_lookups),
	{}
};

static struct kunit_suite ima_staging_test_suite = {
	.name = "ima_staging",
	.init = ima_staging_test_init,
	.exit = ima_staging_test_exit,
	.test_cases = ima_staging_test_cases,
};

kunit_test_suite(ima_staging_test_suite);
