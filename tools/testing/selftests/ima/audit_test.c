// SPDX-License-Identifier: GPL-2.0
/*
 * Each write to a list file, done or refused, leaves one audit record with the
 * command, the number of records and the result, and never what was written.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>

#include "audit.h"
#include "common.h"
#include "harness.h"
#include "saved.h"
#include "uring.h"

FIXTURE(audit) {
	struct ima ima;
	struct audit audit;
	int fd[NR_FORMS][NR_KINDS];
	/* The files' names without their directory. */
	const char *name[NR_FORMS][NR_KINDS];
};

FIXTURE_SETUP(audit)
{
	const char *skip = ima_setup(&self->ima);
	int form, kind;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = audit_open(&self->audit, &self->ima);
	if (!skip && !audit_has_commands())
		skip = "the kernel does not tell of commands";
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			const char *path = self->ima.bank[0].path[form][kind];

			self->name[form][kind] = strrchr(path, '/') + 1;
			self->fd[form][kind] = open(path, O_RDWR | O_CLOEXEC);
			ASSERT_LE(0, self->fd[form][kind]);
		}
	}
	ASSERT_EQ(0, audit_drain(&self->audit, self->fd[ASCII][CURRENT]));
}

FIXTURE_TEARDOWN(audit)
{
	int form, kind;

	for (form = 0; form < NR_FORMS; form++)
		for (kind = 0; kind < NR_KINDS; kind++)
			close(self->fd[form][kind]);
	audit_close(&self->audit);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static void expect_record(struct __test_metadata *_metadata,
			  struct _test_data_audit *self, const char *op,
			  long records, const char *name, int error)
{
	struct audit_record r = { };

	ASSERT_EQ(0, audit_next(&self->audit, &r));
	EXPECT_STREQ(op, r.op);
	EXPECT_EQ(records, r.records);
	EXPECT_STREQ(name, r.name);
	EXPECT_EQ(!error, r.result);
	EXPECT_EQ(-error, r.error);
}

TEST_F(audit, deletion_is_told)
{
	static const struct {
		const char *text;
		enum list_form form;
		enum list_kind kind;
		/* Files that are measured before. */
		unsigned int measure;
		const char *op;
		long records;
		int error;
	} row[] = {
		{ "A", BINARY, STAGED, 0, "stage", 0, ENOENT },
		{ "A\n", ASCII, CURRENT, 0, "stage", 0, ENOENT },
		{ "D", BINARY, STAGED, 3, "delete", 0, ENOENT },
		{ "D", BINARY, CURRENT, 0, "delete", 0, EINVAL },
		{ "A", BINARY, CURRENT, 0, "stage", 3, 0 },
		{ "A\n", ASCII, STAGED, 2, "stage", 0, EEXIST },
		{ "AA", ASCII, STAGED, 0, "unknown_command", 0, EINVAL },
		{ "", ASCII, CURRENT, 0, "unknown_command", 0, EINVAL },
		{ "a", BINARY, STAGED, 0, "unknown_command", 0, EINVAL },
		{ "A\n\n", BINARY, CURRENT, 0, "unknown_command", 0, EINVAL },
		{ "D", ASCII, CURRENT, 0, "delete", 0, EINVAL },
		{ "D\n", ASCII, STAGED, 0, "delete", 3, 0 },
		{ "D", BINARY, STAGED, 0, "delete", 0, ENOENT },
		{ "A", ASCII, STAGED, 0, "stage", 2, 0 },
		{ "D", BINARY, STAGED, 0, "delete", 2, 0 },
	};
	unsigned int i, file = 0;
	struct lists lists;
	const char *name;
	int fd;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", file, row[i].measure));
		file += row[i].measure;
		fd = self->fd[row[i].form][row[i].kind];
		name = self->name[row[i].form][row[i].kind];
		if (!strcmp(row[i].op, "delete") && !row[i].error) {
			ASSERT_EQ(0, lists_read(&self->ima, &lists));
			ASSERT_EQ(0, saved_add_list(&self->ima, &lists, STAGED));
			lists_free(&lists);
		}
		EXPECT_EQ(row[i].error,
			  errno_of(write(fd, row[i].text, strlen(row[i].text))))
			TH_LOG("row %u", i);
		expect_record(_metadata, self, row[i].op, row[i].records, name,
			      row[i].error);
	}
}

/* One write is one record, however it is written, and no write is none. */
TEST_F(audit, each_write)
{
	const char *staged = self->name[BINARY][STAGED];
	int fd = self->fd[BINARY][STAGED];
	struct iovec iov[] = {
		{ .iov_base = "A", .iov_len = 1 },
		{ .iov_base = "\n", .iov_len = 1 },
		{ .iov_base = "A", .iov_len = 1 },
	};
	struct uring u;
	char buf[16];
	int other;

	/* None of these is a command, nor a refused one. */
	EXPECT_EQ(0, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(0, writev(fd, iov, 0));
	other = open(self->ima.bank[0].path[BINARY][STAGED], O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, other);
	EXPECT_EQ(EBADF, errno_of(write(other, "A", 1)));
	close(other);

	EXPECT_EQ(EINVAL, errno_of(writev(fd, iov, 3)));
	expect_record(_metadata, self, "unknown_command", 0, staged, EINVAL);
	EXPECT_EQ(ENOENT, errno_of(writev(fd, iov, 2)));
	expect_record(_metadata, self, "stage", 0, staged, ENOENT);
	EXPECT_EQ(ENOENT, errno_of(pwrite(fd, "D", 1, 1234)));
	expect_record(_metadata, self, "delete", 0, staged, ENOENT);
	EXPECT_EQ(EFAULT, errno_of(write(fd, end_of_memory(), 1)));
	expect_record(_metadata, self, "unknown_command", 0, staged, EFAULT);
	uring_open(&u);
	if (u.fd >= 0) {
		EXPECT_EQ(-ENOENT, uring_write(&u, fd, "D\n", 2, 0));
		expect_record(_metadata, self, "delete", 0, staged, ENOENT);
	}
	uring_close(&u);
	/* The last one of all. */
	EXPECT_EQ(EINVAL, errno_of(write(fd, "DD", 2)));
	expect_record(_metadata, self, "unknown_command", 0, staged, EINVAL);
}

/* Does the log have it, as it is or in the way that audit writes odd strings? */
static bool has_text(const struct blob *log, const char *text)
{
	char hex[256];
	size_t i;

	for (i = 0; text[i]; i++)
		sprintf(hex + 2 * i, "%02X", text[i]);
	return memmem(log->data, log->len, text, strlen(text)) ||
	       memmem(log->data, log->len, hex, strlen(hex));
}

/* What was written is nobody's business: it could be made to look like a record. */
TEST_F(audit, no_user_input)
{
	static const char * const texts[] = {
		"qwertyuiop", "A qwertyuiop", "D\nqwertyuiop", "qwertyuiopA",
		"A op=qwertyuiop res=1", "\001qwertyuiop\002",
	};
	char longer[4096];
	unsigned int i;
	int kind;

	memset(longer, 'q', sizeof(longer));
	memcpy(longer, "qwertyuiop", 10);
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			EXPECT_EQ(EINVAL, errno_of(write(self->fd[BINARY][kind], texts[i],
							 strlen(texts[i]))));
			expect_record(_metadata, self, "unknown_command", 0,
				      self->name[BINARY][kind], EINVAL);
			EXPECT_EQ(EINVAL, errno_of(write(self->fd[ASCII][kind], longer,
							 sizeof(longer) - i)));
			expect_record(_metadata, self, "unknown_command", 0,
				      self->name[ASCII][kind], EINVAL);
		}
	}
	EXPECT_FALSE(has_text(&self->audit.text, "qwertyuiop"));
	EXPECT_FALSE(has_text(&self->audit.text, "qwerty"));
	/* It would have been found. */
	EXPECT_TRUE(has_text(&self->audit.text, "unknown_command"));
}

#define THREADS 4
#define WRITES 100

static void *write_many(void *arg)
{
	const int *fd = arg;
	long i, done = 0;

	for (i = 0; i < WRITES; i++)
		done += write(*fd, "D", 1) < 0 && errno == ENOENT;
	return (void *)done;
}

/* Also when many come at once, none of them gets lost. */
TEST_F(audit, many_at_once)
{
	pthread_t thread[THREADS];
	void *done;
	int i;

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, write_many,
					    &self->fd[i % NR_FORMS][STAGED]));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &done));
		EXPECT_EQ(WRITES, (long)done);
	}
	for (i = 0; i < THREADS * WRITES; i++) {
		struct audit_record r = { };

		ASSERT_EQ(0, audit_next(&self->audit, &r));
		EXPECT_STREQ("delete", r.op);
		EXPECT_EQ(0, r.records);
		EXPECT_EQ(-ENOENT, r.error);
	}
	EXPECT_EQ(EINVAL, errno_of(write(self->fd[ASCII][CURRENT], "x", 1)));
	expect_record(_metadata, self, "unknown_command", 0,
		      self->name[ASCII][CURRENT], EINVAL);
}

TEST_HARNESS_MAIN
