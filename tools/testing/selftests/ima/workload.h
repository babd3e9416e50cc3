/* SPDX-License-Identifier: GPL-2.0 */
/* Processes and threads that use the measurement lists all at once. */
#ifndef IMA_SELFTEST_WORKLOAD_H
#define IMA_SELFTEST_WORKLOAD_H

#include <sys/types.h>

#include "common.h"

/*
 * Processes that measure files as fast as they can, each one @per_proc files
 * of its own name.
 */
#define MAX_APPENDERS 16

/* In memory that the processes share. */
struct appenders_shared {
	bool stop;
	unsigned int measured[MAX_APPENDERS];
};

struct appenders {
	unsigned int procs;
	unsigned int per_proc;
	/* If set: no longer than until @stop, and with a pause after each file. */
	struct appenders_shared *shared;
	unsigned int pause_us;
	pid_t pid[MAX_APPENDERS];
};

int appenders_start(const struct ima *ima, struct appenders *a);
/* Return: 1 as long as one of them runs, 0 at the end, or an error. */
int appenders_running(struct appenders *a);
/*
 * Does @list have each of their records exactly once, those of one process in
 * the order in which it measured?
 *
 * Return: "" or what is wrong.
 */
const char *appenders_check(const struct ima *ima, const struct appenders *a,
			    const struct mlist *list);

/* The number of the file of @name that measure_files() made, or -1. */
long record_number(const struct ima *ima, const struct record *rec,
		   const char *name);

/* Add to @list what @bank's list shows of files 0 to @nr - 1 of @name. */
int measured_list(const struct ima *ima, int bank, const char *name,
		  unsigned int nr, struct blob *list);

/*
 * After measuring @nr files of @name from 0 on, and losing records: the lists
 * have to be the end of those and what the current list was @before. All that
 * is no longer there is added to the saved records.
 *
 * Return: "" or what is wrong.
 */
const char *account_for_deleted(const struct ima *ima, const char *name,
				unsigned int nr, const struct lists *before,
				unsigned int *deleted);

/*
 * Threads of this process, each of which writes one command again and again;
 * other ones that read through the same descriptors, or through their own; and
 * one that measures files.
 */
struct race_command {
	enum list_kind kind;
	const char *command;
	/* Set by race_run(): how often it was done. */
	unsigned int done;
};

/*
 * All of the records that get lost are known - the files were the test's own -
 * and are added to the saved ones. What is not lost is deleted as well.
 *
 * Return: "" or what went wrong.
 */
const char *race_run(const struct ima *ima, struct race_command *commands,
		     unsigned int nr_commands, unsigned int rounds,
		     unsigned int *deleted);
/* Why race_run() is not possible, or NULL. */
const char *race_unfit(const struct ima *ima);

/*
 * Two threads that write the same command at the same time, each one through a
 * descriptor of its own. @err gets what each write failed with, or 0.
 */
void write_at_once(const int fd[2], const char *command, int err[2]);

#endif /* IMA_SELFTEST_WORKLOAD_H */
