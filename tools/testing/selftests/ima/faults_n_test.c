// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation failure while the first N records are deleted: see faults_test.c.
 */
#include <fcntl.h>

#include "audit.h"
#include "common.h"
#include "fault.h"
#include "delete_n.h"
#include "harness.h"
#include "saved.h"

/* More allocations than any of the operations has. */
#define TOO_MANY 1000

FIXTURE(faults_n) {
	struct ima ima;
	struct fault fault;
	int current;
};

FIXTURE_SETUP(faults_n)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	if (!has_delete_n(&self->ima))
		skip = "the kernel takes no numbers";
	/* All that is allocated is for that. */
	if (!skip)
		skip = audit_unfit(&self->ima);
	if (!skip)
		skip = fault_setup(&self->fault);
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->current = open(self->ima.bank[0].path[BINARY][CURRENT],
			     O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->current);
}

FIXTURE_TEARDOWN(faults_n)
{
	fault_teardown(&self->fault);
	close(self->current);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int save_first(struct _test_data_faults_n *self, size_t nr)
{
	struct lists l;
	int err;

	err = lists_read(&self->ima, &l);
	if (err)
		return err;
	err = saved_add_first(&self->ima, &l, nr);
	lists_free(&l);
	return err;
}

TEST_F_TIMEOUT(faults_n, delete_first, 600)
{
	unsigned int nth, failed = 0;
	bool hit;

	for (nth = 1, hit = true; hit; nth++) {
		ASSERT_GT(TOO_MANY, nth);
		ASSERT_EQ(0, measure_files(&self->ima, "file", 4 * nth, 4));
		ASSERT_EQ(0, save_first(self, 3));
		ASSERT_EQ(0, fault_write(&self->fault, nth, self->current, "3", &hit));
		failed += hit;
		ASSERT_EQ(nth, ima_count());
		if (!self->ima.no_replay)
			ASSERT_STREQ("", saved_replay(&self->ima));
	}
	TH_LOG("%s ima_flush_htable, failed: %u allocations",
	       ima_forgets_deleted() ? "with" : "without", failed);
	EXPECT_LT(0, failed);
}

TEST_F_TIMEOUT(faults_n, refused, 600)
{
	static const struct {
		const char *what;
		bool staged;
		const char *command;
		int error;
	} row[] = {
		{ "more than there are", false, "4", ENOENT },
		{ "while staged", true, "1", EEXIST },
		{ "more than there are while staged", true, "4\n", EEXIST },
		{ "too large", true, "99999999999999999999", ERANGE },
		{ "zero", true, "0", EINVAL },
	};
	unsigned int i, nth, failed = 0;
	bool hit;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i].staged && !row[i - 1].staged)
			ASSERT_EQ(1, write(self->current, "A", 1));
		for (nth = 1, hit = true; hit; nth++) {
			ASSERT_GT(TOO_MANY, nth);
			EXPECT_EQ(row[i].error,
				  fault_write(&self->fault, nth, self->current,
					      row[i].command, &hit))
				TH_LOG("%s", row[i].what);
			failed += hit;
		}
		EXPECT_EQ(row[i].staged ? 0 : 3, ima_count());
	}
	TH_LOG("failed: %u allocations", failed);
	/* One at least for each command that was refused. */
	EXPECT_LE(ARRAY_SIZE(row), failed);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* Nothing is allocated before the outcome is there: see faults_test.c. */
TEST_F(faults_n, allocates_nothing)
{
	const char *unfit = fault_cannot_count(&self->fault);

	if (unfit)
		SKIP(return, "%s", unfit);
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 5));
	ASSERT_EQ(0, save_first(self, 5));
	/* What would be allocated would be seen. */
	fault_arm(&self->fault, TOO_MANY);
	ASSERT_EQ(-1, write(self->current, "6", 1));
	ASSERT_LT(0, fault_disarm(&self->fault));
	ASSERT_EQ(0, fault_leave_out(&self->fault, "integrity_audit_message"));

	fault_arm(&self->fault, TOO_MANY);
	EXPECT_EQ(-1, write(self->current, "6", 1));
	EXPECT_EQ(0, fault_disarm(&self->fault));
	fault_arm(&self->fault, TOO_MANY);
	EXPECT_EQ(1, write(self->current, "5", 1));
	EXPECT_EQ(0, fault_disarm(&self->fault));
	EXPECT_EQ(0, ima_count());
}

TEST_HARNESS_MAIN
