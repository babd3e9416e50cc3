/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each way in which a command can be written and a list be read, and any two
 * of them at once: by two threads or two processes, on one descriptor or on
 * two, round after round. Each round has one result for each order of the two,
 * and nothing else can be right.
 */
#ifndef IMA_SELFTEST_WAYS_H
#define IMA_SELFTEST_WAYS_H

#include <sys/types.h>

#include "common.h"
#include "uring.h"

enum write_way {
	WRITE_WRITE,
	WRITE_WRITEV,
	WRITE_PWRITE,
	WRITE_PWRITEV2,
	WRITE_URING,
	WRITE_URING_VECTOR,
	WRITE_URING_POSITION,
	NR_WRITE_WAYS
};

enum read_way {
	READ_READ,
	READ_READV,
	READ_PREAD,
	READ_PREADV2,
	READ_NOWAIT,
	READ_URING,
	READ_URING_VECTOR,
	READ_URING_POSITION,
	READ_SPLICE,
	NR_READ_WAYS
};

/* What some of the ways need, for one thread. */
struct way_tools {
	struct uring uring;
	int pipe[2];
};

void way_tools_open(struct way_tools *tools);
void way_tools_close(struct way_tools *tools);

/*
 * @pos: where, for the ways that do not take the descriptor's position
 *
 * Return: what the system call gave, or its negative errno.
 */
ssize_t way_write(struct way_tools *tools, enum write_way way, int fd,
		  const char *text, off_t pos);
ssize_t way_read(struct way_tools *tools, enum read_way way, int fd, char *buf,
		 size_t len, off_t pos);

/* One side of a race. */
struct way_actor {
	/* NULL: it reads. */
	const char *command;
	/* What it is written to, or what is read. */
	enum list_kind kind;
	/* One of the two enumerations. */
	int way;
};

#define MAX_ACTORS (NR_KINDS * (NR_WRITE_WAYS + NR_READ_WAYS))

struct way_actors {
	unsigned int nr;
	struct way_actor actor[MAX_ACTORS];
	/* Names of ways that the kernel does not offer, or "". */
	char missing[256];
};

/* Add those that write @command to the file of @kind, one in each way. */
void add_writers(const struct ima *ima, struct way_actors *actors,
		 const char *command, enum list_kind kind);
/* Add those that read either list, in each way. */
void add_readers(const struct ima *ima, struct way_actors *actors);

enum ways_sharing {
	THREADS_OF_ONE_FILE,
	THREADS_OF_TWO_FILES,
	PROCESSES_OF_ONE_FILE,
	PROCESSES_OF_PASSED_FILES,
};

/*
 * Where the records are, of which the race has measured @measured since its
 * start: the first @deleted are gone, those before @staged are staged, and the
 * others are in the current list.
 */
struct ways_state {
	unsigned int deleted;
	unsigned int staged;
	unsigned int measured;
};

/* Do the command. Return: what it should give, 0 or a negative errno. */
typedef int (*ways_model_t)(struct ways_state *state, const struct way_actor *a);
int ways_model(struct ways_state *state, const struct way_actor *a);

/* What happened, for the log. */
struct ways_counts {
	unsigned int pairs;
	unsigned int rounds;
	unsigned int records;
	/* Commands that were done, and those that were refused. */
	unsigned int done;
	unsigned int refused;
	/* Rounds that only the order of the second before the first explains. */
	unsigned int reversed;
	unsigned int read_before;
	unsigned int read_after;
	unsigned int read_stale;
};

/*
 * Let each of @first race with each of @second, or with itself and those that
 * come after it if the two are the same; all pairs once, and so often that
 * there are @rounds.
 *
 * After each round, the results have to be those of one of the two orders. At
 * the end, the lists have to be the end of what was measured, and what was seen
 * of them before each round has to be all of it. What was deleted is added to
 * the saved records, and the rest is saved and deleted.
 *
 * Return: "" or what went wrong.
 */
const char *ways_race(const struct ima *ima, enum ways_sharing sharing,
		      ways_model_t model, const struct way_actors *first,
		      const struct way_actors *second, unsigned int rounds,
		      struct ways_counts *counts);
const char *ways_tell(const struct ways_counts *counts);

#endif /* IMA_SELFTEST_WAYS_H */
