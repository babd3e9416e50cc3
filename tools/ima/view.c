// SPDX-License-Identifier: GPL-2.0
/*
 * An epoch's whole log: what is saved, then what the kernel still has
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "store.h"
#include "view.h"

/**
 * view_open - open an epoch to read it
 * @view: to be prepared
 * @store: folder of the store
 * @epoch: number of the epoch
 *
 * Others may go on to save. Its first list is read, unless another one is chosen.
 *
 * Return: 0, -ENOENT if there is no such epoch, -EBADMSG if its manifest is
 * damaged, or another negative error number.
 */
int view_open(struct view *view, int store, uint64_t epoch)
{
	struct manifest_reader *reader;
	int ret;

	memset(view, 0, sizeof(*view));
	view->lists[0] = -1;
	view->lists[1] = -1;
	view->copy = -1;
	view->manifest_bytes = UINT64_MAX;
	view->manifest = -1;
	view->epoch_dir = store_open_epoch(store, epoch);
	if (view->epoch_dir < 0)
		return view->epoch_dir;
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		ret = -ENOMEM;
		goto error;
	}
	view->manifest = openat(view->epoch_dir, STORE_MANIFEST, STORE_READ);
	if (view->manifest < 0) {
		ret = io_error(errno);
		goto error;
	}
	ret = manifest_reader_init(reader, view->manifest);
	if (ret)
		goto error;
	while ((ret = manifest_reader_next(reader)) == 1) {
		view->header = reader->line.header;
		if (reader->line.kind == MANIFEST_BOOT)
			view->boot = reader->line.boot;
	}
	if (!ret && view->header.epoch != epoch) {
		reader->why = "it is that of another epoch";
		ret = -EBADMSG;
	}
	if (!ret && !view->boot.first) {
		reader->why = "there is no boot in it";
		ret = -EBADMSG;
	}
	if (ret == -EBADMSG)
		log_message(LOG_ERR, "the manifest of epoch %" PRIu64
			    " is damaged in line %" PRIu64 ": %s", epoch,
			    reader->lines + 1, reader->why);
	manifest_reader_free(reader);
error:
	free(reader);
	if (ret)
		view_close(view);
	return ret;
}

/**
 * view_choose - choose which list of the epoch is read
 * @view: the epoch
 * @name: its name, "binary_sha1"; or "binary" or "ascii" for the first of these
 *
 * Return: 0, or -ENOENT if it was not saved.
 */
int view_choose(struct view *view, const char *name)
{
	const struct list_file *file;
	size_t i;

	for (i = 0; i < view->header.nr_files; i++) {
		file = &view->header.files[i];
		if (strcmp(name, file->name) &&
		    strcmp(name, file->binary ? "binary" : "ascii"))
			continue;
		view->file = i;
		return 0;
	}
	return -ENOENT;
}

static void close_lists(struct view *view)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		if (view->lists[i] >= 0)
			close(view->lists[i]);
		view->lists[i] = -1;
	}
}

/**
 * view_hold - have what the kernel still has as part of the log
 * @view: the epoch, with its list chosen
 * @kernel: the kernel's list files
 * @boot_id: id of this kernel
 *
 * From here to view_take() nothing is staged or deleted. Whoever quotes the TPM,
 * or reads its PCRs, meanwhile, has all records for it in the log. If this kernel
 * is not the epoch's last one, there is nothing to hold.
 *
 * Return: 0, -EBUSY if somebody has the lists open to delete for longer than is
 * waited, or another negative error number.
 */
int view_hold(struct view *view, const struct kernel *kernel,
	      const char *boot_id)
{
	enum kernel_list list;
	struct stat st;

	if (strcmp(view->boot.id, boot_id))
		return 0;
	for (list = KERNEL_CURRENT; list <= KERNEL_STAGED; list++) {
		view->lists[list] =
			kernel_open_list(kernel, &view->header.files[view->file],
					 list);
		if (view->lists[list] < 0)
			return view->lists[list];
	}
	view->live = true;
	/* What is saved from here on is in these lists. */
	if (fstat(view->manifest, &st))
		return io_error(errno);
	view->manifest_bytes = (uint64_t)st.st_size;
	return kernel_number(kernel, KERNEL_DELETED, &view->deleted);
}

static int copy_list(const struct view *view, int fd)
{
	static uint8_t block[IO_BLOCK];
	ssize_t got;
	int ret;

	do {
		got = io_read(fd, block, sizeof(block));
		if (got < 0)
			return (int)got;
		ret = io_write(view->copy, block, (size_t)got);
	} while (!ret && got == sizeof(block));
	return ret;
}

/**
 * view_take - take what the kernel has, and let others go on
 * @view: the epoch; was held, or there was nothing to hold
 *
 * A reader keeps staging from going on. So the lists are copied to memory here,
 * as they are short where they are staged, and not read as slowly as somebody
 * else takes them.
 *
 * Return: 0 or a negative error number.
 */
int view_take(struct view *view)
{
	int ret;

	if (!view->live)
		return 0;
	view->copy = memfd_create("imalog", MFD_CLOEXEC);
	if (view->copy < 0)
		return io_error(errno);
	ret = copy_list(view, view->lists[KERNEL_STAGED]);
	if (!ret)
		ret = copy_list(view, view->lists[KERNEL_CURRENT]);
	close_lists(view);
	return ret;
}

/**
 * struct reading - the state of view_read()
 * @view: what is read
 * @calls: what is to be told
 * @context: passed on
 * @place: of the next record
 * @parser: of the list that is being read
 * @hasher: for the SHA-256 of a segment
 * @bytes: how many bytes of the segment were read
 * @live: number of the first record of the kernel's lists
 * @found: a saved segment begins with that one
 * @skip_bytes: so many bytes of the kernel's lists were read as saved ones
 */
struct reading {
	const struct view *view;
	const struct view_calls *calls;
	void *context;
	struct view_place place;
	struct record_parser parser;
	struct hasher hasher;
	uint64_t bytes;
	uint64_t live;
	bool found;
	uint64_t skip_bytes;
};

static int take_record(const struct record *record, void *context)
{
	struct reading *reading = context;
	int ret = 0;

	if (reading->calls->record)
		ret = reading->calls->record(record, &reading->place,
					     reading->context);
	reading->place.number++;
	return ret;
}

static int take_block(struct reading *reading, const uint8_t *block, size_t len)
{
	const struct list_file *file =
		&reading->view->header.files[reading->view->file];
	int ret = 0;

	if (reading->calls->block)
		ret = reading->calls->block(block, len, reading->context);
	if (!ret && file->binary)
		ret = record_parser_feed(&reading->parser, block, len,
					 take_record, reading);
	return ret;
}

static int malformed(struct reading *reading)
{
	if (!reading->calls->malformed)
		return -EBADMSG;
	return reading->calls->malformed(&reading->place, reading->parser.why,
					 reading->context);
}

/* The rest of a list, but for the bytes that are to be skipped. */
static int read_list(struct reading *reading, struct segment_reader *file,
		     bool hash)
{
	static uint8_t block[IO_BLOCK];
	ssize_t got;
	size_t skip;
	int ret = 0;

	do {
		got = segment_reader_read(file, block, sizeof(block));
		if (got == -EBADMSG)
			reading->parser.why = "the compressed file is damaged";
		if (got < 0)
			return (int)got;
		if (hash)
			ret = hasher_add(&reading->hasher, block, (size_t)got);
		reading->bytes += (uint64_t)got;
		skip = reading->skip_bytes < (uint64_t)got ?
		       (size_t)reading->skip_bytes : (size_t)got;
		reading->skip_bytes -= skip;
		if (!ret)
			ret = take_block(reading, block + skip,
					 (size_t)got - skip);
	} while (!ret && got == sizeof(block));
	return ret;
}

static int begin_list(struct reading *reading)
{
	const struct view *view = reading->view;

	record_parser_init(&reading->parser,
			   view->header.files[view->file].algo->size,
			   ORDER_UNKNOWN);
	reading->bytes = 0;
	return hasher_begin(&reading->hasher);
}

static int end_list(struct reading *reading, int ret)
{
	if (!ret)
		ret = record_parser_end(&reading->parser);
	if (ret == -EBADMSG && reading->parser.why)
		ret = malformed(reading);
	record_parser_free(&reading->parser);
	return ret;
}

static int number_from(struct reading *reading, uint64_t first)
{
	uint64_t next = reading->place.number;

	if (first > next && reading->calls->gap) {
		int ret = reading->calls->gap(next, first - next,
					      reading->context);
		if (ret)
			return ret;
	}
	reading->place.number = first;
	return 0;
}

/* Return: 1 if the saved file is what the manifest says, 0 if not, or an error. */
static int same_as_saved(const struct view *view, const struct segment *segment,
			 size_t file)
{
	const struct manifest_file *saved = &segment->files[file];
	static uint8_t block[IO_BLOCK];
	struct segment_reader reader;
	uint8_t sha256[DIGEST_MAX];
	struct hasher hasher;
	uint64_t bytes = 0;
	ssize_t got;
	int ret;

	ret = segment_reader_open(&reader, view->epoch_dir, &view->header,
				  segment->number, file);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = hasher_init(&hasher, hash_algo_find("sha256"));
	if (ret)
		goto close;
	ret = hasher_begin(&hasher);
	do {
		got = segment_reader_read(&reader, block, sizeof(block));
		if (got < 0)
			ret = (int)got;
		if (!ret)
			ret = hasher_add(&hasher, block, (size_t)got);
		bytes += ret ? 0 : (uint64_t)got;
	} while (!ret && got == sizeof(block));
	if (!ret)
		ret = hasher_end(&hasher, sha256);
	if (!ret)
		ret = bytes == saved->bytes &&
		      !memcmp(sha256, saved->sha256, MANIFEST_SHA256);
	else if (ret == -EBADMSG)
		ret = 0;	/* compressed, and damaged */
	hasher_free(&hasher);
close:
	segment_reader_close(&reader);
	return ret;
}

/**
 * view_check_others - are the files that are not read what was saved?
 * @view: the epoch
 * @segment: the segment
 * @bad: set to the first list of which it is not, or NULL
 *
 * Return: 0 or a negative error number.
 */
int view_check_others(const struct view *view, const struct segment *segment,
		      const struct list_file **bad)
{
	size_t i;
	int ret;

	*bad = NULL;
	for (i = 0; i < view->header.nr_files; i++) {
		if (i == view->file)
			continue;
		ret = same_as_saved(view, segment, i);
		if (ret < 0)
			return ret;
		if (!ret) {
			*bad = &view->header.files[i];
			return 0;
		}
	}
	return 0;
}

static int read_segment(struct reading *reading, const struct segment *segment)
{
	const struct view *view = reading->view;
	uint8_t sha256[DIGEST_MAX];
	struct segment_reader file;
	int ret;

	reading->place.segment = segment;
	ret = number_from(reading, segment->first);
	if (ret)
		return ret;
	ret = segment_reader_open(&file, view->epoch_dir, &view->header,
				  segment->number, view->file);
	if (ret == -ENOENT) {
		reading->parser.why = "the file of the segment is missing";
		return malformed(reading);
	}
	if (ret)
		return ret;
	ret = begin_list(reading);
	if (!ret)
		ret = read_list(reading, &file, true);
	segment_reader_close(&file);
	ret = end_list(reading, ret);
	if (!ret)
		ret = hasher_end(&reading->hasher, sha256);
	if (!ret && reading->calls->segment_end)
		ret = reading->calls->segment_end(segment, reading->bytes, sha256,
						  reading->parser.count,
						  reading->context);
	reading->place.number = segment->first + segment->count;
	return ret;
}

/* What is staged, then what is current, but for what was saved already. */
static int read_live(struct reading *reading)
{
	const struct view *view = reading->view;
	struct segment_reader copy = { .fd = view->copy };
	int ret;

	reading->place.segment = NULL;
	if (reading->live >= reading->place.number) {
		ret = number_from(reading, reading->live);
		if (ret)
			return ret;
	} else if (!reading->found) {
		log_message(LOG_ERR, "the kernel's first record has the number %"
			    PRIu64 ", where no segment begins", reading->live);
		return -EBADMSG;
	}
	if (lseek(view->copy, 0, SEEK_SET))
		return io_error(errno);
	ret = begin_list(reading);
	if (!ret)
		ret = read_list(reading, &copy, false);
	if (!ret && reading->skip_bytes) {
		log_message(LOG_ERR, "the kernel lacks records that are saved and not deleted");
		ret = -EBADMSG;
	}
	return end_list(reading, ret);
}

/**
 * view_read - read the log from its start
 * @view: the epoch
 * @calls: what is to be told
 * @context: passed on
 *
 * Takes memory for one record, however many there are. After view_hold() comes
 * view_take().
 *
 * Return: 0, what a call returned, -EBADMSG if the log is damaged, or another
 * negative error number.
 */
int view_read(struct view *view, const struct view_calls *calls, void *context)
{
	struct reading reading = {
		.view = view,
		.calls = calls,
		.context = context,
		.place = { .number = 1 },
		.live = view->boot.first + view->deleted,
	};
	struct manifest_reader *reader;
	const struct segment *segment;
	uint64_t saved = 0;
	int ret;

	reader = calloc(1, sizeof(*reader));
	ret = reader ? 0 : -ENOMEM;
	if (!ret && lseek(view->manifest, 0, SEEK_SET))
		ret = io_error(errno);
	if (!ret)
		ret = hasher_init(&reading.hasher, hash_algo_find("sha256"));
	if (ret)
		goto out;
	ret = manifest_reader_init(reader, view->manifest);
	reader->limit = view->manifest_bytes;
	while (!ret && (ret = manifest_reader_next(reader)) == 1) {
		ret = 0;
		if (reader->line.kind == MANIFEST_BOOT)
			view->boot = reader->line.boot;
		if (reader->line.kind != MANIFEST_SEGMENT)
			continue;
		segment = &reader->line.segment;
		if (segment->first < reading.place.number) {
			reader->why = "the segment has records of the one before";
			ret = -EBADMSG;
			break;
		}
		reading.found |= segment->first == reading.live;
		ret = read_segment(&reading, segment);
		/* What is saved from there on is not deleted yet. */
		if (reading.found)
			saved += segment->files[view->file].bytes;
	}
	if (ret == -EBADMSG && reader->why)
		log_message(LOG_ERR, "the manifest is damaged in line %" PRIu64
			    ": %s", reader->lines + 1, reader->why);
	manifest_reader_free(reader);
	reading.skip_bytes = saved;
	if (!ret && view->live)
		ret = read_live(&reading);
	hasher_free(&reading.hasher);
out:
	free(reader);
	return ret;
}

/**
 * view_close - close what was opened
 * @view: the epoch
 */
void view_close(struct view *view)
{
	int *fds[] = { &view->epoch_dir, &view->manifest, &view->copy };
	size_t i;

	close_lists(view);
	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
