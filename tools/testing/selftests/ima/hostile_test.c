// SPDX-License-Identifier: GPL-2.0
/*
 * What nobody in their right mind would do to a list file: each byte and each
 * length as a command, and each system call that takes a descriptor. For each
 * there is one outcome, and none of them changes a list.
 *
 * What is well-formed but refused is in command_test.c, who may open what in
 * open_test.c and who_test.c.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>

#include "common.h"
#include "harness.h"
#include "peer.h"
#include "saved.h"
#include "uring.h"

FIXTURE(hostile) {
	struct ima ima;
	/* Files of the first bank. */
	const char *path[NR_FORMS][NR_KINDS];
	int fd[NR_FORMS][NR_KINDS];
	/* Both lists have records. Else the current one only. */
	bool staged;
	struct lists lists;
};

FIXTURE_VARIANT(hostile) {
	bool staged;
};

/* A command that is done by mistake can do something in one of the two. */
FIXTURE_VARIANT_ADD(hostile, nothing_staged) {
	.staged = false,
};

FIXTURE_VARIANT_ADD(hostile, staged) {
	.staged = true,
};

FIXTURE_SETUP(hostile)
{
	const char *skip = ima_setup(&self->ima);
	int form, kind, fd;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = peer_unfit();
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->staged = variant->staged;
	if (self->staged) {
		ASSERT_EQ(0, measure_files(&self->ima, "old", 0, 2));
		fd = open(self->ima.bank[0].path[BINARY][STAGED],
			  O_WRONLY | O_CLOEXEC);
		ASSERT_EQ(1, write(fd, "A", 1));
		close(fd);
	}
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			self->path[form][kind] = self->ima.bank[0].path[form][kind];
			self->fd[form][kind] = open(self->path[form][kind],
						    O_RDWR | O_CLOEXEC);
			ASSERT_LE(0, self->fd[form][kind]);
		}
	}
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
}

FIXTURE_TEARDOWN(hostile)
{
	int form, kind;

	/* None of all this was a command. */
	EXPECT_TRUE(lists_unchanged(&self->ima, &self->lists));
	EXPECT_EQ(0, save_and_delete(&self->ima));
	for (form = 0; form < NR_FORMS; form++)
		for (kind = 0; kind < NR_KINDS; kind++)
			close(self->fd[form][kind]);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* All lists and counters. */
static bool unchanged(const struct _test_data_hostile *self)
{
	return lists_unchanged(&self->ima, &self->lists);
}

/*
 * The same, fast enough for tens of thousands of times: a command would keep
 * these descriptors from reading on, or change what they read.
 */
static bool seems_unchanged(const struct _test_data_hostile *self)
{
	const struct blob *b;
	uint8_t byte;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		b = &self->lists.blob[0][BINARY][kind];
		if (pread(self->fd[BINARY][kind], &byte, 1, 1) !=
		    (b->len ? 1 : 0))
			return false;
		if (b->len && byte != b->data[1])
			return false;
	}
	return true;
}

/* Nobody has an open file any more but this test, which has its own. */
static bool gate_is_free(struct _test_data_hostile *self)
{
	int form, kind, fd;
	struct peer p;

	for (form = 0; form < NR_FORMS; form++)
		for (kind = 0; kind < NR_KINDS; kind++)
			close(self->fd[form][kind]);
	if (peer_start(&p))
		return false;
	fd = peer_open(&p, self->path[ASCII][CURRENT], O_RDWR);
	peer_exit(&p);
	for (form = 0; form < NR_FORMS; form++)
		for (kind = 0; kind < NR_KINDS; kind++)
			self->fd[form][kind] = open(self->path[form][kind],
						    O_RDWR | O_CLOEXEC);
	return fd >= 0;
}

/* The errno that the text should give. 0: it could be done, that is not here. */
static int expected(const struct _test_data_hostile *self, enum list_kind kind,
		    const char *text, size_t len)
{
	int error = EINVAL;
	size_t i;

	if (!len || len > 21)
		return error;
	if (text[len - 1] == '\n')
		len--;
	if (len == 1 && *text == 'A')
		error = self->staged ? EEXIST : 0;
	else if (len == 1 && *text == 'D' && kind == STAGED)
		error = self->staged ? 0 : ENOENT;
	/* Whether a number is a command, a test of its own tells. */
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		;
	if (len && i == len && *text != '0')
		error = 0;
	return error;
}

/* Return: NULL, or what is wrong. */
static const char *try_on(const struct _test_data_hostile *self,
			  enum list_form form, enum list_kind kind,
			  const char *text, size_t len)
{
	int want, got;

	want = expected(self, kind, text, len);
	if (!want)
		return NULL;
	got = errno_of(write(self->fd[form][kind], text, len));
	if (got != want)
		return strerror(got);
	return seems_unchanged(self) ? NULL : "a list has changed";
}

/* Write it to the file of each kind. */
static const char *try_text(const struct _test_data_hostile *self,
			    enum list_form form, const char *text, size_t len)
{
	const char *why;

	why = try_on(self, form, CURRENT, text, len);
	return why ?: try_on(self, form, STAGED, text, len);
}

TEST_F_TIMEOUT(hostile, each_byte, 600)
{
	static const char * const around[][2] = {
		{ "", "" }, { "A", "" }, { "", "A" }, { "D", "" }, { "", "D" },
		{ "", "\n" }, { "A\n", "" }, { "A", "\n" }, { "", "A\n" },
	};
	char text[8];
	unsigned int byte, i;
	const char *why;
	int len;

	for (byte = 0; byte < 256; byte++) {
		for (i = 0; i < ARRAY_SIZE(around); i++) {
			len = snprintf(text, sizeof(text), "%s%c%s", around[i][0],
				       1, around[i][1]);
			text[strlen(around[i][0])] = byte;
			why = try_text(self, i % NR_FORMS, text, len);
			EXPECT_EQ(NULL, why)
				TH_LOG("byte %u between '%s' and '%s': %s", byte,
				       around[i][0], around[i][1], why);
		}
		/* A test that has lost its lists has no more to tell. */
		if (byte % 64 == 63)
			ASSERT_TRUE(unchanged(self));
	}
}

TEST_F_TIMEOUT(hostile, each_length, 600)
{
	static const struct {
		bool staged;
		char first;
		char fill;
	} row[] = {
		{ false, 'A', 'A' }, { false, 'A', '\n' }, { false, ' ', ' ' },
		{ true, 'D', 'D' }, { true, 'D', '\0' }, { true, '0', '0' },
	};
	size_t page = sysconf(_SC_PAGESIZE), len;
	char *text = malloc(page + 1);
	const char *why;
	unsigned int i;

	ASSERT_NE(NULL, text);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].staged != self->staged)
			continue;
		memset(text, row[i].fill, page + 1);
		text[0] = row[i].first;
		for (len = 0; len <= page + 1; len++) {
			/* Long ones on one of the files, each in its turn. */
			if (len < 64)
				why = try_text(self, len % NR_FORMS, text, len);
			else
				why = try_on(self, len % NR_FORMS,
					     len / 2 % NR_KINDS, text, len);
			ASSERT_EQ(NULL, why)
				TH_LOG("row %u, length %zu: %s", i, len, why);
		}
		ASSERT_TRUE(unchanged(self));
	}
	free(text);
}

/* Whatever else the letters of commands can be put together to. */
TEST_F_TIMEOUT(hostile, random_texts, 600)
{
	static const char letters[] = "AADD00\n\n \t+-x;a\0\xff";
	unsigned int seed = 4711, i;
	const char *why;
	char text[24];
	size_t len, j;

	for (i = 0; i < 3000; i++) {
		len = rand_r(&seed) % (sizeof(text) + 1);
		/* Short ones, mostly. */
		if (i % 4)
			len %= 5;
		for (j = 0; j < len; j++)
			text[j] = letters[rand_r(&seed) % (sizeof(letters) - 1)];
		why = try_text(self, i % NR_FORMS, text, len);
		ASSERT_EQ(NULL, why)
			TH_LOG("text %u of length %zu: %s", i, len, why);
	}
	EXPECT_TRUE(unchanged(self));
}

/* In five pieces, of which the first and the last one are empty. */
static void split(struct iovec *iov, const char *text, size_t first,
		  size_t second)
{
	/* An empty piece needs no memory. */
	iov[0].iov_base = NULL;
	iov[0].iov_len = 0;
	iov[1].iov_base = (void *)text;
	iov[1].iov_len = first;
	iov[2].iov_base = (void *)(text + first);
	iov[2].iov_len = second - first;
	iov[3].iov_base = (void *)(text + second);
	iov[3].iov_len = strlen(text + second);
	iov[4].iov_base = (void *)"A";
	iov[4].iov_len = 0;
}

/* Return: NULL, or the call that gives another errno than @want. */
static const char *try_pieces(struct uring *u, int fd, struct iovec *iov,
			      bool empty, int want)
{
	if (u->fd >= 0 && uring_writev(u, fd, iov, 5, 1) != -want)
		return "io_uring";
	/* With nothing at all, the others do not get as far as the file. */
	if (empty)
		want = 0;
	if (errno_of(writev(fd, iov, 5)) != want)
		return "writev";
	if (errno_of(writev(fd, iov + 1, 3)) != want)
		return "writev without empty ends";
	if (errno_of(pwritev(fd, iov, 5, 12345)) != want)
		return "pwritev";
	return NULL;
}

/* What the pieces are together, whichever they are, and how they are written. */
TEST_F_TIMEOUT(hostile, split_vectors, 600)
{
	static const char * const texts[] = {
		"", "A", "A\n", "D", "D\n", "\n", "AA", "AD", "A\nD\n", "DD",
		" A", "A\n\n", "0", "01\n", "1\n1\n",
	};
	size_t len, first, second;
	struct iovec iov[5];
	struct uring u;
	const char *why;
	unsigned int i;
	int kind, want;

	uring_open(&u);
	if (u.fd < 0)
		TH_LOG("no io_uring (CONFIG_IO_URING)");
	for (i = 0; i < ARRAY_SIZE(texts) * NR_KINDS; i++) {
		const char *text = texts[i / NR_KINDS];

		kind = i % NR_KINDS;
		len = strlen(text);
		want = expected(self, kind, text, len);
		if (!want)
			continue;
		for (first = 0; first <= len; first++) {
			for (second = first; second <= len; second++) {
				split(iov, text, first, second);
				why = try_pieces(&u, self->fd[BINARY][kind],
						 iov, !len, want);
				EXPECT_EQ(NULL, why)
					TH_LOG("'%s': %s", text, why);
			}
		}
		EXPECT_TRUE(unchanged(self))
			TH_LOG("'%s'", text);
	}
	uring_close(&u);
}

/* As many pieces as there can be, and one more. */
TEST_F(hostile, many_pieces)
{
	enum { MAX = 1024 };
	struct iovec iov[MAX + 1] = { };
	unsigned int i;
	int kind, fd;

	for (i = 0; i < ARRAY_SIZE(iov); i++)
		iov[i].iov_base = (void *)"AAAA";
	for (kind = 0; kind < NR_KINDS; kind++) {
		fd = self->fd[BINARY][kind];
		for (i = 0; i < ARRAY_SIZE(iov); i++)
			iov[i].iov_len = 0;
		/* Nothing at all never gets as far as the file. */
		EXPECT_EQ(0, writev(fd, iov, 0));
		EXPECT_EQ(0, writev(fd, iov, MAX));
		/* One more than the kernel takes. */
		iov[MAX].iov_len = 1;
		EXPECT_EQ(EINVAL, errno_of(writev(fd, iov, MAX + 1)));
		iov[0].iov_len = 1;
		iov[MAX - 1].iov_len = 1;
		EXPECT_EQ(EINVAL, errno_of(writev(fd, iov, MAX)));
		/* A last piece that is longer than anything. */
		iov[MAX - 1].iov_len = SIZE_MAX;
		EXPECT_EQ(EINVAL, errno_of(writev(fd, iov, MAX)));
	}
	EXPECT_TRUE(unchanged(self));

	if (!self->staged)
		return;
	/* The only one with a byte in it may be the last one. */
	iov[0].iov_len = 0;
	iov[MAX - 1].iov_len = 1;
	EXPECT_EQ(EEXIST, errno_of(writev(self->fd[ASCII][CURRENT], iov, MAX)));
	EXPECT_TRUE(unchanged(self));
}

static const off_t offsets[] = {
	0, 1, 2, 20, 21, 22, 4095, 4096, 4097, 65536, INT32_MAX,
	(off_t)INT32_MAX + 1, UINT32_MAX, (off_t)UINT32_MAX + 1,
	(off_t)1 << 40, (off_t)1 << 52, INT64_MAX / 2, INT64_MAX - 4096,
	INT64_MAX - 21, INT64_MAX - 1,
};

static const char *try_at(struct uring *u, int fd, const char *text, off_t pos,
			  int want)
{
	size_t len = strlen(text);

	/* No file goes on behind the last offset. */
	if ((off_t)(INT64_MAX - len) < pos)
		want = EINVAL;
	if (errno_of(pwrite(fd, text, len, pos)) != want)
		return "pwrite";
	if (u->fd >= 0 && uring_write(u, fd, text, len, pos) != -want)
		return "io_uring";
	return NULL;
}

/* The offset of a write is neither here nor there. */
TEST_F(hostile, write_at_any_offset)
{
	static const char * const texts[] = { "", "AA", "A\n\n", "x", "A", "D" };
	unsigned int i, j;
	int kind, want, fd;
	const char *why;
	struct uring u;

	uring_open(&u);
	for (j = 0; j < ARRAY_SIZE(texts) * NR_KINDS; j++) {
		const char *text = texts[j / NR_KINDS];

		kind = j % NR_KINDS;
		want = expected(self, kind, text, strlen(text));
		for (i = 0; want && i < ARRAY_SIZE(offsets); i++) {
			why = try_at(&u, self->fd[BINARY][kind], text,
				     offsets[i], want);
			EXPECT_EQ(NULL, why)
				TH_LOG("'%s' at %lld: %s", text,
				       (long long)offsets[i], why);
			ASSERT_TRUE(seems_unchanged(self));
		}
	}
	for (kind = 0; kind < NR_KINDS; kind++) {
		fd = self->fd[BINARY][kind];
		EXPECT_EQ(EINVAL, errno_of(pwrite(fd, "A", 1, -1)));
		EXPECT_EQ(EINVAL, errno_of(pwrite(fd, "D", 1, INT64_MIN)));
		EXPECT_EQ(EINVAL, errno_of(pwrite(fd, "A", 1, INT64_MAX)));
	}
	uring_close(&u);
}

/* No wish as to how a write or a read is done is granted by doing it twice. */
TEST_F(hostile, flags_of_one_operation)
{
	static const int write_flags[] = { RWF_HIPRI, RWF_DSYNC, RWF_SYNC, RWF_APPEND };
	static const int refused[] = { RWF_NOWAIT, 1 << 30, -1 };
	const char *text = self->staged ? "A" : "D";
	struct iovec out = { .iov_base = (void *)text, .iov_len = 1 };
	const struct blob *b = &self->lists.blob[0][BINARY][CURRENT];
	char buf[16];
	struct iovec in = { .iov_base = buf, .iov_len = sizeof(buf) };
	int staged = self->fd[BINARY][STAGED];
	int current = self->fd[BINARY][CURRENT];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(write_flags); i++) {
		EXPECT_EQ(expected(self, STAGED, text, 1),
			  errno_of(pwritev2(staged, &out, 1, 3, write_flags[i])))
			TH_LOG("flags %x", write_flags[i]);
		EXPECT_EQ(expected(self, STAGED, text, 1),
			  errno_of(pwritev2(staged, &out, 1, -1, write_flags[i])))
			TH_LOG("flags %x", write_flags[i]);
	}
	EXPECT_EQ((ssize_t)sizeof(buf), preadv2(current, &in, 1, 5, RWF_HIPRI));
	EXPECT_EQ(0, memcmp(buf, b->data + 5, sizeof(buf)));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(EOPNOTSUPP, errno_of(pwritev2(staged, &out, 1, 0, refused[i])))
			TH_LOG("flags %x", refused[i]);
		EXPECT_EQ(EOPNOTSUPP, errno_of(preadv2(current, &in, 1, 0, refused[i])))
			TH_LOG("flags %x", refused[i]);
	}
}

/* The flags that an open can have, and that none of them is left behind. */
TEST_F(hostile, open_flags)
{
	static const struct {
		const char *what;
		int flags;
		int error;
	} row[] = {
		{ "nothing", 0, 0 },
		{ "O_TRUNC", O_TRUNC, 0 },
		{ "O_APPEND", O_APPEND, 0 },
		{ "O_TRUNC | O_APPEND", O_TRUNC | O_APPEND, 0 },
		{ "O_CREAT", O_CREAT, 0 },
		{ "O_CREAT | O_TRUNC", O_CREAT | O_TRUNC, 0 },
		{ "O_CREAT | O_EXCL", O_CREAT | O_EXCL, EEXIST },
		{ "O_EXCL", O_EXCL, 0 },
		{ "O_NONBLOCK", O_NONBLOCK, 0 },
		{ "O_ASYNC", O_ASYNC, 0 },
		{ "O_SYNC", O_SYNC, 0 },
		{ "O_DSYNC", O_DSYNC, 0 },
		{ "O_NOATIME", O_NOATIME, 0 },
		{ "O_NOCTTY", O_NOCTTY, 0 },
		{ "O_NOFOLLOW", O_NOFOLLOW, 0 },
		{ "O_DIRECT", O_DIRECT, EINVAL },
		{ "O_DIRECT | O_TRUNC", O_DIRECT | O_TRUNC, EINVAL },
		{ "O_DIRECTORY", O_DIRECTORY, ENOTDIR },
		{ "O_DIRECTORY | O_CREAT", O_DIRECTORY | O_CREAT, EINVAL },
	};
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int kind, fd, error;
	unsigned int i, j;
	char byte;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		for (j = 0; j < ARRAY_SIZE(modes); j++) {
			for (kind = 0; kind < NR_KINDS; kind++) {
				fd = open(self->path[j % NR_FORMS][kind],
					  row[i].flags | modes[j] | O_CLOEXEC, 0777);
				EXPECT_EQ(row[i].error, errno_of(fd))
					TH_LOG("%s, mode %d", row[i].what, modes[j]);
				EXPECT_TRUE(seems_unchanged(self))
					TH_LOG("%s, mode %d", row[i].what, modes[j]);
				if (fd < 0)
					continue;
				/* It is a list file like any other. */
				error = modes[j] == O_RDONLY ? EBADF : EINVAL;
				EXPECT_EQ(error, errno_of(write(fd, "AA", 2)))
					TH_LOG("%s", row[i].what);
				error = modes[j] == O_WRONLY ? EBADF : 0;
				EXPECT_EQ(error, errno_of(read(fd, &byte, 1)))
					TH_LOG("%s", row[i].what);
				close(fd);
			}
		}
		EXPECT_TRUE(gate_is_free(self))
			TH_LOG("%s", row[i].what);
	}
	/* A link is not to be followed, nor is it to be created anew. */
	EXPECT_EQ(ELOOP, errno_of(open(IMA_DIR "/ascii_runtime_measurements_staged",
				       O_RDWR | O_NOFOLLOW)));
	EXPECT_EQ(EEXIST, errno_of(open(IMA_DIR "/ascii_runtime_measurements_staged",
					O_RDWR | O_CREAT | O_EXCL, 0600)));
	/* A path only is no file to use. */
	fd = open(self->path[BINARY][STAGED], O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EBADF, errno_of(write(fd, "A", 1)));
	EXPECT_EQ(EBADF, errno_of(read(fd, &byte, 1)));
	EXPECT_EQ(EBADF, errno_of(lseek(fd, 0, SEEK_SET)));
	close(fd);
	EXPECT_TRUE(gate_is_free(self));
}

/* Flags that come later. */
TEST_F(hostile, descriptor_flags)
{
	static const int flags[] = { O_APPEND, O_NONBLOCK, O_ASYNC, O_NOATIME };
	int fd = self->fd[ASCII][STAGED];
	unsigned int i;

	EXPECT_EQ(EINVAL, errno_of(fcntl(fd, F_SETFL, O_DIRECT)));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, fcntl(fd, F_SETFL, flags[i]));
		EXPECT_EQ(EINVAL, errno_of(write(fd, "AA", 2)));
		EXPECT_EQ(expected(self, STAGED, self->staged ? "A" : "D", 1),
			  errno_of(write(fd, self->staged ? "A" : "D", 1)));
		EXPECT_TRUE(seems_unchanged(self));
	}
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
}

/* What a list file is not: memory, a device, a file with blocks. */
TEST_F(hostile, other_calls)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const off_t sizes[] = { 1, 4096, 1 << 30, 0 };
	struct epoll_event event = { .events = EPOLLIN };
	bool locks = kernel_option("FILE_LOCKING");
	struct pollfd pollfd;
	unsigned int i, j;
	int kind, fd, epoll;
	struct stat st;
	void *mem;

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!locks)
		TH_LOG("no flock (CONFIG_FILE_LOCKING)");
	for (i = 0; i < ARRAY_SIZE(modes) * NR_KINDS; i++) {
		int mode = modes[i / NR_KINDS];

		kind = i % NR_KINDS;
		fd = open(self->path[BINARY][kind], mode | O_CLOEXEC);
		ASSERT_LE(0, fd);

		mem = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		EXPECT_EQ(MAP_FAILED, mem);
		EXPECT_EQ(mode == O_WRONLY ? EACCES : ENODEV, errno);
		mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		EXPECT_EQ(MAP_FAILED, mem);
		EXPECT_EQ(mode == O_RDWR ? ENODEV : EACCES, errno);

		/* It never blocks, and nothing happens that could be waited for. */
		pollfd = (struct pollfd) { .fd = fd, .events = POLLIN | POLLOUT };
		EXPECT_EQ(1, poll(&pollfd, 1, 0));
		EXPECT_EQ(POLLIN | POLLOUT, pollfd.revents);
		if (epoll >= 0)
			EXPECT_EQ(EPERM, errno_of(epoll_ctl(epoll, EPOLL_CTL_ADD,
							    fd, &event)));

		EXPECT_EQ(ENOTTY, errno_of(ioctl(fd, TCGETS, &st)));
		for (j = 0; j < 256; j++)
			EXPECT_EQ(ENOTTY, errno_of(ioctl(fd, _IO('i', j), 0)));
		EXPECT_EQ(ENOTTY, errno_of(ioctl(fd, FS_IOC_SETFLAGS, &j)));
		EXPECT_NE(0, ioctl(fd, FIBMAP, &j));

		EXPECT_EQ(mode == O_RDONLY ? EBADF : EOPNOTSUPP,
			  errno_of(fallocate(fd, 0, 0, 4096)));
		EXPECT_EQ(mode == O_RDONLY ? EBADF : EOPNOTSUPP,
			  errno_of(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					     0, 4096)));
		EXPECT_EQ(EINVAL, errno_of(fsync(fd)));
		EXPECT_EQ(EINVAL, errno_of(fdatasync(fd)));
		if (locks)
			EXPECT_EQ(0, flock(fd, LOCK_EX | LOCK_NB));

		/* A size is a number that nobody looks at. */
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			EXPECT_EQ(mode == O_RDONLY ? EINVAL : 0,
				  errno_of(ftruncate(fd, sizes[j])));
			EXPECT_EQ(0, truncate(self->path[BINARY][kind], sizes[j]));
			EXPECT_EQ(0, fstat(fd, &st));
			EXPECT_EQ(sizes[j], st.st_size);
			EXPECT_TRUE(unchanged(self));
		}
		close(fd);
	}
	if (epoll >= 0)
		close(epoll);
	else
		TH_LOG("no epoll (CONFIG_EPOLL)");
	EXPECT_TRUE(gate_is_free(self));
}

/* The files are what they are, and there will be no other ones. */
TEST_F(hostile, directory)
{
	char path[256];
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		const char *file = self->path[ASCII][kind];

		snprintf(path, sizeof(path), "%s-new", file);
		EXPECT_EQ(EPERM, errno_of(unlink(file)));
		EXPECT_NE(0, rename(file, path));
		EXPECT_NE(0, rename(self->path[BINARY][kind], file));
		EXPECT_EQ(EPERM, errno_of(link(file, path)));
		EXPECT_EQ(EPERM, errno_of(symlink(file, path)));
		EXPECT_EQ(EPERM, errno_of(mkdir(path, 0700)));
		EXPECT_EQ(EACCES, errno_of(open(path, O_RDWR | O_CREAT, 0600)));
		EXPECT_NE(0, access(path, F_OK));
	}
}

/*
 * Data that moves between a list file and something else inside of the kernel.
 * A kernel may offer this for reading, but then it has to be the list.
 */
TEST_F(hostile, moved_within_the_kernel)
{
	const char *text = self->staged ? "A" : "D";
	char buf[4096], file[512];
	struct stat st;
	int kind, fd, other, pipes[2];
	ssize_t got;
	off_t off;

	snprintf(file, sizeof(file), "%s/other", self->ima.dir);
	other = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, other);
	ASSERT_EQ(1, write(other, text, 1));
	ASSERT_EQ(0, pipe2(pipes, O_NONBLOCK | O_CLOEXEC));
	for (kind = 0; kind < NR_KINDS; kind++) {
		const struct blob *b = &self->lists.blob[0][BINARY][kind];

		fd = self->fd[BINARY][kind];
		off = 0;
		got = splice(fd, &off, pipes[1], NULL, sizeof(buf), SPLICE_F_NONBLOCK);
		if (got < 0) {
			EXPECT_EQ(EINVAL, errno);
		} else if (got) {
			EXPECT_EQ(got, read(pipes[0], buf, sizeof(buf)));
			EXPECT_LE(got, (ssize_t)b->len);
			EXPECT_EQ(0, memcmp(buf, b->data, got));
		}
		off = 0;
		got = sendfile(pipes[1], fd, &off, sizeof(buf));
		if (got < 0) {
			EXPECT_EQ(EINVAL, errno);
		} else if (got) {
			EXPECT_EQ(got, read(pipes[0], buf, sizeof(buf)));
			EXPECT_LE(got, (ssize_t)b->len);
			EXPECT_EQ(0, memcmp(buf, b->data, got));
		}

		/* No way to write a command. */
		ASSERT_EQ(1, write(pipes[1], text, 1));
		EXPECT_EQ(EINVAL, errno_of(splice(pipes[0], NULL, fd, NULL, 1,
						  SPLICE_F_NONBLOCK)));
		off = 7;
		EXPECT_EQ(EINVAL, errno_of(splice(pipes[0], NULL, fd, &off, 1,
						  SPLICE_F_NONBLOCK)));
		ASSERT_EQ(1, read(pipes[0], buf, sizeof(buf)));
		off = 0;
		EXPECT_EQ(EINVAL, errno_of(sendfile(fd, other, &off, 1)));
		EXPECT_EQ(0, off);

		off = 0;
		EXPECT_EQ(EXDEV, errno_of(copy_file_range(other, &off, fd, NULL, 1, 0)));
		EXPECT_EQ(EXDEV, errno_of(copy_file_range(fd, NULL, other, NULL, 100, 0)));
		/* Between two of them: a list file has no size. */
		EXPECT_EQ(0, copy_file_range(fd, NULL, self->fd[ASCII][kind],
					     NULL, 100, 0));
		EXPECT_NE(0, ioctl(fd, FICLONE, other));
		EXPECT_NE(0, ioctl(other, FICLONE, fd));
		EXPECT_EQ(0, fstat(other, &st));
		EXPECT_EQ(1, st.st_size);
		EXPECT_TRUE(unchanged(self));
	}
	/* Also if somebody has given it one. */
	ASSERT_EQ(0, ftruncate(self->fd[BINARY][CURRENT], 4096));
	EXPECT_GE(0, copy_file_range(self->fd[BINARY][CURRENT], NULL,
				     self->fd[ASCII][STAGED], NULL, 1, 0));
	ASSERT_EQ(0, ftruncate(self->fd[BINARY][CURRENT], 0));
	EXPECT_TRUE(unchanged(self));
	close(pipes[0]);
	close(pipes[1]);
	close(other);
	unlink(file);
}

/* Is what a read at @pos gives the list's part from there on? */
static bool reads_from(int fd, const struct blob *b, off_t pos)
{
	size_t left = pos < (off_t)b->len ? b->len - pos : 0;
	char buf[100];
	ssize_t got;

	got = read(fd, buf, sizeof(buf));
	return got == (ssize_t)(left < sizeof(buf) ? left : sizeof(buf)) &&
	       (!got || !memcmp(buf, b->data + pos, got));
}

TEST_F_TIMEOUT(hostile, lseek, 600)
{
	static const int whences[] = { SEEK_END, SEEK_DATA, SEEK_HOLE, 5, 99, -1 };
	const struct blob *b;
	unsigned int i, j;
	int form, kind, fd;
	off_t pos;

	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			b = &self->lists.blob[0][form][kind];
			fd = self->fd[form][kind];
			for (i = 0; i < ARRAY_SIZE(offsets); i++) {
				pos = offsets[i];
				EXPECT_EQ(pos, lseek(fd, pos, SEEK_SET));
				EXPECT_EQ(pos, lseek(fd, 0, SEEK_CUR));
				EXPECT_EQ(EINVAL, errno_of(lseek(fd, -1 - pos, SEEK_SET)));
				EXPECT_EQ(EINVAL, errno_of(lseek(fd, -1 - pos, SEEK_CUR)));
				/* Further than there are numbers. */
				if (pos)
					EXPECT_EQ(EINVAL, errno_of(lseek(fd, INT64_MAX, SEEK_CUR)));
				for (j = 0; j < ARRAY_SIZE(whences); j++) {
					EXPECT_EQ(EINVAL, errno_of(lseek(fd, 0, whences[j])));
					EXPECT_EQ(EINVAL, errno_of(lseek(fd, pos, whences[j])));
					EXPECT_EQ(EINVAL, errno_of(lseek(fd, -pos, whences[j])));
				}
				/* Refused ones have not moved it. */
				EXPECT_EQ(pos, lseek(fd, 0, SEEK_CUR));
				if (pos < INT64_MAX - 100)
					EXPECT_TRUE(reads_from(fd, b, pos))
						TH_LOG("at %lld", (long long)pos);
				/* There and back. */
				EXPECT_EQ(1, lseek(fd, 1, SEEK_SET));
				EXPECT_EQ(pos, lseek(fd, pos - 1, SEEK_CUR));
				EXPECT_EQ(0, lseek(fd, -pos, SEEK_CUR));
				EXPECT_TRUE(reads_from(fd, b, 0));
			}
			/* From one to any other, some bytes apart. */
			for (pos = b->len + 2; pos > 0; pos -= 3) {
				EXPECT_EQ(pos, lseek(fd, pos, SEEK_SET));
				EXPECT_TRUE(reads_from(fd, b, pos))
					TH_LOG("at %lld", (long long)pos);
			}
			EXPECT_EQ(INT64_MAX, lseek(fd, INT64_MAX, SEEK_SET));
			EXPECT_EQ(EINVAL, errno_of(lseek(fd, 1, SEEK_CUR)));
			EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
		}
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F_TIMEOUT(hostile, pread, 600)
{
	size_t page = sysconf(_SC_PAGESIZE), size, left;
	const struct blob *b;
	int form, kind, fd;
	uint8_t buf[8];
	unsigned int i;
	ssize_t want;
	char *huge;
	off_t pos;

	/* Nothing of it but what is read is ever touched. */
	size = (size_t)1 << 31;
	huge = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			b = &self->lists.blob[0][form][kind];
			fd = self->fd[form][kind];
			/* Each offset, in no order. */
			for (pos = 0; pos < (off_t)b->len + 9; pos++) {
				off_t at = (uint64_t)pos * 7919 % (b->len + 9);

				left = at < (off_t)b->len ? b->len - at : 0;
				want = left < sizeof(buf) ? left : sizeof(buf);
				EXPECT_EQ(want, pread(fd, buf, sizeof(buf), at))
					TH_LOG("at %lld", (long long)at);
				EXPECT_EQ(0, want ? memcmp(buf, b->data + at, want) : 0);
			}
			for (i = 0; i < ARRAY_SIZE(offsets); i++) {
				if (offsets[i] < (off_t)page)
					continue;
				want = offsets[i] > (off_t)(INT64_MAX - sizeof(buf)) ? -1 : 0;
				EXPECT_EQ(want, pread(fd, buf, sizeof(buf), offsets[i]));
				EXPECT_TRUE(want == 0 || errno == EINVAL);
			}
			EXPECT_EQ(EINVAL, errno_of(pread(fd, buf, 1, -1)));
			EXPECT_EQ(EINVAL, errno_of(pread(fd, buf, 1, INT64_MIN)));
			EXPECT_EQ(EINVAL, errno_of(pread(fd, buf, 1, INT64_MAX)));
			EXPECT_EQ(0, pread(fd, buf, 0, 0));
			/* It has no position of its own. */
			EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));

			if (huge == MAP_FAILED)
				continue;
			/* What is there, as far as one call of the kernel goes. */
			for (pos = 0; pos < (off_t)b->len; pos += want) {
				want = pread(fd, huge, size, pos);
				ASSERT_LT(0, want);
				ASSERT_LE(pos + want, (off_t)b->len);
				EXPECT_EQ(0, memcmp(huge, b->data + pos, want));
			}
			EXPECT_EQ(0, pread(fd, huge, size, b->len));
			EXPECT_EQ(EFAULT, errno_of(pread(fd, huge, SSIZE_MAX, 0)));
		}
	}
	if (huge == MAP_FAILED)
		TH_LOG("no memory for a huge buffer");
	else
		munmap(huge, size);
	EXPECT_TRUE(unchanged(self));
}

/*
 * The buffer ends in the middle of what is read: the bytes that fit are read,
 * and the next read goes on behind them.
 */
TEST_F_TIMEOUT(hostile, read_into_bad_memory, 600)
{
	size_t page = sysconf(_SC_PAGESIZE), room, want;
	char *end = end_of_memory();
	struct blob seen = { };
	const struct blob *b;
	struct iovec iov[3];
	int form, kind, fd;

	ASSERT_NE(NULL, end);
	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			b = &self->lists.blob[0][form][kind];
			fd = self->fd[form][kind];
			if (!b->len)
				continue;
			EXPECT_EQ(EFAULT, errno_of(read(fd, end, 1)));
			EXPECT_EQ(EFAULT, errno_of(read(fd, end, page)));
			EXPECT_EQ(EFAULT, errno_of(read(fd, (void *)-4096L, 1)));
			EXPECT_EQ(EFAULT, errno_of(pread(fd, end, 1, 1)));
			seen.len = 0;
			for (room = 1; seen.len < b->len; room = room * 3 % 61) {
				ssize_t got;

				want = b->len - seen.len;
				got = read(fd, end - room, page);
				EXPECT_EQ((ssize_t)(room < want ? room : want), got);
				ASSERT_LT(0, got);
				blob_add(&seen, end - room, got);
				/* At its end there is nothing that could be bad. */
				if (seen.len < b->len)
					EXPECT_EQ(EFAULT, errno_of(read(fd, end, 1)));
			}
			EXPECT_TRUE(blob_equal(b, &seen));
			EXPECT_EQ(0, read(fd, end - 1, 1));
			EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));

			iov[0].iov_base = end - 5;
			iov[0].iov_len = 5;
			iov[1].iov_base = end;
			iov[1].iov_len = 5;
			iov[2].iov_base = end - 20;
			iov[2].iov_len = 10;
			EXPECT_EQ(5, readv(fd, iov, 3));
			EXPECT_EQ(0, memcmp(b->data, end - 5, 5));
			iov[1].iov_base = end - 20;
			EXPECT_EQ(10, readv(fd, iov, 2));
			EXPECT_EQ(0, memcmp(b->data + 5, end - 5, 5));
			EXPECT_EQ(0, memcmp(b->data + 10, end - 20, 5));
			EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
		}
	}
	blob_free(&seen);
	EXPECT_TRUE(unchanged(self));
}

FIXTURE(stale) {
	struct ima ima;
	int command;
};

FIXTURE_SETUP(stale)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->command = open(self->ima.bank[0].path[ASCII][STAGED],
			     O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->command);
}

FIXTURE_TEARDOWN(stale)
{
	close(self->command);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* From a list that is another one now, the only way leads to its start. */
TEST_F(stale, lseek)
{
	unsigned int i;
	char buf[10];
	int kind, fd;

	for (kind = 0; kind < NR_KINDS; kind++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", 10 * kind, 3));
		if (kind == STAGED)
			ASSERT_EQ(1, write(self->command, "A", 1));
		fd = open(self->ima.bank[0].path[BINARY][kind],
			  O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(10, read(fd, buf, 10));
		if (kind == CURRENT)
			ASSERT_EQ(1, write(self->command, "A", 1));
		if (kind == STAGED)
			ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->command));

		for (i = 0; i < 2; i++) {
			EXPECT_EQ(ESTALE, errno_of(lseek(fd, 0, SEEK_CUR)));
			EXPECT_EQ(ESTALE, errno_of(lseek(fd, 1, SEEK_CUR)));
			EXPECT_EQ(ESTALE, errno_of(lseek(fd, -1, SEEK_CUR)));
			EXPECT_EQ(ESTALE, errno_of(lseek(fd, 10, SEEK_SET)));
			EXPECT_EQ(ESTALE, errno_of(lseek(fd, INT64_MAX, SEEK_SET)));
			EXPECT_NE(0, errno_of(lseek(fd, -1, SEEK_SET)));
			EXPECT_NE(0, errno_of(lseek(fd, 0, SEEK_END)));
			EXPECT_EQ(ESTALE, errno_of(read(fd, buf, 10)));
			EXPECT_EQ(ESTALE, errno_of(pread(fd, buf, 10, 10)));
		}
		/* Either of the two ways to say that. */
		EXPECT_EQ(0, kind ? lseek(fd, 0, SEEK_SET) : lseek(fd, -10, SEEK_CUR));
		EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
		EXPECT_EQ(0, read(fd, buf, 10));
		EXPECT_EQ(5, lseek(fd, 5, SEEK_SET));
		EXPECT_EQ(0, read(fd, buf, 10));
		close(fd);
		if (kind == CURRENT)
			ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->command));
	}
}

TEST_HARNESS_MAIN
