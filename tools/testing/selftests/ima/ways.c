// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "saved.h"
#include "ways.h"
#include "workload.h"

/* The ways */

static const char * const write_names[NR_WRITE_WAYS] = {
	[WRITE_WRITE] = "write",
	[WRITE_WRITEV] = "writev",
	[WRITE_PWRITE] = "pwrite",
	[WRITE_PWRITEV2] = "pwritev2",
	[WRITE_URING] = "io_uring write",
	[WRITE_URING_VECTOR] = "io_uring writev",
	[WRITE_URING_POSITION] = "io_uring write at the position",
};

static const char * const read_names[NR_READ_WAYS] = {
	[READ_READ] = "read",
	[READ_READV] = "readv",
	[READ_PREAD] = "pread",
	[READ_PREADV2] = "preadv2",
	[READ_NOWAIT] = "preadv2 with RWF_NOWAIT",
	[READ_URING] = "io_uring read",
	[READ_URING_VECTOR] = "io_uring readv",
	[READ_URING_POSITION] = "io_uring read at the position",
	[READ_SPLICE] = "splice",
};

/* Does it use the descriptor's position, and set it? */
static bool write_has_position(enum write_way way)
{
	return way == WRITE_WRITE || way == WRITE_WRITEV ||
	       way == WRITE_URING_POSITION;
}

static bool read_has_position(enum read_way way)
{
	return way == READ_READ || way == READ_READV ||
	       way == READ_URING_POSITION || way == READ_SPLICE;
}

void way_tools_open(struct way_tools *tools)
{
	uring_open(&tools->uring);
	if (pipe2(tools->pipe, O_CLOEXEC | O_NONBLOCK)) {
		tools->pipe[0] = -1;
		tools->pipe[1] = -1;
	}
}

void way_tools_close(struct way_tools *tools)
{
	uring_close(&tools->uring);
	close(tools->pipe[0]);
	close(tools->pipe[1]);
}

static ssize_t result(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

/* Two pieces, of which the second one may be empty. */
static void halves(struct iovec *iov, const void *mem, size_t len)
{
	size_t half = (len + 1) / 2;

	iov[0].iov_base = (void *)mem;
	iov[0].iov_len = half;
	iov[1].iov_base = (char *)mem + half;
	iov[1].iov_len = len - half;
}

ssize_t way_write(struct way_tools *tools, enum write_way way, int fd,
		  const char *text, off_t pos)
{
	size_t len = strlen(text);
	struct iovec iov[2];

	halves(iov, text, len);
	if (way >= WRITE_URING && tools->uring.fd < 0)
		return -EOPNOTSUPP;
	switch (way) {
	case WRITE_WRITE:
		return result(write(fd, text, len));
	case WRITE_WRITEV:
		return result(writev(fd, iov, 2));
	case WRITE_PWRITE:
		return result(pwrite(fd, text, len, pos));
	case WRITE_PWRITEV2:
		return result(pwritev2(fd, iov, 2, pos, RWF_DSYNC));
	case WRITE_URING:
		return uring_write(&tools->uring, fd, text, len, pos);
	case WRITE_URING_VECTOR:
		return uring_writev(&tools->uring, fd, iov, 2, pos);
	case WRITE_URING_POSITION:
		return uring_write(&tools->uring, fd, text, len, -1);
	default:
		return -EOPNOTSUPP;
	}
}

static ssize_t read_by_splice(struct way_tools *tools, int fd, char *buf,
			      size_t len)
{
	ssize_t ret;

	ret = splice(fd, NULL, tools->pipe[1], NULL, len, SPLICE_F_NONBLOCK);
	if (ret < 0 && errno == EINVAL)
		return -EOPNOTSUPP;
	return ret <= 0 ? result(ret) : result(read(tools->pipe[0], buf, len));
}

ssize_t way_read(struct way_tools *tools, enum read_way way, int fd, char *buf,
		 size_t len, off_t pos)
{
	struct iovec iov[2];

	halves(iov, buf, len);
	switch (way) {
	case READ_READ:
		return result(read(fd, buf, len));
	case READ_READV:
		return result(readv(fd, iov, 2));
	case READ_PREAD:
		return result(pread(fd, buf, len, pos));
	case READ_PREADV2:
		return result(preadv2(fd, iov, 2, pos, RWF_HIPRI));
	case READ_NOWAIT:
		return result(preadv2(fd, iov, 2, pos, RWF_NOWAIT));
	case READ_SPLICE:
		return read_by_splice(tools, fd, buf, len);
	default:
		break;
	}
	if (tools->uring.fd < 0)
		return -EOPNOTSUPP;
	if (way == READ_URING)
		return uring_read(&tools->uring, fd, buf, len, pos);
	if (way == READ_URING_VECTOR)
		return uring_readv(&tools->uring, fd, iov, 2, pos);
	return uring_read(&tools->uring, fd, buf, len, -1);
}

static void add_missing(struct way_actors *actors, const char *name)
{
	size_t len = strlen(actors->missing);

	snprintf(actors->missing + len, sizeof(actors->missing) - len, "%s%s",
		 len ? ", " : "", name);
}

static void add_actor(struct way_actors *actors, const char *command,
		      enum list_kind kind, int way)
{
	actors->actor[actors->nr++] = (struct way_actor) {
		.command = command, .kind = kind, .way = way,
	};
}

void add_writers(const struct ima *ima, struct way_actors *actors,
		 const char *command, enum list_kind kind)
{
	struct way_tools tools;
	int way, fd;

	fd = open(ima->bank[0].path[BINARY][STAGED], O_WRONLY | O_CLOEXEC);
	way_tools_open(&tools);
	for (way = 0; way < NR_WRITE_WAYS; way++) {
		/* No command. */
		if (way_write(&tools, way, fd, "AA", 0) == -EOPNOTSUPP)
			add_missing(actors, write_names[way]);
		else
			add_actor(actors, command, kind, way);
	}
	way_tools_close(&tools);
	close(fd);
}

void add_readers(const struct ima *ima, struct way_actors *actors)
{
	struct way_tools tools;
	int way, kind, fd;
	char buf[16];

	fd = open(ima->bank[0].path[BINARY][CURRENT], O_RDONLY | O_CLOEXEC);
	way_tools_open(&tools);
	for (way = 0; way < NR_READ_WAYS; way++) {
		if (way_read(&tools, way, fd, buf, sizeof(buf), 0) == -EOPNOTSUPP) {
			add_missing(actors, read_names[way]);
			continue;
		}
		for (kind = 0; kind < NR_KINDS; kind++)
			add_actor(actors, NULL, kind, way);
	}
	way_tools_close(&tools);
	close(fd);
}

/* The two that race */

#define WAYS_NAME "ways"
#define SIDES 2
#define MAX_READS 64
#define MAX_READ 256

struct ways_read {
	off_t pos;
	ssize_t ret;
	char data[MAX_READ];
};

/* What one of them has to do, and has done, in one round. */
struct side {
	char command[32];
	enum list_kind kind;
	int way;
	/* Spins before it starts. */
	unsigned int delay;
	/* Of a command. */
	ssize_t ret;
	/* Of a reader: bytes of a read, and whether the first one is no race. */
	size_t len;
	bool warm;
	unsigned int nr_reads;
	struct ways_read reads[MAX_READS];
};

/* In memory that all processes share. */
struct arena {
	pthread_barrier_t start;
	pthread_barrier_t end;
	unsigned int waiting;
	unsigned int commands;
	bool quit;
	struct side side[SIDES];
};

struct racer {
	struct arena *arena;
	int nr;
	int fd[NR_KINDS];
	/* One of the two. */
	pthread_t thread;
	pid_t pid;
};

struct ways {
	const struct ima *ima;
	enum ways_sharing sharing;
	ways_model_t model;
	struct arena *arena;
	struct racer racer[SIDES];
	/* The clean reader's. */
	int fd[NR_KINDS];
	struct lists before;
	struct ways_state state;
	/* What it has seen: all records of the first bank, and where each is. */
	struct blob seen;
	size_t *offset;
	unsigned int seed;
	struct ways_counts counts;
	char why[512];
};

/* Where the last one to come lets both of them go at the same moment. */
static void meet(struct arena *arena)
{
	unsigned int i;

	__atomic_add_fetch(&arena->waiting, 1, __ATOMIC_ACQ_REL);
	for (i = 0; __atomic_load_n(&arena->waiting, __ATOMIC_ACQUIRE) < SIDES; i++)
		if (i > 1000)
			sched_yield();
}

static void spin(unsigned int times)
{
	unsigned int i;

	/* The compiler must not see that this does nothing. */
	for (i = 0; i < times; i++)
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool commands_written(struct arena *arena)
{
	return !__atomic_load_n(&arena->commands, __ATOMIC_ACQUIRE);
}

/* Return: false when there is no reading on. */
static bool read_some(struct way_tools *tools, struct side *side, int fd)
{
	struct ways_read *r = &side->reads[side->nr_reads];

	r->pos = 0;
	if (side->nr_reads)
		r->pos = r[-1].pos + r[-1].ret;
	r->ret = way_read(tools, side->way, fd, r->data, side->len, r->pos);
	side->nr_reads++;
	return r->ret > 0;
}

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct arena *arena = racer->arena;
	struct side *side = &arena->side[racer->nr];
	struct way_tools tools;
	bool last;
	int fd;

	way_tools_open(&tools);
	for (;;) {
		pthread_barrier_wait(&arena->start);
		if (arena->quit)
			break;
		fd = racer->fd[side->kind];
		if (!*side->command) {
			side->nr_reads = 0;
			lseek(fd, 0, SEEK_SET);
			if (side->warm)
				read_some(&tools, side, fd);
		}
		meet(arena);
		spin(side->delay);
		if (*side->command) {
			side->ret = way_write(&tools, side->way, fd,
					      side->command, side->delay);
			__atomic_sub_fetch(&arena->commands, 1, __ATOMIC_RELEASE);
		} else {
			/* To the end, and once more after the command. */
			do {
				last = commands_written(arena);
				if (!read_some(&tools, side, fd))
					break;
			} while (!last && side->nr_reads < MAX_READS);
		}
		pthread_barrier_wait(&arena->end);
	}
	way_tools_close(&tools);
	return NULL;
}

__printf(2, 3) static void fail(struct ways *ways, const char *fmt, ...)
{
	va_list ap;

	if (!ways->why[0]) {
		va_start(ap, fmt);
		vsnprintf(ways->why, sizeof(ways->why), fmt, ap);
		va_end(ap);
	}
}

/* Starting */

static int open_both(const struct ima *ima, int *fd)
{
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		fd[kind] = open(ima->bank[0].path[BINARY][kind],
				O_RDWR | O_CLOEXEC);
		if (fd[kind] < 0)
			return -errno;
	}
	return 0;
}

static void close_both(int *fd)
{
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		close(fd[kind]);
}

static int init_barrier(pthread_barrier_t *barrier)
{
	pthread_barrierattr_t attr;
	int err;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	err = pthread_barrier_init(barrier, &attr, SIDES + 1);
	pthread_barrierattr_destroy(&attr);
	return -err;
}

/* A process that was there before the files were opened, and is sent them. */
static int start_receiver(struct racer *racer, int *sock)
{
	int socks[2], kind;
	char byte;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -errno;
	racer->pid = fork();
	if (!racer->pid) {
		for (kind = 0; kind < NR_KINDS; kind++)
			if (recv_msg(socks[1], &byte, 1, &racer->fd[kind]))
				_exit(1);
		close(socks[0]);
		close(socks[1]);
		race(racer);
		_exit(0);
	}
	close(socks[1]);
	*sock = socks[0];
	return racer->pid < 0 ? -errno : 0;
}

static int pass_files(struct racer *racer, int sock)
{
	int kind, err = 0;

	for (kind = 0; kind < NR_KINDS && !err; kind++)
		err = send_msg(sock, "", 1, racer->fd[kind]);
	close_both(racer->fd);
	close(sock);
	return err;
}

static int start_process(struct racer *racer)
{
	racer->pid = fork();
	if (racer->pid < 0)
		return -errno;
	if (!racer->pid) {
		race(racer);
		_exit(0);
	}
	return 0;
}

static int start_racers(struct ways *ways)
{
	bool passed = ways->sharing == PROCESSES_OF_PASSED_FILES;
	bool one_file = ways->sharing == THREADS_OF_ONE_FILE ||
			ways->sharing == PROCESSES_OF_ONE_FILE;
	struct racer *racer = ways->racer;
	int i, sock[SIDES], err = 0;

	for (i = 0; i < SIDES && passed && !err; i++)
		err = start_receiver(&racer[i], &sock[i]);
	for (i = 0; i < SIDES && !err; i++) {
		if (i && one_file)
			memcpy(racer[i].fd, racer[0].fd, sizeof(racer[0].fd));
		else
			err = open_both(ways->ima, racer[i].fd);
	}
	for (i = 0; i < SIDES && !err; i++) {
		if (passed)
			err = pass_files(&racer[i], sock[i]);
		else if (ways->sharing == PROCESSES_OF_ONE_FILE)
			err = start_process(&racer[i]);
		else
			err = -pthread_create(&racer[i].thread, NULL, race,
					      &racer[i]);
	}
	return err;
}

static struct ways *ways_start(const struct ima *ima, enum ways_sharing sharing,
			       ways_model_t model)
{
	struct arena *arena;
	struct ways *ways;
	int i;

	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ways = calloc(1, sizeof(*ways));
	if (arena == MAP_FAILED || !ways)
		return NULL;
	ways->ima = ima;
	ways->sharing = sharing;
	ways->model = model;
	ways->arena = arena;
	ways->seed = 4711;
	ways->offset = calloc(1, sizeof(*ways->offset));
	for (i = 0; i < SIDES; i++) {
		ways->racer[i].arena = arena;
		ways->racer[i].nr = i;
	}
	if (init_barrier(&arena->start) || init_barrier(&arena->end) ||
	    lists_read(ima, &ways->before) || start_racers(ways) ||
	    open_both(ima, ways->fd))
		return NULL;
	return ways;
}

/* The model */

int ways_model(struct ways_state *state, const struct way_actor *a)
{
	if (*a->command == 'A') {
		if (state->staged != state->deleted)
			return -EEXIST;
		if (state->measured == state->staged)
			return -ENOENT;
		state->staged = state->measured;
		return 0;
	}
	if (*a->command != 'D' || a->kind != STAGED)
		return -EINVAL;
	if (state->staged == state->deleted)
		return -ENOENT;
	state->deleted = state->staged;
	return 0;
}

/* The lists, as the clean reader finds them. */
static int read_both(struct ways *ways, struct blob *list)
{
	int kind, err = 0;

	for (kind = 0; kind < NR_KINDS && !err; kind++) {
		list[kind] = (struct blob) { };
		err = blob_pread_fd(&list[kind], ways->fd[kind]);
	}
	return err;
}

static void free_both(struct blob *list)
{
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		blob_free(&list[kind]);
}

static bool is_seen(const struct ways *ways, const struct blob *list,
		    unsigned int from, unsigned int to)
{
	size_t start = ways->offset[from], len = ways->offset[to] - start;

	return list->len == len &&
	       (!len || !memcmp(list->data, ways->seen.data + start, len));
}

/* Are the lists what they are in @state? */
static bool lists_are(const struct ways *ways, const struct blob *list,
		      const struct ways_state *state)
{
	return is_seen(ways, &list[STAGED], state->deleted, state->staged) &&
	       is_seen(ways, &list[CURRENT], state->staged, state->measured);
}

/* Add the new records at the end of the current list to what was seen. */
static int see_new(struct ways *ways, const struct blob *current,
		   unsigned int seen)
{
	size_t known = ways->offset[seen] - ways->offset[ways->state.staged];
	struct mlist list;
	size_t i;
	int err;

	if (current->len < known)
		return -ENODATA;
	err = mlist_parse(&list, current->data + known, current->len - known,
			  ways->ima->bank[0].digest_size);
	if (err)
		return err;
	if (list.nr != ways->state.measured - seen)
		err = -ENODATA;
	ways->offset = realloc(ways->offset, (ways->state.measured + 1) *
			       sizeof(*ways->offset));
	if (!ways->offset)
		err = -ENOMEM;
	for (i = 0; i < list.nr && !err; i++) {
		if (record_number(ways->ima, &list.rec[i], WAYS_NAME) !=
		    (long)(seen + i))
			err = -ENODATA;
		blob_add(&ways->seen, list.rec[i].raw, list.rec[i].raw_len);
		ways->offset[seen + i + 1] = ways->seen.len;
	}
	mlist_free(&list);
	return err;
}

/* A command of the clean reader itself. */
static int prepare(struct ways *ways, const char *command)
{
	const struct way_actor a = { .command = command, .kind = STAGED };
	int want = ways->model(&ways->state, &a);

	if (write(ways->fd[STAGED], command, 1) != 1)
		return -errno;
	return want;
}

static int measure(struct ways *ways, unsigned int nr)
{
	int err;

	err = measure_files(ways->ima, WAYS_NAME, ways->state.measured, nr);
	if (!err)
		ways->state.measured += nr;
	return err;
}

/* Something new in the current list, and something staged or nothing. */
static void set_scene(struct ways *ways, bool staged, struct blob *list)
{
	unsigned int seen = ways->state.measured;
	int err = 0;

	if (!staged && ways->state.staged != ways->state.deleted)
		err = prepare(ways, "D");
	if (staged && ways->state.staged == ways->state.deleted) {
		/* The records have to be seen before they are anywhere else. */
		err = measure(ways, 1) ?: read_both(ways, list);
		if (!err) {
			err = see_new(ways, &list[CURRENT], seen);
			free_both(list);
		}
		err = err ?: prepare(ways, "A");
		seen = ways->state.measured;
	}
	err = err ?: measure(ways, 1 + rand_r(&ways->seed) % 2);
	err = err ?: read_both(ways, list);
	if (err)
		fail(ways, "before round %u: %s", ways->counts.rounds,
		     strerror(-err));
	else if (see_new(ways, &list[CURRENT], seen) ||
		 !lists_are(ways, list, &ways->state))
		fail(ways, "before round %u the lists are not what they have to be",
		     ways->counts.rounds);
}

static void set_side(struct ways *ways, int nr, const struct way_actor *a)
{
	struct side *side = &ways->arena->side[nr];

	snprintf(side->command, sizeof(side->command), "%s", a->command ?: "");
	side->kind = a->kind;
	side->way = a->way;
	side->ret = 0;
	/* At the same moment, mostly. */
	side->delay = rand_r(&ways->seed) % 4 ? rand_r(&ways->seed) % 200 :
						rand_r(&ways->seed) % 5000;
	side->len = 1 + rand_r(&ways->seed) % MAX_READ;
	side->warm = rand_r(&ways->seed) % 2;
	side->nr_reads = 0;
}

static void describe(const struct ways *ways, char *text, size_t room)
{
	static const char * const kinds[] = { "current", "staged" };
	const struct side *side = ways->arena->side;
	size_t len = 0;
	int i;

	for (i = 0; i < SIDES && len < room; i++) {
		bool command = *side[i].command;
		ssize_t ret = command ? side[i].ret :
			      side[i].reads[side[i].nr_reads - 1].ret;

		len += snprintf(text + len, room - len, "%s%.*s by %s, %s list: %s",
				i ? "; " : "",
				command ? (int)strcspn(side[i].command, "\n") : 7,
				command ? side[i].command : "reading",
				command ? write_names[side[i].way] :
					  read_names[side[i].way],
				kinds[side[i].kind],
				ret < 0 ? strerror(-ret) : "done");
	}
}

static int returned(const struct side *side)
{
	if (side->ret < 0)
		return side->ret;
	return (size_t)side->ret == strlen(side->command) ? 0 : -EPROTO;
}

/* Is what happened what happens if they come in this order? */
static bool explains(const struct ways *ways, const struct way_actor **actor,
		     bool reversed, const struct blob *after,
		     struct ways_state *state)
{
	int i;

	*state = ways->state;
	for (i = 0; i < SIDES; i++) {
		int nr = reversed ? SIDES - 1 - i : i;

		if (!actor[nr]->command)
			continue;
		if (ways->model(state, actor[nr]) !=
		    returned(&ways->arena->side[nr]))
			return false;
	}
	return lists_are(ways, after, state);
}

static bool is_part(const struct ways_read *r, const struct blob *list, off_t pos)
{
	if (pos > (off_t)list->len || r->ret > (off_t)list->len - pos)
		return false;
	if (!r->ret)
		return pos == (off_t)list->len;
	return !memcmp(r->data, list->data + pos, r->ret);
}

/*
 * A read gives the list as it was before the command, from where the one before
 * has ended; or the list as it was after it, from its start; or ESTALE. io_uring
 * takes no lock of the position: a command's rewind can come @late, when the new
 * list is being read already, which then begins again.
 */
static bool reads_right(struct ways *ways, const struct side *reader,
			bool rewinds, bool late, const struct blob *before,
			const struct blob *after)
{
	bool changed = !blob_equal(before, after), is_after = false;
	const struct blob *list = before;
	unsigned int i;
	off_t pos = 0;

	for (i = 0; i < reader->nr_reads; i++) {
		const struct ways_read *r = &reader->reads[i];

		if (r->ret == -ESTALE) {
			ways->counts.read_stale++;
			/* At the start there is nothing stale. */
			return changed && pos && !(i == 0 && reader->warm);
		}
		if (r->ret < 0)
			return false;
		if (!is_part(r, list, pos)) {
			if (!changed || (is_after && !late) ||
			    (i == 0 && reader->warm) || (pos && !rewinds))
				return false;
			late = late && !is_after;
			is_after = true;
			list = after;
			pos = 0;
			if (!is_part(r, list, pos))
				return false;
		}
		if (is_after)
			ways->counts.read_after++;
		else
			ways->counts.read_before++;
		pos += r->ret;
	}
	return reader->nr_reads;
}

static void judge(struct ways *ways, const struct way_actor **actor,
		  const struct blob *before, const struct blob *after)
{
	const struct side *side = ways->arena->side;
	bool one_file = ways->sharing == THREADS_OF_ONE_FILE ||
			ways->sharing == PROCESSES_OF_ONE_FILE;
	struct ways_state state;
	char what[300];
	int i;

	describe(ways, what, sizeof(what));
	if (!explains(ways, actor, false, after, &state)) {
		if (!explains(ways, actor, true, after, &state))
			fail(ways, "%s: no order of the two gives this", what);
		ways->counts.reversed++;
	}
	for (i = 0; i < SIDES; i++) {
		const struct side *reader = &side[i], *command = &side[SIDES - 1 - i];
		bool rewinds = one_file && reader->kind == command->kind &&
			       write_has_position(command->way) &&
			       read_has_position(reader->way);
		bool late = rewinds && (command->way == WRITE_URING_POSITION ||
					reader->way == READ_URING_POSITION);

		if (*reader->command) {
			ways->counts.done += reader->ret >= 0;
			ways->counts.refused += reader->ret < 0;
		} else if (!reads_right(ways, reader, rewinds, late,
					&before[reader->kind],
					&after[reader->kind])) {
			fail(ways, "%s: one of %u reads is of neither list",
			     what, reader->nr_reads);
		}
	}
	ways->state = state;
}

static void ways_round(struct ways *ways, const struct way_actor *first,
		       const struct way_actor *second)
{
	const struct way_actor *actor[SIDES] = { first, second };
	struct blob before[NR_KINDS] = { }, after[NR_KINDS] = { };
	struct arena *arena = ways->arena;
	unsigned int commands = 0, delete = 0;
	int i;

	for (i = 0; i < SIDES; i++) {
		if (!actor[i]->command)
			continue;
		commands++;
		delete += *actor[i]->command == 'D';
	}
	/* So that there is something to delete, or to stage. */
	if (delete && delete != commands)
		delete = ways->counts.rounds & 1;
	set_scene(ways, delete, before);
	if (*ways->why)
		goto out;
	for (i = 0; i < SIDES; i++)
		set_side(ways, i, actor[i]);
	ways->counts.rounds++;

	arena->waiting = 0;
	arena->commands = commands;
	pthread_barrier_wait(&arena->start);
	pthread_barrier_wait(&arena->end);

	if (read_both(ways, after))
		fail(ways, "the lists cannot be read after a round");
	else
		judge(ways, actor, before, after);
out:
	free_both(before);
	free_both(after);
}

static void end_racers(struct ways *ways)
{
	int i, status;

	ways->arena->quit = true;
	pthread_barrier_wait(&ways->arena->start);
	for (i = 0; i < SIDES; i++) {
		struct racer *racer = &ways->racer[i];

		if (!racer->pid)
			pthread_join(racer->thread, NULL);
		else if (waitpid(racer->pid, &status, 0) != racer->pid || status)
			fail(ways, "a process that raced did not end well");
	}
	if (ways->sharing != PROCESSES_OF_PASSED_FILES)
		close_both(ways->racer[0].fd);
	if (ways->sharing == THREADS_OF_TWO_FILES)
		close_both(ways->racer[1].fd);
	close_both(ways->fd);
}

static void ways_end(struct ways *ways)
{
	struct blob measured = { };
	unsigned int deleted = 0;
	const char *why;

	end_racers(ways);
	why = account_for_deleted(ways->ima, WAYS_NAME, ways->state.measured,
				  &ways->before, &deleted);
	if (*why)
		fail(ways, "%s", why);
	if (deleted != ways->state.deleted)
		fail(ways, "%u records were deleted instead of %u", deleted,
		     ways->state.deleted);
	if (ways->before.deleted >= 0 &&
	    ima_deleted() != ways->before.deleted + deleted)
		fail(ways, "the counter of deleted records says %ld instead of %ld",
		     ima_deleted(), ways->before.deleted + deleted);
	if (measured_list(ways->ima, 0, WAYS_NAME, ways->state.measured, &measured))
		fail(ways, "the AF_ALG hash fails");
	if (!blob_equal(&measured, &ways->seen))
		fail(ways, "what was seen is not what was measured");
	blob_free(&measured);
	if (!*ways->why && save_and_delete(ways->ima))
		fail(ways, "what the race has left cannot be saved and deleted");
	ways->counts.records = ways->state.measured;
}

const char *ways_race(const struct ima *ima, enum ways_sharing sharing,
		      ways_model_t model, const struct way_actors *first,
		      const struct way_actors *second, unsigned int rounds,
		      struct ways_counts *counts)
{
	static char why[512];
	unsigned int i, j;
	struct ways *ways;

	ways = ways_start(ima, sharing, model);
	if (!ways)
		return "there is no race";
	do {
		ways->counts.pairs = 0;
		for (i = 0; i < first->nr && !*ways->why; i++) {
			j = first == second ? i : 0;
			for (; j < second->nr && !*ways->why; j++) {
				ways_round(ways, &first->actor[i],
					   &second->actor[j]);
				ways->counts.pairs++;
			}
		}
	} while (ways->counts.rounds < rounds && !*ways->why);
	ways_end(ways);

	*counts = ways->counts;
	snprintf(why, sizeof(why), "%s", ways->why);
	lists_free(&ways->before);
	blob_free(&ways->seen);
	munmap(ways->arena, sizeof(*ways->arena));
	free(ways->offset);
	free(ways);
	return why;
}

const char *ways_tell(const struct ways_counts *c)
{
	static char text[256];
	int len;

	len = snprintf(text, sizeof(text), "%u pairs, %u rounds, %u records; ",
		       c->pairs, c->rounds, c->records);
	len += snprintf(text + len, sizeof(text) - len,
			"%u commands done, %u refused, %u rounds reversed; ",
			c->done, c->refused, c->reversed);
	snprintf(text + len, sizeof(text) - len,
		 "%u reads before, %u after, %u stale", c->read_before,
		 c->read_after, c->read_stale);
	return text;
}
