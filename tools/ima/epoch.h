/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The whole log of an epoch that goes on, read at any offset
 */
#ifndef IMALOG_EPOCH_H
#define IMALOG_EPOCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel.h"
#include "manifest.h"

/* The sum and the newline that a line of the manifest ends with */
#define EPOCH_TAIL	33

/**
 * struct epoch_segment - where a saved segment stands in the log
 * @number: its number
 * @first: number of its first record
 * @count: how many records there are
 * @end: for each file, the offset in the log behind its last byte
 */
struct epoch_segment {
	uint64_t number;
	uint64_t first;
	uint64_t count;
	uint64_t end[];
};

/* So many readers can wait for the kernel's lists at a time */
#define EPOCH_WAITING	32

/**
 * struct epoch_ahead - what was read ahead of the kernel's lists
 * @first: number of the first record that the kernel had
 * @at: offset of it in what the kernel had
 * @len: how many bytes there are
 * @bytes: the bytes, or NULL
 * @next: where a reader that goes on would read next
 */
struct epoch_ahead {
	uint64_t first;
	uint64_t at;
	size_t len;
	uint8_t *bytes;
	uint64_t next;
};

/**
 * struct epoch - the log of the epoch that this kernel belongs to
 * @kernel: the kernel's list files
 * @dir: folder of the epoch
 * @turn: the file STORE_TURN of the store
 * @manifest: its manifest
 * @number: its number
 * @header: first line of the manifest
 * @boot: the kernel that took over last, which is this one
 * @waiting: how many wait for that, %EPOCH_WAITING at most
 * @holding: held while the kernel's lists are open
 * @ahead: what was read ahead of each file, with @holding
 * @lock: for all that follows
 * @reader: of the manifest; goes on where it stopped
 * @tail: end of the last line that was read
 * @generation: how often the manifest had to be read from its start
 * @segments: what is saved
 * @nr_segments: how many segments
 * @most_segments: how many there have been at most
 * @room: there is memory for so many
 * @staged_first: number of the first record that was staged when the staged list
 *	was measured last, or 0
 * @staged_count: how many records it had
 * @staged_bytes: how many bytes it had in each file, or 0 if that is not known
 */
struct epoch {
	const struct kernel *kernel;
	int dir;
	int turn;
	int manifest;
	uint64_t number;
	struct manifest_header header;
	struct manifest_boot boot;
	atomic_uint waiting;
	pthread_mutex_t holding;
	struct epoch_ahead ahead[MANIFEST_FILES];
	pthread_mutex_t lock;
	struct manifest_reader reader;
	char tail[EPOCH_TAIL];
	unsigned int generation;
	void *segments;
	size_t nr_segments;
	size_t most_segments;
	size_t room;
	uint64_t staged_first;
	uint64_t staged_count;
	uint64_t staged_bytes[MANIFEST_FILES];
};

int epoch_open(struct epoch *epoch, int store, const struct kernel *kernel,
	       const char *boot_id);
ssize_t epoch_read(struct epoch *epoch, size_t file, uint64_t offset,
		   void *buffer, size_t len);
int epoch_records(struct epoch *epoch, uint64_t *records);
void epoch_close(struct epoch *epoch);

#endif /* IMALOG_EPOCH_H */
