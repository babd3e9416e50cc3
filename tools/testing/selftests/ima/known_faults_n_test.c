// SPDX-License-Identifier: GPL-2.0
/*
 * Faults that other implementations of stage and delete N have; known_faults_test.c
 * tells which tests there are of which fault.
 */
#include <fcntl.h>
#include <sys/uio.h>

#include "common.h"
#include "delete_n.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

FIXTURE(fault_n) {
	struct ima ima;
	/* Two descriptors of the current list. */
	int fd[2];
	struct lists lists;
};

FIXTURE_SETUP(fault_n)
{
	const char *skip = ima_setup(&self->ima);
	int i;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	if (!has_delete_n(&self->ima)) {
		ima_teardown(&self->ima, false);
		SKIP(return, "the kernel takes no numbers");
	}
	/* Begin with nothing. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	for (i = 0; i < 2; i++) {
		self->fd[i] = open(self->ima.bank[0].path[BINARY][CURRENT],
				   O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fd[i]);
	}
}

FIXTURE_TEARDOWN(fault_n)
{
	close(self->fd[0]);
	close(self->fd[1]);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int save_first(struct _test_data_fault_n *self, size_t nr)
{
	int err;

	lists_free(&self->lists);
	err = lists_read(&self->ima, &self->lists);
	return err ?: saved_add_first(&self->ima, &self->lists, nr);
}

/* Each of them deletes its own records, or none. */
TEST_F_TIMEOUT(fault_n, two_numbers_at_once_through_two_descriptors, 600)
{
	unsigned int rounds = env_uint("IMA_TEST_ROUNDS", 100), round;
	int err[2];

	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", 9 * round, 7));
		ASSERT_EQ(0, save_first(self, 6));
		write_at_once(self->fd, "3", err);
		ASSERT_EQ(0, err[0]);
		ASSERT_EQ(0, err[1]);
		ASSERT_EQ(1, ima_count());

		/* Not enough for both. */
		ASSERT_EQ(0, measure_files(&self->ima, "file", 9 * round + 7, 2));
		ASSERT_EQ(0, save_first(self, 2));
		write_at_once(self->fd, "2", err);
		ASSERT_EQ(0, err[0] && err[1]);
		ASSERT_EQ(ENOENT, err[0] | err[1]);
		ASSERT_EQ(1, ima_count());
		ASSERT_EQ(0, save_first(self, 1));
		ASSERT_EQ(0, write_text(self->fd[0], "1"));
	}
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* None of them is taken for the number that it begins with. */
TEST_F(fault_n, odd_spellings_of_n)
{
	static const struct {
		const char *what, *text;
		size_t len;
	} odd[] = {
		{ "sign", "+1", 2 },
		{ "leading zero", "01", 2 },
		{ "two newlines", "1\n\n", 3 },
		{ "NUL", "1", 2 },
		{ "NUL and more", "1\0x", 3 },
	};
	const struct iovec twice[] = {
		{ .iov_base = "1\n", .iov_len = 2 },
		{ .iov_base = "1\n", .iov_len = 2 },
	};
	size_t i;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		EXPECT_EQ(EINVAL, errno_of(write(self->fd[0], odd[i].text, odd[i].len)))
			TH_LOG("%s", odd[i].what);
		EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists))
			TH_LOG("%s", odd[i].what);
	}
	/* One command, which has a newline in its middle, and not two. */
	EXPECT_EQ(EINVAL, errno_of(writev(self->fd[0], twice, 2)));
	EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists));
}

/* Staged records are older: nothing newer goes before them. */
TEST_F(fault_n, n_while_staged)
{
	static const char * const numbers[] = { "1", "2\n", "3", "5" };
	size_t i;
	int staged;

	staged = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, staged);
	ASSERT_EQ(0, measure_files(&self->ima, "old", 0, 3));
	ASSERT_EQ(0, write_text(self->fd[0], "A"));
	ASSERT_EQ(0, measure_files(&self->ima, "new", 0, 2));
	ASSERT_EQ(2, ima_count());
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(EEXIST, write_text(self->fd[0], numbers[i]))
			TH_LOG("%s", numbers[i]);
		EXPECT_EQ(EINVAL, write_text(staged, numbers[i]))
			TH_LOG("%s", numbers[i]);
		EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists))
			TH_LOG("%s", numbers[i]);
	}
	/* The older ones first, and then there is something to count again. */
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, staged));
	EXPECT_EQ(2, ima_count());
	ASSERT_EQ(0, save_first(self, 1));
	EXPECT_EQ(0, write_text(self->fd[0], "1"));
	EXPECT_EQ(1, ima_count());
	close(staged);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* N is taken, and what it deletes is forgotten, but nothing else. */
TEST_F(fault_n, n_under_flush)
{
	static const char * const contents[] = { "first", "second" };
	char path[512];
	size_t i;

	if (!ima_forgets_deleted())
		SKIP(return, "booted without ima_flush_htable");
	snprintf(path, sizeof(path), "%s/file", self->ima.dir);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, measure_content(path, contents[i]));
	ASSERT_EQ(2, ima_count());
	ASSERT_EQ(0, save_first(self, 1));
	ASSERT_EQ(0, write_text(self->fd[0], "1"));
	ASSERT_EQ(1, ima_count());
	ASSERT_EQ(0, measure_content(path, contents[1]));
	if (ima_count() != 1 && ima_may_record_duplicates())
		SKIP(return, "the kernel records duplicates (CONFIG_IMA_DISABLE_HTABLE)");
	EXPECT_EQ(1, ima_count())
		TH_LOG("a record that is in the list came again");
	ASSERT_EQ(0, measure_content(path, contents[0]));
	EXPECT_EQ(2, ima_count())
		TH_LOG("what was deleted is still remembered");
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_HARNESS_MAIN
