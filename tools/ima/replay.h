/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replay: the PCR values that a measurement list leads to
 */
#ifndef IMALOG_REPLAY_H
#define IMALOG_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "record.h"

/* IMA's PCR, unless the kernel is configured otherwise or a rule names another */
#define REPLAY_IMA_PCR	10
/* A TPM has up to that many banks here */
#define REPLAY_BANKS	8

/**
 * struct pcr_values - values of PCRs in several banks
 * @banks: the hash algorithms of the banks
 * @nr_banks: how many there are
 * @touched: a bit for each PCR that was extended; the others are all zeroes
 * @value: the values, by PCR and bank
 */
struct pcr_values {
	const struct hash_algo *banks[REPLAY_BANKS];
	size_t nr_banks;
	uint64_t touched;
	uint8_t value[RECORD_PCRS][REPLAY_BANKS][DIGEST_MAX];
};

/**
 * struct replay - replay of a list
 * @pcrs: the values so far
 * @padded: the values so far of a TPM whose banks are extended with the SHA-1
 *	digest and zeroes, as the kernel does if it lacks a bank's algorithm
 * @hashers: for the banks
 * @sha1: for @padded
 */
struct replay {
	struct pcr_values pcrs;
	struct pcr_values padded;
	struct hasher hashers[REPLAY_BANKS];
	struct hasher sha1;
};

int pcr_values_init(struct pcr_values *pcrs, const char *const *banks,
		    size_t nr_banks);
int pcr_values_bank(const struct pcr_values *pcrs, const char *name);
bool pcr_values_equal(const struct pcr_values *a, const struct pcr_values *b);

int replay_init(struct replay *replay, const struct pcr_values *from);
int replay_check(struct replay *replay, const struct record *record);
int replay_extend(struct replay *replay, const struct record *record);
void replay_free(struct replay *replay);

#endif /* IMALOG_REPLAY_H */
