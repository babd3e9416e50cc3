/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An epoch's whole log: what is saved, then what the kernel still has
 */
#ifndef IMALOG_VIEW_H
#define IMALOG_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "manifest.h"
#include "record.h"

/**
 * struct view_place - where a record stands
 * @number: its number in the epoch, counted from 1
 * @segment: the segment it is in, or NULL for one that the kernel has
 */
struct view_place {
	uint64_t number;
	const struct segment *segment;
};

/**
 * struct view_calls - what is told about a log while it is read
 * @record: a record
 * @block: the next bytes of the list
 * @malformed: @place can not be read as a record, and @why
 * @segment_end: a segment was read: its list had @bytes bytes with the SHA-256
 *	@sha256, and @count whole records
 * @gap: the records from @first on, @count of them, were not saved
 *
 * Any of these may be NULL. A value other than 0 ends the reading.
 */
struct view_calls {
	int (*record)(const struct record *record, const struct view_place *place,
		      void *context);
	int (*block)(const void *data, size_t len, void *context);
	int (*malformed)(const struct view_place *place, const char *why,
			 void *context);
	int (*segment_end)(const struct segment *segment, uint64_t bytes,
			   const uint8_t *sha256, uint64_t count,
			   void *context);
	int (*gap)(uint64_t first, uint64_t count, void *context);
};

/**
 * struct view - an epoch's log
 * @epoch_dir: folder of the epoch
 * @manifest: its manifest
 * @header: first line of the manifest
 * @boot: the kernel that took over last
 * @live: the lists of this kernel belong to the epoch
 * @lists: current and staged list, open so that nothing is deleted, or -1
 * @copy: what they had, or -1
 * @deleted: how many records this kernel had deleted then
 * @manifest_bytes: length of the manifest then
 * @file: which of the epoch's files is read
 */
struct view {
	int epoch_dir;
	int manifest;
	struct manifest_header header;
	struct manifest_boot boot;
	bool live;
	int lists[2];
	int copy;
	uint64_t deleted;
	uint64_t manifest_bytes;
	size_t file;
};

int view_open(struct view *view, int store, uint64_t epoch);
int view_choose(struct view *view, const char *name);
int view_hold(struct view *view, const struct kernel *kernel,
	      const char *boot_id);
int view_take(struct view *view);
int view_check_others(const struct view *view, const struct segment *segment,
		      const struct list_file **bad);
int view_read(struct view *view, const struct view_calls *calls, void *context);
void view_close(struct view *view);

#endif /* IMALOG_VIEW_H */
