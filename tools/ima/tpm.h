/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TPM: its counters and PCRs
 */
#ifndef IMALOG_TPM_H
#define IMALOG_TPM_H

#include <stdint.h>

#include "replay.h"

int tpm_counters(const char *tcti, uint32_t *reset, uint32_t *restart);
int tpm_read_pcr(const char *tcti, uint32_t pcr, struct pcr_values *pcrs,
		 uint64_t *known);

#endif /* IMALOG_TPM_H */
