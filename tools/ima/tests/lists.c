// SPDX-License-Identifier: GPL-2.0
/*
 * Measurement lists that the tests make, as the kernel shows them
 *
 * Written down from the kernel's side, without the code under test: digests are
 * those of OpenSSL's EVP_Digest().
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lists.h"

void bytes_add(struct bytes *bytes, const void *data, size_t len)
{
	if (!len)
		return;
	bytes->data = realloc(bytes->data, bytes->len + len);
	if (!bytes->data)
		abort();
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

void bytes_add_u32(struct bytes *bytes, uint32_t value, enum byte_order order)
{
	uint8_t b[4];
	int i;

	for (i = 0; i < 4; i++)
		b[order == ORDER_BIG ? 3 - i : i] = (uint8_t)(value >> (8 * i));
	bytes_add(bytes, b, sizeof(b));
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){ };
}

static void add_field(const struct list_maker *maker, struct bytes *data,
		      const void *field, size_t len)
{
	bytes_add_u32(data, (uint32_t)len, maker->order);
	bytes_add(data, field, len);
}

static unsigned int hash(const char *algo, const void *data, size_t len,
			 uint8_t *digest)
{
	unsigned int size;

	if (!EVP_Digest(data, len, digest, &size, EVP_get_digestbyname(algo),
			NULL))
		abort();
	return size;
}

static void add_record(const struct list_maker *maker, struct bytes *list,
		       uint32_t pcr, const uint8_t *digest, size_t size,
		       const char *name, const void *data, size_t len)
{
	bytes_add_u32(list, pcr, maker->order);
	bytes_add(list, digest, size);
	bytes_add_u32(list, (uint32_t)strlen(name), maker->order);
	bytes_add(list, name, strlen(name));
	if (strcmp(name, "ima"))
		bytes_add_u32(list, (uint32_t)len, maker->order);
	bytes_add(list, data, len);
}

void list_add(const struct list_maker *maker, struct bytes *list, uint32_t pcr,
	      const char *name, const void *data, size_t len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size = hash(maker->bank, data, len, digest);

	add_record(maker, list, pcr, digest, size, name, data, len);
}

void list_add_violation(const struct list_maker *maker, struct bytes *list,
			uint32_t pcr, const char *name, const void *data,
			size_t len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size = hash(maker->bank, "", 0, digest);

	memset(digest, 0, sizeof(digest));
	add_record(maker, list, pcr, digest, size, name, data, len);
}

static void ng_data(const struct list_maker *maker, struct bytes *data,
		    const char *file)
{
	uint8_t digest[8 + EVP_MAX_MD_SIZE] = "sha256:";

	hash("sha256", file, strlen(file), digest + 8);
	add_field(maker, data, digest, 8 + 32);
	add_field(maker, data, file, strlen(file) + 1);
}

/* A file whose content is its name. */
void list_add_ng(const struct list_maker *maker, struct bytes *list,
		 const char *file)
{
	struct bytes data = { };

	ng_data(maker, &data, file);
	list_add(maker, list, 10, "ima-ng", data.data, data.len);
	bytes_free(&data);
}

void list_add_sig(const struct list_maker *maker, struct bytes *list,
		  const char *file, size_t sig_len)
{
	struct bytes data = { };
	uint8_t *sig = malloc(sig_len + 1);

	if (!sig)
		abort();
	memset(sig, 3, sig_len);
	ng_data(maker, &data, file);
	add_field(maker, &data, sig, sig_len);
	list_add(maker, list, 10, "ima-sig", data.data, data.len);
	bytes_free(&data);
	free(sig);
}

/* What is hashed is not what is shown. */
void list_add_legacy(const struct list_maker *maker, struct bytes *list,
		     const char *file)
{
	uint8_t digest[EVP_MAX_MD_SIZE], hashed[20 + 256] = { };
	struct bytes data = { };
	unsigned int size;

	hash("sha1", file, strlen(file), hashed);
	memcpy(hashed + 20, file, strlen(file));
	bytes_add(&data, hashed, 20);
	add_field(maker, &data, file, strlen(file));
	size = hash(maker->bank, hashed, sizeof(hashed), digest);
	add_record(maker, list, 10, digest, size, "ima", data.data, data.len);
	bytes_free(&data);
}
