// SPDX-License-Identifier: GPL-2.0
/*
 * bench-guest: measure what IMA's measurement lists cost in the kernel that runs.
 *
 *	bench-guest memory N		memory of N records, live and deleted
 *	bench-guest read N...		time to read lists of N records
 *	bench-guest append N...		time to append with N records of history
 *	bench-guest command N...	time of A, D and N for N records
 *	bench-guest hold N...		how long each of them holds the mutex
 *	bench-guest wait N		the longest wait of an append meanwhile
 *
 * Prints lines `bench FIGURE RECORDS VALUE`, times in nanoseconds, memory in
 * bytes for each record. Works on any kernel: what one without _staged files
 * can not do is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IMA_DIR "/sys/kernel/security/ima"
#define LIST IMA_DIR "/binary_runtime_measurements"
#define WORK_DIR "/tmp/bench"
#define TEST_UID 61453

/* Runs of what takes less than a second, of which the median is printed. */
#define REPEAT 5

static void fail(const char *what)
{
	fprintf(stderr, "bench-guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void print_figure(const char *figure, long records, double value)
{
	printf("bench %s %ld %.1f\n", figure, records, value);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

static long long median(long long *value, int nr)
{
	qsort(value, nr, sizeof(*value), compare);
	return value[nr / 2];
}

static bool has_staging(void)
{
	return !access(LIST "_staged", F_OK);
}

/* Records */

static void load_rule(void)
{
	char rule[128];
	int fd, len;

	/* A second run in the same guest has the first one's rule. */
	fd = open(IMA_DIR "/policy", O_WRONLY);
	if (fd < 0)
		fail("IMA's policy");
	len = snprintf(rule, sizeof(rule),
		       "measure func=FILE_CHECK mask=MAY_READ fowner=%d\n", TEST_UID);
	if (write(fd, rule, len) != len || close(fd))
		fail("IMA's policy");
}

/*
 * A file that is written and opened again is measured again: no other object
 * of the kernel than the record comes into being. Each appender has its own.
 */
struct appender {
	char path[64];
	unsigned long long serial;
};

static void appender_init(struct appender *a, int nr)
{
	int fd;

	memset(a, 0, sizeof(*a));
	snprintf(a->path, sizeof(a->path), WORK_DIR "/appender%d", nr);
	a->serial = (unsigned long long)nr << 48;
	fd = open(a->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || fchown(fd, TEST_UID, -1) || close(fd))
		fail(a->path);
}

/* Return: the time that the open took, which measures. */
static long long append(struct appender *a)
{
	long long start;
	int fd;

	fd = open(a->path, O_WRONLY);
	a->serial++;
	if (fd < 0 || write(fd, &a->serial, sizeof(a->serial)) < 0 || close(fd))
		fail(a->path);
	start = now_ns();
	fd = open(a->path, O_RDONLY);
	start = now_ns() - start;
	if (fd < 0)
		fail(a->path);
	close(fd);
	return start;
}

static long count(void)
{
	char text[32] = "";
	int fd;

	fd = open(IMA_DIR "/runtime_measurements_count", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		fail("runtime_measurements_count");
	close(fd);
	return atol(text);
}

/* Until the current list has @records. */
static void grow(struct appender *a, long records)
{
	long nr = count(), next = nr + 100000;

	for (; nr < records; nr++) {
		append(a);
		if (nr == next) {
			fprintf(stderr, "bench-guest: %ld records\n", nr);
			next += 100000;
		}
	}
	/* Another record than those does no harm, if it is one. */
	nr = count();
	if (nr < records || nr > records + 3) {
		fprintf(stderr, "bench-guest: %ld records instead of %ld\n", nr, records);
		exit(1);
	}
}

/* Commands */

/* Return: the time that the write took. */
static long long command(const char *path, const char *text)
{
	long long start;
	ssize_t len = strlen(text);
	int fd;

	fd = open(path, O_RDWR);
	if (fd < 0)
		fail(path);
	start = now_ns();
	if (write(fd, text, len) != len)
		fail(text);
	start = now_ns() - start;
	close(fd);
	return start;
}

static long long stage(void)
{
	return command(LIST "_staged", "A");
}

static long long delete(void)
{
	return command(LIST "_staged", "D");
}

static long long delete_n(long nr)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", nr);
	return command(LIST, text);
}

/* memory */

/* Bytes that the system has less of: slab pages, and tables that are mapped. */
static long long memory(void)
{
	long long kib, sum = 0;
	char line[256];
	FILE *file;
	int fd;

	/* Grace periods, and work that was put off. */
	sleep(2);
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "3", 1) != 1 || close(fd))
		fail("drop_caches");
	file = fopen("/proc/meminfo", "r");
	if (!file)
		fail("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %lld", &kib) == 1 ||
		    sscanf(line, "VmallocUsed: %lld", &kib) == 1)
			sum += kib * 1024;
	fclose(file);
	return sum;
}

static void bench_memory(long records)
{
	long long before, live;
	struct appender a;

	appender_init(&a, 1);
	append(&a);
	before = memory();
	records += count();
	grow(&a, records);
	records -= 1;
	live = memory() - before;
	print_figure("memory-live", records, (double)live / records);
	if (!has_staging())
		return;
	stage();
	print_figure("memory-staged", records, (double)(memory() - before) / records);
	delete();
	print_figure("memory-deleted", records, (double)(memory() - before) / records);
}

/* read */

static char buffer[1 << 20];

static long long read_once(const char *path)
{
	long long start = now_ns();
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	while ((len = read(fd, buffer, sizeof(buffer))) > 0)
		;
	if (len < 0)
		fail(path);
	close(fd);
	return now_ns() - start;
}

static void time_read(const char *figure, long records, const char *path)
{
	long long time[REPEAT];
	int nr = 0;

	do {
		time[nr++] = read_once(path);
	} while (nr < REPEAT && time[0] < 1000000000LL);
	print_figure(figure, records, median(time, nr));
}

static void bench_read(int nr, char **records)
{
	struct appender a;
	int i;

	appender_init(&a, 1);
	for (i = 0; i < nr; i++) {
		grow(&a, atol(records[i]));
		time_read("read-binary", atol(records[i]), LIST);
		time_read("read-ascii", atol(records[i]),
			  IMA_DIR "/ascii_runtime_measurements");
	}
	if (!has_staging() || !nr)
		return;
	stage();
	time_read("read-staged-binary", atol(records[nr - 1]), LIST "_staged");
	time_read("read-staged-ascii", atol(records[nr - 1]),
		  IMA_DIR "/ascii_runtime_measurements_staged");
	delete();
}

/* append */

/* As many are timed: some of the last of the history. */
#define TIMED 500

static void bench_append(int nr, char **records)
{
	long long time[TIMED], sum;
	struct appender a;
	int i, j;

	appender_init(&a, 1);
	for (i = 0; i < nr; i++) {
		grow(&a, atol(records[i]) - TIMED);
		for (j = 0, sum = 0; j < TIMED; j++) {
			time[j] = append(&a);
			sum += time[j];
		}
		print_figure("append", atol(records[i]), median(time, TIMED));
		print_figure("append-mean", atol(records[i]), (double)sum / TIMED);
	}
}

/* command */

static void bench_command(int nr, char **records)
{
	long long a_time[REPEAT], d_time[REPEAT], n_time[REPEAT];
	struct appender a;
	int i, j, runs;
	long n;

	if (!has_staging())
		return;
	appender_init(&a, 1);
	for (i = 0; i < nr; i++) {
		n = atol(records[i]);
		runs = n > 100000 ? 1 : REPEAT;
		for (j = 0; j < runs; j++) {
			grow(&a, n);
			a_time[j] = stage();
			d_time[j] = delete();
			grow(&a, n);
			n_time[j] = delete_n(n);
			if (count()) {
				stage();
				delete();
			}
		}
		print_figure("stage", n, median(a_time, runs));
		print_figure("delete", n, median(d_time, runs));
		print_figure("delete-n", n, median(n_time, runs));
	}
}

/* hold: CONFIG_LOCK_STAT counts in microseconds, with two digits behind the point */

static void lock_stat_clear(void)
{
	int fd = open("/proc/lock_stat", O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1 || close(fd))
		fail("/proc/lock_stat");
}

/* Return: how often the mutex was held since, and the longest time. */
static int lock_stat_read(long long *longest)
{
	char line[1024], *values;
	double max = 0, skip;
	int nr = 0;
	FILE *file;

	file = fopen("/proc/lock_stat", "r");
	if (!file)
		fail("/proc/lock_stat");
	while (fgets(line, sizeof(line), file)) {
		values = strstr(line, "ima_extend_list_mutex:");
		if (!values)
			continue;
		/* Two of bouncing, four of waiting, then holding. */
		if (sscanf(strchr(values, ':') + 1, "%lf %lf %lf %lf %lf %lf %lf %d %lf %lf",
			   &skip, &skip, &skip, &skip, &skip, &skip, &skip, &nr,
			   &skip, &max) != 10)
			fail("a line of /proc/lock_stat");
		break;
	}
	fclose(file);
	*longest = max * 1000;
	return nr;
}

static long long hold_of(long long (*act)(void))
{
	long long time;
	int nr;

	lock_stat_clear();
	act();
	nr = lock_stat_read(&time);
	/* D needs it not at all. */
	if (nr > 1) {
		fprintf(stderr, "bench-guest: the mutex was taken %d times\n", nr);
		exit(1);
	}
	return time;
}

static long hold_n;

static long long delete_hold_n(void)
{
	return delete_n(hold_n);
}

static void print_hold(const char *figure, long records, long long *time, int runs)
{
	char name[32];

	print_figure(figure, records, median(time, runs));
	snprintf(name, sizeof(name), "%s-max", figure);
	print_figure(name, records, time[runs - 1]);
}

static void bench_hold(int nr, char **records)
{
	long long a_time[REPEAT], d_time[REPEAT], n_time[REPEAT];
	struct appender a;
	int i, j, runs;

	if (!has_staging())
		return;
	appender_init(&a, 1);
	for (i = 0; i < nr; i++) {
		hold_n = atol(records[i]);
		runs = REPEAT;
		for (j = 0; j < runs; j++) {
			grow(&a, hold_n);
			a_time[j] = hold_of(stage);
			d_time[j] = hold_of(delete);
			grow(&a, hold_n);
			n_time[j] = hold_of(delete_hold_n);
			if (count()) {
				stage();
				delete();
			}
		}
		print_hold("hold-stage", hold_n, a_time, runs);
		print_hold("hold-delete", hold_n, d_time, runs);
		print_hold("hold-delete-n", hold_n, n_time, runs);
	}
}

/* wait */

static struct {
	bool go, stop;
	long long longest;
} waiting;

static void *waiter(void *arg)
{
	long long time;

	while (!__atomic_load_n(&waiting.stop, __ATOMIC_SEQ_CST)) {
		time = append(arg);
		if (!__atomic_load_n(&waiting.go, __ATOMIC_SEQ_CST))
			continue;
		if (time > waiting.longest)
			waiting.longest = time;
	}
	return NULL;
}

static void go(bool value)
{
	__atomic_store_n(&waiting.go, value, __ATOMIC_SEQ_CST);
}

/* The longest append while @act runs, or in as much time without it. */
static long long longest_wait(struct appender *a, long long (*act)(void), long long idle)
{
	pthread_t thread;

	memset(&waiting, 0, sizeof(waiting));
	if (pthread_create(&thread, NULL, waiter, a))
		fail("a thread");
	/* Let it get going. */
	usleep(200000);
	go(true);
	if (act)
		act();
	else
		usleep(idle / 1000);
	go(false);
	__atomic_store_n(&waiting.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	return waiting.longest;
}

static long long stage_and_delete(void)
{
	return stage() + delete();
}

static void bench_wait(long records)
{
	long long idle[REPEAT], staged[REPEAT], cut[REPEAT], start, time = 0;
	struct appender a, b;
	int i;

	if (!has_staging())
		return;
	appender_init(&a, 1);
	appender_init(&b, 2);
	hold_n = records;
	for (i = 0; i < REPEAT; i++) {
		grow(&a, records);
		start = now_ns();
		staged[i] = longest_wait(&b, stage_and_delete, 0);
		time = now_ns() - start;
		grow(&a, records);
		cut[i] = longest_wait(&b, delete_hold_n, 0);
		/* The same history, the same time. */
		idle[i] = longest_wait(&b, NULL, time);
		stage();
		delete();
	}
	print_figure("wait-idle", records, median(idle, REPEAT));
	print_figure("wait-stage-delete", records, median(staged, REPEAT));
	print_figure("wait-delete-n", records, median(cut, REPEAT));
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (mkdir(WORK_DIR, 0755) && errno != EEXIST)
		fail(WORK_DIR);
	load_rule();
	if (!strcmp(what, "memory")) {
		bench_memory(atol(argv[2]));
	} else if (!strcmp(what, "read")) {
		bench_read(argc - 2, argv + 2);
	} else if (!strcmp(what, "append")) {
		bench_append(argc - 2, argv + 2);
	} else if (!strcmp(what, "command")) {
		bench_command(argc - 2, argv + 2);
	} else if (!strcmp(what, "hold")) {
		bench_hold(argc - 2, argv + 2);
	} else if (!strcmp(what, "wait")) {
		bench_wait(atol(argv[2]));
	} else {
		fprintf(stderr, "usage: bench-guest memory|read|append|command|hold|wait N...\n");
		return 1;
	}
	return 0;
}
