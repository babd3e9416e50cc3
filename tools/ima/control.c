// SPDX-License-Identifier: GPL-2.0
/*
 * What imalogctl asks the service for: one message there, one message back
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

#define BACKLOG	8

static int make_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, strlen(path));
	return 0;
}

/**
 * control_listen - have a socket for requests
 * @path: its name; one that a service before has left is replaced
 *
 * Only the service's own user, and root, can connect.
 *
 * Return: a descriptor, or a negative error number.
 */
int control_listen(const char *path)
{
	struct sockaddr_un address;
	int fd, err;

	err = make_address(path, &address);
	if (err)
		return err;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Before it has a name, so that nobody comes in between. */
	if (fchmod(fd, 0600) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int wait_for(int fd, unsigned int wait)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret;

	do {
		ret = poll(&p, 1, (int)wait);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

/**
 * control_ask - ask the service for something
 * @path: name of its socket
 * @request: what
 * @wait: milliseconds to wait for the answer
 * @answer: set to it
 *
 * Return: 0, -ETIMEDOUT if none came in time, -EBADMSG if it was none, or
 * another negative error number: -ENOENT or -ECONNREFUSED if no service runs.
 */
int control_ask(const char *path, const char *request, unsigned int wait,
		struct control_answer *answer)
{
	struct sockaddr_un address;
	ssize_t got;
	int fd, ret;

	ret = make_address(path, &address);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		ret = -errno;
	if (!ret)
		ret = wait_for(fd, wait);
	if (!ret) {
		got = recv(fd, answer, sizeof(*answer), 0);
		if (got < 0)
			ret = -errno;
		else if (got != sizeof(*answer))
			ret = -EBADMSG;
	}
	close(fd);
	return ret;
}
