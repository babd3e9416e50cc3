// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the measurement list
 */

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/smp.h>

#include "ima_test.h"

/**
 * struct ima_list_test - what each case starts with
 */
struct ima_list_test {
	/** @list: the list that is looked at, empty */
	struct ima_list list;
	/** @to: where its records go, empty */
	struct ima_list to;
};

static int ima_list_test_init(struct kunit *test)
{
	struct ima_list_test *ctx;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ima_list_init(&ctx->list);
	ima_list_init(&ctx->to);
	test->priv = ctx;
	return 0;
}

static void ima_list_test_exit(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;

	if (!ctx)
		return;
	ima_list_free(&ctx->list);
	ima_list_free(&ctx->to);
}

static void ima_list_test_starts_empty(struct kunit *test)
{
	struct ima_list initialized = IMA_LIST_INIT(initialized);
	struct ima_list_test *ctx = test->priv;

	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
	IMA_TEST_EXPECT_LIST(test, &initialized, 1, 0);
}

static void ima_list_test_append_keeps_order(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	unsigned long generation = ima_list_generation(&ctx->list);
	u32 n;

	for (n = 1; n <= 500; n++) {
		ima_test_append(test, &ctx->list, n, 1);
		KUNIT_ASSERT_STREQ(test, ima_test_fault(&ctx->list, 1, n), "");
	}
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), generation);
}

static const u32 ima_list_test_lengths[] = { 0, 1, 2, 3, 1000 };

static void ima_list_test_length_desc(const u32 *length, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u records", *length);
}

KUNIT_ARRAY_PARAM(ima_list_test_length, ima_list_test_lengths,
		  ima_list_test_length_desc);

static void ima_list_test_move_takes_all(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	const u32 n = *(const u32 *)test->param_value;
	unsigned long size;

	ima_test_append(test, &ctx->list, 1, n);
	size = ctx->list.size;

	ima_list_move(&ctx->list, &ctx->to);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
	IMA_TEST_EXPECT_LIST(test, &ctx->to, 1, n);
	KUNIT_EXPECT_EQ(test, ctx->to.size, size);
}

static void ima_list_test_move_leaves_usable_lists(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;

	ima_test_append(test, &ctx->list, 1, 10);
	ima_list_move(&ctx->list, &ctx->to);
	ima_test_append(test, &ctx->list, 100, 5);
	ima_test_append(test, &ctx->to, 11, 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 100, 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->to, 1, 15);
}

static void ima_list_test_move_changes_generations(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	unsigned long list_seen = ima_list_generation(&ctx->list);
	unsigned long to_seen = ima_list_generation(&ctx->to);
	int round;

	for (round = 0; round < 3; round++) {
		ima_test_append(test, &ctx->list, 1, 2);
		KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list),
				list_seen);

		ima_list_move(&ctx->list, &ctx->to);
		KUNIT_EXPECT_NE(test, ima_list_generation(&ctx->list),
				list_seen);
		KUNIT_EXPECT_NE(test, ima_list_generation(&ctx->to), to_seen);

		/* The list of records to be deleted begins anew each time. */
		ima_list_free(&ctx->to);
		list_seen = ima_list_generation(&ctx->list);
		to_seen = ima_list_generation(&ctx->to);
	}
}

static void ima_list_test_find_finds_each(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	const struct ima_queue_entry *qe;
	unsigned long size, expected = 0;
	u32 i = 0;

	ima_test_append(test, &ctx->list, 1, 100);
	list_for_each_entry(qe, &ctx->list.records, later) {
		expected += ima_list_record_size(qe->entry);
		size = 0;
		KUNIT_EXPECT_PTR_EQ(test, ima_list_find(&ctx->list, ++i, &size),
				    qe);
		KUNIT_EXPECT_EQ(test, size, expected);
	}
	KUNIT_EXPECT_EQ(test, size, ctx->list.size);
}

static void ima_list_test_find_refuses_others(struct kunit *test)
{
	static const unsigned long others[] = { 0, 6, 7, LONG_MAX, ULONG_MAX };
	struct ima_list_test *ctx = test->priv;
	unsigned long size;
	int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_NULL(test,
				  ima_list_find(&ctx->list, others[i], &size));
	KUNIT_EXPECT_NULL(test, ima_list_find(&ctx->list, 1, &size));

	ima_test_append(test, &ctx->list, 1, 5);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_NULL(test,
				  ima_list_find(&ctx->list, others[i], &size));
	KUNIT_EXPECT_NOT_NULL(test, ima_list_find(&ctx->list, 5, &size));
}

static void ima_list_test_find_changes_nothing(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	unsigned long generation, size, n;

	ima_test_append(test, &ctx->list, 1, 5);
	generation = ima_list_generation(&ctx->list);
	for (n = 0; n <= 6; n++)
		ima_list_find(&ctx->list, n, &size);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 5);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), generation);
}

static void ima_list_test_fetch_changes_nothing(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	const struct ima_queue_entry *qe;
	unsigned long generation, size;

	ima_list_fetch(&ctx->list, &ctx->to, NULL);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);

	ima_test_append(test, &ctx->list, 1, 5);
	generation = ima_list_generation(&ctx->list);
	size = ctx->list.size;
	ima_list_fetch(&ctx->list, &ctx->to, NULL);
	/* The last one has the list itself behind it. */
	list_for_each_entry(qe, &ctx->list.records, later)
		ima_list_fetch(&ctx->list, &ctx->to, qe);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 5);
	KUNIT_EXPECT_EQ(test, ctx->list.size, size);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), generation);
	IMA_TEST_EXPECT_LIST(test, &ctx->to, 1, 0);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->to), 0);
}

/* Take the first @n records as a command does. */
static bool ima_list_test_cut(struct ima_list_test *ctx, unsigned long n)
{
	struct ima_queue_entry *last;
	unsigned long size;

	last = ima_list_find(&ctx->list, n, &size);
	if (!last)
		return false;
	ima_list_cut(&ctx->list, &ctx->to, last, n, size);
	return true;
}

static void ima_list_test_seek_finds_each(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct ima_list_cursor cursor = {};
	const struct ima_queue_entry *qe;
	loff_t i = 0;

	KUNIT_EXPECT_NULL(test, ima_list_seek(&ctx->list, &cursor, 0));
	ima_test_append(test, &ctx->list, 1, 100);
	list_for_each_entry(qe, &ctx->list.records, later) {
		KUNIT_EXPECT_PTR_EQ(test, ima_list_seek(&ctx->list, &cursor, i),
				    qe);
		/* As a reader does whose buffer had no room for it. */
		KUNIT_EXPECT_PTR_EQ(test, ima_list_seek(&ctx->list, &cursor, i),
				    qe);
		i++;
	}
	KUNIT_EXPECT_NULL(test, ima_list_seek(&ctx->list, &cursor, i));
	KUNIT_EXPECT_NULL(test, ima_list_seek(&ctx->list, &cursor, LLONG_MAX));
}

static void ima_list_test_seek_goes_anywhere(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct ima_list_cursor cursor = {};
	const struct ima_queue_entry *qe;
	struct rnd_state rnd;
	u32 round, i;

	prandom_seed_state(&rnd, 4);
	ima_test_append(test, &ctx->list, 1, 50);
	for (round = 0; round < 2000; round++) {
		i = prandom_u32_state(&rnd) % 60;
		qe = ima_list_seek(&ctx->list, &cursor, i);
		if (i < 50) {
			KUNIT_ASSERT_NOT_NULL(test, qe);
			KUNIT_EXPECT_EQ(test, ima_test_number(qe), i + 1);
		} else {
			KUNIT_EXPECT_NULL(test, qe);
		}
	}
}

/* Who has read all there was goes on with what was appended. */
static void ima_list_test_seek_goes_on_behind_the_end(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct ima_list_cursor cursor = {};
	const struct ima_queue_entry *qe;
	u32 n;

	for (n = 0; n < 20; n++) {
		KUNIT_EXPECT_NULL(test, ima_list_seek(&ctx->list, &cursor, n));
		ima_test_append(test, &ctx->list, n + 1, 1);
		qe = ima_list_seek(&ctx->list, &cursor, n);
		KUNIT_ASSERT_NOT_NULL(test, qe);
		KUNIT_EXPECT_EQ(test, ima_test_number(qe), n + 1);
	}
}

/* To go on takes no walk from the first record: that one can not be found. */
static void ima_list_test_seek_does_not_start_again(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct list_head *records = &ctx->list.records;
	struct ima_list_cursor cursor = {};
	const struct ima_queue_entry *qe;
	struct list_head *first;

	ima_test_append(test, &ctx->list, 1, 10);
	KUNIT_ASSERT_NOT_NULL(test, ima_list_seek(&ctx->list, &cursor, 4));

	first = records->next;
	records->next = records;
	qe = ima_list_seek(&ctx->list, &cursor, 4);
	KUNIT_EXPECT_TRUE(test, qe && ima_test_number(qe) == 5);
	qe = ima_list_seek(&ctx->list, &cursor, 5);
	KUNIT_EXPECT_TRUE(test, qe && ima_test_number(qe) == 6);
	qe = ima_list_seek(&ctx->list, &cursor, 9);
	KUNIT_EXPECT_TRUE(test, qe && ima_test_number(qe) == 10);
	KUNIT_EXPECT_NULL(test, ima_list_seek(&ctx->list, &cursor, 10));
	qe = ima_list_seek(&ctx->list, &cursor, 9);
	KUNIT_EXPECT_TRUE(test, qe && ima_test_number(qe) == 10);
	records->next = first;
}

struct ima_list_test_cut_case {
	const char *what;
	u32 n;
	bool done;
};

#define IMA_LIST_TEST_CUT_OF 10

static const struct ima_list_test_cut_case ima_list_test_cuts[] = {
	{ "none", 0, false },
	{ "the first", 1, true },
	{ "two", 2, true },
	{ "half", 5, true },
	{ "all but one", 9, true },
	{ "all", 10, true },
	{ "one too many", 11, false },
	{ "far too many", U32_MAX, false },
};

KUNIT_ARRAY_PARAM_DESC(ima_list_test_cut, ima_list_test_cuts, what);

static void ima_list_test_cut_takes_the_first(struct kunit *test)
{
	const struct ima_list_test_cut_case *param = test->param_value;
	struct ima_list_test *ctx = test->priv;
	unsigned long list_seen, to_seen, size;
	u32 n = param->done ? param->n : 0;

	ima_test_append(test, &ctx->list, 1, IMA_LIST_TEST_CUT_OF);
	size = ctx->list.size;
	list_seen = ima_list_generation(&ctx->list);
	to_seen = ima_list_generation(&ctx->to);

	KUNIT_EXPECT_EQ(test, ima_list_test_cut(ctx, param->n), param->done);
	IMA_TEST_EXPECT_LIST(test, &ctx->to, 1, n);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, n + 1, IMA_LIST_TEST_CUT_OF - n);
	KUNIT_EXPECT_EQ(test, ctx->list.size + ctx->to.size, size);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list) != list_seen,
			param->done);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->to) != to_seen,
			param->done);

	ima_test_append(test, &ctx->list, IMA_LIST_TEST_CUT_OF + 1, 3);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, n + 1,
			     IMA_LIST_TEST_CUT_OF - n + 3);
}

static void ima_list_test_cut_leaves_what_came_later(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct ima_queue_entry *last;
	unsigned long size;

	ima_test_append(test, &ctx->list, 1, 10);
	last = ima_list_find(&ctx->list, 10, &size);
	KUNIT_ASSERT_NOT_NULL(test, last);
	ima_test_append(test, &ctx->list, 11, 7);
	ima_list_cut(&ctx->list, &ctx->to, last, 10, size);
	IMA_TEST_EXPECT_LIST(test, &ctx->to, 1, 10);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 11, 7);
}

static void ima_list_test_conserves_records(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	u32 first = 1, last = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 20240917);
	for (i = 0; i < 2000; i++) {
		u32 n = prandom_u32_state(&rnd) % 20, taken = 0;

		switch (prandom_u32_state(&rnd) % 3) {
		case 0:
			ima_test_append(test, &ctx->list, last + 1, n);
			last += n;
			break;
		case 1:
			if (ima_list_test_cut(ctx, n))
				taken = n;
			break;
		case 2:
			if (n)
				break;
			ima_list_move(&ctx->list, &ctx->to);
			taken = last + 1 - first;
			break;
		}
		KUNIT_ASSERT_STREQ(test, ima_test_fault(&ctx->to, first, taken),
				   "");
		first += taken;
		KUNIT_ASSERT_STREQ(test,
				   ima_test_fault(&ctx->list, first,
						  last + 1 - first),
				   "");
		ima_list_free(&ctx->to);
	}
	/* Or else this did not try much. */
	KUNIT_EXPECT_GT(test, first, 1000);
}

static void ima_list_test_counted_records_are_found(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	unsigned long end = jiffies + IMA_TEST_LIMIT;
	struct mutex mutex; /* held to append */
	u32 last = 0, first = 1, seen = 0, wrong = 0;
	unsigned long before = 0;
	struct ima_test_appender appender = {
		.list = &ctx->list,
		.mutex = &mutex,
		.last = &last,
	};
	struct ima_test_task task;

	mutex_init(&mutex);
	ima_test_task_start(test, &task, ima_test_append_task, &appender);
	/* Look at the list a number of times when it has grown. */
	while (seen < 50 && time_before(jiffies, end)) {
		unsigned long count = ima_list_count(&ctx->list), size;
		struct ima_queue_entry *qe;

		qe = ima_list_find(&ctx->list, count, &size);
		if (count && (!qe || ima_test_number(qe) != first + count - 1))
			wrong++;
		if (count > before)
			seen++;
		before = count;
		if (count == IMA_TEST_BACKLOG) {
			mutex_lock(&mutex);
			ima_list_move(&ctx->list, &ctx->to);
			first = last + 1;
			mutex_unlock(&mutex);
			ima_list_free(&ctx->to);
			before = 0;
		}
		usleep_range(50, 100);
	}
	WRITE_ONCE(appender.stop, true);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, seen, 50);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, first, last + 1 - first);
	mutex_destroy(&mutex);
}

static void ima_list_test_free_empties(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;

	ima_list_free(&ctx->list);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);

	ima_test_append(test, &ctx->list, 1, 10);
	ima_list_free(&ctx->list);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);

	ima_test_append(test, &ctx->list, 1, 3);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 3);
}

static void ima_list_test_free_frees_everything(struct kunit *test)
{
	struct ima_list_test *ctx = test->priv;
	struct kmem_cache *cache;
	u32 n;

	if (!IS_ENABLED(CONFIG_SLUB_DEBUG))
		kunit_skip(test, "needs CONFIG_SLUB_DEBUG to count slabs");

	cache = kmem_cache_create("ima_list_test", IMA_TEST_OBJECT_SIZE, 0,
				  SLAB_NO_MERGE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (n = 1; n <= 100; n++) {
		struct ima_queue_entry *qe = ima_test_numbered(cache, n);

		KUNIT_EXPECT_NOT_NULL(test, qe);
		if (!qe)
			break;
		ima_list_append(&ctx->list, qe);
	}

	/* Zero says that the cache has no slab left. */
	KUNIT_EXPECT_NE(test, kmem_cache_shrink(cache), 0);
	ima_list_free(&ctx->list);
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(cache), 0);
	kmem_cache_destroy(cache);
}

struct ima_list_test_template {
	const char *name;
	const char *fmt;
	const char *what;
};

static const struct ima_list_test_template ima_list_test_templates[] = {
	{ IMA_TEMPLATE_IMA_NAME, IMA_TEMPLATE_IMA_FMT, "ima" },
	{ "ima-ng", "d-ng|n-ng", "ima-ng" },
	{ "ima-sig", "d-ng|n-ng|sig", "ima-sig" },
	{ "ima-ngv2", "d-ngv2|n-ng", "ima-ngv2" },
	{ "ima-sigv2", "d-ngv2|n-ng|sig", "ima-sigv2" },
	{ "ima-buf", "d-ng|n-ng|buf", "ima-buf" },
	{ "ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig", "ima-modsig" },
	{ "evm-sig",
	  "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode",
	  "evm-sig" },
	{ "", "d-ng|n-ng", "a format" },
	{ "", "n-ng", "a format of one field" },
	{ "", IMA_TEMPLATE_IMA_FMT, "the format of ima" },
	{ "",
	  "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode",
	  "a long format" },
};

KUNIT_ARRAY_PARAM_DESC(ima_list_test_template, ima_list_test_templates, what);

static void ima_list_test_builtin_templates_are_tried(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ima_list_test_templates); i++) {
		const struct ima_list_test_template *template =
			&ima_list_test_templates[i];
		const struct ima_template_desc *desc;

		if (!template->name[0])
			continue;
		desc = lookup_template_desc(template->name);
		KUNIT_ASSERT_NOT_NULL(test, desc);
		KUNIT_EXPECT_STREQ(test, desc->name, template->name);
		KUNIT_EXPECT_STREQ(test, desc->fmt, template->fmt);
	}
}

KUNIT_DEFINE_ACTION_WRAPPER(ima_list_test_kfree, kfree, const void *);

/* A template as it is after boot, or the end of the test. */
static struct ima_template_desc *
ima_list_test_desc(struct kunit *test, const char *name, const char *fmt)
{
	struct ima_template_desc *desc;

	desc = kunit_kzalloc(test, sizeof(*desc), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc);
	desc->name = kunit_kstrdup(test, name, GFP_KERNEL);
	desc->fmt = kunit_kstrdup(test, fmt, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc->name);
	KUNIT_ASSERT_NOT_NULL(test, desc->fmt);
	KUNIT_ASSERT_EQ(test,
			template_desc_init_fields(desc->fmt, &desc->fields,
						  &desc->num_fields),
			0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, ima_list_test_kfree,
						  desc->fields),
			0);
	return desc;
}

static void ima_list_test_size_covers_what_is_shown(struct kunit *test)
{
	static const u32 lengths[] = { 0, 1, 2, 20, 255, 256, 4095, 70000 };
	const struct ima_list_test_template *param = test->param_value;
	/* Only the size of a record of ima is more than that. */
	const unsigned long more = 2 * sizeof(u32);
	struct ima_list_test *ctx = test->priv;
	struct ima_template_desc *desc;
	struct ima_queue_entry *qe;
	struct seq_file m = {};
	int i, j;

	desc = ima_list_test_desc(test, param->name, param->fmt);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		u32 len[IMA_TEMPLATE_NUM_FIELDS_MAX];

		/* All fields of this length, then each a bit longer. */
		for (j = 0; j < desc->num_fields; j++)
			len[j] = lengths[i];
		qe = ima_test_alloc(NULL, desc, len);
		KUNIT_ASSERT_NOT_NULL(test, qe);
		ima_list_append(&ctx->list, qe);

		for (j = 0; j < desc->num_fields; j++)
			len[j] += j;
		qe = ima_test_alloc(NULL, desc, len);
		KUNIT_ASSERT_NOT_NULL(test, qe);
		ima_list_append(&ctx->list, qe);
	}

	/* Without a file, as for the next kernel, the digest is SHA-1. */
	m.size = 2 * ctx->list.size + PAGE_SIZE;
	m.buf = kvmalloc(m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	list_for_each_entry(qe, &ctx->list.records, later) {
		unsigned long size = ima_list_record_size(qe->entry);
		size_t shown = m.count;

		KUNIT_EXPECT_EQ(test, ima_measurements_show(&m, qe), 0);
		shown = m.count - shown;
		KUNIT_EXPECT_GE(test, size, shown);
		KUNIT_EXPECT_LE(test, size, shown + more);
	}
	KUNIT_EXPECT_FALSE(test, seq_has_overflowed(&m));
	KUNIT_EXPECT_GE(test, ctx->list.size, m.count);
	kvfree(m.buf);
}

/*
 * A buffer of any size takes the records that fit as a whole, and nothing is
 * written behind it, which KASAN would see.
 */
static void ima_list_test_dump_takes_whole_records(struct kunit *test)
{
	static const u32 lengths[] = { 7, 0, 100, 33 };
	struct ima_list_test *ctx = test->priv;
	struct ima_template_desc *desc;
	size_t ends[ARRAY_SIZE(lengths)];
	size_t size, all = 0;
	u8 *whole;
	int i;

	desc = ima_list_test_desc(test, "ima-ng", "d-ng|n-ng");
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		const u32 len[] = { 40, lengths[i] };
		struct ima_queue_entry *qe = ima_test_alloc(NULL, desc, len);

		KUNIT_ASSERT_NOT_NULL(test, qe);
		ima_list_append(&ctx->list, qe);
		all += ima_list_record_size(qe->entry);
		ends[i] = all;
	}

	whole = kunit_kzalloc(test, all + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, whole);
	for (size = all + 1; size; size--) {
		struct seq_file file = { .size = size };
		u64 count = 1000, fit = 0;
		bool done;

		while (fit < ARRAY_SIZE(ends) && ends[fit] < size)
			fit++;
		file.buf = kmalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, file.buf);
		done = ima_list_dump(&ctx->list, &file, &count);
		KUNIT_EXPECT_EQ(test, done, fit == ARRAY_SIZE(ends));
		KUNIT_EXPECT_EQ(test, count, 1000 + fit);
		KUNIT_EXPECT_EQ(test, file.count, fit ? ends[fit - 1] : 0);
		if (done)
			memcpy(whole, file.buf, all);
		KUNIT_EXPECT_MEMEQ(test, file.buf, whole, file.count);
		kfree(file.buf);
	}
}

/* What is in the buffer before stays there. */
static void ima_list_test_dump_goes_on(struct kunit *test)
{
	static const u32 len[] = { 40, 12 };
	struct ima_list_test *ctx = test->priv;
	struct seq_file file = { .count = 16 };
	struct ima_template_desc *desc;
	struct ima_queue_entry *qe;
	u64 count = 0;
	size_t size;

	desc = ima_list_test_desc(test, "ima-ng", "d-ng|n-ng");
	qe = ima_test_alloc(NULL, desc, len);
	KUNIT_ASSERT_NOT_NULL(test, qe);
	ima_list_append(&ctx->list, qe);
	size = ima_list_record_size(qe->entry);

	file.size = 16 + 2 * size + 1;
	file.buf = kunit_kzalloc(test, file.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, file.buf);
	memset(file.buf, 0xa5, 16);
	KUNIT_EXPECT_TRUE(test, ima_list_dump(&ctx->list, &file, &count));
	KUNIT_EXPECT_TRUE(test, ima_list_dump(&ctx->to, &file, &count));
	KUNIT_EXPECT_TRUE(test, ima_list_dump(&ctx->list, &file, &count));
	KUNIT_EXPECT_EQ(test, count, 2);
	KUNIT_EXPECT_EQ(test, file.count, 16 + 2 * size);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(file.buf, 0xa5, file.count),
			    file.buf + 16);
	KUNIT_EXPECT_MEMEQ(test, file.buf + 16, file.buf + 16 + size, size);
	/* The next one does not fit, and there is no trace of it. */
	KUNIT_EXPECT_FALSE(test, ima_list_dump(&ctx->list, &file, &count));
	KUNIT_EXPECT_EQ(test, count, 2);
	KUNIT_EXPECT_EQ(test, file.count, 16 + 2 * size);
}

/* Records of a list that takes its time */
#define IMA_LIST_TEST_LONG 5000

/* Counts how often it gets the processor, which it always wants. */
static int ima_list_test_impatient(void *data)
{
	unsigned long *runs = data;

	while (!kthread_should_stop()) {
		usleep_range(500, 1000);
		WRITE_ONCE(*runs, *runs + 1);
	}
	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(ima_list_test_stop, kthread_stop,
			    struct task_struct *);

/*
 * Start a task that goes before this one, on the processor that this one stays
 * on: it runs when it is let in.
 */
static unsigned long *ima_list_test_start_impatient(struct kunit *test)
{
	unsigned int cpu = raw_smp_processor_id();
	struct task_struct *task;
	unsigned long *runs;
	int ret;

	ret = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	KUNIT_ASSERT_EQ(test, ret, 0);
	runs = kunit_kzalloc(test, sizeof(*runs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, runs);
	task = kthread_create(ima_list_test_impatient, runs, "ima_test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	kthread_bind(task, cpu);
	sched_set_fifo(task);
	wake_up_process(task);
	ret = kunit_add_action_or_reset(test, ima_list_test_stop, task);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return runs;
}

/* What takes its time on the long list ctx->list */
struct ima_list_test_long {
	const char *what;
	void (*call)(struct ima_list_test *ctx, struct seq_file *m);
};

static void ima_list_test_long_find(struct ima_list_test *ctx,
				    struct seq_file *m)
{
	unsigned long size;

	ima_list_find(&ctx->list, IMA_LIST_TEST_LONG, &size);
}

static void ima_list_test_long_seek(struct ima_list_test *ctx,
				    struct seq_file *m)
{
	struct ima_list_cursor cursor = {};

	ima_list_seek(&ctx->list, &cursor, IMA_LIST_TEST_LONG - 1);
}

static void ima_list_test_long_dump(struct ima_list_test *ctx,
				    struct seq_file *m)
{
	u64 count = 0;

	m->count = 0;
	ima_list_dump(&ctx->list, m, &count);
}

static void ima_list_test_long_free(struct ima_list_test *ctx,
				    struct seq_file *m)
{
	ima_list_free(&ctx->list);
}

static const struct ima_list_test_long ima_list_test_longs[] = {
	{ "find", ima_list_test_long_find },
	{ "seek", ima_list_test_long_seek },
	{ "dump", ima_list_test_long_dump },
	{ "free", ima_list_test_long_free },
};

KUNIT_ARRAY_PARAM_DESC(ima_list_test_long, ima_list_test_longs, what);

/*
 * On a kernel that is not preempted, another task runs during a call only if
 * the call lets it: not once, otherwise, however long this goes on.
 */
static void ima_list_test_long_call_yields(struct kunit *test)
{
	const struct ima_list_test_long *param = test->param_value;
	unsigned long *runs, before, within = 0, end;
	struct ima_list_test *ctx = test->priv;
	struct seq_file m = {};

	if (IS_ENABLED(CONFIG_PREEMPTION))
		kunit_skip(test, "a task can be preempted everywhere");

	ima_test_append(test, &ctx->list, 1, IMA_LIST_TEST_LONG);
	m.size = ctx->list.size + 1;
	m.buf = kvmalloc(m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	runs = ima_list_test_start_impatient(test);
	end = jiffies + IMA_TEST_PATIENCE;
	while (within < 3 && time_before(jiffies, end)) {
		/* It was freed? */
		if (!ima_list_count(&ctx->list))
			ima_test_append(test, &ctx->list, 1,
					IMA_LIST_TEST_LONG);
		cond_resched();
		before = READ_ONCE(*runs);
		param->call(ctx, &m);
		within += READ_ONCE(*runs) - before;
	}
	kvfree(m.buf);
	KUNIT_EXPECT_GE(test, within, 3);
}

static struct kunit_case ima_list_test_cases[] = {
	KUNIT_CASE(ima_list_test_starts_empty),
	KUNIT_CASE(ima_list_test_append_keeps_order),
	KUNIT_CASE_PARAM(ima_list_test_move_takes_all,
			 ima_list_test_length_gen_params),
	KUNIT_CASE(ima_list_test_move_leaves_usable_lists),
	KUNIT_CASE(ima_list_test_move_changes_generations),
	KUNIT_CASE(ima_list_test_find_finds_each),
	KUNIT_CASE(ima_list_test_find_refuses_others),
	KUNIT_CASE(ima_list_test_find_changes_nothing),
	KUNIT_CASE(ima_list_test_fetch_changes_nothing),
	KUNIT_CASE(ima_list_test_seek_finds_each),
	KUNIT_CASE(ima_list_test_seek_goes_anywhere),
	KUNIT_CASE(ima_list_test_seek_goes_on_behind_the_end),
	KUNIT_CASE(ima_list_test_seek_does_not_start_again),
	KUNIT_CASE_PARAM(ima_list_test_cut_takes_the_first,
			 ima_list_test_cut_gen_params),
	KUNIT_CASE(ima_list_test_cut_leaves_what_came_later),
	KUNIT_CASE(ima_list_test_conserves_records),
	KUNIT_CASE(ima_list_test_counted_records_are_found),
	KUNIT_CASE(ima_list_test_free_empties),
	KUNIT_CASE(ima_list_test_free_frees_everything),
	KUNIT_CASE(ima_list_test_builtin_templates_are_tried),
	KUNIT_CASE_PARAM(ima_list_test_size_covers_what_is_shown,
			 ima_list_test_template_gen_params),
	KUNIT_CASE(ima_list_test_dump_takes_whole_records),
	KUNIT_CASE(ima_list_test_dump_goes_on),
	KUNIT_CASE_PARAM(ima_list_test_long_call_yields,
			 ima_list_test_long_gen_params),
	{}
};

static struct kunit_suite ima_list_test_suite = {
	.name = "ima_list",
	.init = ima_list_test_init,
	.exit = ima_list_test_exit,
	.test_cases = ima_list_test_cases,
};

kunit_test_suite(ima_list_test_suite);
