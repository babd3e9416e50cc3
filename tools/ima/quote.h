/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A quote: PCRs, as a TPM has signed them
 */
#ifndef IMALOG_QUOTE_H
#define IMALOG_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "replay.h"

/* Longer ones are not made by a TPM */
#define QUOTE_NONCE_MAX	128

/**
 * struct quote_selection - PCRs of a bank
 * @bank: the hash algorithm of the bank
 * @pcrs: a bit for each PCR
 */
struct quote_selection {
	const struct hash_algo *bank;
	uint64_t pcrs;
};

/**
 * struct quote - what a TPM has signed
 * @selections: which PCRs, in the order in which their values are hashed
 * @nr_selections: how many banks
 * @scheme: how it is signed
 * @hasher: for @digest
 * @digest: digest of their values, one after the other
 * @nonce: what the TPM was given, to show that the quote is not an old one
 * @nonce_len: its length in bytes
 */
struct quote {
	struct quote_selection selections[REPLAY_BANKS];
	size_t nr_selections;
	const char *scheme;
	struct hasher hasher;
	uint8_t digest[DIGEST_MAX];
	uint8_t nonce[QUOTE_NONCE_MAX];
	size_t nonce_len;
};

/**
 * struct quote_files - where it comes from
 * @message: what was signed, a TPMS_ATTEST
 * @signature: the signature, a TPMT_SIGNATURE
 * @key: the public key, in PEM
 */
struct quote_files {
	const char *message;
	const char *signature;
	const char *key;
};

int quote_read(struct quote *quote, const struct quote_files *files,
	       const char **which, const char **why);
bool quote_covers(const struct quote *quote, uint32_t pcr,
		  const struct hash_algo *bank);
bool quote_is_of_one(const struct quote *quote);
int quote_fits(struct quote *quote, const struct pcr_values *pcrs);
int quote_fits_value(struct quote *quote, const uint8_t *value);
void quote_free(struct quote *quote);

#endif /* IMALOG_QUOTE_H */
