// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of archive.c and compress.c: finished epochs stay what they were, until they
 * are removed
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive.h"
#include "compress.h"
#include "fake.h"
#include "io.h"
#include "service.h"
#include "syscalls.h"
#include "util.h"
#include "view.h"

#define ALL	UINT64_MAX

static const char *const lists[] = { "binary", "ascii" };
static const char *const truths[] = { "truth.binary", "truth.ascii" };

/* What the finished epochs have */
static struct bytes logs[8][2];

static int start(void **state)
{
	return start_machine(state);
}

static int stop(void **state)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(logs); i++)
		for (j = 0; j < 2; j++)
			bytes_free(&logs[i][j]);
	return stop_machine(state);
}

/* One of two segments */
static void finish_epoch(unsigned int epoch)
{
	struct stager_result result;
	size_t i;

	fake_measure("file", 3 * epoch);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	for (i = 0; i < 2; i++) {
		bytes_free(&logs[epoch][i]);
		fake_read(truths[i], &logs[epoch][i]);
	}
	machine_reboot();
}

static void begin_epoch(void)
{
	struct stager_result result;

	fake_measure("file", 1);
	assert_int_equal(service(&result), 0);
}

/* What the service does now and then, with @epoch going on. */
static void tidy_at(uint64_t epoch, uint64_t keep)
{
	struct archive archive = {
		.current = epoch,
		.has_tpm = boot.tpm,
		.reset = boot.reset,
		.new_pcrs = stager.new_pcrs,
		.keep = keep,
	};
	unsigned int steps = 0;

	archive.dir = open(fake_path("store"), O_RDONLY | O_DIRECTORY);
	assert_true(archive.dir >= 0);
	while (archive_step(&archive))
		assert_true(++steps < 100);
	close(archive.dir);
}

static int add_block(const void *data, size_t len, void *context)
{
	bytes_add(context, data, len);
	return 0;
}

/* Return: what reading the list of an epoch comes to. */
static int read_log(uint64_t epoch, const char *list, struct bytes *log)
{
	static const struct view_calls calls = { .block = add_block };
	struct view view;
	int store, ret;

	store = open(fake_path("store"), O_RDONLY | O_DIRECTORY);
	ret = view_open(&view, store, epoch);
	close(store);
	if (ret)
		return ret;
	assert_int_equal(view_choose(&view, list), 0);
	ret = view_read(&view, &calls, log);
	view_close(&view);
	return ret;
}

static void assert_epoch(unsigned int epoch)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		struct bytes log = { };

		assert_int_equal(read_log(epoch, lists[i], &log), 0);
		assert_int_equal(log.len, logs[epoch][i].len);
		assert_memory_equal(log.data, logs[epoch][i].data, log.len);
		bytes_free(&log);
	}
}

static bool is_there(const char *name)
{
	struct stat st;

	return !lstat(fake_path(name), &st);
}

#define FILE_1	"store/epoch-00000001/00000001.binary_sha1"

static void test_compressed(void **state)
{
	struct stat st;

	(void)state;
	finish_epoch(1);
	finish_epoch(2);
	begin_epoch();
	tidy_at(3, ALL);
	assert_false(is_there(FILE_1));
	assert_true(is_there(FILE_1 ".zst"));
	assert_false(is_there("store/epoch-00000001/00000002.ascii_sha1"));
	assert_true(is_there("store/epoch-00000002/00000002.ascii_sha1.zst"));
	assert_int_equal(stat(fake_path(FILE_1 ".zst"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* The one that goes on */
	assert_true(is_there("store/epoch-00000003/00000001.binary_sha1"));
	assert_epoch(1);
	assert_epoch(2);
	tidy_at(3, ALL);
	assert_epoch(1);
	assert_true(is_there("store/epoch-00000001/manifest"));
}

static void test_too_many(void **state)
{
	(void)state;
	finish_epoch(1);
	finish_epoch(2);
	finish_epoch(3);
	begin_epoch();
	tidy_at(4, 3);
	assert_epoch(1);
	tidy_at(4, 2);
	assert_false(is_there("store/epoch-00000001"));
	assert_epoch(2);
	assert_epoch(3);
	tidy_at(4, 0);
	assert_false(is_there("store/epoch-00000002"));
	assert_false(is_there("store/epoch-00000003"));
	assert_false(is_there("store/old-epoch"));
	assert_true(is_there("store/epoch-00000004/00000001.binary_sha1"));
	/* Numbers go on. */
	finish_epoch(4);
	begin_epoch();
	assert_true(is_there("store/epoch-00000005"));
}

/* With the PCRs going on, what led to them is kept, whatever the epochs are. */
static void test_keeps_what_the_pcrs_need(void **state)
{
	(void)state;
	finish_epoch(1);
	begin_epoch();
	/* Records are deleted that were not saved, and the TPM's new counters not noted. */
	fake_measure("lost", 1);
	assert_int_equal(fake_command("A", 1, true), 0);
	assert_int_equal(fake_command("D", 1, true), 0);
	boot.restart++;
	machine_kexec();
	begin_epoch();
	assert_true(is_there("store/epoch-00000003"));
	tidy_at(3, 0);
	assert_false(is_there("store/epoch-00000001"));
	assert_true(is_there("store/epoch-00000002/00000001.binary_sha1.zst"));
	machine_reboot();
	begin_epoch();
	tidy_at(4, 0);
	assert_false(is_there("store/epoch-00000002"));
	assert_false(is_there("store/epoch-00000003"));
}

/* A TPM that is made anew at each boot has PCRs of its own each time, and the same counters. */
static void test_counters_repeat(void **state)
{
	unsigned int epoch;

	(void)state;
	for (epoch = 1; epoch <= 3; epoch++) {
		finish_epoch(epoch);
		boot.reset--;
	}
	begin_epoch();
	tidy_at(4, 1);
	assert_false(is_there("store/epoch-00000001"));
	assert_false(is_there("store/epoch-00000002"));
	assert_epoch(3);
}

/* One that can not be read stays, and keeps no other one. */
static void test_damaged_manifest(void **state)
{
	(void)state;
	finish_epoch(1);
	finish_epoch(2);
	finish_epoch(3);
	begin_epoch();
	fake_write("store/epoch-00000001/manifest", "x\n", 2);
	tidy_at(4, 1);
	assert_true(is_there("store/epoch-00000001"));
	assert_false(is_there("store/epoch-00000002"));
	assert_true(is_there("store/epoch-00000003"));
}

/* Somebody has put something else in its place, which is left alone, and not waited for. */
static void test_no_epoch(void **state)
{
	char away[512];

	(void)state;
	finish_epoch(1);
	finish_epoch(2);
	finish_epoch(3);
	begin_epoch();
	snprintf(away, sizeof(away), "%s", fake_path("away"));
	assert_int_equal(rename(fake_path("store/epoch-00000001"), away), 0);
	assert_int_equal(symlink("../away", fake_path("store/epoch-00000001")), 0);
	assert_int_equal(mkfifo(fake_path("store/epoch-00000003/00000009.ascii_sha1"), 0600), 0);
	tidy_at(4, 1);
	assert_true(is_there("store/epoch-00000001/manifest"));
	assert_true(is_there("away/00000001.binary_sha1"));
	assert_false(is_there("store/epoch-00000002"));
	tidy_at(4, ALL);
	assert_true(is_there("store/epoch-00000003/00000009.ascii_sha1"));
	assert_true(is_there("away/00000001.binary_sha1"));
}

/* Later epochs were taken away: the last one is a finished one, and stays whole. */
static void test_last_epoch_is_compressed(void **state)
{
	char away[512];

	(void)state;
	snprintf(away, sizeof(away), "%s", fake_path("away"));
	finish_epoch(1);
	begin_epoch();
	tidy_at(2, ALL);
	assert_int_equal(rename(fake_path("store/epoch-00000002"), away), 0);
	machine_reboot();
	begin_epoch();
	assert_epoch(1);
	assert_false(is_there("store/epoch-00000001/left-over"));
}

/* What no manifest names goes with the epoch, and nothing outside of it. */
static void test_removes_what_is_left_over(void **state)
{
	(void)state;
	finish_epoch(1);
	begin_epoch();
	mkdir(fake_path("store/epoch-00000001/left-over"), 0700);
	fake_write("store/epoch-00000001/left-over/file", "x", 1);
	fake_write("precious", "x", 1);
	assert_int_equal(symlink(fake_path("."), fake_path("store/epoch-00000001/link")), 0);
	tidy_at(2, 0);
	assert_false(is_there("store/epoch-00000001"));
	assert_false(is_there("store/old-epoch"));
	assert_true(is_there("precious"));
	assert_true(is_there("store/epoch-00000002/manifest"));
}

/* Damage is told, and does not become worse. */
static void test_damaged_file(void **state)
{
	struct bytes file = { }, log = { };
	size_t i, len;

	(void)state;
	finish_epoch(1);
	begin_epoch();
	tidy_at(2, ALL);
	fake_read(FILE_1 ".zst", &file);
	for (i = 0; i < file.len; i++) {
		file.data[i] ^= 0x10;
		fake_write(FILE_1 ".zst", file.data, file.len);
		file.data[i] ^= 0x10;
		bytes_free(&log);
		/* One bit of the header of a block that is not used */
		if (!read_log(1, "binary", &log)) {
			assert_int_equal(log.len, logs[1][0].len);
			assert_memory_equal(log.data, logs[1][0].data, log.len);
		}
	}
	for (len = 0; len < file.len; len++) {
		fake_write(FILE_1 ".zst", file.data, len);
		bytes_free(&log);
		assert_int_equal(read_log(1, "binary", &log), -EBADMSG);
	}
	fake_write(FILE_1 ".zst", file.data, file.len);
	assert_epoch(1);
	bytes_free(&log);
	bytes_free(&file);
}

/* Files of many sizes, around those of the blocks, read in many ways */
static void test_sizes(void **state)
{
	static const size_t sizes[] = {
		0, 1, IO_BLOCK - 1, IO_BLOCK, IO_BLOCK + 1, 3 * IO_BLOCK,
		(1 << 17) + 5, 1 << 20,
	};
	static const size_t steps[] = { 1 << 21, IO_BLOCK, 4093, 1 };
	static uint8_t data[1 << 20], again[(1 << 21) + 1];
	size_t i, j, at;

	(void)state;
	/* Half of it can not be compressed. */
	for (i = 0; i < sizeof(data); i++)
		data[i] = i & 1 << 16 ? (uint8_t)random() : (uint8_t)(i >> 8);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct compressed *reader;
		int from, to;
		ssize_t got;

		fake_write("plain", data, sizes[i]);
		from = open(fake_path("plain"), O_RDONLY);
		to = open(fake_path("compressed"), O_RDWR | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(compress_file(from, to, NULL, NULL), 0);
		close(from);
		for (j = 0; j < ARRAY_SIZE(steps); j++) {
			lseek(to, 0, SEEK_SET);
			assert_int_equal(compressed_open(&reader, dup(to)), 0);
			at = 0;
			do {
				got = compressed_read(reader, again + at, steps[j]);
				assert_true(got >= 0);
				at += (size_t)got;
			} while ((size_t)got == steps[j]);
			assert_int_equal(at, sizes[i]);
			assert_memory_equal(again, data, at);
			compressed_close(reader);
		}
		close(to);
	}
}

static bool damaged;

/* Before each call, until there is something */
static void damage_what_is_written(void)
{
	struct bytes file = { };

	syscalls.hook = NULL;
	if (is_there(FILE_1 ".zst.tmp"))
		fake_read(FILE_1 ".zst.tmp", &file);
	if (file.len) {
		file.data[file.len - 1] ^= 1;
		fake_write(FILE_1 ".zst.tmp", file.data, file.len);
		damaged = true;
	} else {
		syscalls.hook = damage_what_is_written;
	}
	bytes_free(&file);
}

/* A disk that does not give back what was written: the file is kept. */
static void test_is_read_back(void **state)
{
	(void)state;
	finish_epoch(1);
	begin_epoch();
	syscalls_reset();
	syscalls.hook = damage_what_is_written;
	tidy_at(2, ALL);
	assert_true(damaged);
	assert_true(is_there(FILE_1));
	assert_false(is_there(FILE_1 ".zst"));
	assert_false(is_there(FILE_1 ".zst.tmp"));
	assert_epoch(1);
	tidy_at(2, ALL);
	assert_false(is_there(FILE_1));
	assert_epoch(1);
}

static int tidy(void *context)
{
	tidy_at(3, *(uint64_t *)context);
	return 0;
}

/* Return: whether it ended there. */
static bool tidy_stopped(unsigned int at, unsigned int lose, uint64_t keep)
{
	return stopped_after(at, lose, tidy, &keep);
}

/* Stopped anywhere, an epoch is whole, and the next time goes on. */
static void stop_everywhere(unsigned int lose)
{
	unsigned int at;
	bool stopped;

	for (at = 1; ; at++) {
		stop(NULL);
		start(NULL);
		finish_epoch(1);
		finish_epoch(2);
		begin_epoch();
		stopped = tidy_stopped(at, lose, ALL);
		assert_epoch(1);
		assert_epoch(2);
		tidy_at(3, ALL);
		assert_epoch(1);
		assert_epoch(2);
		assert_false(is_there(FILE_1));
		if (!stopped)
			break;
	}
	assert_true(at > 40);
}

static void test_stopped_after_each_call(void **state)
{
	unsigned int lose;

	(void)state;
	for (lose = 0; lose <= (LOSE_BYTES | LOSE_NAMES); lose++)
		stop_everywhere(lose);
}

/* There as a whole, or not at all, and the next time nothing of it is left. */
static void test_stopped_while_removing(void **state)
{
	unsigned int at, lose;
	bool stopped;

	(void)state;
	for (lose = 0; lose <= (LOSE_BYTES | LOSE_NAMES); lose++) {
		for (at = 1; ; at++) {
			stop(NULL);
			start(NULL);
			finish_epoch(1);
			finish_epoch(2);
			begin_epoch();
			tidy_at(3, ALL);
			stopped = tidy_stopped(at, lose, 1);
			if (is_there("store/epoch-00000001"))
				assert_epoch(1);
			assert_epoch(2);
			tidy_at(3, 1);
			assert_false(is_there("store/epoch-00000001"));
			assert_false(is_there("store/old-epoch"));
			assert_epoch(2);
			if (!stopped)
				break;
		}
		assert_true(at > 8);
	}
}

/* Each call fails once: it ends, and all is whole. */
static void test_each_call_fails(void **state)
{
	static const int errors[] = { EIO, ENOSPC };
	unsigned int fail;
	bool failed;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		for (fail = 2; ; fail++) {
			stop(NULL);
			start(NULL);
			finish_epoch(1);
			finish_epoch(2);
			begin_epoch();
			syscalls_reset();
			syscalls.fail = fail;
			syscalls.error = errors[i];
			tidy_at(3, 1);
			failed = syscalls.count >= fail;
			syscalls_reset();
			if (is_there("store/epoch-00000001"))
				assert_epoch(1);
			assert_epoch(2);
			tidy_at(3, 1);
			assert_false(is_there("store/epoch-00000001"));
			assert_epoch(2);
			assert_true(is_there("store/epoch-00000002/00000001.binary_sha1.zst"));
			if (!failed)
				break;
		}
		assert_true(fail > 30);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_compressed),
		TEST(test_too_many),
		TEST(test_keeps_what_the_pcrs_need),
		TEST(test_counters_repeat),
		TEST(test_last_epoch_is_compressed),
		TEST(test_removes_what_is_left_over),
		TEST(test_damaged_file),
		TEST(test_damaged_manifest),
		TEST(test_no_epoch),
		TEST(test_sizes),
		TEST(test_is_read_back),
		TEST(test_stopped_after_each_call),
		TEST(test_stopped_while_removing),
		TEST(test_each_call_fails),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
