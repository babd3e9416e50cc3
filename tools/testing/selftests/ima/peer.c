// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

enum op {
	OP_OPEN,
	OP_OPEN_BY_THREAD,
	OP_CLOSE,
	OP_CLOSE_BY_THREAD,
	OP_DUP,
	OP_WRITE,
	OP_READ,
	OP_FORK,
	OP_GET_FD,
	OP_PUT_FD,
	OP_EXIT,
};

struct request {
	enum op op;
	int fd;
	int flags;
	char text[256];
};

int send_msg(int sock, const void *data, size_t len, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int recv_msg(int sock, void *data, size_t len, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { };
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	ssize_t got;

	*fd = -1;
	got = recvmsg(sock, &msg, 0);
	if (got < 0)
		return -errno;
	if ((size_t)got != len)
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return 0;
}

/* The peer's side */

static int sys(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int do_open(const struct request *req)
{
	return sys(open(req->text, req->flags));
}

static int do_close(const struct request *req)
{
	return sys(close(req->fd));
}

struct job {
	int (*fn)(const struct request *req);
	const struct request *req;
	int ret;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	job->ret = job->fn(job->req);
	return NULL;
}

static int by_thread(int (*fn)(const struct request *req),
		     const struct request *req)
{
	struct job job = { .fn = fn, .req = req };
	pthread_t thread;
	int err;

	err = pthread_create(&thread, NULL, run_job, &job);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return job.ret;
}

/* Into an anonymous file, which has no limit of size as messages have. */
static int do_read(const struct request *req, int *fd)
{
	struct blob b = { };
	int err;

	err = blob_read_fd(&b, req->fd, 4096);
	if (!err) {
		*fd = memfd_create("read", MFD_CLOEXEC);
		err = sys(*fd);
	}
	if (err >= 0)
		err = pwrite(*fd, b.data, b.len, 0) == (ssize_t)b.len ? 0 : -EIO;
	blob_free(&b);
	return err;
}

static void serve(int sock)
{
	struct request req;
	int fd, ret, out;

	/* The end of the test ends its peers. */
	while (!recv_msg(sock, &req, sizeof(req), &fd)) {
		out = -1;
		switch (req.op) {
		case OP_OPEN:
			ret = do_open(&req);
			break;
		case OP_OPEN_BY_THREAD:
			ret = by_thread(do_open, &req);
			break;
		case OP_CLOSE:
			ret = do_close(&req);
			break;
		case OP_CLOSE_BY_THREAD:
			ret = by_thread(do_close, &req);
			break;
		case OP_DUP:
			ret = sys(dup(req.fd));
			break;
		case OP_WRITE:
			ret = sys(write(req.fd, req.text, strlen(req.text)));
			break;
		case OP_READ:
			ret = do_read(&req, &out);
			break;
		case OP_FORK:
			ret = sys(fork());
			if (!ret) {
				close(sock);
				sock = fd;
				continue;
			}
			close(fd);
			break;
		case OP_GET_FD:
			ret = 0;
			out = sys(dup(req.fd));
			if (out < 0)
				ret = out;
			break;
		case OP_PUT_FD:
			ret = fd;
			break;
		case OP_EXIT:
		default:
			_exit(0);
		}
		if (send_msg(sock, &ret, sizeof(ret), out))
			break;
		if (out >= 0)
			close(out);
	}
	_exit(0);
}

/* The test's side */

static int call_fd(const struct peer *p, const struct request *req, int in,
		   int *out)
{
	int ret, err;

	*out = -1;
	err = send_msg(p->sock, req, sizeof(*req), in);
	if (err)
		return err;
	err = recv_msg(p->sock, &ret, sizeof(ret), out);
	return err ?: ret;
}

static int call(const struct peer *p, enum op what, int fd, int flags,
		const char *text)
{
	struct request req = { .op = what, .fd = fd, .flags = flags };
	int out;

	snprintf(req.text, sizeof(req.text), "%s", text);
	return call_fd(p, &req, -1, &out);
}

/* Only the socket and what stderr is may stay open: copies keep files open. */
static void drop_descriptors(int sock)
{
	unsigned int first = STDERR_FILENO + 1;

	if ((unsigned int)sock > first)
		syscall(__NR_close_range, first, sock - 1, 0);
	syscall(__NR_close_range, sock + 1, ~0U, 0);
}

const char *peer_unfit(void)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return "no Unix sockets (CONFIG_UNIX)";
	close(sock);
	return NULL;
}

int peer_start(struct peer *p)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -errno;
	/* The descendants of a peer that is gone become the test's children. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	p->pid = fork();
	if (p->pid < 0) {
		close(socks[0]);
		close(socks[1]);
		return -errno;
	}
	if (!p->pid) {
		drop_descriptors(socks[1]);
		signal(SIGCHLD, SIG_IGN);
		serve(socks[1]);
	}
	close(socks[1]);
	p->sock = socks[0];
	return 0;
}

int peer_fork(const struct peer *parent, struct peer *child)
{
	struct request req = { .op = OP_FORK };
	int socks[2], out, ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -errno;
	ret = call_fd(parent, &req, socks[1], &out);
	close(socks[1]);
	if (ret < 0) {
		close(socks[0]);
		return ret;
	}
	child->pid = ret;
	child->sock = socks[0];
	return 0;
}

int peer_exit(struct peer *p)
{
	struct request req = { .op = OP_EXIT };

	send_msg(p->sock, &req, sizeof(req), -1);
	close(p->sock);
	p->sock = -1;
	/*
	 * The end of the socket would be no proof that its other files have been
	 * closed. The child of a peer that lives leaves no zombie.
	 */
	while (waitpid(p->pid, NULL, 0) < 0) {
		if (errno != ECHILD)
			return -errno;
		if (kill(p->pid, 0) && errno == ESRCH)
			return 0;
		usleep(1000);
	}
	return 0;
}

int peer_open(const struct peer *p, const char *path, int flags)
{
	return call(p, OP_OPEN, -1, flags, path);
}

int peer_open_by_thread(const struct peer *p, const char *path, int flags)
{
	return call(p, OP_OPEN_BY_THREAD, -1, flags, path);
}

int peer_close(const struct peer *p, int fd)
{
	return call(p, OP_CLOSE, fd, 0, "");
}

int peer_close_by_thread(const struct peer *p, int fd)
{
	return call(p, OP_CLOSE_BY_THREAD, fd, 0, "");
}

int peer_dup(const struct peer *p, int fd)
{
	return call(p, OP_DUP, fd, 0, "");
}

int peer_write(const struct peer *p, int fd, const char *data)
{
	return call(p, OP_WRITE, fd, 0, data);
}

int peer_read(const struct peer *p, int fd, struct blob *b)
{
	struct request req = { .op = OP_READ, .fd = fd };
	int out, ret;

	ret = call_fd(p, &req, -1, &out);
	if (out < 0)
		return ret;
	if (!ret)
		ret = blob_read_fd(b, out, 65536);
	close(out);
	return ret;
}

int peer_get_fd(const struct peer *p, int fd)
{
	struct request req = { .op = OP_GET_FD, .fd = fd };
	int out, ret;

	ret = call_fd(p, &req, -1, &out);
	return ret < 0 ? ret : out;
}

int peer_put_fd(const struct peer *p, int fd)
{
	struct request req = { .op = OP_PUT_FD };
	int out;

	return call_fd(p, &req, fd, &out);
}
