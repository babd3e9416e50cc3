/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verification of a log: its digests, its manifest, and the PCRs it leads to
 */
#ifndef IMALOG_VERIFY_H
#define IMALOG_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "quote.h"
#include "replay.h"
#include "view.h"

/**
 * struct verify - what is known of a log
 * @wanted: a bit for each PCR that IMA extends
 * @target: values that PCRs are to have
 * @known: by PCR, a bit for each bank of which @target has a value
 * @quote: the TPM's signature for a value that is not known, but its digest; or
 *	NULL
 * @first_bad: number of the first record that does not fit, 0 for none
 * @why: what is wrong with it
 * @where: "segment N" or "the kernel's list"
 * @records: how many records there are
 * @segments: how many segments
 * @reached: by PCR and bank, after which record the target was reached; 0 if it
 *	was not
 * @padded: the same for banks that are extended with padded SHA-1 digests
 * @replay: the replay
 * @view: the log
 */
struct verify {
	uint64_t wanted;
	struct pcr_values target;
	uint64_t known[RECORD_PCRS];
	struct quote *quote;
	uint64_t first_bad;
	char why[256];
	char where[64];
	uint64_t records;
	uint64_t segments;
	uint64_t reached[RECORD_PCRS][REPLAY_BANKS];
	uint64_t padded[RECORD_PCRS][REPLAY_BANKS];
	struct replay replay;
	const struct view *view;
};

int verify_init(struct verify *verify, const struct manifest_header *header,
		uint64_t wanted);
int verify_read_pcrs(struct verify *verify, FILE *file, const char **why);
int verify_use_quote(struct verify *verify, struct quote *quote, const char **why);
uint64_t verify_restrict(struct verify *verify);
int verify_run(struct verify *verify, struct view *view);
uint64_t verify_unwanted(const struct verify *verify);
bool verify_reached(const struct verify *verify, unsigned int pcr, size_t bank,
		    uint64_t *number);

#endif /* IMALOG_VERIFY_H */
