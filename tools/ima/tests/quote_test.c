// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of quote.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/rsa.h>

#include "quote.h"
#include "quotes.h"
#include "util.h"

#define ALL_PCRS	0xffffff

static char dir[32];
static char paths[3][64];
static const struct quote_files files = { paths[0], paths[1], paths[2] };

static const struct {
	TPMI_ALG_SIG_SCHEME scheme;
	TPMI_ALG_HASH hash;
	const char *md;
} kinds[] = {
	{ TPM2_ALG_RSASSA, TPM2_ALG_SHA256, "SHA256" },
	{ TPM2_ALG_RSAPSS, TPM2_ALG_SHA384, "SHA384" },
	{ TPM2_ALG_ECDSA, TPM2_ALG_SHA256, "SHA256" },
};

/* One of each kind; keys of RSA take their time. */
static struct quote_maker makers[ARRAY_SIZE(kinds)];

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_key(const struct quote_maker *maker)
{
	struct bytes pem = { };

	quote_maker_key(maker, &pem);
	write_file(files.key, pem.data, pem.len);
	bytes_free(&pem);
}

/* Return: what becomes of a message and its signature. */
static int read_bytes(struct quote *quote, const struct bytes *message,
		      const struct bytes *signature, const char **why)
{
	const char *which;

	write_file(files.message, message->data, message->len);
	write_file(files.signature, signature->data, signature->len);
	return quote_read(quote, &files, &which, why);
}

static int read_back(const struct bytes *message, const struct bytes *signature)
{
	struct quote quote;
	const char *why;
	int ret = read_bytes(&quote, message, signature, &why);

	quote_free(&quote);
	return ret;
}

/* Different bytes for each PCR and bank */
static void fill_values(struct pcr_values *pcrs)
{
	static const char *const banks[] = { "sha1", "sha256" };
	size_t pcr, bank;

	assert_int_equal(pcr_values_init(pcrs, banks, 2), 0);
	for (pcr = 0; pcr < 24; pcr++)
		for (bank = 0; bank < 2; bank++)
			memset(pcrs->value[pcr][bank], (int)(1 + 2 * pcr + bank),
			       pcrs->banks[bank]->size);
}

static void make_quote(const struct quote_maker *maker, struct bytes *message,
		       struct bytes *signature)
{
	struct bytes values = { };
	struct pcr_values pcrs;
	TPMS_ATTEST attest;

	fill_values(&pcrs);
	quote_begin(&attest, "nonce");
	quote_select(&attest, TPM2_ALG_SHA256, 1 << 10);
	bytes_add(&values, pcrs.value[10][1], 32);
	quote_sign(maker, &attest, &values, message, signature);
	bytes_free(&values);
	write_key(maker);
}

static void test_kinds(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(makers); i++) {
		struct bytes message = { }, signature = { };
		struct pcr_values pcrs;
		struct quote quote;
		const char *why;

		make_quote(&makers[i], &message, &signature);
		assert_int_equal(read_bytes(&quote, &message, &signature, &why), 0);
		assert_null(why);
		assert_int_equal(quote.nonce_len, 5);
		assert_memory_equal(quote.nonce, "nonce", 5);
		assert_true(quote_is_of_one(&quote));
		assert_true(quote_covers(&quote, 10, hash_algo_find("sha256")));
		assert_false(quote_covers(&quote, 10, hash_algo_find("sha1")));
		assert_false(quote_covers(&quote, 11, hash_algo_find("sha256")));
		fill_values(&pcrs);
		assert_int_equal(quote_fits(&quote, &pcrs), 0);
		assert_int_equal(quote_fits_value(&quote, pcrs.value[10][1]), 0);
		assert_int_equal(quote_fits_value(&quote, pcrs.value[11][1]), -EBADMSG);
		pcrs.value[10][1][31] ^= 1;
		assert_int_equal(quote_fits(&quote, &pcrs), -EBADMSG);
		quote_free(&quote);
		bytes_free(&message);
		bytes_free(&signature);
	}
}

/* No byte of the message or of the signature can be another one, or be left out. */
static void test_each_byte(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(makers); i++) {
		struct bytes message = { }, signature = { }, more;

		make_quote(&makers[i], &message, &signature);
		assert_int_equal(read_back(&message, &signature), 0);
		for (j = 0; j < message.len; j++) {
			message.data[j] ^= 1;
			assert_int_equal(read_back(&message, &signature), -EKEYREJECTED);
			message.data[j] ^= 1;
			more = (struct bytes){ message.data, j };
			assert_int_equal(read_back(&more, &signature), -EKEYREJECTED);
		}
		for (j = 0; j < signature.len; j++) {
			signature.data[j] ^= 1;
			assert_int_not_equal(read_back(&message, &signature), 0);
			signature.data[j] ^= 1;
			more = (struct bytes){ signature.data, j };
			assert_int_equal(read_back(&message, &more), -EBADMSG);
		}
		bytes_add(&signature, "", 1);
		assert_int_equal(read_back(&message, &signature), -EBADMSG);
		signature.len--;
		bytes_add(&message, "", 1);
		assert_int_equal(read_back(&message, &signature), -EKEYREJECTED);
		bytes_free(&message);
		bytes_free(&signature);
	}
}

static void test_other_keys(void **state)
{
	struct bytes message = { }, signature = { };
	struct quote_maker other;
	size_t i;

	(void)state;
	quote_maker_init(&other, TPM2_ALG_ECDSA, TPM2_ALG_SHA256, "SHA256");
	make_quote(&makers[2], &message, &signature);
	for (i = 0; i < 2; i++) {
		write_key(&makers[i]);
		assert_int_equal(read_back(&message, &signature), -EKEYREJECTED);
	}
	write_key(&other);
	assert_int_equal(read_back(&message, &signature), -EKEYREJECTED);
	write_key(&makers[2]);
	assert_int_equal(read_back(&message, &signature), 0);
	write_file(files.key, "-----BEGIN PUBLIC KEY-----\n", 27);
	assert_int_equal(read_back(&message, &signature), -EBADMSG);
	unlink(files.key);
	assert_int_equal(read_back(&message, &signature), -ENOENT);

	bytes_free(&message);
	bytes_free(&signature);
	make_quote(&makers[0], &message, &signature);
	write_key(&makers[2]);
	assert_int_equal(read_back(&message, &signature), -EKEYREJECTED);
	bytes_free(&message);
	bytes_free(&signature);
	quote_maker_free(&other);
}

static void assert_refused(TPMS_ATTEST *attest, const struct bytes *values,
			   const char *expected)
{
	struct bytes message = { }, signature = { };
	struct quote quote;
	const char *why;

	quote_sign(&makers[2], attest, values, &message, &signature);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), -EBADMSG);
	assert_string_equal(why, expected);
	quote_free(&quote);
	bytes_free(&message);
	bytes_free(&signature);
}

/* What the key has signed is not a quote, or none that could be understood. */
static void test_signed_but_no_quote(void **state)
{
	struct bytes values = { }, message = { }, signature = { };
	TPMS_ATTEST attest;
	size_t i, len;

	(void)state;
	write_key(&makers[2]);
	bytes_add(&values, "value", 5);
	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_SHA1, 1);
	attest.type = TPM2_ST_ATTEST_TIME;
	assert_refused(&attest, NULL, "it is no quote");

	quote_begin(&attest, "");
	attest.magic ^= 1;
	assert_refused(&attest, &values, "it was not made by a TPM");

	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_SHA1, 1);
	attest.attested.quote.pcrDigest.size = 20;
	assert_refused(&attest, NULL, "it has a digest of an impossible length");

	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_AES, 1);
	assert_refused(&attest, &values,
		       "there is a PCR of a bank that is not known here");

	quote_begin(&attest, "");
	for (i = 0; i <= REPLAY_BANKS; i++)
		quote_select(&attest, TPM2_ALG_SHA1, 1);
	assert_refused(&attest, &values, "there are too many banks");

	/* Cut off, but signed like that */
	quote_begin(&attest, "nonce");
	quote_select(&attest, TPM2_ALG_SHA256, 1 << 10);
	quote_sign(&makers[2], &attest, &values, &message, &signature);
	for (len = 0; len < message.len; len++) {
		struct bytes part = { message.data, len };

		bytes_free(&signature);
		quote_sign_bytes(&makers[2], message.data, len, &signature);
		assert_int_equal(read_back(&part, &signature), -EBADMSG);
	}
	bytes_add(&message, "", 1);
	bytes_free(&signature);
	quote_sign_bytes(&makers[2], message.data, message.len, &signature);
	assert_int_equal(read_back(&message, &signature), -EBADMSG);
	bytes_free(&message);
	bytes_free(&signature);
	bytes_free(&values);
}

/* SHA-1, and keys that are too short, others than the TPM can sign for, too. */
static void test_weak(void **state)
{
	struct quote_maker weak = { TPM2_ALG_RSASSA, TPM2_ALG_SHA1, "SHA1", NULL };
	struct bytes message = { }, signature = { };
	struct quote quote;
	const char *why;

	(void)state;
	weak.key = makers[0].key;
	make_quote(&weak, &message, &signature);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), -EBADMSG);
	assert_non_null(strstr(why, "a hash other than SHA-1"));
	quote_free(&quote);
	bytes_free(&message);
	bytes_free(&signature);

	weak = (struct quote_maker){ TPM2_ALG_RSASSA, TPM2_ALG_SHA256, "SHA256",
				     EVP_RSA_gen(1024) };
	make_quote(&weak, &message, &signature);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), -EKEYREJECTED);
	assert_string_equal(why, "it is too short");
	quote_free(&quote);
	quote_maker_free(&weak);
	bytes_free(&message);
	bytes_free(&signature);
}

/* A quote of nothing says nothing, and a bank that is named twice is hashed twice. */
static void test_odd_selections(void **state)
{
	struct bytes message = { }, signature = { }, values = { };
	struct pcr_values pcrs;
	struct quote quote;
	TPMS_ATTEST attest;
	const char *why;

	(void)state;
	fill_values(&pcrs);
	write_key(&makers[2]);
	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_SHA256, 0);
	quote_select(&attest, TPM2_ALG_SHA1, 0);
	quote_sign(&makers[2], &attest, &values, &message, &signature);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), 0);
	assert_int_equal(quote.nr_selections, 0);
	assert_false(quote_is_of_one(&quote));
	assert_false(quote_covers(&quote, 10, hash_algo_find("sha256")));
	quote_free(&quote);
	bytes_free(&message);
	bytes_free(&signature);

	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_SHA256, 1 << 10);
	quote_select(&attest, TPM2_ALG_SHA256, 1 << 10);
	bytes_add(&values, pcrs.value[10][1], 32);
	bytes_add(&values, pcrs.value[10][1], 32);
	quote_sign(&makers[2], &attest, &values, &message, &signature);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), 0);
	assert_false(quote_is_of_one(&quote));
	assert_int_equal(quote_fits(&quote, &pcrs), 0);
	quote_free(&quote);
	bytes_free(&message);
	bytes_free(&signature);
	bytes_free(&values);
}

/* Bank by bank in the order of the quote, and in each by the numbers of the PCRs */
static void test_many_pcrs(void **state)
{
	struct bytes message = { }, signature = { }, values = { };
	struct pcr_values pcrs, other;
	struct quote quote;
	TPMS_ATTEST attest;
	const char *why;
	size_t pcr;

	(void)state;
	fill_values(&pcrs);
	quote_begin(&attest, "");
	quote_select(&attest, TPM2_ALG_SHA256, ALL_PCRS);
	/* Nothing is selected of a bank that is not known. */
	quote_select(&attest, TPM2_ALG_AES, 0);
	quote_select(&attest, TPM2_ALG_SHA1, 1 << 3 | 1 << 20);
	for (pcr = 0; pcr < 24; pcr++)
		bytes_add(&values, pcrs.value[pcr][1], 32);
	bytes_add(&values, pcrs.value[3][0], 20);
	bytes_add(&values, pcrs.value[20][0], 20);
	quote_sign(&makers[0], &attest, &values, &message, &signature);
	write_key(&makers[0]);
	assert_int_equal(read_bytes(&quote, &message, &signature, &why), 0);
	assert_false(quote_is_of_one(&quote));
	assert_int_equal(quote_fits(&quote, &pcrs), 0);
	for (pcr = 0; pcr < 24; pcr++) {
		other = pcrs;
		other.value[pcr][1][0] ^= 1;
		assert_int_equal(quote_fits(&quote, &other), -EBADMSG);
		other = pcrs;
		other.value[pcr][0][19] ^= 1;
		assert_int_equal(quote_fits(&quote, &other),
				 pcr == 3 || pcr == 20 ? -EBADMSG : 0);
	}
	pcrs.nr_banks = 1;
	assert_int_equal(quote_fits(&quote, &pcrs), -ENOENT);
	quote_free(&quote);
	bytes_free(&message);
	bytes_free(&signature);
	bytes_free(&values);
}

static int make_keys(void **state)
{
	size_t i;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/quote_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%zu", dir, i);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		quote_maker_init(&makers[i], kinds[i].scheme, kinds[i].hash,
				 kinds[i].md);
	return 0;
}

static int free_keys(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		quote_maker_free(&makers[i]);
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		unlink(paths[i]);
	return rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_each_byte),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_signed_but_no_quote),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_odd_selections),
		cmocka_unit_test(test_many_pcrs),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("quote", tests, make_keys, free_keys);
}
