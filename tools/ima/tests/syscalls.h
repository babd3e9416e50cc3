/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls of the code under test, which the linker leads here (--wrap):
 * they are counted, and can fail, be cut short, or be the last one.
 */
#ifndef IMALOG_TESTS_SYSCALLS_H
#define IMALOG_TESTS_SYSCALLS_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct syscalls - what is to happen
 * @count: calls so far
 * @stop: number of the call after which the process ends, as by SIGKILL; 0 for
 *	never. A write of more than one byte ends after the first half.
 * @lose: what was not synced and is lost then, as when the power fails
 * @fail: number of the call that fails, 0 for none
 * @error: with this error
 * @sync_error: each fsync() fails with this error, 0 for none
 * @hook: called before each call, or NULL
 * @short_io: each read and write does a part only, or is interrupted
 * @far: reads of more than %SYSCALLS_FAR bytes at an offset so far
 */
struct syscalls {
	unsigned int count;
	unsigned int stop;
	unsigned int lose;
	unsigned int fail;
	int error;
	int sync_error;
	void (*hook)(void);
	bool short_io;
	unsigned int far;
};

/* More than the end of a manifest */
#define SYSCALLS_FAR		1000

/* What can be lost */
#define LOSE_BYTES		1
#define LOSE_NAMES		2

/* Status of a process that ended at @stop */
#define SYSCALLS_STOPPED	77

extern struct syscalls syscalls;

void syscalls_reset(void);
void syscalls_unsynced(const char *path, off_t synced);

#endif /* IMALOG_TESTS_SYSCALLS_H */
