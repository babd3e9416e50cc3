// SPDX-License-Identifier: GPL-2.0
/* Numbers leave an audit record like the other commands: see audit_test.c. */
#include <fcntl.h>

#include "audit.h"
#include "common.h"
#include "delete_n.h"
#include "harness.h"
#include "saved.h"

FIXTURE(audit_n) {
	struct ima ima;
	struct audit audit;
	int fd[NR_KINDS];
};

FIXTURE_SETUP(audit_n)
{
	const char *skip = ima_setup(&self->ima);
	int kind;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = audit_open(&self->audit, &self->ima);
	if (!skip && !audit_has_commands())
		skip = "the kernel does not tell of commands";
	if (!skip && !has_delete_n(&self->ima))
		skip = "the kernel takes no numbers";
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	ASSERT_EQ(0, save_and_delete(&self->ima));
	for (kind = 0; kind < NR_KINDS; kind++) {
		self->fd[kind] = open(self->ima.bank[0].path[BINARY][kind],
				      O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fd[kind]);
	}
	ASSERT_EQ(0, audit_drain(&self->audit, self->fd[CURRENT]));
}

FIXTURE_TEARDOWN(audit_n)
{
	close(self->fd[CURRENT]);
	close(self->fd[STAGED]);
	audit_close(&self->audit);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

TEST_F(audit_n, each_number)
{
	static const struct {
		const char *text;
		enum list_kind kind;
		const char *op;
		unsigned int records;
		int error;
	} row[] = {
		{ "1", CURRENT, "delete_n", 1, 0 },
		{ "3\n", CURRENT, "delete_n", 3, 0 },
		{ "4", CURRENT, "delete_n", 0, ENOENT },
		{ "1", STAGED, "delete_n", 0, EINVAL },
		{ "99999999999999999999", CURRENT, "delete_n", 0, ERANGE },
		{ "0", CURRENT, "unknown_command", 0, EINVAL },
		{ "01", CURRENT, "unknown_command", 0, EINVAL },
		{ "1x", CURRENT, "unknown_command", 0, EINVAL },
		{ "1\n1\n", CURRENT, "unknown_command", 0, EINVAL },
		{ "2", CURRENT, "delete_n", 2, 0 },
		{ "1", CURRENT, "delete_n", 0, ENOENT },
	};
	struct audit_record r;
	struct lists lists;
	unsigned int i;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 6));
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		ASSERT_EQ(0, lists_read(&self->ima, &lists));
		ASSERT_EQ(0, saved_add_first(&self->ima, &lists, row[i].records));
		lists_free(&lists);
		EXPECT_EQ(row[i].error, write_text(self->fd[row[i].kind], row[i].text));
		r = (struct audit_record) { };
		ASSERT_EQ(0, audit_next(&self->audit, &r))
			TH_LOG("%s", row[i].text);
		EXPECT_STREQ(row[i].op, r.op)
			TH_LOG("%s", row[i].text);
		EXPECT_EQ(row[i].records, r.records);
		EXPECT_EQ(!row[i].error, r.result);
		EXPECT_EQ(-row[i].error, r.error);
	}
	/* Numbers that are refused do not get there in any other way. */
	EXPECT_EQ(NULL, memmem(self->audit.text.data, self->audit.text.len,
			       "9999999999", 10));
}

TEST_HARNESS_MAIN
