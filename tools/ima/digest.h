/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hash algorithms by the kernel's names, and digests of records
 */
#ifndef IMALOG_DIGEST_H
#define IMALOG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* A digest of any algorithm fits, and is shown as text with a NUL */
#define DIGEST_MAX	RECORD_DIGEST_MAX
#define DIGEST_TEXT_MAX	(2 * DIGEST_MAX + 1)

/**
 * struct hash_algo - a hash algorithm
 * @name: what the kernel calls it, in names of files as well
 * @openssl: what OpenSSL calls it
 * @size: length of a digest in bytes
 * @tpm: what a TPM calls it (TPM_ALG_ID)
 * @tpm2_tools: what tpm2-tools call it
 */
struct hash_algo {
	const char *name;
	const char *openssl;
	size_t size;
	uint16_t tpm;
	const char *tpm2_tools;
};

/**
 * struct hasher - calculates digests of one algorithm, one after the other
 * @algo: the algorithm
 * @md: OpenSSL's implementation of it
 * @context: OpenSSL's state
 */
struct hasher {
	const struct hash_algo *algo;
	struct evp_md_st *md;
	struct evp_md_ctx_st *context;
};

const struct hash_algo *hash_algo_find(const char *name);
const struct hash_algo *hash_algo_of_tpm(uint16_t id);
const struct hash_algo *hash_algo_of_tpm2_tools(const char *name);

int hasher_init(struct hasher *hasher, const struct hash_algo *algo);
int hasher_begin(struct hasher *hasher);
int hasher_add(struct hasher *hasher, const void *data, size_t len);
int hasher_end(struct hasher *hasher, uint8_t *digest);
void hasher_free(struct hasher *hasher);

int digest_of_record(struct hasher *hasher, const struct record *record,
		     uint8_t *digest);

void digest_to_text(const uint8_t *digest, size_t size, char *text);
int digest_from_text(const char *text, size_t len, uint8_t *digest,
		     size_t size);

#endif /* IMALOG_DIGEST_H */
