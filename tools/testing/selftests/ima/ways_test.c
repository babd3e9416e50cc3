// SPDX-License-Identifier: GPL-2.0
/*
 * Every way in, any two at once: a command against a command, and a command
 * against a read. See ways.h for what is checked after each round.
 *
 * IMA_TEST_ROUNDS is the number of rounds of each test, which takes all pairs
 * in turn, each of them once at least.
 */
#include <fcntl.h>

#include "common.h"
#include "harness.h"
#include "peer.h"
#include "saved.h"
#include "ways.h"
#include "workload.h"

FIXTURE(ways) {
	struct ima ima;
	struct way_actors commands;
	struct way_actors readers;
};

FIXTURE_VARIANT(ways) {
	enum ways_sharing sharing;
};

FIXTURE_VARIANT_ADD(ways, threads_of_one_file) {
	.sharing = THREADS_OF_ONE_FILE,
};

FIXTURE_VARIANT_ADD(ways, threads_of_two_files) {
	.sharing = THREADS_OF_TWO_FILES,
};

FIXTURE_VARIANT_ADD(ways, processes_of_one_file) {
	.sharing = PROCESSES_OF_ONE_FILE,
};

FIXTURE_VARIANT_ADD(ways, processes_of_passed_files) {
	.sharing = PROCESSES_OF_PASSED_FILES,
};

FIXTURE_SETUP(ways)
{
	const char *skip = ima_setup(&self->ima);
	unsigned int i;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = race_unfit(&self->ima);
	if (!skip && variant->sharing == PROCESSES_OF_PASSED_FILES)
		skip = peer_unfit();
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	add_writers(&self->ima, &self->commands, "A", CURRENT);
	/* By each kind of file in turn. */
	for (i = 1; i < self->commands.nr; i += 2)
		self->commands.actor[i].kind = STAGED;
	if (*self->commands.missing)
		TH_LOG("not offered by this kernel: %s", self->commands.missing);
	add_writers(&self->ima, &self->commands, "D\n", STAGED);
	add_readers(&self->ima, &self->readers);
	if (*self->readers.missing)
		TH_LOG("not offered by this kernel: %s", self->readers.missing);
}

FIXTURE_TEARDOWN(ways)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static void race_with(struct __test_metadata *_metadata,
		      struct _test_data_ways *self, enum ways_sharing sharing,
		      const struct way_actors *others)
{
	struct ways_counts c;

	EXPECT_STREQ("", ways_race(&self->ima, sharing, ways_model,
				   &self->commands, others,
				   env_uint("IMA_TEST_ROUNDS", 100), &c));
	TH_LOG("%s", ways_tell(&c));
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_F_TIMEOUT(ways, commands_against_commands, 3600)
{
	race_with(_metadata, self, variant->sharing, &self->commands);
}

TEST_F_TIMEOUT(ways, commands_against_reads, 3600)
{
	race_with(_metadata, self, variant->sharing, &self->readers);
}

TEST_HARNESS_MAIN
