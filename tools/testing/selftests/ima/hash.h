/* SPDX-License-Identifier: GPL-2.0 */
/* Digests, by the kernel's own crypto through AF_ALG. */
#ifndef IMA_SELFTEST_HASH_H
#define IMA_SELFTEST_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_MAX_SIZE 64

/* Not to be shared between processes or threads: one operation at a time. */
struct hash {
	int fd;
	size_t size;
};

/* The size of a digest, 0 for an algorithm that these tests do not know. */
size_t hash_size(const char *algo);

int hash_open(struct hash *h, const char *algo);
int hash_digest(const struct hash *h, const void *data, size_t len,
		uint8_t *digest);
void hash_close(struct hash *h);

/* Why a test has to be skipped if hash_open() fails. */
#define NO_HASH "no AF_ALG hash (CONFIG_CRYPTO_USER_API_HASH, CONFIG_CRYPTO_SHA256 or another)"

#endif /* IMA_SELFTEST_HASH_H */
