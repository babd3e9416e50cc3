// SPDX-License-Identifier: GPL-2.0
/*
 * The PCRs of the TPM, as the kernel shows them in sysfs
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "io.h"
#include "log.h"
#include "pcr.h"

#define BANK_PREFIX	"pcr-"

/**
 * pcr_banks - which banks the TPM has
 * @tpm_dir: its folder in sysfs
 * @banks: set to their names, in the alphabet's order; %REPLAY_BANKS at most
 * @nr_banks: set to how many there are
 *
 * Banks whose algorithm is not known, or is none that OpenSSL has here, are left out.
 *
 * Return: 0, also if there is no TPM, or a negative error number.
 */
int pcr_banks(const char *tpm_dir, const char **banks, size_t *nr_banks)
{
	const struct hash_algo *algo;
	struct dirent **entries;
	struct hasher hasher;
	int i, n;

	*nr_banks = 0;
	n = scandir(tpm_dir, &entries, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		algo = NULL;
		if (!strncmp(name, BANK_PREFIX, strlen(BANK_PREFIX)))
			algo = hash_algo_find(name + strlen(BANK_PREFIX));
		if (algo && hasher_init(&hasher, algo)) {
			log_message(LOG_WARNING, "PCR bank %s is left out: OpenSSL lacks it",
				    algo->name);
			algo = NULL;
		} else if (algo) {
			hasher_free(&hasher);
		}
		if (algo && *nr_banks < REPLAY_BANKS)
			banks[(*nr_banks)++] = algo->name;
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/**
 * pcr_read - read a PCR in all banks
 * @tpm_dir: the TPM's folder in sysfs
 * @pcr: number of the PCR
 * @pcrs: the banks; its values are set
 * @known: set to a bit for each bank that the TPM has
 *
 * Return: 0, or a negative error number if a bank can not be read or its value is
 * none.
 */
int pcr_read(const char *tpm_dir, uint32_t pcr, struct pcr_values *pcrs,
	     uint64_t *known)
{
	char path[4096], text[DIGEST_TEXT_MAX + 1];
	size_t i;
	int ret;

	*known = 0;
	for (i = 0; i < pcrs->nr_banks; i++) {
		if (snprintf(path, sizeof(path), "%s/" BANK_PREFIX "%s/%u",
			     tpm_dir, pcrs->banks[i]->name, pcr) >=
		    (int)sizeof(path))
			return -ENAMETOOLONG;
		ret = io_read_text(AT_FDCWD, path, text, sizeof(text));
		if (ret == -ENOENT || ret == -ENOTDIR)
			continue;
		if (!ret)
			ret = digest_from_text(text, strlen(text),
					       pcrs->value[pcr][i],
					       pcrs->banks[i]->size);
		if (ret)
			return ret;
		*known |= 1ULL << i;
	}
	pcrs->touched |= 1ULL << pcr;
	return 0;
}
