/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where records are saved: epochs, their segments and manifests
 *
 *	DIR/lock			held by the one program that may write
 *	DIR/running			the same for those who only ask
 *	DIR/turn			see kernel_pass()
 *	DIR/epoch-00000001/manifest	see manifest.h
 *	DIR/epoch-00000001/00000001.binary_sha1
 *					a list file of the first segment
 *	DIR/epoch-00000001/00000001.binary_sha1.zst
 *					the same, once the epoch is finished
 *	DIR/epoch-00000001/left-over	files that no manifest names
 *
 * A segment is saved once its line in the manifest is on stable storage. All
 * that comes before can be done again.
 */
#ifndef IMALOG_STORE_H
#define IMALOG_STORE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compress.h"
#include "digest.h"
#include "manifest.h"
#include "record.h"
#include "replay.h"

#define STORE_MANIFEST	"manifest"
#define STORE_LEFT_OVER	"left-over"
#define STORE_COMPRESSED	".zst"
#define STORE_TURN		"turn"
/* To read: what somebody has put in a file's place is not followed, and not waited for. */
#define STORE_READ		(O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
/* To write; O_NONBLOCK would not wait for a lease of others to be given back. */
#define STORE_WRITE		(O_NOFOLLOW | O_CLOEXEC)
/* "epoch-", digits and a NUL */
#define STORE_EPOCH_NAME	32

/**
 * struct store - the folder, and its last epoch, opened to write
 * @dir: the folder
 * @lock: its lock
 * @running: the lock that others can see
 * @turn: the file STORE_TURN
 * @epoch_dir: folder of the last epoch, or -1 if there is none
 * @manifest_bytes: length of its manifest, which is open only while a line is appended:
 *	IMA may take what is open to be written and read by others for a violation
 * @header: first line of the manifest
 * @boot: the kernel that took over last
 * @has_boot: there is one
 * @last: the last segment
 * @has_last: there is one
 * @undeleted: number of the first segment that the kernel was not told to delete,
 *	or 0 if there is none
 * @undeleted_at: offset of its line in the manifest
 * @broken: the manifest could not be brought back to what it was before an
 *	error, and takes no more lines
 */
struct store {
	int dir;
	int lock;
	int running;
	int turn;
	int epoch_dir;
	uint64_t manifest_bytes;
	struct manifest_header header;
	struct manifest_boot boot;
	bool has_boot;
	struct segment last;
	bool has_last;
	uint64_t undeleted;
	uint64_t undeleted_at;
	bool broken;
};

/**
 * struct segment_file - a file of a segment that is being written
 * @fd: the file, or -1
 * @hasher: for its SHA-256
 * @parser: of a binary list
 */
struct segment_file {
	int fd;
	struct hasher hasher;
	struct record_parser parser;
};

/**
 * struct segment_writer - a segment that is being written
 * @store: where to
 * @segment: what is known about it by now
 * @replay: of its first file
 * @files: its files
 * @bad_digests: how many records have a digest that is not that of their data
 */
struct segment_writer {
	struct store *store;
	struct segment segment;
	struct replay replay;
	struct segment_file files[MANIFEST_FILES];
	uint64_t bad_digests;
};

/**
 * struct segment_reader - a file of a saved segment that is read
 * @fd: the file, if it is not compressed
 * @compressed: what it is read with, if it is
 */
struct segment_reader {
	int fd;
	struct compressed *compressed;
};

int store_open(struct store *store, const char *path);
void store_close(struct store *store);
int store_is_open(int dir);
uint64_t store_next_number(const struct store *store);

int store_new_epoch(struct store *store, struct manifest_header *header,
		    const struct manifest_boot *boot);
int store_add_boot(struct store *store, const struct manifest_boot *boot);
int store_add_deleted(struct store *store);
int store_check_manifest(const struct store *store);
int store_each_undeleted(const struct store *store,
			 int (*fn)(const struct segment *segment, void *context),
			 void *context);

int segment_begin(struct store *store, struct segment_writer *writer,
		  uint64_t first);
int segment_write(struct segment_writer *writer, size_t file, const void *data,
		  size_t len);
int segment_commit(struct segment_writer *writer);
void segment_abort(struct segment_writer *writer);

int store_open_epoch(int dir, uint64_t epoch);
uint64_t store_last_segment(const struct store *store);
int store_left_over(int epoch_dir, const struct manifest_header *header,
		    uint64_t *number);
void store_epoch_name(uint64_t epoch, char *name);
int store_each_epoch(int dir, int (*fn)(uint64_t epoch, void *context),
		     void *context);
int store_last_epoch(int dir, uint64_t *epoch);
int segment_open(int epoch_dir, const struct manifest_header *header,
		 uint64_t number, size_t file);
int segment_reader_open(struct segment_reader *reader, int epoch_dir,
			const struct manifest_header *header, uint64_t number,
			size_t file);
ssize_t segment_reader_read(struct segment_reader *reader, void *buffer,
			    size_t len);
void segment_reader_close(struct segment_reader *reader);

#endif /* IMALOG_STORE_H */
