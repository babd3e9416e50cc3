// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "saved.h"
#include "ways.h"
#include "workload.h"

/* Appending processes */

static void appender_name(unsigned int proc, char *name, size_t room)
{
	snprintf(name, room, "proc%u-", proc);
}

static int append_until_stop(const struct ima *ima, const struct appenders *a,
			     const char *name, unsigned int *measured)
{
	int err = 0;

	while (!err && *measured < a->per_proc &&
	       !__atomic_load_n(&a->shared->stop, __ATOMIC_ACQUIRE)) {
		err = measure_files(ima, name, *measured, 1);
		if (!err)
			(*measured)++;
		usleep(a->pause_us);
	}
	return err;
}

int appenders_start(const struct ima *ima, struct appenders *a)
{
	char name[32];
	unsigned int i;
	int err;

	for (i = 0; i < a->procs; i++) {
		a->pid[i] = fork();
		if (a->pid[i] < 0)
			return -errno;
		if (a->pid[i])
			continue;
		appender_name(i, name, sizeof(name));
		if (a->shared)
			err = append_until_stop(ima, a, name,
						&a->shared->measured[i]);
		else
			err = measure_files(ima, name, 0, a->per_proc);
		_exit(err ? 1 : 0);
	}
	return 0;
}

int appenders_running(struct appenders *a)
{
	unsigned int i;
	int status, running = 0;

	for (i = 0; i < a->procs; i++) {
		if (!a->pid[i])
			continue;
		if (!waitpid(a->pid[i], &status, WNOHANG)) {
			running = 1;
			continue;
		}
		a->pid[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return -EIO;
	}
	return running;
}

long record_number(const struct ima *ima, const struct record *rec,
		   const char *name)
{
	size_t dir_len = strlen(ima->dir), name_len = strlen(name);
	const char *path = record_path(rec);
	unsigned long nr;
	char *end;

	if (!path || strncmp(path, ima->dir, dir_len) || path[dir_len] != '/')
		return -1;
	path += dir_len + 1;
	if (strncmp(path, name, name_len))
		return -1;
	path += name_len;
	nr = strtoul(path, &end, 10);
	return end == path || *end ? -1 : (long)nr;
}

const char *appenders_check(const struct ima *ima, const struct appenders *a,
			    const struct mlist *list)
{
	static char why[512];
	long next[MAX_APPENDERS] = { }, nr;
	char name[32];
	unsigned int proc;
	size_t i;

	for (i = 0; i < list->nr; i++) {
		const char *path = record_path(&list->rec[i]);

		for (proc = 0; proc < a->procs; proc++) {
			appender_name(proc, name, sizeof(name));
			nr = record_number(ima, &list->rec[i], name);
			if (nr < 0)
				continue;
			if (nr != next[proc]) {
				snprintf(why, sizeof(why),
					 "%s found where %ld was expected",
					 path, next[proc]);
				return why;
			}
			next[proc]++;
		}
	}
	for (proc = 0; proc < a->procs; proc++) {
		unsigned int want = a->shared ? a->shared->measured[proc] :
						a->per_proc;

		if (next[proc] != want) {
			snprintf(why, sizeof(why),
				 "process %u: %ld records instead of %u",
				 proc, next[proc], want);
			return why;
		}
	}
	return "";
}

/* Racing threads */

#define RACE_NAME "race"
#define SHARED_READERS 2
#define OWN_READERS 2
#define MAX_COMMANDS 8

struct race {
	const struct ima *ima;
	unsigned int rounds;
	pthread_barrier_t barrier;
	/* One descriptor of a list for all threads. */
	int fd[NR_KINDS];
	/* The commands have all been written. */
	bool stop;
	unsigned int measured;
	pthread_mutex_t lock;
	char why[512];
};

__printf(2, 3) static void race_fail(struct race *race, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&race->lock);
	if (!race->why[0]) {
		va_start(ap, fmt);
		vsnprintf(race->why, sizeof(race->why), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&race->lock);
}

static bool race_over(struct race *race)
{
	return __atomic_load_n(&race->stop, __ATOMIC_ACQUIRE);
}

struct race_thread {
	pthread_t thread;
	struct race *race;
	struct race_command *command;
	enum list_kind kind;
};

/* One after the other, as far as there are any. */
static enum write_way race_way(const struct way_tools *tools, unsigned int round)
{
	enum write_way way = round % NR_WRITE_WAYS;

	return way >= WRITE_URING && tools->uring.fd < 0 ? WRITE_PWRITE : way;
}

static void *race_write(void *arg)
{
	struct race_thread *t = arg;
	struct race_command *c = t->command;
	struct way_tools tools;
	unsigned int i;
	ssize_t ret;

	way_tools_open(&tools);
	for (i = 0; i < t->race->rounds; i++) {
		pthread_barrier_wait(&t->race->barrier);
		ret = way_write(&tools, race_way(&tools, i), t->race->fd[c->kind],
				c->command, i);
		if (ret == (ssize_t)strlen(c->command))
			c->done++;
		else if (ret >= 0)
			race_fail(t->race, "writing %s: %zd bytes", c->command,
				  ret);
		else if (ret != -ENOENT && (ret != -EEXIST || *c->command == 'D'))
			race_fail(t->race, "writing %s: %s", c->command,
				  strerror(-ret));
	}
	way_tools_close(&tools);
	return NULL;
}

/* With few processors, readers that never sleep are all that runs. */
static void race_pause(unsigned int i)
{
	if (i % 4 == 3)
		usleep(500);
}

/* The content makes no sense here: other threads use the same descriptor. */
static void *race_read_shared(void *arg)
{
	struct race_thread *t = arg;
	int fd = t->race->fd[t->kind];
	struct way_tools tools;
	unsigned int i;
	char buf[512];
	ssize_t ret;
	off_t pos;

	way_tools_open(&tools);
	for (i = 0; !race_over(t->race); i++) {
		pos = i % 8 * 100;
		if (i / 8 % 2 && tools.uring.fd >= 0)
			ret = way_read(&tools, READ_URING, fd, buf, sizeof(buf), pos);
		else
			ret = way_read(&tools, READ_PREAD, fd, buf, sizeof(buf), pos);
		if (ret < 0 && ret != -ESTALE)
			race_fail(t->race, "reading: %s", strerror(-ret));
		if (!(i % 16) && lseek(fd, 0, SEEK_SET))
			race_fail(t->race, "lseek: %s", strerror(errno));
		race_pause(i);
	}
	way_tools_close(&tools);
	return NULL;
}

/* A list has to be whole records, and those have to be neighbours. */
static void race_check_list(struct race *race, const struct blob *b)
{
	long nr, last = -1;
	struct mlist list;
	size_t i;

	if (mlist_parse(&list, b->data, b->len, race->ima->bank[0].digest_size)) {
		race_fail(race, "a list was read that cannot be parsed");
		return;
	}
	for (i = 0; i < list.nr; i++) {
		nr = record_number(race->ima, &list.rec[i], RACE_NAME);
		if (last >= 0 && nr != last + 1)
			race_fail(race, "a list was read in which %ld follows %ld",
				  nr, last);
		last = nr;
	}
	mlist_free(&list);
}

static void *race_read_own(void *arg)
{
	struct race_thread *t = arg;
	struct blob b = { };
	unsigned int i;
	int fd, err;

	fd = open(t->race->ima->bank[0].path[BINARY][t->kind],
		  O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		race_fail(t->race, "open: %s", strerror(errno));
		return NULL;
	}
	for (i = 0; !race_over(t->race); i++) {
		b.len = 0;
		/* Small pieces, so that commands come between them. */
		err = blob_read_fd(&b, fd, 100);
		if (!err)
			race_check_list(t->race, &b);
		else if (err != -ESTALE)
			race_fail(t->race, "read: %s", strerror(-err));
		if (lseek(fd, 0, SEEK_SET))
			race_fail(t->race, "lseek: %s", strerror(errno));
		race_pause(i);
	}
	blob_free(&b);
	close(fd);
	return NULL;
}

/* Something new for each round, measured while the commands are written. */
static void *race_measure(void *arg)
{
	struct race_thread *t = arg;
	unsigned int i;
	int err;

	for (i = 0; i < t->race->rounds; i++) {
		pthread_barrier_wait(&t->race->barrier);
		err = measure_files(t->race->ima, RACE_NAME, t->race->measured,
				    1 + i % 4);
		if (err)
			race_fail(t->race, "measuring: %s", strerror(-err));
		else
			t->race->measured += 1 + i % 4;
	}
	return NULL;
}

const char *race_unfit(const struct ima *ima)
{
	struct hash hash;

	if (!ima->file_algo[0])
		return NOT_NG;
	if (hash_open(&hash, ima->file_algo))
		return NO_HASH;
	hash_close(&hash);
	return NULL;
}

int measured_list(const struct ima *ima, int bank, const char *name,
		  unsigned int nr, struct blob *list)
{
	struct hash hash, file_hash;
	unsigned int i;
	char path[512];
	int err;

	err = hash_open(&hash, ima->bank[bank].algo);
	if (err)
		return err;
	err = hash_open(&file_hash, ima->file_algo);
	for (i = 0; i < nr && !err; i++) {
		snprintf(path, sizeof(path), "%s/%s%u", ima->dir, name, i);
		err = record_make(list, &hash, IMA_PCR, ima->file_algo,
				  &file_hash, path, strlen(path), path);
	}
	hash_close(&file_hash);
	hash_close(&hash);
	return err;
}

static const char *account_bank(const struct ima *ima, int bank,
				const struct blob *all, const struct lists *after,
				unsigned int *deleted)
{
	struct blob left = { };
	const char *why = "";
	struct mlist list;
	size_t len;
	int kind;

	for (kind = STAGED; kind >= CURRENT; kind--)
		blob_add(&left, after->blob[bank][BINARY][kind].data,
			 after->blob[bank][BINARY][kind].len);
	len = all->len - left.len;
	if (left.len > all->len ||
	    (left.len && memcmp(all->data + len, left.data, left.len))) {
		why = "the lists are not the end of what was measured";
	} else if (saved_add(ima, bank, all->data, len)) {
		why = "cannot save records";
	} else if (mlist_parse(&list, all->data, len,
			       ima->bank[bank].digest_size)) {
		why = "part of a record was deleted";
	} else {
		*deleted = list.nr;
		mlist_free(&list);
	}
	blob_free(&left);
	return why;
}

const char *account_for_deleted(const struct ima *ima, const char *name,
				unsigned int nr, const struct lists *before,
				unsigned int *deleted)
{
	const char *why = "";
	struct lists after;
	struct blob all;
	int i;

	if (lists_read(ima, &after))
		return "the lists cannot be read after the race";
	for (i = 0; i < ima->nr_banks && !*why; i++) {
		all = (struct blob) { };
		blob_add(&all, before->blob[i][BINARY][CURRENT].data,
			 before->blob[i][BINARY][CURRENT].len);
		if (measured_list(ima, i, name, nr, &all))
			why = "the AF_ALG hash fails";
		else
			why = account_bank(ima, i, &all, &after, deleted);
		blob_free(&all);
	}
	lists_free(&after);
	return why;
}

static int race_open(struct race *race)
{
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		race->fd[kind] = open(race->ima->bank[0].path[BINARY][kind],
				      O_RDWR | O_CLOEXEC);
		if (race->fd[kind] < 0)
			return -errno;
	}
	return 0;
}

static void race_threads(struct race *race, struct race_command *commands,
			 unsigned int nr_commands)
{
	struct race_thread t[MAX_COMMANDS + 1 + SHARED_READERS + OWN_READERS] = { };
	unsigned int i, nr = 0;

	pthread_barrier_init(&race->barrier, NULL, nr_commands + 1);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		t[i].race = race;
	for (i = 0; i < nr_commands; i++, nr++) {
		t[nr].command = &commands[i];
		pthread_create(&t[nr].thread, NULL, race_write, &t[nr]);
	}
	pthread_create(&t[nr].thread, NULL, race_measure, &t[nr]);
	nr++;
	for (i = 0; i < SHARED_READERS; i++, nr++) {
		t[nr].kind = i % NR_KINDS;
		pthread_create(&t[nr].thread, NULL, race_read_shared, &t[nr]);
	}
	for (i = 0; i < OWN_READERS; i++, nr++) {
		t[nr].kind = i % NR_KINDS;
		pthread_create(&t[nr].thread, NULL, race_read_own, &t[nr]);
	}

	for (i = 0; i < nr; i++) {
		/* The readers go on as long as there is something to read. */
		if (i == nr_commands + 1)
			__atomic_store_n(&race->stop, true, __ATOMIC_RELEASE);
		pthread_join(t[i].thread, NULL);
	}
	pthread_barrier_destroy(&race->barrier);
}

const char *race_run(const struct ima *ima, struct race_command *commands,
		     unsigned int nr_commands, unsigned int rounds,
		     unsigned int *deleted)
{
	static struct race race;
	struct lists before;
	const char *why;
	unsigned int i;

	race = (struct race) {
		.ima = ima,
		.rounds = rounds,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	if (nr_commands > MAX_COMMANDS)
		return "too many commands";
	if (lists_read(ima, &before))
		return "the lists cannot be read before the race";
	if (race_open(&race)) {
		race_fail(&race, "opening a list: %s", strerror(errno));
	} else {
		race_threads(&race, commands, nr_commands);
		for (i = 0; i < nr_commands; i++)
			if (!commands[i].done)
				race_fail(&race, "%s was never done",
					  commands[i].command);
		why = account_for_deleted(ima, RACE_NAME, race.measured, &before,
					  deleted);
		if (*why)
			race_fail(&race, "%s", why);
	}
	lists_free(&before);
	for (i = 0; i < NR_KINDS; i++)
		close(race.fd[i]);
	if (!race.why[0] && save_and_delete(ima))
		return "what the race has left cannot be saved and deleted";
	return race.why;
}

/* Two writers */

struct writer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int fd;
	const char *command;
	int err;
};

static void *write_command(void *arg)
{
	struct writer *w = arg;

	pthread_barrier_wait(w->barrier);
	w->err = errno_of(write(w->fd, w->command, strlen(w->command)));
	return NULL;
}

void write_at_once(const int fd[2], const char *command, int err[2])
{
	pthread_barrier_t barrier;
	struct writer w[2];
	int i;

	pthread_barrier_init(&barrier, NULL, 2);
	for (i = 0; i < 2; i++) {
		w[i] = (struct writer) {
			.barrier = &barrier,
			.fd = fd[i],
			.command = command,
		};
		if (pthread_create(&w[i].thread, NULL, write_command, &w[i])) {
			perror("# pthread_create");
			abort();
		}
	}
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		err[i] = w[i].err;
	}
	pthread_barrier_destroy(&barrier);
}
