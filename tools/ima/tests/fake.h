/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel with staging and a TPM for unit tests: plain files, and the rules of
 * Documentation/security/IMA-staging.rst
 *
 *	ROOT/ima	the list files
 *	ROOT/tpm	the PCRs
 *	ROOT/store	where records are saved
 *	ROOT/truth.*	all records since the TPM was started, by list file
 */
#ifndef IMALOG_TESTS_FAKE_H
#define IMALOG_TESTS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lists.h"

extern char fake_root[256];
extern unsigned int fake_generation;
/* What is measured extends this one: 10 or 11. */
extern unsigned int fake_pcr;
/* The TPM does not answer, with this error. */
extern int fake_tpm_error;
/* So many times more, somebody else has the files open. */
extern unsigned int fake_busy;
/* All was copied for the next kernel. */
extern bool fake_copied;
/* The same happened after something was staged. */
extern bool fake_keep;

void fake_start(void);
void fake_end(void);
const char *fake_path(const char *name);
void fake_read(const char *name, struct bytes *bytes);
void fake_write(const char *name, const void *data, size_t len);
uint64_t fake_number(const char *name);

void fake_measure(const char *prefix, unsigned int n);
void fake_measure_same(const char *file);
int fake_command(const void *text, size_t len, bool staged);
int fake_enter(bool writer);
void fake_leave(bool writer);
bool fake_has_writer(void);
bool fake_is_free(void);
void fake_kexec(void);
void fake_reboot(void);

#endif /* IMALOG_TESTS_FAKE_H */
