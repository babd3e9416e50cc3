/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other processes that do what a test tells them: open, close, write, read,
 * fork, exit, hand descriptors on. A test can so put several processes through
 * any order of events, without a race and without a sleep.
 *
 * Descriptors are the peer's own numbers. All calls return what the operation
 * gave in the peer, or its negative errno.
 */
#ifndef IMA_SELFTEST_PEER_H
#define IMA_SELFTEST_PEER_H

#include <sys/types.h>

#include "blob.h"

struct peer {
	pid_t pid;
	int sock;
};

/* A message of any kind by a socket, with a descriptor or with -1. */
int send_msg(int sock, const void *data, size_t len, int fd);
int recv_msg(int sock, void *data, size_t len, int *fd);

/* Return: why there can be none, or NULL. */
const char *peer_unfit(void);
/* A child of the caller that has none of its descriptors. */
int peer_start(struct peer *p);
/* A child of @parent that has all of its descriptors. */
int peer_fork(const struct peer *parent, struct peer *child);
/* Tell it to exit, and wait until it is gone. */
int peer_exit(struct peer *p);

int peer_open(const struct peer *p, const char *path, int flags);
/* The same by a thread that is not the first one and exits after it. */
int peer_open_by_thread(const struct peer *p, const char *path, int flags);
int peer_close(const struct peer *p, int fd);
int peer_close_by_thread(const struct peer *p, int fd);
int peer_dup(const struct peer *p, int fd);
int peer_write(const struct peer *p, int fd, const char *data);
/* From the descriptor's position to the end. */
int peer_read(const struct peer *p, int fd, struct blob *b);

/* A copy of the peer's descriptor, in the caller. */
int peer_get_fd(const struct peer *p, int fd);
/* A copy of the caller's descriptor, in the peer. */
int peer_put_fd(const struct peer *p, int fd);

#endif /* IMA_SELFTEST_PEER_H */
