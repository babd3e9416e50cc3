// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the commands that are written to staging files
 *
 * Numbers have a suite of their own. They are no commands without it, so that
 * what is expected in here holds with and without deleting the first N records.
 */

#include <linux/ctype.h>
#include <linux/limits.h>

#include "ima_staging_fs.h"
#include "ima_staging_test.h"

struct ima_staging_fs_test_text {
	const char *what;
	const char *text;
	size_t len;
	int ret;
	enum ima_command command;
};

/* Strings of bytes, which may be NUL */
#define COMMAND(what, text, command)                     \
	{                                                \
		what, text, sizeof(text) - 1, 0, command \
	}
#define REFUSED(what, text)                              \
	{                                                \
		what, text, sizeof(text) - 1, -EINVAL, 0 \
	}

static const struct ima_staging_fs_test_text ima_staging_fs_test_texts[] = {
	COMMAND("A", "A", IMA_COMMAND_STAGE),
	COMMAND("A, newline", "A\n", IMA_COMMAND_STAGE),
	COMMAND("D", "D", IMA_COMMAND_DELETE),
	COMMAND("D, newline", "D\n", IMA_COMMAND_DELETE),

	REFUSED("empty", ""),
	REFUSED("newline", "\n"),
	REFUSED("two newlines", "\n\n"),
	REFUSED("carriage return", "\r"),
	REFUSED("carriage return, newline", "\r\n"),
	REFUSED("space", " "),
	REFUSED("NUL", "\0"),
	REFUSED("NUL, newline", "\0\n"),
	REFUSED("two NULs", "\0\0"),

	REFUSED("A, two newlines", "A\n\n"),
	REFUSED("D, two newlines", "D\n\n"),
	REFUSED("newline, A", "\nA"),
	REFUSED("newline, D, newline", "\nD\n"),
	REFUSED("A, carriage return", "A\r"),
	REFUSED("A, carriage return, newline", "A\r\n"),
	REFUSED("D, newline, carriage return", "D\n\r"),
	REFUSED("space, A", " A"),
	REFUSED("space, D", " D"),
	REFUSED("A, space", "A "),
	REFUSED("A, tab, newline", "A\t\n"),
	REFUSED("D, space", "D "),
	REFUSED("tab, A", "\tA"),
	REFUSED("A, tab", "A\t"),
	REFUSED("A, NUL", "A\0"),
	REFUSED("D, NUL", "D\0"),
	REFUSED("A, NUL, newline", "A\0\n"),
	REFUSED("A, newline, NUL", "A\n\0"),
	REFUSED("NUL, A", "\0A"),
	REFUSED("A, NUL, D", "A\0D"),

	REFUSED("a", "a"),
	REFUSED("d, newline", "d\n"),
	REFUSED("N", "N"),
	REFUSED("AA", "AA"),
	REFUSED("DD", "DD"),
	REFUSED("AD", "AD"),
	REFUSED("DA, newline", "DA\n"),
	REFUSED("A, newline, A", "A\nA"),
	REFUSED("A, newline, D, newline", "A\nD\n"),
	REFUSED("A, semicolon", "A;"),
	REFUSED("quoted A", "\"A\""),
	REFUSED("A with the high bit", "\xc1"),
	REFUSED("D with the high bit, newline", "\xc4\n"),
	REFUSED("A behind a byte order mark", "\xef\xbb\xbf\x41"),
	REFUSED("A in UTF-16", "A\0\n\0"),
	REFUSED("A in full width", "\xef\xbc\xa1"),
	REFUSED("0xff", "\xff"),
	REFUSED("binary", "\x01\x80\xfe\x7f\x00\x1b\x0a"),

	REFUSED("0", "0"),
	REFUSED("0, newline", "0\n"),
	REFUSED("00", "00"),
	REFUSED("01", "01"),
	REFUSED("01, newline", "01\n"),
	REFUSED("plus", "+"),
	REFUSED("minus", "-"),
	REFUSED("+1", "+1"),
	REFUSED("-1", "-1"),
	REFUSED("-0", "-0"),
	REFUSED("0x10", "0x10"),
	REFUSED("1x", "1x"),
	REFUSED("1e3", "1e3"),
	REFUSED("1.0", "1.0"),
	REFUSED("1,000", "1,000"),
	REFUSED("1, space", "1 "),
	REFUSED("space, 1", " 1"),
	REFUSED("newline, 1", "\n1"),
	REFUSED("1, two newlines", "1\n\n"),
	REFUSED("1, carriage return, newline", "1\r\n"),
	REFUSED("1, newline, 1, newline", "1\n1\n"),
	REFUSED("1, NUL", "1\0"),
	REFUSED("1, NUL, newline", "1\0\n"),
	REFUSED("1, NUL, x", "1\0x"),
	REFUSED("1, NUL, 1", "1\0001"),
	REFUSED("1A", "1A"),
	REFUSED("A1", "A1"),
	REFUSED("D1, newline", "D1\n"),
	REFUSED("1 in Arabic-Indic", "\xd9\xa1"),

	REFUSED("A behind 20 spaces", "                    A"),
	REFUSED("A before 20 newlines",
		"A\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"),
	REFUSED("A before 21 newlines",
		"A\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"),
	REFUSED("21 zeros", "000000000000000000000"),
	REFUSED("21 digits", "123456789012345678901"),
	REFUSED("21 digits, newline", "123456789012345678901\n"),
	REFUSED("22 digits", "1234567890123456789012"),
	REFUSED("64 digits",
		"1234567890123456789012345678901234567890123456789012345678901234"),
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_fs_test_text, ima_staging_fs_test_texts,
		       what);

/* Parse a copy of the text: KASAN sees a read behind it. */
static int ima_staging_fs_test_parse(struct kunit *test, const char *text,
				     size_t len, enum ima_command *command)
{
	unsigned long n;
	char *copy;
	int ret;

	copy = kmemdup(text, len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	ret = ima_staging_parse(copy, len, command, &n);
	kfree(copy);
	return ret;
}

static void ima_staging_fs_test_parses(struct kunit *test)
{
	const struct ima_staging_fs_test_text *param = test->param_value;
	enum ima_command command = -1;
	int ret;

	ret = ima_staging_fs_test_parse(test, param->text, param->len,
					&command);
	KUNIT_EXPECT_EQ(test, ret, param->ret);
	if (!param->ret)
		KUNIT_EXPECT_EQ(test, command, param->command);
}

static void ima_staging_fs_test_parses_each_byte(struct kunit *test)
{
	int byte, len;

	for (byte = 0; byte < 256; byte++) {
		const char text[] = { byte, '\n' };

		/* A digit is a number, if there are any. */
		if (isdigit(byte))
			continue;
		for (len = 1; len <= 2; len++) {
			enum ima_command command = -1;
			int ret;

			ret = ima_staging_fs_test_parse(test, text, len,
							&command);
			if (byte == 'A' || byte == 'D') {
				KUNIT_EXPECT_EQ(test, ret, 0);
				KUNIT_EXPECT_EQ(test, command,
						byte == 'A' ?
							IMA_COMMAND_STAGE :
							IMA_COMMAND_DELETE);
			} else {
				KUNIT_EXPECT_EQ_MSG(test, ret, -EINVAL,
						    "byte %d, length %d", byte,
						    len);
			}
		}
	}
}

static void ima_staging_fs_test_parses_each_end(struct kunit *test)
{
	static const char commands[] = { 'A', 'D' };
	enum ima_command command;
	int byte, i;

	for (byte = 0; byte < 256; byte++) {
		for (i = 0; i < ARRAY_SIZE(commands); i++) {
			const char text[] = { commands[i], byte };
			int ret;

			ret = ima_staging_fs_test_parse(test, text, 2,
							&command);
			KUNIT_EXPECT_EQ_MSG(test, ret,
					    byte == '\n' ? 0 : -EINVAL,
					    "%c, byte %d", commands[i], byte);
		}
	}
}

static void ima_staging_fs_test_parses_no_more_than_len(struct kunit *test)
{
	enum ima_command command = -1;
	unsigned long n;

	KUNIT_EXPECT_EQ(test, ima_staging_parse("AA", 1, &command, &n), 0);
	KUNIT_EXPECT_EQ(test, command, IMA_COMMAND_STAGE);
	KUNIT_EXPECT_EQ(test, ima_staging_parse("D\n\n", 2, &command, &n), 0);
	KUNIT_EXPECT_EQ(test, command, IMA_COMMAND_DELETE);
	KUNIT_EXPECT_EQ(test, ima_staging_parse("A", 0, &command, &n), -EINVAL);
	KUNIT_EXPECT_EQ(test, ima_staging_parse(NULL, 0, &command, &n),
			-EINVAL);
}

/* A text that is too long is not looked at: there may be less of it. */
static void ima_staging_fs_test_too_long_is_not_read(struct kunit *test)
{
	static const size_t lengths[] = { IMA_COMMAND_LEN_MAX + 1, 64, 4096,
					  INT_MAX, SIZE_MAX };
	enum ima_command command;
	unsigned long n;
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		int ret = ima_staging_parse(NULL, lengths[i], &command, &n);

		KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	}
}

struct ima_staging_fs_test_write {
	const char *what;
	/* records on the lists before, numbered from 1 */
	u32 staged;
	u32 current_n;
	bool to_staged;
	const char *text;
	int ret;
	/* records on the lists after */
	u32 staged_after;
	u32 current_after;
	enum ima_command command;
};

static const struct ima_staging_fs_test_write ima_staging_fs_test_writes[] = {
	/* A does the same through both files. */
	{ "A, no record", 0, 0, false, "A", -ENOENT, 0, 0, IMA_COMMAND_STAGE },
	{ "A to staged, no record", 0, 0, true, "A", -ENOENT, 0, 0,
	  IMA_COMMAND_STAGE },
	{ "A, none staged", 0, 5, false, "A", 0, 5, 0, IMA_COMMAND_STAGE },
	{ "A to staged, none staged", 0, 5, true, "A\n", 0, 5, 0,
	  IMA_COMMAND_STAGE },
	{ "A, all staged", 3, 0, false, "A\n", -EEXIST, 3, 0,
	  IMA_COMMAND_STAGE },
	{ "A to staged, all staged", 3, 0, true, "A", -EEXIST, 3, 0,
	  IMA_COMMAND_STAGE },
	{ "A, some staged", 3, 5, false, "A", -EEXIST, 3, 5,
	  IMA_COMMAND_STAGE },
	{ "A to staged, some staged", 3, 5, true, "A", -EEXIST, 3, 5,
	  IMA_COMMAND_STAGE },

	/* D is for one of them, whatever is on the lists. */
	{ "D, no record", 0, 0, false, "D", -EINVAL, 0, 0, IMA_COMMAND_DELETE },
	{ "D to staged, no record", 0, 0, true, "D", -ENOENT, 0, 0,
	  IMA_COMMAND_DELETE },
	{ "D, none staged", 0, 5, false, "D\n", -EINVAL, 0, 5,
	  IMA_COMMAND_DELETE },
	{ "D to staged, none staged", 0, 5, true, "D", -ENOENT, 0, 5,
	  IMA_COMMAND_DELETE },
	{ "D, all staged", 3, 0, false, "D", -EINVAL, 3, 0,
	  IMA_COMMAND_DELETE },
	{ "D to staged, all staged", 3, 0, true, "D\n", 0, 0, 0,
	  IMA_COMMAND_DELETE },
	{ "D, some staged", 3, 5, false, "D", -EINVAL, 3, 5,
	  IMA_COMMAND_DELETE },
	{ "D to staged, some staged", 3, 5, true, "D", 0, 0, 5,
	  IMA_COMMAND_DELETE },

	/* What is no command is none, whatever is on the lists. */
	{ "AA, no record", 0, 0, false, "AA", -EINVAL, 0, 0,
	  IMA_COMMAND_UNKNOWN },
	{ "AA, none staged", 0, 5, false, "AA", -EINVAL, 0, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "AA, some staged", 3, 5, false, "AA", -EINVAL, 3, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "empty, none staged", 0, 5, false, "", -EINVAL, 0, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "empty to staged, some staged", 3, 5, true, "", -EINVAL, 3, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "D with space to staged, some staged", 3, 5, true, "D ", -EINVAL, 3,
	  5, IMA_COMMAND_UNKNOWN },
	{ "two D to staged, some staged", 3, 5, true, "D\nD\n", -EINVAL, 3, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "A and D to staged, none staged", 0, 5, true, "A\nD\n", -EINVAL, 0, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "0, none staged", 0, 5, false, "0", -EINVAL, 0, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "0, some staged", 3, 5, false, "0", -EINVAL, 3, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "0, no record", 0, 0, false, "0", -EINVAL, 0, 0,
	  IMA_COMMAND_UNKNOWN },
	{ "+1, none staged", 0, 5, false, "+1", -EINVAL, 0, 5,
	  IMA_COMMAND_UNKNOWN },
	{ "01, some staged", 3, 5, false, "01", -EINVAL, 3, 5,
	  IMA_COMMAND_UNKNOWN },
};

KUNIT_ARRAY_PARAM_DESC(ima_staging_fs_test_write, ima_staging_fs_test_writes,
		       what);

static void ima_staging_fs_test_executes(struct kunit *test)
{
	const struct ima_staging_fs_test_write *param = test->param_value;
	struct ima_staging_test *ctx = test->priv;
	struct ima_staging *staging = &ctx->staging;
	u32 n = param->staged + param->current_n;
	u32 left = param->staged_after + param->current_after;
	/* Only what takes records off the current list waits for appends. */
	bool waits = param->current_after != param->current_n;
	unsigned long current_seen, staged_seen;
	struct ima_test_holder holder;
	enum ima_command command = -1;
	struct ima_list *file;

	file = param->to_staged ? &staging->staged : &ctx->list;
	ima_staging_test_fill(test, param->staged, param->current_n);
	current_seen = ima_list_generation(&ctx->list);
	staged_seen = ima_list_generation(&staging->staged);

	if (!waits)
		ima_test_hold(test, &holder, &ctx->append_mutex);
	KUNIT_EXPECT_EQ(test,
			ima_staging_execute(staging, file, param->text,
					    strlen(param->text), &command),
			param->ret ?:
				(int)max(param->staged_after, param->staged));
	KUNIT_EXPECT_EQ(test, command, param->command);
	if (!waits)
		KUNIT_EXPECT_EQ(test, ima_test_unhold(&holder), 0);

	/* The oldest are taken first. */
	IMA_TEST_EXPECT_LIST(test, &staging->staged, n - left + 1,
			     param->staged_after);
	IMA_TEST_EXPECT_LIST(test, &ctx->list, n - param->current_after + 1,
			     param->current_after);
	KUNIT_EXPECT_EQ(test, ima_list_generation(&ctx->list) != current_seen,
			param->current_after != param->current_n);
	KUNIT_EXPECT_EQ(test,
			ima_list_generation(&staging->staged) != staged_seen,
			param->staged_after != param->staged);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&ctx->append_mutex));
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&staging->list_rwsem));
}

static struct kunit_case ima_staging_fs_test_cases[] = {
	KUNIT_CASE_PARAM(ima_staging_fs_test_parses,
			 ima_staging_fs_test_text_gen_params),
	KUNIT_CASE(ima_staging_fs_test_parses_each_byte),
	KUNIT_CASE(ima_staging_fs_test_parses_each_end),
	KUNIT_CASE(ima_staging_fs_test_parses_no_more_than_len),
	KUNIT_CASE(ima_staging_fs_test_too_long_is_not_read),
	KUNIT_CASE_PARAM(ima_staging_fs_test_executes,
			 ima_staging_fs_test_write_gen_params),
	{}
};

static struct kunit_suite ima_staging_fs_test_suite = {
	.name = "ima_staging_fs",
	.init = ima_staging_test_init,
	.exit = ima_staging_test_exit,
	.test_cases = ima_staging_fs_test_cases,
};

kunit_test_suite(ima_staging_fs_test_suite);
