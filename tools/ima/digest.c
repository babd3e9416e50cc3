// SPDX-License-Identifier: GPL-2.0
/*
 * Hash algorithms by the kernel's names, and digests of records
 */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <tss2/tss2_tpm2_types.h>

#include "digest.h"
#include "util.h"

/* Those of the kernel's (hash_info.c) that a TPM or IMA uses and OpenSSL has */
static const struct hash_algo hash_algos[] = {
	{ "sha1", "SHA1", 20, TPM2_ALG_SHA1, "sha1" },
	{ "sha256", "SHA256", 32, TPM2_ALG_SHA256, "sha256" },
	{ "sha384", "SHA384", 48, TPM2_ALG_SHA384, "sha384" },
	{ "sha512", "SHA512", 64, TPM2_ALG_SHA512, "sha512" },
	{ "sha224", "SHA224", 28, TPM2_ALG_ERROR, NULL },
	{ "sm3", "SM3", 32, TPM2_ALG_SM3_256, "sm3_256" },
	{ "sha3-256", "SHA3-256", 32, TPM2_ALG_SHA3_256, "sha3_256" },
	{ "sha3-384", "SHA3-384", 48, TPM2_ALG_SHA3_384, "sha3_384" },
	{ "sha3-512", "SHA3-512", 64, TPM2_ALG_SHA3_512, "sha3_512" },
};

/**
 * hash_algo_find - look up a hash algorithm
 * @name: what the kernel calls it
 *
 * Return: the algorithm, or NULL.
 */
const struct hash_algo *hash_algo_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hash_algos); i++)
		if (!strcmp(name, hash_algos[i].name))
			return &hash_algos[i];
	return NULL;
}

/**
 * hash_algo_of_tpm - look up a hash algorithm
 * @id: what a TPM calls it
 *
 * Return: the algorithm, or NULL.
 */
const struct hash_algo *hash_algo_of_tpm(uint16_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hash_algos); i++)
		if (id != TPM2_ALG_ERROR && id == hash_algos[i].tpm)
			return &hash_algos[i];
	return NULL;
}

/**
 * hash_algo_of_tpm2_tools - look up a hash algorithm
 * @name: what tpm2-tools call it
 *
 * Return: the algorithm, or NULL.
 */
const struct hash_algo *hash_algo_of_tpm2_tools(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hash_algos); i++)
		if (hash_algos[i].tpm2_tools &&
		    !strcmp(name, hash_algos[i].tpm2_tools))
			return &hash_algos[i];
	return NULL;
}

/**
 * hasher_init - prepare to calculate digests
 * @hasher: to be prepared
 * @algo: the algorithm
 *
 * Return: 0, -EOPNOTSUPP if OpenSSL is configured without it, -ENOMEM.
 */
int hasher_init(struct hasher *hasher, const struct hash_algo *algo)
{
	*hasher = (struct hasher){ .algo = algo };
	hasher->md = EVP_MD_fetch(NULL, algo->openssl, NULL);
	if (!hasher->md)
		return -EOPNOTSUPP;
	hasher->context = EVP_MD_CTX_new();
	if (!hasher->context) {
		hasher_free(hasher);
		return -ENOMEM;
	}
	return 0;
}

/**
 * hasher_begin - begin with a digest
 * @hasher: what to calculate it with
 *
 * Return: 0, or -EIO if OpenSSL fails.
 */
int hasher_begin(struct hasher *hasher)
{
	return EVP_DigestInit_ex2(hasher->context, hasher->md, NULL) ? 0 : -EIO;
}

/**
 * hasher_add - add bytes to the digest that was begun
 * @hasher: what to calculate it with
 * @data: the bytes
 * @len: how many there are
 *
 * Return: 0, or -EIO if OpenSSL fails.
 */
int hasher_add(struct hasher *hasher, const void *data, size_t len)
{
	return EVP_DigestUpdate(hasher->context, data, len) ? 0 : -EIO;
}

/**
 * hasher_end - get the digest that was begun
 * @hasher: what to calculate it with
 * @digest: set to it; there must be room for what the algorithm gives
 *
 * Return: 0, or -EIO if OpenSSL fails.
 */
int hasher_end(struct hasher *hasher, uint8_t *digest)
{
	return EVP_DigestFinal_ex(hasher->context, digest, NULL) ? 0 : -EIO;
}

/**
 * hasher_free - give back what hasher_init() has taken
 * @hasher: what digests were calculated with
 */
void hasher_free(struct hasher *hasher)
{
	EVP_MD_CTX_free(hasher->context);
	EVP_MD_free(hasher->md);
	hasher->context = NULL;
	hasher->md = NULL;
}

/**
 * digest_of_record - calculate a record's template digest from its template data
 * @hasher: what to calculate it with
 * @record: the record; the digest in it is not looked at
 * @digest: set to the digest
 *
 * The kernel hashes what it shows, but for the template "ima", whose file's name
 * is hashed without its length, with NULs up to the length of the longest one.
 *
 * Return: 0, or -EIO if OpenSSL fails.
 */
int digest_of_record(struct hasher *hasher, const struct record *record,
		     uint8_t *digest)
{
	static const uint8_t padding[RECORD_LEGACY_FILE_MAX + 1];
	size_t head = RECORD_LEGACY_DIGEST + 4;
	size_t name_len;
	int ret;

	ret = hasher_begin(hasher);
	if (ret)
		return ret;

	if (!record->legacy) {
		ret = hasher_add(hasher, record->data, record->data_len);
	} else {
		name_len = record->data_len - head;
		ret = hasher_add(hasher, record->data, RECORD_LEGACY_DIGEST);
		if (!ret)
			ret = hasher_add(hasher, record->data + head, name_len);
		if (!ret)
			ret = hasher_add(hasher, padding,
					 sizeof(padding) - name_len);
	}
	if (ret)
		return ret;
	return hasher_end(hasher, digest);
}

/**
 * digest_to_text - show bytes as hexadecimal digits
 * @digest: the bytes
 * @size: how many there are
 * @text: set to two digits for each, and a NUL
 */
void digest_to_text(const uint8_t *digest, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < size; i++) {
		*text++ = digits[digest[i] >> 4];
		*text++ = digits[digest[i] & 15];
	}
	*text = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/**
 * digest_from_text - read hexadecimal digits
 * @text: the digits, of either case
 * @len: how many there are
 * @digest: set to the bytes
 * @size: how many these must be
 *
 * Return: 0, or -EINVAL if @text is anything else than the digits of @size
 * bytes.
 */
int digest_from_text(const char *text, size_t len, uint8_t *digest, size_t size)
{
	size_t i;
	int high, low;

	if (len != 2 * size)
		return -EINVAL;
	for (i = 0; i < size; i++) {
		high = digit_value(text[2 * i]);
		low = digit_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
