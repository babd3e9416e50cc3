// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <kselftest.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hash.h"

/* IMA's names of the algorithms are AF_ALG's as well. */
static const struct {
	const char *algo;
	size_t size;
} sizes[] = {
	{ "sha1", 20 },	    { "sha256", 32 },	{ "sha384", 48 },
	{ "sha512", 64 },   { "sm3", 32 },	{ "sha3-256", 32 },
	{ "sha3-384", 48 }, { "sha3-512", 64 },
};

size_t hash_size(const char *algo)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (!strcmp(sizes[i].algo, algo))
			return sizes[i].size;
	return 0;
}

int hash_open(struct hash *h, const char *algo)
{
	struct sockaddr_alg addr = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
	};
	int tfm, err = 0;

	h->fd = -1;
	h->size = hash_size(algo);
	if (!h->size)
		return -ENOENT;
	snprintf((char *)addr.salg_name, sizeof(addr.salg_name), "%s", algo);

	tfm = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (tfm < 0)
		return -errno;
	if (bind(tfm, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
	} else {
		h->fd = accept4(tfm, NULL, NULL, SOCK_CLOEXEC);
		if (h->fd < 0)
			err = -errno;
	}
	close(tfm);
	return err;
}

int hash_digest(const struct hash *h, const void *data, size_t len,
		uint8_t *digest)
{
	const uint8_t *pos = data;

	while (len) {
		ssize_t sent = send(h->fd, pos, len, MSG_MORE);

		if (sent < 0)
			return -errno;
		pos += sent;
		len -= sent;
	}
	/* Reading ends the digest, and what is sent next starts another one. */
	if (read(h->fd, digest, h->size) != (ssize_t)h->size)
		return -EIO;
	return 0;
}

void hash_close(struct hash *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}
