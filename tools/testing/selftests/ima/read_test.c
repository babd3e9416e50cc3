// SPDX-License-Identifier: GPL-2.0
/*
 * Reading goes on where it ended: whatever pieces a list is read in, by whatever
 * calls and through however many descriptors, it is what one read of all of it
 * shows. A command that takes records from it is told by ESTALE, and nothing of
 * what comes then is mixed with what was read before. One that is refused is
 * none.
 */
#include <fcntl.h>

#include "common.h"
#include "harness.h"
#include "saved.h"

/* Records in each list: small ones, one larger than a page, and small ones. */
#define BEFORE_LARGE 13
#define BEHIND_LARGE 40
#define RECORDS (BEFORE_LARGE + 1 + BEHIND_LARGE)

FIXTURE(read) {
	struct ima ima;
	struct lists lists;
	/* Of the variant's list: the bank's file, and what it shows. */
	const char *path[MAX_BANKS];
	const struct blob *want[MAX_BANKS];
	/* To write commands to. */
	int staged;
	int current;
	struct blob seen[2];
};

FIXTURE_VARIANT(read) {
	enum list_form form;
	enum list_kind kind;
};

FIXTURE_VARIANT_ADD(read, ascii_current) {
	.form = ASCII, .kind = CURRENT,
};

FIXTURE_VARIANT_ADD(read, ascii_staged) {
	.form = ASCII, .kind = STAGED,
};

FIXTURE_VARIANT_ADD(read, binary_current) {
	.form = BINARY, .kind = CURRENT,
};

FIXTURE_VARIANT_ADD(read, binary_staged) {
	.form = BINARY, .kind = STAGED,
};

static int fill_list(const struct ima *ima, const char *name)
{
	int err;

	err = measure_files(ima, name, 0, BEFORE_LARGE);
	err = err ?: measure_long_path(ima, name);
	return err ?: measure_files(ima, name, BEFORE_LARGE, BEHIND_LARGE);
}

FIXTURE_SETUP(read)
{
	const char *skip = ima_setup(&self->ima);
	int i;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	/* Begin with nothing. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->staged = open(self->ima.bank[0].path[BINARY][STAGED],
			    O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->staged);
	self->current = open(self->ima.bank[0].path[BINARY][CURRENT],
			     O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->current);
	ASSERT_EQ(0, fill_list(&self->ima, "old"));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, fill_list(&self->ima, "new"));
	ASSERT_EQ(RECORDS, ima_count());
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	for (i = 0; i < self->ima.nr_banks; i++) {
		self->path[i] = self->ima.bank[i].path[variant->form][variant->kind];
		self->want[i] = &self->lists.blob[i][variant->form][variant->kind];
		/* More than two buffers of the first size. */
		ASSERT_LT(2 * 4096, self->want[i]->len);
	}
}

FIXTURE_TEARDOWN(read)
{
	EXPECT_EQ(0, save_and_delete(&self->ima));
	EXPECT_EQ(0, save_and_delete(&self->ima));
	close(self->staged);
	close(self->current);
	blob_free(&self->seen[0]);
	blob_free(&self->seen[1]);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Is what was read at @pos, @got bytes of @len, what the list has there? */
static bool is_part(const struct blob *want, off_t pos, const void *buf,
		    ssize_t got, size_t len)
{
	size_t left = pos < (off_t)want->len ? want->len - pos : 0;

	if (got < 0 || (size_t)got > len || (size_t)got > left)
		return false;
	/* Some of what is there has to be read, but not all that was asked for. */
	if (!got)
		return !left || !len;
	return !memcmp(want->data + pos, buf, got);
}

/* From one offset to the next, from @pos on, up to @end. */
static bool pread_consecutive(int fd, const struct blob *want, off_t pos,
			      off_t end, size_t chunk)
{
	static char buf[1 << 16];
	ssize_t got = 1;

	while (pos < end && got > 0) {
		got = pread(fd, buf, chunk, pos);
		if (!is_part(want, pos, buf, got, chunk))
			return false;
		pos += got;
	}
	return true;
}

TEST_F_TIMEOUT(read, pread_at_consecutive_offsets, 600)
{
	static const size_t chunks[] = {
		2, 3, 7, 61, 64, 997, 1000, 4095, 4096, 4097, 65536,
	};
	const struct blob *want;
	unsigned int j;
	int i, fd;
	off_t end;

	for (i = 0; i < self->ima.nr_banks; i++) {
		want = self->want[i];
		fd = open(self->path[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		for (j = 0; j < ARRAY_SIZE(chunks); j++) {
			/* Small ones from some records only: they take long. */
			end = chunks[j] < 10 ? 1500 : want->len + chunks[j];
			EXPECT_TRUE(pread_consecutive(fd, want, 0, end, chunks[j]))
				TH_LOG("%zu bytes each", chunks[j]);
		}
		/* It has no position of its own. */
		EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
		close(fd);
	}
}

/* Some records at the start, some at a buffer's end, and the last ones. */
TEST_F_TIMEOUT(read, pread_of_single_bytes, 600)
{
	const struct blob *want;
	int i, fd;

	for (i = 0; i < self->ima.nr_banks; i++) {
		want = self->want[i];
		fd = open(self->path[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_TRUE(pread_consecutive(fd, want, 0, 700, 1));
		EXPECT_TRUE(pread_consecutive(fd, want, 3900, 4300, 1));
		EXPECT_TRUE(pread_consecutive(fd, want, want->len - 500,
					      want->len + 3, 1));
		close(fd);
	}
}

TEST_F_TIMEOUT(read, pread_at_odd_offsets, 600)
{
	unsigned int seed = 4711, nr;
	const struct blob *want;
	char buf[600];
	size_t len;
	off_t pos;
	int i, fd;

	for (i = 0; i < self->ima.nr_banks; i++) {
		want = self->want[i];
		fd = open(self->path[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		for (nr = 0; nr < 1500; nr++) {
			pos = (rand_r(&seed) % (want->len + 50)) | 1;
			len = rand_r(&seed) % sizeof(buf) + 1;
			ASSERT_TRUE(is_part(want, pos, buf, pread(fd, buf, len, pos), len))
				TH_LOG("%zu bytes at %lld", len, (long long)pos);
		}
		close(fd);
	}
}

/* All of one bank's: those of the others differ in their digests alone. */
TEST_F_TIMEOUT(read, single_bytes, 600)
{
	int fd;

	fd = open(self->path[0], O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, blob_read_fd(&self->seen[0], fd, 1));
	EXPECT_TRUE(blob_equal(self->want[0], &self->seen[0]));
	close(fd);
}

/* Read up to @len bytes more. Return: what read() gave. */
static ssize_t read_more(struct blob *seen, int fd, size_t len)
{
	char buf[256];
	ssize_t got;

	got = read(fd, buf, len < sizeof(buf) ? len : sizeof(buf));
	if (got > 0)
		blob_add(seen, buf, got);
	return got;
}

/* In turn, in pieces of another size each: neither knows of the other. */
TEST_F_TIMEOUT(read, two_descriptors_in_turn, 600)
{
	static const size_t pieces[2][3] = { { 1, 13, 5 }, { 29, 1, 200 } };
	unsigned int turn, j;
	ssize_t got[2];
	int i, fd[2];

	for (i = 0; i < self->ima.nr_banks; i++) {
		for (j = 0; j < 2; j++) {
			fd[j] = open(self->path[i], O_RDONLY | O_CLOEXEC);
			ASSERT_LE(0, fd[j]);
			self->seen[j].len = 0;
			got[j] = 1;
		}
		for (turn = 0; got[0] > 0 || got[1] > 0; turn++) {
			for (j = 0; j < 2; j++) {
				got[j] = read_more(&self->seen[j], fd[j],
						   pieces[j][turn % 3]);
				ASSERT_LE(0, got[j]);
			}
		}
		for (j = 0; j < 2; j++) {
			EXPECT_TRUE(blob_equal(self->want[i], &self->seen[j]));
			close(fd[j]);
		}
	}
}

/* A read at the descriptor's position, and one elsewhere, in turn. */
TEST_F_TIMEOUT(read, read_and_pread_in_turn, 600)
{
	const struct blob *want;
	unsigned int turn;
	char buf[64];
	ssize_t got;
	off_t pos;
	int i, fd;

	for (i = 0; i < self->ima.nr_banks; i++) {
		want = self->want[i];
		fd = open(self->path[i], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		self->seen[0].len = 0;
		for (turn = 0, got = 1; got > 0; turn++) {
			got = read_more(&self->seen[0], fd, 1 + turn % 37);
			ASSERT_LE(0, got);
			pos = (turn * 4099UL) % (want->len + 7);
			ASSERT_TRUE(is_part(want, pos, buf,
					    pread(fd, buf, sizeof(buf), pos), sizeof(buf)))
				TH_LOG("at %lld", (long long)pos);
			ASSERT_EQ((off_t)self->seen[0].len, lseek(fd, 0, SEEK_CUR));
		}
		EXPECT_TRUE(blob_equal(want, &self->seen[0]));
		close(fd);
	}
}

/* Half of the list was read: no way leads to the other half. */
static void expect_stale(struct __test_metadata *_metadata, int fd,
			 const struct blob *want)
{
	const off_t offsets[] = {
		1, 2, want->len / 2, want->len / 2 + 1, want->len - 1, want->len,
		want->len + 1, 4096, 65536,
	};
	unsigned int i;
	char buf[16];
	off_t pos;

	EXPECT_EQ(ESTALE, errno_of(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(ESTALE, errno_of(read(fd, buf, 1)));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		pos = offsets[i];
		EXPECT_EQ(ESTALE, errno_of(pread(fd, buf, sizeof(buf), pos)))
			TH_LOG("at %lld", (long long)pos);
		EXPECT_EQ(ESTALE, errno_of(lseek(fd, pos, SEEK_SET)))
			TH_LOG("to %lld", (long long)pos);
	}
}

/* A command comes in between, while two descriptors are read in turn. */
TEST_F_TIMEOUT(read, command_in_between, 600)
{
	const struct blob *want = self->want[0];
	struct lists now = { };
	unsigned int j;
	char buf[100];
	int fd[2];

	for (j = 0; j < 2; j++) {
		fd[j] = open(self->path[0], O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd[j]);
	}
	while (self->seen[1].len < want->len / 2) {
		ASSERT_EQ(7, read_more(&self->seen[0], fd[0], 7));
		ASSERT_EQ(31, read_more(&self->seen[1], fd[1], 31));
	}
	/* Not of this list. */
	if (variant->kind == CURRENT) {
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		EXPECT_EQ(7, read_more(&self->seen[0], fd[0], 7));
		EXPECT_EQ(31, read_more(&self->seen[1], fd[1], 31));
		ASSERT_EQ(1, write(self->current, "A", 1));
	} else {
		EXPECT_EQ(EEXIST, errno_of(write(self->current, "A", 1)));
		EXPECT_EQ(7, read_more(&self->seen[0], fd[0], 7));
		EXPECT_EQ(31, read_more(&self->seen[1], fd[1], 31));
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	}
	for (j = 0; j < 2; j++) {
		EXPECT_EQ(0, memcmp(want->data, self->seen[j].data, self->seen[j].len));
		expect_stale(_metadata, fd[j], want);
	}

	/* The list is empty now. One of the two looks, by pread, and knows it. */
	EXPECT_EQ(0, pread(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, pread(fd[1], buf, sizeof(buf), 1));
	expect_stale(_metadata, fd[0], want);

	/* And then it is another one, which both can read whole. */
	if (variant->kind == CURRENT) {
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		ASSERT_EQ(0, fill_list(&self->ima, "third"));
	} else {
		ASSERT_EQ(1, write(self->current, "A", 1));
	}
	ASSERT_EQ(0, lists_read(&self->ima, &now));
	want = &now.blob[0][variant->form][variant->kind];
	ASSERT_LT(2 * 4096, want->len);
	expect_stale(_metadata, fd[0], want);
	/* To go to the start is not enough: it has to be read from there. */
	ASSERT_EQ(0, lseek(fd[0], 0, SEEK_SET));
	EXPECT_EQ(ESTALE, errno_of(lseek(fd[0], 1, SEEK_SET)));
	EXPECT_EQ(ESTALE, errno_of(pread(fd[0], buf, sizeof(buf), 1)));
	ASSERT_LT(0, pread(fd[1], buf, sizeof(buf), 0));
	EXPECT_TRUE(pread_consecutive(fd[1], want, 0, 500, 1));
	EXPECT_TRUE(pread_consecutive(fd[1], want, 0, want->len + 1, 997));
	self->seen[0].len = 0;
	ASSERT_EQ(0, blob_read_fd(&self->seen[0], fd[0], 61));
	EXPECT_TRUE(blob_equal(want, &self->seen[0]));
	close(fd[0]);
	close(fd[1]);
	lists_free(&now);
}

/* The same, each time before another one of the bytes of some records. */
TEST_F_TIMEOUT(read, command_at_each_byte, 600)
{
	unsigned int nr, file = 1000;
	struct lists now = { };
	const struct blob *want;
	int fd, err;
	char byte;

	fd = open(self->path[0], O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (nr = 1; nr < 300; nr += 23) {
		/* Few records: what is staged first, then the others. */
		ASSERT_EQ(0, save_and_delete(&self->ima));
		ASSERT_EQ(0, save_and_delete(&self->ima));
		ASSERT_EQ(0, measure_files(&self->ima, "byte", file, 3));
		file += 3;
		if (variant->kind == STAGED)
			ASSERT_EQ(1, write(self->current, "A", 1));
		lists_free(&now);
		ASSERT_EQ(0, lists_read(&self->ima, &now));
		want = &now.blob[0][variant->form][variant->kind];
		ASSERT_LT(nr, want->len);
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		self->seen[0].len = 0;
		while (self->seen[0].len < nr)
			ASSERT_EQ(1, read_more(&self->seen[0], fd, 1));
		EXPECT_EQ(0, memcmp(want->data, self->seen[0].data, nr));
		err = variant->kind == STAGED ?
		      save_and_delete_staged(&self->ima, self->staged) :
		      errno_of(write(self->current, "A", 1));
		ASSERT_EQ(0, err);
		EXPECT_EQ(ESTALE, errno_of(read(fd, &byte, 1)))
			TH_LOG("after %u bytes", nr);
	}
	close(fd);
	lists_free(&now);
}

/* Commands that are refused while something is staged, by either file. */
static const struct {
	enum list_kind kind;
	const char *text;
	int error;
} refused[] = {
	{ STAGED, "A", EEXIST },	{ CURRENT, "A\n", EEXIST },
	{ CURRENT, "D", EINVAL },	{ CURRENT, "x", EINVAL },
	{ STAGED, "DD", EINVAL },	{ CURRENT, "", EINVAL },
	{ STAGED, "1", EINVAL },	{ STAGED, "A\n\n", EINVAL },
};

/* Through the descriptor that reads: it goes on where it was, and misses nothing. */
TEST_F_TIMEOUT(read, refused_command_does_not_rewind, 600)
{
	const struct blob *want = self->want[0];
	unsigned int i, tried = 0;
	size_t half;
	int fd;

	fd = open(self->path[0], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i].kind != variant->kind)
			continue;
		tried++;
		self->seen[0].len = 0;
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		while (self->seen[0].len < want->len / 2)
			ASSERT_LT(0, read_more(&self->seen[0], fd, 100));
		half = self->seen[0].len;
		EXPECT_EQ(refused[i].error,
			  errno_of(write(fd, refused[i].text, strlen(refused[i].text))));
		EXPECT_EQ((off_t)half, lseek(fd, 0, SEEK_CUR));
		ASSERT_EQ(0, blob_read_fd(&self->seen[0], fd, 100));
		EXPECT_TRUE(blob_equal(want, &self->seen[0]))
			TH_LOG("'%s': %zu bytes, then %zu of %zu", refused[i].text,
			       half, self->seen[0].len - half, want->len - half);
	}
	close(fd);
	EXPECT_LT(1, tried);
	EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists));
}

/* Who is told that something is staged already reads all of it, from its start. */
TEST_F_TIMEOUT(read, whole_list_after_refused_command, 600)
{
	const struct blob *want = self->want[0];
	unsigned int i, tried = 0;
	int fd;

	fd = open(self->path[0], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i].kind != variant->kind)
			continue;
		tried++;
		self->seen[0].len = 0;
		while (self->seen[0].len < want->len / 2)
			ASSERT_LT(0, read_more(&self->seen[0], fd, 100));
		EXPECT_EQ(refused[i].error,
			  errno_of(write(fd, refused[i].text, strlen(refused[i].text))));
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		self->seen[0].len = 0;
		ASSERT_EQ(0, blob_read_fd(&self->seen[0], fd, 4096));
		EXPECT_TRUE(blob_equal(want, &self->seen[0]))
			TH_LOG("'%s': %zu of %zu bytes", refused[i].text,
			       self->seen[0].len, want->len);
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	}
	close(fd);
	EXPECT_LT(1, tried);
	EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists));
}

TEST_HARNESS_MAIN
