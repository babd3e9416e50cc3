// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of epoch.c: a byte of the log has the same offset for ever, and all that was
 * measured is there, whoever stages, saves or deletes meanwhile
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

#include "epoch.h"
#include "fake.h"
#include "service.h"
#include "stager.h"
#include "syscalls.h"
#include "util.h"

static struct kernel lists;
static struct epoch epoch;

static const char *const truths[] = { "truth.binary", "truth.ascii" };

static int open_epoch(void)
{
	int store, ret;

	assert_int_equal(kernel_open(&lists, fake_path("ima"), 20), 0);
	store = open(fake_path("store"), O_RDONLY | O_DIRECTORY);
	ret = epoch_open(&epoch, store, &lists, boot.id);
	close(store);
	if (ret)
		kernel_close(&lists);
	return ret;
}

static void close_epoch(void)
{
	epoch_close(&epoch);
	kernel_close(&lists);
}

/* The service begins, and goes no further. */
static void begin(void)
{
	assert_int_equal(service_start(), 0);
	service_stop();
	assert_int_equal(open_epoch(), 0);
}

/* It begins, and has saved a segment. Sets @truth to the binary list. */
static void begin_saved(struct bytes *truth)
{
	struct stager_result result;

	begin();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_read(truths[0], truth);
}

/* Pieces of @len bytes are the truth, up to its end. */
static void assert_pieces(size_t file, const struct bytes *truth, size_t len)
{
	uint8_t *buffer = malloc(len);
	size_t at, left;
	ssize_t got;

	for (at = 0; at <= truth->len + len; at += len) {
		left = at < truth->len ? truth->len - at : 0;
		got = epoch_read(&epoch, file, at, buffer, len);
		assert_int_equal(got, left < len ? left : len);
		if (got)
			assert_memory_equal(buffer, truth->data + at, (size_t)got);
	}
	free(buffer);
}

static void assert_whole(void)
{
	struct bytes truth = { };
	uint64_t records, lines = 0;
	size_t i, at;

	for (i = 0; i < 2; i++) {
		fake_read(truths[i], &truth);
		assert_pieces(i, &truth, truth.len + 100);
		assert_pieces(i, &truth, 1 + (size_t)rand() % 700);
		for (at = 0; i && at < truth.len; at++)
			lines += truth.data[at] == '\n';
		bytes_free(&truth);
	}
	assert_int_equal(epoch_records(&epoch, &records), 0);
	assert_int_equal(records, lines);
}

/* One of the steps of the service, or all of them */
static void take_step(unsigned int step)
{
	struct stager_result result;

	switch (step) {
	case 0:
		fake_command("A", 1, true);
		break;
	case 1:
		/* It saves, and does not delete. */
		fake_keep = true;
		service(&result);
		fake_keep = false;
		break;
	case 2:
		assert_int_equal(service(&result), 0);
		break;
	}
}

static void test_any_order(void **state)
{
	unsigned int seed, step, next;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		fake_end();
		start_machine(NULL);
		srand(seed);
		begin();
		for (step = 0; step < 30; step++) {
			next = rand() % 5;
			if (next < 3)
				take_step(next);
			else
				fake_measure("file", 1 + rand() % 5);
			assert_whole();
		}
		close_epoch();
	}
}

static void test_a_byte_at_a_time(void **state)
{
	struct stager_result result;
	struct bytes truth = { };
	size_t i;

	(void)state;
	begin();
	fake_measure("saved", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("staged", 3);
	assert_int_equal(fake_command("A", 1, true), 0);
	fake_measure("current", 3);
	for (i = 0; i < 2; i++) {
		fake_read(truths[i], &truth);
		assert_pieces(i, &truth, 1);
		bytes_free(&truth);
	}
	close_epoch();
}

/* Each far read has the kernel walk through its list. */
static void test_long_list_in_pieces(void **state)
{
	struct bytes truth = { };
	uint8_t piece[100];
	size_t i;

	(void)state;
	begin();
	fake_measure("file", 2000);
	for (i = 0; i < 2; i++) {
		fake_read(truths[i], &truth);
		syscalls.far = 0;
		assert_pieces(i, &truth, 4096);
		assert_true(truth.len > 20 * 4096);
		assert_true(syscalls.far < 10);
		bytes_free(&truth);
	}
	fake_measure("file", 10);
	assert_whole();
	assert_int_equal(fake_command("A", 1, true), 0);
	fake_measure("file", 10);
	assert_whole();
	/* Others delete: what was read ahead is not what is there. */
	for (i = 0; i < 2; i++)
		assert_int_equal(epoch_read(&epoch, 0, i * sizeof(piece), piece,
					    sizeof(piece)), sizeof(piece));
	assert_int_equal(fake_command("D", 1, true), 0);
	fake_read("ima/binary_runtime_measurements_sha1", &truth);
	assert_pieces(0, &truth, 100);
	bytes_free(&truth);
	close_epoch();
}

/* One goes on in a long list, while another one begins anew each time. */
static void test_two_readers(void **state)
{
	struct bytes truth = { };
	uint8_t piece[4096];
	size_t at;

	(void)state;
	begin();
	fake_measure("file", 10);
	fake_read(truths[0], &truth);
	at = truth.len;
	assert_int_equal(epoch_read(&epoch, 0, 0, piece, sizeof(piece)), at);
	bytes_free(&truth);
	fake_measure("file", 1000);
	fake_read(truths[0], &truth);
	syscalls.far = 0;
	for (; at + sizeof(piece) <= truth.len; at += sizeof(piece)) {
		assert_int_equal(epoch_read(&epoch, 0, at, piece, sizeof(piece)),
				 sizeof(piece));
		assert_memory_equal(piece, truth.data + at, sizeof(piece));
		assert_int_equal(epoch_read(&epoch, 0, 0, piece, 100), 100);
		assert_memory_equal(piece, truth.data, 100);
	}
	assert_true(truth.len > 20 * sizeof(piece));
	assert_true(syscalls.far < 10);
	bytes_free(&truth);
	close_epoch();
}

/* Nobody waits for longer than is said, nor with too many others. */
static void test_others_wait(void **state)
{
	uint8_t byte;

	(void)state;
	begin();
	fake_measure("file", 3);
	pthread_mutex_lock(&epoch.holding);
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), -EBUSY);
	pthread_mutex_unlock(&epoch.holding);
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), 1);
	epoch.waiting = EPOCH_WAITING;
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), -EBUSY);
	epoch.waiting = EPOCH_WAITING - 1;
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), 1);
	assert_int_equal(epoch.waiting, EPOCH_WAITING - 1);
	close_epoch();
}

static void test_kexec(void **state)
{
	struct stager_result result;
	unsigned int before;

	(void)state;
	/* Nothing is staged; or it is; or saved as well, and not deleted */
	for (before = 0; before < 3; before++) {
		fake_end();
		start_machine(NULL);
		fake_measure("first", 4);
		assert_int_equal(service(&result), 0);
		fake_measure("file", 5);
		if (before == 1)
			assert_int_equal(fake_command("A", 1, true), 0);
		fake_keep = before == 2;
		if (fake_keep)
			assert_int_equal(service(&result), -KERNEL_COPIED);
		fake_measure("file", 2);
		machine_kexec();
		fake_measure("next", 3);
		assert_int_equal(open_epoch(), -EAGAIN);
		begin();
		assert_whole();
		assert_int_equal(fake_command("A", 1, true), 0);
		fake_measure("next", 1);
		assert_whole();
		/* What was carried, and more, is saved in a segment that follows. */
		fake_keep = true;
		assert_int_equal(service(&result), -KERNEL_COPIED);
		assert_whole();
		fake_keep = false;
		assert_int_equal(service(&result), 0);
		assert_whole();
		close_epoch();
	}
}

static void test_reboot(void **state)
{
	struct stager_result result;

	(void)state;
	assert_int_equal(open_epoch(), -EAGAIN);
	fake_measure("file", 5);
	assert_int_equal(service(&result), 0);
	machine_reboot();
	fake_measure("next", 2);
	assert_int_equal(open_epoch(), -EAGAIN);
	begin();
	assert_whole();
	assert_int_equal(service(&result), 0);
	assert_whole();
	close_epoch();
}

/* The service does a part of its work as soon as nobody reads, again and again. */
static unsigned int meanwhile_at, meanwhile_done;

static void meanwhile(void)
{
	static bool busy;
	unsigned int count = syscalls.count;

	if (busy || syscalls.count < meanwhile_at || !fake_is_free())
		return;
	busy = true;
	fake_measure("meanwhile", 1);
	take_step(meanwhile_done++ % 3);
	syscalls.count = count;
	/* Else it would never end. */
	meanwhile_at = meanwhile_done < 9 ? count + 2 : UINT32_MAX;
	busy = false;
}

static void test_meanwhile(void **state)
{
	static uint8_t buffer[65536];
	struct bytes before = { }, truth = { };
	unsigned int start, met = 0;
	struct stager_result result;
	ssize_t got;

	(void)state;
	for (start = 1; start < 40; start++) {
		fake_end();
		start_machine(NULL);
		begin();
		fake_measure("saved", 3);
		assert_int_equal(service(&result), 0);
		fake_measure("current", 3);
		fake_read(truths[start % 2], &before);
		syscalls_reset();
		meanwhile_at = start;
		meanwhile_done = 0;
		syscalls.hook = meanwhile;
		got = epoch_read(&epoch, start % 2, 100, buffer, sizeof(buffer));
		syscalls.hook = NULL;
		fake_read(truths[start % 2], &truth);
		assert_in_range(got, before.len - 100, truth.len - 100);
		assert_memory_equal(buffer, truth.data + 100, (size_t)got);
		met += meanwhile_done;
		bytes_free(&before);
		bytes_free(&truth);
		assert_whole();
		close_epoch();
	}
	assert_true(met > 20);
}

static void test_others_have_the_files_open(void **state)
{
	struct stager_result result;
	struct stat st;
	uint8_t byte;

	(void)state;
	begin();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_int_equal(stat(fake_path("store/epoch-00000001/00000001.ascii_sha1"),
			      &st), 0);
	fake_measure("file", 3);
	fake_busy = UINT32_MAX;
	/* What is saved can be read all the time. */
	assert_int_equal(epoch_read(&epoch, 1, (uint64_t)st.st_size - 1, &byte, 1), 1);
	assert_int_equal(epoch_read(&epoch, 1, (uint64_t)st.st_size, &byte, 1), -EBUSY);
	fake_busy = 2;
	assert_int_equal(epoch_read(&epoch, 1, (uint64_t)st.st_size, &byte, 1), 1);
	assert_whole();
	close_epoch();
}

/*
 * Lines of segments that were deleted are gone: what comes behind them is not shown in their
 * place, neither by one who has read them nor by one who comes later.
 */
static void test_manifest_has_lost_lines(void **state)
{
	static const char *const left_over[] = {
		"store/epoch-00000001/left-over/00000002.binary_sha1.0",
		"store/epoch-00000001/left-over/00000002.ascii_sha1.0",
	};
	const char *name = "store/epoch-00000001/manifest";
	struct bytes lost = { }, whole = { }, truth = { };
	struct stager_result result;
	uint8_t buffer[4096];
	size_t i, first, second;

	(void)state;
	begin_saved(&truth);
	fake_read(name, &lost);
	first = truth.len;
	bytes_free(&truth);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_read(name, &whole);
	fake_read(truths[0], &truth);
	second = truth.len;
	fake_measure("file", 3);
	assert_whole();
	fake_write(name, lost.data, lost.len);
	assert_int_equal(epoch_read(&epoch, 0, second, buffer, sizeof(buffer)), -EBADMSG);
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, sizeof(buffer)), first);
	assert_memory_equal(buffer, truth.data, first);
	assert_int_equal(epoch_read(&epoch, 0, first, buffer, sizeof(buffer)), -EBADMSG);
	close_epoch();
	/* One who comes before the service has noticed */
	assert_int_equal(open_epoch(), 0);
	assert_int_equal(epoch_read(&epoch, 0, first, buffer, sizeof(buffer)), -EBADMSG);
	close_epoch();

	/* The service puts their files aside. */
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(open_epoch(), 0);
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, sizeof(buffer)), first);
	assert_int_equal(epoch_read(&epoch, 0, first, buffer, sizeof(buffer)), -EBADMSG);
	fake_write(name, whole.data, whole.len);
	assert_int_equal(epoch_read(&epoch, 0, second, buffer, 1), 1);
	/* Their files are gone as well: who has read of them remembers. */
	for (i = 0; i < ARRAY_SIZE(left_over); i++)
		assert_int_equal(unlink(fake_path(left_over[i])), 0);
	fake_write(name, lost.data, lost.len);
	assert_int_equal(epoch_read(&epoch, 0, second, buffer, 1), -EBADMSG);
	close_epoch();
	bytes_free(&lost);
	bytes_free(&whole);
	bytes_free(&truth);
}

/* Records that nobody saved are missing, and nothing else. */
static void test_others_have_deleted(void **state)
{
	struct stager_result result;
	struct bytes saved = { }, truth = { };
	uint8_t buffer[4096];
	uint64_t records;
	size_t all;

	(void)state;
	begin();
	fake_measure("saved", 3);
	assert_int_equal(service(&result), 0);
	fake_read(truths[1], &saved);
	fake_measure("lost", 4);
	fake_read(truths[1], &truth);
	all = truth.len;
	bytes_free(&truth);
	assert_int_equal(fake_command("A", 1, true), 0);
	assert_int_equal(fake_command("D", 1, true), 0);
	fake_measure("left", 2);
	fake_read(truths[1], &truth);
	assert_int_equal(epoch_read(&epoch, 1, 0, buffer, sizeof(buffer)),
			 saved.len + truth.len - all);
	assert_memory_equal(buffer, saved.data, saved.len);
	assert_memory_equal(buffer + saved.len, truth.data + all, truth.len - all);
	assert_int_equal(epoch_records(&epoch, &records), 0);
	assert_int_equal(records, 9);
	bytes_free(&saved);
	bytes_free(&truth);
	close_epoch();
}

static void test_damaged_segment(void **state)
{
	const char *segment = "store/epoch-00000001/00000001.binary_sha1";
	struct bytes truth = { };
	uint8_t buffer[4096];

	(void)state;
	begin_saved(&truth);
	fake_measure("file", 1);
	assert_int_equal(truncate(fake_path(segment), (off_t)truth.len - 1), 0);
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, sizeof(buffer)), -EBADMSG);
	/* What is not damaged can be read. */
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, 10), 10);
	assert_true(epoch_read(&epoch, 0, truth.len, buffer, sizeof(buffer)) > 0);
	assert_int_equal(unlink(fake_path(segment)), 0);
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, 10), -ENOENT);
	bytes_free(&truth);
	close_epoch();
}

/* What is there instead of a file is not followed, and nobody waits for it. */
static void test_no_file(void **state)
{
	const char *segment = "store/epoch-00000001/00000001.binary_sha1";
	struct bytes truth = { };
	uint8_t buffer[10];

	(void)state;
	begin_saved(&truth);
	fake_write("elsewhere", truth.data, truth.len);
	assert_int_equal(unlink(fake_path(segment)), 0);
	assert_int_equal(symlink("../../elsewhere", fake_path(segment)), 0);
	assert_int_equal(epoch_read(&epoch, 0, 0, buffer, sizeof(buffer)), -ELOOP);
	assert_int_equal(unlink(fake_path(segment)), 0);
	assert_int_equal(mkfifo(fake_path(segment), 0600), 0);
	assert_true(epoch_read(&epoch, 0, 0, buffer, sizeof(buffer)) < 0);
	bytes_free(&truth);
	close_epoch();
}

/* A manifest that is none of this epoch, with the header's files */
static void put_manifest(uint64_t number, size_t nr_files)
{
	static const char *const names[] = { "binary_sha1", "ascii_sha1", "binary_sha256" };
	struct manifest_line *line = calloc(1, sizeof(*line));
	size_t i, len;
	char *text;

	line->kind = MANIFEST_HEADER;
	line->header.epoch = number;
	line->header.nr_files = nr_files;
	for (i = 0; i < nr_files; i++)
		assert_int_equal(list_file_find(names[i], &line->header.files[i]), 0);
	line->header.nr_banks = 1;
	line->header.banks[0] = "sha256";
	assert_int_equal(manifest_format(line, &text, &len), 0);
	fake_write("store/epoch-00000001/manifest", text, len);
	free(text);
	free(line);
}

/* Somebody has put back that of another epoch, maybe with other files. */
static void test_manifest_of_another_epoch(void **state)
{
	struct bytes truth = { };
	uint8_t byte;

	(void)state;
	begin_saved(&truth);
	assert_whole();
	put_manifest(1, 3);
	assert_int_equal(epoch_read(&epoch, 0, truth.len, &byte, 1), -EBADMSG);
	assert_int_equal(epoch.header.nr_files, 2);
	put_manifest(1, 1);
	assert_int_equal(epoch_read(&epoch, 0, truth.len, &byte, 1), -EBADMSG);
	put_manifest(2, 2);
	assert_int_equal(epoch_read(&epoch, 0, truth.len, &byte, 1), -EBADMSG);
	close_epoch();
	assert_int_equal(open_epoch(), -EBADMSG);
	bytes_free(&truth);
}

static void append_to_manifest(const char *text)
{
	int fd = open(fake_path("store/epoch-00000001/manifest"),
		      O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_damaged_manifest(void **state)
{
	uint8_t byte;

	(void)state;
	begin();
	append_to_manifest("nonsense\n");
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), -EBADMSG);
	assert_int_equal(epoch_read(&epoch, 0, 0, &byte, 1), -EBADMSG);
	close_epoch();
	assert_int_equal(open_epoch(), -EBADMSG);
}

/* A line that is a good one, but not there */
static void test_manifest_with_a_line_twice(void **state)
{
	const char *name = "store/epoch-00000001/manifest";
	struct bytes before = { }, after = { };
	struct stager_result result;
	uint8_t byte;

	(void)state;
	begin();
	fake_read(name, &before);
	fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_read(name, &after);
	bytes_add(&after, "", 1);
	append_to_manifest((char *)after.data + before.len);
	bytes_free(&after);
	fake_read(truths[0], &after);
	/* Each time, and not only the first one */
	assert_int_equal(epoch_read(&epoch, 0, after.len, &byte, 1), -EBADMSG);
	assert_int_equal(epoch_read(&epoch, 0, after.len, &byte, 1), -EBADMSG);
	bytes_free(&before);
	bytes_free(&after);
	close_epoch();
}

/*
 * The line of a segment could not be synced: it is gone again, with the files, and
 * something else is saved.
 */
static void test_line_is_taken_back(void **state)
{
	const char *dir = "store/epoch-00000001";
	struct stager_result result;
	struct stat st;
	char name[64];
	size_t i;

	(void)state;
	begin();
	fake_measure("file", 3);
	snprintf(name, sizeof(name), "%s/manifest", dir);
	assert_int_equal(stat(fake_path(name), &st), 0);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	assert_whole();
	assert_int_equal(truncate(fake_path(name), st.st_size), 0);
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s/00000001.%s", dir,
			 i ? "ascii_sha1" : "binary_sha1");
		assert_int_equal(unlink(fake_path(name)), 0);
	}
	assert_whole();
	fake_keep = false;
	fake_measure("file", 2);
	assert_int_equal(fake_command("D", 1, true), 0);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 2);
	close_epoch();
	assert_int_equal(open_epoch(), 0);
	close_epoch();
}

/* The same, and another line is there before anybody reads. */
static void test_line_is_another_one(void **state)
{
	const char *name = "store/epoch-00000001/manifest";
	struct stager_result result;
	struct stat st;

	(void)state;
	begin();
	fake_measure("file", 3);
	assert_int_equal(stat(fake_path(name), &st), 0);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	assert_whole();
	assert_int_equal(truncate(fake_path(name), st.st_size), 0);
	fake_keep = false;
	/* A longer one, with a line behind it */
	boot.restart += 1000000;
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_whole();
	close_epoch();
}

/* The manifest was put back from a copy, which is another file. */
static void test_another_manifest(void **state)
{
	const char *name = "store/epoch-00000001/manifest";
	struct stager_result result;
	struct bytes manifest = { };
	char copy[512];

	(void)state;
	begin();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_whole();
	fake_read(name, &manifest);
	fake_write("store/copy", manifest.data, manifest.len);
	snprintf(copy, sizeof(copy), "%s", fake_path("store/copy"));
	assert_int_equal(rename(copy, fake_path(name)), 0);
	bytes_free(&manifest);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
	assert_whole();
	close_epoch();
}

/* A line that was not written to its end is taken away by the service. */
static void test_torn_manifest(void **state)
{
	struct stager_result result;

	(void)state;
	begin();
	fake_measure("file", 3);
	append_to_manifest("segment epoch=1 num");
	assert_whole();
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	assert_whole();
	close_epoch();
}

/* The counter says what can not be. */
static void test_counter_goes_back(void **state)
{
	struct stager_result result;
	struct bytes truth = { };
	uint8_t buffer[4096];
	ssize_t saved;

	(void)state;
	begin();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
	fake_read(truths[0], &truth);
	fake_write("ima/runtime_measurements_deleted", "2\n", 2);
	/* First what can be read */
	saved = epoch_read(&epoch, 0, 0, buffer, sizeof(buffer));
	assert_int_equal(saved, truth.len / 2);
	assert_int_equal(epoch_read(&epoch, 0, (uint64_t)saved, buffer,
				    sizeof(buffer)), -EBADMSG);
	bytes_free(&truth);
	close_epoch();
}

/* The kernel has less than what is saved and was not deleted. */
static void test_records_are_missing(void **state)
{
	struct stager_result result;
	struct bytes truth = { };
	uint8_t byte;

	(void)state;
	begin();
	fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_read(truths[0], &truth);
	assert_int_equal(epoch_read(&epoch, 0, truth.len, &byte, 1), 0);
	fake_write("ima/binary_runtime_measurements_sha1_staged", truth.data,
		   truth.len / 3);
	close_epoch();
	assert_int_equal(open_epoch(), 0);
	assert_int_equal(epoch_read(&epoch, 0, truth.len, &byte, 1), -EBADMSG);
	bytes_free(&truth);
	close_epoch();
}

static void test_no_descriptor_is_left_open(void **state)
{
	struct stager_result result;
	int before, after;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	before = dup(0);
	close(before);
	assert_int_equal(open_epoch(), 0);
	assert_whole();
	fake_write("ima/runtime_measurements_deleted", "nothing", 7);
	assert_int_equal(epoch_read(&epoch, 0, 1 << 20, &after, 1), -EBADMSG);
	close_epoch();
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
	assert_true(fake_is_free());
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start_machine, stop_machine)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_any_order),
		TEST(test_a_byte_at_a_time),
		TEST(test_long_list_in_pieces),
		TEST(test_two_readers),
		TEST(test_others_wait),
		TEST(test_kexec),
		TEST(test_reboot),
		TEST(test_meanwhile),
		TEST(test_others_have_the_files_open),
		TEST(test_others_have_deleted),
		TEST(test_manifest_has_lost_lines),
		TEST(test_no_file),
		TEST(test_manifest_of_another_epoch),
		TEST(test_damaged_segment),
		TEST(test_damaged_manifest),
		TEST(test_manifest_with_a_line_twice),
		TEST(test_line_is_taken_back),
		TEST(test_line_is_another_one),
		TEST(test_another_manifest),
		TEST(test_torn_manifest),
		TEST(test_counter_goes_back),
		TEST(test_records_are_missing),
		TEST(test_no_descriptor_is_left_open),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
