// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing whole, whatever the system calls make of it
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

/* What is written is synced after so many bytes, so that this never takes long */
#define SYNC_BYTES	(4 << 20)

/**
 * io_error - what an error number of a file system says
 * @error: the number
 *
 * A disk tells of its faults by many numbers, and file systems pass them on, or have some of
 * their own for what they find damaged: all are -EIO here, where some say something else.
 *
 * Return: -EIO, or -@error.
 */
int io_error(int error)
{
	switch (error) {
	case EBADE:
	case EBADMSG:
	case EILSEQ:
	case ENODATA:
	case ENOLINK:
	case ENOMEDIUM:
	case EREMOTEIO:
	case ETIMEDOUT:
		return -EIO;
	default:
		return -error;
	}
}

/**
 * io_read - read until a buffer is full or the file ends
 * @fd: the file
 * @buffer: where to put what was read
 * @len: how much there is room for
 *
 * Return: the number of bytes that were read, less than @len only at the end of
 * the file, or a negative error number.
 */
ssize_t io_read(int fd, void *buffer, size_t len)
{
	size_t done = 0;
	ssize_t ret;

	while (done < len) {
		ret = read(fd, (char *)buffer + done, len - done);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return io_error(errno);
		if (!ret)
			break;
		done += (size_t)ret;
	}
	return (ssize_t)done;
}

/**
 * io_read_at - read at an offset until a buffer is full or the file ends
 * @fd: the file; its position is not changed
 * @buffer: where to put what was read
 * @len: how much there is room for
 * @offset: where, in bytes from the start of the file
 *
 * Return: the number of bytes that were read, less than @len only at the end of
 * the file, or a negative error number.
 */
ssize_t io_read_at(int fd, void *buffer, size_t len, uint64_t offset)
{
	size_t done = 0;
	ssize_t ret;

	while (done < len) {
		ret = pread(fd, (char *)buffer + done, len - done,
			    (off_t)(offset + done));
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return io_error(errno);
		if (!ret)
			break;
		done += (size_t)ret;
	}
	return (ssize_t)done;
}

/**
 * io_write - write all of a number of bytes
 * @fd: the file
 * @data: the bytes
 * @len: how many there are
 *
 * After an error some of them may have been written.
 *
 * Return: 0, or a negative error number.
 */
int io_write(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t ret;

	while (len) {
		ret = write(fd, at, len);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return io_error(errno);
		/* No error and no progress: not again for ever. */
		if (!ret)
			return -EIO;
		at += ret;
		len -= (size_t)ret;
	}
	return 0;
}

/* What is none of these is the disk's, whatever its number. */
static int sync_error(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EROFS:
	case EUCLEAN:
	case ESTALE:
	case EACCES:
	case EPERM:
	case EINVAL:
		return -error;
	default:
		return -EIO;
	}
}

/**
 * io_sync - have a file or folder on stable storage
 * @fd: the file or folder
 *
 * An error is never tried again: the kernel may have thrown away what it could
 * not write, and say yes to the second call.
 *
 * Return: 0; -ENOSPC or -EDQUOT if there is no space; -EROFS or -EUCLEAN if nothing more can be
 * written; -ESTALE, -EACCES or -EPERM if that is refused; -EINVAL if it is none that can be
 * synced; or -EIO.
 */
int io_sync(int fd)
{
	int ret;

	do {
		ret = fsync(fd);
	} while (ret && errno == EINTR);
	return ret ? sync_error(errno) : 0;
}

/**
 * io_sync_now_and_then - have what was written on stable storage, once every 4 MiB
 * @fd: a file
 * @before: how many bytes it had before the last write
 * @after: how many it has now
 *
 * At the end of a long file, a slow disk would take longer than the watchdog waits.
 *
 * Return: 0 or a negative error number.
 */
int io_sync_now_and_then(int fd, uint64_t before, uint64_t after)
{
	return before / SYNC_BYTES == after / SYNC_BYTES ? 0 : io_sync(fd);
}

/**
 * io_close - close a file that was written to
 * @fd: the file
 *
 * Return: 0, or a negative error number. The file is closed in any case.
 */
int io_close(int fd)
{
	if (close(fd) && errno != EINTR)
		return io_error(errno);
	return 0;
}

/**
 * io_each_name - go through what is in a folder
 * @dir: the folder
 * @fn: called with each name, in any order; a value other than 0 ends the call
 * @context: passed to @fn
 *
 * Return: 0, what @fn returned, or a negative error number.
 */
int io_each_name(int dir, int (*fn)(const char *name, void *context), void *context)
{
	struct dirent *entry;
	DIR *folder;
	int fd, ret = 0;

	/* Its position is that of the descriptor. */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return io_error(errno);
	folder = fdopendir(fd);
	if (!folder) {
		ret = io_error(errno);
		close(fd);
		return ret;
	}
	while (!ret) {
		errno = 0;
		entry = readdir(folder);
		if (!entry) {
			ret = io_error(errno);
			break;
		}
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			ret = fn(entry->d_name, context);
	}
	closedir(folder);
	return ret;
}

/**
 * io_read_text - read a file of one short line
 * @dir: folder that @name is relative to, or AT_FDCWD
 * @name: the file's name
 * @text: set to what is in it, without the newline
 * @size: how much there is room for, with a NUL
 *
 * Return: 0, -EFBIG if there is no room, -EBADMSG if there is a NUL or a second
 * line in it, or another negative error number.
 */
int io_read_text(int dir, const char *name, char *text, size_t size)
{
	ssize_t len;
	int fd;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return io_error(errno);
	len = io_read(fd, text, size);
	close(fd);
	if (len < 0)
		return (int)len;
	if ((size_t)len == size)
		return -EFBIG;
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	if (strlen(text) != (size_t)len || strchr(text, '\n'))
		return -EBADMSG;
	return 0;
}
