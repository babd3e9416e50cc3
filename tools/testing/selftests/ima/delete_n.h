/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of stage and delete N share. */
#ifndef IMA_SELFTEST_DELETE_N_H
#define IMA_SELFTEST_DELETE_N_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

static inline int write_text(int fd, const char *text)
{
	ssize_t len = strlen(text), done;

	done = write(fd, text, len);
	if (done < 0)
		return errno;
	return done == len ? 0 : EIO;
}

static inline int write_number(int fd, unsigned long nr)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", nr);
	return write_text(fd, text);
}

/* No list is that long: this changes nothing. */
static inline bool has_delete_n(const struct ima *ima)
{
	int fd, err;

	fd = open(ima->bank[0].path[BINARY][CURRENT], O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	err = write_number(fd, ULONG_MAX);
	close(fd);
	return err != EINVAL;
}

#endif /* IMA_SELFTEST_DELETE_N_H */
