// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation failure everywhere: each operation is done again and again, with
 * the first, the second, the third ... allocation failing, until none is left
 * that could. What has to hold each time:
 *
 * - a command, done or refused, gives what it gives with all memory there is
 * - open fails with ENOMEM or not at all, and one that failed keeps nobody out
 * - read fails with ENOMEM or not at all, and one that failed can be repeated:
 *   nothing is missing then, and nothing is there twice
 * - so does lseek, which leaves the descriptor where it was when it fails
 * - what is measured is recorded, or it is not and the PCR does not know of it;
 *   when it is opened again it is recorded. Without memory for its digest only,
 *   the same content is recorded a second time if it is met again. Without memory
 *   in the TPM's driver there is a record that the PCR does not know of, as in a
 *   kernel without staging.
 *
 * No record is lost by any of it, and the log replays to the TPM's PCR.
 *
 * What passes has seen allocations fail. Those of commands are made for the audit
 * record: without that there is nothing to be tested.
 *
 * Deleting the first N is in faults_n_test.c.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "audit.h"
#include "common.h"
#include "fault.h"
#include "harness.h"
#include "peer.h"
#include "saved.h"

/* More allocations than any of the operations has. */
#define TOO_MANY 1000

#define BUFFER_SIZE 1000000

FIXTURE(faults) {
	struct ima ima;
	struct fault fault;
	/* Another process, which is kept out by what is left open. */
	struct peer peer;
	struct lists lists;
	char *buffer;
};

FIXTURE_SETUP(faults)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = peer_unfit();
	if (!skip)
		skip = fault_setup(&self->fault);
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, peer_start(&self->peer));
	self->buffer = malloc(BUFFER_SIZE);
	ASSERT_NE(NULL, self->buffer);
	/* Memory that the test gets now is none that it needs later. */
	memset(self->buffer, 0, BUFFER_SIZE);
}

FIXTURE_TEARDOWN(faults)
{
	fault_teardown(&self->fault);
	peer_exit(&self->peer);
	free(self->buffer);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int remember(struct _test_data_faults *self)
{
	lists_free(&self->lists);
	return lists_read(&self->ima, &self->lists);
}

static bool unchanged(struct _test_data_faults *self)
{
	struct lists now;
	bool same;

	if (lists_read(&self->ima, &now))
		return false;
	same = lists_equal(&self->lists, &now);
	lists_free(&now);
	return same;
}

/* The list's content that was remembered. */
static const struct blob *remembered(struct _test_data_faults *self, int bank,
				     enum list_form form, enum list_kind kind)
{
	return &self->lists.blob[bank][form][kind];
}

/* All list files in turn: the path of the @nr'th, NULL after the last. */
static const char *list_file(struct _test_data_faults *self, int nr,
			     const struct blob **content)
{
	int kind = nr % NR_KINDS, form = nr / NR_KINDS % NR_FORMS;
	int bank = nr / NR_KINDS / NR_FORMS;

	if (bank >= self->ima.nr_banks)
		return NULL;
	*content = remembered(self, bank, form, kind);
	return self->ima.bank[bank].path[form][kind];
}

/* Is nobody counted as having a file open? */
static bool gate_is_free(struct _test_data_faults *self)
{
	int fd = peer_open(&self->peer, self->ima.bank[0].path[ASCII][STAGED],
			   O_RDWR | O_CLOEXEC);

	return fd >= 0 && !peer_close(&self->peer, fd);
}

/* Are all the records that were current staged now, and no others? */
static bool all_are_staged(struct _test_data_faults *self,
			   const struct lists *now)
{
	int i, form;

	for (i = 0; i < self->ima.nr_banks; i++)
		for (form = 0; form < NR_FORMS; form++)
			if (!blob_equal(remembered(self, i, form, CURRENT),
					&now->blob[i][form][STAGED]) ||
			    now->blob[i][form][CURRENT].len)
				return false;
	return true;
}

static const char *replay(struct _test_data_faults *self)
{
	return self->ima.no_replay ? "" : saved_replay(&self->ima);
}

static const char *told_to_flush(void)
{
	return ima_forgets_deleted() ? "with ima_flush_htable" :
				       "without ima_flush_htable";
}

/* All memory there is, or none: A and D do what they do. */
TEST_F_TIMEOUT(faults, stage_and_delete, 600)
{
	const char *unfit = audit_unfit(&self->ima);
	unsigned int nth, staging = 0, deleting = 0;
	bool hit_a = true, hit_d = true;
	struct lists now;
	int fd;

	if (unfit)
		SKIP(return, "%s", unfit);
	for (nth = 1; hit_a || hit_d; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		ASSERT_EQ(0, measure_files(&self->ima, "file", 3 * nth, 3));
		ASSERT_EQ(0, remember(self));
		fd = open(self->ima.bank[0].path[BINARY][STAGED],
			  O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);

		ASSERT_EQ(0, fault_write(&self->fault, nth, fd, "A", &hit_a));
		staging += hit_a;
		ASSERT_EQ(0, lists_read(&self->ima, &now));
		ASSERT_TRUE(all_are_staged(self, &now));
		EXPECT_EQ(0, now.count);
		ASSERT_EQ(0, saved_add_list(&self->ima, &now, STAGED));
		lists_free(&now);

		ASSERT_EQ(0, fault_write(&self->fault, nth, fd, "D\n", &hit_d));
		deleting += hit_d;
		ASSERT_EQ(0, lists_read(&self->ima, &now));
		ASSERT_EQ(0, now.blob[0][BINARY][STAGED].len);
		EXPECT_EQ(0, now.count);
		lists_free(&now);

		close(fd);
		EXPECT_TRUE(gate_is_free(self));
		ASSERT_STREQ("", replay(self));
	}
	TH_LOG("%s, failed: %u allocations of A, %u of D", told_to_flush(),
	       staging, deleting);
	EXPECT_LT(0, staging);
	EXPECT_LT(0, deleting);
}

/*
 * The same where deleting has more to do: what is deleted is forgotten, comes back
 * when it is measured again, and its memory is free.
 */
TEST_F_TIMEOUT(faults, no_memory_to_delete_under_flush, 600)
{
	const char *unfit = audit_unfit(&self->ima);
	long deleted, records, digests, seen;
	unsigned int nth, failed = 0;
	char path[512];
	bool hit;
	int fd;

	if (!ima_forgets_deleted())
		SKIP(return, "booted without ima_flush_htable");
	if (unfit)
		SKIP(return, "%s", unfit);
	snprintf(path, sizeof(path), "%s/again", self->ima.dir);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	fd = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	digests = slab_objects("ima_digests");
	seen = slab_objects("ima_seen");
	if (digests < 0 || seen < 0)
		TH_LOG("nobody counts the digests (CONFIG_SLUB_DEBUG)");
	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		ASSERT_EQ(0, measure_content(path, "content"));
		ASSERT_EQ(0, measure_files(&self->ima, "file", 3 * nth, 3));
		records = ima_count();
		EXPECT_EQ(4, records)
			TH_LOG("what was deleted is still remembered");
		ASSERT_EQ(1, write(fd, "A", 1));
		ASSERT_EQ(0, remember(self));
		ASSERT_EQ(0, saved_add_list(&self->ima, &self->lists, STAGED));
		deleted = ima_deleted();
		ASSERT_EQ(0, fault_write(&self->fault, nth, fd, "D", &hit));
		failed += hit;
		ASSERT_EQ(0, remember(self));
		EXPECT_EQ(0, remembered(self, 0, BINARY, STAGED)->len);
		if (deleted >= 0)
			EXPECT_EQ(deleted + records, ima_deleted());
		ASSERT_STREQ("", replay(self));
	}
	close(fd);
	if (digests >= 0)
		EXPECT_GE(digests, slab_objects("ima_digests"));
	if (seen >= 0)
		EXPECT_GE(seen, slab_objects("ima_seen"));
	TH_LOG("failed: %u allocations", failed);
	EXPECT_LT(0, failed);
}

/* What is refused is refused for the same reason, and changes nothing. */
static const struct {
	const char *what;
	bool staged;
	enum list_kind kind;
	const char *command;
	int error;
} refused[] = {
	{ "nothing staged", false, STAGED, "D", ENOENT },
	{ "staged already", true, STAGED, "A", EEXIST },
	{ "staged already, by the original file", true, CURRENT, "A\n", EEXIST },
	{ "the wrong file", false, CURRENT, "D", EINVAL },
	{ "the wrong file while staged", true, CURRENT, "D\n", EINVAL },
	{ "no command", false, STAGED, "x", EINVAL },
	{ "no command while staged", true, CURRENT, "x", EINVAL },
	{ "empty", true, STAGED, "", EINVAL },
	{ "too long", false, CURRENT, "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD", EINVAL },
};

TEST_F_TIMEOUT(faults, refused, 600)
{
	const char *unfit = audit_unfit(&self->ima);
	unsigned int i, nth, failed = 0;
	int fd[NR_KINDS], kind;
	bool staged, hit;

	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	for (kind = 0; kind < NR_KINDS; kind++) {
		fd[kind] = open(self->ima.bank[0].path[BINARY][kind],
				O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd[kind]);
	}
	/* Not even a record. */
	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		EXPECT_EQ(ENOENT, fault_write(&self->fault, nth, fd[CURRENT],
					      "A", &hit));
		failed += hit;
	}
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	for (staged = false;; staged = true) {
		if (staged) {
			ASSERT_EQ(1, write(fd[STAGED], "A", 1));
			ASSERT_EQ(0, measure_files(&self->ima, "file", 2, 1));
		}
		ASSERT_EQ(0, remember(self));
		for (i = 0; i < ARRAY_SIZE(refused); i++) {
			if (refused[i].staged != staged)
				continue;
			for (nth = 1, hit = true; hit; nth++) {
				ASSERT_GT(TOO_MANY, nth);
				EXPECT_EQ(refused[i].error,
					  fault_write(&self->fault, nth,
						      fd[refused[i].kind],
						      refused[i].command, &hit))
					TH_LOG("%s", refused[i].what);
				failed += hit;
			}
			EXPECT_TRUE(unchanged(self))
				TH_LOG("%s", refused[i].what);
		}
		if (staged)
			break;
	}
	for (kind = 0; kind < NR_KINDS; kind++)
		close(fd[kind]);
	TH_LOG("failed: %u allocations", failed);
	/* One at least for each command that was refused. */
	EXPECT_LE(1 + ARRAY_SIZE(refused), failed);
	EXPECT_TRUE(gate_is_free(self));
	ASSERT_EQ(0, save_and_delete(&self->ima));
	EXPECT_STREQ("", replay(self));
}

/*
 * Nothing is allocated before the outcome is there. The audit record comes after
 * it: what it allocates is left out here, and made to fail in the tests above.
 */
TEST_F(faults, commands_allocate_nothing)
{
	struct lists staged;
	unsigned int i;
	const char *unfit = fault_cannot_count(&self->fault);
	int fd;

	if (!unfit)
		unfit = audit_unfit(&self->ima);
	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 5));
	fd = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* What would be allocated would be seen. */
	fault_arm(&self->fault, TOO_MANY);
	ASSERT_EQ(-1, write(fd, "x", 1));
	ASSERT_LT(0, fault_disarm(&self->fault));
	ASSERT_EQ(0, fault_leave_out(&self->fault, "integrity_audit_message"));

	fault_arm(&self->fault, TOO_MANY);
	ASSERT_EQ(1, write(fd, "A", 1));
	EXPECT_EQ(0, fault_disarm(&self->fault));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i].kind != STAGED || !refused[i].staged)
			continue;
		fault_arm(&self->fault, TOO_MANY);
		EXPECT_EQ(-1, write(fd, refused[i].command,
				    strlen(refused[i].command)));
		EXPECT_EQ(0, fault_disarm(&self->fault))
			TH_LOG("%s", refused[i].what);
	}
	ASSERT_EQ(0, lists_read(&self->ima, &staged));
	ASSERT_EQ(0, saved_add_list(&self->ima, &staged, STAGED));
	lists_free(&staged);
	fault_arm(&self->fault, TOO_MANY);
	ASSERT_EQ(1, write(fd, "D", 1));
	EXPECT_EQ(0, fault_disarm(&self->fault));
	close(fd);
}

TEST_F_TIMEOUT(faults, open, 600)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	unsigned int nth, failed = 0;
	const struct blob *content;
	const char *path;
	int i, nr, fd, err;
	bool hit;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	ASSERT_EQ(0, remember(self));
	nr = ARRAY_SIZE(flags);
	for (i = 0; (path = list_file(self, i / nr, &content)); i++) {
		err = 0;
		for (nth = 1, hit = true; hit; nth++) {
			ASSERT_GT(TOO_MANY, nth);
			fault_arm(&self->fault, nth);
			fd = open(path, flags[i % nr] | O_CLOEXEC);
			err = fd < 0 ? errno : 0;
			hit = fault_disarm(&self->fault) == nth;
			if (err) {
				ASSERT_EQ(ENOMEM, err);
				failed++;
			} else {
				close(fd);
			}
			ASSERT_TRUE(gate_is_free(self))
				TH_LOG("%s %o: allocation %u", path,
				       flags[i % nr], nth);
		}
		EXPECT_EQ(0, err);
	}
	EXPECT_TRUE(unchanged(self));
	TH_LOG("%d ways to open, failed: %u opens", i, failed);
	/* The state of an open file at least. */
	EXPECT_LE(i, failed);
}

/* Small records, a large one, small ones: both in the current and staged list. */
static int fill_lists(struct _test_data_faults *self)
{
	int fd, err, i;

	for (i = 0; i < 2; i++) {
		err = measure_files(&self->ima, "file", 10 * i, 3);
		err = err ?: measure_long_path(&self->ima, i ? "one" : "another");
		err = err ?: measure_files(&self->ima, "file", 10 * i + 3, 3);
		if (err)
			return err;
		if (i)
			break;
		fd = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (write(fd, "A", 1) != 1)
			err = -errno;
		close(fd);
		if (err)
			return err;
	}
	return remember(self);
}

/*
 * Read to the end, with the nth allocation on the way failing, and go on where
 * it failed.
 */
static int read_failing(struct _test_data_faults *self, int fd, size_t chunk,
			unsigned int nth, struct blob *seen, bool *hit,
			unsigned int *failed)
{
	size_t len = 0;
	ssize_t ret;
	int err = 0;

	fault_arm(&self->fault, nth);
	do {
		if (len + chunk > BUFFER_SIZE)
			chunk = BUFFER_SIZE - len;
		ret = read(fd, self->buffer + len, chunk);
		if (ret > 0)
			len += ret;
		else if (ret < 0 && errno == ENOMEM)
			(*failed)++;
		else if (ret < 0)
			err = -errno;
	} while (ret && !err);
	*hit = fault_disarm(&self->fault) == nth;
	seen->len = 0;
	blob_add(seen, self->buffer, len);
	return err;
}

TEST_F_TIMEOUT(faults, read, 600)
{
	static const size_t chunks[] = { 1000, 65536 };
	unsigned int nth, failed, all_failed = 0;
	const struct blob *content;
	struct blob seen = { };
	const char *path;
	int i, nr, fd;
	bool hit;

	ASSERT_EQ(0, fill_lists(self));
	nr = ARRAY_SIZE(chunks);
	for (i = 0; (path = list_file(self, i / nr, &content)); i++) {
		EXPECT_LT(4096, content->len);
		failed = 0;
		for (nth = 1, hit = true; hit; nth++) {
			ASSERT_GT(TOO_MANY, nth);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			ASSERT_LE(0, fd);
			ASSERT_EQ(0, read_failing(self, fd, chunks[i % nr], nth,
						  &seen, &hit, &failed));
			EXPECT_TRUE(blob_equal(content, &seen))
				TH_LOG("%s: allocation %u", path, nth);
			close(fd);
			ASSERT_GE(nth, failed);
		}
		/* The buffer at least. */
		EXPECT_LT(0, failed);
		all_failed += failed;
	}
	blob_free(&seen);
	EXPECT_TRUE(unchanged(self));
	EXPECT_TRUE(gate_is_free(self));
	TH_LOG("failed: %u reads", all_failed);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, save_and_delete(&self->ima));
	EXPECT_STREQ("", replay(self));
}

TEST_F_TIMEOUT(faults, lseek, 600)
{
	unsigned int nth, failed, all_failed = 0;
	const struct blob *want;
	struct blob seen = { };
	const char *path;
	off_t middle, pos;
	int i, fd, err;
	bool hit;

	ASSERT_EQ(0, fill_lists(self));
	for (i = 0; (path = list_file(self, i, &want)); i++) {
		/*
		 * Behind the large record. But it is the first buffer that fails:
		 * a larger one can come from elsewhere (kvmalloc).
		 */
		middle = want->len - 20;
		failed = 0;
		for (nth = 1, hit = true; hit; nth++) {
			ASSERT_GT(TOO_MANY, nth);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			ASSERT_LE(0, fd);
			fault_arm(&self->fault, nth);
			pos = lseek(fd, middle, SEEK_SET);
			err = pos < 0 ? errno : 0;
			hit = fault_disarm(&self->fault) == nth;
			if (err) {
				ASSERT_EQ(ENOMEM, err);
				failed++;
				pos = 0;
			} else {
				ASSERT_EQ(middle, pos);
			}
			EXPECT_EQ(pos, lseek(fd, 0, SEEK_CUR));
			seen.len = 0;
			ASSERT_EQ(0, blob_read_fd(&seen, fd, 4096));
			ASSERT_EQ(want->len - pos, seen.len);
			EXPECT_EQ(0, memcmp(want->data + pos, seen.data, seen.len));
			close(fd);
		}
		EXPECT_LT(0, failed);
		all_failed += failed;
	}
	blob_free(&seen);
	EXPECT_TRUE(unchanged(self));
	EXPECT_TRUE(gate_is_free(self));
	TH_LOG("failed: %u seeks", all_failed);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, save_and_delete(&self->ima));
	EXPECT_STREQ("", replay(self));
}

/* How many records were appended to the lists that were remembered? Or -1. */
static long appended(struct _test_data_faults *self)
{
	struct lists now;
	long nr = -1;
	int i, form;

	if (lists_read(&self->ima, &now))
		return -1;
	/* It knows only ima-ng records. */
	if (!self->ima.file_algo[0] || !lists_disagree(&self->ima, &now))
		nr = now.count - self->lists.count;
	for (i = 0; i < self->ima.nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			const struct blob *was = remembered(self, i, form, CURRENT);
			const struct blob *is = &now.blob[i][form][CURRENT];
			bool longer = is->len > was->len, more = nr > 0;

			if (is->len < was->len ||
			    (was->len && memcmp(is->data, was->data, was->len)) ||
			    longer != more)
				nr = -1;
		}
	}
	lists_free(&now);
	return nr;
}

/* A file that is ready to be measured. */
static int make_file(const char *path, const char *content)
{
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, content, strlen(content)) != (ssize_t)strlen(content) ||
	    fchown(fd, TEST_UID, -1))
		err = -EIO;
	close(fd);
	return err;
}

static int open_and_close(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return close(fd);
}

TEST_F_TIMEOUT(faults, measure, 1200)
{
	unsigned int nth, missed = 0, forgotten = 0;
	long first, again;
	char path[512];
	bool hit;
	int err;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		snprintf(path, sizeof(path), "%s/file%u", self->ima.dir, nth);
		ASSERT_EQ(0, make_file(path, path));
		ASSERT_EQ(0, remember(self));
		fault_arm(&self->fault, nth);
		err = open_and_close(path);
		hit = fault_disarm(&self->fault) == nth;
		if (err)
			ASSERT_EQ(-ENOMEM, err);
		first = appended(self);
		ASSERT_LE(0, first);
		ASSERT_GE(1, first);
		missed += !first;
		ASSERT_STREQ("", replay(self));

		/* The same file once more. */
		ASSERT_EQ(0, open_and_close(path));
		ASSERT_EQ(1, appended(self));
		/* The same content as a new file. */
		ASSERT_EQ(0, measure_content(path, path));
		again = appended(self);
		if (hit) {
			ASSERT_LE(1, again);
			ASSERT_GE(2, again);
			/* Only a record that was made has a digest to forget. */
			if (!first && !ima_may_record_duplicates())
				ASSERT_EQ(1, again);
		} else {
			ASSERT_EQ(1, first);
			if (!ima_may_record_duplicates())
				ASSERT_EQ(1, again);
		}
		forgotten += again == 2;
		ASSERT_EQ(0, unlink(path));
		ASSERT_STREQ("", replay(self));
	}
	EXPECT_TRUE(gate_is_free(self));
	TH_LOG("%u allocations failed, then %u files were not recorded, %u digests not remembered",
	       nth - 2, missed, forgotten);
	EXPECT_LT(0, missed);
	if (!ima_may_record_duplicates())
		EXPECT_LT(0, forgotten);
}

/*
 * Without memory for its digest, a record is made and the PCR extended all the
 * same. The same content is then recorded once more, which does no harm.
 */
TEST_F_TIMEOUT(faults, digest_cannot_be_remembered, 600)
{
	const char *unfit = fault_cannot_count(&self->fault);
	bool forgets = ima_forgets_deleted();
	unsigned int nth, unknown = 0;
	char path[512];
	long again;
	bool hit;

	if (!unfit && ima_may_record_duplicates())
		unfit = "duplicates may be recorded (CONFIG_IMA_DISABLE_HTABLE)";
	if (unfit)
		SKIP(return, "%s", unfit);
	if (fault_only(&self->fault, "ima_seen_add"))
		SKIP(return, "the kernel has no ima_seen_add()");
	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		snprintf(path, sizeof(path), "%s/file%u", self->ima.dir, nth);
		ASSERT_EQ(0, make_file(path, path));
		ASSERT_EQ(0, remember(self));
		fault_arm(&self->fault, nth);
		ASSERT_EQ(0, open_and_close(path));
		hit = fault_disarm(&self->fault) == nth;
		ASSERT_EQ(1, appended(self));
		ASSERT_STREQ("", replay(self));

		/* As a new file. It may have been kmemleak that had no memory. */
		ASSERT_EQ(0, measure_content(path, path));
		again = appended(self);
		ASSERT_LE(1, again);
		ASSERT_GE(1 + hit, again);
		unknown += again == 2;
		/* It is known by now. */
		ASSERT_EQ(0, measure_content(path, path));
		ASSERT_EQ(again, appended(self));
		ASSERT_STREQ("", replay(self));

		/* Deleted, too, is the record that has no digest to be forgotten. */
		ASSERT_EQ(0, save_and_delete(&self->ima));
		ASSERT_EQ(0, ima_count());
		ASSERT_EQ(0, measure_content(path, path));
		ASSERT_EQ(forgets, ima_count());
		ASSERT_STREQ("", replay(self));
		ASSERT_EQ(0, unlink(path));
	}
	TH_LOG("%s, %u allocations failed, then %u digests not remembered",
	       told_to_flush(), nth - 2, unknown);
	EXPECT_LT(0, unknown);
}

/*
 * The newest record's digests, and whether all of the others replay to the PCR of
 * each bank.
 */
static int look_at_newest(struct _test_data_faults *self,
			  uint8_t digest[][HASH_MAX_SIZE], bool *others_replay)
{
	uint8_t pcr[HASH_MAX_SIZE];
	struct mlist list;
	struct hash hash;
	int i, err = 0;

	*others_replay = true;
	for (i = 0; i < self->ima.nr_banks && !err; i++) {
		const struct bank *bank = &self->ima.bank[i];
		uint8_t value[HASH_MAX_SIZE] = { };
		struct blob all = { };

		if (!bank->in_tpm)
			continue;
		err = hash_open(&hash, bank->algo);
		if (err)
			return err;
		err = saved_read_all(&self->ima, i, &all);
		err = err ?: mlist_parse(&list, all.data, all.len, bank->digest_size);
		err = err ?: tpm_pcr(bank, pcr);
		if (!err && list.nr) {
			list.nr--;
			memcpy(digest[i], list.rec[list.nr].digest, bank->digest_size);
			err = mlist_replay(&list, &hash, IMA_PCR, value);
			if (memcmp(pcr, value, bank->digest_size))
				*others_replay = false;
			mlist_free(&list);
		}
		blob_free(&all);
		hash_close(&hash);
	}
	return err;
}

/*
 * The TPM's driver fails: the record is there, and the PCR does not know of it.
 * It is staged, saved and deleted like any other. To have the log replay in the
 * tests to come, the PCR is extended here, by what it does not know.
 */
TEST_F_TIMEOUT(faults, pcr_cannot_be_extended, 600)
{
	uint8_t digest[MAX_BANKS][HASH_MAX_SIZE] = { };
	const char *unfit = self->ima.no_replay;
	bool others_replay;
	char path[512];

	/* Only those of version 2.0 have one. */
	if (!unfit && access(TPM_DEVICE, R_OK | W_OK))
		unfit = "no " TPM_DEVICE;
	if (!unfit)
		unfit = fault_only_pages(&self->fault, "tpm_pcr_extend");
	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_EQ(0, measure_files(&self->ima, "before", 0, 2));
	ASSERT_STREQ("", replay(self));
	snprintf(path, sizeof(path), "%s/file", self->ima.dir);
	ASSERT_EQ(0, make_file(path, path));
	ASSERT_EQ(0, remember(self));
	fault_arm(&self->fault, 1);
	EXPECT_EQ(0, open_and_close(path));
	ASSERT_EQ(1, fault_disarm(&self->fault));
	EXPECT_EQ(1, appended(self));
	ASSERT_EQ(0, look_at_newest(self, digest, &others_replay));
	EXPECT_TRUE(others_replay);

	/* Once more, as a new file: it was recorded. */
	ASSERT_EQ(0, measure_content(path, path));
	if (!ima_may_record_duplicates())
		EXPECT_EQ(1, appended(self));
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, tpm_extend(&self->ima, digest));
	EXPECT_STREQ("", replay(self));
	ASSERT_EQ(0, measure_files(&self->ima, "after", 0, 2));
	ASSERT_EQ(0, save_and_delete(&self->ima));
	EXPECT_EQ(0, ima_count());
	EXPECT_STREQ("", replay(self));
}

/* A record of a violation: the file is read while it can be written. */
TEST_F_TIMEOUT(faults, measure_violation, 1200)
{
	unsigned int nth, missed = 0;
	char path[512];
	long nr = 0;
	bool hit;
	int fd;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		snprintf(path, sizeof(path), "%s/file%u", self->ima.dir, nth);
		ASSERT_EQ(0, make_file(path, path));
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, remember(self));
		fault_arm(&self->fault, nth);
		open_and_close(path);
		hit = fault_disarm(&self->fault) == nth;
		nr = appended(self);
		/* The violation, and what was read. */
		ASSERT_LE(0, nr);
		ASSERT_GE(2, nr);
		missed += 2 - nr;
		close(fd);
		ASSERT_EQ(0, unlink(path));
		ASSERT_STREQ("", replay(self));
	}
	EXPECT_EQ(2, nr);
	TH_LOG("%u allocations failed, then %u records were not made",
	       nth - 2, missed);
	EXPECT_LT(0, missed);
}

TEST_HARNESS_MAIN
