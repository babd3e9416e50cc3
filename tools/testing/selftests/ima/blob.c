// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blob.h"

static void blob_reserve(struct blob *b, size_t more)
{
	size_t room = b->room ? b->room : 4096;

	while (room - b->len < more)
		room *= 2;
	if (room == b->room)
		return;
	b->data = realloc(b->data, room);
	if (!b->data) {
		perror("# realloc");
		abort();
	}
	b->room = room;
}

void blob_add(struct blob *b, const void *data, size_t len)
{
	blob_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
}

void blob_printf(struct blob *b, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort();
	blob_add(b, text, len);
	free(text);
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

void blob_free(struct blob *b)
{
	free(b->data);
	*b = (struct blob) { };
}

int blob_read_fd(struct blob *b, int fd, size_t chunk)
{
	for (;;) {
		ssize_t got;

		blob_reserve(b, chunk);
		got = read(fd, b->data + b->len, chunk);
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		b->len += got;
	}
}

int blob_pread_fd(struct blob *b, int fd)
{
	off_t pos = 0;

	for (;;) {
		ssize_t got;

		blob_reserve(b, 4096);
		got = pread(fd, b->data + b->len, 4096, pos);
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		b->len += got;
		pos += got;
	}
}

int blob_read_file(struct blob *b, const char *path)
{
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = blob_read_fd(b, fd, 65536);
	close(fd);
	return err;
}
