// SPDX-License-Identifier: GPL-2.0
/*
 * Where records are saved: epochs, their segments and manifests
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "store.h"

#define EPOCH_PREFIX	"epoch-"
#define NEW_EPOCH	"new-epoch"
#define LOCK		"lock"
#define RUNNING		"running"
#define TEMPORARY	".tmp"

#define DIR_MODE	0750
#define FILE_MODE	0640
/* Of files that are locked: those who may read the log must not hold the service up. */
#define LOCK_MODE	0600

/* A segment's number, a list and a suffix */
#define NAME_SIZE	(32 + MANIFEST_FILE_NAME)

/**
 * store_epoch_name - what the folder of an epoch is called
 * @epoch: number of the epoch
 * @name: set to its name; there is room for %STORE_EPOCH_NAME bytes
 */
void store_epoch_name(uint64_t epoch, char *name)
{
	snprintf(name, STORE_EPOCH_NAME, EPOCH_PREFIX "%08" PRIu64, epoch);
}

static void segment_name(const struct manifest_header *header, uint64_t number,
			 size_t file, const char *suffix, char *name)
{
	snprintf(name, NAME_SIZE, "%08" PRIu64 ".%s%s", number,
		 header->files[file].name, suffix);
}

/* ---- epochs ---------------------------------------------------------------- */

/**
 * store_open_epoch - open the folder of an epoch
 * @dir: the store
 * @epoch: number of the epoch
 *
 * Return: a descriptor, or a negative error number.
 */
int store_open_epoch(int dir, uint64_t epoch)
{
	char name[NAME_SIZE];
	int fd;

	store_epoch_name(epoch, name);
	fd = openat(dir, name, O_DIRECTORY | STORE_READ);
	return fd < 0 ? io_error(errno) : fd;
}

/* The number in the name of an epoch's folder, or 0 */
static uint64_t epoch_of_name(const char *name)
{
	const char *digits = name + strlen(EPOCH_PREFIX);
	char again[NAME_SIZE];
	uint64_t epoch;

	if (strncmp(name, EPOCH_PREFIX, strlen(EPOCH_PREFIX)))
		return 0;
	digits += strspn(digits, "0");
	if (!parse_number(digits, UINT64_MAX, &epoch))
		return 0;
	store_epoch_name(epoch, again);
	return strcmp(name, again) ? 0 : epoch;
}

/**
 * struct each_epoch - what is called for each epoch
 * @fn: the function
 * @context: passed to it
 */
struct each_epoch {
	int (*fn)(uint64_t epoch, void *context);
	void *context;
};

static int take_name(const char *name, void *context)
{
	const struct each_epoch *each = context;
	uint64_t epoch = epoch_of_name(name);

	return epoch ? each->fn(epoch, each->context) : 0;
}

/**
 * store_each_epoch - go through the epochs
 * @dir: the store
 * @fn: called with the number of each epoch, in any order; a value other than 0
 *	ends the call
 * @context: passed to @fn
 *
 * Return: 0, what @fn returned, or a negative error number.
 */
int store_each_epoch(int dir, int (*fn)(uint64_t epoch, void *context),
		     void *context)
{
	struct each_epoch each = { fn, context };

	return io_each_name(dir, take_name, &each);
}

static int take_last(uint64_t epoch, void *context)
{
	uint64_t *last = context;

	if (epoch > *last)
		*last = epoch;
	return 0;
}

/**
 * store_last_epoch - look for the last epoch
 * @dir: the store
 * @epoch: set to its number
 *
 * Return: 0, -ENOENT if there is none, or another negative error number.
 */
int store_last_epoch(int dir, uint64_t *epoch)
{
	int ret;

	*epoch = 0;
	ret = store_each_epoch(dir, take_last, epoch);
	if (ret)
		return ret;
	return *epoch ? 0 : -ENOENT;
}

static void forget_epoch(struct store *store)
{
	if (store->epoch_dir >= 0)
		close(store->epoch_dir);
	store->epoch_dir = -1;
	store->has_boot = false;
	store->has_last = false;
	store->undeleted = 0;
	store->broken = false;
}

/* One line of the manifest, at offset @at: it must follow from those before. */
static const char *take_line(struct store *store,
			     const struct manifest_line *line, uint64_t at)
{
	const struct segment *segment = &line->segment;

	switch (line->kind) {
	case MANIFEST_HEADER:
		store->header = line->header;
		break;
	case MANIFEST_BOOT:
		store->boot = line->boot;
		store->has_boot = true;
		break;
	case MANIFEST_SEGMENT:
		if (segment->number != (store->has_last ?
					store->last.number + 1 : 1))
			return "the segment does not have the next number";
		if (segment->first < store_next_number(store))
			return "the segment has records of the one before";
		store->last = *segment;
		store->has_last = true;
		if (!store->undeleted) {
			store->undeleted = segment->number;
			store->undeleted_at = at;
		}
		break;
	case MANIFEST_DELETED:
		if (!store->has_last || line->deleted != store->last.number)
			return "what was deleted is not the segment before";
		store->undeleted = 0;
		break;
	}
	return NULL;
}

static int read_manifest(struct store *store, bool *torn)
{
	struct manifest_reader reader;
	uint64_t at = 0;
	const char *why;
	int fd, ret;

	fd = openat(store->epoch_dir, STORE_MANIFEST, STORE_READ);
	if (fd < 0)
		return io_error(errno);
	ret = manifest_reader_init(&reader, fd);
	if (ret) {
		close(fd);
		return ret;
	}
	while ((ret = manifest_reader_next(&reader)) == 1) {
		why = take_line(store, &reader.line, at);
		at = reader.bytes;
		if (!why)
			continue;
		reader.why = why;
		ret = -EBADMSG;
		break;
	}
	if (!ret && !store->has_boot) {
		reader.why = "there is no boot in it";
		ret = -EBADMSG;
	}
	if (ret == -EBADMSG)
		log_message(LOG_ERR, "the manifest is damaged in line %" PRIu64
			    ": %s", reader.lines + 1, reader.why);
	*torn = reader.torn;
	store->manifest_bytes = reader.bytes;
	manifest_reader_free(&reader);
	close(fd);
	return ret;
}

/* Cut off what is behind the last whole line. */
static int cut_manifest(const struct store *store, int fd)
{
	if (ftruncate(fd, (off_t)store->manifest_bytes))
		return io_error(errno);
	return io_sync(fd);
}

/*
 * A line that was not written to its end is cut off.
 *
 * The last line may be in memory only. Whoever was killed could not sync it any more, and after
 * an error of the disk what is in memory counts as written: so that it is written again. The
 * names of the segment's files, and of the epoch, may not be on stable storage either.
 */
static int sync_epoch(const struct store *store, bool torn)
{
	uint64_t len = store->manifest_bytes < IO_BLOCK ? store->manifest_bytes : IO_BLOCK;
	off_t at = (off_t)(store->manifest_bytes - len);
	uint8_t tail[IO_BLOCK];
	ssize_t got;
	int fd, ret;

	/* Not to append */
	fd = openat(store->epoch_dir, STORE_MANIFEST, O_RDWR | STORE_WRITE);
	if (fd < 0)
		return io_error(errno);
	ret = torn ? cut_manifest(store, fd) : 0;
	got = ret ? ret : io_read_at(fd, tail, len, (uint64_t)at);
	if (got < 0)
		ret = (int)got;
	if (!ret && lseek(fd, at, SEEK_SET) < 0)
		ret = io_error(errno);
	if (!ret)
		ret = io_write(fd, tail, (size_t)got);
	if (!ret)
		ret = io_sync(fd);
	if (io_close(fd) && !ret)
		ret = -EIO;
	if (!ret)
		ret = io_sync(store->epoch_dir);
	return ret ? ret : io_sync(store->dir);
}

/* Is it a file that the manifest names, or one that is always there? */
static bool is_named(const struct store *store, const char *name)
{
	char again[NAME_SIZE];
	uint64_t number;
	size_t i;

	if (!strcmp(name, STORE_MANIFEST) || !strcmp(name, STORE_LEFT_OVER))
		return true;
	number = strtoull(name, NULL, 10);
	if (!number || !store->has_last || number > store->last.number)
		return false;
	for (i = 0; i < store->header.nr_files; i++) {
		segment_name(&store->header, number, i, "", again);
		if (!strcmp(again, name))
			return true;
		/* An epoch that was finished before later ones were taken away */
		segment_name(&store->header, number, i, STORE_COMPRESSED, again);
		if (!strcmp(again, name))
			return true;
	}
	return false;
}

static bool is_temporary(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(TEMPORARY) &&
	       !strcmp(name + len - strlen(TEMPORARY), TEMPORARY);
}

/*
 * A file that no line names is one whose line was not written, since its
 * records are deleted only after that: the kernel still has them. It is put aside
 * all the same, for the case that the manifest has lost lines.
 */
static int put_aside(struct store *store, const char *name)
{
	char path[sizeof(STORE_LEFT_OVER) + NAME_SIZE + 24];
	struct stat st;
	int i;

	if (mkdirat(store->epoch_dir, STORE_LEFT_OVER, DIR_MODE) &&
	    errno != EEXIST)
		return io_error(errno);
	for (i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), STORE_LEFT_OVER "/%.*s.%d",
			 NAME_SIZE, name, i);
		if (!fstatat(store->epoch_dir, path, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (errno != ENOENT)
			return io_error(errno);
		log_message(LOG_WARNING, "%s is not in the manifest; it is %s now",
			    name, path);
		return renameat(store->epoch_dir, name, store->epoch_dir,
				path) ? io_error(errno) : 0;
	}
	return -EEXIST;
}

/* Clear away what is left of a segment that was not saved to its end. */
static int clear_left_over(const char *name, void *context)
{
	struct store *store = context;

	if (is_temporary(name))
		return unlinkat(store->epoch_dir, name, 0) ? io_error(errno) : 0;
	return is_named(store, name) ? 0 : put_aside(store, name);
}

/**
 * struct left_over - the last segment of which files were put aside
 * @header: the epoch
 * @number: the segment's number
 */
struct left_over {
	const struct manifest_header *header;
	uint64_t number;
};

static int take_left_over(const char *name, void *context)
{
	struct left_over *last = context;
	uint64_t number = strtoull(name, NULL, 10);
	char segment[NAME_SIZE];
	size_t i;

	for (i = 0; i < last->header->nr_files; i++) {
		segment_name(last->header, number, i, ".", segment);
		if (!strncmp(name, segment, strlen(segment)) && number > last->number)
			last->number = number;
	}
	return 0;
}

/**
 * store_left_over - find the last segment of which there are files put aside
 * @epoch_dir: folder of the epoch
 * @header: the epoch
 * @number: set to its number, 0 if there is none
 *
 * With a number that is higher than that of the last segment, either it was never
 * finished, and the kernel still has its records, or the manifest has lost lines.
 *
 * Return: 0 or a negative error number.
 */
int store_left_over(int epoch_dir, const struct manifest_header *header,
		    uint64_t *number)
{
	struct left_over last = { header, 0 };
	int fd, ret;

	*number = 0;
	fd = openat(epoch_dir, STORE_LEFT_OVER, O_DIRECTORY | STORE_READ);
	if (fd < 0)
		return errno == ENOENT ? 0 : io_error(errno);
	ret = io_each_name(fd, take_left_over, &last);
	close(fd);
	*number = last.number;
	return ret;
}

static int load_epoch(struct store *store, uint64_t epoch)
{
	bool torn;
	int ret;

	store->epoch_dir = store_open_epoch(store->dir, epoch);
	if (store->epoch_dir < 0)
		return store->epoch_dir;
	ret = read_manifest(store, &torn);
	if (!ret && store->header.epoch != epoch) {
		log_message(LOG_ERR, "the manifest of epoch %" PRIu64
			    " is that of epoch %" PRIu64, epoch,
			    store->header.epoch);
		ret = -EBADMSG;
	}
	if (!ret && torn)
		log_message(LOG_WARNING, "a line of the manifest was not written to its end");
	if (!ret)
		ret = sync_epoch(store, torn);
	if (!ret)
		ret = io_each_name(store->epoch_dir, clear_left_over, store);
	return ret;
}

static int remove_new_epoch(struct store *store)
{
	if (unlinkat(store->dir, NEW_EPOCH "/" STORE_MANIFEST, 0) &&
	    errno != ENOENT)
		return io_error(errno);
	if (unlinkat(store->dir, NEW_EPOCH, AT_REMOVEDIR) && errno != ENOENT)
		return io_error(errno);
	return 0;
}

/**
 * store_open - open the place where records are saved, to write
 * @store: to be prepared
 * @path: the folder, which must exist
 *
 * Takes up the last epoch, if there is one, and brings it to a state in which it
 * can be continued: what was begun, but not finished, by a program that was
 * stopped is undone.
 *
 * Return: 0, -EBUSY if another program has it open, -EBADMSG if the manifest is
 * damaged, or another negative error number.
 */
int store_open(struct store *store, const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	uint64_t epoch;
	int ret;

	memset(store, 0, sizeof(*store));
	store->lock = -1;
	store->running = -1;
	store->turn = -1;
	store->epoch_dir = -1;
	store->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir < 0)
		return io_error(errno);
	store->lock = openat(store->dir, LOCK, O_RDWR | O_CREAT | STORE_WRITE,
			     LOCK_MODE);
	store->turn = openat(store->dir, STORE_TURN, O_RDONLY | O_CREAT | STORE_WRITE,
			     LOCK_MODE);
	store->running = openat(store->dir, RUNNING, O_RDWR | O_CREAT | STORE_WRITE,
				FILE_MODE);
	if (store->lock < 0 || store->turn < 0 || store->running < 0) {
		ret = io_error(errno);
		goto error;
	}
	if (fcntl(store->lock, F_OFD_SETLK, &lock)) {
		ret = errno == EAGAIN || errno == EACCES ? -EBUSY : io_error(errno);
		goto error;
	}
	/* That others may have locked it shows in what imalogctl says, and nowhere else. */
	fcntl(store->running, F_OFD_SETLK, &lock);
	ret = remove_new_epoch(store);
	if (ret)
		goto error;
	ret = store_last_epoch(store->dir, &epoch);
	if (!ret)
		ret = load_epoch(store, epoch);
	else if (ret == -ENOENT)
		ret = 0;
	if (!ret)
		return 0;
error:
	store_close(store);
	return ret;
}

/**
 * store_is_open - has a program the store open to write?
 * @dir: the store
 *
 * Asks only, so that nobody who wants to open it is held up.
 *
 * Return: 1 if so, 0 if not, or a negative error number.
 */
int store_is_open(int dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, ret;

	fd = openat(dir, RUNNING, STORE_READ);
	if (fd < 0)
		return errno == ENOENT ? 0 : io_error(errno);
	ret = fcntl(fd, F_OFD_GETLK, &lock) ? io_error(errno) : lock.l_type != F_UNLCK;
	close(fd);
	return ret;
}

/**
 * store_close - close what store_open() has opened
 * @store: the store
 */
void store_close(struct store *store)
{
	forget_epoch(store);
	if (store->running >= 0)
		close(store->running);
	if (store->lock >= 0)
		close(store->lock);
	if (store->turn >= 0)
		close(store->turn);
	if (store->dir >= 0)
		close(store->dir);
	store->lock = -1;
	store->running = -1;
	store->turn = -1;
	store->dir = -1;
}

/**
 * store_next_number - the number that the next record to be saved has
 * @store: the store
 *
 * Return: the number, counted in the epoch from 1.
 */
uint64_t store_next_number(const struct store *store)
{
	return store->has_last ? store->last.first + store->last.count : 1;
}

/**
 * store_last_segment - the number of the last segment
 * @store: the store
 *
 * Return: the number, counted in the epoch from 1, or 0 if there is none.
 */
uint64_t store_last_segment(const struct store *store)
{
	return store->has_last ? store->last.number : 0;
}

/* ---- the manifest ----------------------------------------------------------- */

/**
 * store_check_manifest - look whether somebody else has changed the manifest
 * @store: the store, with an epoch
 *
 * What was read of it, and what was appended, is all that there is.
 *
 * Return: 0, -EBADMSG if it has another length, or another negative error number.
 */
int store_check_manifest(const struct store *store)
{
	struct stat st;

	if (fstatat(store->epoch_dir, STORE_MANIFEST, &st, AT_SYMLINK_NOFOLLOW))
		return io_error(errno);
	if ((uint64_t)st.st_size == store->manifest_bytes)
		return 0;
	log_message(LOG_ERR, "somebody else has changed the manifest");
	return -EBADMSG;
}

/*
 * Append a line. If that fails, what was written of it is taken back: the next
 * line must not follow the middle of this one.
 */
static int append_line(struct store *store, const struct manifest_line *line)
{
	char *text;
	size_t len;
	int fd, ret;

	if (store->broken)
		return -EIO;
	fd = openat(store->epoch_dir, STORE_MANIFEST, O_WRONLY | O_APPEND | STORE_WRITE);
	if (fd < 0)
		return io_error(errno);
	ret = store_check_manifest(store);
	if (!ret)
		ret = manifest_format(line, &text, &len);
	if (ret)
		goto out;
	ret = io_write(fd, text, len);
	if (!ret)
		ret = io_sync(fd);
	free(text);
	if (!ret)
		store->manifest_bytes += len;
	else if (cut_manifest(store, fd))
		store->broken = true;
out:
	/* It was synced. */
	close(fd);
	return ret;
}

/* Large enough to be kept off the stack */
static struct manifest_line *new_line(const struct store *store,
				      enum manifest_kind kind)
{
	struct manifest_line *line = calloc(1, sizeof(*line));

	if (line) {
		line->kind = kind;
		line->header = store->header;
	}
	return line;
}

static int add_line(struct store *store, struct manifest_line *line)
{
	uint64_t at = store->manifest_bytes;
	int ret = append_line(store, line);

	if (!ret)
		take_line(store, line, at);
	free(line);
	return ret;
}

/**
 * store_add_boot - note that a kernel took over, or that the TPM's counters changed
 * @store: the store, with an epoch
 * @boot: the kernel
 *
 * Return: 0 or a negative error number, with nothing noted.
 */
int store_add_boot(struct store *store, const struct manifest_boot *boot)
{
	struct manifest_line *line = new_line(store, MANIFEST_BOOT);

	if (!line)
		return -ENOMEM;
	line->boot = *boot;
	return add_line(store, line);
}

/**
 * store_add_deleted - note that the kernel has deleted the last segment
 * @store: the store, with a segment
 *
 * Return: 0 or a negative error number, with nothing noted.
 */
int store_add_deleted(struct store *store)
{
	struct manifest_line *line = new_line(store, MANIFEST_DELETED);

	if (!line)
		return -ENOMEM;
	line->deleted = store->last.number;
	return add_line(store, line);
}

/**
 * store_each_undeleted - go through the segments that the kernel may still have
 * @store: the store
 * @fn: called for each segment that the kernel was not told to delete, in their
 *	order; a value other than 0 ends the call
 * @context: passed to @fn
 *
 * These are the last one, and those before it that were saved with records that
 * the kernel had already, as after kexec.
 *
 * Return: 0, what @fn returned, or a negative error number.
 */
int store_each_undeleted(const struct store *store,
			 int (*fn)(const struct segment *segment, void *context),
			 void *context)
{
	struct manifest_reader *reader;
	int fd, ret;

	if (!store->undeleted)
		return 0;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	fd = openat(store->epoch_dir, STORE_MANIFEST, STORE_READ);
	ret = fd < 0 ? io_error(errno) : manifest_reader_init_at(reader, fd, &store->header,
							store->undeleted_at);
	reader->limit = store->manifest_bytes;
	while (!ret && (ret = manifest_reader_next(reader)) == 1)
		ret = reader->line.kind == MANIFEST_SEGMENT ?
		      fn(&reader->line.segment, context) : 0;
	manifest_reader_free(reader);
	free(reader);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int make_new_epoch(struct store *store,
			  const struct manifest_header *header,
			  const struct manifest_boot *boot)
{
	struct manifest_line *line;
	int ret, dir, fd;

	if (mkdirat(store->dir, NEW_EPOCH, DIR_MODE))
		return io_error(errno);
	dir = openat(store->dir, NEW_EPOCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return io_error(errno);
	store->epoch_dir = dir;
	fd = openat(dir, STORE_MANIFEST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    FILE_MODE);
	if (fd < 0)
		return io_error(errno);
	close(fd);
	store->header = *header;
	store->manifest_bytes = 0;
	line = new_line(store, MANIFEST_HEADER);
	if (!line)
		return -ENOMEM;
	ret = add_line(store, line);
	if (!ret)
		ret = store_add_boot(store, boot);
	if (!ret)
		ret = io_sync(dir);
	return ret;
}

/**
 * store_new_epoch - begin with a new epoch
 * @store: the store
 * @header: its files and banks; its number is set
 * @boot: the kernel
 *
 * The epoch is there completely, or not at all.
 *
 * Return: 0, or a negative error number; there is no last epoch then until the
 * store is opened again.
 */
int store_new_epoch(struct store *store, struct manifest_header *header,
		    const struct manifest_boot *boot)
{
	char name[NAME_SIZE];
	uint64_t epoch;
	int ret;

	ret = store_last_epoch(store->dir, &epoch);
	if (ret && ret != -ENOENT)
		return ret;
	header->epoch = epoch + 1;
	forget_epoch(store);
	ret = remove_new_epoch(store);
	if (!ret)
		ret = make_new_epoch(store, header, boot);
	store_epoch_name(header->epoch, name);
	if (!ret && renameat(store->dir, NEW_EPOCH, store->dir, name))
		ret = io_error(errno);
	if (!ret)
		ret = io_sync(store->dir);
	if (ret)
		forget_epoch(store);
	return ret;
}

/* ---- segments ---------------------------------------------------------------- */

/**
 * segment_open - open a file of a saved segment, to read
 * @epoch_dir: folder of the epoch
 * @header: the epoch
 * @number: number of the segment
 * @file: index of the file
 *
 * Return: a descriptor, or a negative error number.
 */
int segment_open(int epoch_dir, const struct manifest_header *header,
		 uint64_t number, size_t file)
{
	char name[NAME_SIZE];
	int fd;

	segment_name(header, number, file, "", name);
	fd = openat(epoch_dir, name, STORE_READ);
	return fd < 0 ? io_error(errno) : fd;
}

/**
 * segment_reader_open - open a file of a saved segment, compressed or not
 * @reader: set to what it is read with
 * @epoch_dir: folder of the epoch
 * @header: the epoch
 * @number: number of the segment
 * @file: index of the file
 *
 * Return: 0 or a negative error number.
 */
int segment_reader_open(struct segment_reader *reader, int epoch_dir,
			const struct manifest_header *header, uint64_t number,
			size_t file)
{
	char name[NAME_SIZE];
	int fd;

	reader->compressed = NULL;
	reader->fd = segment_open(epoch_dir, header, number, file);
	if (reader->fd != -ENOENT)
		return reader->fd < 0 ? reader->fd : 0;
	segment_name(header, number, file, STORE_COMPRESSED, name);
	fd = openat(epoch_dir, name, STORE_READ);
	return fd < 0 ? io_error(errno) : compressed_open(&reader->compressed, fd);
}

/**
 * segment_reader_read - read the next bytes of the list
 * @reader: what it is read with
 * @buffer: set to the bytes
 * @len: how many to read
 *
 * Return: how many bytes were read, less than @len at the end only, or a negative
 * error number.
 */
ssize_t segment_reader_read(struct segment_reader *reader, void *buffer, size_t len)
{
	return reader->compressed ? compressed_read(reader->compressed, buffer, len) :
	       io_read(reader->fd, buffer, len);
}

/**
 * segment_reader_close - close the file
 * @reader: what it was read with
 */
void segment_reader_close(struct segment_reader *reader)
{
	if (reader->compressed)
		compressed_close(reader->compressed);
	else
		close(reader->fd);
}

static int create_file(struct segment_writer *writer, size_t i)
{
	struct store *store = writer->store;
	struct segment_file *file = &writer->files[i];
	char name[NAME_SIZE];
	int ret;

	record_parser_init(&file->parser, store->header.files[i].algo->size,
			   ORDER_UNKNOWN);
	ret = hasher_init(&file->hasher, hash_algo_find("sha256"));
	if (!ret)
		ret = hasher_begin(&file->hasher);
	if (ret)
		return ret;
	segment_name(&store->header, writer->segment.number, i, TEMPORARY, name);
	file->fd = openat(store->epoch_dir, name,
			  O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	return file->fd < 0 ? io_error(errno) : 0;
}

/*
 * Files of that number, which no line that was read names, may be those of a line
 * that was put back meanwhile: they must not be replaced.
 */
static int is_free(const struct store *store, uint64_t number)
{
	char name[NAME_SIZE];
	struct stat st;
	size_t i;

	for (i = 0; i < store->header.nr_files; i++) {
		segment_name(&store->header, number, i, "", name);
		if (!fstatat(store->epoch_dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
			log_message(LOG_ERR, "there is a file %s already: nothing is saved",
				    name);
			return -EILSEQ;
		}
		if (errno != ENOENT)
			return io_error(errno);
	}
	return 0;
}

/**
 * segment_begin - begin to save records
 * @store: the store, with an epoch
 * @writer: to be prepared
 * @first: number of the first record, at least store_next_number()
 *
 * Return: 0, -EILSEQ if there are files of the segment already, or another
 * negative error number, with nothing begun.
 */
int segment_begin(struct store *store, struct segment_writer *writer,
		  uint64_t first)
{
	struct segment *segment = &writer->segment;
	size_t i;
	int ret;

	memset(writer, 0, sizeof(*writer));
	writer->store = store;
	for (i = 0; i < MANIFEST_FILES; i++)
		writer->files[i].fd = -1;
	segment->epoch = store->header.epoch;
	segment->first = first;
	if (store->has_last) {
		segment->number = store->last.number + 1;
		segment->before = store->last.after;
	} else {
		segment->number = 1;
	}
	ret = is_free(store, segment->number);
	if (ret)
		return ret;
	if (!store->has_last)
		ret = pcr_values_init(&segment->before, store->header.banks,
				      store->header.nr_banks);
	if (!ret)
		ret = replay_init(&writer->replay, &segment->before);
	for (i = 0; i < store->header.nr_files && !ret; i++)
		ret = create_file(writer, i);
	if (ret)
		segment_abort(writer);
	return ret;
}

static int take_record(const struct record *record, void *context)
{
	struct segment_writer *writer = context;
	int ret;

	ret = replay_check(&writer->replay, record);
	if (ret == -EBADMSG)
		writer->bad_digests++;
	else if (ret && ret != -EOPNOTSUPP)
		return ret;
	return replay_extend(&writer->replay, record);
}

/**
 * segment_write - save the next bytes of a list
 * @writer: the segment
 * @file: index of its file
 * @data: the bytes
 * @len: how many there are
 *
 * Return: 0, -EBADMSG if that is no list of records, or another negative error
 * number. After an error, segment_abort() must follow.
 */
int segment_write(struct segment_writer *writer, size_t file, const void *data,
		  size_t len)
{
	uint64_t *bytes = &writer->segment.files[file].bytes;
	struct segment_file *f = &writer->files[file];
	uint64_t before = *bytes;
	int ret = 0;

	if (writer->store->header.files[file].binary)
		ret = record_parser_feed(&f->parser, data, len,
					 file ? NULL : take_record, writer);
	if (!ret)
		ret = io_write(f->fd, data, len);
	if (!ret)
		ret = hasher_add(&f->hasher, data, len);
	if (ret)
		return ret;
	*bytes += len;
	return io_sync_now_and_then(f->fd, before, *bytes);
}

/* Its bytes are on stable storage, and it is closed. */
static int finish_file(struct segment_writer *writer, size_t i)
{
	struct segment_file *file = &writer->files[i];
	int ret, fd = file->fd;

	ret = hasher_end(&file->hasher, writer->segment.files[i].sha256);
	if (!ret)
		ret = io_sync(fd);
	/* What is read back is to come from there. */
	if (!ret)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	file->fd = -1;
	if (io_close(fd) && !ret)
		ret = -EIO;
	return ret;
}

/* All the binary lists are of the same records. */
static int check_lists(struct segment_writer *writer)
{
	const struct manifest_header *header = &writer->store->header;
	struct record_parser *first = &writer->files[0].parser, *parser;
	size_t i;
	int ret;

	for (i = 0; i < header->nr_files; i++) {
		parser = &writer->files[i].parser;
		if (!header->files[i].binary)
			continue;
		ret = record_parser_end(parser);
		if (ret)
			return ret;
		if (parser->count != first->count ||
		    parser->order != first->order) {
			parser->why = "the lists are of different records";
			return -EBADMSG;
		}
	}
	return first->count ? 0 : 1;
}

/**
 * segment_commit - finish a segment
 * @writer: the segment; all bytes of all lists were written
 *
 * After that the records are saved: the files are on stable storage under their
 * names, and in the manifest.
 *
 * Return: 0, 1 if there were no records, -EBADMSG if a list ended inside a record or
 * the lists do not belong together, or another negative error number. Unless it is 0,
 * segment_abort() must follow.
 */
int segment_commit(struct segment_writer *writer)
{
	struct store *store = writer->store;
	struct manifest_line *line;
	char from[NAME_SIZE], to[NAME_SIZE];
	size_t i;
	int ret;

	ret = check_lists(writer);
	for (i = 0; i < store->header.nr_files && !ret; i++)
		ret = finish_file(writer, i);
	for (i = 0; i < store->header.nr_files && !ret; i++) {
		segment_name(&store->header, writer->segment.number, i,
			     TEMPORARY, from);
		segment_name(&store->header, writer->segment.number, i, "", to);
		if (renameat(store->epoch_dir, from, store->epoch_dir, to))
			ret = io_error(errno);
	}
	if (!ret)
		ret = io_sync(store->epoch_dir);
	if (ret)
		return ret;

	line = new_line(store, MANIFEST_SEGMENT);
	if (!line)
		return -ENOMEM;
	writer->segment.count = writer->files[0].parser.count;
	writer->segment.order = writer->files[0].parser.order;
	writer->segment.after = writer->replay.pcrs;
	line->segment = writer->segment;
	ret = add_line(store, line);
	if (!ret)
		segment_abort(writer);
	return ret;
}

/**
 * segment_abort - give up a segment, or give back what a finished one has taken
 * @writer: the segment
 *
 * Files of a segment that was not finished are removed, unless the manifest may
 * name them.
 */
void segment_abort(struct segment_writer *writer)
{
	struct store *store = writer->store;
	bool keep = store->broken ||
		    (store->has_last &&
		     store->last.number == writer->segment.number);
	char name[NAME_SIZE];
	size_t i;

	for (i = 0; i < store->header.nr_files; i++) {
		struct segment_file *file = &writer->files[i];

		if (file->fd >= 0)
			close(file->fd);
		file->fd = -1;
		hasher_free(&file->hasher);
		record_parser_free(&file->parser);
		if (keep)
			continue;
		segment_name(&store->header, writer->segment.number, i,
			     TEMPORARY, name);
		unlinkat(store->epoch_dir, name, 0);
		segment_name(&store->header, writer->segment.number, i, "", name);
		unlinkat(store->epoch_dir, name, 0);
	}
	replay_free(&writer->replay);
}
