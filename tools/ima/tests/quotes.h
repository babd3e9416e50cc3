/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Quotes that the tests make, as a TPM makes them
 */
#ifndef IMALOG_TESTS_QUOTES_H
#define IMALOG_TESTS_QUOTES_H

#include <stdint.h>

#include <openssl/evp.h>
#include <tss2/tss2_tpm2_types.h>

#include "lists.h"

/**
 * struct quote_maker - how they are to be signed
 * @scheme: TPM2_ALG_RSASSA, TPM2_ALG_RSAPSS or TPM2_ALG_ECDSA
 * @hash: TPM2_ALG_SHA256 or another one
 * @md: what OpenSSL calls that
 * @key: with this key
 */
struct quote_maker {
	TPMI_ALG_SIG_SCHEME scheme;
	TPMI_ALG_HASH hash;
	const char *md;
	EVP_PKEY *key;
};

void quote_maker_init(struct quote_maker *maker, TPMI_ALG_SIG_SCHEME scheme,
		      TPMI_ALG_HASH hash, const char *md);
void quote_maker_free(struct quote_maker *maker);
void quote_maker_key(const struct quote_maker *maker, struct bytes *pem);

void quote_begin(TPMS_ATTEST *attest, const char *nonce);
void quote_select(TPMS_ATTEST *attest, TPMI_ALG_HASH bank, uint32_t pcrs);
void quote_sign(const struct quote_maker *maker, TPMS_ATTEST *attest,
		const struct bytes *values, struct bytes *message,
		struct bytes *signature);
void quote_sign_bytes(const struct quote_maker *maker, const void *message,
		      size_t len, struct bytes *signature);

#endif /* IMALOG_TESTS_QUOTES_H */
