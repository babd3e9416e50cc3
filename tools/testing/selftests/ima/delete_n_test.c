// SPDX-License-Identifier: GPL-2.0
/*
 * Stage and delete N: a number that is written to an original file deletes as
 * many records, the oldest ones, at once.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include "common.h"
#include "delete_n.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

/* ULONG_MAX + 1, whatever size a long has. */
static void first_too_large(char *text, size_t room)
{
	int i = snprintf(text, room, "%lu", ULONG_MAX) - 1;

	while (text[i] == '9')
		text[i--] = '0';
	text[i]++;
}

/* Where the record after the first @nr ones begins. */
static size_t offset_after(const struct ima *ima, int bank,
			   const struct blob *binary, size_t nr)
{
	struct mlist list;
	size_t i, off = 0;

	if (mlist_parse(&list, binary->data, binary->len,
			ima->bank[bank].digest_size))
		return SIZE_MAX;
	for (i = 0; i < nr && i < list.nr; i++)
		off += list.rec[i].raw_len;
	if (i < nr)
		off = SIZE_MAX;
	mlist_free(&list);
	return off;
}

static size_t offset_after_lines(const struct blob *ascii, size_t nr)
{
	size_t off;

	for (off = 0; nr && off < ascii->len; off++)
		if (ascii->data[off] == '\n')
			nr--;
	return nr ? SIZE_MAX : off;
}

/* Is @now what @before was without its first @nr records? */
static bool first_are_gone(const struct ima *ima, const struct lists *before,
			   const struct lists *now, size_t nr)
{
	int i, form;

	for (i = 0; i < ima->nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			const struct blob *b = &before->blob[i][form][CURRENT];
			const struct blob *n = &now->blob[i][form][CURRENT];
			size_t off;

			off = form == BINARY ? offset_after(ima, i, b, nr) :
					       offset_after_lines(b, nr);
			if (off > b->len || n->len != b->len - off ||
			    (n->len && memcmp(n->data, b->data + off, n->len)) ||
			    now->blob[i][form][STAGED].len)
				return false;
		}
	}
	/* A kernel that does not count deleted records says the same before. */
	if (now->deleted != before->deleted + (before->deleted < 0 ? 0 : (long)nr))
		return false;
	return now->count == before->count - (long)nr;
}

FIXTURE(delete_n) {
	struct ima ima;
	/* Files of the variant's bank and form. */
	int current;
	int staged;
	struct lists lists;
};

FIXTURE_VARIANT(delete_n) {
	int bank;
	enum list_form form;
};

FIXTURE_VARIANT_ADD(delete_n, ascii_bank0) {
	.bank = 0, .form = ASCII,
};

FIXTURE_VARIANT_ADD(delete_n, binary_bank0) {
	.bank = 0, .form = BINARY,
};

FIXTURE_VARIANT_ADD(delete_n, ascii_bank1) {
	.bank = 1, .form = ASCII,
};

FIXTURE_VARIANT_ADD(delete_n, binary_bank1) {
	.bank = 1, .form = BINARY,
};

FIXTURE_SETUP(delete_n)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	if (!has_delete_n(&self->ima)) {
		ima_teardown(&self->ima, false);
		SKIP(return, "the kernel takes no numbers");
	}
	if (variant->bank >= self->ima.nr_banks) {
		ima_teardown(&self->ima, false);
		SKIP(return, "only %d bank", self->ima.nr_banks);
	}
	/* Begin with nothing. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->current = open(self->ima.bank[variant->bank].path[variant->form][CURRENT],
			     O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->current);
	self->staged = open(self->ima.bank[variant->bank].path[variant->form][STAGED],
			    O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->staged);
}

FIXTURE_TEARDOWN(delete_n)
{
	close(self->current);
	close(self->staged);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int remember(struct _test_data_delete_n *self)
{
	lists_free(&self->lists);
	return lists_read(&self->ima, &self->lists);
}

static bool unchanged(struct _test_data_delete_n *self)
{
	return lists_unchanged(&self->ima, &self->lists);
}

/* Save the first records, and delete them by @text. */
static int save_and_delete_n(struct _test_data_delete_n *self, size_t nr,
			     const char *text)
{
	int err = remember(self);

	err = err ?: saved_add_first(&self->ima, &self->lists, nr);
	return err ?: write_text(self->current, text);
}

/* In each list of each bank the first N are gone, and only those. */
TEST_F(delete_n, deletes_the_first)
{
	static const struct {
		unsigned int nr;
		const char *text;
	} step[] = {
		{ 1, "1" }, { 2, "2\n" }, { 10, "10" }, { 1, "1\n" }, { 6, "6" },
	};
	struct lists now;
	unsigned int i;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 20));
	for (i = 0; i < ARRAY_SIZE(step); i++) {
		ASSERT_EQ(0, save_and_delete_n(self, step[i].nr, step[i].text));
		ASSERT_EQ(0, lists_read(&self->ima, &now));
		EXPECT_TRUE(first_are_gone(&self->ima, &self->lists, &now,
					   step[i].nr))
			TH_LOG("%s", step[i].text);
		lists_free(&now);
	}
	EXPECT_EQ(0, ima_count());
	/* And the list can be appended to again. */
	ASSERT_EQ(0, measure_files(&self->ima, "file", 20, 3));
	EXPECT_EQ(3, ima_count());
	ASSERT_EQ(0, save_and_delete_n(self, 3, "3"));
	EXPECT_EQ(0, ima_count());
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_F_TIMEOUT(delete_n, refused, 600)
{
	char max[32], too_large[32], text[64];
	struct {
		const char *what;
		bool staged;
		bool on_staged;
		const char *text;
		int error;
	} row[] = {
		{ "more than there are", false, false, "4", ENOENT },
		{ "many more than there are", false, false, "1000000", ENOENT },
		{ "ULONG_MAX", false, false, max, ENOENT },
		{ "ULONG_MAX + 1", false, false, too_large, ERANGE },
		{ "20 nines", false, false, "99999999999999999999", ERANGE },
		{ "too large on a staged file", false, true, too_large, ERANGE },
		{ "too large while staged", true, false, too_large, ERANGE },
		{ "too large on a staged file while staged",
		  true, true, too_large, ERANGE },
		{ "21 digits", false, false, "999999999999999999999", EINVAL },
		{ "21 digits on a staged file while staged",
		  true, true, "999999999999999999999", EINVAL },
		{ "staged file", false, true, "1", EINVAL },
		{ "ULONG_MAX on a staged file", false, true, max, EINVAL },
		{ "staged file while staged", true, true, "1", EINVAL },
		{ "while staged", true, false, "1", EEXIST },
		{ "all of them while staged", true, false, "3", EEXIST },
		{ "more than there are while staged", true, false, "4", EEXIST },
		{ "ULONG_MAX while staged", true, false, max, EEXIST },
		{ "zero", false, false, "0", EINVAL },
		{ "zero while staged", true, false, "0", EINVAL },
		{ "leading zero", false, false, "01", EINVAL },
		{ "leading zero, too large", true, true,
		  "09999999999999999999", EINVAL },
		{ "sign", false, false, "+1", EINVAL },
		{ "minus", false, false, "-1", EINVAL },
		{ "something behind", false, false, "1x", EINVAL },
		{ "too large with something behind",
		  false, false, "9999999999999999999x", EINVAL },
	};
	unsigned int i, newline;
	int fd;

	snprintf(max, sizeof(max), "%lu", ULONG_MAX);
	first_too_large(too_large, sizeof(too_large));
	ASSERT_EQ(0, measure_files(&self->ima, "old", 0, 2));
	/* Rows with and without something staged, as they come. */
	for (i = 0; i < 2 * ARRAY_SIZE(row); i++) {
		unsigned int r = i % ARRAY_SIZE(row);
		bool staged = i >= ARRAY_SIZE(row);

		if (i == ARRAY_SIZE(row))
			ASSERT_EQ(0, write_text(self->staged, "A"));
		if (!i || i == ARRAY_SIZE(row)) {
			ASSERT_EQ(0, measure_files(&self->ima, "file", i,
						   i ? 3 : 1));
			ASSERT_EQ(3, ima_count());
			ASSERT_EQ(0, remember(self));
		}
		if (row[r].staged != staged)
			continue;
		fd = row[r].on_staged ? self->staged : self->current;
		for (newline = 0; newline < 2; newline++) {
			snprintf(text, sizeof(text), "%s%s", row[r].text,
				 newline ? "\n" : "");
			EXPECT_EQ(row[r].error, write_text(fd, text))
				TH_LOG("%s", row[r].what);
			EXPECT_TRUE(unchanged(self))
				TH_LOG("%s", row[r].what);
		}
	}
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* With nothing in the list. */
TEST_F(delete_n, empty_list)
{
	EXPECT_EQ(ENOENT, write_text(self->current, "1"));
	EXPECT_EQ(ENOENT, write_text(self->current, "123456789\n"));
	EXPECT_EQ(0, ima_count());
}

/* Only digits, of any length, as a number: what it gives on either file. */
static void try_digits(struct __test_metadata *_metadata,
		       struct _test_data_delete_n *self, const char *text,
		       size_t len, bool staged)
{
	int error = EINVAL, on_staged = EINVAL;

	if (len && len <= 20) {
		errno = 0;
		if (strtoul(text, NULL, 10) == ULONG_MAX && errno) {
			error = ERANGE;
			on_staged = ERANGE;
		} else {
			error = staged ? EEXIST : ENOENT;
		}
	}
	EXPECT_EQ(error, errno_of(write(self->current, text, len)))
		TH_LOG("%zu digits", len);
	/* Once it is too long, it is so on each file. */
	if (len < 64)
		EXPECT_EQ(on_staged, errno_of(write(self->staged, text, len)))
			TH_LOG("%zu digits", len);
}

/* The variants share the lengths among themselves. */
TEST_F_TIMEOUT(delete_n, each_length, 600)
{
	size_t step = NR_FORMS * (self->ima.nr_banks > 1 ? 2 : 1), len;
	size_t page = sysconf(_SC_PAGESIZE);
	char *text = malloc(page + 2);
	int staged;

	ASSERT_NE(NULL, text);
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	for (staged = 0; staged < 2; staged++) {
		if (staged) {
			ASSERT_EQ(0, write_text(self->current, "A"));
			ASSERT_EQ(0, measure_files(&self->ima, "file", 3, 3));
		}
		ASSERT_EQ(0, remember(self));
		for (len = variant->bank * NR_FORMS + variant->form;
		     len <= page + 1; len += step) {
			memset(text, '9', len);
			text[len] = '\0';
			try_digits(_metadata, self, text, len, staged);
			memset(text, '1', len);
			/* A single one could be done. */
			if (len > 1 && len < 64)
				try_digits(_metadata, self, text, len, staged);
			/* Where there is something to go wrong. */
			if (len < 64 || page - len < 64)
				ASSERT_TRUE(unchanged(self));
		}
		ASSERT_TRUE(unchanged(self));
	}
	free(text);
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* A vectored write is one number. */
TEST_F(delete_n, writev)
{
	struct iovec two[] = {
		{ .iov_base = "1\n", .iov_len = 2 },
		{ .iov_base = "1\n", .iov_len = 2 },
	};
	struct iovec eleven[] = {
		{ .iov_base = "1", .iov_len = 1 },
		{ .iov_base = "1\n", .iov_len = 2 },
	};

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 12));
	ASSERT_EQ(0, remember(self));
	EXPECT_EQ(EINVAL, errno_of(writev(self->current, two, 2)));
	EXPECT_TRUE(unchanged(self));
	ASSERT_EQ(0, saved_add_first(&self->ima, &self->lists, 11));
	EXPECT_EQ(3, writev(self->current, eleven, 2));
	EXPECT_EQ(1, ima_count());
}

/* A client that opens once reads each time from the new start of the list. */
TEST_F(delete_n, kept_descriptor)
{
	struct blob seen = { }, *want;
	unsigned int round, file = 0;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", file, 7));
		file += 7;
		ASSERT_EQ(0, remember(self));
		want = &self->lists.blob[variant->bank][variant->form][CURRENT];
		seen.len = 0;
		ASSERT_EQ(0, blob_read_fd(&seen, self->current, 512));
		EXPECT_TRUE(blob_equal(want, &seen));
		ASSERT_EQ(0, save_and_delete_n(self, 5, "5"));
		ASSERT_EQ(0, remember(self));
	}
	EXPECT_EQ(6, ima_count());

	/* The first one of the list, also in the middle of a buffer. */
	ASSERT_EQ(0, remember(self));
	seen.len = 0;
	ASSERT_EQ(0, blob_read_fd(&seen, self->current, 512));
	EXPECT_TRUE(blob_equal(want, &seen));
	blob_free(&seen);
}

/*
 * What a refused number leaves of the list that is being read: all of it, behind
 * what was read, and again from its start.
 */
TEST_F(delete_n, refused_number_does_not_rewind)
{
	static const struct {
		bool staged;
		const char *text;
		int error;
	} row[] = {
		{ false, "51", ENOENT }, { false, "0", EINVAL },
		{ false, "99999999999999999999", ERANGE },
		{ true, "1", EEXIST }, { true, "50\n", EEXIST },
	};
	struct blob seen = { }, *want;
	char buf[1000];
	unsigned int i;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 50));
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].staged && !row[i - 1].staged) {
			ASSERT_EQ(0, write_text(self->current, "A"));
			ASSERT_EQ(0, measure_files(&self->ima, "file", 50, 50));
		}
		ASSERT_EQ(0, remember(self));
		want = &self->lists.blob[variant->bank][variant->form][CURRENT];
		ASSERT_LT(2 * sizeof(buf), want->len);
		ASSERT_EQ(0, lseek(self->current, 0, SEEK_SET));
		ASSERT_EQ((ssize_t)sizeof(buf), read(self->current, buf, sizeof(buf)));
		seen.len = 0;
		blob_add(&seen, buf, sizeof(buf));
		EXPECT_EQ(row[i].error, write_text(self->current, row[i].text));
		ASSERT_EQ(0, blob_read_fd(&seen, self->current, 512));
		EXPECT_TRUE(blob_equal(want, &seen))
			TH_LOG("%s: %zu of %zu bytes", row[i].text, seen.len, want->len);

		ASSERT_EQ(20, lseek(self->current, 20, SEEK_SET));
		EXPECT_EQ(row[i].error, write_text(self->current, row[i].text));
		ASSERT_EQ(0, lseek(self->current, 0, SEEK_SET));
		seen.len = 0;
		ASSERT_EQ(0, blob_read_fd(&seen, self->current, 512));
		EXPECT_TRUE(blob_equal(want, &seen))
			TH_LOG("%s: %zu of %zu bytes", row[i].text, seen.len, want->len);
	}
	blob_free(&seen);
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* Another descriptor does not go on in a list that has moved. */
TEST_F(delete_n, stale_reader)
{
	const char *path = self->ima.bank[variant->bank].path[variant->form][CURRENT];
	struct blob seen = { };
	char buf[10];
	int fd;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 5));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(10, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(ENOENT, write_text(self->current, "6"));
	EXPECT_EQ(10, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(0, save_and_delete_n(self, 2, "2"));
	EXPECT_EQ(ESTALE, errno_of(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(ESTALE, errno_of(pread(fd, buf, sizeof(buf), 1)));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(0, remember(self));
	ASSERT_EQ(0, blob_read_fd(&seen, fd, 512));
	EXPECT_TRUE(blob_equal(&self->lists.blob[variant->bank][variant->form][CURRENT],
			       &seen));
	close(fd);
	blob_free(&seen);
}

/*
 * What was deleted has been measured, and is not recorded again, unless the
 * kernel was told to forget it.
 */
TEST_F(delete_n, duplicates)
{
	bool forgets = ima_forgets_deleted();
	char path[512], kept[512];

	snprintf(path, sizeof(path), "%s/file", self->ima.dir);
	snprintf(kept, sizeof(kept), "%s/kept", self->ima.dir);
	ASSERT_EQ(0, measure_content(path, "content"));
	ASSERT_EQ(0, measure_content(path, "content"));
	if (ima_count() != 1 && ima_may_record_duplicates())
		SKIP(return, "the kernel records duplicates (CONFIG_IMA_DISABLE_HTABLE)");
	ASSERT_EQ(1, ima_count());
	ASSERT_EQ(0, measure_content(kept, "content"));
	ASSERT_EQ(2, ima_count());
	ASSERT_EQ(0, save_and_delete_n(self, 1, "1"));
	ASSERT_EQ(0, measure_content(kept, "content"));
	EXPECT_EQ(1, ima_count())
		TH_LOG("recorded again, though its record is in the list");
	ASSERT_EQ(0, measure_content(path, "content"));
	EXPECT_EQ(1 + forgets, ima_count())
		TH_LOG("after it was deleted");
	ASSERT_EQ(0, measure_content(path, "other content"));
	EXPECT_EQ(2 + forgets, ima_count());
	ASSERT_EQ(0, save_and_delete_n(self, 1, "1"));
	ASSERT_EQ(0, measure_content(kept, "content"));
	EXPECT_EQ(1 + 2 * forgets, ima_count());
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* Both flavours in turn: no record is lost, none comes twice. */
TEST_F_TIMEOUT(delete_n, with_staging, 600)
{
	struct appenders a = { .procs = 1 };
	struct blob all = { };
	struct mlist list;
	int round;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc, 7));
		a.per_proc += 7;
		ASSERT_EQ(0, save_and_delete_n(self, 3, "3"));
		ASSERT_EQ(0, write_text(self->current, "A"));
		ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc, 2));
		a.per_proc += 2;
		ASSERT_EQ(EEXIST, write_text(self->current, "1"));
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		ASSERT_EQ(0, save_and_delete_n(self, 1, "1"));
	}
	EXPECT_EQ(1, ima_count());
	ASSERT_EQ(0, saved_read_all(&self->ima, 0, &all));
	ASSERT_EQ(0, mlist_parse(&list, all.data, all.len,
				 self->ima.bank[0].digest_size));
	EXPECT_STREQ("", appenders_check(&self->ima, &a, &list));
	mlist_free(&list);
	blob_free(&all);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

FIXTURE(race) {
	struct ima ima;
};

FIXTURE_SETUP(race)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	if (!has_delete_n(&self->ima)) {
		ima_teardown(&self->ima, false);
		SKIP(return, "the kernel takes no numbers");
	}
	/* The lists are short when the race begins. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Each success of each thread has deleted its own records. */
TEST_F_TIMEOUT(race, threads_delete_n, 600)
{
	struct race_command commands[] = {
		{ CURRENT, "1", 0 },
		{ CURRENT, "1\n", 0 },
		{ CURRENT, "2", 0 },
		{ CURRENT, "3", 0 },
	};
	const char *unfit = race_unfit(&self->ima);
	unsigned int deleted = 0;

	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_STREQ("", race_run(&self->ima, commands, ARRAY_SIZE(commands),
				  env_uint("IMA_TEST_ROUNDS", 500), &deleted));
	TH_LOG("deleted 1: %u+%u, 2: %u, 3: %u times, %u records",
	       commands[0].done, commands[1].done, commands[2].done,
	       commands[3].done, deleted);
	EXPECT_EQ(deleted, commands[0].done + commands[1].done +
			   2 * commands[2].done + 3 * commands[3].done);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_F_TIMEOUT(race, threads_of_all_commands, 600)
{
	struct race_command commands[] = {
		{ CURRENT, "1", 0 },
		{ CURRENT, "2\n", 0 },
		{ CURRENT, "A", 0 },
		{ STAGED, "A\n", 0 },
		{ STAGED, "D", 0 },
	};
	const char *unfit = race_unfit(&self->ima);
	unsigned int deleted = 0;

	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_STREQ("", race_run(&self->ima, commands, ARRAY_SIZE(commands),
				  env_uint("IMA_TEST_ROUNDS", 500), &deleted));
	TH_LOG("deleted 1: %u, 2: %u, staged %u+%u, deleted %u times, %u records",
	       commands[0].done, commands[1].done, commands[2].done,
	       commands[3].done, commands[4].done, deleted);
	EXPECT_LE(commands[0].done + 2 * commands[1].done, deleted);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* An agent that deletes what it has read, and not what came since. */
TEST_F_TIMEOUT(race, appenders_against_agent, 600)
{
	struct appenders a = {
		.procs = 4,
		.per_proc = env_uint("IMA_TEST_RECORDS", 250),
	};
	size_t digest_size = self->ima.bank[0].digest_size;
	unsigned int rounds = 0;
	struct blob all = { };
	struct mlist list;
	struct lists l;
	int fd, running;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	ASSERT_EQ(0, appenders_start(&self->ima, &a));
	fd = open(self->ima.bank[0].path[BINARY][CURRENT], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	do {
		size_t nr;

		running = appenders_running(&a);
		ASSERT_LE(0, running);
		/* The bank that is read first has the fewest records. */
		ASSERT_EQ(0, lists_read(&self->ima, &l));
		ASSERT_EQ(0, mlist_parse(&list, l.blob[0][BINARY][CURRENT].data,
					 l.blob[0][BINARY][CURRENT].len,
					 digest_size));
		nr = list.nr;
		mlist_free(&list);
		if (nr) {
			ASSERT_EQ(0, saved_add_first(&self->ima, &l, nr));
			ASSERT_EQ(0, write_number(fd, nr));
			rounds++;
		}
		lists_free(&l);
	} while (running || ima_count());
	close(fd);
	TH_LOG("%u rounds", rounds);
	EXPECT_LT(5, rounds);

	ASSERT_EQ(0, saved_read_all(&self->ima, 0, &all));
	ASSERT_EQ(0, mlist_parse(&list, all.data, all.len, digest_size));
	EXPECT_STREQ("", appenders_check(&self->ima, &a, &list));
	mlist_free(&list);
	blob_free(&all);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_HARNESS_MAIN
