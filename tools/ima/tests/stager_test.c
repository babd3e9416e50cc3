// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of store.c, kernel.c and stager.c: whatever happens, what is saved and what
 * the kernel has are all records, each once
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

#include "fake.h"
#include "pcr.h"
#include "service.h"
#include "stager.h"
#include "syscalls.h"
#include "util.h"

#define MANIFEST	"store/epoch-00000001/manifest"

/* ---- what is saved ------------------------------------------------------------------ */

/**
 * struct saved - what is in an epoch
 * @lists: what its files are together
 * @records: how many records
 * @segments: how many segments
 * @gaps: records that are missing between them
 * @deleted: the last one was deleted
 * @header: first line of the manifest
 * @pcrs: values after the last record
 */
struct saved {
	struct bytes lists[2];
	uint64_t records;
	uint64_t segments;
	uint64_t gaps;
	bool deleted;
	struct manifest_header header;
	struct pcr_values pcrs;
};

static struct saved saved;

static void read_segment(int dir, const struct manifest_line *line)
{
	const struct segment *s = &line->segment;
	size_t i, before;
	ssize_t got;
	char block[4096];
	int fd;

	for (i = 0; i < 2; i++) {
		before = saved.lists[i].len;
		fd = segment_open(dir, &line->header, s->number, i);
		assert_true(fd >= 0);
		while ((got = read(fd, block, sizeof(block))) > 0)
			bytes_add(&saved.lists[i], block, (size_t)got);
		close(fd);
		assert_int_equal(saved.lists[i].len - before, s->files[i].bytes);
	}
	assert_true(s->first > saved.records);
	saved.gaps += s->first - saved.records - 1;
	saved.records = s->first + s->count - 1;
	saved.segments++;
	saved.deleted = false;
	if (saved.segments > 1)
		assert_true(pcr_values_equal(&saved.pcrs, &s->before));
	saved.pcrs = s->after;
}

static void read_saved(uint64_t epoch)
{
	static struct manifest_reader reader;
	int store, dir, fd, ret;
	size_t i;

	for (i = 0; i < 2; i++)
		bytes_free(&saved.lists[i]);
	memset(&saved, 0, sizeof(saved));
	store = open(fake_path("store"), O_RDONLY | O_DIRECTORY);
	dir = store_open_epoch(store, epoch);
	assert_true(dir >= 0);
	fd = openat(dir, "manifest", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(manifest_reader_init(&reader, fd), 0);
	while ((ret = manifest_reader_next(&reader)) == 1) {
		if (reader.line.kind == MANIFEST_SEGMENT)
			read_segment(dir, &reader.line);
		if (reader.line.kind == MANIFEST_DELETED)
			saved.deleted = true;
	}
	assert_int_equal(ret, 0);
	saved.header = reader.line.header;
	manifest_reader_free(&reader);
	close(fd);
	close(dir);
	close(store);
}

static const char *const truths[] = { "truth.binary", "truth.ascii" };
static const char *const currents[] = {
	"ima/binary_runtime_measurements_sha1",
	"ima/ascii_runtime_measurements_sha1",
};

/* After a whole cycle: what is saved, and what is current, is all, once. */
static void assert_whole(uint64_t epoch)
{
	struct bytes truth = { };
	size_t i;

	read_saved(epoch);
	assert_int_equal(saved.gaps, 0);
	assert_true(saved.deleted);
	assert_int_equal(fake_number("staged_count"), 0);
	for (i = 0; i < 2; i++) {
		fake_read(currents[i], &saved.lists[i]);
		fake_read(truths[i], &truth);
		assert_int_equal(saved.lists[i].len, truth.len);
		assert_memory_equal(saved.lists[i].data, truth.data, truth.len);
		bytes_free(&truth);
	}
}

/* The replay of what is saved leads to the PCR. */
static void assert_pcr(void)
{
	struct pcr_values tpm = saved.pcrs;
	uint64_t known;

	assert_int_equal(pcr_read(fake_path("tpm"), 10, &tpm, &known), 0);
	assert_int_equal(known, 3);
	assert_true(pcr_values_equal(&saved.pcrs, &tpm));
}

static bool exists(const char *name)
{
	struct stat st;

	return !stat(fake_path(name), &st);
}

/* ---- nothing goes wrong --------------------------------------------------------------- */

static void test_cycles(void **state)
{
	struct stager_result result;
	int i;

	(void)state;
	assert_int_equal(service_start(), 0);
	for (i = 1; i <= 5; i++) {
		fake_measure("file", 10);
		assert_int_equal(stager_cycle(&stager, &result), 0);
		assert_int_equal(result.saved, 10);
		assert_int_equal(result.found, 0);
		assert_true(result.deleted);
	}
	service_stop();
	assert_whole(1);
	assert_pcr();
	assert_int_equal(saved.segments, 5);
	assert_int_equal(saved.records, 50);
	assert_int_equal(stager.gap, 0);
}

static void test_nothing_to_do(void **state)
{
	struct stager_result result;

	(void)state;
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 0);
	assert_false(result.deleted);
	read_saved(1);
	assert_int_equal(saved.segments, 0);
}

static void test_starts_again(void **state)
{
	struct stager_result result;
	int i;

	(void)state;
	for (i = 1; i <= 3; i++) {
		fake_measure("file", 3);
		assert_int_equal(service(&result), 0);
		assert_int_equal(result.saved, 3);
	}
	assert_whole(1);
	assert_pcr();
	assert_int_equal(saved.segments, 3);
}

/* More than a block, of lines that do not end where blocks do */
static void test_long_list(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("a-name-that-takes-some-bytes-and-more-of-them-again", 1500);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 1500);
	assert_whole(1);
	assert_pcr();
}

static void test_reads_and_writes_in_parts(void **state)
{
	struct stager_result result;

	(void)state;
	syscalls.short_io = true;
	fake_measure("file", 30);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 30);
	assert_int_equal(service(&result), 0);
	syscalls.short_io = false;
	assert_whole(1);
	assert_pcr();
}

static void test_what_was_staged_by_others_is_saved(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(fake_command("A", 1, true), 0);
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 2);
	assert_whole(1);
	assert_pcr();
}

/* A boot that changes the TPM's counters by so much begins another epoch. */
static void reboot_to_new_epoch(uint32_t resets, uint32_t restarts)
{
	struct stager_result result;

	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	machine_reboot();
	boot.reset += resets - 1;
	boot.restart += restarts;
	fake_measure("file", 4);
	assert_int_equal(service(&result), 0);
	assert_whole(2);
	assert_pcr();
}

static void test_new_epoch_after_reboot(void **state)
{
	(void)state;
	reboot_to_new_epoch(1, 0);
	read_saved(1);
	assert_int_equal(saved.records, 3);
}

/* A machine that was suspended: the TPM's counters change, the kernel does not. */
static void test_resume_is_no_new_epoch(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service_start(), 0);
	assert_int_equal(stager_cycle(&stager, &result), 0);
	boot.restart++;
	assert_int_equal(stager_counters(&stager, boot.reset, boot.restart), 0);
	service_stop();
	boot.restart++;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	/* And kexec finds them as they were noted. */
	machine_kexec();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

/* It was suspended, and then a kexec came before the service could note it. */
static void test_resume_that_was_not_noted(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	boot.restart++;
	fake_measure("file", 2);
	machine_kexec();
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
	/* What is saved and not deleted is carried, and not saved twice. */
	fake_measure("file", 2);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_keep = false;
	boot.restart++;
	machine_kexec();
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

/* The TPM does not say which epoch it is: nothing is saved, and nothing changes. */
static void test_no_answer_of_the_tpm(void **state)
{
	struct stager_result result;
	struct bytes before = { }, after = { };

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	boot.restart++;
	fake_measure("file", 2);
	machine_kexec();
	fake_read(MANIFEST, &before);
	fake_tpm_error = -ECOMM;
	assert_int_equal(service(&result), -ECOMM);
	assert_int_equal(service(&result), -ECOMM);
	fake_read(MANIFEST, &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	assert_int_equal(fake_number("staged_count"), 0);
	assert_true(fake_is_free());
	fake_tpm_error = 0;
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
	bytes_free(&before);
	bytes_free(&after);
}

/* It was cleared, which counts anew, and then a kexec came before the service could note it. */
static void test_clear_that_was_not_noted(void **state)
{
	struct stager_result result;

	(void)state;
	boot.reset = 7;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	boot.reset = 0;
	boot.restart = 0;
	fake_measure("file", 2);
	machine_kexec();
	fake_measure("file", 1);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	assert_whole(1);
	assert_pcr();
}

/* It was reset before anything was saved. */
static void test_reset_of_an_empty_epoch(void **state)
{
	struct stager_result result;

	(void)state;
	assert_int_equal(service(&result), 0);
	machine_reboot();
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_whole(2);
	assert_pcr();
}

/* It was started again, and not reset: the PCRs are new ones. */
static void test_restart_is_a_new_epoch(void **state)
{
	(void)state;
	reboot_to_new_epoch(0, 1);
}

/* A TPM that is made anew at each boot: its counters are the same each time. */
static void test_new_epoch_with_the_same_counters(void **state)
{
	struct stager_result result;
	int i;

	(void)state;
	for (i = 1; i <= 3; i++) {
		fake_measure("file", 3 + i);
		assert_int_equal(service(&result), 0);
		fake_measure("file", 2);
		assert_int_equal(service(&result), 0);
		assert_whole((uint64_t)i);
		assert_pcr();
		machine_reboot();
		boot.reset--;
	}
}

static void test_without_tpm(void **state)
{
	struct stager_result result;

	(void)state;
	boot.tpm = false;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	machine_kexec();
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	read_saved(2);
	assert_int_equal(saved.records, 3);
}

/* ---- kexec ----------------------------------------------------------------------------- */

static void test_kexec_after_deletion(void **state)
{
	struct stager_result result;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fake_measure("file", 3);
		assert_int_equal(service(&result), 0);
		fake_measure("file", i);
		machine_kexec();
		fake_measure_same("boot_aggregate");
		assert_int_equal(service(&result), 0);
		assert_int_equal(result.found, 0);
		assert_int_equal(result.saved, i + 1);
		assert_whole(1);
		assert_pcr();
	}
}

/* Stop after the segment is saved, or before "deleted" is in the manifest. */
static void kexec_after(const char *command, bool same, uint64_t found)
{
	struct stager_result result;

	fake_measure_same("boot_aggregate");
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure_same("boot_aggregate");
	if (!same)
		fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	assert_true(result.saved);
	assert_false(result.deleted);
	fake_keep = false;
	if (*command)
		assert_int_equal(fake_command(command, 1, true), 0);
	fake_measure("late", same ? 0 : 2);
	machine_kexec();
	fake_measure_same("boot_aggregate");
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.found, found);
	assert_whole(1);
	assert_pcr();
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

static void test_kexec_before_deletion(void **state)
{
	(void)state;
	kexec_after("", false, 4);
}

static void test_kexec_after_deletion_that_is_not_noted(void **state)
{
	(void)state;
	kexec_after("D", false, 0);
}

/* The new kernel's list begins as the last segment, but is not it. */
static void test_kexec_and_the_same_bytes(void **state)
{
	(void)state;
	kexec_after("D", true, 0);
}

static void test_kexec_and_the_same_bytes_again(void **state)
{
	(void)state;
	kexec_after("", true, 1);
}

/*
 * Kernel after kernel gets what was saved and could not be deleted: all of that is
 * found again, in however many segments it is.
 */
static void test_kexec_again_and_again_before_deletion(void **state)
{
	struct stager_result result;
	unsigned int kernel;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	for (kernel = 0; kernel < 4; kernel++) {
		fake_measure("file", 3);
		fake_keep = true;
		assert_int_equal(service(&result), -KERNEL_COPIED);
		assert_int_equal(result.found, 3 * kernel);
		assert_int_equal(result.saved, 3);
		/* It is started again. */
		assert_int_equal(service(&result), -KERNEL_COPIED);
		assert_int_equal(result.found, 3 * (kernel + 1));
		assert_int_equal(result.saved, 0);
		fake_keep = false;
		machine_kexec();
	}
	fake_measure("file", 1);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.found, 12);
	assert_int_equal(result.saved, 1);
	assert_whole(1);
	assert_pcr();
}

/* One of several segments is damaged: nothing is deleted. */
static void test_kexec_and_a_damaged_segment(void **state)
{
	struct stager_result result;

	(void)state;
	fake_keep = true;
	fake_measure("file", 3);
	assert_int_equal(service(&result), -KERNEL_COPIED);
	machine_kexec();
	fake_keep = true;
	fake_measure("file", 3);
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_keep = false;
	assert_int_equal(truncate(fake_path("store/epoch-00000001/00000001.ascii_sha1"),
				  10), 0);
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(fake_number("staged_count"), 6);
}

static void test_copied_for_the_next_kernel(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
	fake_copied = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	machine_kexec();
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

/* ---- others ------------------------------------------------------------------------------ */

static void test_others_have_the_files_open(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	fake_busy = 3;
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	fake_measure("file", 3);
	fake_busy = 1000000;
	assert_int_equal(service(&result), -EBUSY);
	fake_busy = 0;
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

static void test_others_have_deleted(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("lost", 4);
	assert_int_equal(fake_command("A", 1, true), 0);
	assert_int_equal(fake_command("D", 1, true), 0);
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 2);
	assert_int_equal(stager.gap, 4);
	read_saved(1);
	assert_int_equal(saved.gaps, 4);
	assert_int_equal(saved.records, 9);
}

/* While a cycle goes on, somebody deletes what is staged, and stages again. */
static unsigned int meddle_at;

static void meddle(void)
{
	if (syscalls.count < meddle_at || !fake_is_free())
		return;
	syscalls.hook = NULL;
	if (!fake_command("D", 1, true))
		fake_measure("other", 2);
	fake_command("A", 1, true);
}

/*
 * What others staged meanwhile is not deleted unread, at whatever time they do it.
 * What they have deleted unread is known.
 */
static void test_others_delete_and_stage_meanwhile(void **state)
{
	struct stager_result result;
	unsigned int lost = 0;

	(void)state;
	for (meddle_at = 1; ; meddle_at++) {
		fake_end();
		start_machine(NULL);
		fake_measure("file", 3);
		assert_int_equal(service(&result), 0);
		fake_measure("file", 3);
		syscalls_reset();
		syscalls.hook = meddle;
		assert_int_equal(service(&result), 0);
		if (syscalls.hook)
			break;
		assert_int_equal(service(&result), 0);
		assert_int_equal(service(&result), 0);
		read_saved(1);
		assert_int_equal(fake_number("staged_count"), 0);
		assert_int_equal(saved.records,
				 fake_number("ima/runtime_measurements_deleted"));
		/* All that was staged, before it was read. */
		assert_true(saved.gaps == 0 || saved.gaps == 3);
		lost += !!saved.gaps;
	}
	assert_in_range(lost, 1, 5);
	assert_true(meddle_at > 25);
}

static void test_one_service_only(void **state)
{
	static struct store other;

	(void)state;
	assert_int_equal(service_start(), 0);
	assert_int_equal(store_open(&other, fake_path("store")), -EBUSY);
	service_stop();
	assert_int_equal(store_open(&other, fake_path("store")), 0);
	store_close(&other);
}

/* ---- damage -------------------------------------------------------------------------------- */

/* Stop after the segment is saved, but not deleted. */
static void save_only(void)
{
	struct stager_result result;

	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_keep = false;
}

static void change_byte(const char *name, size_t at)
{
	struct bytes bytes = { };

	fake_read(name, &bytes);
	bytes.data[at] ^= 1;
	fake_write(name, bytes.data, bytes.len);
	bytes_free(&bytes);
}

static const char *const segment_files[] = {
	"store/epoch-00000001/00000002.binary_sha1",
	"store/epoch-00000001/00000002.ascii_sha1",
};

/* What was not read back as it is staged is not deleted, whatever the byte. */
static void test_damaged_segment(void **state)
{
	struct stager_result result;
	struct bytes bytes = { };
	size_t i, at;

	(void)state;
	save_only();
	for (i = 0; i < 2; i++) {
		fake_read(segment_files[i], &bytes);
		for (at = 0; at < bytes.len; at += 7) {
			change_byte(segment_files[i], at);
			assert_int_equal(service(&result), -EILSEQ);
			assert_false(result.deleted);
			change_byte(segment_files[i], at);
		}
		fake_write(segment_files[i], bytes.data, bytes.len - 1);
		assert_int_equal(service(&result), -EILSEQ);
		bytes_add(&bytes, "x", 1);
		fake_write(segment_files[i], bytes.data, bytes.len);
		assert_int_equal(service(&result), -EILSEQ);
		unlink(fake_path(segment_files[i]));
		assert_int_equal(service(&result), -EILSEQ);
		fake_write(segment_files[i], bytes.data, bytes.len - 1);
		bytes_free(&bytes);
	}
	assert_int_equal(fake_number("staged_count"), 3);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.found, 3);
	assert_int_equal(result.saved, 0);
	assert_whole(1);
	assert_pcr();
}

static void test_damaged_manifest(void **state)
{
	struct stager_result result;
	struct bytes bytes = { };
	size_t at;

	(void)state;
	save_only();
	fake_read(MANIFEST, &bytes);
	for (at = 0; at < bytes.len - 1; at += 5) {
		change_byte(MANIFEST, at);
		assert_int_equal(service(&result), -EBADMSG);
		change_byte(MANIFEST, at);
	}
	assert_int_equal(fake_number("staged_count"), 3);
	bytes_free(&bytes);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
}

/* The second segment is deleted, and its lines are lost. Sets @whole to the manifest before. */
static void lose_lines(struct bytes *whole)
{
	struct stager_result result;
	struct bytes lost = { };

	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_read(MANIFEST, &lost);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_read(MANIFEST, whole);
	fake_measure("file", 3);
	fake_write(MANIFEST, lost.data, lost.len);
	bytes_free(&lost);
}

/* Lines of segments that were deleted are gone: their files are kept, and it is noticed. */
static void test_manifest_has_lost_lines(void **state)
{
	static const char put_aside[] =
		"store/epoch-00000001/left-over/00000002.binary_sha1.0";
	struct stager_result result;
	struct bytes whole = { };

	(void)state;
	lose_lines(&whole);
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(result.saved, 0);
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(fake_number("staged_count"), 3);
	assert_true(exists(put_aside));
	assert_int_equal(service_start(), 0);
	assert_int_equal(stager_cycle(&stager, &result), -EILSEQ);
	/* Put back, all is as it was. A service that runs meanwhile replaces nothing. */
	fake_write(MANIFEST, whole.data, whole.len);
	assert_int_equal(rename(fake_path(put_aside),
				fake_path("store/epoch-00000001/00000002.binary_sha1")), 0);
	assert_int_equal(rename(fake_path("store/epoch-00000001/left-over/00000002.ascii_sha1.0"),
				fake_path("store/epoch-00000001/00000002.ascii_sha1")), 0);
	assert_int_equal(stager_cycle(&stager, &result), -EILSEQ);
	service_stop();
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	assert_whole(1);
	assert_pcr();
	bytes_free(&whole);
}

/* The same while the service runs, which does not go on with such a manifest. */
static void test_manifest_is_changed_meanwhile(void **state)
{
	struct stager_result result;
	struct bytes whole = { };

	(void)state;
	assert_int_equal(service_start(), 0);
	fake_measure("file", 3);
	assert_int_equal(stager_cycle(&stager, &result), 0);
	fake_read(MANIFEST, &whole);
	fake_measure("file", 3);
	assert_int_equal(truncate(fake_path(MANIFEST), (off_t)whole.len - 1), 0);
	assert_int_equal(stager_cycle(&stager, &result), -EBADMSG);
	assert_int_equal(stager_cycle(&stager, &result), -EBADMSG);
	bytes_add(&whole, "more\n", 5);
	fake_write(MANIFEST, whole.data, whole.len);
	assert_int_equal(stager_cycle(&stager, &result), -EBADMSG);
	assert_int_equal(fake_number("ima/runtime_measurements_deleted"), 3);
	fake_write(MANIFEST, whole.data, whole.len - 5);
	assert_int_equal(stager_cycle(&stager, &result), 0);
	/* All is saved already, and nothing is appended before it is deleted. */
	fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(stager_cycle(&stager, &result), -KERNEL_COPIED);
	fake_keep = false;
	bytes_free(&whole);
	fake_read(MANIFEST, &whole);
	bytes_add(&whole, "more\n", 5);
	fake_write(MANIFEST, whole.data, whole.len);
	assert_int_equal(stager_cycle(&stager, &result), -EBADMSG);
	assert_false(result.deleted);
	fake_write(MANIFEST, whole.data, whole.len - 5);
	assert_int_equal(stager_cycle(&stager, &result), 0);
	service_stop();
	assert_whole(1);
	assert_pcr();
	bytes_free(&whole);
}

/* The next kernel counts from 0: it is the PCR that tells. */
static void test_manifest_has_lost_lines_before_kexec(void **state)
{
	struct stager_result result;
	struct bytes whole = { };

	(void)state;
	lose_lines(&whole);
	machine_kexec();
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(fake_number("ima/runtime_measurements_deleted"), 0);
	bytes_free(&whole);
}

/* That segment was not finished. Its records were carried, so that none is missing. */
static void unfinished_before_kexec(unsigned int segment)
{
	struct stager_result result;
	struct bytes before = { };
	char name[80];

	fake_read(MANIFEST, &before);
	fake_measure("file", 3);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_keep = false;
	fake_write(MANIFEST, before.data, before.len);
	bytes_free(&before);
	machine_kexec();
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.saved, 3);
	snprintf(name, sizeof(name), "store/epoch-00000001/left-over/%08u.binary_sha1.0",
		 segment);
	assert_true(exists(name));
	assert_whole(1);
	assert_pcr();
}

static void test_unfinished_segment_before_kexec(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	unfinished_before_kexec(2);
}

/* Of the first segment there is no other one before it that tells: the PCR does. */
static void test_unfinished_first_segment_before_kexec(void **state)
{
	struct stager_result result;

	(void)state;
	assert_int_equal(service(&result), 0);
	unfinished_before_kexec(1);
}

/* Not all of them were carried, so that some were deleted, and may be what is put aside. */
static void test_lost_first_segment_before_kexec(void **state)
{
	struct stager_result result;
	struct bytes manifest = { };

	(void)state;
	assert_int_equal(service(&result), 0);
	fake_read(MANIFEST, &manifest);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 2);
	fake_write(MANIFEST, manifest.data, manifest.len);
	bytes_free(&manifest);
	machine_kexec();
	assert_int_equal(service(&result), -EILSEQ);
	assert_int_equal(fake_number("ima/runtime_measurements_deleted"), 0);
}

/* What an epoch saves is for all of it: what the kernel does not have is not taken. */
static void test_list_that_the_kernel_lacks(void **state)
{
	struct stager_result result;
	unsigned int files = service_files;

	(void)state;
	assert_int_equal(unlink(fake_path("ima/binary_runtime_measurements_sha256_staged")), 0);
	fake_measure("file", 3);
	service_files = 3;
	assert_int_equal(service(&result), -EINVAL);
	assert_false(exists("store/epoch-00000001"));
	service_files = files;
	assert_int_equal(service(&result), 0);
	assert_whole(1);
}

/* The last line ends anywhere: its segment is put aside, and saved again. */
static void test_torn_manifest(void **state)
{
	struct stager_result result;
	struct bytes bytes = { };
	size_t line, cut;

	(void)state;
	save_only();
	fake_read(MANIFEST, &bytes);
	for (line = bytes.len - 1; line && bytes.data[line - 1] != '\n'; line--)
		;
	for (cut = line; cut < bytes.len; cut += 97) {
		fake_write(MANIFEST, bytes.data, cut);
		fake_keep = true;
		assert_int_equal(service(&result), -KERNEL_COPIED);
		fake_keep = false;
		assert_int_equal(result.saved, 3);
		assert_true(exists("store/epoch-00000001/left-over/00000002.binary_sha1.0"));
	}
	bytes_free(&bytes);
	assert_int_equal(service(&result), 0);
	assert_int_equal(result.found, 3);
	assert_whole(1);
	assert_pcr();
}

static void test_left_overs(void **state)
{
	struct stager_result result;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_write("store/epoch-00000001/00000002.binary_sha1.tmp", "x", 1);
	fake_write("store/epoch-00000001/00000002.binary_sha1", "x", 1);
	fake_write("store/epoch-00000001/0000001.binary_sha1", "x", 1);
	fake_write("store/epoch-00000001/other", "x", 1);
	mkdir(fake_path("store/new-epoch"), 0700);
	fake_write("store/new-epoch/manifest", "x", 1);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_false(exists("store/new-epoch"));
	assert_false(exists("store/epoch-00000001/00000002.binary_sha1.tmp"));
	assert_true(exists("store/epoch-00000001/left-over/00000002.binary_sha1.0"));
	assert_true(exists("store/epoch-00000001/left-over/0000001.binary_sha1.0"));
	assert_true(exists("store/epoch-00000001/left-over/other.0"));
}

/* The kernel shows what is no list of records: it is kept there. */
static void test_list_that_is_none(void **state)
{
	static const char name[] = "ima/binary_runtime_measurements_sha1_staged";
	struct stager_result result;
	struct bytes bytes = { };

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(fake_command("A", 1, true), 0);
	fake_read(name, &bytes);
	fake_write(name, bytes.data, bytes.len - 1);
	assert_int_equal(service(&result), -EBADMSG);
	fake_write(name, "no list of records at all, by no means", 38);
	assert_int_equal(service(&result), -EBADMSG);
	assert_int_equal(fake_number("staged_count"), 3);
	assert_false(exists("store/epoch-00000001/00000001.binary_sha1"));
	fake_write(name, bytes.data, bytes.len);
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	bytes_free(&bytes);
}

static void test_kernel_without_staging(void **state)
{
	struct stager_result result;

	(void)state;
	unlink(fake_path("ima/runtime_measurements_deleted"));
	assert_int_equal(service(&result), -EOPNOTSUPP);
}

/* ---- each system call ----------------------------------------------------------------------- */

static int live(void *context)
{
	struct stager_result result;

	(void)context;
	return service(&result);
}

/* A service that is stopped after call @stop. Return: whether it was. */
static bool stopped_service(unsigned int stop, unsigned int lose)
{
	return stopped_after(stop, lose, live, NULL);
}

enum then {
	GO_ON,
	KEXEC,
};

/* Stop after each call of a service's life, then again in the next one's. */
static unsigned int stop_everywhere(bool first_epoch, enum then then,
				    unsigned int again)
{
	struct stager_result result;
	unsigned int stop;
	bool stopped;

	for (stop = 1; ; stop++) {
		fake_end();
		start_machine(NULL);
		fake_measure("file", 3);
		if (!first_epoch) {
			assert_int_equal(service(&result), 0);
			fake_measure("file", 4);
		}
		stopped = stopped_service(stop, 0);
		fake_measure("file", 2);
		if (then == KEXEC) {
			machine_kexec();
			fake_measure_same("boot_aggregate");
		}
		if (again) {
			stopped_service(again, 0);
			fake_measure("file", 1);
		}
		assert_int_equal(service(&result), 0);
		assert_int_equal(service(&result), 0);
		assert_whole(1);
		assert_pcr();
		if (!stopped)
			break;
	}
	return stop;
}

static void test_stopped_after_each_call(void **state)
{
	(void)state;
	assert_true(stop_everywhere(true, GO_ON, 0) > 40);
	assert_true(stop_everywhere(false, GO_ON, 0) > 25);
}

static void test_stopped_after_each_call_then_kexec(void **state)
{
	(void)state;
	stop_everywhere(true, KEXEC, 0);
	stop_everywhere(false, KEXEC, 0);
}

/* Not all of the second times, unless IMALOG_TEST_ALL is set: there are many. */
static void test_stopped_twice(void **state)
{
	unsigned int step = getenv("IMALOG_TEST_ALL") ? 1 : 31;
	unsigned int again;

	(void)state;
	for (again = 12; again < 90; again += step) {
		stop_everywhere(false, GO_ON, again);
		stop_everywhere(false, KEXEC, again);
	}
}

/* Of a machine that had saved 3 records, and has measured 4 since */
static void start_with_records(void)
{
	struct stager_result result;

	fake_end();
	start_machine(NULL);
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	syscalls_reset();
	fake_measure("file", 4);
}

/* What was deleted is saved, and what is saved are the first records. */
static void assert_deleted_is_saved(void)
{
	struct bytes truth = { };
	uint64_t deleted;
	size_t i;

	deleted = fake_number("ima/runtime_measurements_deleted");
	assert_true(deleted == 3 || deleted == 7);
	/* The manifest may be torn until the store is opened. */
	assert_int_equal(store_open(&stager.store, fake_path("store")), 0);
	store_close(&stager.store);
	read_saved(1);
	assert_int_equal(saved.gaps, 0);
	assert_true(saved.records >= deleted);
	for (i = 0; i < 2; i++) {
		fake_read(truths[i], &truth);
		assert_true(truth.len >= saved.lists[i].len);
		assert_memory_equal(truth.data, saved.lists[i].data,
				    saved.lists[i].len);
		bytes_free(&truth);
	}
}

/* The power fails after each call. */
static unsigned int lose_power_everywhere(unsigned int lose)
{
	struct stager_result result;
	unsigned int stop;
	bool stopped;

	for (stop = 1; ; stop++) {
		start_with_records();
		stopped = stopped_service(stop, lose);
		assert_deleted_is_saved();
		machine_reboot();
		fake_measure("file", 2);
		assert_int_equal(service(&result), 0);
		assert_whole(2);
		assert_pcr();
		if (!stopped)
			break;
	}
	return stop;
}

static void test_power_fails_after_each_call(void **state)
{
	unsigned int lose;

	(void)state;
	for (lose = 0; lose <= (LOSE_BYTES | LOSE_NAMES); lose++)
		assert_true(lose_power_everywhere(lose) > 40);
}

static off_t manifest_size(void)
{
	struct stat st;

	assert_int_equal(stat(fake_path(MANIFEST), &st), 0);
	return st.st_size;
}

/* How much of the manifest is on stable storage */
static off_t manifest_synced;

static int live_after_kill(void *context)
{
	syscalls_unsynced(fake_path(MANIFEST), manifest_synced);
	return live(context);
}

/* Killed before the line of a segment is synced. The next service deletes what it names. */
static void test_killed_then_power_fails(void **state)
{
	unsigned int kill, stop, unsynced = 0;
	bool killed = true, stopped = true;

	(void)state;
	for (kill = 1; killed && unsynced < 2; kill++) {
		for (stop = 1; stopped || stop == 1; stop++) {
			start_with_records();
			manifest_synced = manifest_size();
			killed = stopped_service(kill, 0);
			if (manifest_size() == manifest_synced)
				break;
			assert_int_equal(fake_number("ima/runtime_measurements_deleted"), 3);
			stopped = stopped_after(stop, LOSE_BYTES, live_after_kill, NULL);
			assert_deleted_is_saved();
		}
		if (stop > 1)
			unsynced++;
	}
	assert_int_equal(unsynced, 2);
}

/* Each call fails once: nothing is lost, and the next life goes on. */
static unsigned int fail_everywhere(bool first_epoch, int error)
{
	unsigned int of_disk = 0;
	struct stager_result result;
	unsigned int fail;
	bool failed;
	int ret;

	for (fail = 1; ; fail++) {
		fake_end();
		start_machine(NULL);
		fake_measure("file", 3);
		if (!first_epoch) {
			assert_int_equal(service(&result), 0);
			fake_measure("file", 4);
		}
		syscalls.count = 0;
		syscalls.fail = fail;
		syscalls.error = error;
		ret = service(&result);
		failed = syscalls.count >= fail;
		syscalls.fail = 0;
		of_disk += ret == -EIO;
		/* Who is told that all is well believes it. */
		if (!ret)
			assert_int_equal(fake_number("ima/runtime_measurements_deleted"),
					 first_epoch ? 3 : 7);
		fake_measure("file", 2);
		assert_int_equal(service(&result), 0);
		assert_int_equal(service(&result), 0);
		assert_whole(1);
		assert_pcr();
		if (!failed)
			break;
	}
	assert_true(fail > 40);
	return of_disk;
}

static void test_each_call_fails(void **state)
{
	unsigned int of_disk;

	(void)state;
	of_disk = fail_everywhere(false, EIO);
	fail_everywhere(false, ENOSPC);
	fail_everywhere(true, EROFS);
	fail_everywhere(true, ENODATA);
	/* All but the few calls for the kernel's lists, which have no disk */
	assert_true(fail_everywhere(false, EILSEQ) + 10 > of_disk);
}

/* A disk says by other numbers that it fails, some of which mean something else here. */
static void test_errors_of_a_disk(void **state)
{
	static const struct { int says, is; } errors[] = {
		{ ENODATA, EIO }, { ENOLINK, EIO }, { EILSEQ, EIO }, { ETIMEDOUT, EIO },
		{ EBADMSG, EIO }, { EIO, EIO }, { ENOSPC, ENOSPC }, { EDQUOT, EDQUOT },
		{ EROFS, EROFS }, { EUCLEAN, EUCLEAN }, { ESTALE, ESTALE },
	};
	struct stager_result result;
	size_t i;

	(void)state;
	fake_measure("file", 3);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 4);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		syscalls.sync_error = errors[i].says;
		assert_int_equal(service(&result), -errors[i].is);
		assert_int_equal(fake_number("ima/runtime_measurements_deleted"), 3);
	}
	syscalls.sync_error = 0;
	assert_int_equal(service(&result), 0);
	assert_whole(1);
	assert_pcr();
}

/* The same while the service runs on. */
static void test_each_call_fails_while_running(void **state)
{
	struct stager_result result;
	unsigned int fail;
	bool failed;

	(void)state;
	for (fail = 1; ; fail++) {
		fake_end();
		start_machine(NULL);
		fake_measure("file", 3);
		assert_int_equal(service_start(), 0);
		assert_int_equal(stager_cycle(&stager, &result), 0);
		fake_measure("file", 4);
		syscalls.count = 0;
		syscalls.fail = fail;
		syscalls.error = ENOSPC;
		stager_cycle(&stager, &result);
		failed = syscalls.count >= fail;
		syscalls.fail = 0;
		fake_measure("file", 2);
		assert_int_equal(stager_cycle(&stager, &result), 0);
		assert_int_equal(stager_cycle(&stager, &result), 0);
		service_stop();
		/* "deleted" may be what was not noted. */
		fake_measure("file", 1);
		assert_int_equal(service(&result), 0);
		assert_whole(1);
		assert_pcr();
		if (!failed)
			break;
	}
	assert_true(fail > 30);
}

static unsigned int open_files(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_no_descriptor_is_left_open(void **state)
{
	struct stager_result result;
	unsigned int before, fail;
	bool failed;

	(void)state;
	for (fail = 1; ; fail++) {
		fake_end();
		start_machine(NULL);
		fake_measure("file", 3);
		assert_int_equal(service(&result), 0);
		fake_measure("file", 4);
		syscalls_reset();
		before = open_files();
		syscalls.fail = fail;
		syscalls.error = EIO;
		service(&result);
		failed = syscalls.count >= fail;
		/* Those that the tests keep */
		syscalls_reset();
		assert_int_equal(open_files(), before);
		if (!failed)
			break;
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start_machine, stop_machine)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cycles),
		TEST(test_nothing_to_do),
		TEST(test_starts_again),
		TEST(test_long_list),
		TEST(test_reads_and_writes_in_parts),
		TEST(test_what_was_staged_by_others_is_saved),
		TEST(test_new_epoch_after_reboot),
		TEST(test_resume_is_no_new_epoch),
		TEST(test_resume_that_was_not_noted),
		TEST(test_no_answer_of_the_tpm),
		TEST(test_clear_that_was_not_noted),
		TEST(test_reset_of_an_empty_epoch),
		TEST(test_restart_is_a_new_epoch),
		TEST(test_new_epoch_with_the_same_counters),
		TEST(test_without_tpm),
		TEST(test_kexec_after_deletion),
		TEST(test_kexec_before_deletion),
		TEST(test_kexec_after_deletion_that_is_not_noted),
		TEST(test_kexec_and_the_same_bytes),
		TEST(test_kexec_and_the_same_bytes_again),
		TEST(test_kexec_again_and_again_before_deletion),
		TEST(test_kexec_and_a_damaged_segment),
		TEST(test_copied_for_the_next_kernel),
		TEST(test_others_have_the_files_open),
		TEST(test_others_have_deleted),
		TEST(test_others_delete_and_stage_meanwhile),
		TEST(test_one_service_only),
		TEST(test_damaged_segment),
		TEST(test_damaged_manifest),
		TEST(test_torn_manifest),
		TEST(test_manifest_has_lost_lines),
		TEST(test_manifest_is_changed_meanwhile),
		TEST(test_manifest_has_lost_lines_before_kexec),
		TEST(test_unfinished_segment_before_kexec),
		TEST(test_unfinished_first_segment_before_kexec),
		TEST(test_lost_first_segment_before_kexec),
		TEST(test_list_that_the_kernel_lacks),
		TEST(test_left_overs),
		TEST(test_list_that_is_none),
		TEST(test_kernel_without_staging),
		TEST(test_stopped_after_each_call),
		TEST(test_stopped_after_each_call_then_kexec),
		TEST(test_stopped_twice),
		TEST(test_power_fails_after_each_call),
		TEST(test_killed_then_power_fails),
		TEST(test_each_call_fails),
		TEST(test_errors_of_a_disk),
		TEST(test_each_call_fails_while_running),
		TEST(test_no_descriptor_is_left_open),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("stager", tests, NULL, NULL);
}
