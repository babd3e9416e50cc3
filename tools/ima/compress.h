/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that are compressed with zstd
 */
#ifndef IMALOG_COMPRESS_H
#define IMALOG_COMPRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct compressed;

int compress_file(int from, int to, void (*alive)(void *context), void *context);

int compressed_open(struct compressed **reader, int fd);
ssize_t compressed_read(struct compressed *reader, void *buffer, size_t len);
void compressed_close(struct compressed *reader);

#endif /* IMALOG_COMPRESS_H */
