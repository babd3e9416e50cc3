// SPDX-License-Identifier: GPL-2.0
/*
 * Stage, save, delete: no record is lost, none is seen twice, whichever of the
 * files it is done through.
 */
#include <fcntl.h>

#include "common.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

static int open_list(const struct ima *ima, int bank, enum list_form form,
		     enum list_kind kind, int flags)
{
	int fd = open(ima->bank[bank].path[form][kind], flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The list's own state: not what the descriptor reads, but what there is. */
static size_t nr_records(const struct ima *ima, const struct blob *binary)
{
	struct mlist list;
	size_t nr;

	if (mlist_parse(&list, binary->data, binary->len,
			ima->bank[0].digest_size))
		return SIZE_MAX;
	nr = list.nr;
	mlist_free(&list);
	return nr;
}

FIXTURE(stage) {
	struct ima ima;
	/* Files of the variant's bank and form. */
	int current;
	int staged;
};

FIXTURE_VARIANT(stage) {
	int bank;
	enum list_form form;
	/* Where A is written to. */
	enum list_kind command;
};

FIXTURE_VARIANT_ADD(stage, ascii_staged_bank0) {
	.bank = 0, .form = ASCII, .command = STAGED,
};

FIXTURE_VARIANT_ADD(stage, binary_staged_bank0) {
	.bank = 0, .form = BINARY, .command = STAGED,
};

FIXTURE_VARIANT_ADD(stage, ascii_original_bank0) {
	.bank = 0, .form = ASCII, .command = CURRENT,
};

FIXTURE_VARIANT_ADD(stage, binary_original_bank0) {
	.bank = 0, .form = BINARY, .command = CURRENT,
};

FIXTURE_VARIANT_ADD(stage, ascii_staged_bank1) {
	.bank = 1, .form = ASCII, .command = STAGED,
};

FIXTURE_VARIANT_ADD(stage, binary_staged_bank1) {
	.bank = 1, .form = BINARY, .command = STAGED,
};

FIXTURE_VARIANT_ADD(stage, ascii_original_bank1) {
	.bank = 1, .form = ASCII, .command = CURRENT,
};

FIXTURE_VARIANT_ADD(stage, binary_original_bank1) {
	.bank = 1, .form = BINARY, .command = CURRENT,
};

FIXTURE_SETUP(stage)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	if (variant->bank >= self->ima.nr_banks) {
		ima_teardown(&self->ima, false);
		SKIP(return, "only %d bank", self->ima.nr_banks);
	}
	self->current = open_list(&self->ima, variant->bank, variant->form,
				  CURRENT, O_RDWR);
	ASSERT_LE(0, self->current);
	self->staged = open_list(&self->ima, variant->bank, variant->form,
				 STAGED, O_RDWR);
	ASSERT_LE(0, self->staged);
}

FIXTURE_TEARDOWN(stage)
{
	close(self->current);
	close(self->staged);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/*
 * The whole way, three times. Each list file of each bank has to show the
 * staged records as the current list showed them before, and nothing else.
 */
TEST_F_TIMEOUT(stage, rounds, 600)
{
	static const unsigned int nr_files[] = { 5, 7, 1 };
	int commands = variant->command == STAGED ? self->staged : self->current;
	struct lists before, after, end = { };
	unsigned int round, file = 0;
	struct blob seen = { };
	int i, form;

	for (round = 0; round < ARRAY_SIZE(nr_files); round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", file,
					   nr_files[round]));
		file += nr_files[round];
		ASSERT_EQ(0, lists_read(&self->ima, &before));

		ASSERT_EQ(1, write(commands, "A", 1));
		ASSERT_EQ(0, lists_read(&self->ima, &after));
		for (i = 0; i < self->ima.nr_banks; i++) {
			for (form = 0; form < NR_FORMS; form++) {
				EXPECT_EQ(0, after.blob[i][form][CURRENT].len);
				EXPECT_TRUE(blob_equal(&before.blob[i][form][CURRENT],
						       &after.blob[i][form][STAGED]));
			}
		}
		EXPECT_EQ(0, after.count);

		/* The very descriptors show it as well. */
		seen.len = 0;
		ASSERT_EQ(0, lseek(self->staged, 0, SEEK_SET));
		ASSERT_EQ(0, blob_read_fd(&seen, self->staged, 512));
		EXPECT_TRUE(blob_equal(&before.blob[variant->bank][variant->form][CURRENT],
				       &seen));

		/* What is measured now is recorded, and not staged. */
		ASSERT_EQ(0, measure_files(&self->ima, "file", file, 2));
		file += 2;
		lists_free(&end);
		ASSERT_EQ(0, lists_read(&self->ima, &end));
		EXPECT_EQ(2, end.count);
		EXPECT_EQ(2, nr_records(&self->ima, &end.blob[0][BINARY][CURRENT]));
		for (i = 0; i < self->ima.nr_banks; i++)
			for (form = 0; form < NR_FORMS; form++)
				EXPECT_TRUE(blob_equal(&after.blob[i][form][STAGED],
						       &end.blob[i][form][STAGED]));

		ASSERT_EQ(0, saved_add_list(&self->ima, &end, STAGED));
		ASSERT_EQ(1, write(self->staged, "D", 1));
		lists_free(&after);
		ASSERT_EQ(0, lists_read(&self->ima, &after));
		for (i = 0; i < self->ima.nr_banks; i++) {
			for (form = 0; form < NR_FORMS; form++) {
				EXPECT_EQ(0, after.blob[i][form][STAGED].len);
				EXPECT_TRUE(blob_equal(&end.blob[i][form][CURRENT],
						       &after.blob[i][form][CURRENT]));
			}
		}
		EXPECT_EQ(2, after.count);
		lists_free(&before);
		lists_free(&after);
	}
	lists_free(&end);
	blob_free(&seen);
}

FIXTURE(list) {
	struct ima ima;
	/* The binary files of the first bank, and what the test has read. */
	int current;
	int staged;
	struct blob seen;
	struct lists lists;
};

FIXTURE_SETUP(list)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	/* Begin with nothing. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->current = open_list(&self->ima, 0, BINARY, CURRENT, O_RDWR);
	ASSERT_LE(0, self->current);
	self->staged = open_list(&self->ima, 0, BINARY, STAGED, O_RDWR);
	ASSERT_LE(0, self->staged);
}

FIXTURE_TEARDOWN(list)
{
	close(self->current);
	close(self->staged);
	blob_free(&self->seen);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Save what is staged, without a command. */
static int save_staged(struct _test_data_list *self)
{
	int err;

	lists_free(&self->lists);
	err = lists_read(&self->ima, &self->lists);
	return err ?: saved_add_list(&self->ima, &self->lists, STAGED);
}

/* What the list would be that nobody ever staged, as the test made it. */
TEST_F_TIMEOUT(list, nothing_lost_nothing_twice, 600)
{
	/* As if one process had measured it all. */
	struct appenders a = { .procs = 1 };
	struct blob all = { };
	struct mlist list;
	int round;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc,
					   round + 1));
		a.per_proc += round + 1;
		ASSERT_EQ(1, write(round & 1 ? self->staged : self->current,
				   "A", 1));
		ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc,
					   round % 3));
		a.per_proc += round % 3;
		ASSERT_EQ(0, save_staged(self));
		ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc, 1));
		a.per_proc += 1;
		ASSERT_EQ(1, write(self->staged, "D", 1));
	}
	/* Something is left in each of the two lists. */
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_files(&self->ima, "proc0-", a.per_proc, 2));
	a.per_proc += 2;

	ASSERT_EQ(0, saved_read_all(&self->ima, 0, &all));
	ASSERT_EQ(0, mlist_parse(&list, all.data, all.len,
				 self->ima.bank[0].digest_size));
	EXPECT_STREQ("", appenders_check(&self->ima, &a, &list));
	mlist_free(&list);
	blob_free(&all);
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* The same with the TPM as the judge: all since boot, for each bank. */
TEST_F_TIMEOUT(list, replay, 600)
{
	int round;

	if (self->ima.no_replay)
		SKIP(return, "%s", self->ima.no_replay);
	ASSERT_STREQ("", saved_replay(&self->ima));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", 10 * round, 5));
		ASSERT_STREQ("", saved_replay(&self->ima));
		ASSERT_EQ(1, write(self->staged, "A", 1));
		EXPECT_STREQ("", saved_replay(&self->ima));
		ASSERT_EQ(0, measure_files(&self->ima, "file", 10 * round + 5, 2));
		EXPECT_STREQ("", saved_replay(&self->ima));
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		EXPECT_STREQ("", saved_replay(&self->ima));
	}
}

/* A record of the saved ones taken out: the replay has to fail. */
TEST_F_TIMEOUT(list, replay_misses_a_record, 600)
{
	uint8_t value[HASH_MAX_SIZE], pcr[HASH_MAX_SIZE];
	struct blob all;
	struct mlist list;
	struct hash hash;
	unsigned int tried = 0;
	size_t j, step;
	int i;

	if (self->ima.no_replay)
		SKIP(return, "%s", self->ima.no_replay);
	for (i = 0; i < self->ima.nr_banks; i++) {
		const struct bank *bank = &self->ima.bank[i];

		if (!bank->in_tpm)
			continue;
		all = (struct blob) { };
		ASSERT_EQ(0, hash_open(&hash, bank->algo));
		ASSERT_EQ(0, tpm_pcr(bank, pcr));
		ASSERT_EQ(0, saved_read_all(&self->ima, i, &all));
		ASSERT_EQ(0, mlist_parse(&list, all.data, all.len,
					 bank->digest_size));
		ASSERT_LT(0, list.nr);
		step = list.nr / 5 + 1;
		for (j = 0; j < list.nr; j += step) {
			struct record out = list.rec[j];

			list.rec[j].pcr = IMA_PCR + 1;
			memset(value, 0, sizeof(value));
			EXPECT_EQ(0, mlist_replay(&list, &hash, IMA_PCR, value));
			EXPECT_NE(0, memcmp(pcr, value, bank->digest_size));
			list.rec[j] = out;
			tried++;
		}
		memset(value, 0, sizeof(value));
		EXPECT_EQ(0, mlist_replay(&list, &hash, IMA_PCR, value));
		EXPECT_EQ(0, memcmp(pcr, value, bank->digest_size));
		mlist_free(&list);
		blob_free(&all);
		hash_close(&hash);
	}
	EXPECT_LT(0, tried);
}

/* A violation has no digest to be found by, and is deleted as any record. */
TEST_F(list, violation)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/violation", self->ima.dir);
	ASSERT_EQ(0, measure_content(path, "before"));
	ASSERT_EQ(1, ima_count());
	/* Open for write, and read by somebody at the same time. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "after", 5));
	close(open(path, O_RDONLY | O_CLOEXEC));
	close(fd);
	ASSERT_LT(1, ima_count());

	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(0, ima_count());
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/*
 * IMA records the same file once, also if the record has been deleted, unless
 * the kernel was told to forget it then.
 */
TEST_F(list, duplicates)
{
	bool forgets = ima_forgets_deleted();
	char path[512], kept[512];

	TH_LOG("deleted records are %sforgotten (ima_flush_htable)",
	       forgets ? "" : "not ");
	snprintf(path, sizeof(path), "%s/file", self->ima.dir);
	snprintf(kept, sizeof(kept), "%s/kept", self->ima.dir);
	ASSERT_EQ(0, measure_content(path, "content"));
	ASSERT_EQ(1, ima_count());
	ASSERT_EQ(0, measure_content(path, "content"));
	if (ima_count() != 1 && ima_may_record_duplicates()) {
		ASSERT_EQ(1, write(self->staged, "A", 1));
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		SKIP(return, "the kernel records duplicates (CONFIG_IMA_DISABLE_HTABLE)");
	}

	ASSERT_EQ(1, ima_count());
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_content(path, "content"));
	EXPECT_EQ(0, ima_count())
		TH_LOG("recorded again while staged");

	ASSERT_EQ(0, measure_content(kept, "content"));
	EXPECT_EQ(1, ima_count());
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	ASSERT_EQ(0, measure_content(kept, "content"));
	EXPECT_EQ(1, ima_count())
		TH_LOG("recorded again, though its record is in the list");
	ASSERT_EQ(0, measure_content(path, "content"));
	EXPECT_EQ(1 + forgets, ima_count())
		TH_LOG("after it was deleted");

	/* Once it is back, it is known again. */
	ASSERT_EQ(0, measure_content(path, "content"));
	EXPECT_EQ(1 + forgets, ima_count());
	ASSERT_EQ(0, measure_content(path, "other content"));
	EXPECT_EQ(2 + forgets, ima_count());

	/* And may be deleted again, together with others. */
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_content(path, "content"));
	ASSERT_EQ(0, measure_content(kept, "content"));
	EXPECT_EQ(0, ima_count());
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	ASSERT_EQ(0, measure_content(kept, "content"));
	ASSERT_EQ(0, measure_content(path, "other content"));
	ASSERT_EQ(0, measure_content(path, "content"));
	EXPECT_EQ(3 * forgets, ima_count());
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* Records that are deleted are counted, and no others. */
TEST_F(list, deleted_counter)
{
	long deleted = ima_deleted();

	if (deleted == -ENOENT)
		SKIP(return, "no runtime_measurements_deleted");
	ASSERT_LE(0, deleted);
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 5));
	EXPECT_EQ(deleted, ima_deleted());
	EXPECT_EQ(ENOENT, errno_of(write(self->staged, "D", 1)));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_files(&self->ima, "file", 5, 2));
	EXPECT_EQ(EEXIST, errno_of(write(self->staged, "A", 1)));
	EXPECT_EQ(deleted, ima_deleted());
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(deleted + 5, ima_deleted());
	EXPECT_EQ(2, ima_count());
	ASSERT_EQ(1, write(self->current, "A", 1));
	EXPECT_EQ(deleted + 5, ima_deleted());
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(deleted + 7, ima_deleted());
}

/*
 * A client that opens once. Without a rewind, the second round would be read
 * from where the first one ended, and the rest deleted unseen.
 */
TEST_F(list, kept_descriptor_reads_round_two_from_the_start)
{
	static const unsigned int nr_files[] = { 7, 7, 3 };
	unsigned int round, file = 0;

	for (round = 0; round < ARRAY_SIZE(nr_files); round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", file,
					   nr_files[round]));
		file += nr_files[round];
		ASSERT_EQ(1, write(self->staged, "A", 1));
		self->seen.len = 0;
		ASSERT_EQ(0, blob_read_fd(&self->seen, self->staged, 4096));
		EXPECT_EQ(nr_files[round], nr_records(&self->ima, &self->seen));

		ASSERT_EQ(0, save_staged(self));
		EXPECT_TRUE(blob_equal(&self->lists.blob[0][BINARY][STAGED],
				       &self->seen));
		ASSERT_EQ(1, write(self->staged, "D", 1));
		self->seen.len = 0;
		ASSERT_EQ(0, blob_read_fd(&self->seen, self->staged, 4096));
		EXPECT_EQ(0, self->seen.len);
	}
}

/* The same through the original file, whose list is empty after A. */
TEST_F(list, kept_descriptor_of_current_list)
{
	static const unsigned int nr_files[] = { 7, 7, 3 };
	unsigned int round, file = 0;

	for (round = 0; round < ARRAY_SIZE(nr_files); round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", file,
					   nr_files[round]));
		file += nr_files[round];
		self->seen.len = 0;
		ASSERT_EQ(0, blob_read_fd(&self->seen, self->current, 4096));
		EXPECT_EQ(nr_files[round], nr_records(&self->ima, &self->seen));
		ASSERT_EQ(1, write(self->current, "A", 1));
		ASSERT_EQ(0, save_staged(self));
		EXPECT_TRUE(blob_equal(&self->lists.blob[0][BINARY][STAGED],
				       &self->seen));
		ASSERT_EQ(1, write(self->staged, "D", 1));
	}
}

/* A buffer that has not been read to its end is no longer of any use. */
TEST_F(list, command_in_the_middle_of_reading)
{
	char byte;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 5));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(1, read(self->staged, &byte, 1));
	ASSERT_EQ(0, save_staged(self));
	ASSERT_EQ(1, write(self->staged, "D", 1));
	EXPECT_EQ(0, read(self->staged, &byte, 1));

	ASSERT_EQ(0, measure_files(&self->ima, "file", 5, 2));
	ASSERT_EQ(1, read(self->current, &byte, 1));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, blob_read_fd(&self->seen, self->staged, 4096));
	EXPECT_EQ(2, nr_records(&self->ima, &self->seen));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
}

/* After a command, whatever its offset was, the descriptor is at 0. */
TEST_F(list, position_after_command)
{
	char buf[10];

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	ASSERT_EQ(10, read(self->current, buf, 10));
	ASSERT_EQ(1, write(self->current, "A", 1));
	EXPECT_EQ(0, lseek(self->current, 0, SEEK_CUR));
	ASSERT_EQ(10, read(self->staged, buf, 10));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(0, lseek(self->staged, 0, SEEK_CUR));
}

TEST_F(list, command_at_any_offset)
{
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	ASSERT_EQ(1, pwrite(self->current, "A", 1, 12345));
	EXPECT_EQ(0, ima_count());
	ASSERT_EQ(0, save_staged(self));
	ASSERT_EQ(2, pwrite(self->staged, "D\n", 2, 1));
	ASSERT_EQ(0, blob_read_fd(&self->seen, self->staged, 4096));
	EXPECT_EQ(0, self->seen.len);
}

/* Another descriptor of the list learns that the list is another one. */
TEST_F(list, stale_reader)
{
	char buf[10];
	int fd, i;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	fd = open_list(&self->ima, 0, ASCII, CURRENT, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(10, read(fd, buf, 10));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, read(fd, buf, 10));
		EXPECT_EQ(ESTALE, errno);
		EXPECT_EQ(-1, pread(fd, buf, 10, 1));
		EXPECT_EQ(ESTALE, errno);
	}
	/* The list as it is now, which is empty until something is measured. */
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(0, read(fd, buf, 10));
	ASSERT_EQ(0, measure_files(&self->ima, "file", 3, 1));
	EXPECT_EQ(10, read(fd, buf, 10));
	EXPECT_EQ(10, read(fd, buf, 10));
	close(fd);

	/* A also changed what is staged, and D does. */
	fd = open_list(&self->ima, 0, ASCII, STAGED, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(10, read(fd, buf, 10));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(-1, read(fd, buf, 10));
	EXPECT_EQ(ESTALE, errno);
	EXPECT_EQ(0, pread(fd, buf, 10, 0));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(0, read(fd, buf, 10));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	EXPECT_EQ(10, read(fd, buf, 10));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	close(fd);
}

/* What is at offset 0 is the list of now, with no seek and no error. */
TEST_F(list, open_before_command)
{
	char buf[10];
	int fd;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	fd = open_list(&self->ima, 0, BINARY, STAGED, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, blob_read_fd(&self->seen, fd, 10));
	EXPECT_EQ(3, nr_records(&self->ima, &self->seen));
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	EXPECT_EQ(-1, read(fd, buf, 10));
	EXPECT_EQ(ESTALE, errno);
	close(fd);
}

/* Appending is no change, and deleting what is staged none of the current. */
TEST_F(list, reader_that_is_not_disturbed)
{
	char byte;
	int fd;

	ASSERT_EQ(0, measure_files(&self->ima, "old", 0, 1));
	ASSERT_EQ(1, write(self->staged, "A", 1));

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	fd = open_list(&self->ima, 0, BINARY, CURRENT, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, read(fd, &byte, 1));
	blob_add(&self->seen, &byte, 1);
	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	ASSERT_EQ(0, blob_read_fd(&self->seen, fd, 10));
	EXPECT_EQ(2, nr_records(&self->ima, &self->seen));

	/* Further, where the list ended. */
	ASSERT_EQ(0, measure_files(&self->ima, "file", 2, 3));
	ASSERT_EQ(0, blob_read_fd(&self->seen, fd, 4096));
	EXPECT_EQ(5, nr_records(&self->ima, &self->seen));
	close(fd);
	lists_free(&self->lists);
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	EXPECT_TRUE(blob_equal(&self->lists.blob[0][BINARY][CURRENT],
			       &self->seen));
}

/* A refused command is none: what a descriptor reads goes on. */
TEST_F(list, reader_and_refused_command)
{
	char byte;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, save_staged(self));
	ASSERT_EQ(1, read(self->staged, &byte, 1));
	blob_add(&self->seen, &byte, 1);
	EXPECT_EQ(-1, write(self->current, "A", 1));
	EXPECT_EQ(EEXIST, errno);
	EXPECT_EQ(-1, write(self->current, "D", 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, blob_read_fd(&self->seen, self->staged, 100));
	EXPECT_TRUE(blob_equal(&self->lists.blob[0][BINARY][STAGED],
			       &self->seen));
	ASSERT_EQ(1, write(self->staged, "D", 1));
}

/* The same bytes, in whatever pieces and from whatever offset. */
TEST_F_TIMEOUT(list, pieces, 600)
{
	static const size_t chunk[] = { 1, 7, 100, 4095, 4096, 65536 };
	enum list_form form;
	enum list_kind kind;
	char buf[64];
	unsigned int i;
	size_t pos;
	int fd;

	/* More than one buffer of seq_file. */
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 60));
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_files(&self->ima, "file", 60, 60));
	ASSERT_EQ(0, save_staged(self));
	for (i = 0; i < NR_FORMS * NR_KINDS; i++) {
		form = i % NR_FORMS;
		kind = i / NR_FORMS;
		const struct blob *want = &self->lists.blob[0][form][kind];

		ASSERT_LT(4096, want->len);
		fd = open_list(&self->ima, 0, form, kind, O_RDONLY);
		ASSERT_LE(0, fd);
		for (pos = 0; pos < ARRAY_SIZE(chunk); pos++) {
			self->seen.len = 0;
			ASSERT_EQ(0, blob_read_fd(&self->seen, fd, chunk[pos]));
			EXPECT_TRUE(blob_equal(want, &self->seen));
			ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		}
		self->seen.len = 0;
		ASSERT_EQ(0, blob_pread_fd(&self->seen, fd));
		EXPECT_TRUE(blob_equal(want, &self->seen));
		/* Backwards, so that each one is a new walk. */
		for (pos = want->len - sizeof(buf); pos > 997; pos -= 997) {
			ASSERT_LT(0, pread(fd, buf, sizeof(buf), pos));
			EXPECT_EQ(want->data[pos], (uint8_t)buf[0]);
		}
		EXPECT_EQ(0, pread(fd, buf, sizeof(buf), want->len));
		close(fd);
	}
	ASSERT_EQ(1, write(self->staged, "D", 1));
}

/* echo A > file, and echo D >> file */
TEST_F(list, shell_redirection)
{
	int fd;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 2));
	fd = open_list(&self->ima, 0, ASCII, STAGED,
		       O_WRONLY | O_CREAT | O_TRUNC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2, ima_count());
	ASSERT_EQ(2, write(fd, "A\n", 2));
	close(fd);
	ASSERT_EQ(0, save_staged(self));
	EXPECT_EQ(2, nr_records(&self->ima,
				&self->lists.blob[0][BINARY][STAGED]));
	fd = open_list(&self->ima, 0, ASCII, STAGED, O_WRONLY | O_APPEND);
	ASSERT_LE(0, fd);
	ASSERT_EQ(2, write(fd, "D\n", 2));
	close(fd);
	lists_free(&self->lists);
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	EXPECT_EQ(0, self->lists.blob[0][BINARY][STAGED].len);
}

TEST_HARNESS_MAIN
