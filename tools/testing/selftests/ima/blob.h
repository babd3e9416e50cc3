/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A growing array of bytes. Running out of memory ends the program: there is
 * nothing that a test could do about it.
 */
#ifndef IMA_SELFTEST_BLOB_H
#define IMA_SELFTEST_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For __printf() */
#include <kselftest.h>

struct blob {
	uint8_t *data;
	size_t len;
	size_t room;
};

void blob_add(struct blob *b, const void *data, size_t len);
__printf(2, 3) void blob_printf(struct blob *b, const char *fmt, ...);
bool blob_equal(const struct blob *a, const struct blob *b);
void blob_free(struct blob *b);

/* From the descriptor's position to the end of file, by @chunk bytes a read. */
int blob_read_fd(struct blob *b, int fd, size_t chunk);
/* The same by pread() from offset 0. */
int blob_pread_fd(struct blob *b, int fd);
int blob_read_file(struct blob *b, const char *path);

#endif /* IMA_SELFTEST_BLOB_H */
