// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of manifest.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest.h"
#include "util.h"

static const char *const banks[] = { "sha1", "sha256" };

static void make_header(struct manifest_line *line)
{
	memset(line, 0, sizeof(*line));
	line->kind = MANIFEST_HEADER;
	line->header.epoch = 3;
	line->header.nr_files = 2;
	assert_int_equal(list_file_find("binary_sha1", &line->header.files[0]), 0);
	assert_int_equal(list_file_find("ascii_sha256", &line->header.files[1]), 0);
	line->header.nr_banks = 2;
	line->header.banks[0] = hash_algo_find("sha1")->name;
	line->header.banks[1] = hash_algo_find("sha256")->name;
}

static void make_segment(struct manifest_line *line)
{
	struct segment *s = &line->segment;

	make_header(line);
	line->kind = MANIFEST_SEGMENT;
	s->epoch = 3;
	s->number = 7;
	s->first = 1001;
	s->count = 12;
	s->order = ORDER_BIG;
	s->files[0].bytes = 4711;
	s->files[1].bytes = 0;
	memset(s->files[0].sha256, 0xab, MANIFEST_SHA256);
	pcr_values_init(&s->before, banks, 2);
	pcr_values_init(&s->after, banks, 2);
	s->after.touched = 1 << 10 | 1ULL << 63;
	memset(s->after.value[10][0], 1, 20);
	memset(s->after.value[10][1], 2, 32);
	memset(s->after.value[63][1], 3, 32);
}

static int parse(const char *text, size_t len, struct manifest_line *line)
{
	char *copy = malloc(len);
	const char *why;
	int ret;

	memcpy(copy, text, len);
	ret = manifest_parse(copy, len, line, &why);
	assert_int_equal(!why, !ret);
	free(copy);
	return ret;
}

static void test_header_and_back(void **state)
{
	static const char start[] =
		"imalog version=1 epoch=3 files=binary_sha1,ascii_sha256 banks=sha1,sha256 sum=";
	static struct manifest_line line, again;
	char *text;
	size_t len;

	(void)state;
	make_header(&line);
	assert_int_equal(manifest_format(&line, &text, &len), 0);
	assert_int_equal(strncmp(text, start, strlen(start)), 0);
	assert_int_equal(parse(text, len, &again), 0);
	assert_int_equal(again.kind, MANIFEST_HEADER);
	assert_memory_equal(&again.header, &line.header, sizeof(line.header));
	free(text);
}

static void test_boot_and_back(void **state)
{
	static struct manifest_line line, again;
	char *text;
	size_t len;

	(void)state;
	make_header(&line);
	line.kind = MANIFEST_BOOT;
	line.boot = (struct manifest_boot){
		.id = "01234567-89ab-cdef-0123-456789abcdef",
		.tpm = true, .reset = UINT32_MAX, .restart = 2, .first = 404,
	};
	assert_int_equal(manifest_format(&line, &text, &len), 0);
	assert_int_equal(parse(text, len, &again), 0);
	assert_int_equal(again.kind, MANIFEST_BOOT);
	assert_memory_equal(&again.boot, &line.boot, sizeof(line.boot));
	free(text);
}

static void test_segment_and_back(void **state)
{
	static struct manifest_line line, again;
	char *text;
	size_t len;

	(void)state;
	make_segment(&line);
	assert_int_equal(manifest_format(&line, &text, &len), 0);
	make_header(&again);
	assert_int_equal(parse(text, len, &again), 0);
	assert_int_equal(again.kind, MANIFEST_SEGMENT);
	assert_memory_equal(&again.segment, &line.segment, sizeof(line.segment));
	free(text);
}

/* Whatever byte is changed, the line is refused. */
static void test_changed_line(void **state)
{
	static struct manifest_line line, again;
	char *text;
	size_t len, i;

	(void)state;
	make_segment(&line);
	assert_int_equal(manifest_format(&line, &text, &len), 0);
	make_header(&again);
	for (i = 0; i < len; i++) {
		text[i] ^= 1;
		assert_int_equal(parse(text, len, &again), -EBADMSG);
		text[i] ^= 1;
	}
	for (i = 0; i < len; i++)
		assert_int_equal(parse(text, i, &again), -EBADMSG);
	free(text);
}

/* The sum of a line that was written by somebody who can calculate it */
static void seal(const char *text, char *line)
{
	uint8_t digest[DIGEST_MAX];
	char sum[DIGEST_TEXT_MAX];
	struct hasher hasher;

	hasher_init(&hasher, hash_algo_find("sha256"));
	hasher_begin(&hasher);
	hasher_add(&hasher, text, strlen(text));
	hasher_end(&hasher, digest);
	hasher_free(&hasher);
	digest_to_text(digest, 16, sum);
	sprintf(line, "%s sum=%s\n", text, sum);
}

#define ID "id=01234567-89ab-cdef-0123-456789abcdef"
#define SHA "0000000000000000000000000000000000000000000000000000000000000000"
#define SEGMENT(numbers, rest) "segment epoch=3 " numbers " order=little " rest
#define BEFORE " before=- after="
#define PCRS " before=- after=-"

static const char *const good_lines[] = {
	"boot " ID " tpm=no reset=0 restart=0 first=1",
	"deleted number=1",
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA PCRS),
	"imalog version=1 epoch=1 files=binary_sha1 banks=sha1",
};

static const char *const bad_lines[] = {
	"",
	"deleted",
	"deleted ",
	"deleted number=",
	"deleted number=01",
	"deleted number=-1",
	"deleted number=18446744073709551616",
	"deleted number=1 ",
	"deleted number=1 more=2",
	"deleted  number=1",
	"delete number=1",
	"boot " ID " tpm=maybe reset=0 restart=0 first=1",
	"boot " ID " tpm=no reset=4294967296 restart=0 first=1",
	"boot " ID " tpm=no reset=0 restart=0 first=0",
	"boot " ID " tpm=no reset=0 restart=0 first=9223372036854775808",
	"boot id=0 tpm=no reset=0 restart=0 first=1",
	"boot id=01234567-89ab-cdef-0123-456789abcdefff tpm=no reset=0 restart=0 first=1",
	"boot id=/1234567-89ab-cdef-0123-456789abcdef tpm=no reset=0 restart=0 first=1",
	"imalog version=2 epoch=1 files=binary_sha1 banks=sha1",
	"imalog version=1 epoch=1 files=ascii_sha1 banks=sha1",
	"imalog version=1 epoch=1 files=binary_crc banks=sha1",
	"imalog version=1 epoch=1 files=../../etc/passwd banks=sha1",
	"imalog version=1 epoch=1 files=binary_sha1 banks=sha1,sha1",
	"imalog version=1 epoch=1 files=binary_sha1 banks=crc",
	"imalog version=1 epoch=1 files=binary_sha1 banks=sha1,sha256,sha384,sha512,sm3,sha224,sha3-256,sha3-384,sha3-512",
	"imalog version=1 epoch=1 banks=sha1 files=binary_sha1",
	"segment epoch=4 number=1 first=1 count=1 order=little bytes=1,2 sha256=" SHA "," SHA PCRS,
	SEGMENT("number=1 first=0 count=1", "bytes=1,2 sha256=" SHA "," SHA PCRS),
	SEGMENT("number=1 first=1 count=0", "bytes=1,2 sha256=" SHA "," SHA PCRS),
	SEGMENT("number=1 first=1 count=9223372036854775808", "bytes=1,2 sha256=" SHA "," SHA PCRS),
	SEGMENT("number=1 first=1 count=1", "bytes=1 sha256=" SHA "," SHA PCRS),
	SEGMENT("number=1 first=1 count=1", "bytes=1,2,3 sha256=" SHA "," SHA PCRS),
	SEGMENT("number=1 first=1 count=1", "bytes=1,2 sha256=" SHA PCRS),
	SEGMENT("number=1 first=1 count=1", "bytes=1,2 sha256=" SHA ",00" PCRS),
	SEGMENT("number=1 first=1 count=1", "bytes=1,2 sha256=" SHA "," SHA " before= after=-"),
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA BEFORE "10"),
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA BEFORE "10:sha1"),
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA BEFORE "10:sha1:00"),
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA BEFORE "64:sha256:" SHA),
	SEGMENT("number=1 first=1 count=1",
		"bytes=1,2 sha256=" SHA "," SHA BEFORE "10:sm3:" SHA),
};

static void test_lines_with_a_good_sum(void **state)
{
	static struct manifest_line line;
	char text[2048];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good_lines); i++) {
		make_header(&line);
		seal(good_lines[i], text);
		if (parse(text, strlen(text), &line))
			fail_msg("refused: %s", good_lines[i]);
	}
	for (i = 0; i < ARRAY_SIZE(bad_lines); i++) {
		make_header(&line);
		seal(bad_lines[i], text);
		if (parse(text, strlen(text), &line) != -EBADMSG)
			fail_msg("taken: %s", bad_lines[i]);
	}
}

/* A manifest is read from a file that ends anywhere. */
static void test_reader(void **state)
{
	static struct manifest_reader reader;
	static struct manifest_line header, segment;
	char *first, *second, name[] = "/tmp/imalog-manifest.XXXXXX", line[256];
	size_t first_len, second_len, cut;
	int fd, lines, ret;

	(void)state;
	make_header(&header);
	make_segment(&segment);
	assert_int_equal(manifest_format(&header, &first, &first_len), 0);
	assert_int_equal(manifest_format(&segment, &second, &second_len), 0);
	fd = mkstemp(name);
	unlink(name);
	for (cut = 0; cut <= second_len; cut++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, first, first_len, 0), first_len);
		assert_int_equal(pwrite(fd, second, cut, first_len), cut);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(manifest_reader_init(&reader, fd), 0);
		for (lines = 0; (ret = manifest_reader_next(&reader)) == 1; )
			lines++;
		assert_int_equal(ret, 0);
		assert_int_equal(lines, cut == second_len ? 2 : 1);
		assert_int_equal(reader.bytes, cut == second_len ?
				 first_len + second_len : first_len);
		assert_int_equal(reader.torn, cut && cut != second_len);
		manifest_reader_free(&reader);
	}
	/* Without its first line, and with a line that is damaged */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, second, second_len, 0), second_len);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(manifest_reader_init(&reader, fd), 0);
	assert_int_equal(manifest_reader_next(&reader), -EBADMSG);
	assert_non_null(reader.why);
	manifest_reader_free(&reader);
	seal("deleted number=1", line);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, line, strlen(line), 0), strlen(line));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(manifest_reader_init(&reader, fd), 0);
	assert_int_equal(manifest_reader_next(&reader), -EBADMSG);
	manifest_reader_free(&reader);
	first[3] = 'X';
	assert_int_equal(pwrite(fd, first, first_len, 0), first_len);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(manifest_reader_init(&reader, fd), 0);
	assert_int_equal(manifest_reader_next(&reader), -EBADMSG);
	manifest_reader_free(&reader);
	close(fd);
	free(first);
	free(second);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_and_back),
		cmocka_unit_test(test_boot_and_back),
		cmocka_unit_test(test_segment_and_back),
		cmocka_unit_test(test_changed_line),
		cmocka_unit_test(test_lines_with_a_good_sum),
		cmocka_unit_test(test_reader),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
