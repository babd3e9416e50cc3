/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit record that each write to a list file leaves. Records are received
 * from the kernel's multicast group, which has all of them, whether a daemon
 * runs or not; the kernel's log leaves some out.
 */
#ifndef IMA_SELFTEST_AUDIT_H
#define IMA_SELFTEST_AUDIT_H

#include "blob.h"
#include "common.h"

struct audit {
	int sock;
	/* All that was received, of whatever type. */
	struct blob text;
};

struct audit_record {
	char op[32];
	long records;
	char name[64];
	int result;
	int error;
};

/*
 * A violation is caused, of which IMA tells in any case: whoever does not hear of
 * it will not hear of commands.
 *
 * Return: why there are no records to be had, or NULL.
 */
const char *audit_open(struct audit *a, const struct ima *ima);
/* The same, for a test that does not look at them. */
const char *audit_unfit(const struct ima *ima);
void audit_close(struct audit *a);
/* Forget all that was written up to now. @fd: of a list file, open for write */
int audit_drain(struct audit *a, int fd);
/* The next record of a command. -ETIME: there is none in a few seconds. */
int audit_next(struct audit *a, struct audit_record *r);
/* Does the kernel leave records of commands? True also if it should do so. */
bool audit_has_commands(void);

#endif /* IMA_SELFTEST_AUDIT_H */
