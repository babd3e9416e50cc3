// SPDX-License-Identifier: GPL-2.0
/*
 * For a while, all at once: processes that measure files, an agent that stages,
 * saves and deletes, one that saves and deletes the first N, readers, and
 * openers that give up half way, of their own will or because they are killed.
 *
 * The two agents save what they delete, each while nobody else can write. So
 * each record is in the end once among those that were saved and those that are
 * left, in the order in which it was measured.
 *
 * IMA_TEST_SECONDS sets how long it takes, IMA_TEST_PAUSE how many microseconds
 * a process waits after each file: all of the records are replayed at the end.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "common.h"
#include "harness.h"
#include "saved.h"
#include "workload.h"

#define APPENDERS 4
#define READERS 2
#define QUITTERS 3

enum actor {
	STAGER,
	DELETER,
	READER,
	QUITTER = READER + READERS,
	NR_ACTORS = QUITTER + QUITTERS,
};

/* In memory that all of the processes share. */
struct shared {
	struct appenders_shared appenders;
	/* Records that were deleted, by A and D, and by N. */
	unsigned long deleted[2];
	unsigned long staged, opens, busy, reads, quits, killed;
	char why[256];
};

FIXTURE(race) {
	struct ima ima;
	struct shared *shared;
	pid_t pid[NR_ACTORS];
};

FIXTURE_SETUP(race)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(race)
{
	int i;

	for (i = 0; i < NR_ACTORS; i++) {
		if (self->pid[i] > 0) {
			kill(self->pid[i], SIGKILL);
			waitpid(self->pid[i], NULL, 0);
		}
	}
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

__printf(2, 3) static void fail(struct shared *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!s->why[0])
		vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	__atomic_store_n(&s->appenders.stop, true, __ATOMIC_RELEASE);
}

static bool over(const struct shared *s)
{
	return __atomic_load_n(&s->appenders.stop, __ATOMIC_ACQUIRE);
}

static void count(unsigned long *counter, unsigned long more)
{
	__atomic_add_fetch(counter, more, __ATOMIC_RELAXED);
}

static void pause_up_to(unsigned int us)
{
	usleep(rand() % us + 1);
}

/* Return: a descriptor, or -1 after a pause if another process was in the way. */
static int open_if_free(const struct ima *ima, struct shared *s, int bank,
			enum list_form form, enum list_kind kind, int flags)
{
	int fd = open(ima->bank[bank].path[form][kind], flags | O_CLOEXEC);

	count(&s->opens, 1);
	if (fd >= 0)
		return fd;
	if (errno == EBUSY)
		count(&s->busy, 1);
	else
		fail(s, "open: %s", strerror(errno));
	pause_up_to(2000);
	return -1;
}

/* Read one list of each bank, and save the first @nr records, 0 for all. */
static int save_some(const struct ima *ima, enum list_kind kind, size_t nr,
		     size_t *saved)
{
	struct mlist list;
	int i, fd, err;
	size_t j, len;

	for (i = 0; i < ima->nr_banks; i++) {
		struct blob b = { };

		fd = open(ima->bank[i].path[BINARY][kind], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		err = blob_read_fd(&b, fd, 65536);
		close(fd);
		err = err ?: mlist_parse(&list, b.data, b.len,
					 ima->bank[i].digest_size);
		if (err)
			return err;
		*saved = nr ? nr : list.nr;
		if (*saved > list.nr)
			err = -ENOENT;
		for (j = 0, len = 0; j < *saved && !err; j++)
			len += list.rec[j].raw_len;
		err = err ?: saved_add(ima, i, b.data, len);
		mlist_free(&list);
		blob_free(&b);
		if (err)
			return err;
	}
	return 0;
}

/* Stages what there is, or takes what somebody else has staged. */
static void be_stager(const struct ima *ima, struct shared *s)
{
	size_t saved;
	int fd, err;

	while (!over(s)) {
		fd = open_if_free(ima, s, 0, BINARY, STAGED, O_RDWR);
		if (fd < 0)
			continue;
		if (write(fd, "A", 1) == 1)
			count(&s->staged, 1);
		else if (errno != ENOENT && errno != EEXIST)
			fail(s, "A: %s", strerror(errno));
		err = save_some(ima, STAGED, 0, &saved);
		if (err)
			fail(s, "saving: %s", strerror(-err));
		else if (saved && write(fd, "D", 1) != 1)
			fail(s, "D: %s", strerror(errno));
		else
			count(&s->deleted[0], saved);
		close(fd);
		pause_up_to(30000);
	}
}

/* Deletes some of what there is: all if the dice say so. */
static void be_deleter(const struct ima *ima, struct shared *s)
{
	char text[32];
	size_t saved;
	long nr;
	int fd, err;

	while (!over(s)) {
		fd = open_if_free(ima, s, 0, ASCII, CURRENT, O_RDWR);
		if (fd < 0)
			continue;
		nr = ima_count();
		if (nr > 0 && rand() % 4)
			nr = rand() % nr + 1;
		/* While something is staged, it is not this one's turn. */
		if (nr > 0 && write(fd, "1000000000", 10) < 0 && errno == ENOENT) {
			err = save_some(ima, CURRENT, nr, &saved);
			snprintf(text, sizeof(text), "%zu\n", saved);
			if (err)
				fail(s, "saving the first: %s", strerror(-err));
			else if (write(fd, text, strlen(text)) < 0)
				fail(s, "deleting %zu: %s", saved, strerror(errno));
			else
				count(&s->deleted[1], saved);
		}
		close(fd);
		pause_up_to(30000);
	}
}

/* What is read from start to end is whole records. */
static void be_reader(const struct ima *ima, struct shared *s, int nr)
{
	struct mlist list;
	struct blob b = { };
	int fd, err, bank, kind;

	while (!over(s)) {
		bank = rand() % ima->nr_banks;
		kind = (nr + rand()) % NR_KINDS;
		fd = open_if_free(ima, s, bank, BINARY, kind, O_RDONLY);
		if (fd < 0)
			continue;
		b.len = 0;
		/* No writer can come in before the close. */
		err = blob_read_fd(&b, fd, rand() % 8000 + 100);
		err = err ?: mlist_parse(&list, b.data, b.len,
					 ima->bank[bank].digest_size);
		if (err)
			fail(s, "reading: %s", strerror(-err));
		else
			mlist_free(&list);
		close(fd);
		count(&s->reads, 1);
		/* Longer than it was open: writers are to have a chance, too. */
		pause_up_to(40000);
	}
	blob_free(&b);
}

/*
 * Opens, reads a little, goes on in the middle, may have something staged, and
 * then thinks of something else. It deletes nothing, and saves nothing.
 */
static void be_quitter(const struct ima *ima, struct shared *s)
{
	int fd, flags, step, steps;
	enum list_kind kind;
	char buf[300];
	ssize_t ret;

	while (!over(s)) {
		flags = rand() % 2 ? O_RDWR : O_RDONLY;
		kind = rand() % NR_KINDS;
		fd = open_if_free(ima, s, rand() % ima->nr_banks, rand() % NR_FORMS,
				  kind, flags);
		if (fd < 0)
			continue;
		steps = rand() % 6;
		for (step = 0; step < steps; step++) {
			switch (rand() % 5) {
			case 0:
				ret = lseek(fd, rand() % 2000, SEEK_SET);
				break;
			case 1:
				ret = pread(fd, buf, sizeof(buf), rand() % 2000);
				break;
			case 2:
				ret = 0;
				/* Refused, or there is something staged. */
				if (flags == O_RDWR && write(fd, "A\n", 2) < 0 &&
				    errno != ENOENT && errno != EEXIST)
					ret = -1;
				break;
			default:
				ret = read(fd, buf, rand() % sizeof(buf));
			}
			if (ret < 0 && errno != ESTALE)
				fail(s, "half way: %s", strerror(errno));
			if (!(rand() % 4))
				pause_up_to(1000);
		}
		close(fd);
		count(&s->quits, 1);
		pause_up_to(20000);
	}
}

static int start(struct _test_data_race *self, int actor)
{
	self->pid[actor] = fork();
	if (self->pid[actor] < 0)
		return -errno;
	if (self->pid[actor])
		return 0;
	srand(getpid());
	if (actor == STAGER)
		be_stager(&self->ima, self->shared);
	else if (actor == DELETER)
		be_deleter(&self->ima, self->shared);
	else if (actor < QUITTER)
		be_reader(&self->ima, self->shared, actor);
	else
		be_quitter(&self->ima, self->shared);
	_exit(0);
}

/* Kill one that deletes nothing, wherever it is just now, and start another. */
static int kill_one(struct _test_data_race *self)
{
	int actor = READER + rand() % (NR_ACTORS - READER);

	if (kill(self->pid[actor], SIGKILL) ||
	    waitpid(self->pid[actor], NULL, 0) < 0)
		return -errno;
	count(&self->shared->killed, 1);
	return start(self, actor);
}

/* Return: what the kernel has deleted since it was booted, -1 if it does not tell. */
static long kernel_deleted(void)
{
	struct blob b = { };
	long nr = -1;

	if (!blob_read_file(&b, IMA_DIR "/runtime_measurements_deleted")) {
		blob_add(&b, "", 1);
		nr = strtol((char *)b.data, NULL, 10);
	}
	blob_free(&b);
	return nr;
}

/* As long as IMA_TEST_SECONDS says, and until all is replayed. */
TEST_F_TIMEOUT(race, stress, 86400)
{
	struct appenders a = {
		.procs = APPENDERS,
		.per_proc = 10000000,
		.shared = &self->shared->appenders,
		.pause_us = env_uint("IMA_TEST_PAUSE", 1000),
	};
	unsigned int i, total = 0, seconds = env_uint("IMA_TEST_SECONDS", 10);
	struct shared *s = self->shared;
	struct blob all = { };
	struct lists left;
	struct mlist list;
	time_t end;
	long before;
	int status, fd;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	fd = open(self->ima.bank[0].path[BINARY][CURRENT], O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(-1, write(fd, "1000000000", 10));
	status = errno;
	close(fd);
	if (status == EINVAL)
		SKIP(return, "the kernel takes no numbers");
	ASSERT_EQ(0, ima_count());
	before = kernel_deleted();

	srand(time(NULL));
	ASSERT_EQ(0, appenders_start(&self->ima, &a));
	for (i = 0; i < NR_ACTORS; i++)
		ASSERT_EQ(0, start(self, i));
	end = time(NULL) + seconds;
	while (time(NULL) < end && !over(s)) {
		pause_up_to(100000);
		ASSERT_EQ(0, kill_one(self));
	}
	__atomic_store_n(&s->appenders.stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < NR_ACTORS; i++) {
		ASSERT_EQ(self->pid[i], waitpid(self->pid[i], &status, 0));
		self->pid[i] = 0;
		EXPECT_EQ(0, status);
	}
	while ((status = appenders_running(&a)) > 0)
		usleep(1000);
	EXPECT_EQ(0, status);
	ASSERT_STREQ("", s->why);
	for (i = 0; i < APPENDERS; i++)
		total += s->appenders.measured[i];
	TH_LOG("%u s: %u records measured, %lu deleted by %lu times A and D, %lu by N",
	       seconds, total, s->deleted[0], s->staged, s->deleted[1]);
	TH_LOG("opened %lu times, %lu EBUSY; read %lu times, gave up %lu times, %lu were killed",
	       s->opens, s->busy, s->reads, s->quits, s->killed);

	/* Nobody is counted as having a file open. */
	fd = open(self->ima.bank[0].path[ASCII][STAGED], O_WRONLY | O_CLOEXEC);
	EXPECT_LE(0, fd);
	close(fd);

	/* The kernel has counted what was counted here. */
	ASSERT_EQ(0, lists_read(&self->ima, &left));
	EXPECT_EQ(0, mlist_parse(&list, left.blob[0][BINARY][STAGED].data,
				 left.blob[0][BINARY][STAGED].len,
				 self->ima.bank[0].digest_size));
	EXPECT_EQ(total, s->deleted[0] + s->deleted[1] + left.count + list.nr);
	mlist_free(&list);
	if (!left.blob[0][BINARY][STAGED].len)
		EXPECT_STREQ("", lists_disagree(&self->ima, &left) ?: "");
	lists_free(&left);
	if (before >= 0)
		EXPECT_EQ(before + s->deleted[0] + s->deleted[1],
			  kernel_deleted());

	/* Each record once, in order, and the TPM agrees. */
	ASSERT_EQ(0, saved_read_all(&self->ima, 0, &all));
	ASSERT_EQ(0, mlist_parse(&list, all.data, all.len,
				 self->ima.bank[0].digest_size));
	EXPECT_STREQ("", appenders_check(&self->ima, &a, &list));
	mlist_free(&list);
	blob_free(&all);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));

	/* It was worth the time. */
	EXPECT_LT(0, s->deleted[0]);
	EXPECT_LT(0, s->deleted[1]);
	EXPECT_LT(0, s->busy);
	EXPECT_LT(0, s->killed);
	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, save_and_delete(&self->ima));
}

TEST_HARNESS_MAIN
