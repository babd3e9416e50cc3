// SPDX-License-Identifier: GPL-2.0
/*
 * System calls of the code under test, which the linker leads here (--wrap)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"
#include "syscalls.h"
#include "util.h"
#include "wrap.h"

#define FDS	256

struct syscalls syscalls;

/* ---- what is lost when the power fails ------------------------------------------ */

/* Bytes that were not synced, by file */
struct written {
	int fd;		/* of its own */
	ino_t inode;
	off_t synced;
};

/* Names that were not synced: what has to be done to have it as it was */
struct named {
	int dir;	/* of its own */
	ino_t inode;	/* of the folder */
	char old[128];	/* "" if it was not there */
	char new[128];
};

static struct written written[64];
static size_t nr_written;
static struct named named[256];
static size_t nr_named;

static ino_t inode_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		abort();
	return st.st_ino;
}

static off_t size_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		abort();
	return st.st_size;
}

static struct written *find_written(int fd)
{
	ino_t inode = inode_of(fd);
	size_t i;

	for (i = 0; i < nr_written; i++)
		if (written[i].inode == inode)
			return &written[i];
	if (nr_written == ARRAY_SIZE(written))
		abort();
	written[nr_written] = (struct written){
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, FDS),
		.inode = inode,
		.synced = size_of(fd),
	};
	return &written[nr_written++];
}

static void name_changed(int dir, const char *old, const char *new)
{
	struct named *n = &named[nr_named++];

	if (nr_named == ARRAY_SIZE(named))
		abort();
	n->dir = fcntl(dir, F_DUPFD_CLOEXEC, FDS);
	n->inode = inode_of(dir);
	snprintf(n->old, sizeof(n->old), "%s", old);
	snprintf(n->new, sizeof(n->new), "%s", new);
}

static void synced(int fd)
{
	ino_t inode = inode_of(fd);
	size_t i, kept = 0;

	for (i = 0; i < nr_written; i++)
		if (written[i].inode == inode)
			written[i].synced = size_of(fd);
	for (i = 0; i < nr_named; i++) {
		if (named[i].inode == inode)
			__real_close(named[i].dir);
		else
			named[kept++] = named[i];
	}
	nr_named = kept;
}

static void lose_power(void)
{
	size_t i;

	if (syscalls.lose & LOSE_NAMES) {
		for (i = nr_named; i--; ) {
			if (*named[i].old)
				__real_renameat(named[i].dir, named[i].new,
						named[i].dir, named[i].old);
			else
				__real_unlinkat(named[i].dir, named[i].new, 0);
		}
	}
	if (syscalls.lose & LOSE_BYTES)
		for (i = 0; i < nr_written; i++)
			if (size_of(written[i].fd) > written[i].synced &&
			    __real_ftruncate(written[i].fd, written[i].synced))
				abort();
}

void syscalls_reset(void)
{
	size_t i;

	for (i = 0; i < nr_written; i++)
		__real_close(written[i].fd);
	for (i = 0; i < nr_named; i++)
		__real_close(named[i].dir);
	nr_written = 0;
	nr_named = 0;
	syscalls = (struct syscalls){ };
}

/* What a process before has written, and not synced, behind the first @synced bytes */
void syscalls_unsynced(const char *path, off_t synced)
{
	int fd = __real_open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		abort();
	find_written(fd)->synced = synced;
	__real_close(fd);
}

static void stop(void)
{
	lose_power();
	_exit(SYSCALLS_STOPPED);
}

/* Before a call: does it fail? */
static int fails(void)
{
	syscalls.count++;
	if (syscalls.hook)
		syscalls.hook();
	if (!syscalls.fail || syscalls.count != syscalls.fail)
		return 0;
	errno = syscalls.error;
	return 1;
}

/* After a call: was it the last one? */
static void passed(void)
{
	int err = errno;

	if (syscalls.stop && syscalls.count == syscalls.stop)
		stop();
	errno = err;
}

/* ---- the calls -------------------------------------------------------------------- */

/* What is known of a list file of the kernel's that is open */
struct list_fd {
	bool open;
	bool writer;
	bool staged;
	unsigned int generation;
};

static struct list_fd list_fds[FDS];

static bool is_list(const char *path)
{
	return strstr(path, "_runtime_measurements_");
}

static int list_open(int dir, const char *path, int flags)
{
	bool writer = (flags & O_ACCMODE) != O_RDONLY;
	int fd, err;

	err = fake_enter(writer);
	if (err) {
		errno = -err;
		return -1;
	}
	fd = __real_openat(dir, path, flags, 0);
	if (fd < 0) {
		fake_leave(writer);
		return fd;
	}
	if (fd >= FDS)
		abort();
	list_fds[fd] = (struct list_fd){
		.open = true,
		.writer = writer,
		.staged = strstr(path, "_staged"),
		.generation = fake_generation,
	};
	return fd;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	bool created = false;
	struct stat st;
	mode_t mode = 0;
	va_list list;
	int fd;

	if (flags & O_CREAT) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
		created = fstatat(dir, path, &st, 0) != 0;
	}
	if (fails())
		return -1;
	if (is_list(path))
		fd = list_open(dir, path, flags);
	else
		fd = __real_openat(dir, path, flags, mode);
	if (fd >= 0 && created)
		name_changed(dir, "", path);
	passed();
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	int fd;

	if (fails())
		return -1;
	fd = __real_open(path, flags, 0);
	passed();
	return fd;
}

/* Another one has deleted since it was opened. */
static bool is_stale(int fd)
{
	if (fd >= FDS || !list_fds[fd].open || list_fds[fd].generation == fake_generation)
		return false;
	errno = ESTALE;
	return true;
}

ssize_t __wrap_read(int fd, void *buffer, size_t len)
{
	ssize_t ret;

	if (fails())
		return -1;
	if (syscalls.short_io && len > 3) {
		if (syscalls.count % 3 == 0) {
			errno = EINTR;
			return -1;
		}
		len = 3 + syscalls.count % 64 < len ? 3 + syscalls.count % 64 : len;
	}
	if (is_stale(fd))
		return -1;
	ret = __real_read(fd, buffer, len);
	passed();
	return ret;
}

ssize_t __wrap_pread(int fd, void *buffer, size_t len, off_t offset)
{
	ssize_t ret;

	syscalls.far += len > SYSCALLS_FAR && offset;
	if (fails())
		return -1;
	if (syscalls.short_io && len > 3)
		len = 3 + syscalls.count % 64 < len ? 3 + syscalls.count % 64 : len;
	if (is_stale(fd))
		return -1;
	ret = __real_pread(fd, buffer, len, offset);
	passed();
	return ret;
}

static ssize_t list_write(int fd, const void *data, size_t len)
{
	int err = -EBADF;

	if (list_fds[fd].writer)
		err = fake_command(data, len, list_fds[fd].staged);
	if (err) {
		errno = -err;
		return -1;
	}
	list_fds[fd].generation = fake_generation;
	return (ssize_t)len;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	bool last = syscalls.stop && syscalls.count + 1 == syscalls.stop;
	ssize_t ret;

	if (fails())
		return -1;
	if (fd < FDS && list_fds[fd].open) {
		ret = list_write(fd, data, len);
		passed();
		return ret;
	}
	if (syscalls.short_io && len > 1) {
		if (syscalls.count % 3 == 0) {
			errno = EINTR;
			return -1;
		}
		len /= 2;
	}
	find_written(fd);
	ret = __real_write(fd, data, last && len > 1 ? len / 2 : len);
	passed();
	return ret;
}

int __wrap_close(int fd)
{
	int ret;

	if (fd >= 0 && fd < FDS && list_fds[fd].open) {
		fake_leave(list_fds[fd].writer);
		list_fds[fd].open = false;
	}
	/* A file is closed, whatever close() says. */
	ret = __real_close(fd);
	if (fails())
		return -1;
	passed();
	return ret;
}

int __wrap_fsync(int fd)
{
	int ret;

	if (fails())
		return -1;
	/* Whoever has a list open to write keeps others off it: never for so long. */
	if (fake_has_writer())
		abort();
	if (syscalls.sync_error) {
		errno = syscalls.sync_error;
		return -1;
	}
	ret = __real_fsync(fd);
	synced(fd);
	passed();
	return ret;
}

int __wrap_ftruncate(int fd, off_t len)
{
	struct written *w = find_written(fd);
	int ret;

	if (fails())
		return -1;
	ret = __real_ftruncate(fd, len);
	if (w->synced > len)
		w->synced = len;
	passed();
	return ret;
}

int __wrap_renameat(int olddir, const char *old, int newdir, const char *new)
{
	int ret;

	if (fails())
		return -1;
	ret = __real_renameat(olddir, old, newdir, new);
	if (!ret && olddir == newdir)
		name_changed(olddir, old, new);
	passed();
	return ret;
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	int ret;

	if (fails())
		return -1;
	ret = __real_unlinkat(dir, path, flags);
	passed();
	return ret;
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
	int ret;

	if (fails())
		return -1;
	ret = __real_mkdirat(dir, path, mode);
	passed();
	return ret;
}
