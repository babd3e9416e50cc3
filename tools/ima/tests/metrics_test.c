// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of metrics.c
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics.h"
#include "util.h"

static char dir[64];
static char path[128];
static char text[8192];

static const struct metrics some = {
	.epoch = 3, .last = 1000, .segments = 4, .current = 70, .deleted = 930,
	.missing = 5, .cycles = 12, .failures = 2, .cycle_ms = 2045,
	.success = 1790000000, .space_left = UINT64_MAX, .suspended = true,
};

static void read_back(void)
{
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
}

static void assert_value(const char *line)
{
	const char *at = strstr(text, line);

	if (!at || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("there is no line \"%s\" in:\n%s", line, text);
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(metrics_write(&some, path), 0);
	read_back();
	assert_value("imalog_epoch 3");
	assert_value("imalog_last_record 1000");
	assert_value("imalog_segments 4");
	assert_value("imalog_kernel_records 70");
	assert_value("imalog_kernel_deleted_records_total 930");
	assert_value("imalog_missing_records_total 5");
	assert_value("imalog_cycles_total 12");
	assert_value("imalog_cycle_failures_total 2");
	assert_value("imalog_last_cycle_seconds 2.045");
	assert_value("imalog_last_success_timestamp_seconds 1790000000");
	assert_value("imalog_space_left_bytes 18446744073709551615");
	assert_value("imalog_suspended 1");
}

/* What is not known is not told, rather than told to be zero. */
static void test_without_epoch(void **state)
{
	struct metrics metrics = some;

	(void)state;
	metrics.epoch = 0;
	metrics.suspended = false;
	assert_int_equal(metrics_write(&metrics, path), 0);
	read_back();
	assert_null(strstr(text, "imalog_epoch"));
	assert_null(strstr(text, "imalog_kernel_records"));
	assert_value("imalog_cycle_failures_total 2");
	assert_value("imalog_suspended 0");
}

/* Each metric: HELP, TYPE, and a value; counters end in _total. */
static void test_format(void **state)
{
	unsigned int n = 0;
	char *line, *rest;

	(void)state;
	assert_int_equal(metrics_write(&some, path), 0);
	read_back();
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[64], type[16], again[64], value[32];
		int fields;

		fields = sscanf(line, "# HELP %63s %15s", name, type);
		assert_int_equal(fields, 2);
		line = strtok_r(NULL, "\n", &rest);
		assert_non_null(line);
		fields = sscanf(line, "# TYPE %63s %15s", again, type);
		assert_int_equal(fields, 2);
		assert_string_equal(name, again);
		line = strtok_r(NULL, "\n", &rest);
		assert_non_null(line);
		fields = sscanf(line, "%63s %31[0-9.]", again, value);
		assert_int_equal(fields, 2);
		assert_string_equal(name, again);
		assert_int_equal(!strcmp(type, "counter"), !!strstr(name, "_total"));
		n++;
	}
	assert_int_equal(n, 12);
}

static void test_replaces_the_file(void **state)
{
	struct stat before, after;
	mode_t mask = umask(0077);
	char temporary[256];

	(void)state;
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	assert_int_equal(metrics_write(&some, path), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 07777, 0644);
	/* What a service that was stopped has left does no harm. */
	assert_int_equal(symlink("/nonexistent/file", temporary), 0);
	assert_int_equal(metrics_write(&some, path), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(access(temporary, F_OK), -1);
	umask(mask);
}

static void test_fails(void **state)
{
	char other[256];
	struct stat st;

	(void)state;
	snprintf(other, sizeof(other), "%s/none/file", dir);
	assert_int_equal(metrics_write(&some, other), -ENOENT);
	/* A folder can not be replaced, and nothing is left beside it. */
	snprintf(other, sizeof(other), "%s/folder", dir);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(metrics_write(&some, other), -EISDIR);
	assert_int_equal(rmdir(other), 0);
	snprintf(other, sizeof(other), "%s/folder.tmp", dir);
	assert_int_equal(stat(other, &st), -1);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/metrics_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/imalog.prom", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values),
		TEST(test_without_epoch),
		TEST(test_format),
		TEST(test_replaces_the_file),
		TEST(test_fails),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
