/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TPM's counters
 */
#ifndef IMALOG_TPM_H
#define IMALOG_TPM_H

#include <stdint.h>

int tpm_counters(const char *tcti, uint32_t *reset, uint32_t *restart);

#endif /* IMALOG_TPM_H */
