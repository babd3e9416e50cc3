/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The manifest of an epoch: one line of text for each thing that was done
 *
 * An epoch is one life of the TPM's PCRs. Its manifest has lines of words, the
 * first of which is the kind of the line, the others KEY=VALUE, in this order:
 *
 *	imalog		version epoch files banks
 *			the first line: the files of each segment, the first of
 *			which is a binary list; the banks that are replayed
 *	boot		id tpm reset restart first
 *			a kernel took over: its boot id, whether there is a TPM,
 *			how often that was reset and restarted, and the number,
 *			counted in the epoch from 1, that the first record has which
 *			this kernel had at its start
 *	segment		epoch number first count order bytes sha256 before after
 *			records were saved: the number of the first one, and how
 *			many; for each file its length and SHA-256; the values of
 *			PCRs before the first and after the last record, as replayed
 *	deleted		number
 *			the kernel was told to delete the records of this segment
 *			and those before
 *
 * The last word is sum=, the first half of the SHA-256 of what stands before it.
 * A line is appended by one write, and is part of the manifest once its newline
 * is there.
 */
#ifndef IMALOG_MANIFEST_H
#define IMALOG_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "replay.h"

#define MANIFEST_VERSION	1
/* A line with its newline is not longer */
#define MANIFEST_LINE_MAX	((size_t)1 << 20)
#define MANIFEST_FILES		16
#define MANIFEST_FILE_NAME	48
#define MANIFEST_SHA256		32
/* A UUID as text */
#define MANIFEST_BOOT_ID	36

/**
 * enum manifest_kind - kinds of lines
 * @MANIFEST_HEADER: "imalog"
 * @MANIFEST_BOOT: "boot"
 * @MANIFEST_SEGMENT: "segment"
 * @MANIFEST_DELETED: "deleted"
 */
enum manifest_kind {
	MANIFEST_HEADER,
	MANIFEST_BOOT,
	MANIFEST_SEGMENT,
	MANIFEST_DELETED,
};

/**
 * struct list_file - one of the kernel's measurement lists
 * @name: what the file of a segment is called by, "binary_sha1"
 * @binary: it is not an ASCII list
 * @algo: whose digests it shows
 */
struct list_file {
	char name[MANIFEST_FILE_NAME];
	bool binary;
	const struct hash_algo *algo;
};

/**
 * struct manifest_header - what all segments of an epoch have in common
 * @epoch: number of the epoch, counted from 1
 * @files: the files of each segment; the first one is a binary list
 * @nr_files: how many there are
 * @banks: names of the banks that are replayed
 * @nr_banks: how many there are
 */
struct manifest_header {
	uint64_t epoch;
	struct list_file files[MANIFEST_FILES];
	size_t nr_files;
	const char *banks[REPLAY_BANKS];
	size_t nr_banks;
};

/**
 * struct manifest_boot - a kernel that took over
 * @id: its boot id
 * @tpm: there is a TPM, whose counters are known
 * @reset: how often it was reset
 * @restart: how often it was restarted or resumed since then
 * @first: number of the first record that the kernel had at its start
 */
struct manifest_boot {
	char id[MANIFEST_BOOT_ID + 1];
	bool tpm;
	uint32_t reset;
	uint32_t restart;
	uint64_t first;
};

/**
 * struct manifest_file - a file of a segment
 * @bytes: its length
 * @sha256: its SHA-256
 */
struct manifest_file {
	uint64_t bytes;
	uint8_t sha256[MANIFEST_SHA256];
};

/**
 * struct segment - records that were saved together
 * @epoch: number of the epoch
 * @number: number of the segment in the epoch, counted from 1
 * @first: number of its first record
 * @count: how many records there are
 * @order: byte order of the binary lists
 * @files: what is said about the files
 * @before: values of PCRs before the first record
 * @after: values of PCRs after the last record
 */
struct segment {
	uint64_t epoch;
	uint64_t number;
	uint64_t first;
	uint64_t count;
	enum byte_order order;
	struct manifest_file files[MANIFEST_FILES];
	struct pcr_values before;
	struct pcr_values after;
};

/**
 * struct manifest_line - one line
 * @kind: which of the following it is
 * @header: the epoch; kept for the lines that follow
 * @boot: a boot
 * @segment: a segment
 * @deleted: number of a segment
 */
struct manifest_line {
	enum manifest_kind kind;
	struct manifest_header header;
	struct manifest_boot boot;
	struct segment segment;
	uint64_t deleted;
};

/**
 * struct manifest_reader - a manifest that is read line by line
 * @fd: the file
 * @line: the line that was read last
 * @limit: no more than so many bytes of the file are read
 * @lines: how many were read
 * @bytes: length of these lines
 * @torn: behind them there is the beginning of another one
 * @why: what is wrong with the manifest, or NULL
 * @buffer: what was read ahead
 * @at: beginning of what is not used yet
 * @len: its end
 * @taken: how much was read from the file
 */
struct manifest_reader {
	int fd;
	struct manifest_line line;
	uint64_t limit;
	uint64_t lines;
	uint64_t bytes;
	bool torn;
	const char *why;
	char *buffer;
	size_t at;
	size_t len;
	uint64_t taken;
};

int list_file_find(const char *name, struct list_file *file);
bool parse_number(const char *text, uint64_t max, uint64_t *number);

int manifest_format(const struct manifest_line *line, char **text, size_t *len);
int manifest_parse(char *text, size_t len, struct manifest_line *line,
		   const char **why);

int manifest_reader_init(struct manifest_reader *reader, int fd);
int manifest_reader_init_at(struct manifest_reader *reader, int fd,
			    const struct manifest_header *header, uint64_t at);
int manifest_reader_next(struct manifest_reader *reader);
int manifest_reader_again(struct manifest_reader *reader);
void manifest_reader_free(struct manifest_reader *reader);

#endif /* IMALOG_MANIFEST_H */
