// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: what is measured while other processes or threads stage,
 * read and delete is recorded once, and never lost unseen.
 *
 * The size of the loops can be set: IMA_TEST_ROUNDS for the commands of each
 * thread, IMA_TEST_RECORDS for the files that each process measures.
 */
#include <fcntl.h>

#include "common.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

FIXTURE(race) {
	struct ima ima;
};

FIXTURE_SETUP(race)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	/* The lists are short when the race begins. */
	ASSERT_EQ(0, save_and_delete(&self->ima));
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

TEST_F_TIMEOUT(race, threads_stage_delete_pread, 600)
{
	struct race_command commands[] = {
		{ CURRENT, "A", 0 },
		{ STAGED, "A", 0 },
		{ STAGED, "D", 0 },
		{ STAGED, "D\n", 0 },
	};
	const char *unfit = race_unfit(&self->ima);
	unsigned int deleted = 0;

	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_STREQ("", race_run(&self->ima, commands, ARRAY_SIZE(commands),
				  env_uint("IMA_TEST_ROUNDS", 500), &deleted));
	TH_LOG("staged %u+%u, deleted %u+%u times: %u records",
	       commands[0].done, commands[1].done, commands[2].done,
	       commands[3].done, deleted);
	/* Each list that was staged was deleted once, but for the last one. */
	EXPECT_LE(commands[0].done + commands[1].done,
		  commands[2].done + commands[3].done + 1);
	EXPECT_GE(commands[0].done + commands[1].done,
		  commands[2].done + commands[3].done);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* One process is the agent of the machine: it stages, saves and deletes. */
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
	int running;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	ASSERT_EQ(0, appenders_start(&self->ima, &a));
	do {
		running = appenders_running(&a);
		ASSERT_LE(0, running);
		ASSERT_EQ(0, save_and_delete(&self->ima));
		rounds++;
	} while (running);
	TH_LOG("%u rounds", rounds);
	/* At least one of them while they were at it. */
	EXPECT_LT(1, rounds);
	EXPECT_EQ(0, ima_count());

	ASSERT_EQ(0, saved_read_all(&self->ima, 0, &all));
	ASSERT_EQ(0, mlist_parse(&list, all.data, all.len, digest_size));
	EXPECT_STREQ("", appenders_check(&self->ima, &a, &list));
	mlist_free(&list);
	blob_free(&all);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

TEST_HARNESS_MAIN
