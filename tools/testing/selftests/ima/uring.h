/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads and writes by io_uring: they are done by a thread of the kernel, take
 * no lock of the descriptor's position, and use no other system call's checks.
 */
#ifndef IMA_SELFTEST_URING_H
#define IMA_SELFTEST_URING_H

#include <linux/io_uring.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* One operation at a time, by one thread. */
struct uring {
	int fd;
	void *ring;
	size_t ring_size;
	struct io_uring_sqe *sqes;
	size_t sqes_size;
	struct io_uring_params params;
};

int uring_open(struct uring *u);
/*
 * @pos: where, or -1 for the descriptor's position
 *
 * Return: what the read or write gave, or a negative errno.
 */
ssize_t uring_read(struct uring *u, int fd, void *buf, size_t len, off_t pos);
ssize_t uring_write(struct uring *u, int fd, const void *buf, size_t len,
		    off_t pos);
ssize_t uring_readv(struct uring *u, int fd, const struct iovec *iov, int nr,
		    off_t pos);
ssize_t uring_writev(struct uring *u, int fd, const struct iovec *iov, int nr,
		     off_t pos);
void uring_close(struct uring *u);

#endif /* IMA_SELFTEST_URING_H */
