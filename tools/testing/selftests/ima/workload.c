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
#include "uring.h"
#include "workload.h"

/* Appending processes */

static void appender_name(unsigned int proc, char *name, size_t room)
{
	snprintf(name, room, "proc%u-", proc);
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

/* The number at the end of a path that begins with @dir/@name, or -1. */
static long path_number(const char *path, const char *dir, const char *name)
{
	size_t dir_len = strlen(dir), name_len = strlen(name);
	unsigned long nr;
	char *end;

	if (!path || strncmp(path, dir, dir_len) || path[dir_len] != '/')
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
			nr = path_number(path, ima->dir, name);
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
		if (next[proc] != a->per_proc) {
			snprintf(why, sizeof(why),
				 "process %u: %ld records instead of %u",
				 proc, next[proc], a->per_proc);
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

static ssize_t result(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

/* Neither pwrite() nor io_uring takes a lock of the descriptor's position. */
static ssize_t race_command(struct uring *u, int fd, const char *command,
			    unsigned int round)
{
	size_t len = strlen(command);

	if (round % 3 == 0)
		return result(write(fd, command, len));
	if (round % 3 == 1 && u->fd >= 0)
		return uring_write(u, fd, command, len, round);
	return result(pwrite(fd, command, len, round));
}

static void *race_write(void *arg)
{
	struct race_thread *t = arg;
	struct race_command *c = t->command;
	struct uring u;
	unsigned int i;
	ssize_t ret;

	uring_open(&u);
	for (i = 0; i < t->race->rounds; i++) {
		pthread_barrier_wait(&t->race->barrier);
		ret = race_command(&u, t->race->fd[c->kind], c->command, i);
		if (ret == (ssize_t)strlen(c->command))
			c->done++;
		else if (ret >= 0)
			race_fail(t->race, "writing %s: %zd bytes", c->command,
				  ret);
		else if (ret != -ENOENT && (ret != -EEXIST || *c->command == 'D'))
			race_fail(t->race, "writing %s: %s", c->command,
				  strerror(-ret));
	}
	uring_close(&u);
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
	struct uring u;
	unsigned int i;
	char buf[512];
	ssize_t ret;
	off_t pos;

	uring_open(&u);
	for (i = 0; !race_over(t->race); i++) {
		pos = i % 8 * 100;
		if (i / 8 % 2 && u.fd >= 0)
			ret = uring_read(&u, fd, buf, sizeof(buf), pos);
		else
			ret = result(pread(fd, buf, sizeof(buf), pos));
		if (ret < 0 && ret != -ESTALE)
			race_fail(t->race, "reading: %s", strerror(-ret));
		if (!(i % 16) && lseek(fd, 0, SEEK_SET))
			race_fail(t->race, "lseek: %s", strerror(errno));
		race_pause(i);
	}
	uring_close(&u);
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
		nr = path_number(record_path(&list.rec[i]), race->ima->dir,
				 RACE_NAME);
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
		return "the records are not ima-ng";
	if (hash_open(&hash, ima->file_algo))
		return "no AF_ALG hash (CONFIG_CRYPTO_USER_API_HASH)";
	hash_close(&hash);
	return NULL;
}

/* What the bank's list would be if nothing had been deleted. */
static int race_expected(const struct race *race, int bank, struct blob *list)
{
	const struct ima *ima = race->ima;
	struct hash hash, file_hash;
	unsigned int i;
	char path[512];
	int err;

	err = hash_open(&hash, ima->bank[bank].algo);
	if (err)
		return err;
	err = hash_open(&file_hash, ima->file_algo);
	for (i = 0; i < race->measured && !err; i++) {
		snprintf(path, sizeof(path), "%s/" RACE_NAME "%u", ima->dir, i);
		err = record_make(list, &hash, IMA_PCR, ima->file_algo,
				  &file_hash, path, strlen(path), path);
	}
	hash_close(&file_hash);
	hash_close(&hash);
	return err;
}

/* What is left has to be the end of all that was measured. */
static void race_account(struct race *race, const struct lists *before,
			 const struct lists *after, unsigned int *deleted)
{
	const struct ima *ima = race->ima;
	struct blob all, left;
	struct mlist list;
	size_t len;
	int i, kind;

	for (i = 0; i < ima->nr_banks; i++) {
		all = (struct blob) { };
		left = (struct blob) { };
		blob_add(&all, before->blob[i][BINARY][CURRENT].data,
			 before->blob[i][BINARY][CURRENT].len);
		if (race_expected(race, i, &all))
			race_fail(race, "the AF_ALG hash fails");
		for (kind = STAGED; kind >= CURRENT; kind--)
			blob_add(&left, after->blob[i][BINARY][kind].data,
				 after->blob[i][BINARY][kind].len);

		len = all.len - left.len;
		if (left.len > all.len ||
		    (left.len && memcmp(all.data + len, left.data, left.len))) {
			race_fail(race, "%s: the lists are not the end of what was measured",
				  ima->bank[i].algo);
		} else if (saved_add(ima, i, all.data, len)) {
			race_fail(race, "cannot save records");
		} else if (mlist_parse(&list, all.data, len,
				       ima->bank[i].digest_size)) {
			race_fail(race, "part of a record was deleted");
		} else {
			*deleted = list.nr;
			mlist_free(&list);
		}
		blob_free(&all);
		blob_free(&left);
	}
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
	struct lists before, after;
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
		if (lists_read(ima, &after)) {
			race_fail(&race, "the lists cannot be read after the race");
		} else {
			race_account(&race, &before, &after, deleted);
			lists_free(&after);
		}
	}
	lists_free(&before);
	for (i = 0; i < NR_KINDS; i++)
		close(race.fd[i]);
	if (!race.why[0] && save_and_delete(ima))
		return "what the race has left cannot be saved and deleted";
	return race.why;
}
