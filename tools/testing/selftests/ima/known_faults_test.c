// SPDX-License-Identifier: GPL-2.0
/*
 * Faults that other implementations of this feature have. Each has a test that
 * is named after it, here or where the tests of that matter are. A program can
 * not kexec and go on, nor can the kernel after its reboot notifiers: of that,
 * KUnit tests the parts, and what has no parts is not tested here.
 *
 *  1. two commands at once, through two descriptors of one process, both take
 *     the same records
 *	two_commands_at_once_through_two_descriptors
 *	known_faults_n_test: two_numbers_at_once_through_two_descriptors
 *	ways_test, ways_n_test, race_test: also with reads, in each way
 *  2. deletion works with the option switched off
 *	deletion_with_the_option_off
 *  3. a descriptor that is kept reads round two from where round one ended
 *	stage_test: kept_descriptor_reads_round_two_from_the_start
 *  4. two write descriptors, then fork, exit, close in the child: the gate
 *     stays closed, or opens too early
 *	open_test: gate_after_two_write_descriptors_and_a_fork
 *  5. ENOMEM when the staged records are deleted under ima_flush_htable: they
 *     leak, and are no longer staged
 *	faults_test: no_memory_to_delete_under_flush (booted with ima_flush_htable)
 *  6. a flush forgets digests of records that are still there
 *	flush_keeps_digests_of_live_records
 *	known_faults_n_test: n_under_flush
 *  7. records restored after a kexec are never freed
 *	ima_base (KUnit): ima_base_test_restores_legacy_template frees them, too;
 *	with a kexec before it, none here
 *  8. N while something is staged deletes newer records and leaves older ones
 *	known_faults_n_test: n_while_staged
 *  9. odd spellings of a number are taken; a vectored write is two commands
 *	known_faults_n_test: odd_spellings_of_n
 * 10. a kexec segment that is too small gets a truncated record, which counts;
 *     ESTALE is given where nothing is carried over
 *	ima_list (KUnit): ima_list_test_dump_takes_whole_records
 *	ima_staging (KUnit): ima_staging_test_small_dump_refuses_nothing
 * 11. nothing says that records were deleted
 *	audit_test: deletion_is_told
 * 12. walking and freeing a long list never yields the processor
 *	ima_list (KUnit): ima_list_test_long_call_yields
 * 13. violations all share one bucket of the digest table
 *	violations_do_not_share_a_bucket
 *
 * Faults of the kernel without this feature, which were in its way:
 *
 *   - digests of TPM banks without a known algorithm are shown with memory that
 *     follows them
 *	ima_base (KUnit): ima_base_test_shows_unmapped_bank
 *   - the size of records of unnamed templates is counted too small
 *	ima_list (KUnit): ima_list_test_size_covers_what_is_shown
 *   - a buffer that is full to the last byte, or too small, gets a part of a
 *     record
 *	ima_list (KUnit): ima_list_test_dump_takes_whole_records
 *   - records of the template ima, and all after them, are not restored
 *	ima_base (KUnit): ima_base_test_restores_legacy_template
 *   - the mapping of a kexec segment outlives its image, and a load that fails
 *     changes the size of one that does not belong to it
 *	none here: it takes images that are loaded, and a kexec
 *   - records are added after the TPM was shut down
 *	none here: a system that goes down does not come back
 *
 * What is not as it should be in the kernel without this feature, and is not made
 * worse: a record whose PCR can not be extended stays in the list.
 *	faults_test: pcr_cannot_be_extended
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

FIXTURE(known_fault) {
	struct ima ima;
	/* The binary files of the first bank. */
	int current;
	int staged;
	struct lists lists;
};

FIXTURE_SETUP(known_fault)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	/* Begin with nothing. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->current = open(self->ima.bank[0].path[BINARY][CURRENT],
			     O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->current);
	self->staged = open(self->ima.bank[0].path[BINARY][STAGED],
			    O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->staged);
}

FIXTURE_TEARDOWN(known_fault)
{
	close(self->current);
	close(self->staged);
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int save_staged(struct _test_data_known_fault *self)
{
	int err;

	lists_free(&self->lists);
	err = lists_read(&self->ima, &self->lists);
	return err ?: saved_add_list(&self->ima, &self->lists, STAGED);
}

/* Is there nothing in the list that was staged? */
static bool nothing_staged(struct _test_data_known_fault *self)
{
	lists_free(&self->lists);
	return !lists_read(&self->ima, &self->lists) &&
	       !self->lists.blob[0][BINARY][STAGED].len;
}

TEST_F_TIMEOUT(known_fault, two_commands_at_once_through_two_descriptors, 600)
{
	unsigned int rounds = env_uint("IMA_TEST_ROUNDS", 100), round;
	int fd[2] = { self->staged }, err[2];

	fd[1] = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd[1]);
	/* One of the two is done, the other one is told that it comes too late. */
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, measure_files(&self->ima, "file", 3 * round, 3));
		write_at_once(fd, "A", err);
		ASSERT_EQ(0, err[0] && err[1]);
		ASSERT_EQ(EEXIST, err[0] | err[1]);
		ASSERT_EQ(0, save_staged(self));
		write_at_once(fd, "D", err);
		ASSERT_EQ(0, err[0] && err[1]);
		ASSERT_EQ(ENOENT, err[0] | err[1]);
		ASSERT_EQ(0, ima_count());
	}
	close(fd[1]);
	EXPECT_TRUE(nothing_staged(self));
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* Without the option there is nothing to be written, and nothing goes. */
TEST(deletion_with_the_option_off)
{
	static const char * const commands[] = { "A", "D", "1" };
	struct ima ima = { };
	const char *skip = ima_find_banks(&ima);
	int i, form, fd;
	struct stat st;
	long count;
	size_t j;

	if (skip)
		SKIP(return, "%s", skip);
	if (ima_has_staging())
		SKIP(return, "the kernel has staged lists (CONFIG_IMA_STAGING)");

	count = ima_count();
	ASSERT_LT(0, count);
	EXPECT_EQ(-ENOENT, ima_deleted());
	for (i = 0; i < ima.nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			const char *path = ima.bank[i].path[form][CURRENT];

			EXPECT_NE(0, access(ima.bank[i].path[form][STAGED], F_OK));
			ASSERT_EQ(0, lstat(path, &st));
			EXPECT_EQ(S_IFREG | 0440, st.st_mode);
			/* Root needs no permission, but it is of no use. */
			fd = open(path, O_RDWR);
			if (fd < 0)
				continue;
			for (j = 0; j < ARRAY_SIZE(commands); j++) {
				EXPECT_EQ(-1, write(fd, commands[j], 1));
				EXPECT_EQ(EINVAL, errno);
			}
			close(fd);
		}
	}
	EXPECT_EQ(count, ima_count());
}

/* What is deleted is forgotten, what is staged or in the list is not. */
TEST_F(known_fault, flush_keeps_digests_of_live_records)
{
	static const char * const contents[] = { "first", "second", "third" };
	char path[512];
	size_t i;

	if (!ima_forgets_deleted())
		SKIP(return, "booted without ima_flush_htable");
	snprintf(path, sizeof(path), "%s/file", self->ima.dir);
	ASSERT_EQ(0, measure_content(path, contents[0]));
	ASSERT_EQ(1, ima_count());
	ASSERT_EQ(1, write(self->staged, "A", 1));
	ASSERT_EQ(0, measure_content(path, contents[1]));
	ASSERT_EQ(1, ima_count());
	/* Those that are staged are remembered, as those that are not. */
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, measure_content(path, contents[i]));
	if (ima_count() != 1 && ima_may_record_duplicates()) {
		ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
		SKIP(return, "the kernel records duplicates (CONFIG_IMA_DISABLE_HTABLE)");
	}
	ASSERT_EQ(1, ima_count());

	ASSERT_EQ(0, save_and_delete_staged(&self->ima, self->staged));
	ASSERT_EQ(0, measure_content(path, contents[1]));
	EXPECT_EQ(1, ima_count())
		TH_LOG("a record that is in the list came again");
	ASSERT_EQ(0, measure_content(path, contents[0]));
	EXPECT_EQ(2, ima_count())
		TH_LOG("what was deleted is still remembered");
	/* And is remembered from now on. */
	ASSERT_EQ(0, measure_content(path, contents[0]));
	EXPECT_EQ(2, ima_count());
	ASSERT_EQ(0, measure_content(path, contents[2]));
	EXPECT_EQ(3, ima_count());
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/*
 * They have no digest to be found by: none of them is in the table at all. Other
 * files of this system may be measured at the same time: there are many of these.
 */
#define VIOLATIONS 1000

TEST_F_TIMEOUT(known_fault, violations_do_not_share_a_bucket, 600)
{
	long seen = slab_objects("ima_seen"), before;
	char path[512];
	int i;

	if (seen < 0)
		SKIP(return, "nobody counts the digests (CONFIG_SLUB_DEBUG)");
	snprintf(path, sizeof(path), "%s/violation", self->ima.dir);
	ASSERT_EQ(0, measure_content(path, "content"));
	before = ima_count();
	seen = slab_objects("ima_seen");
	for (i = 0; i < VIOLATIONS; i++)
		ASSERT_EQ(0, violate(path));
	EXPECT_EQ(before + VIOLATIONS, ima_count());
	EXPECT_GT(seen + VIOLATIONS / 2, slab_objects("ima_seen"));
}

TEST_HARNESS_MAIN
