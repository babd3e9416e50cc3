// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of deleting the first N records
 */

#include <linux/limits.h>
#include <linux/prandom.h>

#include "ima_staging_fs.h"
#include "ima_staging_test.h"

struct ima_staging_n_test_text {
	const char *what;
	const char *text;
	size_t len;
	int ret;
	unsigned long n;
};

/* Strings of bytes, which may be NUL */
#define NUMBER(what, text, n)                      \
	{                                          \
		what, text, sizeof(text) - 1, 0, n \
	}
#define REFUSED(what, text)                              \
	{                                                \
		what, text, sizeof(text) - 1, -EINVAL, 0 \
	}
#define TOO_LARGE(what, text)                            \
	{                                                \
		what, text, sizeof(text) - 1, -ERANGE, 0 \
	}

#if BITS_PER_LONG == 64
#define MAX_TEXT "18446744073709551615"
#define MAX_TEXT_BUT_ONE "18446744073709551614"
#define MAX_TEXT_PLUS_ONE "18446744073709551616"
#else
#define MAX_TEXT "4294967295"
#define MAX_TEXT_BUT_ONE "4294967294"
#define MAX_TEXT_PLUS_ONE "4294967296"
#endif

/* Without the newline that a command may end with */
static const struct ima_staging_n_test_text ima_staging_n_test_texts[] = {
	NUMBER("1", "1", 1),
	NUMBER("2", "2", 2),
	NUMBER("8, no octal digit", "8", 8),
	NUMBER("9", "9", 9),
	NUMBER("10", "10", 10),
	NUMBER("100", "100", 100),
	NUMBER("1234567890", "1234567890", 1234567890),
	NUMBER("LONG_MAX of 32 bits", "2147483647", 2147483647),
	NUMBER("ULONG_MAX of 32 bits", "4294967295", 4294967295),
#if BITS_PER_LONG == 64
	NUMBER("ULONG_MAX + 1 of 32 bits", "4294967296", 4294967296),
	NUMBER("LONG_MAX", "9223372036854775807", LONG_MAX),
	NUMBER("LONG_MAX + 1", "9223372036854775808", 1UL + LONG_MAX),
	NUMBER("19 digits", "9999999999999999999", 9999999999999999999UL),
#endif
	NUMBER("ULONG_MAX - 1", MAX_TEXT_BUT_ONE, ULONG_MAX - 1),
	NUMBER("ULONG_MAX", MAX_TEXT, ULONG_MAX),

	TOO_LARGE("ULONG_MAX + 1", MAX_TEXT_PLUS_ONE),
	TOO_LARGE("20 digits", "99999999999999999999"),
	TOO_LARGE("2 and 19 zeros", "20000000000000000000"),

	REFUSED("21 digits", "123456789012345678901"),
	REFUSED("1 and 20 zeros", "100000000000000000000"),
	REFUSED("22 digits", "1234567890123456789012"),
	REFUSED("64 digits",
		"1234567890123456789012345678901234567890123456789012345678901234"),
	REFUSED("20 zeros", "00000000000000000000"),
	REFUSED("1 behind 19 zeros", "00000000000000000001"),

	REFUSED("empty", ""),
	REFUSED("0", "0"),
	REFUSED("00", "00"),
	REFUSED("01", "01"),
	REFUSED("010", "010"),
	REFUSED("plus", "+"),
	REFUSED("minus", "-"),
	REFUSED("+1", "+1"),
	REFUSED("-1", "-1"),
	REFUSED("-0", "-0"),
	REFUSED("1+", "1+"),
	REFUSED("1-2", "1-2"),
	REFUSED("0x10", "0x10"),
	REFUSED("x10", "x10"),
	REFUSED("10h", "10h"),
	REFUSED("ff", "ff"),
	REFUSED("1e3", "1e3"),
	REFUSED("1.0", "1.0"),
	REFUSED("1,000", "1,000"),
	REFUSED("1_000", "1_000"),
	REFUSED("1k", "1k"),
	REFUSED("1, space", "1 "),
	REFUSED("space, 1", " 1"),
	REFUSED("1, space, 2", "1 2"),
	REFUSED("tab, 1", "\t1"),
	REFUSED("1, tab", "1\t"),
	REFUSED("newline, 1", "\n1"),
	REFUSED("1, carriage return", "1\r"),
	REFUSED("1, newline, 1", "1\n1"),
	REFUSED("1, newline, newline", "1\n\n"),
	REFUSED("NUL", "\0"),
	REFUSED("NUL, 1", "\0001"),
	REFUSED("1, NUL", "1\0"),
	REFUSED("1, NUL, x", "1\0x"),
	REFUSED("1, NUL, 1", "1\0001"),
	REFUSED("1A", "1A"),
	REFUSED("A1", "A1"),
	REFUSED("D1", "D1"),
	REFUSED("N", "N"),
	REFUSED("slash, before 0", "/"),
	REFUSED("colon, behind 9", "1:"),
	REFUSED("1 with the high bit", "\xb1"),
	REFUSED("1 in Arabic-Indic", "\xd9\xa1"),
	REFUSED("1 in full width", "\xef\xbc\x91"),
	REFUSED("binary", "\x01\x80\xfe\x7f\x00\x1b"),
	REFUSED("0xff", "\xff"),
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_n_test_text, ima_staging_n_test_texts, what);

/* A copy of the text and an end for it: KASAN sees a read behind these. */
static char *ima_staging_n_test_copy(struct kunit *test, const char *text,
				     size_t len, const char *end)
{
	char *copy = kunit_kmalloc(test, len + strlen(end), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, text, len);
	memcpy(copy + len, end, strlen(end));
	return copy;
}

static void ima_staging_n_test_parses_number(struct kunit *test)
{
	const struct ima_staging_n_test_text *param = test->param_value;
	unsigned long n = 0;
	char *copy;

	copy = ima_staging_n_test_copy(test, param->text, param->len, "");
	KUNIT_EXPECT_EQ(test, ima_staging_n_parse(copy, param->len, &n),
			param->ret);
	if (!param->ret)
		KUNIT_EXPECT_EQ(test, n, param->n);
}

static void ima_staging_n_test_refuses_newline(struct kunit *test)
{
	const struct ima_staging_n_test_text *param = test->param_value;
	unsigned long n;
	char *copy;

	/* It is taken off before. */
	copy = ima_staging_n_test_copy(test, param->text, param->len, "\n");
	KUNIT_EXPECT_EQ(test, ima_staging_n_parse(copy, param->len + 1, &n),
			-EINVAL);
}

static void ima_staging_n_test_parses_command(struct kunit *test)
{
	static const char *const ends[] = { "", "\n" };
	const struct ima_staging_n_test_text *param = test->param_value;
	int i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		enum ima_command command = -1;
		unsigned long n = 0;
		char *copy;
		int ret;

		/* With an end of its own, that one is taken off. */
		if (param->len && param->text[param->len - 1] == '\n' &&
		    !*ends[i])
			continue;
		copy = ima_staging_n_test_copy(test, param->text, param->len,
					       ends[i]);
		ret = ima_staging_parse(copy, param->len + strlen(ends[i]),
					&command, &n);
		KUNIT_EXPECT_EQ(test, ret, param->ret);
		if (ret)
			continue;
		KUNIT_EXPECT_EQ(test, command, IMA_COMMAND_DELETE_N);
		KUNIT_EXPECT_EQ(test, n, param->n);
	}
}

static void ima_staging_n_test_two_newlines_are_no_end(struct kunit *test)
{
	const struct ima_staging_n_test_text *param = test->param_value;
	enum ima_command command;
	unsigned long n;
	char *copy;

	copy = ima_staging_n_test_copy(test, param->text, param->len, "\n\n");
	KUNIT_EXPECT_EQ(test,
			ima_staging_parse(copy, param->len + 2, &command, &n),
			-EINVAL);
}

static void ima_staging_n_test_parses_no_more_than_len(struct kunit *test)
{
	enum ima_command command;
	unsigned long n;

	KUNIT_EXPECT_EQ(test, ima_staging_n_parse("123", 2, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 12);
	KUNIT_EXPECT_EQ(test, ima_staging_parse("45\n\n", 3, &command, &n), 0);
	KUNIT_EXPECT_EQ(test, n, 45);
	KUNIT_EXPECT_EQ(test, ima_staging_n_parse(NULL, 0, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, ima_staging_n_parse(NULL, 21, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, ima_staging_n_parse(NULL, SIZE_MAX, &n), -EINVAL);
}

static void ima_staging_n_test_parses_what_is_printed(struct kunit *test)
{
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 20240917);
	for (i = 0; i < 1000; i++) {
		unsigned long number, n = 0;
		char text[24];
		int len;

		number = prandom_u32_state(&rnd);
		number = number << (BITS_PER_LONG / 2) ^
			 prandom_u32_state(&rnd);
		/* of every number of digits */
		number >>= i % BITS_PER_LONG;
		if (!number)
			continue;
		len = snprintf(text, sizeof(text), "%lu", number);
		KUNIT_ASSERT_EQ(test, ima_staging_n_parse(text, len, &n), 0);
		KUNIT_ASSERT_EQ(test, n, number);
	}
}

struct ima_staging_n_test_delete {
	const char *what;
	/* records on the lists before, numbered from 1 */
	u32 staged;
	u32 current_n;
	unsigned long n;
	int ret;
	bool copied;
};

static const struct ima_staging_n_test_delete ima_staging_n_test_deletes[] = {
	{ "the first", 0, 10, 1, 0 },
	{ "two", 0, 10, 2, 0 },
	{ "half", 0, 10, 5, 0 },
	{ "all but one", 0, 10, 9, 0 },
	{ "all", 0, 10, 10, 0 },
	{ "the only one", 0, 1, 1, 0 },
	{ "999 of 1000", 0, 1000, 999, 0 },

	{ "none", 0, 10, 0, -ENOENT },
	{ "one too many", 0, 10, 11, -ENOENT },
	{ "LONG_MAX", 0, 10, LONG_MAX, -ENOENT },
	{ "ULONG_MAX", 0, 10, ULONG_MAX, -ENOENT },
	{ "none of none", 0, 0, 0, -ENOENT },
	{ "one of none", 0, 0, 1, -ENOENT },
	{ "ULONG_MAX of none", 0, 0, ULONG_MAX, -ENOENT },

	{ "one, some are staged", 3, 10, 1, -EEXIST },
	{ "all, some are staged", 3, 10, 10, -EEXIST },
	{ "as many as are staged", 3, 10, 3, -EEXIST },
	{ "too many, some are staged", 3, 10, 11, -EEXIST },
	{ "ULONG_MAX, some are staged", 3, 10, ULONG_MAX, -EEXIST },
	{ "one, all are staged", 3, 0, 1, -EEXIST },

	{ "one of those copied", 0, 10, 1, -ESTALE, true },
	{ "all of those copied", 0, 10, 10, -ESTALE, true },
	{ "one too many, all are copied", 0, 10, 11, -ESTALE, true },
	{ "one, all are copied, some are staged", 3, 10, 1, -ESTALE, true },
	{ "one of none that are copied", 0, 0, 1, -ESTALE, true },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_n_test_delete, ima_staging_n_test_deletes,
		       what);

static void ima_staging_n_test_deletes_the_first(struct kunit *test)
{
	const struct ima_staging_n_test_delete *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	unsigned long current_seen, staged_seen;
	struct ima_test_holder holder;
	u32 n = param->ret ? 0 : param->n;

	ima_staging_test_fill(test, param->staged, param->current_n);
	staging->copied = param->copied;
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&staging->staged);

	/* What is refused waits for nobody who measures. */
	if (param->ret)
		ima_test_hold(test, &holder, &ctx->append_mutex);
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(staging, param->n),
			param->ret ?: (long)param->n);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(staging), n);
	if (param->ret)
		KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);

	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged + n,
			     param->current_n - n);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list) != current_seen,
			!param->ret);
	IMA_TEST_EXPECT_LIST(test, &staging->staged, 1, param->staged);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&staging->staged),
			staged_seen);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&staging->list_rwsem));

	/* Measuring goes on. */
	ima_test_append(test, &ctx->list, 1 + param->staged + param->current_n,
			2);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1 + param->staged + n,
			     param->current_n - n + 2);
}

struct ima_staging_n_test_write {
	const char *what;
	/* records on the lists before, numbered from 1 */
	u32 staged;
	u32 current_n;
	bool to_staged;
	const char *text;
	int ret;
	/* records on the current list after */
	u32 current_after;
	enum ima_command command;
};

static const struct ima_staging_n_test_write ima_staging_n_test_writes[] = {
	{ "3", 0, 5, false, "3", 0, 2, IMA_COMMAND_DELETE_N },
	{ "5, newline", 0, 5, false, "5\n", 0, 0, IMA_COMMAND_DELETE_N },
	{ "6", 0, 5, false, "6", -ENOENT, 5, IMA_COMMAND_DELETE_N },
	{ "1, no record", 0, 0, false, "1", -ENOENT, 0, IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX", 0, 5, false, MAX_TEXT, -ENOENT, 5,
	  IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX, no record", 0, 0, false, MAX_TEXT, -ENOENT, 0,
	  IMA_COMMAND_DELETE_N },

	/* what is staged comes before what there is not */
	{ "3, some staged", 3, 5, false, "3", -EEXIST, 5,
	  IMA_COMMAND_DELETE_N },
	{ "6, some staged", 3, 5, false, "6", -EEXIST, 5,
	  IMA_COMMAND_DELETE_N },
	{ "1, all staged", 3, 0, false, "1", -EEXIST, 0, IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX, some staged", 3, 5, false, MAX_TEXT, -EEXIST, 5,
	  IMA_COMMAND_DELETE_N },

	/* the file comes before what is on the lists */
	{ "3 to staged", 0, 5, true, "3", -EINVAL, 5, IMA_COMMAND_DELETE_N },
	{ "6 to staged", 0, 5, true, "6", -EINVAL, 5, IMA_COMMAND_DELETE_N },
	{ "3 to staged, some staged", 3, 5, true, "3", -EINVAL, 5,
	  IMA_COMMAND_DELETE_N },
	{ "3 to staged, no record", 0, 0, true, "3", -EINVAL, 0,
	  IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX to staged", 0, 5, true, MAX_TEXT, -EINVAL, 5,
	  IMA_COMMAND_DELETE_N },

	/* the number comes before the file */
	{ "ULONG_MAX + 1", 0, 5, false, MAX_TEXT_PLUS_ONE, -ERANGE, 5,
	  IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX + 1, some staged", 3, 5, false, MAX_TEXT_PLUS_ONE, -ERANGE,
	  5, IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX + 1, no record", 0, 0, false, MAX_TEXT_PLUS_ONE, -ERANGE,
	  0, IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX + 1 to staged", 0, 5, true, MAX_TEXT_PLUS_ONE "\n",
	  -ERANGE, 5, IMA_COMMAND_DELETE_N },
	{ "ULONG_MAX + 1 to staged, some staged", 3, 5, true, MAX_TEXT_PLUS_ONE,
	  -ERANGE, 5, IMA_COMMAND_DELETE_N },

	/* what is no command comes first */
	{ "21 digits to staged", 3, 5, true, "999999999999999999999", -EINVAL,
	  5, IMA_COMMAND_UNKNOWN },
	{ "21 digits", 0, 5, false, "999999999999999999999", -EINVAL, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "0", 0, 5, false, "0", -EINVAL, 5, IMA_COMMAND_UNKNOWN },
	{ "0, some staged", 3, 5, false, "0", -EINVAL, 5, IMA_COMMAND_UNKNOWN },
	{ "0 to staged", 3, 5, true, "0", -EINVAL, 5, IMA_COMMAND_UNKNOWN },
	{ "3 twice", 0, 5, false, "3\n3\n", -EINVAL, 5, IMA_COMMAND_UNKNOWN },
	{ "3, two newlines", 0, 5, false, "3\n\n", -EINVAL, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "+3, some staged", 3, 5, false, "+3", -EINVAL, 5,
	  IMA_COMMAND_UNKNOWN },

	/* the others still do what they did */
	{ "D", 3, 5, false, "D", -EINVAL, 5, IMA_COMMAND_DELETE },
	{ "A, some staged", 3, 5, false, "A", -EEXIST, 5, IMA_COMMAND_STAGE },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_n_test_write, ima_staging_n_test_writes,
		       what);

static void ima_staging_n_test_executes(struct kunit *test)
{
	const struct ima_staging_n_test_write *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	unsigned long current_seen, staged_seen;
	struct ima_test_holder holder;
	enum ima_command command = -1;
	struct ima_list *file;
	char *copy;

	file = param->to_staged ? &staging->staged : &ctx->list;
	ima_staging_test_fill(test, param->staged, param->current_n);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&staging->staged);
	copy = ima_staging_n_test_copy(test, param->text, strlen(param->text),
				       "");

	/* What is refused waits for nobody who measures. */
	if (param->ret)
		ima_test_hold(test, &holder, &ctx->append_mutex);
	KUNIT_EXPECT_EQ(test,
			ima_staging_execute(staging, file, copy,
					    strlen(param->text), &command),
			param->ret ?:
				(int)(param->current_n - param->current_after));
	KUNIT_EXPECT_EQ(test, command, param->command);
	if (param->ret)
		KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);

	IMA_TEST_EXPECT_LIST(test, &staging->staged, 1, param->staged);
	IMA_TEST_EXPECT_LIST(test, &ctx->list,
			     1 + param->staged + param->current_n -
				     param->current_after,
			     param->current_after);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list) != current_seen,
			!param->ret);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&staging->staged),
			staged_seen);
}

static void ima_staging_n_test_frees_the_records(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct kmem_cache *cache;
	u32 n;

	if (!IS_ENABLED(CONFIG_SLUB_DEBUG))
		kunit_skip(test, "needs CONFIG_SLUB_DEBUG to count slabs");

	cache = kmem_cache_create("ima_staging_n_test", IMA_TEST_OBJECT_SIZE, 0,
				  SLAB_NO_MERGE, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (n = 1; n <= 100; n++) {
		struct ima_queue_entry *qe = ima_test_numbered(cache, n);

		KUNIT_EXPECT_NOT_NULL(test, qe);
		if (!qe)
			break;
		ima_list_append(&ctx->list, qe);
	}
	ima_test_append(test, &ctx->list, 101, 5);

	/* Zero says that the cache has no slab left. */
	KUNIT_EXPECT_NE(test, kmem_cache_shrink(cache), 0);
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(&ctx->staging, 100), 100);
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(cache), 0);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 101, 5);
	kmem_cache_destroy(cache);
}

/**
 * struct ima_staging_n_test_command - a number that is written by a process
 */
struct ima_staging_n_test_command {
	/** @staging: lists */
	struct ima_staging *staging;
	/** @n: the number */
	unsigned long n;
};

static int ima_staging_n_test_task(void *data)
{
	struct ima_staging_n_test_command *command = data;

	return ima_staging_n_delete(command->staging, command->n);
}

static void ima_staging_n_test_walks_while_measuring(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging_n_test_command command = {
		.staging = &ctx->staging,
		.n = 5,
	};
	struct ima_template_entry *counted;
	struct ima_test_holder holder;
	struct ima_test_task task;
	unsigned long size;

	ima_test_append(test, &ctx->list, 1, 10);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	ima_test_task_start(test, &task, ima_staging_n_test_task, &command);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));

	/* Nothing is done yet but the walk, which appends do not disturb. */
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 10);
	ima_test_append(test, &ctx->list, 11, 2);

	/*
	 * Records never change. One that does tells whether it was counted
	 * before the mutex was there to be taken.
	 */
	counted = ima_list_find(&ctx->list, 3, &size)->entry;
	counted->template_data_len += 1000;

	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 6, 7);
}

/* What can be read can be deleted, even if it is not counted yet. */
static void ima_staging_n_test_deletes_what_is_not_counted(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging_n_test_command command = {
		.staging = &ctx->staging,
		.n = 5,
	};
	struct ima_test_holder holder;
	struct ima_test_task task;

	ima_test_append(test, &ctx->list, 1, 5);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	WRITE_ONCE(ctx->list.count, 4);
	ima_test_task_start(test, &task, ima_staging_n_test_task, &command);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	KUNIT_EXPECT_EQ(test, ctx->list.count, 4);
	WRITE_ONCE(ctx->list.count, 5);
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 0);
}

static void ima_staging_n_test_waits_for_walk(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging_n_test_command command = {
		.staging = &ctx->staging,
		.n = 5,
	};
	struct ima_test_task task;

	ima_test_append(test, &ctx->list, 1, 10);
	down_read(&ctx->staging.list_rwsem);
	ima_test_task_start(test, &task, ima_staging_n_test_task, &command);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 10);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	up_read(&ctx->staging.list_rwsem);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 6, 5);
}

static void ima_staging_n_test_kill_ends_wait_for_walk(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging_n_test_command command = {
		.staging = &ctx->staging,
		.n = 5,
	};
	struct ima_test_task task;

	ima_test_append(test, &ctx->list, 1, 10);
	down_read(&ctx->staging.list_rwsem);
	ima_test_task_start(test, &task, ima_staging_n_test_task, &command);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	ima_test_task_kill(&task);
	KUNIT_EXPECT_TRUE(test, ima_test_task_ends(&task));
	up_read(&ctx->staging.list_rwsem);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), -EINTR);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 10);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
}

static void ima_staging_n_test_kill_ends_wait_for_append(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	unsigned long generation = ima_list_generation(&ctx->list);
	struct ima_staging_n_test_command command = {
		.staging = &ctx->staging,
		.n = 5,
	};
	struct ima_test_holder holder;
	struct ima_test_task task;

	ima_test_append(test, &ctx->list, 1, 10);
	ima_test_hold(test, &holder, &ctx->append_mutex);
	ima_test_task_start(test, &task, ima_staging_n_test_task, &command);
	KUNIT_EXPECT_TRUE(test, ima_test_task_blocks(&task));
	ima_test_task_kill(&task);
	KUNIT_EXPECT_TRUE(test, ima_test_task_ends(&task));
	KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&task), -EINTR);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 1, 10);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list), generation);

	/* Neither lock was left behind. */
	KUNIT_ASSERT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_ASSERT_FALSE(test, rwsem_is_locked(&ctx->staging.list_rwsem));
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(&ctx->staging, 5), 5);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, 6, 5);
}

static void ima_staging_n_test_conserves_records(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	/* Staged are [deleted + 1, staged], current are [staged + 1, last]. */
	u32 deleted = 0, staged = 0, last = 0, cuts = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 20240917);
	for (i = 0; i < 2000; i++) {
		u32 n = prandom_u32_state(&rnd) % 10;
		int ret = 0;

		switch (prandom_u32_state(&rnd) % 8) {
		case 0:
		case 1:
		case 2:
			ima_test_append(test, &ctx->list, last + 1, n);
			last += n;
			break;
		case 3:
			if (staged != deleted)
				ret = -EEXIST;
			else if (last == staged)
				ret = -ENOENT;
			else
				ret = last - staged;
			if (ret > 0)
				staged = last;
			KUNIT_ASSERT_EQ(test, ima_staging_stage(staging), ret);
			break;
		case 4:
		case 5:
			if (staged == deleted)
				ret = -ENOENT;
			else
				ret = staged - deleted;
			deleted = staged;
			KUNIT_ASSERT_EQ(test, ima_staging_delete(staging), ret);
			break;
		default:
			if (staged != deleted) {
				ret = -EEXIST;
			} else if (!n || n > last - staged) {
				ret = -ENOENT;
			} else {
				ret = n;
				staged += n;
				deleted += n;
				cuts++;
			}
			KUNIT_ASSERT_EQ(test, ima_staging_n_delete(staging, n),
					ret);
			break;
		}
		KUNIT_ASSERT_EQ(test, ima_staging_deleted(staging), deleted);
		KUNIT_ASSERT_STREQ(test,
				   ima_test_fault(&staging->staged, deleted + 1,
						  staged - deleted),
				   "");
		KUNIT_ASSERT_STREQ(test,
				   ima_test_fault(&ctx->list, staged + 1,
						  last - staged),
				   "");
	}
	/* Or else this did not try much. */
	KUNIT_EXPECT_GT(test, deleted, 1000);
	KUNIT_EXPECT_GT(test, cuts, 50);
}

static void ima_staging_n_test_forgets_the_first(struct kunit *test)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_seen seen = {};
	u32 i;

	KUNIT_ASSERT_EQ(test, ima_seen_init(&seen, "ima_staging_test", 32), 0);
	ima_staging_test_fill(test, 0, 10);
	ima_staging_test_remember(test, &seen);
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(&ctx->staging, 2), 2);
	KUNIT_EXPECT_EQ(test, ima_staging_test_remembered(&seen, 10), 10);

	ctx->staging.forget_in = &seen;
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(&ctx->staging, 9), -ENOENT);
	KUNIT_EXPECT_EQ(test, ima_staging_test_remembered(&seen, 10), 10);
	KUNIT_EXPECT_EQ(test, ima_staging_n_delete(&ctx->staging, 3), 3);
	for (i = 1; i <= 10; i++)
		KUNIT_EXPECT_EQ(test, ima_staging_test_remembers(&seen, i),
				i < 3 || i > 5);
	ima_seen_destroy(&seen);
}

/**
 * struct ima_staging_n_test_commander - processes that give commands
 */
struct ima_staging_n_test_commander {
	/** @staging: lists */
	struct ima_staging *staging;
	/** @stop: they are to stop */
	bool stop;
	/** @stages: they also give A and D */
	bool stages;
	/** @deletes: how many times their numbers deleted something */
	atomic_t deletes;
	/** @deleted: how many records that were */
	atomic_t deleted;
};

/* Return how many commands had a result that none of them can have. */
static int ima_staging_n_test_command_task(void *data)
{
	struct ima_staging_n_test_commander *commander = data;
	struct ima_staging *staging = commander->staging;
	int n, ret, wrong = 0;

	while (!READ_ONCE(commander->stop)) {
		for (n = 1; n < 40; n += 13) {
			ret = ima_staging_n_delete(staging, n);
			if (ret > 0) {
				atomic_add(n, &commander->deleted);
				atomic_inc(&commander->deletes);
			} else if (ret != -ENOENT &&
				   !(ret == -EEXIST && commander->stages)) {
				wrong++;
			}
			cond_resched();
		}
		if (commander->stages) {
			ret = ima_staging_stage(staging);
			if (ret <= 0 && ret != -EEXIST && ret != -ENOENT)
				wrong++;
			usleep_range(20, 50);
			ret = ima_staging_delete(staging);
			if (ret <= 0 && ret != -ENOENT)
				wrong++;
		}
		usleep_range(20, 50);
	}
	return wrong;
}

#define ROUNDS 50

static void ima_staging_n_test_race(struct kunit *test, bool stages)
{
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	struct ima_staging_n_test_commander commander = {
		.staging = staging,
		.stages = stages,
	};
	struct ima_staging_test_reader reader = { .staging = staging };
	unsigned long end = jiffies + IMA_TEST_LIMIT;
	u32 last = 0;
	struct ima_test_appender appender = {
		.list = &ctx->list,
		.mutex = &ctx->append_mutex,
		.last = &last,
	};
	struct ima_test_task appenders[2], commanders[3], reader_task;
	unsigned long staged, left;
	int i;

	ima_test_task_start(test, &reader_task, ima_staging_test_read_task,
			    &reader);
	for (i = 0; i < ARRAY_SIZE(commanders); i++)
		ima_test_task_start(test, &commanders[i],
				    ima_staging_n_test_command_task,
				    &commander);
	for (i = 0; i < ARRAY_SIZE(appenders); i++)
		ima_test_task_start(test, &appenders[i], ima_test_append_task,
				    &appender);

	while (atomic_read(&commander.deletes) < ROUNDS &&
	       time_before(jiffies, end))
		usleep_range(50, 100);

	WRITE_ONCE(commander.stop, true);
	for (i = 0; i < ARRAY_SIZE(commanders); i++)
		KUNIT_EXPECT_EQ(test, ima_test_task_join(&commanders[i]), 0);
	WRITE_ONCE(appender.stop, true);
	for (i = 0; i < ARRAY_SIZE(appenders); i++)
		KUNIT_EXPECT_EQ(test, ima_test_task_join(&appenders[i]), 0);
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_EQ(test, ima_test_task_join(&reader_task), 0);

	/* Only the oldest were deleted: all from one on are still there. */
	staged = ima_list_count(&staging->staged);
	left = ima_list_count(&ctx->list);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, last - left + 1, left);
	IMA_TEST_EXPECT_LIST(test, &staging->staged, last - left - staged + 1,
			     staged);
	KUNIT_EXPECT_GE(test, atomic_read(&commander.deletes), ROUNDS);
	KUNIT_EXPECT_EQ(test, ima_staging_deleted(staging),
			last - left - staged);
	if (!stages)
		KUNIT_EXPECT_EQ(test, atomic_read(&commander.deleted) + left,
				last);
}

static void ima_staging_n_test_numbers_race(struct kunit *test)
{
	ima_staging_n_test_race(test, false);
}

static void ima_staging_n_test_all_commands_race(struct kunit *test)
{
	ima_staging_n_test_race(test, true);
}

static struct kunit_case ima_staging_n_test_cases[] = {
	KUNIT_CASE_PARAM(ima_staging_n_test_parses_number,
			 ima_staging_n_test_text_gen_params),
	KUNIT_CASE_PARAM(ima_staging_n_test_refuses_newline,
			 ima_staging_n_test_text_gen_params),
	KUNIT_CASE_PARAM(ima_staging_n_test_parses_command,
			 ima_staging_n_test_text_gen_params),
	KUNIT_CASE_PARAM(ima_staging_n_test_two_newlines_are_no_end,
			 ima_staging_n_test_text_gen_params),
	KUNIT_CASE(ima_staging_n_test_parses_no_more_than_len),
	KUNIT_CASE(ima_staging_n_test_parses_what_is_printed),
	KUNIT_CASE_PARAM(ima_staging_n_test_deletes_the_first,
			 ima_staging_n_test_delete_gen_params),
	KUNIT_CASE_PARAM(ima_staging_n_test_executes,
			 ima_staging_n_test_write_gen_params),
	KUNIT_CASE(ima_staging_n_test_frees_the_records),
	KUNIT_CASE(ima_staging_n_test_walks_while_measuring),
	KUNIT_CASE(ima_staging_n_test_deletes_what_is_not_counted),
	KUNIT_CASE(ima_staging_n_test_waits_for_walk),
	KUNIT_CASE(ima_staging_n_test_kill_ends_wait_for_walk),
	KUNIT_CASE(ima_staging_n_test_kill_ends_wait_for_append),
	KUNIT_CASE(ima_staging_n_test_conserves_records),
	KUNIT_CASE(ima_staging_n_test_forgets_the_first),
	KUNIT_CASE(ima_staging_n_test_numbers_race),
	KUNIT_CASE(ima_staging_n_test_all_commands_race),
	{}
};

static struct kunit_suite ima_staging_n_test_suite = {
	.name = "ima_staging_n",
	.init = ima_staging_test_init,
	.exit = ima_staging_test_exit,
	.test_cases = ima_staging_n_test_cases,
};

kunit_test_suite(ima_staging_n_test_suite);
