// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of imalogctl, as it is called: what it says, and its exit status
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fake.h"
#include "quotes.h"
#include "service.h"
#include "store.h"
#include "util.h"
#include "view.h"

/* What it said last */
static struct bytes said;

/* Call it. Return: its exit status. */
static int ctl(const char *arguments)
{
	char command[4096];
	FILE *file;
	int status;

	snprintf(command, sizeof(command), "%s/boot_id", fake_root);
	fake_write("boot_id", boot.id, strlen(boot.id));
	snprintf(command, sizeof(command),
		 "%s --store=%s/store --ima=%s/ima --tpm=%s/tpm --boot-id=%s/boot_id %s >%s/said 2>&1",
		 getenv("IMALOGCTL"), fake_root, fake_root, fake_root,
		 fake_root, arguments, fake_root);
	status = system(command);
	bytes_free(&said);
	file = fopen(fake_path("said"), "r");
	if (file)
		fclose(file);
	fake_read("said", &said);
	bytes_add(&said, "", 1);
	return WEXITSTATUS(status);
}

static void assert_said(const char *text)
{
	if (!strstr((char *)said.data, text))
		fail_msg("not said: %s, but: %s", text, (char *)said.data);
}

/* Two segments, and records that were measured since */
static void save_some(void)
{
	struct stager_result result;

	fake_measure("file", 10);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 5);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 3);
}

static void change_byte(const char *name, size_t at)
{
	struct bytes bytes = { };

	fake_read(name, &bytes);
	bytes.data[at] ^= 1;
	fake_write(name, bytes.data, bytes.len);
	bytes_free(&bytes);
}

/* Into another digit of a hexadecimal number */
static void change_digit(const char *name, size_t at)
{
	struct bytes bytes = { };

	fake_read(name, &bytes);
	bytes.data[at] = bytes.data[at] == '0' ? '1' : '0';
	fake_write(name, bytes.data, bytes.len);
	bytes_free(&bytes);
}

static void test_verify(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(ctl("verify"), 0);
	assert_said("epoch 1: 18 records, 2 segments, and what the kernel has");
	assert_said("PCR 10, sha1: the value of the TPM, after record 18");
	assert_said("PCR 10, sha256: the value of the TPM, after record 18");
}

/* Saved, but still staged: each record counts once. */
static void test_verify_before_deletion(void **state)
{
	struct stager_result result;

	(void)state;
	save_some();
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_measure("file", 2);
	assert_int_equal(ctl("verify"), 0);
	assert_said("epoch 1: 20 records, 3 segments");
	assert_said("after record 20");
	assert_int_equal(ctl("cat --output=/dev/null"), 0);
}

/* The same in two segments, as the next kernel has saved what it was given, and more */
static void test_verify_before_deletion_after_kexec(void **state)
{
	struct stager_result result;

	(void)state;
	save_some();
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	machine_kexec();
	fake_measure("file", 2);
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_measure("file", 1);
	assert_int_equal(ctl("verify"), 0);
	assert_said("epoch 1: 21 records, 4 segments");
	assert_said("after record 21");
}

static void test_verify_staged(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(fake_command("A", 1, true), 0);
	fake_measure("file", 2);
	assert_int_equal(ctl("verify"), 0);
	assert_said("after record 20");
}

static void test_verify_saved_only(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(ctl("verify --saved"), 0);
	assert_said("epoch 1: 15 records, 2 segments\n");
	assert_said("not compared with any PCR");
}

/* Who asks for the TPM's own word gets no success without it. */
static void test_verify_with_no_tpm(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(ctl("verify --tcti=device:/dev/null"), 4);
	assert_said("device:/dev/null: ");
	fake_write("pcrs", "", 0);
	assert_int_equal(ctl("verify --tcti=device:/dev/null --saved"), 2);
	assert_said("--tcti is instead of --saved, --pcrs and --quote");
	assert_int_equal(ctl("verify --tcti=device:/dev/null --pcrs=pcrs"), 2);
	/* A finished epoch, whose values the TPM has no more */
	machine_reboot();
	assert_int_equal(ctl("verify --epoch=1"), 0);
	assert_int_equal(ctl("verify --epoch=1 --tcti=device:/dev/null"), 4);
	assert_said("not compared with any PCR");
}

static void test_verify_manifest_of_another_epoch(void **state)
{
	char from[512];

	(void)state;
	save_some();
	snprintf(from, sizeof(from), "%s", fake_path("store/epoch-00000001"));
	assert_int_equal(rename(from, fake_path("store/epoch-00000002")), 0);
	assert_int_equal(ctl("verify --saved"), 3);
	assert_said("it is that of another epoch");
}

/* A machine whose TPM can not be read, or whose service has not begun, is not verified. */
static void test_verify_without_pcrs(void **state)
{
	char tpm[512];

	(void)state;
	save_some();
	snprintf(tpm, sizeof(tpm), "%s", fake_path("tpm"));
	assert_int_equal(rename(tpm, fake_path("away")), 0);
	assert_int_equal(ctl("verify"), 4);
	assert_said("not compared with any PCR");
	assert_int_equal(ctl("verify --saved"), 0);
	assert_int_equal(ctl("verify --epoch=1"), 0);
	assert_int_equal(rename(fake_path("away"), tpm), 0);
	machine_kexec();
	assert_int_equal(ctl("verify"), 4);
}

#define SEGMENT "store/epoch-00000001/00000002.binary_sha1"

/* The record that was changed is the one that is named. */
static void test_verify_names_the_record(void **state)
{
	struct bytes bytes = { };
	char text[128];
	size_t i, len;

	(void)state;
	save_some();
	fake_read(SEGMENT, &bytes);
	len = bytes.len / 5;
	for (i = 0; i < 5; i++) {
		change_byte(SEGMENT, i * len + len - 2);
		assert_int_equal(ctl("verify"), 1);
		snprintf(text, sizeof(text),
			 "record %zu (segment 2) does not fit: the digest is not that of the template data",
			 11 + i);
		assert_said(text);
		assert_said("the records do not lead to the value of the TPM");
		change_byte(SEGMENT, i * len + len - 2);
	}
	/* A length */
	change_byte(SEGMENT, 2 * len + 25);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 13 (segment 2) does not fit: impossible length");
	change_byte(SEGMENT, 2 * len + 25);

	fake_write(SEGMENT, bytes.data, bytes.len - 1);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 15 (segment 2) does not fit: the list ends inside the record");
	fake_write(SEGMENT, bytes.data, bytes.len - len);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 15 (segment 2) does not fit: the segment has 4 records");
	unlink(fake_path(SEGMENT));
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 11 (segment 2) does not fit: the file of the segment is missing");
	fake_write(SEGMENT, bytes.data, bytes.len);
	assert_int_equal(ctl("verify"), 0);
	bytes_free(&bytes);
}

/* A record of which digest and data were replaced is found by what is left. */
static void test_verify_finds_a_forged_record(void **state)
{
	static const struct list_maker maker = { ORDER_LITTLE, "sha1" };
	struct bytes bytes = { }, forged = { };
	size_t len;

	(void)state;
	save_some();
	fake_read(SEGMENT, &bytes);
	len = bytes.len / 5;
	bytes_add(&forged, bytes.data, len);
	list_add_ng(&maker, &forged, "/evil");
	bytes_add(&forged, bytes.data + 2 * len, bytes.len - 2 * len);
	fake_write(SEGMENT, forged.data, forged.len);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 11 (segment 2) does not fit: the bytes of the segment");
	assert_said("PCR 10, sha1: the records do not lead to the value of the TPM");
	assert_said("PCR 10, sha256: the records do not lead to the value of the TPM");
	bytes_free(&forged);
	bytes_free(&bytes);
}

static void test_verify_against_another_pcr(void **state)
{
	(void)state;
	save_some();
	change_digit("tpm/pcr-sha256/10", 5);
	assert_int_equal(ctl("verify"), 1);
	assert_said("PCR 10, sha1: the value of the TPM, after record 18");
	assert_said("PCR 10, sha256: the records do not lead");
}

/* As tpm2_pcrread shows them; what was measured later does no harm. */
static void test_verify_against_a_file(void **state)
{
	struct bytes sha1 = { }, sha256 = { };
	char text[512], option[512];

	(void)state;
	save_some();
	fake_read("tpm/pcr-sha1/10", &sha1);
	fake_read("tpm/pcr-sha256/10", &sha256);
	snprintf(text, sizeof(text),
		 "  sha1:\n    10: 0x%.40s\n  sha256:\n    10: 0x%.64s\n  sm3_257:\n",
		 sha1.data, sha256.data);
	snprintf(option, sizeof(option), "verify --pcrs=%s/pcrs", fake_root);
	fake_write("pcrs", text, strlen(text));
	assert_int_equal(ctl(option), 2);
	*strstr(text, "  sm3") = '\0';
	fake_write("pcrs", text, strlen(text));
	fake_measure("file", 2);
	assert_int_equal(ctl(option), 0);
	assert_said("PCR 10, sha256: the value of ");
	assert_said("after record 18");
	assert_said("epoch 1: 20 records");
	change_digit("pcrs", 20);
	assert_int_equal(ctl(option), 1);
	fake_write("pcrs", "sha384:\n", 8);
	assert_int_equal(ctl(option), 2);
	fake_write("pcrs", "10: 0x00\n", 9);
	assert_int_equal(ctl(option), 2);
	bytes_free(&sha1);
	bytes_free(&sha256);
}

/* Of the PCRs in the TPM now: PCR 10 in the banks of @banks, and those of @others. */
static void quote(const struct quote_maker *maker, const char *banks, uint32_t others)
{
	static const char *const names[] = { "sha1", "sha256" };
	static const uint16_t ids[] = { TPM2_ALG_SHA1, TPM2_ALG_SHA256 };
	struct bytes values = { }, message = { }, signature = { }, pem = { };
	uint8_t zeroes[DIGEST_MAX] = { }, value[DIGEST_MAX];
	TPMS_ATTEST attest;
	unsigned int pcr;
	char name[64];
	size_t i;

	quote_begin(&attest, "\x01\xfe");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const struct hash_algo *algo = hash_algo_find(names[i]);
		struct bytes text = { };

		if (!strstr(banks, names[i]))
			continue;
		quote_select(&attest, ids[i], 1 << 10 | others);
		snprintf(name, sizeof(name), "tpm/pcr-%s/10", names[i]);
		fake_read(name, &text);
		assert_int_equal(digest_from_text((char *)text.data, 2 * algo->size,
						  value, algo->size), 0);
		for (pcr = 0; pcr < 24; pcr++)
			if (pcr == 10 || others >> pcr & 1)
				bytes_add(&values, pcr == 10 ? value : zeroes,
					  algo->size);
		bytes_free(&text);
	}
	quote_sign(maker, &attest, &values, &message, &signature);
	quote_maker_key(maker, &pem);
	fake_write("message", message.data, message.len);
	fake_write("signature", signature.data, signature.len);
	fake_write("key", pem.data, pem.len);
	bytes_free(&values);
	bytes_free(&message);
	bytes_free(&signature);
	bytes_free(&pem);
}

static int verify_quote(const char *more)
{
	char option[2048];

	snprintf(option, sizeof(option),
		 "verify --quote=%s/message --signature=%s/signature --key=%s/key %s",
		 fake_root, fake_root, fake_root, more);
	return ctl(option);
}

/* The value itself is not in the quote: the replay finds it. */
static void test_verify_against_a_quote(void **state)
{
	struct quote_maker maker;

	(void)state;
	quote_maker_init(&maker, TPM2_ALG_ECDSA, TPM2_ALG_SHA256, "SHA256");
	save_some();
	quote(&maker, "sha256", 0);
	assert_int_equal(verify_quote(""), 0);
	assert_said("the quote is signed with the key (ECDSA, sha256); ");
	assert_said("whether it is a new one was not checked");
	assert_said("PCR 10, sha256: the value of the quote, after record 18");
	assert_int_equal(verify_quote("--nonce=01fe"), 0);
	assert_said("the quote is signed with the key (ECDSA, sha256)\n");
	assert_int_equal(verify_quote("--nonce=01ff"), 1);
	assert_said("it has another nonce");
	assert_int_equal(verify_quote("--nonce=01"), 1);
	assert_said("it has another nonce");
	assert_int_equal(verify_quote("--nonce="), 2);
	assert_said("a nonce is an even number of hexadecimal digits");
	assert_int_equal(verify_quote("--nonce=01f"), 2);
	assert_int_equal(verify_quote("--nonce=01fg"), 2);
	assert_int_equal(verify_quote("--pcr=11"), 1);
	assert_said("it does not cover each PCR that IMA extends");
	assert_int_equal(verify_quote("--pcr=10 --pcr=11"), 1);

	/* Later records do no harm, missing ones do. */
	fake_measure("file", 5);
	assert_int_equal(verify_quote(""), 0);
	assert_said("epoch 1: 23 records");
	assert_said("after record 18");
	assert_int_equal(verify_quote("--saved"), 1);
	assert_said("PCR 10, sha256: the records do not lead to the value of the quote");
	change_byte("message", 20);
	assert_int_equal(verify_quote(""), 1);
	assert_said("it is not the signature of the quote with this key");
	change_byte("message", 20);
	fake_write("key", "no key", 6);
	assert_int_equal(verify_quote(""), 2);
	assert_said("it is no public key in PEM");
	unlink(fake_path("key"));
	assert_int_equal(verify_quote(""), 4);
	quote_maker_free(&maker);
}

/* Of several PCRs the values are needed, and have to be those that were signed. */
static void test_verify_against_a_quote_of_many(void **state)
{
	static const char zeroes[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct bytes sha1 = { }, sha256 = { };
	char text[1024], option[512], alone[512];
	struct quote_maker maker;

	(void)state;
	quote_maker_init(&maker, TPM2_ALG_RSAPSS, TPM2_ALG_SHA256, "SHA256");
	save_some();
	quote(&maker, "sha1, sha256", 1 << 4);
	assert_int_equal(verify_quote(""), 2);
	assert_said("it covers several PCRs: their values are needed");

	fake_read("tpm/pcr-sha1/10", &sha1);
	fake_read("tpm/pcr-sha256/10", &sha256);
	snprintf(text, sizeof(text),
		 "sha1:\n  4 : 0x%.40s\n  5 : 0x%.40s\n  10: 0x%.40s\nsha256:\n  4 : 0x%s\n  10: 0x%.64s\nsm3_256:\n",
		 zeroes, zeroes, sha1.data, zeroes, sha256.data);
	fake_write("pcrs", text, strlen(text));
	snprintf(option, sizeof(option), "--nonce=01fe --pcrs=%s/pcrs", fake_root);
	fake_measure("file", 2);
	assert_int_equal(verify_quote(option), 0);
	assert_said("PCR 10, sha1: the value of the quote, after record 18");
	assert_said("PCR 10, sha256: the value of the quote, after record 18");

	/* The firmware's PCRs are not compared. */
	snprintf(alone, sizeof(alone), "verify --pcrs=%s/pcrs", fake_root);
	assert_int_equal(ctl(alone), 0);
	assert_said("PCR 10, sha1: the value of ");
	/* One that is not covered does not count, one that is does. */
	change_digit("pcrs", (size_t)(strstr(text, "5 : 0x") - text) + 10);
	assert_int_equal(verify_quote(option), 0);
	change_digit("pcrs", (size_t)(strstr(text, "4 : 0x") - text) + 10);
	assert_int_equal(verify_quote(option), 1);
	assert_said("it is a quote of other values than those in the file");
	*strstr(text, "sha256:") = '\0';
	fake_write("pcrs", text, strlen(text));
	assert_int_equal(verify_quote(option), 2);
	assert_said("it covers PCRs whose values are missing in the file");
	bytes_free(&sha1);
	bytes_free(&sha256);
	quote_maker_free(&maker);
}

/* Records that extend another PCR are vouched for, too, or they are not believed. */
static void test_verify_another_pcr(void **state)
{
	struct quote_maker maker;
	char option[512];

	(void)state;
	quote_maker_init(&maker, TPM2_ALG_ECDSA, TPM2_ALG_SHA256, "SHA256");
	save_some();
	quote(&maker, "sha256", 0);
	fake_pcr = 11;
	fake_measure("eleven", 2);
	assert_int_equal(ctl("verify"), 1);
	assert_said("PCR 11: nothing vouches for its records");
	assert_int_equal(verify_quote(""), 1);
	assert_said("PCR 10, sha256: the value of the quote, after record 18");
	assert_said("PCR 11: nothing vouches for its records");
	assert_int_equal(ctl("verify --pcr=10 --pcr=11"), 0);
	assert_said("PCR 11, sha1: the value of the TPM, after record 20");
	assert_said("PCR 10, sha256: the value of the TPM, after record 18");
	/* And all of them are there. */
	snprintf(option, sizeof(option), "verify --pcr=10 --pcr=11 --pcrs=%s/pcrs", fake_root);
	fake_write("pcrs", "sha1:\n10: 0x0000000000000000000000000000000000000000\n", 54);
	assert_int_equal(ctl(option), 2);
	assert_said("it lacks the value of a PCR that IMA extends");
	change_digit("tpm/pcr-sha1/11", 5);
	assert_int_equal(ctl("verify --pcr=10 --pcr=11"), 1);
	assert_said("PCR 11, sha1: the records do not lead to the value of the TPM");
	quote_maker_free(&maker);
}

/* No record for a PCR that IMA extends: they were taken away. */
static void test_verify_pcr_without_records(void **state)
{
	(void)state;
	save_some();
	assert_int_equal(ctl("verify --pcr=10 --pcr=11"), 1);
	assert_said("PCR 11, sha1: the records do not lead to the value of the TPM");
}

static void test_verify_tells_of_a_gap(void **state)
{
	struct stager_result result;

	(void)state;
	save_some();
	assert_int_equal(fake_command("A", 1, true), 0);
	assert_int_equal(fake_command("D", 1, true), 0);
	fake_measure("file", 2);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 16 (no segment) does not fit: records 16 to 18 were deleted");
	assert_int_equal(service(&result), 0);
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 16 (no segment) does not fit: records 16 to 18 were deleted");
	assert_int_equal(ctl("cat --output=/dev/null"), 0);
	assert_said("records 16 to 18 are missing");
	assert_int_equal(ctl("export --format=cel-json --output=/dev/null"), 0);
	assert_said("records 16 to 18 are missing");
	assert_int_equal(ctl("status --json"), 0);
	assert_said("\"missing\": 3");
}

static void test_verify_damaged_manifest(void **state)
{
	(void)state;
	save_some();
	change_byte("store/epoch-00000001/manifest", 200);
	assert_int_equal(ctl("verify"), 3);
	assert_said("the manifest of epoch 1 is damaged in line 2");
}

/* Whichever list is replayed, each file of each segment is looked at. */
static void test_verify_other_lists(void **state)
{
	static const char *const lists[] = {
		"binary_sha1", "ascii_sha1", "binary_sha256"
	};
	char name[64], text[64];
	size_t i;

	(void)state;
	service_files = ARRAY_SIZE(lists);
	save_some();
	assert_int_equal(ctl("verify"), 0);
	assert_int_equal(ctl("verify binary_sha256"), 0);
	assert_said("PCR 10, sha256: the value of the TPM, after record 18");
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		snprintf(name, sizeof(name), "store/epoch-00000001/00000002.%s", lists[i]);
		snprintf(text, sizeof(text), "%s: the bytes of the segment are not", lists[i]);
		/* In the name of the last file, which no digest in the list is of */
		change_byte(name, 50);
		assert_int_equal(ctl("verify"), 1);
		assert_said("segment 2");
		if (i)
			assert_said(text);
		assert_int_equal(ctl("verify binary_sha256"), 1);
		change_byte(name, 50);
		assert_int_equal(ctl("verify"), 0);
	}
	unlink(fake_path("store/epoch-00000001/00000001.ascii_sha1"));
	assert_int_equal(ctl("verify"), 1);
	assert_said("record 1 (segment 1) does not fit: ascii_sha1: the bytes");
}

/* What a service is writing is not seen yet. */
static void test_verify_while_a_line_is_written(void **state)
{
	static const char name[] = "store/epoch-00000001/manifest";
	struct bytes bytes = { };

	(void)state;
	save_some();
	fake_read(name, &bytes);
	bytes_add(&bytes, "segment epoch=1 num", 19);
	fake_write(name, bytes.data, bytes.len);
	assert_int_equal(ctl("verify"), 0);
	bytes_free(&bytes);
}

static void test_old_epoch(void **state)
{
	struct stager_result result;

	(void)state;
	save_some();
	machine_reboot();
	fake_measure("file", 2);
	assert_int_equal(service(&result), 0);
	assert_int_equal(ctl("verify"), 0);
	assert_said("epoch 2: 2 records");
	assert_int_equal(ctl("verify --epoch=1"), 0);
	assert_said("epoch 1: 15 records, 2 segments\n");
	assert_int_equal(ctl("list"), 0);
	assert_said("epoch 1: 15 records, 2 segments");
	assert_said("epoch 2: 2 records, 1 segments");
	/* Not one by one up to there */
	assert_int_equal(mkdir(fake_path("store/epoch-99999999999"), 0755), 0);
	assert_int_equal(ctl("list"), 0);
	assert_said("epoch 2: 2 records, 1 segments");
	assert_int_equal(rmdir(fake_path("store/epoch-99999999999")), 0);
	assert_int_equal(ctl("list --epoch=1"), 0);
	assert_said("records 11 to 15");
	assert_int_equal(ctl("verify --epoch=3"), 4);
}

/* The whole log, as if nothing had been removed */
static void test_cat_and_export(void **state)
{
	static const char *const commands[][2] = {
		{ "cat", "truth.ascii" },
		{ "cat ascii_sha1", "truth.ascii" },
		{ "cat binary_sha1", "truth.binary" },
		{ "export", "truth.binary" },
		{ "export --format=ascii", "truth.ascii" },
	};
	char option[512];
	size_t i;

	(void)state;
	save_some();
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		struct bytes truth = { }, out = { };

		snprintf(option, sizeof(option), "%s --output=%s/out",
			 commands[i][0], fake_root);
		assert_int_equal(ctl(option), 0);
		fake_read(commands[i][1], &truth);
		fake_read("out", &out);
		assert_int_equal(out.len, truth.len);
		assert_memory_equal(out.data, truth.data, truth.len);
		bytes_free(&truth);
		bytes_free(&out);
	}
	assert_int_equal(ctl("cat binary_sha256"), 2);
	assert_int_equal(ctl("cat --output=/dev/full"), 4);
	assert_int_equal(ctl("cat 3>&1 >/dev/full; status=$?; (exit $status)"), 4);
	assert_int_equal(ctl("export --format=xml"), 2);
}

static void test_export_cel_json(void **state)
{
	json_t *events, *event, *digests;
	struct bytes out = { };
	char option[512];
	size_t i;

	(void)state;
	save_some();
	snprintf(option, sizeof(option), "export --format=cel-json --output=%s/out",
		 fake_root);
	assert_int_equal(ctl(option), 0);
	fake_read("out", &out);
	events = json_loadb((char *)out.data, out.len, 0, NULL);
	assert_non_null(events);
	assert_int_equal(json_array_size(events), 18);
	json_array_foreach(events, i, event) {
		assert_int_equal(json_integer_value(json_object_get(event, "recnum")), i);
		assert_int_equal(json_integer_value(json_object_get(event, "pcr")), 10);
		assert_string_equal(json_string_value(json_object_get(event, "content_type")),
				    "ima_template");
		digests = json_object_get(event, "digests");
		assert_int_equal(json_array_size(digests), 2);
		assert_string_equal(json_string_value(json_object_get(json_array_get(digests, 1),
								      "hashAlg")),
				    "sha256");
	}
	json_decref(events);
	bytes_free(&out);
}

static int count_block(const void *data, size_t len, void *context)
{
	bytes_add(context, data, len);
	return 0;
}

/*
 * What was taken is read to its end, whatever the service does meanwhile; until it
 * was taken, the service waits.
 */
static void test_service_goes_on_while_the_log_is_read(void **state)
{
	static const struct view_calls calls = { .block = count_block };
	struct bytes truth = { }, log = { };
	struct stager_result result;
	struct kernel kernel;
	struct view view;
	int store;

	(void)state;
	save_some();
	fake_keep = true;
	assert_int_equal(service(&result), -KERNEL_COPIED);
	fake_keep = false;
	fake_measure("file", 4);
	fake_read("truth.binary", &truth);

	store = open(fake_path("store"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(view_open(&view, store, 1), 0);
	assert_int_equal(kernel_open(&kernel, fake_path("ima"), 10), 0);
	assert_int_equal(view_hold(&view, &kernel, boot.id), 0);
	assert_int_equal(service(&result), -EBUSY);
	assert_int_equal(view_take(&view), 0);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 5);
	assert_int_equal(service(&result), 0);
	fake_measure("file", 5);
	assert_int_equal(view_read(&view, &calls, &log), 0);
	assert_int_equal(log.len, truth.len);
	assert_memory_equal(log.data, truth.data, truth.len);
	view_close(&view);
	kernel_close(&kernel);
	close(store);
	bytes_free(&truth);
	bytes_free(&log);
}

static void test_status(void **state)
{
	json_t *status;

	(void)state;
	save_some();
	assert_int_equal(service_start(), 0);
	assert_int_equal(ctl("status --json"), 0);
	service_stop();
	status = json_loads((char *)said.data, 0, NULL);
	assert_non_null(status);
	assert_int_equal(json_integer_value(json_object_get(status, "epoch")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "saved")), 15);
	assert_int_equal(json_integer_value(json_object_get(status, "segments")), 2);
	assert_int_equal(json_integer_value(json_object_get(status, "current")), 3);
	assert_int_equal(json_integer_value(json_object_get(status, "deleted")), 15);
	assert_int_equal(json_integer_value(json_object_get(status, "missing")), 0);
	assert_true(json_is_true(json_object_get(status, "running")));
	assert_true(json_is_true(json_object_get(status, "this_kernel")));
	json_decref(status);
	assert_int_equal(ctl("status"), 0);
	assert_said("running      false");
}

static void test_usage(void **state)
{
	(void)state;
	assert_int_equal(ctl(""), 2);
	assert_int_equal(ctl("rewind"), 2);
	assert_int_equal(ctl("--epoch=x list"), 2);
	assert_int_equal(ctl("--epoch=01 list"), 2);
	assert_int_equal(ctl("--pcr=64 verify"), 2);
	assert_int_equal(ctl("cat ascii_sha1 more"), 2);
	assert_int_equal(ctl("verify --quote=message --key=key"), 2);
	assert_said("belong together");
	assert_int_equal(ctl("verify --nonce=00"), 2);
	assert_int_equal(ctl("--help"), 0);
	assert_int_equal(ctl("status"), 4);
	assert_said("nothing was saved yet");
}

/* evmctl, which others wrote, says the same. */
static void test_evmctl_accepts_what_is_exported(void **state)
{
	static const char zero[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct bytes sha256 = { };
	char text[24 * 80];
	size_t i;

	(void)state;
	if (system("evmctl --version >/dev/null 2>&1")) {
		skip();
		return;
	}
	save_some();
	fake_read("tpm/pcr-sha256/10", &sha256);
	*text = '\0';
	for (i = 0; i < 24; i++)
		sprintf(text + strlen(text), "PCR-%02zu: %.64s\n", i,
			i == 10 ? (char *)sha256.data : zero);
	fake_write("evmctl-pcrs", text, strlen(text));
	bytes_free(&sha256);
	snprintf(text, sizeof(text), "export --output=%s/out", fake_root);
	assert_int_equal(ctl(text), 0);
	snprintf(text, sizeof(text),
		 "evmctl ima_measurement --pcrs sha256,%s/evmctl-pcrs %s/out >%s/evmctl 2>&1",
		 fake_root, fake_root, fake_root);
	assert_int_equal(system(text), 0);
	change_digit("evmctl-pcrs", 10 * 73 + 9);
	assert_int_not_equal(system(text), 0);
}

static int forget_said(void **state)
{
	bytes_free(&said);
	return stop_machine(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start_machine, forget_said)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verify),
		TEST(test_verify_before_deletion),
		TEST(test_verify_before_deletion_after_kexec),
		TEST(test_verify_staged),
		TEST(test_verify_saved_only),
		TEST(test_verify_with_no_tpm),
		TEST(test_verify_manifest_of_another_epoch),
		TEST(test_verify_without_pcrs),
		TEST(test_verify_names_the_record),
		TEST(test_verify_finds_a_forged_record),
		TEST(test_verify_against_another_pcr),
		TEST(test_verify_against_a_file),
		TEST(test_verify_against_a_quote),
		TEST(test_verify_against_a_quote_of_many),
		TEST(test_verify_another_pcr),
		TEST(test_verify_pcr_without_records),
		TEST(test_verify_tells_of_a_gap),
		TEST(test_verify_damaged_manifest),
		TEST(test_verify_other_lists),
		TEST(test_verify_while_a_line_is_written),
		TEST(test_old_epoch),
		TEST(test_cat_and_export),
		TEST(test_export_cel_json),
		TEST(test_service_goes_on_while_the_log_is_read),
		TEST(test_status),
		TEST(test_usage),
		TEST(test_evmctl_accepts_what_is_exported),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("imalogctl", tests, NULL, NULL);
}
