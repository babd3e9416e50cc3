/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading and writing whole, whatever the system calls make of it
 */
#ifndef IMALOG_IO_H
#define IMALOG_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Lists are read and written in blocks of that size */
#define IO_BLOCK	65536

int io_error(int error);
ssize_t io_read(int fd, void *buffer, size_t len);
ssize_t io_read_at(int fd, void *buffer, size_t len, uint64_t offset);
int io_write(int fd, const void *data, size_t len);
int io_sync(int fd);
int io_sync_now_and_then(int fd, uint64_t before, uint64_t after);
int io_close(int fd);
int io_each_name(int dir, int (*fn)(const char *name, void *context), void *context);
int io_read_text(int dir, const char *name, char *text, size_t size);

#endif /* IMALOG_IO_H */
