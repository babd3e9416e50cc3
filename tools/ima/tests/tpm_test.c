// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tpm.c with an emulated TPM (swtpm)
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "log.h"
#include "tpm.h"
#include "util.h"

#define IMA_PCR		10
/* Its bit is in another byte of a selection. */
#define DEBUG_PCR	16

static char dir[32];
static char tcti[64];
static pid_t swtpm;

static void start_swtpm(void)
{
	char state[64], server[64], control[64], log[64];
	uint32_t reset, restart;
	int tries;

	snprintf(state, sizeof(state), "dir=%s", dir);
	snprintf(server, sizeof(server), "type=unixio,path=%s/tpm", dir);
	snprintf(control, sizeof(control), "type=unixio,path=%s/tpm.ctrl", dir);
	snprintf(log, sizeof(log), "file=%s/log", dir);
	snprintf(tcti, sizeof(tcti), "swtpm:path=%s/tpm", dir);
	swtpm = fork();
	assert_true(swtpm >= 0);
	if (!swtpm) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state,
		       "--server", server, "--ctrl", control, "--log", log,
		       "--flags", "not-need-init,startup-clear", NULL);
		_exit(127);
	}
	/* Its socket is there before it listens. */
	for (tries = 0; tpm_counters(tcti, &reset, &restart); tries++) {
		if (waitpid(swtpm, NULL, WNOHANG)) {
			swtpm = 0;
			fail_msg("swtpm does not run");
		}
		assert_true(tries < 1000);
		usleep(10000);
	}
}

/* Nobody else's process, also if it was not started */
static void stop_swtpm(void)
{
	if (swtpm <= 0)
		return;
	assert_int_equal(kill(swtpm, SIGKILL), 0);
	assert_int_equal(waitpid(swtpm, NULL, 0), swtpm);
	unlink(strchr(tcti, '=') + 1);
	swtpm = 0;
}

static void quiet(int priority, const char *format, va_list arguments)
{
	(void)priority;
	(void)format;
	(void)arguments;
}

static int set_up(void **state)
{
	(void)state;
	/* What is said of refused connections is for no one here. */
	setenv("TSS2_LOG", "all+none", 1);
	log_to(quiet);
	snprintf(dir, sizeof(dir), "/tmp/tpm_test.XXXXXX");
	if (!mkdtemp(dir)) {
		*dir = '\0';
		fail_msg("no folder");
	}
	start_swtpm();
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	stop_swtpm();
	if (!*dir)
		return 0;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* As the kernel does, with a digest of @fill in each of two banks */
static void extend(uint32_t pcr, uint8_t fill)
{
	TPML_DIGEST_VALUES values = {
		.count = 2,
		.digests = { { .hashAlg = TPM2_ALG_SHA1 }, { .hashAlg = TPM2_ALG_SHA256 } },
	};
	TSS2_TCTI_CONTEXT *connection = NULL;
	ESYS_CONTEXT *esys = NULL;

	memset(values.digests[0].digest.sha1, fill, 20);
	memset(values.digests[1].digest.sha256, fill, 32);
	assert_int_equal(Tss2_TctiLdr_Initialize(tcti, &connection), 0);
	assert_int_equal(Esys_Initialize(&esys, connection, NULL), 0);
	assert_int_equal(Esys_PCR_Extend(esys, (ESYS_TR)pcr, ESYS_TR_PASSWORD,
					 ESYS_TR_NONE, ESYS_TR_NONE, &values), 0);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&connection);
}

/* @before becomes the bank's value after it was extended. */
static void extended(const struct hash_algo *algo, uint8_t fill, uint8_t *before)
{
	uint8_t digest[DIGEST_MAX];
	struct hasher hasher;

	memset(digest, fill, algo->size);
	assert_int_equal(hasher_init(&hasher, algo), 0);
	assert_int_equal(hasher_begin(&hasher), 0);
	assert_int_equal(hasher_add(&hasher, before, algo->size), 0);
	assert_int_equal(hasher_add(&hasher, digest, algo->size), 0);
	assert_int_equal(hasher_end(&hasher, before), 0);
	hasher_free(&hasher);
}

static void read_all(uint32_t pcr, struct pcr_values *pcrs, uint64_t *known)
{
	/* Another order than the TPM's, one that it lacks, and one that no TPM has */
	static const char *const banks[] = { "sha512", "sha224", "sha256", "sha3-256", "sha1" };

	assert_int_equal(pcr_values_init(pcrs, banks, ARRAY_SIZE(banks)), 0);
	memset(pcrs->value, 0xee, sizeof(pcrs->value));
	assert_int_equal(tpm_read_pcr(tcti, pcr, pcrs, known), 0);
}

static void test_pcrs(void **state)
{
	static struct pcr_values pcrs, again;
	uint8_t sha256[DIGEST_MAX] = { }, sha1[DIGEST_MAX] = { };
	uint64_t known;

	(void)state;
	extend(IMA_PCR, 0x11);
	read_all(IMA_PCR, &pcrs, &known);
	extended(hash_algo_find("sha256"), 0x11, sha256);
	extended(hash_algo_find("sha1"), 0x11, sha1);
	assert_int_equal(known, 1 << 0 | 1 << 2 | 1 << 4);
	assert_memory_equal(pcrs.value[IMA_PCR][2], sha256, 32);
	assert_memory_equal(pcrs.value[IMA_PCR][4], sha1, 20);
	assert_true(pcrs.touched >> IMA_PCR & 1);
	/* Nobody extended that one. */
	assert_int_equal(pcrs.value[IMA_PCR][0][63], 0);

	extend(IMA_PCR, 0x22);
	read_all(IMA_PCR, &again, &known);
	extended(hash_algo_find("sha256"), 0x22, sha256);
	assert_memory_equal(again.value[IMA_PCR][2], sha256, 32);

	/* Not the neighbour's */
	read_all(IMA_PCR + 1, &pcrs, &known);
	assert_int_equal(pcrs.value[IMA_PCR + 1][2][0], 0);
	read_all(DEBUG_PCR, &pcrs, &known);
	assert_int_equal(known, 1 << 0 | 1 << 2 | 1 << 4);
}

static void test_no_such_pcr(void **state)
{
	static struct pcr_values pcrs;
	uint64_t known;

	(void)state;
	read_all(24, &pcrs, &known);
	assert_int_equal(known, 0);
	read_all(RECORD_PCRS - 1, &pcrs, &known);
	assert_int_equal(known, 0);
}

static void test_no_bank(void **state)
{
	static const char *const banks[] = { "sha3-512", "sha224" };
	static struct pcr_values pcrs;
	uint64_t known = 1;

	(void)state;
	assert_int_equal(pcr_values_init(&pcrs, banks, ARRAY_SIZE(banks)), 0);
	assert_int_equal(tpm_read_pcr(tcti, IMA_PCR, &pcrs, &known), 0);
	assert_int_equal(known, 0);
}

static void test_counters(void **state)
{
	uint32_t reset, restart, again;

	(void)state;
	assert_int_equal(tpm_counters(tcti, &reset, &restart), 0);
	assert_int_equal(restart, 0);
	stop_swtpm();
	start_swtpm();
	assert_int_equal(tpm_counters(tcti, &again, &restart), 0);
	assert_int_equal(again, reset + 1);
	assert_int_equal(restart, 0);
}

static void test_no_tpm(void **state)
{
	static const char *const nothing[] = {
		"swtpm:path=/nowhere", "device:/dev/null", "nothing:",
	};
	static const char *const banks[] = { "sha256" };
	static struct pcr_values pcrs;
	uint32_t reset, restart;
	uint64_t known;
	size_t i;

	(void)state;
	assert_int_equal(pcr_values_init(&pcrs, banks, 1), 0);
	for (i = 0; i < ARRAY_SIZE(nothing); i++) {
		assert_int_equal(tpm_read_pcr(nothing[i], IMA_PCR, &pcrs, &known), -ECOMM);
		assert_int_equal(known, 0);
		assert_int_equal(tpm_counters(nothing[i], &reset, &restart), -ECOMM);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcrs),
		cmocka_unit_test(test_no_such_pcr),
		cmocka_unit_test(test_no_bank),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_no_tpm),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("tpm", tests, set_up, tear_down);
}
