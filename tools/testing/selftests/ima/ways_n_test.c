// SPDX-License-Identifier: GPL-2.0
/*
 * Every way in, for stage and delete N: a number against each other command,
 * and against reads. As ways_test.c, which has the commands without a number.
 */
#include <fcntl.h>

#include "common.h"
#include "delete_n.h"
#include "harness.h"
#include "peer.h"
#include "saved.h"
#include "ways.h"
#include "workload.h"

FIXTURE(ways) {
	struct ima ima;
	struct way_actors numbers;
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
	if (!skip && !has_delete_n(&self->ima))
		skip = "the kernel takes no numbers";
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	add_writers(&self->ima, &self->numbers, "1", CURRENT);
	/* More than there are, now and then. */
	for (i = 1; i < self->numbers.nr; i += 2)
		self->numbers.actor[i].command = "2\n";
	if (*self->numbers.missing)
		TH_LOG("not offered by this kernel: %s", self->numbers.missing);
	add_writers(&self->ima, &self->commands, "A", CURRENT);
	add_writers(&self->ima, &self->commands, "D", STAGED);
	add_readers(&self->ima, &self->readers);
	if (*self->readers.missing)
		TH_LOG("not offered by this kernel: %s", self->readers.missing);
}

FIXTURE_TEARDOWN(ways)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int model(struct ways_state *state, const struct way_actor *a)
{
	unsigned int nr = strtoul(a->command, NULL, 10);

	if (!nr || a->kind != CURRENT)
		return ways_model(state, a);
	if (state->staged != state->deleted)
		return -EEXIST;
	if (state->measured - state->staged < nr)
		return -ENOENT;
	state->deleted += nr;
	state->staged += nr;
	return 0;
}

static void race_with(struct __test_metadata *_metadata,
		      struct _test_data_ways *self, enum ways_sharing sharing,
		      const struct way_actors *others)
{
	struct ways_counts c;

	EXPECT_STREQ("", ways_race(&self->ima, sharing, model, &self->numbers,
				   others, env_uint("IMA_TEST_ROUNDS", 100), &c));
	TH_LOG("%s", ways_tell(&c));
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_F_TIMEOUT(ways, numbers_against_numbers, 3600)
{
	race_with(_metadata, self, variant->sharing, &self->numbers);
}

TEST_F_TIMEOUT(ways, numbers_against_commands, 3600)
{
	race_with(_metadata, self, variant->sharing, &self->commands);
}

TEST_F_TIMEOUT(ways, numbers_against_reads, 3600)
{
	race_with(_metadata, self, variant->sharing, &self->readers);
}

TEST_HARNESS_MAIN
