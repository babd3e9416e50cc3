/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IMA's binary measurement list: taking it apart, showing it the way the ASCII
 * list does, replaying it to the PCR's value. Input is not trusted: a bug in
 * the kernel shows as an error here, not as a crash of the test.
 */
#ifndef IMA_SELFTEST_MLIST_H
#define IMA_SELFTEST_MLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "hash.h"

/* One record. The pointers lead into the buffer that was parsed. */
struct record {
	const uint8_t *raw;
	size_t raw_len;
	uint32_t pcr;
	const uint8_t *digest;
	const char *template;	/* not terminated */
	size_t template_len;
	const uint8_t *data;
	size_t data_len;
};

struct mlist {
	struct record *rec;
	size_t nr;
	size_t digest_size;
};

/*
 * Return: 0, -EBADMSG if @buf is not a whole number of records, or -EOPNOTSUPP
 * for the legacy "ima" template, which has no length of its data.
 */
int mlist_parse(struct mlist *l, const void *buf, size_t len,
		size_t digest_size);
/* Why a test has to be skipped after -EOPNOTSUPP. */
#define LEGACY_TEMPLATE "the records are of the legacy template \"ima\" (CONFIG_IMA_NG_TEMPLATE)"
/* And why one that has to know what its records are. */
#define NOT_NG "the records are not ima-ng (CONFIG_IMA_NG_TEMPLATE)"
void mlist_free(struct mlist *l);

bool record_is_ng(const struct record *rec);
/* The path that an ima-ng record names, NULL for any other record. */
const char *record_path(const struct record *rec);
/* The name of the algorithm of the file's digest in an ima-ng record. */
int record_algo(const struct record *rec, char *algo, size_t room);

/* The line that the ASCII list has for an ima-ng record. */
int record_show(const struct record *rec, size_t digest_size, struct blob *out);

/* What the kernel records when it measures @content (@algo) as @path. */
int record_make(struct blob *out, const struct hash *bank, uint32_t pcr,
		const char *algo, const struct hash *file_hash,
		const void *content, size_t len, const char *path);

/*
 * Extend @value (of the bank's digest size) by all of the list's records of
 * @pcr, after checking each template digest.
 *
 * Return: 0, or -EBADMSG if a record's digest is not the one of its data.
 */
int mlist_replay(const struct mlist *l, const struct hash *h, uint32_t pcr,
		 uint8_t *value);

#endif /* IMA_SELFTEST_MLIST_H */
