// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have list files open: any number of readers or one process that
 * writes, over all of the files together. Who closes them does not matter.
 *
 * What different users may do is in who_test.c.
 */
#include <fcntl.h>
#include <sys/socket.h>

#include "common.h"
#include "harness.h"
#include "peer.h"
#include "saved.h"

FIXTURE(open) {
	struct ima ima;
	/* All of the list files. */
	const char *path[MAX_BANKS * NR_FORMS * NR_KINDS];
	int nr_paths;
	/* Some of those, for short. */
	const char *staged;
	const char *current;
};

FIXTURE_SETUP(open)
{
	const char *skip = ima_setup(&self->ima);
	int i, form, kind;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	skip = peer_unfit();
	if (skip) {
		ima_teardown(&self->ima, false);
		SKIP(return, "%s", skip);
	}
	for (i = 0; i < self->ima.nr_banks; i++)
		for (form = 0; form < NR_FORMS; form++)
			for (kind = 0; kind < NR_KINDS; kind++)
				self->path[self->nr_paths++] =
					self->ima.bank[i].path[form][kind];
	self->staged = self->ima.bank[0].path[ASCII][STAGED];
	self->current = self->ima.bank[0].path[BINARY][CURRENT];
}

FIXTURE_TEARDOWN(open)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

static int peer_try(const struct peer *p, const char *path, int flags)
{
	int fd = peer_open(p, path, flags);

	return fd < 0 ? fd : peer_close(p, fd);
}

/* Nobody has a file open: this process may write. */
static int gate_is_free(const struct _test_data_open *self)
{
	return try_open(self->staged, O_RDWR);
}

/* One holder, one that comes: over each pair of files. */
TEST_F_TIMEOUT(open, each_pair_of_files, 600)
{
	static const struct {
		int holder;
		int newcomer;
		int same;	/* in the holder's process */
		int other;	/* in another one */
	} row[] = {
		{ O_RDONLY, O_RDONLY, 0, 0 },
		{ O_RDONLY, O_WRONLY, -EBUSY, -EBUSY },
		{ O_RDONLY, O_RDWR, -EBUSY, -EBUSY },
		{ O_WRONLY, O_RDONLY, 0, -EBUSY },
		{ O_WRONLY, O_WRONLY, 0, -EBUSY },
		{ O_WRONLY, O_RDWR, 0, -EBUSY },
		{ O_RDWR, O_RDONLY, 0, -EBUSY },
		{ O_RDWR, O_WRONLY, 0, -EBUSY },
		{ O_RDWR, O_RDWR, 0, -EBUSY },
	};
	struct peer holder;
	unsigned int r;
	int i, j, fd;

	ASSERT_EQ(0, peer_start(&holder));
	for (r = 0; r < ARRAY_SIZE(row); r++) {
		for (i = 0; i < self->nr_paths; i++) {
			fd = peer_open(&holder, self->path[i], row[r].holder);
			ASSERT_LE(0, fd);
			for (j = 0; j < self->nr_paths; j++) {
				EXPECT_EQ(row[r].same,
					  peer_try(&holder, self->path[j],
						   row[r].newcomer))
					TH_LOG("row %u: %s, %s", r,
					       self->path[i], self->path[j]);
				EXPECT_EQ(row[r].other,
					  try_open(self->path[j],
						   row[r].newcomer))
					TH_LOG("row %u: %s, %s", r,
					       self->path[i], self->path[j]);
			}
			ASSERT_EQ(0, peer_close(&holder, fd));
			EXPECT_EQ(0, gate_is_free(self));
		}
	}
	ASSERT_EQ(0, peer_exit(&holder));
}

/* Refused opens leave nothing behind, and neither does an open of no use. */
TEST_F(open, refused_opens_are_not_counted)
{
	struct peer p;
	int i, fd;

	ASSERT_EQ(0, peer_start(&p));
	fd = peer_open(&p, self->staged, O_RDWR);
	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(-EBUSY, try_open(self->current, O_RDONLY));
		EXPECT_EQ(-EBUSY, try_open(self->staged, O_WRONLY));
	}
	ASSERT_EQ(0, peer_close(&p, fd));
	EXPECT_EQ(0, gate_is_free(self));

	fd = peer_open(&p, self->current, O_RDONLY);
	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDWR));
		EXPECT_EQ(-EBUSY, peer_try(&p, self->staged, O_RDWR));
	}
	ASSERT_EQ(0, peer_close(&p, fd));
	EXPECT_EQ(0, gate_is_free(self));

	/* A path is no open file, and 3 is neither read nor write. */
	fd = open(self->staged, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, peer_try(&p, self->staged, O_RDWR));
	close(fd);
	try_open(self->staged, 3);
	EXPECT_EQ(0, gate_is_free(self));
	ASSERT_EQ(0, peer_exit(&p));
}

static unsigned int pick(unsigned int *seed, unsigned int nr)
{
	return rand_r(seed) % nr;
}

/*
 * Random opens and closes by three processes, beside a model of what they may
 * do. When all is closed, the gate has to be free.
 */
TEST_F_TIMEOUT(open, random_opens_and_closes, 600)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	enum { PEERS = 3, FDS = 6, STEPS = 1500 };
	/* Of each open descriptor its mode + 1, or 0. */
	int mode[PEERS][FDS] = { }, fd[PEERS][FDS];
	int writer = -1, writers = 0, readers = 0;
	unsigned int step, who, slot, seed = 4711;
	struct peer p[PEERS];

	for (who = 0; who < PEERS; who++)
		ASSERT_EQ(0, peer_start(&p[who]));
	for (step = 0; step < STEPS; step++) {
		/* At the end, close all that is open. */
		bool ending = step >= STEPS - PEERS * FDS;

		who = ending ? step % PEERS : pick(&seed, PEERS);
		slot = ending ? step / PEERS % FDS : pick(&seed, FDS);
		if (mode[who][slot]) {
			ASSERT_EQ(0, step & 1 ?
				  peer_close(&p[who], fd[who][slot]) :
				  peer_close_by_thread(&p[who], fd[who][slot]));
			if (mode[who][slot] == O_RDONLY + 1)
				readers--;
			else if (!--writers)
				writer = -1;
			mode[who][slot] = 0;
		} else if (!ending) {
			int m = modes[pick(&seed, ARRAY_SIZE(modes))];
			int want = 0, got;

			if (writers ? writer != (int)who : m != O_RDONLY && readers)
				want = -EBUSY;
			got = step & 2 ?
			      peer_open(&p[who], self->path[step % self->nr_paths], m) :
			      peer_open_by_thread(&p[who],
						  self->path[step % self->nr_paths], m);
			ASSERT_EQ(want, got < 0 ? got : 0)
				TH_LOG("step %u: %d writers of %d, %d readers",
				       step, writers, writer, readers);
			if (got < 0)
				continue;
			fd[who][slot] = got;
			mode[who][slot] = m + 1;
			if (m == O_RDONLY) {
				readers++;
			} else {
				writer = who;
				writers++;
			}
		}
	}
	for (who = 0; who < PEERS; who++)
		for (slot = 0; slot < FDS; slot++)
			ASSERT_EQ(0, mode[who][slot]);
	EXPECT_EQ(0, gate_is_free(self));
	for (who = 0; who < PEERS; who++)
		ASSERT_EQ(0, peer_exit(&p[who]));
}

/* A process that reads does not become the writer, be it alone. */
TEST_F(open, reader_does_not_become_writer)
{
	int fd;

	fd = open(self->current, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, try_open(self->current, O_WRONLY));
	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDWR));
	EXPECT_EQ(0, try_open(self->staged, O_RDONLY));
	close(fd);
	EXPECT_EQ(0, gate_is_free(self));
}

/* What a writer has open for read stays an ordinary reader. */
TEST_F(open, readers_that_the_writer_leaves)
{
	struct peer p;
	int w, r;

	ASSERT_EQ(0, peer_start(&p));
	w = peer_open(&p, self->staged, O_WRONLY);
	ASSERT_LE(0, w);
	r = peer_open(&p, self->current, O_RDONLY);
	ASSERT_LE(0, r);
	EXPECT_EQ(-EBUSY, try_open(self->current, O_RDONLY));
	ASSERT_EQ(0, peer_close(&p, w));

	EXPECT_EQ(0, try_open(self->current, O_RDONLY));
	EXPECT_EQ(-EBUSY, try_open(self->staged, O_WRONLY));
	EXPECT_EQ(-EBUSY, peer_try(&p, self->staged, O_WRONLY));
	ASSERT_EQ(0, peer_close(&p, r));
	EXPECT_EQ(0, gate_is_free(self));
	ASSERT_EQ(0, peer_exit(&p));
}

/* It is the process that counts, not which of its threads, nor if it is left. */
TEST_F(open, threads)
{
	struct peer p;
	int w, r;

	ASSERT_EQ(0, peer_start(&p));
	w = peer_open_by_thread(&p, self->staged, O_RDWR);
	ASSERT_LE(0, w);
	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDONLY));
	EXPECT_EQ(0, peer_try(&p, self->current, O_RDWR));
	r = peer_open_by_thread(&p, self->current, O_RDONLY);
	ASSERT_LE(0, r);
	ASSERT_EQ(0, peer_close_by_thread(&p, w));
	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDWR));
	EXPECT_EQ(0, try_open(self->staged, O_RDONLY));
	ASSERT_EQ(0, peer_close_by_thread(&p, r));
	EXPECT_EQ(0, gate_is_free(self));
	ASSERT_EQ(0, peer_exit(&p));
}

/* A copy of a descriptor is the same open file. */
TEST_F(open, copies_of_a_descriptor)
{
	struct peer p;
	int w, copy;

	ASSERT_EQ(0, peer_start(&p));
	w = peer_open(&p, self->staged, O_RDWR);
	ASSERT_LE(0, w);
	copy = peer_dup(&p, w);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, peer_close(&p, w));
	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDONLY));
	EXPECT_EQ(0, peer_try(&p, self->current, O_WRONLY));
	ASSERT_EQ(0, peer_close(&p, copy));
	EXPECT_EQ(0, gate_is_free(self));

	w = peer_open(&p, self->staged, O_RDWR);
	ASSERT_LE(0, w);
	ASSERT_EQ(0, peer_exit(&p));
	EXPECT_EQ(0, gate_is_free(self));
}

/*
 * A child that has the writer's descriptor is another process: it may use the
 * descriptor, but not open anything, also when its parent is no more.
 */
TEST_F(open, inherited_descriptor)
{
	struct peer parent, child;
	struct lists before, after;
	struct blob seen = { };
	int fd;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	ASSERT_EQ(0, lists_read(&self->ima, &before));

	ASSERT_EQ(0, peer_start(&parent));
	fd = peer_open(&parent, self->staged, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, peer_fork(&parent, &child));
	EXPECT_EQ(-EBUSY, peer_try(&child, self->current, O_RDONLY));
	EXPECT_EQ(-EBUSY, peer_try(&child, self->current, O_WRONLY));
	EXPECT_EQ(0, peer_try(&parent, self->current, O_WRONLY));
	ASSERT_EQ(0, peer_exit(&parent));

	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDONLY));
	EXPECT_EQ(-EBUSY, try_open(self->current, O_WRONLY));
	EXPECT_EQ(-EBUSY, peer_try(&child, self->current, O_RDONLY));
	EXPECT_EQ(-EBUSY, peer_try(&child, self->staged, O_RDWR));

	ASSERT_EQ(1, peer_write(&child, fd, "A"));
	ASSERT_EQ(0, peer_read(&child, fd, &seen));
	EXPECT_TRUE(blob_equal(&before.blob[0][ASCII][CURRENT], &seen));
	EXPECT_EQ(-EEXIST, peer_write(&child, fd, "A\n"));
	ASSERT_EQ(0, saved_add_list(&self->ima, &before, CURRENT));
	ASSERT_EQ(2, peer_write(&child, fd, "D\n"));
	EXPECT_EQ(-ENOENT, peer_write(&child, fd, "D"));
	EXPECT_EQ(0, ima_count());

	ASSERT_EQ(0, peer_exit(&child));
	EXPECT_EQ(0, gate_is_free(self));
	ASSERT_EQ(0, lists_read(&self->ima, &after));
	EXPECT_EQ(0, after.blob[0][BINARY][STAGED].len);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
	lists_free(&before);
	lists_free(&after);
	blob_free(&seen);
}

/* The same for a process that got the descriptor over a socket. */
TEST_F(open, passed_descriptor)
{
	struct peer sender, receiver;
	struct lists before;
	struct blob seen = { };
	int fd, here, there;

	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	ASSERT_EQ(0, lists_read(&self->ima, &before));

	ASSERT_EQ(0, peer_start(&sender));
	ASSERT_EQ(0, peer_start(&receiver));
	fd = peer_open(&sender, self->staged, O_RDWR);
	ASSERT_LE(0, fd);
	here = peer_get_fd(&sender, fd);
	ASSERT_LE(0, here);
	there = peer_put_fd(&receiver, here);
	ASSERT_LE(0, there);
	ASSERT_EQ(0, close(here));

	EXPECT_EQ(-EBUSY, peer_try(&receiver, self->current, O_RDONLY));
	EXPECT_EQ(0, peer_try(&sender, self->current, O_RDWR));
	/* The sender remains the owner without a descriptor of its own. */
	ASSERT_EQ(0, peer_close(&sender, fd));
	EXPECT_EQ(0, peer_try(&sender, self->current, O_RDWR));
	EXPECT_EQ(-EBUSY, peer_try(&receiver, self->current, O_RDWR));
	ASSERT_EQ(0, peer_exit(&sender));

	EXPECT_EQ(-EBUSY, try_open(self->staged, O_RDONLY));
	ASSERT_EQ(1, peer_write(&receiver, there, "A"));
	ASSERT_EQ(0, peer_read(&receiver, there, &seen));
	EXPECT_TRUE(blob_equal(&before.blob[0][ASCII][CURRENT], &seen));
	ASSERT_EQ(0, saved_add_list(&self->ima, &before, CURRENT));
	ASSERT_EQ(1, peer_write(&receiver, there, "D"));
	ASSERT_EQ(0, peer_close_by_thread(&receiver, there));
	EXPECT_EQ(0, gate_is_free(self));
	ASSERT_EQ(0, peer_exit(&receiver));
	lists_free(&before);
	blob_free(&seen);
}

/* On its way between two processes, a descriptor is open. */
TEST_F(open, descriptor_in_a_socket)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct peer p;
	int socks[2], fd;

	/* Without copies of the sockets. */
	ASSERT_EQ(0, peer_start(&p));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	fd = open(self->staged, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	ASSERT_EQ(1, sendmsg(socks[0], &msg, 0));
	close(fd);
	EXPECT_EQ(-EBUSY, peer_try(&p, self->staged, O_RDONLY));

	/* Nobody will receive it. */
	close(socks[0]);
	close(socks[1]);
	EXPECT_EQ(0, peer_try(&p, self->staged, O_RDWR));
	ASSERT_EQ(0, peer_exit(&p));
}

/* The next order of @a, or false after the last one. */
static bool next_order(int *a, int nr)
{
	int i = nr - 2, j = nr - 1, tmp;

	while (i >= 0 && a[i] >= a[i + 1])
		i--;
	if (i < 0)
		return false;
	while (a[j] <= a[i])
		j--;
	tmp = a[i];
	a[i] = a[j];
	a[j] = tmp;
	for (i++, j = nr - 1; i < j; i++, j--) {
		tmp = a[i];
		a[i] = a[j];
		a[j] = tmp;
	}
	return true;
}

/*
 * A writer with two descriptors, and its child that has both: whatever order
 * they are closed in, by whom, or by an exit, the gate is free when the last
 * copy of both is closed, and not before.
 */
TEST_F_TIMEOUT(open, gate_after_two_write_descriptors_and_a_fork, 600)
{
	enum { PARENT_1, PARENT_2, CHILD_1, CHILD_2, EVENTS };
	enum { PARENT_EXITS = 1, CHILD_EXITS = 2 };
	/* Bits: the second close of a process is its exit with all it has. */
	int exits, order[EVENTS], left[2][2], i, who, file, open_files, fd[2];
	struct peer p[2];

	for (exits = 0; exits < 4; exits++) {
		for (i = 0; i < EVENTS; i++)
			order[i] = i;
		do {
			ASSERT_EQ(0, peer_start(&p[0]));
			fd[0] = peer_open(&p[0], self->staged, O_RDWR);
			fd[1] = peer_open(&p[0], self->current, O_RDWR);
			ASSERT_LE(0, fd[0]);
			ASSERT_LE(0, fd[1]);
			ASSERT_EQ(0, peer_fork(&p[0], &p[1]));
			for (i = 0; i < EVENTS; i++)
				left[i / 2][i % 2] = 1;

			for (i = 0; i < EVENTS; i++) {
				who = order[i] / 2;
				file = order[i] % 2;
				if (exits & (who ? CHILD_EXITS : PARENT_EXITS)) {
					/* The first one of its events is the exit. */
					if (!left[who][0] && !left[who][1])
						continue;
					ASSERT_EQ(0, peer_exit(&p[who]));
					left[who][0] = 0;
					left[who][1] = 0;
				} else {
					ASSERT_EQ(0, peer_close(&p[who], fd[file]));
					left[who][file] = 0;
				}
				open_files = (left[0][0] | left[1][0]) +
					     (left[0][1] | left[1][1]);
				EXPECT_EQ(open_files ? -EBUSY : 0,
					  try_open(self->staged, O_RDONLY))
					TH_LOG("exits %d, order %d%d%d%d, event %d",
					       exits, order[0], order[1],
					       order[2], order[3], i);
				EXPECT_EQ(open_files ? -EBUSY : 0,
					  gate_is_free(self));
				if (open_files && p[1].sock >= 0)
					EXPECT_EQ(-EBUSY,
						  peer_try(&p[1], self->current,
							   O_RDONLY));
				if (open_files && p[0].sock >= 0)
					EXPECT_EQ(0, peer_try(&p[0], self->current,
							      O_RDWR));
			}
			for (who = 0; who < 2; who++)
				if (p[who].sock >= 0)
					ASSERT_EQ(0, peer_exit(&p[who]));
			EXPECT_EQ(0, gate_is_free(self));
		} while (next_order(order, EVENTS));
	}
}

TEST_HARNESS_MAIN
