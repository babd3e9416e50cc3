// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken as a command, what a refused one gives, and in which order the
 * reasons count. A refused command changes nothing: this is checked after each.
 *
 * Numbers on the original files are not here: see delete_n_test.c.
 */
#include <fcntl.h>
#include <sys/uio.h>

#include "common.h"
#include "harness.h"
#include "saved.h"

/* With its length, for the NUL bytes. */
#define TEXT(str) .text = (str), .len = sizeof(str) - 1

FIXTURE(command) {
	struct ima ima;
	/* A file of each bank, form and kind. */
	int fd[MAX_BANKS][NR_FORMS][NR_KINDS];
	/* One to delete with. */
	int staged;
	struct lists lists;
};

FIXTURE_SETUP(command)
{
	const char *skip = ima_setup(&self->ima);
	int i, form, kind;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	/* Short lists: they are read after each command. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	for (i = 0; i < self->ima.nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			for (kind = 0; kind < NR_KINDS; kind++) {
				self->fd[i][form][kind] =
					open(self->ima.bank[i].path[form][kind],
					     O_RDWR | O_CLOEXEC);
				ASSERT_LE(0, self->fd[i][form][kind]);
			}
		}
	}
	self->staged = self->fd[0][BINARY][STAGED];
}

FIXTURE_TEARDOWN(command)
{
	int i, form, kind;

	for (i = 0; i < self->ima.nr_banks; i++)
		for (form = 0; form < NR_FORMS; form++)
			for (kind = 0; kind < NR_KINDS; kind++)
				close(self->fd[i][form][kind]);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Two records staged, and one measured after them. */
static int stage(struct _test_data_command *self)
{
	if (write(self->fd[0][BINARY][STAGED], "A", 1) != 1)
		return -errno;
	return measure_files(&self->ima, "file", 10, 1);
}

static int remember(struct _test_data_command *self)
{
	lists_free(&self->lists);
	return lists_read(&self->ima, &self->lists);
}

static bool unchanged(struct _test_data_command *self)
{
	return lists_unchanged(&self->ima, &self->lists);
}

/* None of these is a command on any file, with or without N. */
static const struct {
	const char *text;
	size_t len;
} malformed[] = {
	{ TEXT("") },		{ TEXT("\n") },		{ TEXT("\n\n") },
	{ TEXT("\0") },		{ TEXT("AA") },		{ TEXT("DD") },
	{ TEXT("AD") },		{ TEXT("A\nD") },	{ TEXT("A\nD\n") },
	{ TEXT(" A") },		{ TEXT("A ") },		{ TEXT("A\x20\n") },
	{ TEXT("\tA") },	{ TEXT("A\t") },	{ TEXT("\nA") },
	{ TEXT("A\n\n") },	{ TEXT("A\r\n") },	{ TEXT("A\r") },
	{ TEXT("A\0") },	{ TEXT("A\0\n") },	{ TEXT("A\n\0") },
	{ TEXT("\0A") },	{ TEXT("A\0B") },	{ TEXT("a") },
	{ TEXT("d") },		{ TEXT("a\n") },	{ TEXT("D\n\n") },
	{ TEXT("D\0") },	{ TEXT("D ") },		{ TEXT(" D") },
	{ TEXT("D1") },		{ TEXT("1D") },		{ TEXT("A1") },
	{ TEXT("1A") },		{ TEXT("+A") },		{ TEXT("-A") },
	{ TEXT("B") },		{ TEXT("N") },		{ TEXT("S") },
	{ TEXT("ALL") },	{ TEXT("A;D") },	{ TEXT("A,D") },
	{ TEXT("\"A\"") },	{ TEXT("0") },		{ TEXT("00") },
	{ TEXT("0\n") },	{ TEXT("01") },		{ TEXT("01\n") },
	{ TEXT("+1") },		{ TEXT("-1") },		{ TEXT("-0") },
	{ TEXT("1 ") },		{ TEXT(" 1") },		{ TEXT("1\n\n") },
	{ TEXT("1\0") },	{ TEXT("1\0x") },	{ TEXT("1\r\n") },
	{ TEXT("1\t") },	{ TEXT("\t1") },	{ TEXT("1 1") },
	{ TEXT("1\n1") },	{ TEXT("1\n1\n") },	{ TEXT("0x1") },
	{ TEXT("0x10") },	{ TEXT("1e1") },	{ TEXT("1.") },
	{ TEXT("1.0") },	{ TEXT("1,0") },	{ TEXT("1k") },
	{ TEXT("1UL") },	{ TEXT("1f") },		{ TEXT("\xff") },
	{ TEXT("\xc3\x84") },	{ TEXT("\200A") },	{ TEXT("A\xff") },
	{ TEXT("\x01\x02\x03") },
	/* 20 characters and a newline are the longest command. */
	{ TEXT("AAAAAAAAAAAAAAAAAAAA") },
	{ TEXT("AAAAAAAAAAAAAAAAAAAAA") },
	{ TEXT("A                   \x20\n") },
	{ TEXT("000000000000000000001") },
	{ TEXT("111111111111111111111") },
	{ TEXT("111111111111111111111\n") },
	{ TEXT("1111111111111111111111111111111111111111111111111111111111111111") },
};

static void check_malformed(struct __test_metadata *_metadata,
			    struct _test_data_command *self)
{
	int bank, form, kind;
	unsigned int i;

	ASSERT_EQ(0, remember(self));
	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		/* All of the files in turn, and both kinds for each input. */
		bank = i % self->ima.nr_banks;
		form = i / 2 % NR_FORMS;
		for (kind = 0; kind < NR_KINDS; kind++) {
			EXPECT_EQ(EINVAL,
				  errno_of(write(self->fd[bank][form][kind],
						 malformed[i].text,
						 malformed[i].len)))
				TH_LOG("input %u: '%s'", i, malformed[i].text);
			EXPECT_TRUE(unchanged(self))
				TH_LOG("input %u: '%s'", i, malformed[i].text);
		}
	}
}

TEST_F_TIMEOUT(command, malformed, 600)
{
	check_malformed(_metadata, self);
}

/* The reason is the input, not that something is staged. */
TEST_F_TIMEOUT(command, malformed_while_staged, 600)
{
	ASSERT_EQ(0, stage(self));
	check_malformed(_metadata, self);
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

TEST_F(command, too_long)
{
	static const size_t len[] = { 22, 23, 64, 4095, 4096, 4097, 1 << 20 };
	static const char fill[] = { 'A', '\n', '\0', ' ', '1' };
	char *text = malloc(1 << 20);
	unsigned int i, j;
	int kind;

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, remember(self));
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		for (j = 0; j < ARRAY_SIZE(fill); j++) {
			memset(text, fill[j], len[i]);
			text[0] = 'A';
			for (kind = 0; kind < NR_KINDS; kind++)
				EXPECT_EQ(EINVAL,
					  errno_of(write(self->fd[0][ASCII][kind],
							 text, len[i])));
		}
		EXPECT_TRUE(unchanged(self));
	}
	free(text);
}

/* Both spellings of each, through each file; the length is what was written. */
TEST_F_TIMEOUT(command, taken, 600)
{
	static const struct {
		enum list_kind kind;
		const char *stage;
		const char *delete;
	} taken[] = {
		{ STAGED, "A", "D" },
		{ CURRENT, "A", "D\n" },
		{ STAGED, "A\n", "D" },
		{ CURRENT, "A\n", "D\n" },
	};
	unsigned int i, file = 100;
	int bank, form;
	ssize_t len;

	for (bank = 0; bank < self->ima.nr_banks; bank++) {
		for (form = 0; form < NR_FORMS; form++) {
			int *fd = self->fd[bank][form];

			for (i = 0; i < ARRAY_SIZE(taken); i++) {
				struct lists l;

				ASSERT_EQ(0, measure_files(&self->ima, "file",
							   file++, 1));
				len = strlen(taken[i].stage);
				ASSERT_EQ(len, write(fd[taken[i].kind],
						     taken[i].stage, len));
				ASSERT_EQ(0, lists_read(&self->ima, &l));
				EXPECT_EQ(0, l.count);
				EXPECT_LT(0, l.blob[0][BINARY][STAGED].len);
				ASSERT_EQ(0, saved_add_list(&self->ima, &l,
							    STAGED));
				lists_free(&l);
				len = strlen(taken[i].delete);
				ASSERT_EQ(len, write(fd[STAGED],
						     taken[i].delete, len));
				ASSERT_EQ(0, lists_read(&self->ima, &l));
				EXPECT_EQ(0, l.blob[0][BINARY][STAGED].len);
				lists_free(&l);
			}
		}
	}
}

/* The table of errors, for commands that are well-formed. */
TEST_F_TIMEOUT(command, refused, 600)
{
	static const struct {
		const char *what;
		bool staged;
		bool current;
		enum list_kind kind;
		const char *command;
		int error;
	} row[] = {
		{ "D on an original file", false, true, CURRENT, "D", EINVAL },
		{ "D on an original file with nothing at all",
		  false, false, CURRENT, "D", EINVAL },
		{ "D on an original file while staged",
		  true, true, CURRENT, "D\n", EINVAL },
		{ "N on a staged file", false, true, STAGED, "1", EINVAL },
		{ "N on a staged file with nothing at all",
		  false, false, STAGED, "1", EINVAL },
		{ "N on a staged file while staged",
		  true, true, STAGED, "1\n", EINVAL },
		{ "N as large as the list on a staged file",
		  true, false, STAGED, "2", EINVAL },
		{ "nothing staged", false, true, STAGED, "D", ENOENT },
		{ "nothing staged, nothing measured",
		  false, false, STAGED, "D\n", ENOENT },
		{ "nothing to stage", false, false, STAGED, "A", ENOENT },
		{ "nothing to stage", false, false, CURRENT, "A\n", ENOENT },
		{ "A while staged", true, true, STAGED, "A", EEXIST },
		{ "A while staged", true, true, CURRENT, "A", EEXIST },
		{ "A while staged, nothing to stage",
		  true, false, STAGED, "A\n", EEXIST },
		{ "A while staged, nothing to stage",
		  true, false, CURRENT, "A", EEXIST },
	};
	unsigned int i, file = 100;
	int bank, form;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		/* From the start for each row. */
		ASSERT_EQ(0, save_and_delete(&self->ima));
		if (row[i].staged) {
			ASSERT_EQ(0, measure_files(&self->ima, "file", file, 2));
			ASSERT_EQ(1, write(self->fd[0][BINARY][STAGED], "A", 1));
		}
		if (row[i].current)
			ASSERT_EQ(0, measure_files(&self->ima, "file", file + 2, 2));
		file += 4;

		ASSERT_EQ(0, remember(self));
		for (bank = 0; bank < self->ima.nr_banks; bank++) {
			for (form = 0; form < NR_FORMS; form++) {
				EXPECT_EQ(row[i].error,
					  errno_of(write(self->fd[bank][form][row[i].kind],
							 row[i].command,
							 strlen(row[i].command))))
					TH_LOG("%s", row[i].what);
				EXPECT_TRUE(unchanged(self))
					TH_LOG("%s", row[i].what);
			}
		}
		if (row[i].staged)
			ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	}
}

/* Memory that is not there is the first reason of all. */
TEST_F(command, bad_pointer)
{
	int staged = self->fd[0][BINARY][STAGED];
	int current = self->fd[0][BINARY][CURRENT];
	char *end = end_of_memory();

	ASSERT_NE(NULL, end);
	end[-1] = 'D';

	ASSERT_EQ(0, remember(self));
	EXPECT_EQ(EFAULT, errno_of(write(staged, end, 1)));
	EXPECT_EQ(EFAULT, errno_of(write(current, end, 1)));
	EXPECT_EQ(EFAULT, errno_of(write(staged, (void *)-4096L, 1)));
	/* Also if the command could be none. */
	EXPECT_EQ(EFAULT, errno_of(write(staged, end, 4000)));
	EXPECT_EQ(EFAULT, errno_of(write(current, end, 22)));
	EXPECT_EQ(EFAULT, errno_of(pwrite(current, end, 1, 100)));
	/* The memory ends in the middle of the command. */
	EXPECT_EQ(EFAULT, errno_of(write(staged, end - 1, 2)));
	EXPECT_EQ(EFAULT, errno_of(write(current, end - 1, 2)));
	EXPECT_TRUE(unchanged(self));

	/* Before EEXIST. */
	ASSERT_EQ(0, stage(self));
	ASSERT_EQ(0, remember(self));
	end[-1] = 'A';
	EXPECT_EQ(EFAULT, errno_of(write(staged, end - 1, 2)));
	EXPECT_EQ(EFAULT, errno_of(write(current, end, 1)));
	EXPECT_TRUE(unchanged(self));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));

	/* Not a byte more is needed than there is. */
	EXPECT_EQ(1, write(current, end - 1, 1));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* What is empty has no memory to look at. */
TEST_F(command, empty_write)
{
	char *end = end_of_memory();
	int kind;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(0, remember(self));
	for (kind = 0; kind < NR_KINDS; kind++) {
		EXPECT_EQ(EINVAL, errno_of(write(self->fd[0][BINARY][kind], "A", 0)));
		EXPECT_EQ(EINVAL, errno_of(write(self->fd[0][ASCII][kind], end, 0)));
		EXPECT_EQ(EINVAL, errno_of(pwrite(self->fd[0][ASCII][kind],
						  "A", 0, 5)));
	}
	EXPECT_TRUE(unchanged(self));
}

/* All of a vectored write is one command. */
TEST_F(command, writev)
{
	struct piece {
		const char *text[4];
		int error;
	};
	static const struct piece refused[] = {
		{ { "A\n", "A\n" }, EINVAL },
		{ { "A", "A" }, EINVAL },
		{ { "A", "D" }, EINVAL },
		{ { "A\n", "D\n" }, EINVAL },
		{ { "D\n", "A\n" }, EINVAL },
		{ { "D\n", "D\n" }, EINVAL },
		{ { "A", "\n", "\n" }, EINVAL },
		{ { "", "\n" }, EINVAL },
		{ { "1\n", "1\n" }, EINVAL },
		{ { "0", "1" }, EINVAL },
		{ { "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA" }, EINVAL },
	};
	static const char * const taken[][4] = {
		{ "A", "\n" },
		{ "", "A", "", "\n" },
		{ "A\n", "" },
		{ "", "", "A" },
	};
	struct iovec iov[4], bad[2] = {
		{ .iov_base = "A", .iov_len = 1 },
		{ .iov_base = end_of_memory(), .iov_len = 1 },
	};
	unsigned int i, j;
	ssize_t len;
	int kind;

	ASSERT_EQ(0, remember(self));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		for (j = 0; j < 4; j++) {
			iov[j].iov_base = (void *)(refused[i].text[j] ?: "");
			iov[j].iov_len = strlen(iov[j].iov_base);
		}
		for (kind = 0; kind < NR_KINDS; kind++) {
			EXPECT_EQ(refused[i].error,
				  errno_of(writev(self->fd[0][BINARY][kind],
						  iov, 4)))
				TH_LOG("row %u", i);
			EXPECT_EQ(refused[i].error,
				  errno_of(pwritev(self->fd[0][BINARY][kind],
						   iov, 4, 2)))
				TH_LOG("row %u", i);
		}
		EXPECT_TRUE(unchanged(self))
			TH_LOG("row %u", i);
	}
	EXPECT_EQ(EFAULT, errno_of(writev(self->fd[0][BINARY][CURRENT], bad, 2)));
	EXPECT_TRUE(unchanged(self));

	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", 100 + i, 1));
		for (j = 0, len = 0; j < 4; j++) {
			iov[j].iov_base = (void *)(taken[i][j] ?: "");
			iov[j].iov_len = strlen(iov[j].iov_base);
			len += iov[j].iov_len;
		}
		ASSERT_EQ(len, writev(self->fd[0][BINARY][STAGED], iov, 4))
			TH_LOG("row %u", i);
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	}
}

/* A descriptor for read only takes no command, nor one for write a read. */
TEST_F(command, wrong_descriptor)
{
	char byte;
	int kind, fd;

	ASSERT_EQ(0, remember(self));
	for (kind = 0; kind < NR_KINDS; kind++) {
		fd = open(self->ima.bank[0].path[BINARY][kind],
			  O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(EBADF, errno_of(write(fd, "A", 1)));
		EXPECT_EQ(-1, pwrite(fd, "A", 1, 0));
		close(fd);
		fd = open(self->ima.bank[0].path[BINARY][kind],
			  O_WRONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(EBADF, errno_of(read(fd, &byte, 1)));
		close(fd);
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_HARNESS_MAIN
