// SPDX-License-Identifier: GPL-2.0
/*
 * The whole log of an epoch that goes on, read at any offset
 *
 * The log is what is saved, then what the kernel has staged, then what is in its
 * current list; records that are saved and not deleted yet are there twice, and
 * shown once. The bytes of a record are the same wherever it is, and records
 * only go from the end of this row to its beginning. So a byte has the same
 * offset for ever, whoever stages or deletes meanwhile.
 *
 * Each read finds out anew where its bytes are. Bytes that are saved are taken
 * from their segment. For others the kernel's lists are opened, which keeps them
 * as they are, and closed again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "epoch.h"
#include "io.h"
#include "log.h"
#include "record.h"
#include "store.h"

#define ROOM_FIRST	64
/*
 * The kernel finds a place in its list by walking from the first record. Who reads a long list
 * that is not saved, in pieces, has it do so once for so many bytes.
 */
#define AHEAD		(4 << 20)
/* Milliseconds for which a reader waits at least that others have kept waiting for its turn */
#define WAIT_LEAST	200

static size_t segment_size(const struct epoch *epoch)
{
	return sizeof(struct epoch_segment) +
	       epoch->header.nr_files * sizeof(uint64_t);
}

static struct epoch_segment *segment_at(const struct epoch *epoch, size_t i)
{
	return (struct epoch_segment *)((char *)epoch->segments +
					i * segment_size(epoch));
}

static uint64_t saved_end(const struct epoch *epoch, size_t file)
{
	if (!epoch->nr_segments)
		return 0;
	return segment_at(epoch, epoch->nr_segments - 1)->end[file];
}

/* The number of the first record that is not saved */
static uint64_t next_number(const struct epoch *epoch)
{
	const struct epoch_segment *last;

	if (!epoch->nr_segments)
		return 1;
	last = segment_at(epoch, epoch->nr_segments - 1);
	return last->first + last->count;
}

static int add_segment(struct epoch *epoch, const struct segment *segment)
{
	size_t i, room = epoch->room ? epoch->room * 2 : ROOM_FIRST;
	struct epoch_segment *added;
	void *segments;

	if (segment->number != (epoch->nr_segments ?
				segment_at(epoch, epoch->nr_segments - 1)->number + 1 :
				1)) {
		epoch->reader.why = "the segment does not have the next number";
		return -EBADMSG;
	}
	if (segment->first < next_number(epoch)) {
		epoch->reader.why = "the segment has records of the one before";
		return -EBADMSG;
	}
	if (epoch->nr_segments == epoch->room) {
		segments = reallocarray(epoch->segments, room,
					segment_size(epoch));
		if (!segments)
			return -ENOMEM;
		epoch->segments = segments;
		epoch->room = room;
	}
	added = segment_at(epoch, epoch->nr_segments);
	added->number = segment->number;
	added->first = segment->first;
	added->count = segment->count;
	for (i = 0; i < epoch->header.nr_files; i++)
		added->end[i] = saved_end(epoch, i) + segment->files[i].bytes;
	epoch->nr_segments++;
	if (epoch->most_segments < epoch->nr_segments)
		epoch->most_segments = epoch->nr_segments;
	return 0;
}

/* Somebody may have put it back from a copy. */
static int check_file(struct epoch *epoch)
{
	struct stat now, open;
	int fd;

	if (fstatat(epoch->dir, STORE_MANIFEST, &now, AT_SYMLINK_NOFOLLOW) ||
	    fstat(epoch->manifest, &open))
		return io_error(errno);
	if (now.st_ino == open.st_ino && now.st_dev == open.st_dev)
		return 0;
	fd = openat(epoch->dir, STORE_MANIFEST, STORE_READ);
	if (fd < 0)
		return io_error(errno);
	close(epoch->manifest);
	epoch->manifest = fd;
	epoch->reader.fd = fd;
	return 0;
}

/*
 * A line that could not be synced is taken back, and another one may follow in its
 * place: what was read is still there if its last sum is.
 */
static int check_tail(struct epoch *epoch)
{
	struct manifest_reader *reader = &epoch->reader;
	char tail[EPOCH_TAIL];
	ssize_t got;

	if (!reader->bytes)
		return 0;
	got = io_read_at(epoch->manifest, tail, sizeof(tail),
			 reader->bytes - sizeof(tail));
	if (got < 0)
		return (int)got;
	if (got == sizeof(tail) && !memcmp(tail, epoch->tail, sizeof(tail)))
		return 0;
	reader->bytes = 0;
	reader->lines = 0;
	epoch->nr_segments = 0;
	epoch->generation++;
	return 0;
}

static int keep_tail(struct epoch *epoch)
{
	ssize_t got;

	if (epoch->reader.bytes < EPOCH_TAIL)
		return 0;
	got = io_read_at(epoch->manifest, epoch->tail, EPOCH_TAIL,
			 epoch->reader.bytes - EPOCH_TAIL);
	return got < 0 ? (int)got : 0;
}

/* All that was read so far is of these files, and other threads read their names. */
static int take_header(struct epoch *epoch, const struct manifest_header *header)
{
	size_t i;

	if (header->epoch != epoch->number) {
		epoch->reader.why = "it is that of another epoch";
		return -EBADMSG;
	}
	if (!epoch->header.nr_files) {
		epoch->header = *header;
		return 0;
	}
	for (i = 0; i < header->nr_files && i < epoch->header.nr_files; i++)
		if (strcmp(header->files[i].name, epoch->header.files[i].name))
			break;
	if (i == header->nr_files && i == epoch->header.nr_files)
		return 0;
	epoch->reader.why = "its files are not those that it had";
	return -EBADMSG;
}

static int take_line(struct epoch *epoch, const struct manifest_line *line)
{
	switch (line->kind) {
	case MANIFEST_HEADER:
		return take_header(epoch, &line->header);
	case MANIFEST_BOOT:
		epoch->boot = line->boot;
		break;
	case MANIFEST_SEGMENT:
		return add_segment(epoch, &line->segment);
	case MANIFEST_DELETED:
		break;
	}
	return 0;
}

/* What was appended to the manifest since the last time. With the lock. */
static int refresh(struct epoch *epoch)
{
	struct manifest_reader *reader = &epoch->reader;
	uint64_t bytes, lines, before;
	int ret;

	ret = check_file(epoch);
	if (!ret)
		ret = check_tail(epoch);
	if (!ret)
		ret = manifest_reader_again(reader);
	if (ret)
		return ret;
	before = reader->bytes;
	for (;;) {
		bytes = reader->bytes;
		lines = reader->lines;
		ret = manifest_reader_next(reader);
		if (ret != 1)
			break;
		ret = take_line(epoch, &reader->line);
		if (!ret)
			continue;
		/* It is not passed over the next time. */
		reader->bytes = bytes;
		reader->lines = lines;
		break;
	}
	if (ret == -EBADMSG)
		log_message(LOG_ERR, "the manifest is damaged in line %" PRIu64
			    ": %s", reader->lines + 1, reader->why);
	if (reader->bytes != before && keep_tail(epoch))
		return -EIO;
	return ret;
}

/**
 * epoch_open - open the log that this kernel's records belong to
 * @epoch: to be prepared
 * @store: folder of the store
 * @kernel: the kernel's list files; to be kept until epoch_close()
 * @boot_id: id of this kernel
 *
 * Return: 0, -EAGAIN if the service has not begun with this kernel yet, so that
 * it is not known which epoch that is, -EBADMSG if the manifest is damaged, or
 * another negative error number.
 */
int epoch_open(struct epoch *epoch, int store, const struct kernel *kernel,
	       const char *boot_id)
{
	int ret;

	memset(epoch, 0, sizeof(*epoch));
	epoch->kernel = kernel;
	epoch->turn = -1;
	epoch->manifest = -1;
	ret = store_last_epoch(store, &epoch->number);
	if (ret)
		return ret == -ENOENT ? -EAGAIN : ret;
	epoch->dir = store_open_epoch(store, epoch->number);
	if (epoch->dir < 0)
		return epoch->dir;
	pthread_mutex_init(&epoch->holding, NULL);
	pthread_mutex_init(&epoch->lock, NULL);
	epoch->turn = openat(store, STORE_TURN, STORE_READ);
	epoch->manifest = openat(epoch->dir, STORE_MANIFEST, STORE_READ);
	if (epoch->turn < 0 || epoch->manifest < 0) {
		ret = errno == ENOENT ? -EAGAIN : io_error(errno);
	} else {
		ret = manifest_reader_init(&epoch->reader, epoch->manifest);
		if (!ret)
			ret = refresh(epoch);
	}
	if (!ret && strcmp(epoch->boot.id, boot_id))
		ret = -EAGAIN;
	if (ret)
		epoch_close(epoch);
	return ret;
}

/* The first segment that ends behind @offset, or NULL. With the lock. */
static const struct epoch_segment *find_segment(const struct epoch *epoch,
						size_t file, uint64_t offset)
{
	size_t low = 0, high = epoch->nr_segments, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (segment_at(epoch, middle)->end[file] > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low < epoch->nr_segments ? segment_at(epoch, low) : NULL;
}

/**
 * struct place - where saved bytes are
 * @number: number of their segment
 * @begin: offset in the log of its first byte
 * @end: and behind its last one
 * @generation: of the manifest that says so
 */
struct place {
	uint64_t number;
	uint64_t begin;
	uint64_t end;
	unsigned int generation;
};

/* Return: 1 if the byte at @offset is saved, 0 if not, or an error. With the lock. */
static int find_place(struct epoch *epoch, size_t file, uint64_t offset,
		      struct place *place)
{
	const struct epoch_segment *segment;
	int ret;

	segment = find_segment(epoch, file, offset);
	if (!segment) {
		ret = refresh(epoch);
		if (ret)
			return ret;
		segment = find_segment(epoch, file, offset);
	}
	if (!segment)
		return 0;
	place->number = segment->number;
	place->end = segment->end[file];
	place->begin = 0;
	if (segment != epoch->segments) {
		segment = (const struct epoch_segment *)
			  ((const char *)segment - segment_size(epoch));
		place->begin = segment->end[file];
	}
	place->generation = epoch->generation;
	return 1;
}

static ssize_t read_place(const struct epoch *epoch, size_t file,
			  const struct place *place, uint64_t offset,
			  void *buffer, size_t len)
{
	ssize_t got;
	int fd;

	if (len > place->end - offset)
		len = (size_t)(place->end - offset);
	fd = segment_open(epoch->dir, &epoch->header, place->number, file);
	if (fd < 0)
		return fd;
	got = io_read_at(fd, buffer, len, offset - place->begin);
	close(fd);
	return got >= 0 && (size_t)got < len ? -EBADMSG : got;
}

/*
 * Bytes of one segment. 0 says that there are none saved at @offset.
 */
static ssize_t read_saved(struct epoch *epoch, size_t file, uint64_t offset,
			  void *buffer, size_t len)
{
	struct place place = { };
	ssize_t got;
	bool again;
	int ret;

	do {
		again = false;
		pthread_mutex_lock(&epoch->lock);
		ret = find_place(epoch, file, offset, &place);
		pthread_mutex_unlock(&epoch->lock);
		if (ret != 1)
			return ret;
		got = read_place(epoch, file, &place, offset, buffer, len);
		if (got < 0) {
			/* Was the segment taken back meanwhile? */
			pthread_mutex_lock(&epoch->lock);
			ret = refresh(epoch);
			again = !ret && epoch->generation != place.generation;
			pthread_mutex_unlock(&epoch->lock);
		}
	} while (again);
	if (got < 0)
		log_message(LOG_ERR, "%s of segment %" PRIu64 ": %s",
			    epoch->header.files[file].name, place.number,
			    got == -EBADMSG ? "the file is too short" :
			    strerror((int)-got));
	return got;
}

/**
 * struct held - the kernel's lists, open so that nothing is staged or deleted
 * @fds: the lists
 * @file: which file of them
 * @first: number of the first record of them
 * @saved: offset in the log behind the last byte that is saved
 * @skip: so many bytes of the lists are saved
 */
struct held {
	int fds[2];
	size_t file;
	uint64_t first;
	uint64_t saved;
	uint64_t skip;
};

static void release(struct epoch *epoch, struct held *held)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (held->fds[i] >= 0)
			close(held->fds[i]);
	pthread_mutex_unlock(&epoch->holding);
}

/*
 * Somebody has deleted records that are not saved; the service tells of that. If they are, and
 * the manifest has lost their lines, what comes behind them would have another offset.
 * With the lock.
 */
static int check_gap(const struct epoch *epoch)
{
	uint64_t next = epoch->nr_segments + 1;
	uint64_t last = epoch->most_segments, left_over;
	int fd, ret;

	ret = store_left_over(epoch->dir, &epoch->header, &left_over);
	if (ret)
		return ret;
	if (last < left_over)
		last = left_over;
	/* The service has not put it aside yet. */
	fd = segment_open(epoch->dir, &epoch->header, next, 0);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0) {
		close(fd);
		if (last < next)
			last = next;
	}
	if (last <= epoch->nr_segments)
		return 0;
	log_message(LOG_ERR, "the manifest has lost segments up to %" PRIu64
		    ": see imalogd(8)", last);
	return -EBADMSG;
}

/*
 * What the kernel has begins where the saved records end, or with a segment that
 * is saved and not deleted yet. With the lock.
 */
static int find_first(const struct epoch *epoch, struct held *held)
{
	const struct epoch_segment *segment;
	uint64_t next = next_number(epoch);
	size_t i = epoch->nr_segments;

	held->saved = saved_end(epoch, held->file);
	held->skip = 0;
	if (held->first >= next)
		return held->first == next ? 0 : check_gap(epoch);
	while (i--) {
		segment = segment_at(epoch, i);
		if (segment->first > held->first)
			continue;
		if (segment->first < held->first)
			break;
		held->skip = held->saved -
			(i ? segment_at(epoch, i - 1)->end[held->file] : 0);
		return 0;
	}
	log_message(LOG_ERR, "the kernel's first record has the number %" PRIu64
		    ", where no segment begins", held->first);
	return -EBADMSG;
}

/*
 * In milliseconds, of what is waited since @start: in all, however many others have waited
 * before for somebody who does not close the lists.
 */
static unsigned int wait_left(const struct epoch *epoch, uint64_t start)
{
	uint64_t waited = kernel_now() - start;
	unsigned int wait = epoch->kernel->wait;

	if (wait <= WAIT_LEAST)
		return wait;
	return waited < wait - WAIT_LEAST ? wait - (unsigned int)waited : WAIT_LEAST;
}

/* Those who wait have a thread each: some are left for those who need not. */
static int wait_turn(struct epoch *epoch, uint64_t start)
{
	uint64_t end = start + epoch->kernel->wait;
	struct timespec until = {
		.tv_sec = (time_t)(end / 1000),
		.tv_nsec = (long)(end % 1000 * 1000000),
	};
	int ret = 0;

	if (atomic_fetch_add(&epoch->waiting, 1) >= EPOCH_WAITING ||
	    pthread_mutex_clocklock(&epoch->holding, CLOCK_MONOTONIC, &until))
		ret = -EBUSY;
	atomic_fetch_sub(&epoch->waiting, 1);
	return ret;
}

/*
 * One after the other, and after a service that wants to stage or delete: however
 * many readers there are, they do not keep it from that.
 */
static int hold(struct epoch *epoch, size_t file, struct held *held)
{
	struct kernel kernel = *epoch->kernel;
	uint64_t start = kernel_now(), deleted;
	enum kernel_list list;
	int ret;

	*held = (struct held){ .fds = { -1, -1 }, .file = file };
	ret = wait_turn(epoch, start);
	if (ret)
		return ret;
	kernel.wait = wait_left(epoch, start);
	ret = kernel_pass(&kernel, epoch->turn);
	for (list = KERNEL_CURRENT; list <= KERNEL_STAGED && !ret; list++) {
		kernel.wait = wait_left(epoch, start);
		held->fds[list] = kernel_open_list(&kernel,
						   &epoch->header.files[file],
						   list);
		if (held->fds[list] < 0)
			ret = held->fds[list];
	}
	if (!ret)
		ret = kernel_number(epoch->kernel, KERNEL_DELETED, &deleted);
	if (!ret) {
		pthread_mutex_lock(&epoch->lock);
		ret = refresh(epoch);
		held->first = epoch->boot.first + deleted;
		if (!ret)
			ret = find_first(epoch, held);
		pthread_mutex_unlock(&epoch->lock);
	}
	if (ret)
		release(epoch, held);
	return ret;
}

/**
 * struct measured - a list that was read through
 * @bytes: its length
 * @count: how many records it has, if it is binary
 */
struct measured {
	uint64_t bytes;
	uint64_t count;
};

static int measure_list(const struct list_file *file, int fd,
			struct measured *measured)
{
	struct record_parser parser;
	uint8_t *block;
	ssize_t got;
	int ret = 0;

	*measured = (struct measured){ };
	block = malloc(IO_BLOCK);
	if (!block)
		return -ENOMEM;
	record_parser_init(&parser, file->algo->size, ORDER_UNKNOWN);
	do {
		got = io_read_at(fd, block, IO_BLOCK, measured->bytes);
		if (got < 0)
			ret = (int)got;
		else if (file->binary)
			ret = record_parser_feed(&parser, block, (size_t)got,
						 NULL, NULL);
		if (!ret)
			measured->bytes += (uint64_t)got;
	} while (!ret && got == IO_BLOCK);
	measured->count = parser.count;
	record_parser_free(&parser);
	free(block);
	return ret;
}

/*
 * What is staged is frozen until it is deleted, so that its length has to be
 * found out once only. That nothing is staged does not last.
 */
static int staged_length(struct epoch *epoch, const struct held *held,
			 struct measured *staged)
{
	const struct list_file *file = &epoch->header.files[held->file];
	int ret = 0;

	pthread_mutex_lock(&epoch->lock);
	staged->bytes = 0;
	staged->count = 0;
	if (epoch->staged_first == held->first) {
		staged->bytes = epoch->staged_bytes[held->file];
		staged->count = epoch->staged_count;
	}
	pthread_mutex_unlock(&epoch->lock);
	if (staged->bytes && (staged->count || !file->binary))
		return 0;

	ret = measure_list(file, held->fds[KERNEL_STAGED], staged);
	if (ret || !staged->bytes)
		return ret;
	pthread_mutex_lock(&epoch->lock);
	if (epoch->staged_first != held->first) {
		memset(epoch->staged_bytes, 0, sizeof(epoch->staged_bytes));
		epoch->staged_count = 0;
		epoch->staged_first = held->first;
	}
	epoch->staged_bytes[held->file] = staged->bytes;
	if (file->binary)
		epoch->staged_count = staged->count;
	pthread_mutex_unlock(&epoch->lock);
	return 0;
}

/* Nothing was read: do the lists have what is saved and not deleted, at least? */
static int check_skip(const struct epoch *epoch, const struct held *held,
		      uint64_t staged)
{
	struct measured current;
	int ret;

	ret = measure_list(&epoch->header.files[held->file],
			   held->fds[KERNEL_CURRENT], &current);
	if (ret || staged + current.bytes >= held->skip)
		return ret;
	log_message(LOG_ERR, "the kernel lacks records that are saved and not deleted");
	return -EBADMSG;
}

/* @offset is that in what the kernel has, staged and current. */
static ssize_t read_lists(struct epoch *epoch, const struct held *held,
			  uint64_t offset, void *buffer, size_t len)
{
	struct measured staged;
	ssize_t done, got;
	int ret;

	done = io_read_at(held->fds[KERNEL_STAGED], buffer, len, offset);
	if (done < 0 || (size_t)done == len)
		return done;
	staged.bytes = offset + (uint64_t)done;
	/* Behind its end; so far it may not even reach. */
	if (!done && offset) {
		ret = staged_length(epoch, held, &staged);
		if (ret)
			return ret;
	}
	got = io_read_at(held->fds[KERNEL_CURRENT], (char *)buffer + done,
			 len - (size_t)done,
			 offset + (uint64_t)done - staged.bytes);
	if (!got && !done && held->skip)
		got = check_skip(epoch, held, staged.bytes);
	return got < 0 ? got : done + got;
}

/* What was read ahead, from @offset on. Bytes stay where they are while the first record does. */
static size_t take_ahead(struct epoch_ahead *ahead, uint64_t first, uint64_t offset,
			 uint8_t *buffer, size_t len)
{
	size_t left;

	if (ahead->first != first) {
		free(ahead->bytes);
		*ahead = (struct epoch_ahead){ .first = first };
	}
	if (offset < ahead->at || offset - ahead->at >= ahead->len)
		return 0;
	left = ahead->len - (size_t)(offset - ahead->at);
	if (len > left)
		len = left;
	memcpy(buffer, ahead->bytes + (offset - ahead->at), len);
	return len;
}

/* As read_lists(), but further than to @len, which is for later. */
static ssize_t read_ahead(struct epoch *epoch, const struct held *held,
			  uint64_t offset, uint8_t *buffer, size_t len)
{
	struct epoch_ahead *ahead = &epoch->ahead[held->file];
	ssize_t got;

	if (!ahead->bytes)
		ahead->bytes = malloc(AHEAD);
	if (!ahead->bytes || len >= AHEAD)
		return read_lists(epoch, held, offset, buffer, len);
	ahead->len = 0;
	got = read_lists(epoch, held, offset, ahead->bytes, AHEAD);
	if (got < 0)
		return got;
	ahead->at = offset;
	ahead->len = (size_t)got;
	return (ssize_t)take_ahead(ahead, held->first, offset, buffer, len);
}

static ssize_t read_held(struct epoch *epoch, const struct held *held,
			 uint64_t offset, uint8_t *buffer, size_t len)
{
	struct epoch_ahead *ahead = &epoch->ahead[held->file];
	bool goes_on;
	ssize_t got;
	size_t done;

	done = take_ahead(ahead, held->first, offset, buffer, len);
	/* Another reader's place is no reason not to. */
	goes_on = ahead->next == offset ||
		  (ahead->len && offset + done == ahead->at + ahead->len);
	ahead->next = offset + len;
	if (done == len)
		return (ssize_t)done;
	/* Who reads one piece after the other is likely to want the next one, too. */
	offset += done;
	if (goes_on)
		got = read_ahead(epoch, held, offset, buffer + done, len - done);
	else
		got = read_lists(epoch, held, offset, buffer + done, len - done);
	if (got < 0)
		return done ? (ssize_t)done : got;
	return (ssize_t)done + got;
}

/**
 * epoch_read - read from the log
 * @epoch: the log
 * @file: which of its files
 * @offset: where, in bytes from the start of the epoch
 * @buffer: where to put what was read
 * @len: how much there is room for
 *
 * Several threads may read at a time. What the kernel had measured before the call
 * is part of the log.
 *
 * Return: the number of bytes that were read, less than @len only at the end of
 * the log, or before what can not be read; -EBUSY if somebody has the kernel's
 * lists open to delete for longer than is waited, -EBADMSG if the log is
 * damaged, or another negative error number.
 */
ssize_t epoch_read(struct epoch *epoch, size_t file, uint64_t offset,
		   void *buffer, size_t len)
{
	struct held held;
	size_t done = 0;
	ssize_t got;

	while (done < len) {
		got = read_saved(epoch, file, offset + done,
				 (char *)buffer + done, len - done);
		if (got > 0) {
			done += (size_t)got;
			continue;
		}
		if (!got)
			got = hold(epoch, file, &held);
		/* What there is comes first, and the error with the next call. */
		if (got < 0)
			return done ? (ssize_t)done : got;
		/* Some was saved meanwhile. */
		if (offset + done < held.saved) {
			release(epoch, &held);
			continue;
		}
		got = read_held(epoch, &held,
				offset + done - held.saved + held.skip,
				(uint8_t *)buffer + done, len - done);
		release(epoch, &held);
		if (got < 0)
			return done ? (ssize_t)done : got;
		done += (size_t)got;
		break;
	}
	return (ssize_t)done;
}

/**
 * epoch_records - count the records of the log
 * @epoch: the log
 * @records: set to their number, with those that were deleted without being saved
 *
 * Return: 0 or a negative error number, as epoch_read().
 */
int epoch_records(struct epoch *epoch, uint64_t *records)
{
	struct measured staged;
	struct held held;
	uint64_t count;
	int ret;

	ret = hold(epoch, 0, &held);
	if (ret)
		return ret;
	ret = staged_length(epoch, &held, &staged);
	if (!ret)
		ret = kernel_number(epoch->kernel, KERNEL_COUNT, &count);
	if (!ret)
		*records = held.first - 1 + staged.count + count;
	release(epoch, &held);
	return ret;
}

/**
 * epoch_close - close what epoch_open() has opened
 * @epoch: the log
 */
void epoch_close(struct epoch *epoch)
{
	size_t i;

	for (i = 0; i < MANIFEST_FILES; i++)
		free(epoch->ahead[i].bytes);
	manifest_reader_free(&epoch->reader);
	free(epoch->segments);
	if (epoch->manifest >= 0)
		close(epoch->manifest);
	if (epoch->turn >= 0)
		close(epoch->turn);
	close(epoch->dir);
	pthread_mutex_destroy(&epoch->lock);
	pthread_mutex_destroy(&epoch->holding);
}
