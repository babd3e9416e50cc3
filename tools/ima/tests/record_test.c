// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of record.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lists.h"
#include "record.h"
#include "util.h"

static const struct list_maker little = { ORDER_LITTLE, "sha1" };
static const struct list_maker big = { ORDER_BIG, "sha1" };
static const struct list_maker little_256 = { ORDER_LITTLE, "sha256" };

/* What the parser said, one after the other */
struct seen {
	size_t nr;
	struct bytes raw;
	struct record last;
	char name[RECORD_NAME_MAX + 1];
	int answer;
};

static int see(const struct record *record, void *context)
{
	struct seen *seen = context;

	seen->nr++;
	seen->last = *record;
	bytes_add(&seen->raw, record->raw, record->raw_len);
	memcpy(seen->name, record->name, record->name_len);
	seen->name[record->name_len] = '\0';
	return seen->answer;
}

static void forget(struct seen *seen)
{
	bytes_free(&seen->raw);
	*seen = (struct seen){ };
}

/* Feed all of a list in blocks of one size. */
static int feed(struct record_parser *parser, const struct bytes *list,
		size_t block, struct seen *seen)
{
	size_t at, len;
	int ret = 0;

	for (at = 0; at < list->len && !ret; at += len) {
		len = list->len - at < block ? list->len - at : block;
		ret = record_parser_feed(parser, list->data + at, len, see, seen);
	}
	return ret;
}

static void mixed_list(const struct list_maker *maker, struct bytes *list)
{
	uint8_t zero[20 + 4] = { };

	list_add_ng(maker, list, "boot_aggregate");
	list_add_sig(maker, list, "/usr/bin/signed", 300);
	list_add_legacy(maker, list, "/usr/bin/old");
	list_add_violation(maker, list, 10, "ima", zero, sizeof(zero));
	list_add(maker, list, 11, "d-ng|n-ng", "", 0);
	list_add_ng(maker, list, "/usr/bin/new");
}

static void test_parts_of_a_record(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };

	(void)state;
	list_add_ng(&little, &list, "/bin/sh");
	record_parser_init(&parser, 20, ORDER_UNKNOWN);
	assert_int_equal(record_parser_feed(&parser, list.data, list.len, see,
					    &seen), 0);
	assert_int_equal(record_parser_end(&parser), 0);
	assert_int_equal(seen.nr, 1);
	assert_int_equal(parser.count, 1);
	assert_int_equal(parser.offset, list.len);
	assert_int_equal(parser.order, ORDER_LITTLE);
	assert_int_equal(seen.last.pcr, 10);
	assert_string_equal(seen.name, "ima-ng");
	assert_false(seen.last.legacy);
	assert_false(seen.last.violation);
	/* Two fields, each with its length */
	assert_int_equal(seen.last.data_len, 4 + 40 + 4 + 8);
	assert_memory_equal(seen.last.data + 4, "sha256:", 8);
	assert_memory_equal(seen.last.data + 4 + 40 + 4, "/bin/sh", 8);
	record_parser_free(&parser);
	forget(&seen);
	bytes_free(&list);
}

static void test_legacy_template(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };

	(void)state;
	list_add_legacy(&big, &list, "/bin/sh");
	record_parser_init(&parser, 20, ORDER_UNKNOWN);
	assert_int_equal(record_parser_feed(&parser, list.data, list.len, see,
					    &seen), 0);
	assert_int_equal(seen.nr, 1);
	assert_int_equal(parser.order, ORDER_BIG);
	assert_true(seen.last.legacy);
	assert_int_equal(seen.last.data_len, 20 + 4 + 7);
	assert_memory_equal(seen.last.data + 20 + 4, "/bin/sh", 7);
	record_parser_free(&parser);
	forget(&seen);
	bytes_free(&list);
}

/* In blocks of any size the same records come out, each whole. */
static void blocks(const struct list_maker *maker, size_t digest_size,
		   enum byte_order order)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };
	size_t block;

	mixed_list(maker, &list);
	for (block = 1; block <= list.len; block++) {
		record_parser_init(&parser, digest_size, order);
		assert_int_equal(feed(&parser, &list, block, &seen), 0);
		assert_int_equal(record_parser_end(&parser), 0);
		assert_int_equal(seen.nr, 6);
		assert_int_equal(seen.raw.len, list.len);
		assert_memory_equal(seen.raw.data, list.data, list.len);
		assert_int_equal(parser.order, maker->order);
		record_parser_free(&parser);
		forget(&seen);
	}
	bytes_free(&list);
}

static void test_blocks_of_any_size(void **state)
{
	(void)state;
	blocks(&little, 20, ORDER_LITTLE);
	blocks(&little, 20, ORDER_UNKNOWN);
	blocks(&big, 20, ORDER_UNKNOWN);
	blocks(&little_256, 32, ORDER_LITTLE);
}

static void test_violation_is_told(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };

	(void)state;
	list_add_violation(&little_256, &list, 10, "ima-ng", "any", 3);
	record_parser_init(&parser, 32, ORDER_LITTLE);
	assert_int_equal(record_parser_feed(&parser, list.data, list.len, see,
					    &seen), 0);
	assert_int_equal(seen.nr, 1);
	assert_true(seen.last.violation);
	record_parser_free(&parser);
	forget(&seen);
	bytes_free(&list);
}

/* At each byte the list can end, and that is told unless a record ends there. */
static void test_truncated_at_each_byte(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };
	uint64_t whole;
	size_t len;
	int end;

	(void)state;
	mixed_list(&little, &list);
	for (len = 0; len <= list.len; len++) {
		record_parser_init(&parser, 20, ORDER_UNKNOWN);
		assert_int_equal(record_parser_feed(&parser, list.data, len,
						    see, &seen), 0);
		whole = parser.offset;
		end = record_parser_end(&parser);
		assert_int_equal(end, whole == len ? 0 : -EBADMSG);
		assert_int_equal(!parser.why, whole == len);
		record_parser_free(&parser);
		forget(&seen);
	}
	bytes_free(&list);
}

/**
 * struct bad - a list that is refused
 * @what: what is wrong with it
 * @pcr: its PCR
 * @name_len: length of the template's name, as said
 * @name: the name
 * @data_len: length of the data, as said
 * @why: a part of the reason that is given
 */
struct bad {
	const char *what;
	uint32_t pcr;
	uint32_t name_len;
	const char *name;
	uint32_t data_len;
	const char *why;
};

static const struct bad bad_records[] = {
	{ "no name", 10, 0, "", 0, "length of the template's name" },
	{ "long name", 10, 256, "ima-ng", 0, "length of the template's name" },
	{ "longest name", 10, UINT32_MAX, "ima-ng", 0, "length of the template's name" },
	{ "space in the name", 10, 6, "ima ng", 0, "name of a template" },
	{ "control character", 10, 6, "ima\nng", 0, "name of a template" },
	{ "not ASCII", 10, 6, "ima\xc3ng", 0, "name of a template" },
	{ "PCR", 64, 6, "ima-ng", 0, "PCR" },
	{ "highest PCR", UINT32_MAX, 6, "ima-ng", 0, "PCR" },
	{ "long data", 10, 6, "ima-ng", RECORD_DATA_MAX + 1, "too long" },
	{ "longest data", 10, 6, "ima-ng", UINT32_MAX, "too long" },
	{ "long file name", 10, 3, "ima", 256, "length of a file's name" },
	{ "longest file name", 10, 3, "ima", UINT32_MAX, "length of a file's name" },
};

static void test_malformed_records(void **state)
{
	const struct bad *bad;
	struct record_parser parser;
	size_t i, block, at, len;
	struct seen seen = { };
	int ret;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad_records); i++) {
		uint8_t digest[20] = { 1 };
		struct bytes list = { };

		bad = &bad_records[i];
		list_add_ng(&little, &list, "good");
		len = list.len;
		bytes_add_u32(&list, bad->pcr, ORDER_LITTLE);
		bytes_add(&list, digest, 20);
		bytes_add_u32(&list, bad->name_len, ORDER_LITTLE);
		bytes_add(&list, bad->name, strlen(bad->name));
		if (!strcmp(bad->name, "ima"))
			bytes_add(&list, digest, 20);
		bytes_add_u32(&list, bad->data_len, ORDER_LITTLE);

		for (block = 1; block <= list.len; block += 6) {
			record_parser_init(&parser, 20, ORDER_UNKNOWN);
			ret = 0;
			for (at = 0; at < list.len && !ret; at += block)
				ret = record_parser_feed(&parser, list.data + at,
							 list.len - at < block ?
							 list.len - at : block,
							 see, &seen);
			assert_int_equal(ret, -EBADMSG);
			if (!strstr(parser.why, bad->why))
				fail_msg("%s: %s", bad->what, parser.why);
			assert_int_equal(parser.count, 1);
			assert_int_equal(parser.offset, len);
			record_parser_free(&parser);
			forget(&seen);
		}
		bytes_free(&list);
	}
}

/* A length that is only said takes no memory. */
static void test_memory_follows_what_came(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };
	uint8_t digest[20] = { 1 }, rest[4096] = { 0 };
	size_t left;

	(void)state;
	bytes_add_u32(&list, 10, ORDER_LITTLE);
	bytes_add(&list, digest, 20);
	bytes_add_u32(&list, 6, ORDER_LITTLE);
	bytes_add(&list, "ima-ng", 6);
	bytes_add_u32(&list, RECORD_DATA_MAX, ORDER_LITTLE);
	record_parser_init(&parser, 20, ORDER_UNKNOWN);
	assert_int_equal(record_parser_feed(&parser, list.data, list.len, see,
					    &seen), 0);
	assert_in_range(parser.room, list.len, 512);

	/* And the longest record is taken. */
	for (left = RECORD_DATA_MAX; left; left -= sizeof(rest)) {
		assert_int_equal(seen.nr, 0);
		assert_int_equal(record_parser_feed(&parser, rest, sizeof(rest),
						    see, &seen), 0);
		assert_true(parser.room <= RECORD_MAX);
	}
	assert_int_equal(seen.nr, 1);
	assert_int_equal(seen.last.data_len, RECORD_DATA_MAX);
	record_parser_free(&parser);
	forget(&seen);
	bytes_free(&list);
}

static void test_callback_ends_the_call(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { .answer = -ECANCELED };

	(void)state;
	mixed_list(&little, &list);
	record_parser_init(&parser, 20, ORDER_UNKNOWN);
	assert_int_equal(record_parser_feed(&parser, list.data, list.len, see,
					    &seen), -ECANCELED);
	assert_int_equal(seen.nr, 1);
	assert_int_equal(parser.count, 1);
	record_parser_free(&parser);
	forget(&seen);
	bytes_free(&list);
}

/* All that one changed byte can do: no read outside, no endless loop. */
static void test_each_byte_changed(void **state)
{
	struct record_parser parser;
	struct bytes list = { };
	struct seen seen = { };
	size_t i, bit, records = 0;

	(void)state;
	mixed_list(&little, &list);
	for (i = 0; i < list.len; i++) {
		for (bit = 0; bit < 8; bit++) {
			list.data[i] ^= 1 << bit;
			record_parser_init(&parser, 20, ORDER_UNKNOWN);
			feed(&parser, &list, 17, &seen);
			assert_true(parser.offset <= list.len);
			records += seen.nr;
			record_parser_free(&parser);
			forget(&seen);
			list.data[i] ^= 1 << bit;
		}
	}
	assert_true(records > list.len);
	bytes_free(&list);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_of_a_record),
		cmocka_unit_test(test_legacy_template),
		cmocka_unit_test(test_blocks_of_any_size),
		cmocka_unit_test(test_violation_is_told),
		cmocka_unit_test(test_truncated_at_each_byte),
		cmocka_unit_test(test_malformed_records),
		cmocka_unit_test(test_memory_follows_what_came),
		cmocka_unit_test(test_callback_ends_the_call),
		cmocka_unit_test(test_each_byte_changed),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
