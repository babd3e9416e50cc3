// SPDX-License-Identifier: GPL-2.0
/*
 * Finished epochs: compressed, and removed when there are too many
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "compress.h"
#include "io.h"
#include "log.h"
#include "manifest.h"
#include "store.h"
#include "view.h"

/* What an epoch is called while it is removed */
#define OLD_EPOCH	"old-epoch"
#define TEMPORARY	STORE_COMPRESSED ".tmp"

#define NAME_SIZE	256

/**
 * struct finished - finished epochs
 * @archive: what is to be done with them
 * @count: how many there are that can be removed
 * @first: number of the first one of these
 * @next: number of the first one that may have to be compressed, or 0
 */
struct finished {
	const struct archive *archive;
	uint64_t count;
	uint64_t first;
	uint64_t next;
};

static int take_epoch(uint64_t epoch, void *context)
{
	struct finished *finished = context;
	const struct archive *archive = finished->archive;

	if (epoch >= archive->current)
		return 0;
	if (epoch > archive->unreadable) {
		finished->count++;
		if (!finished->first || epoch < finished->first)
			finished->first = epoch;
	}
	if (epoch > archive->done &&
	    (!finished->next || epoch < finished->next))
		finished->next = epoch;
	return 0;
}

/* ---- removing ---------------------------------------------------------------- */

static void sign_of_life(struct archive *archive)
{
	if (archive->alive)
		archive->alive(archive->context);
}

/**
 * struct folder - a folder of an epoch
 * @archive: what is to be done
 * @fd: the folder
 */
struct folder {
	struct archive *archive;
	int fd;
};

static int empty_folder(struct archive *archive, int fd);

static int remove_name(const char *name, void *context)
{
	struct folder *folder = context;
	int fd = folder->fd, inner, ret;

	sign_of_life(folder->archive);
	if (!unlinkat(fd, name, 0))
		return 0;
	/* Linux says so of a folder. */
	if (errno != EISDIR)
		return io_error(errno);
	inner = openat(fd, name, O_DIRECTORY | STORE_READ);
	ret = inner < 0 ? io_error(errno) : empty_folder(folder->archive, inner);
	if (!ret && unlinkat(fd, name, AT_REMOVEDIR))
		ret = io_error(errno);
	return ret;
}

/* Remove what is in a folder; a folder in it is one of files. Closes @fd. */
static int empty_folder(struct archive *archive, int fd)
{
	struct folder folder = { archive, fd };
	int ret = io_each_name(fd, remove_name, &folder);

	close(fd);
	return ret;
}

/* Return: 1 if there was one, 0 if not, or a negative error number. */
static int remove_old_epoch(struct archive *archive)
{
	int fd, ret;

	fd = openat(archive->dir, OLD_EPOCH, O_DIRECTORY | STORE_READ);
	if (fd < 0)
		return errno == ENOENT ? 0 : io_error(errno);
	/* It must not be an epoch again that lacks files, when the power fails. */
	ret = io_sync(archive->dir);
	if (ret)
		close(fd);
	else
		ret = empty_folder(archive, fd);
	if (!ret && unlinkat(archive->dir, OLD_EPOCH, AT_REMOVEDIR))
		ret = io_error(errno);
	return ret ? ret : 1;
}

/*
 * A TPM that was not reset since then may have the same PCRs: an epoch also begins where the
 * saved records do not lead to them.
 *
 * Return: 1 if the PCRs of the epoch are gone, 0 if not, or a negative error number.
 */
static int is_over(struct archive *archive, uint64_t epoch)
{
	struct view view;
	int ret;

	ret = view_open(&view, archive->dir, epoch);
	if (ret)
		return ret;
	ret = !archive->has_tpm || !view.boot.tpm || archive->new_pcrs ||
	      view.boot.reset != archive->reset;
	view_close(&view);
	return ret;
}

/*
 * It is there as a whole, or it is no epoch any more. Return: 1 if it was removed, or the
 * next one is to be looked at; 0 if it has to stay; or a negative error number.
 */
static int remove_epoch(struct archive *archive, uint64_t epoch)
{
	char name[STORE_EPOCH_NAME];
	int ret;

	ret = is_over(archive, epoch);
	/* Somebody has to look at that. The next ones are removed all the same. */
	if (ret < 0 && ret != -ENOMEM) {
		log_message(LOG_WARNING, "epoch %" PRIu64
			    " is not removed: its manifest can not be read: %s", epoch,
			    strerror(-ret));
		archive->unreadable = epoch;
		return 1;
	}
	if (ret <= 0)
		return ret;
	store_epoch_name(epoch, name);
	if (renameat(archive->dir, name, archive->dir, OLD_EPOCH))
		return io_error(errno);
	log_message(LOG_NOTICE, "epoch %" PRIu64 " is removed: %" PRIu64
		    " finished ones are kept", epoch, archive->keep);
	return remove_old_epoch(archive);
}

/* ---- compressing ---------------------------------------------------------------- */

/* Is it "NUMBER.LIST"? */
static bool is_plain(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	struct list_file file;

	return digits && name[digits] == '.' &&
	       !list_file_find(name + digits + 1, &file);
}

/* Is what was compressed the same as the file? */
static int compare(struct archive *archive, int plain, struct compressed *reader)
{
	static uint8_t a[IO_BLOCK], b[IO_BLOCK];
	ssize_t got, same;

	if (lseek(plain, 0, SEEK_SET))
		return io_error(errno);
	do {
		got = io_read(plain, a, sizeof(a));
		if (got < 0)
			return (int)got;
		same = compressed_read(reader, b, sizeof(b));
		if (same < 0)
			return (int)same;
		if (same != got || memcmp(a, b, (size_t)got))
			return -EBADMSG;
		sign_of_life(archive);
	} while (got == sizeof(a));
	return 0;
}

static int write_compressed(struct archive *archive, int dir, int plain,
			    const char *name)
{
	int fd, ret;

	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return io_error(errno);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | STORE_WRITE, 0640);
	if (fd < 0)
		return io_error(errno);
	ret = compress_file(plain, fd, archive->alive, archive->context);
	if (!ret)
		ret = io_sync(fd);
	/* What is read back is to come from there. */
	if (!ret)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (io_close(fd) && !ret)
		ret = -EIO;
	return ret;
}

static int read_back(struct archive *archive, int dir, int plain, const char *name)
{
	struct compressed *reader;
	int fd, ret;

	fd = openat(dir, name, STORE_READ);
	if (fd < 0)
		return io_error(errno);
	ret = compressed_open(&reader, fd);
	if (ret)
		return ret;
	ret = compare(archive, plain, reader);
	compressed_close(reader);
	return ret;
}

/* The file is removed only after the compressed one is on stable storage, whole. */
static int replace_file(struct archive *archive, int dir, const char *name)
{
	char temporary[NAME_SIZE + sizeof(TEMPORARY)];
	char final[NAME_SIZE + sizeof(STORE_COMPRESSED)];
	struct stat st;
	int ret, plain;

	plain = openat(dir, name, STORE_READ);
	if (plain < 0)
		return io_error(errno);
	if (fstat(plain, &st) || !S_ISREG(st.st_mode)) {
		close(plain);
		return -EBADMSG;
	}
	snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name);
	snprintf(final, sizeof(final), "%s" STORE_COMPRESSED, name);
	ret = write_compressed(archive, dir, plain, temporary);
	if (!ret)
		ret = read_back(archive, dir, plain, temporary);
	close(plain);
	if (!ret && renameat(dir, temporary, dir, final))
		ret = io_error(errno);
	if (ret)
		unlinkat(dir, temporary, 0);
	if (!ret)
		ret = io_sync(dir);
	if (!ret && unlinkat(dir, name, 0))
		ret = io_error(errno);
	return ret;
}

static int compress_name(const char *name, void *context)
{
	struct folder *folder = context;
	int ret;

	if (!is_plain(name))
		return 0;
	ret = replace_file(folder->archive, folder->fd, name);
	return ret ? ret : 1;
}

/* Return: 1 if a file was compressed, 0 if all are, or a negative error number. */
static int compress_epoch(struct archive *archive, uint64_t epoch)
{
	struct folder folder = { .archive = archive };
	int ret;

	folder.fd = store_open_epoch(archive->dir, epoch);
	if (folder.fd < 0)
		return folder.fd;
	ret = io_each_name(folder.fd, compress_name, &folder);
	close(folder.fd);
	return ret;
}

/* Return: 1 if there may be more to remove, 0 if there are not too many, or a negative number. */
static int remove_one(struct archive *archive, const struct finished *finished)
{
	int ret;

	ret = remove_old_epoch(archive);
	if (!ret && finished->count > archive->keep)
		ret = remove_epoch(archive, finished->first);
	if (ret < 0)
		log_message(LOG_WARNING,
			    "finished epochs are not removed before the next start: %s",
			    strerror(-ret));
	return ret;
}

/* Return: 1 if a file was compressed, 0 if all are, or a negative number. */
static int compress_one(struct archive *archive, uint64_t epoch)
{
	int ret;

	ret = compress_epoch(archive, epoch);
	if (ret < 0)
		log_message(LOG_WARNING, "epoch %" PRIu64
			    " is not compressed before the next start: %s", epoch,
			    strerror(-ret));
	return ret;
}

/**
 * archive_step - do one thing that is to be done with finished epochs
 * @archive: what is to be done
 *
 * That is to remove the first epoch, if there are too many, or to compress a file.
 * What fails is told, and tried again after the next start only.
 *
 * Return: whether there may be more to do.
 */
bool archive_step(struct archive *archive)
{
	struct finished finished = { .archive = archive };
	int ret;

	ret = store_each_epoch(archive->dir, take_epoch, &finished);
	if (ret) {
		log_message(LOG_WARNING, "finished epochs are not found: %s",
			    strerror(-ret));
		return false;
	}
	if (!archive->stuck) {
		ret = remove_one(archive, &finished);
		archive->stuck = ret < 0;
		if (ret > 0)
			return true;
	}
	if (!finished.next)
		return false;
	if (compress_one(archive, finished.next) <= 0)
		archive->done = finished.next;
	return true;
}
