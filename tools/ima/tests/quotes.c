// SPDX-License-Identifier: GPL-2.0
/*
 * Quotes that the tests make, as a TPM makes them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <tss2/tss2_mu.h>

#include "quotes.h"

/**
 * quote_maker_init - make a key
 * @maker: to be prepared
 * @scheme: of the signatures
 * @hash: what is signed is hashed with that
 * @md: what OpenSSL calls it
 */
void quote_maker_init(struct quote_maker *maker, TPMI_ALG_SIG_SCHEME scheme,
		      TPMI_ALG_HASH hash, const char *md)
{
	*maker = (struct quote_maker){ scheme, hash, md, NULL };
	maker->key = scheme == TPM2_ALG_ECDSA ? EVP_EC_gen("P-256") :
		     EVP_RSA_gen(2048);
	assert_non_null(maker->key);
}

/**
 * quote_maker_free - give back what quote_maker_init() has taken
 * @maker: the maker
 */
void quote_maker_free(struct quote_maker *maker)
{
	EVP_PKEY_free(maker->key);
}

/**
 * quote_maker_key - get the public key
 * @maker: the maker
 * @pem: it is added there
 */
void quote_maker_key(const struct quote_maker *maker, struct bytes *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, maker->key), 1);
	len = BIO_get_mem_data(bio, &data);
	bytes_add(pem, data, (size_t)len);
	BIO_free(bio);
}

/**
 * quote_begin - begin with a quote, of nothing by now
 * @attest: to be set
 * @nonce: what it was asked for with
 */
void quote_begin(TPMS_ATTEST *attest, const char *nonce)
{
	memset(attest, 0, sizeof(*attest));
	attest->magic = TPM2_GENERATED_VALUE;
	attest->type = TPM2_ST_ATTEST_QUOTE;
	attest->qualifiedSigner.size = 34;
	attest->extraData.size = (UINT16)strlen(nonce);
	memcpy(attest->extraData.buffer, nonce, strlen(nonce));
	attest->clockInfo.clock = 12345;
	attest->firmwareVersion = 1;
}

/**
 * quote_select - have it cover PCRs of one more bank
 * @attest: the quote
 * @bank: the bank
 * @pcrs: a bit for each PCR
 */
void quote_select(TPMS_ATTEST *attest, TPMI_ALG_HASH bank, uint32_t pcrs)
{
	TPML_PCR_SELECTION *list = &attest->attested.quote.pcrSelect;
	TPMS_PCR_SELECTION *selection = &list->pcrSelections[list->count++];
	size_t i;

	selection->hash = bank;
	selection->sizeofSelect = 3;
	for (i = 0; i < 3; i++)
		selection->pcrSelect[i] = (BYTE)(pcrs >> 8 * i);
}

static void add_ecdsa(TPMS_SIGNATURE_ECDSA *to, const uint8_t *der, size_t len)
{
	ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert_non_null(numbers);
	to->signatureR.size = 32;
	to->signatureS.size = 32;
	BN_bn2binpad(ECDSA_SIG_get0_r(numbers), to->signatureR.buffer, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(numbers), to->signatureS.buffer, 32);
	ECDSA_SIG_free(numbers);
}

/**
 * quote_sign_bytes - sign a message, whatever it says
 * @maker: with what
 * @message: the message
 * @len: its length in bytes
 * @signature: a TPMT_SIGNATURE, which is added there
 */
void quote_sign_bytes(const struct quote_maker *maker, const void *message,
		      size_t len, struct bytes *signature)
{
	TPMT_SIGNATURE tpm = { .sigAlg = maker->scheme };
	uint8_t text[sizeof(tpm)], data[1024];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t data_len = sizeof(data), at = 0;
	EVP_PKEY_CTX *key;

	assert_int_equal(EVP_DigestSignInit_ex(context, &key, maker->md, NULL, NULL,
					       maker->key, NULL), 1);
	if (maker->scheme == TPM2_ALG_RSAPSS)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING),
				 1);
	assert_int_equal(EVP_DigestSign(context, data, &data_len, message, len), 1);
	EVP_MD_CTX_free(context);
	/* The structures of RSASSA and RSAPSS are the same. */
	tpm.signature.rsassa.hash = maker->hash;
	if (maker->scheme == TPM2_ALG_ECDSA) {
		add_ecdsa(&tpm.signature.ecdsa, data, data_len);
	} else {
		tpm.signature.rsassa.sig.size = (UINT16)data_len;
		memcpy(tpm.signature.rsassa.sig.buffer, data, data_len);
	}
	assert_int_equal(Tss2_MU_TPMT_SIGNATURE_Marshal(&tpm, text, sizeof(text), &at),
			 0);
	bytes_add(signature, text, at);
}

/**
 * quote_sign - sign a quote
 * @maker: with what
 * @attest: the quote; its digest is set, if @values is given
 * @values: the values of the PCRs, one after the other, or NULL
 * @message: what was signed is added there
 * @signature: a TPMT_SIGNATURE, which is added there
 */
void quote_sign(const struct quote_maker *maker, TPMS_ATTEST *attest,
		const struct bytes *values, struct bytes *message,
		struct bytes *signature)
{
	TPM2B_DIGEST *digest = &attest->attested.quote.pcrDigest;
	uint8_t text[sizeof(*attest)];
	unsigned int size;
	size_t at = 0;

	if (values) {
		assert_int_equal(EVP_Digest(values->data, values->len, digest->buffer,
					    &size, EVP_get_digestbyname(maker->md),
					    NULL), 1);
		digest->size = (UINT16)size;
	}
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Marshal(attest, text, sizeof(text), &at), 0);
	bytes_add(message, text, at);
	quote_sign_bytes(maker, text, at, signature);
}
