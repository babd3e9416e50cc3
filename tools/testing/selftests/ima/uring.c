// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring.h"

static void *map(int fd, size_t size, off_t what)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, fd, what);

	return mem == MAP_FAILED ? NULL : mem;
}

int uring_open(struct uring *u)
{
	struct io_uring_params *p = &u->params;
	size_t sq_size, cq_size;

	*u = (struct uring) { };
	u->fd = syscall(__NR_io_uring_setup, 1, p);
	if (u->fd < 0)
		return -errno;
	if (!(p->features & IORING_FEAT_SINGLE_MMAP)) {
		uring_close(u);
		return -EOPNOTSUPP;
	}
	sq_size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	u->ring_size = sq_size > cq_size ? sq_size : cq_size;
	u->sqes_size = p->sq_entries * sizeof(*u->sqes);
	u->ring = map(u->fd, u->ring_size, IORING_OFF_SQ_RING);
	u->sqes = map(u->fd, u->sqes_size, IORING_OFF_SQES);
	if (!u->ring || !u->sqes) {
		uring_close(u);
		return -ENOMEM;
	}
	return 0;
}

void uring_close(struct uring *u)
{
	if (u->ring)
		munmap(u->ring, u->ring_size);
	if (u->sqes)
		munmap(u->sqes, u->sqes_size);
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

static uint32_t *field(const struct uring *u, uint32_t offset)
{
	return (uint32_t *)((char *)u->ring + offset);
}

static ssize_t uring_do(struct uring *u, const struct io_uring_sqe *sqe)
{
	const struct io_uring_params *p = &u->params;
	uint32_t *sq_tail = field(u, p->sq_off.tail);
	uint32_t *cq_head = field(u, p->cq_off.head);
	uint32_t slot = *sq_tail & *field(u, p->sq_off.ring_mask);
	const struct io_uring_cqe *cqe;
	ssize_t ret;

	u->sqes[slot] = *sqe;
	field(u, p->sq_off.array)[slot] = slot;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, u->fd, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) < 0)
		return -errno;
	/* What was waited for is there. */
	if (__atomic_load_n(field(u, p->cq_off.tail), __ATOMIC_ACQUIRE) == *cq_head)
		return -EIO;
	cqe = (struct io_uring_cqe *)field(u, p->cq_off.cqes);
	ret = cqe[*cq_head & *field(u, p->cq_off.ring_mask)].res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	return ret;
}

static ssize_t uring_rw(struct uring *u, int opcode, int fd, const void *mem,
			size_t len, off_t pos)
{
	const struct io_uring_sqe sqe = {
		.opcode = opcode,
		.flags = IOSQE_ASYNC,
		.fd = fd,
		.addr = (uintptr_t)mem,
		.len = len,
		.off = pos,
	};

	return uring_do(u, &sqe);
}

ssize_t uring_read(struct uring *u, int fd, void *buf, size_t len, off_t pos)
{
	return uring_rw(u, IORING_OP_READ, fd, buf, len, pos);
}

ssize_t uring_write(struct uring *u, int fd, const void *buf, size_t len,
		    off_t pos)
{
	return uring_rw(u, IORING_OP_WRITE, fd, buf, len, pos);
}

ssize_t uring_readv(struct uring *u, int fd, const struct iovec *iov, int nr,
		    off_t pos)
{
	return uring_rw(u, IORING_OP_READV, fd, iov, nr, pos);
}

ssize_t uring_writev(struct uring *u, int fd, const struct iovec *iov, int nr,
		     off_t pos)
{
	return uring_rw(u, IORING_OP_WRITEV, fd, iov, nr, pos);
}
