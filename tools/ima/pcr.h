/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PCRs of the TPM, as the kernel shows them in sysfs
 */
#ifndef IMALOG_PCR_H
#define IMALOG_PCR_H

#include "replay.h"

int pcr_banks(const char *tpm_dir, const char **banks, size_t *nr_banks);
int pcr_read(const char *tpm_dir, uint32_t pcr, struct pcr_values *pcrs,
	     uint64_t *known);

#endif /* IMALOG_PCR_H */
