/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records of IMA's binary measurement list: taking a stream of bytes apart
 *
 * A record, as security/integrity/ima/ima_fs.c shows it:
 *
 *	u32	PCR
 *	u8[]	template digest, as long as a digest of the list's bank
 *	u32	length of the template's name
 *	char[]	the template's name, or its format if it has no name
 *	u32	length of the template data, but not for the template "ima"
 *	u8[]	template data: the fields, each a u32 length and its bytes
 *
 * The data of the legacy template "ima" are a digest of 20 bytes without a
 * length, then the length of the file's name, and the name without a NUL.
 *
 * The u32 are in the byte order of the machine, or little-endian if it was
 * booted with ima_canonical_fmt. No length is trusted.
 */
#ifndef IMALOG_RECORD_H
#define IMALOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fifteen field identifiers of up to 16 bytes, and what separates them */
#define RECORD_NAME_MAX		255
/* PCRs have lower numbers: a policy rule can name no others */
#define RECORD_PCRS		64
/* Longer template data are refused */
#define RECORD_DATA_MAX		((size_t)16 << 20)
/* A digest of any bank fits */
#define RECORD_DIGEST_MAX	64
/* No record is longer */
#define RECORD_MAX		(4 + RECORD_DIGEST_MAX + 4 + RECORD_NAME_MAX + \
				 4 + RECORD_DATA_MAX)

/* The legacy template "ima" */
#define RECORD_LEGACY_DIGEST	20
#define RECORD_LEGACY_FILE_MAX	255

/**
 * enum byte_order - of the u32 in a measurement list
 * @ORDER_UNKNOWN: that which the first record turns out to have
 * @ORDER_LITTLE: little-endian
 * @ORDER_BIG: big-endian
 */
enum byte_order {
	ORDER_UNKNOWN,
	ORDER_LITTLE,
	ORDER_BIG,
};

/**
 * struct record - one record; the pointers lead into the bytes it was read from
 * @pcr: number of the PCR that was extended
 * @digest: template digest
 * @digest_size: its length in bytes
 * @name: name or format of the template, not terminated
 * @name_len: its length in bytes
 * @data: template data
 * @data_len: its length in bytes
 * @raw: the whole record
 * @raw_len: its length in bytes
 * @legacy: the template is "ima"
 * @violation: the digest is all zeroes, and the PCR was extended with all ones
 */
struct record {
	uint32_t pcr;
	const uint8_t *digest;
	size_t digest_size;
	const char *name;
	size_t name_len;
	const uint8_t *data;
	size_t data_len;
	const uint8_t *raw;
	size_t raw_len;
	bool legacy;
	bool violation;
};

/**
 * struct record_parser - state of a stream of records that comes in blocks
 * @digest_size: length of the list's template digests
 * @order: byte order of the list
 * @count: whole records so far
 * @offset: bytes of these records
 * @why: what is wrong, after -EBADMSG, or NULL
 * @buffer: the part of a record whose end has not come yet
 * @len: its length in bytes
 * @room: allocated size of @buffer
 * @need: how long the record is at least
 */
struct record_parser {
	size_t digest_size;
	enum byte_order order;
	uint64_t count;
	uint64_t offset;
	const char *why;
	uint8_t *buffer;
	size_t len;
	size_t room;
	size_t need;
};

typedef int (*record_fn)(const struct record *record, void *context);

int record_parse(const uint8_t *data, size_t len, size_t digest_size,
		 enum byte_order *order, struct record *record, size_t *need,
		 const char **why);

void record_parser_init(struct record_parser *parser, size_t digest_size,
			enum byte_order order);
int record_parser_feed(struct record_parser *parser, const void *data,
		       size_t len, record_fn fn, void *context);
int record_parser_end(struct record_parser *parser);
void record_parser_free(struct record_parser *parser);

const char *byte_order_name(enum byte_order order);
int byte_order_find(const char *name, enum byte_order *order);

#endif /* IMALOG_RECORD_H */
