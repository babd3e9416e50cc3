// SPDX-License-Identifier: GPL-2.0
/*
 * A quote: PCRs, as a TPM has signed them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <tss2/tss2_mu.h>

#include "io.h"
#include "quote.h"

/* Longer than any message or signature */
#define FILE_MAX	4096
/* Of a key: RSA with 2048 bits has so many */
#define SECURITY_BITS	112

_Static_assert(sizeof(((TPM2B_DATA *)NULL)->buffer) <= QUOTE_NONCE_MAX,
	       "each nonce has room");

static int read_file(const char *path, uint8_t *data, size_t *len)
{
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = io_read(fd, data, FILE_MAX);
	close(fd);
	if (got < 0)
		return (int)got;
	*len = (size_t)got;
	return 0;
}

static int read_key(const char *path, EVP_PKEY **key)
{
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return -errno;
	*key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	return *key ? 0 : -EBADMSG;
}

/* ---- the signature ------------------------------------------------------------- */

/*
 * How the message is hashed, and what the scheme is called; NULL for what a quote is
 * not signed with. With SHA-1 others than the TPM could have found it.
 */
static const struct hash_algo *signature_hash(const TPMT_SIGNATURE *signature,
					      const char **scheme)
{
	uint16_t hash;

	switch (signature->sigAlg) {
	case TPM2_ALG_RSASSA:
		*scheme = "RSASSA";
		hash = signature->signature.rsassa.hash;
		break;
	case TPM2_ALG_RSAPSS:
		*scheme = "RSAPSS";
		hash = signature->signature.rsapss.hash;
		break;
	case TPM2_ALG_ECDSA:
		*scheme = "ECDSA";
		hash = signature->signature.ecdsa.hash;
		break;
	default:
		return NULL;
	}
	return hash == TPM2_ALG_SHA1 ? NULL : hash_algo_of_tpm(hash);
}

/* Return: what is wrong with the key, or NULL. */
static const char *check_key(EVP_PKEY *key, const TPMT_SIGNATURE *signature)
{
	bool ecdsa = signature->sigAlg == TPM2_ALG_ECDSA;

	if (!EVP_PKEY_is_a(key, ecdsa ? "EC" : "RSA"))
		return "it is a key of another kind than that of the signature";
	if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return "it is too short";
	return NULL;
}

/* OpenSSL takes the two numbers as ASN.1. Return: the length, or a negative one. */
static int encode_ecdsa(const TPMS_SIGNATURE_ECC *signature, uint8_t **der)
{
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	BIGNUM *r, *s;
	int len = -1;

	r = BN_bin2bn(signature->signatureR.buffer, signature->signatureR.size, NULL);
	s = BN_bin2bn(signature->signatureS.buffer, signature->signatureS.size, NULL);
	if (numbers && r && s && ECDSA_SIG_set0(numbers, r, s)) {
		*der = NULL;
		len = i2d_ECDSA_SIG(numbers, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(numbers);
	return len;
}

static bool verify_bytes(EVP_PKEY *key, const char *md, int padding,
			 const uint8_t *signature, size_t len,
			 const uint8_t *message, size_t message_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	bool good;

	good = context &&
	       EVP_DigestVerifyInit_ex(context, &key_context, md, NULL, NULL, key,
				       NULL) == 1;
	if (good && padding)
		good = EVP_PKEY_CTX_set_rsa_padding(key_context, padding) == 1;
	good = good && EVP_DigestVerify(context, signature, len, message,
					message_len) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

static bool verify_signature(EVP_PKEY *key, const struct hash_algo *algo,
			     const TPMT_SIGNATURE *signature,
			     const uint8_t *message, size_t len)
{
	uint8_t *der;
	bool good;
	int der_len;

	switch (signature->sigAlg) {
	case TPM2_ALG_RSASSA:
		return verify_bytes(key, algo->openssl, RSA_PKCS1_PADDING,
				    signature->signature.rsassa.sig.buffer,
				    signature->signature.rsassa.sig.size,
				    message, len);
	case TPM2_ALG_RSAPSS:
		return verify_bytes(key, algo->openssl, RSA_PKCS1_PSS_PADDING,
				    signature->signature.rsapss.sig.buffer,
				    signature->signature.rsapss.sig.size,
				    message, len);
	default:
		der_len = encode_ecdsa(&signature->signature.ecdsa, &der);
		if (der_len <= 0)
			return false;
		good = verify_bytes(key, algo->openssl, 0, der, (size_t)der_len,
				    message, len);
		OPENSSL_free(der);
		return good;
	}
}

/* ---- the message ---------------------------------------------------------------- */

static const char *take_selection(struct quote *quote,
				  const TPMS_PCR_SELECTION *from)
{
	struct quote_selection *to = &quote->selections[quote->nr_selections];
	size_t i;

	if (quote->nr_selections == REPLAY_BANKS)
		return "there are too many banks";
	to->pcrs = 0;
	for (i = 0; i < from->sizeofSelect; i++)
		to->pcrs |= (uint64_t)from->pcrSelect[i] << 8 * i;
	if (!to->pcrs)
		return NULL;
	to->bank = hash_algo_of_tpm(from->hash);
	if (!to->bank)
		return "there is a PCR of a bank that is not known here";
	quote->nr_selections++;
	return NULL;
}

static const char *take_message(struct quote *quote, const uint8_t *data,
				size_t len)
{
	TPMS_ATTEST attest;
	const TPMS_QUOTE_INFO *info = &attest.attested.quote;
	const char *why = NULL;
	size_t i, at = 0;

	if (Tss2_MU_TPMS_ATTEST_Unmarshal(data, len, &at, &attest) || at != len)
		return "it is no TPMS_ATTEST";
	if (attest.magic != TPM2_GENERATED_VALUE)
		return "it was not made by a TPM";
	if (attest.type != TPM2_ST_ATTEST_QUOTE)
		return "it is no quote";
	if (info->pcrDigest.size != quote->hasher.algo->size)
		return "it has a digest of an impossible length";
	for (i = 0; i < info->pcrSelect.count && !why; i++)
		why = take_selection(quote, &info->pcrSelect.pcrSelections[i]);
	if (why)
		return why;
	memcpy(quote->digest, info->pcrDigest.buffer, info->pcrDigest.size);
	quote->nonce_len = attest.extraData.size;
	memcpy(quote->nonce, attest.extraData.buffer, attest.extraData.size);
	return NULL;
}

/**
 * quote_read - read a quote, and verify its signature
 * @quote: set to what was signed
 * @files: where it is
 * @which: set to the file that is at fault
 * @why: set to what is wrong with it, or NULL
 *
 * Nothing is made of the message before its signature has been verified.
 *
 * Return: 0, -EKEYREJECTED if the signature is not that of the key, -EBADMSG if a
 * file is not what it should be, or another negative error number. In any case
 * quote_free() is to follow.
 */
int quote_read(struct quote *quote, const struct quote_files *files,
	       const char **which, const char **why)
{
	uint8_t message[FILE_MAX], text[FILE_MAX];
	size_t message_len, text_len, at = 0;
	const struct hash_algo *algo;
	TPMT_SIGNATURE signature;
	EVP_PKEY *key = NULL;
	int ret;

	memset(quote, 0, sizeof(*quote));
	*why = NULL;
	*which = files->message;
	ret = read_file(files->message, message, &message_len);
	if (ret)
		return ret;
	*which = files->signature;
	ret = read_file(files->signature, text, &text_len);
	if (ret)
		return ret;
	*why = "it is no TPMT_SIGNATURE of RSASSA, RSAPSS or ECDSA with a hash other than SHA-1";
	if (Tss2_MU_TPMT_SIGNATURE_Unmarshal(text, text_len, &at, &signature) ||
	    at != text_len)
		return -EBADMSG;
	algo = signature_hash(&signature, &quote->scheme);
	if (!algo)
		return -EBADMSG;
	*which = files->key;
	ret = read_key(files->key, &key);
	*why = ret == -EBADMSG ? "it is no public key in PEM" : NULL;
	if (ret)
		return ret;
	*why = check_key(key, &signature);
	if (*why) {
		EVP_PKEY_free(key);
		return -EKEYREJECTED;
	}

	*which = files->signature;
	*why = "it is not the signature of the quote with this key";
	ret = verify_signature(key, algo, &signature, message, message_len) ?
	      0 : -EKEYREJECTED;
	EVP_PKEY_free(key);
	if (ret)
		return ret;
	*which = files->message;
	*why = NULL;
	ret = hasher_init(&quote->hasher, algo);
	if (ret)
		return ret;
	*why = take_message(quote, message, message_len);
	return *why ? -EBADMSG : 0;
}

/* ---- what it says ------------------------------------------------------------------ */

/**
 * quote_covers - has a PCR been signed?
 * @quote: the quote
 * @pcr: the PCR
 * @bank: the bank
 *
 * Return: whether it has.
 */
bool quote_covers(const struct quote *quote, uint32_t pcr,
		  const struct hash_algo *bank)
{
	size_t i;

	for (i = 0; i < quote->nr_selections; i++)
		if (quote->selections[i].bank == bank &&
		    quote->selections[i].pcrs >> pcr & 1)
			return true;
	return false;
}

/**
 * quote_is_of_one - has no more than one PCR of one bank been signed?
 * @quote: the quote
 *
 * The digest is then that of its value alone.
 *
 * Return: whether it is so.
 */
bool quote_is_of_one(const struct quote *quote)
{
	uint64_t pcrs = quote->selections[0].pcrs;

	return quote->nr_selections == 1 && !(pcrs & (pcrs - 1));
}

static int compare(struct quote *quote)
{
	uint8_t digest[DIGEST_MAX];
	int ret = hasher_end(&quote->hasher, digest);

	if (ret)
		return ret;
	return memcmp(digest, quote->digest, quote->hasher.algo->size) ? -EBADMSG : 0;
}

/**
 * quote_fits - are these the values that were signed?
 * @quote: the quote
 * @pcrs: the values; those of all PCRs that it covers are there
 *
 * Return: 0, -EBADMSG if they are not, -ENOENT if a bank is not there, -EIO if
 * OpenSSL fails.
 */
int quote_fits(struct quote *quote, const struct pcr_values *pcrs)
{
	const struct quote_selection *selection;
	unsigned int pcr;
	int ret, bank;
	size_t i;

	ret = hasher_begin(&quote->hasher);
	for (i = 0; i < quote->nr_selections && !ret; i++) {
		selection = &quote->selections[i];
		bank = pcr_values_bank(pcrs, selection->bank->name);
		if (bank < 0)
			ret = bank;
		for (pcr = 0; pcr < RECORD_PCRS && !ret; pcr++)
			if (selection->pcrs >> pcr & 1)
				ret = hasher_add(&quote->hasher,
						 pcrs->value[pcr][bank],
						 selection->bank->size);
	}
	return ret ? ret : compare(quote);
}

/**
 * quote_fits_value - is this the value that was signed?
 * @quote: a quote of one PCR of one bank
 * @value: the value
 *
 * Return: 0, -EBADMSG if it is not, -EIO if OpenSSL fails.
 */
int quote_fits_value(struct quote *quote, const uint8_t *value)
{
	int ret = hasher_begin(&quote->hasher);

	if (!ret)
		ret = hasher_add(&quote->hasher, value,
				 quote->selections[0].bank->size);
	return ret ? ret : compare(quote);
}

/**
 * quote_free - give back what quote_read() has taken, whatever it returned
 * @quote: the quote
 */
void quote_free(struct quote *quote)
{
	hasher_free(&quote->hasher);
}
