// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of digest.c and replay.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "digest.h"
#include "lists.h"
#include "replay.h"
#include "util.h"

static const struct list_maker sha1_list = { ORDER_LITTLE, "sha1" };

static const char *const banks[] = { "sha1", "sha256", "sha384", "sha512" };
#define NR_BANKS ARRAY_SIZE(banks)

/* Values of PCR 10 after these digests, apart from the code under test */
static void extend(const char *bank, uint8_t *value, const uint8_t *digest,
		   size_t size)
{
	uint8_t both[2 * EVP_MAX_MD_SIZE];

	memcpy(both, value, size);
	memcpy(both + size, digest, size);
	assert_true(EVP_Digest(both, 2 * size, value, NULL,
			       EVP_get_digestbyname(bank), NULL));
}

struct run {
	struct replay replay;
	int check;
};

static int run_record(const struct record *record, void *context)
{
	struct run *run = context;

	if (!run->check)
		run->check = replay_check(&run->replay, record);
	return replay_extend(&run->replay, record);
}

static void run_list(struct run *run, const struct bytes *list,
		     size_t digest_size, const char *const *names, size_t nr)
{
	struct pcr_values start;
	struct record_parser parser;

	*run = (struct run){ };
	assert_int_equal(pcr_values_init(&start, names, nr), 0);
	assert_int_equal(replay_init(&run->replay, &start), 0);
	record_parser_init(&parser, digest_size, ORDER_UNKNOWN);
	assert_int_equal(record_parser_feed(&parser, list->data, list->len,
					    run_record, run), 0);
	assert_int_equal(record_parser_end(&parser), 0);
	record_parser_free(&parser);
	replay_free(&run->replay);
}

/* From the SHA-1 list, the PCRs of all banks. */
static void test_each_bank(void **state)
{
	static const char data[] = "template data";
	uint8_t value[EVP_MAX_MD_SIZE], digest[EVP_MAX_MD_SIZE];
	uint8_t ones[EVP_MAX_MD_SIZE];
	struct bytes list = { };
	struct run run;
	size_t i, size;

	(void)state;
	list_add(&sha1_list, &list, 10, "ima-ng", data, sizeof(data));
	list_add_violation(&sha1_list, &list, 10, "ima-ng", "v", 1);
	list_add(&sha1_list, &list, 10, "ima-ng", "x", 1);
	run_list(&run, &list, 20, banks, NR_BANKS);
	assert_int_equal(run.check, 0);
	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < NR_BANKS; i++) {
		const EVP_MD *md = EVP_get_digestbyname(banks[i]);

		size = EVP_MD_get_size(md);
		memset(value, 0, sizeof(value));
		EVP_Digest(data, sizeof(data), digest, NULL, md, NULL);
		extend(banks[i], value, digest, size);
		extend(banks[i], value, ones, size);
		EVP_Digest("x", 1, digest, NULL, md, NULL);
		extend(banks[i], value, digest, size);
		assert_memory_equal(run.replay.pcrs.value[10][i], value, size);
	}
	assert_int_equal(run.replay.pcrs.touched, 1 << 10);
	bytes_free(&list);
}

/* A kernel without the bank's algorithm pads the SHA-1 digest. */
static void test_padded_bank(void **state)
{
	uint8_t value[32] = { }, digest[32] = { }, ones[32];
	struct bytes list = { };
	struct run run;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	list_add(&sha1_list, &list, 10, "ima-ng", "x", 1);
	list_add_violation(&sha1_list, &list, 10, "ima-ng", "v", 1);
	run_list(&run, &list, 20, banks, NR_BANKS);
	EVP_Digest("x", 1, digest, NULL, EVP_sha1(), NULL);
	extend("sha256", value, digest, 32);
	extend("sha256", value, ones, 32);
	assert_memory_equal(run.replay.padded.value[10][1], value, 32);
	bytes_free(&list);
}

static void test_pcrs_are_apart(void **state)
{
	struct bytes list = { };
	uint8_t zero[20] = { };
	struct run run;

	(void)state;
	list_add(&sha1_list, &list, 10, "ima-ng", "x", 1);
	list_add(&sha1_list, &list, 63, "ima-ng", "x", 1);
	run_list(&run, &list, 20, banks, 1);
	assert_true(run.replay.pcrs.touched == (1ULL << 10 | 1ULL << 63));
	assert_memory_equal(run.replay.pcrs.value[10][0],
			    run.replay.pcrs.value[63][0], 20);
	assert_memory_equal(run.replay.pcrs.value[11][0], zero, 20);
	bytes_free(&list);
}

/* The digest is over the name with NULs up to 256 bytes. */
static void test_legacy_digest(void **state)
{
	struct bytes list = { };
	struct run run;
	char name[256];

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	list_add_legacy(&sha1_list, &list, "/bin/sh");
	list_add_legacy(&sha1_list, &list, "");
	list_add_legacy(&sha1_list, &list, name);
	run_list(&run, &list, 20, banks, NR_BANKS);
	assert_int_equal(run.check, 0);
	bytes_free(&list);
}

static void test_big_endian(void **state)
{
	static const struct list_maker maker = { ORDER_BIG, "sha1" };
	struct bytes list = { };
	struct run run;

	(void)state;
	list_add_ng(&maker, &list, "/bin/sh");
	run_list(&run, &list, 20, banks, NR_BANKS);
	assert_int_equal(run.check, 0);
	bytes_free(&list);
}

static void test_lists_of_each_bank(void **state)
{
	struct run sha1, other;
	size_t i;

	(void)state;
	for (i = 0; i < NR_BANKS; i++) {
		struct list_maker maker = { ORDER_LITTLE, banks[i] };
		struct bytes list = { }, same = { };

		list_add_ng(&maker, &list, "/bin/sh");
		list_add_sig(&maker, &list, "/bin/true", 64);
		run_list(&other, &list, hash_algo_find(banks[i])->size, banks,
			 NR_BANKS);
		assert_int_equal(other.check, 0);
		list_add_ng(&sha1_list, &same, "/bin/sh");
		list_add_sig(&sha1_list, &same, "/bin/true", 64);
		run_list(&sha1, &same, 20, banks, NR_BANKS);
		assert_true(pcr_values_equal(&sha1.replay.pcrs,
					     &other.replay.pcrs));
		bytes_free(&list);
		bytes_free(&same);
	}
}

/* Each bit of the digest, and of the data, counts. */
static void test_changed_record(void **state)
{
	struct bytes list = { };
	struct run run;
	size_t i;

	(void)state;
	list_add_ng(&sha1_list, &list, "/bin/sh");
	for (i = 4; i < list.len; i++) {
		if (i >= 24 && i < 24 + 4 + 6 + 4)
			continue;	/* lengths and the name */
		list.data[i] ^= 0x10;
		run_list(&run, &list, 20, banks, 1);
		assert_int_equal(run.check, -EBADMSG);
		list.data[i] ^= 0x10;
	}
	bytes_free(&list);
}

static void test_list_of_a_bank_that_is_not_replayed(void **state)
{
	static const struct list_maker maker = { ORDER_LITTLE, "sha512" };
	struct bytes list = { };
	struct run run;

	(void)state;
	list_add_ng(&maker, &list, "/bin/sh");
	run_list(&run, &list, 64, banks, 2);
	assert_int_equal(run.check, -EOPNOTSUPP);
	bytes_free(&list);
}

/* Two banks whose digests have one size */
static void test_sm3_beside_sha256(void **state)
{
	static const char *const both[] = { "sha256", "sm3" };
	static const struct list_maker maker = { ORDER_LITTLE, "sm3" };
	struct bytes list = { };
	struct run run;

	(void)state;
	list_add_ng(&maker, &list, "/bin/sh");
	run_list(&run, &list, 32, both, 2);
	assert_int_equal(run.check, 0);
	list.data[4] ^= 1;
	run_list(&run, &list, 32, both, 2);
	assert_int_equal(run.check, -EBADMSG);
	bytes_free(&list);
}

static void test_banks_that_are_refused(void **state)
{
	static const char *const twice[] = { "sha1", "sha1" };
	static const char *const unknown[] = { "sha1", "crc32" };
	static const char *const many[REPLAY_BANKS + 1];
	struct pcr_values pcrs;

	(void)state;
	assert_int_equal(pcr_values_init(&pcrs, twice, 2), -EINVAL);
	assert_int_equal(pcr_values_init(&pcrs, unknown, 2), -EOPNOTSUPP);
	assert_int_equal(pcr_values_init(&pcrs, many, REPLAY_BANKS + 1), -E2BIG);
}

static void test_text_of_digests(void **state)
{
	uint8_t digest[3];
	char text[7];

	(void)state;
	assert_int_equal(digest_from_text("00aBfF", 6, digest, 3), 0);
	digest_to_text(digest, 3, text);
	assert_string_equal(text, "00abff");
	assert_int_equal(digest_from_text("00aBfF", 5, digest, 3), -EINVAL);
	assert_int_equal(digest_from_text("00aBfF", 6, digest, 2), -EINVAL);
	assert_int_equal(digest_from_text("00aB g", 6, digest, 3), -EINVAL);
	assert_int_equal(digest_from_text("0x12ab", 6, digest, 3), -EINVAL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bank),
		cmocka_unit_test(test_padded_bank),
		cmocka_unit_test(test_pcrs_are_apart),
		cmocka_unit_test(test_legacy_digest),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_lists_of_each_bank),
		cmocka_unit_test(test_changed_record),
		cmocka_unit_test(test_list_of_a_bank_that_is_not_replayed),
		cmocka_unit_test(test_sm3_beside_sha256),
		cmocka_unit_test(test_banks_that_are_refused),
		cmocka_unit_test(test_text_of_digests),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
