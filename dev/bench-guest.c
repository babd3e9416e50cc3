// SPDX-License-Identifier: GPL-2.0
/*
 * bench-guest: measure what IMA's measurement lists cost in the kernel that runs.
 *
 *	bench-guest [-r RUNS] [-s SECONDS] WHAT N...
 *
 *	scale N...	lists of N records, one after the other: time to append to
 *			them, their memory, time to read them; at the end time of A
 *			and D, and the memory that is left
 *	memory N	memory of N records, live and deleted
 *	append N...	time to append with N records of history
 *	command N...	time of A, D and N for N records
 *	hold N...	how long each of them holds the mutex (dev/bench-hold.h)
 *	wait N		the longest wait of an append meanwhile
 *	lockup N	read N records, and A, D and N, once each
 *	grow N		have a list of N records, and nothing else
 *
 * What takes less than a second is done RUNS times (5), and so is what hold and wait
 * measure. A list is not read if this is likely to take more than SECONDS (600).
 * To be run once per boot, since the list must be almost empty. For wait, the machine below
 * should put the CPU 1 before all else (dev/guest --first 1).
 *
 * Prints a line `bench FIGURE RECORDS VALUE` for each run, times in nanoseconds,
 * memory in bytes for each record, `bench-skip FIGURE RECORDS VALUE` for what would
 * take VALUE, and at its end `bench-end LINES` with the number of all these. Works
 * on any kernel: what one without _staged files can not do is left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IMA_DIR "/sys/kernel/security/ima"
#define LIST IMA_DIR "/binary_runtime_measurements"
#define ASCII_LIST IMA_DIR "/ascii_runtime_measurements"
#define WORK_DIR "/tmp/bench"
#define TEST_UID 61453

#define SECOND 1000000000LL
#define PAGE 4096

static int runs = 5;
static long long most = 600 * SECOND;

static void fail(const char *what)
{
	fprintf(stderr, "bench-guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static int lines;

static void print_line(const char *key, const char *figure, long records, double value)
{
	printf("%s %s %ld %.1f\n", key, figure, records, value);
	fflush(stdout);
	lines++;
}

static void print_figure(const char *figure, long records, double value)
{
	print_line("bench", figure, records, value);
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
 * of the kernel than the record comes into being. Each thread has its own.
 */
struct appender {
	pthread_t thread;
	char path[64];
	unsigned long long serial;
	long quota;
};

#define APPENDERS_MAX 8
static struct appender appenders[APPENDERS_MAX];
static int appenders_nr;

static void init_appenders(void)
{
	struct appender *a;
	int i, fd;

	appenders_nr = sysconf(_SC_NPROCESSORS_ONLN);
	if (appenders_nr > APPENDERS_MAX)
		appenders_nr = APPENDERS_MAX;
	for (i = 0; i < appenders_nr; i++) {
		a = &appenders[i];
		snprintf(a->path, sizeof(a->path), WORK_DIR "/appender%d", i);
		/* No two of them ever write the same, nor did a program before. */
		a->serial = (i + 1ULL) << 48 | (now_ns() & ((1ULL << 48) - 1));
		fd = open(a->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || fchown(fd, TEST_UID, -1) || close(fd))
			fail(a->path);
	}
}

static void write_next(struct appender *a)
{
	int fd = open(a->path, O_WRONLY);

	a->serial++;
	if (fd < 0 || write(fd, &a->serial, sizeof(a->serial)) < 0 || close(fd))
		fail(a->path);
}

static int open_measured(struct appender *a)
{
	int fd = open(a->path, O_RDONLY);

	if (fd < 0)
		fail(a->path);
	return fd;
}

static void append(struct appender *a)
{
	write_next(a);
	close(open_measured(a));
}

/* Return: the time that the open took, which measures. */
static long long timed_append(struct appender *a)
{
	long long start;
	int fd;

	write_next(a);
	start = now_ns();
	fd = open_measured(a);
	start = now_ns() - start;
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

static void *append_quota(void *arg)
{
	long long next = now_ns() + 15 * SECOND;
	struct appender *a = arg;

	for (; a->quota; a->quota--) {
		append(a);
		if (a == appenders && !(a->quota % 1000) && now_ns() > next) {
			fprintf(stderr, "bench-guest: %ld records\n", count());
			next += 15 * SECOND;
		}
	}
	return NULL;
}

/* Until the current list has @records: by one thread for each CPU if it is long. */
static void grow(long records)
{
	long nr = count();
	int i, threads;

	if (nr < records) {
		threads = records - nr < 10000 ? 1 : appenders_nr;
		for (i = 0; i < threads; i++)
			appenders[i].quota = (records - nr) / threads;
		appenders[0].quota += (records - nr) % threads;
		for (i = 1; i < threads; i++)
			if (pthread_create(&appenders[i].thread, NULL, append_quota, &appenders[i]))
				fail("a thread");
		append_quota(&appenders[0]);
		for (i = 1; i < threads; i++)
			pthread_join(appenders[i].thread, NULL);
	}
	/* Another record than those does no harm, if it is one. */
	nr = count();
	if (nr < records || nr > records + 3) {
		fprintf(stderr, "bench-guest: %ld records instead of %ld\n", nr, records);
		exit(1);
	}
}

/* Commands */

/* Return: the time that the write took, or -1. */
static long long try_command(const char *path, const char *text)
{
	long long start;
	ssize_t len = strlen(text);
	int fd, error = 0;

	fd = open(path, O_RDWR);
	if (fd < 0)
		fail(path);
	start = now_ns();
	if (write(fd, text, len) != len)
		error = errno;
	start = now_ns() - start;
	close(fd);
	errno = error;
	return error ? -1 : start;
}

static long long stage(void)
{
	long long time = try_command(LIST "_staged", "A");

	if (time < 0)
		fail("A");
	return time;
}

static long long delete(void)
{
	long long time = try_command(LIST "_staged", "D");

	if (time < 0)
		fail("D");
	return time;
}

/* The file that takes N, if this kernel has it. */
static const char *n_file;

static void find_n(void)
{
	static const char *const paths[] = { LIST, LIST "_staged" };
	int i;

	/* The boot aggregate is there. */
	for (i = 0; i < 2 && !n_file; i++)
		if (try_command(paths[i], "1") >= 0)
			n_file = paths[i];
	if (!n_file)
		fprintf(stderr, "bench-guest: this kernel does not take N\n");
}

static long delete_n_records;

static long long delete_n(void)
{
	long long time;
	char text[32];

	snprintf(text, sizeof(text), "%ld", delete_n_records);
	time = try_command(n_file, text);
	if (time < 0)
		fail("N");
	return time;
}

/* Remove what was recorded besides. */
static void empty(void)
{
	if (!count())
		return;
	stage();
	delete();
}

/* memory */

struct memory {
	long long system;	/* slab pages, and tables that are mapped */
	long long slabs;	/* all slabs, by /proc/slabinfo */
};

static struct memory memory(void)
{
	long long kib, slabs, pages;
	struct memory m = {};
	char line[512];
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
			m.system += kib * 1024;
	fclose(file);

	file = fopen("/proc/slabinfo", "r");
	if (!file)
		fail("/proc/slabinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*d %*d %*d %*d %lld : tunables %*d %*d %*d : slabdata %*d %lld",
			   &pages, &slabs) == 2)
			m.slabs += pages * slabs * PAGE;
	fclose(file);
	return m;
}

static struct memory memory_before;

static void print_memory(const char *what, long records, long made)
{
	struct memory m = memory();
	char name[32];

	snprintf(name, sizeof(name), "memory-%s", what);
	print_figure(name, records, (double)(m.system - memory_before.system) / made);
	snprintf(name, sizeof(name), "slabinfo-%s", what);
	print_figure(name, records, (double)(m.slabs - memory_before.slabs) / made);
}

static void bench_memory(long records)
{
	long before;

	append(appenders);
	before = count();
	memory_before = memory();
	grow(records);
	print_memory("live", records, records - before);
	if (!has_staging())
		return;
	stage();
	print_memory("staged", records, records - before);
	delete();
	print_memory("deleted", records, records - before);
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

struct reading {
	const char *figure, *path;
	long records;		/* the last time */
	long long time;
};

static void time_read(struct reading *r, long records)
{
	double expected = 0, times;
	int i;

	/* It may grow with the square. */
	if (r->records) {
		times = (double)records / r->records;
		expected = r->time * times * times;
	}
	if (expected > most) {
		print_line("bench-skip", r->figure, records, expected);
		return;
	}
	for (i = 0; i < runs; i++) {
		r->time = read_once(r->path);
		print_figure(r->figure, records, r->time);
		if (r->time > SECOND)
			break;
	}
	r->records = records;
}

/* append */

/* As many are timed: some of the last of the history. */
#define TIMED 500

static void time_append(long records)
{
	long long time[TIMED], sum = 0;
	int i;

	grow(records - TIMED);
	for (i = 0; i < TIMED; i++) {
		time[i] = timed_append(appenders);
		sum += time[i];
	}
	print_figure("append", records, median(time, TIMED));
	print_figure("append-mean", records, (double)sum / TIMED);
}

static void bench_append(int nr, char **records)
{
	int i;

	for (i = 0; i < nr; i++)
		time_append(atol(records[i]));
}

/* scale */

static void bench_scale(int nr, char **records)
{
	struct reading binary = { .figure = "read-binary", .path = LIST };
	struct reading ascii = { .figure = "read-ascii", .path = ASCII_LIST };
	long before, n = 0;
	int i;

	append(appenders);
	before = count();
	memory_before = memory();
	for (i = 0; i < nr; i++) {
		n = atol(records[i]);
		time_append(n);
		/* What is there at all times would count too much in fewer. */
		if (n >= 100000)
			print_memory("live", n, n - before);
		time_read(&binary, n);
		time_read(&ascii, n);
	}
	if (!has_staging())
		return;
	print_figure("stage", n, stage());
	/* Likely to take as long as the current list. */
	binary.figure = "read-staged-binary";
	binary.path = LIST "_staged";
	ascii.figure = "read-staged-ascii";
	ascii.path = ASCII_LIST "_staged";
	time_read(&binary, n);
	time_read(&ascii, n);
	print_figure("delete", n, delete());
	if (n >= 100000)
		print_memory("deleted", n, n - before);
}

/* command */

static void bench_command(int nr, char **records)
{
	int i, j;
	long n;

	for (i = 0; i < nr; i++) {
		n = atol(records[i]);
		delete_n_records = n;
		for (j = 0; j < (n > 100000 ? 1 : runs); j++) {
			grow(n);
			print_figure("stage", n, stage());
			print_figure("delete", n, delete());
			if (!n_file)
				continue;
			grow(n);
			print_figure("delete-n", n, delete_n());
			empty();
		}
	}
}

/* hold */

#define HOLD "/proc/ima_hold"

static void hold_clear(void)
{
	int fd = open(HOLD, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1 || close(fd))
		fail(HOLD);
}

struct hold {
	long nr;			/* how often the mutex was taken */
	double longest, total, nothing;	/* nanoseconds */
};

static struct hold hold_read(void)
{
	double shortest, longest, total;
	char line[256], name[64];
	struct hold hold = {};
	FILE *file;
	long nr;

	file = fopen(HOLD, "r");
	if (!file)
		fail(HOLD);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld %lf %lf %lf", name, &nr, &shortest, &longest,
			   &total) != 5)
			continue;
		if (!strcmp(name, "nothing"))
			hold.nothing = shortest;
		if (strcmp(name, "ima_extend_list_mutex"))
			continue;
		hold.nr = nr;
		hold.longest = longest;
		hold.total = total;
	}
	fclose(file);
	return hold;
}

/* The longest that the mutex is held at a time; 0 if @act does not take it. */
static void time_hold(const char *figure, long records, long long (*act)(void))
{
	struct hold hold;

	hold_clear();
	act();
	hold = hold_read();
	/* These can not do without. */
	if (!hold.nr && act != delete) {
		errno = ENODATA;
		fail("the mutex in " HOLD);
	}
	print_figure(figure, records, hold.nr ? hold.longest : 0);
	print_figure("hold-nothing", records, hold.nothing);
}

static void bench_hold(int nr, char **records)
{
	struct hold hold;
	int i, j;
	long n;

	if (access(HOLD, W_OK))
		fail(HOLD);
	for (i = 0; i < nr; i++) {
		n = atol(records[i]);
		delete_n_records = n;
		for (j = 0; j < runs; j++) {
			grow(n - 100);
			hold_clear();
			grow(n);
			hold = hold_read();
			if (!hold.nr) {
				errno = ENODATA;
				fail("the mutex in " HOLD);
			}
			print_figure("hold-append", n, hold.total / hold.nr);
			time_hold("hold-stage", n, stage);
			time_hold("hold-delete", n, delete);
			if (!n_file)
				continue;
			/* Cut inside the list, as it is when more is appended. */
			grow(n + 1000);
			time_hold("hold-delete-n", n, delete_n);
			empty();
		}
	}
}

/* wait */

enum window { BEFORE, INSIDE, STOP };

static struct {
	enum window window;
	long long longest;
} waiting;

static enum window get_window(void)
{
	return __atomic_load_n(&waiting.window, __ATOMIC_SEQ_CST);
}

static void set_window(enum window window)
{
	__atomic_store_n(&waiting.window, window, __ATOMIC_SEQ_CST);
}

/*
 * On a CPU of its own, which does not wait for the machine below: what is measured is the
 * wait for this kernel. It pauses in between, so that the machine below can keep to that.
 */
#define WAITER_CPU 1
#define WAITER_PAUSE 100 /* microseconds */

static void *waiter(void *arg)
{
	enum window start = get_window();
	long long time;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(WAITER_CPU, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("CPU 1");
	for (; start != STOP; start = get_window()) {
		usleep(WAITER_PAUSE);
		time = timed_append(arg);
		/* One that began before or ends after the window counts as well. */
		if (start <= INSIDE && get_window() >= INSIDE && time > waiting.longest)
			waiting.longest = time;
	}
	return NULL;
}

/*
 * The longest append while @act runs, and how long that was; without @act in as
 * much time as @duration says.
 */
static long long longest_wait(long long (*act)(void), long long *duration)
{
	long long start;

	memset(&waiting, 0, sizeof(waiting));
	if (pthread_create(&appenders[1].thread, NULL, waiter, &appenders[1]))
		fail("a thread");
	/* Let it get going. */
	usleep(200000);
	start = now_ns();
	set_window(INSIDE);
	if (act)
		act();
	else
		usleep(*duration / 1000);
	*duration = now_ns() - start;
	set_window(STOP);
	pthread_join(appenders[1].thread, NULL);
	return waiting.longest;
}

static void time_wait(const char *figure, long records, long long (*act)(void))
{
	long long duration;
	char name[32];

	print_figure(figure, records, longest_wait(act, &duration));
	snprintf(name, sizeof(name), "%s-idle", figure);
	print_figure(name, records, longest_wait(NULL, &duration));
	snprintf(name, sizeof(name), "%s-window", figure);
	print_figure(name, records, duration);
}

static long long stage_read_delete(void)
{
	return stage() + read_once(LIST "_staged") + delete();
}

static void bench_wait(long records)
{
	int i;

	if (appenders_nr < 2) {
		errno = ENODEV;
		fail("a second CPU");
	}
	delete_n_records = records;
	for (i = 0; i < runs; i++) {
		grow(records);
		time_wait("wait-stage-delete", records, stage_read_delete);
		empty();
		if (!n_file)
			continue;
		grow(records);
		time_wait("wait-delete-n", records, delete_n);
		empty();
	}
}

/* lockup */

static void bench_lockup(long records)
{
	grow(records);
	print_figure("read-binary", records, read_once(LIST));
	print_figure("read-ascii", records, read_once(ASCII_LIST));
	if (!has_staging())
		return;
	print_figure("stage", records, stage());
	print_figure("read-staged-binary", records, read_once(LIST "_staged"));
	print_figure("read-staged-ascii", records, read_once(ASCII_LIST "_staged"));
	print_figure("delete", records, delete());
	if (!n_file)
		return;
	grow(records);
	delete_n_records = records;
	print_figure("delete-n", records, delete_n());
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench-guest [-r RUNS] [-s SECONDS] scale|memory|append|command|hold|wait|lockup|grow N...\n");
	exit(1);
}

int main(int argc, char **argv)
{
	const char *what;
	int option;

	while ((option = getopt(argc, argv, "r:s:")) != -1) {
		if (option == 'r')
			runs = atoi(optarg);
		else if (option == 's')
			most = atoi(optarg) * SECOND;
		else
			usage();
	}
	argc -= optind + 1;
	argv += optind + 1;
	if (argc < 1 || runs < 1)
		usage();
	what = argv[-1];
	if (mkdir(WORK_DIR, 0755) && errno != EEXIST)
		fail(WORK_DIR);
	load_rule();
	init_appenders();
	if (!strcmp(what, "grow")) {
		grow(atol(argv[0]));
		return 0;
	}
	if (has_staging())
		find_n();
	if (!strcmp(what, "scale"))
		bench_scale(argc, argv);
	else if (!strcmp(what, "memory"))
		bench_memory(atol(argv[0]));
	else if (!strcmp(what, "append"))
		bench_append(argc, argv);
	else if (!strcmp(what, "lockup"))
		bench_lockup(atol(argv[0]));
	else if (strcmp(what, "command") && strcmp(what, "hold") && strcmp(what, "wait"))
		usage();
	else if (!has_staging())
		;
	else if (!strcmp(what, "command"))
		bench_command(argc, argv);
	else if (!strcmp(what, "hold"))
		bench_hold(argc, argv);
	else
		bench_wait(atol(argv[0]));
	printf("bench-end %d\n", lines);
	return 0;
}
