// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's measurement list files, and the commands that they take
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "io.h"
#include "kernel.h"

/* Milliseconds between two tries to open a file that others have open */
#define TRY_FIRST	2
#define TRY_LAST	100

/**
 * kernel_dir - where the list files are
 *
 * Return: the folder in securityfs, in the mount that is for this service if
 * there is one.
 */
const char *kernel_dir(void)
{
	return access(KERNEL_OWN_DIR, F_OK) ? KERNEL_IMA_DIR : KERNEL_OWN_DIR;
}

/**
 * kernel_open - open the folder of the list files
 * @kernel: to be prepared
 * @path: the folder
 * @wait: how long to wait, in milliseconds, while others have the files open
 *
 * Return: 0, -EOPNOTSUPP if the kernel can not stage its list, or another
 * negative error number.
 */
int kernel_open(struct kernel *kernel, const char *path, unsigned int wait)
{
	*kernel = (struct kernel){ .wait = wait, .turnstile = -1 };
	kernel->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (kernel->dir < 0)
		return -errno;
	if (faccessat(kernel->dir, KERNEL_DELETED, F_OK, 0)) {
		kernel_close(kernel);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * kernel_close - close what kernel_open() has opened
 * @kernel: the folder
 */
void kernel_close(struct kernel *kernel)
{
	close(kernel->dir);
	kernel->dir = -1;
}

/**
 * kernel_alive - tell whoever wants to know that work goes on
 * @kernel: the folder
 */
void kernel_alive(const struct kernel *kernel)
{
	if (kernel->alive)
		kernel->alive(kernel->context);
}

/**
 * kernel_number - read a counter
 * @kernel: the folder
 * @name: the counter's file
 * @number: set to its value
 *
 * Return: 0, -EBADMSG if it is no number, or another negative error number.
 */
int kernel_number(const struct kernel *kernel, const char *name, uint64_t *number)
{
	char text[24];
	int ret;

	ret = io_read_text(kernel->dir, name, text, sizeof(text));
	if (ret)
		return ret;
	return parse_number(text, INT64_MAX, number) ? 0 : -EBADMSG;
}

/**
 * kernel_now - what time it is, for those who wait
 *
 * Return: milliseconds since some moment.
 */
uint64_t kernel_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/**
 * kernel_error - say what an error number says
 * @error: negative, of the functions here or of others
 *
 * Return: the text.
 */
const char *kernel_error(int error)
{
	return error == -KERNEL_COPIED ? "all was copied for the next kernel" : strerror(-error);
}

/*
 * The files can be open to be read by many, or to be written by one process.
 * Those who hold them are waited for, but not for ever.
 */
static int open_waiting(const struct kernel *kernel, const char *name, int flags)
{
	uint64_t end = kernel_now() + kernel->wait;
	unsigned int pause = TRY_FIRST;
	struct timespec t;
	int fd;

	for (;;) {
		fd = openat(kernel->dir, name, flags | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno == EINTR)
			continue;
		if (errno != EBUSY || kernel_now() >= end)
			return -errno;
		kernel_alive(kernel);
		t = (struct timespec){ .tv_nsec = pause * 1000000L };
		nanosleep(&t, NULL);
		pause = pause * 2 < TRY_LAST ? pause * 2 : TRY_LAST;
	}
}

static void list_name(const struct list_file *file, enum kernel_list list,
		      char *name, size_t size)
{
	snprintf(name, size, "%s_runtime_measurements_%s%s",
		 file->binary ? "binary" : "ascii", file->algo->name,
		 list == KERNEL_STAGED ? "_staged" : "");
}

/**
 * kernel_has_list - whether the kernel has such a list
 * @kernel: the folder
 * @file: which
 *
 * Return: whether it has.
 */
bool kernel_has_list(const struct kernel *kernel, const struct list_file *file)
{
	char name[128];

	list_name(file, KERNEL_STAGED, name, sizeof(name));
	return !faccessat(kernel->dir, name, F_OK, 0);
}

/**
 * kernel_open_list - open a list to read it
 * @kernel: the folder
 * @file: which file of the list
 * @list: which list
 *
 * While it is open, no other process can stage or delete.
 *
 * Return: a descriptor, -EBUSY if a process has a list open for writing for
 * longer than is waited, or another negative error number.
 */
int kernel_open_list(const struct kernel *kernel, const struct list_file *file,
		     enum kernel_list list)
{
	char name[128];

	list_name(file, list, name, sizeof(name));
	return open_waiting(kernel, name, O_RDONLY);
}

/* The files are open for writing no longer than the command takes. */
static int command(int fd, const char *text)
{
	int ret = io_write(fd, text, 1);

	close(fd);
	return ret == -EACCES || ret == -ESTALE ? -KERNEL_COPIED : ret;
}

/* Whoever has the turnstile locked is waited for, but not for ever. */
static int take_turn(const struct kernel *kernel, int turnstile, int how)
{
	struct timespec t = { .tv_nsec = TRY_FIRST * 1000000L };
	uint64_t end = kernel_now() + kernel->wait;

	while (flock(turnstile, how | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (kernel_now() >= end)
			return -EBUSY;
		kernel_alive(kernel);
		nanosleep(&t, NULL);
	}
	return 0;
}

/**
 * kernel_pass - let a service that wants to stage or delete go first
 * @kernel: the folder
 * @turnstile: file that the service has locked while it waits to write
 *
 * For those who open the kernel's lists to read them, again and again.
 *
 * Return: 0, -EBUSY if the service waits for longer than is waited for it, or another
 * negative error number.
 */
int kernel_pass(const struct kernel *kernel, int turnstile)
{
	int ret = take_turn(kernel, turnstile, LOCK_SH);

	if (!ret)
		flock(turnstile, LOCK_UN);
	return ret;
}

static int open_to_write(const struct kernel *kernel,
			 const struct list_file *file)
{
	char name[128];
	int fd;

	list_name(file, KERNEL_STAGED, name, sizeof(name));
	/* Readers have it for a moment only. Who does not give it back is not waited for. */
	if (kernel->turnstile >= 0)
		take_turn(kernel, kernel->turnstile, LOCK_EX);
	fd = open_waiting(kernel, name, O_WRONLY);
	if (kernel->turnstile >= 0)
		flock(kernel->turnstile, LOCK_UN);
	/* Not to be taken for the answer of a command */
	return fd == -ENOENT || fd == -EEXIST ? -EOPNOTSUPP : fd;
}

/**
 * kernel_stage - stage all that is in the current list
 * @kernel: the folder
 * @file: which file to write the command to
 *
 * Return: 0, -ENOENT if the list is empty, -EEXIST if there is something staged,
 * -KERNEL_COPIED if all was copied for the next kernel, -EBUSY if others have the files
 * open for longer than is waited, or another negative error number. After an
 * error nothing has changed.
 */
int kernel_stage(const struct kernel *kernel, const struct list_file *file)
{
	int fd = open_to_write(kernel, file);

	return fd < 0 ? fd : command(fd, "A");
}

/**
 * kernel_delete - delete what is staged
 * @kernel: the folder
 * @file: which file to write the command to
 * @deleted: how many records had been deleted when what is staged was read
 *
 * Return: 0, -ECANCELED if others have deleted since then, -ENOENT if nothing is
 * staged, -KERNEL_COPIED if all was copied for the next kernel, -EBUSY if others have the
 * files open for longer than is waited, or another negative error number. After
 * an error nothing has changed.
 */
int kernel_delete(const struct kernel *kernel, const struct list_file *file,
		  uint64_t deleted)
{
	int fd = open_to_write(kernel, file);
	uint64_t number;
	int ret;

	if (fd < 0)
		return fd;
	/* Nobody else can delete from here on. */
	ret = kernel_number(kernel, KERNEL_DELETED, &number);
	if (!ret && number != deleted)
		ret = -ECANCELED;
	if (!ret)
		return command(fd, "D");
	close(fd);
	return ret == -ENOENT ? -EIO : ret;
}
