// SPDX-License-Identifier: GPL-2.0
/*
 * Records of IMA's binary measurement list: taking a stream of bytes apart
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

static uint32_t get_u32(const uint8_t *at, enum byte_order order)
{
	if (order == ORDER_BIG)
		return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		       (uint32_t)at[2] << 8 | at[3];
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[1] << 8 | at[0];
}

static bool is_name_len(uint32_t len)
{
	return len && len <= RECORD_NAME_MAX;
}

/* The length of a name fits into one byte: it tells which end comes first. */
static enum byte_order detect_order(const uint8_t *name_len)
{
	if (is_name_len(get_u32(name_len, ORDER_LITTLE)))
		return ORDER_LITTLE;
	if (is_name_len(get_u32(name_len, ORDER_BIG)))
		return ORDER_BIG;
	return ORDER_UNKNOWN;
}

/* What no name and no format of a template has in it */
static bool is_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return true;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

static int malformed(const char **why, const char *text)
{
	*why = text;
	return -EBADMSG;
}

/**
 * record_parse - take the first record off a number of bytes
 * @data: the bytes
 * @len: how many there are
 * @digest_size: length of the list's template digests, at most
 *	%RECORD_DIGEST_MAX
 * @order: byte order; %ORDER_UNKNOWN is replaced by what the record has
 * @record: set to the record, if it is whole
 * @need: set to how many bytes the record has at least, as far as can be told
 * @why: set to what is wrong with a malformed record
 *
 * Bytes behind the record are not looked at. If the record is not whole, @need
 * is more than @len and at most %RECORD_MAX.
 *
 * Return: 1 for a whole record, 0 if more bytes are needed, -EBADMSG if there is
 * no record that begins like this.
 */
int record_parse(const uint8_t *data, size_t len, size_t digest_size,
		 enum byte_order *order, struct record *record, size_t *need,
		 const char **why)
{
	size_t at = 4 + digest_size;	/* of what comes next; none of the sums overflows */
	uint32_t name_len, data_len;
	enum byte_order o = *order;
	struct record r = {
		.digest_size = digest_size,
		.raw = data,
	};

	*need = at + 4;
	if (len < *need)
		return 0;
	if (o == ORDER_UNKNOWN)
		o = detect_order(data + at);
	name_len = get_u32(data + at, o);
	if (!is_name_len(name_len))
		return malformed(why, "impossible length of the template's name");

	r.pcr = get_u32(data, o);
	if (r.pcr >= RECORD_PCRS)
		return malformed(why, "impossible PCR");
	r.digest = data + 4;
	r.violation = is_zero(r.digest, digest_size);

	at += 4;
	*need = at + name_len;
	if (len < *need)
		return 0;
	r.name = (const char *)data + at;
	r.name_len = name_len;
	if (!is_name(r.name, r.name_len))
		return malformed(why, "impossible name of a template");
	r.legacy = name_len == 3 && !memcmp(r.name, "ima", 3);
	at += name_len;

	if (r.legacy) {
		r.data = data + at;
		at += RECORD_LEGACY_DIGEST;
		*need = at + 4;
		if (len < *need)
			return 0;
		data_len = get_u32(data + at, o);
		if (data_len > RECORD_LEGACY_FILE_MAX)
			return malformed(why, "impossible length of a file's name");
		r.data_len = RECORD_LEGACY_DIGEST + 4 + data_len;
	} else {
		*need = at + 4;
		if (len < *need)
			return 0;
		data_len = get_u32(data + at, o);
		if (data_len > RECORD_DATA_MAX)
			return malformed(why, "the template data are too long");
		r.data = data + at + 4;
		r.data_len = data_len;
	}
	at += 4;

	*need = at + data_len;
	if (len < *need)
		return 0;
	r.raw_len = *need;
	*order = o;
	*record = r;
	return 1;
}

/**
 * record_parser_init - begin with a stream of records
 * @parser: its state
 * @digest_size: length of the list's template digests, at most
 *	%RECORD_DIGEST_MAX
 * @order: byte order, or %ORDER_UNKNOWN to take that of the first record
 */
void record_parser_init(struct record_parser *parser, size_t digest_size,
			enum byte_order order)
{
	*parser = (struct record_parser){
		.digest_size = digest_size,
		.order = order,
	};
}

static int parser_parse(struct record_parser *parser, const uint8_t *data,
			size_t len, struct record *record)
{
	return record_parse(data, len, parser->digest_size, &parser->order,
			    record, &parser->need, &parser->why);
}

static int parser_done(struct record_parser *parser,
		       const struct record *record, record_fn fn, void *context)
{
	parser->count++;
	parser->offset += record->raw_len;
	return fn ? fn(record, context) : 0;
}

/*
 * Add to the part of a record that is there. Memory follows what has come: a
 * length that is no more than said allocates nothing.
 */
static int parser_keep(struct record_parser *parser, const uint8_t *data,
		       size_t len)
{
	size_t room = parser->room ? parser->room : 256;
	uint8_t *buffer;

	if (!len)
		return 0;
	while (room - parser->len < len)
		room *= 2;
	if (room > RECORD_MAX)
		room = RECORD_MAX;
	if (room != parser->room) {
		buffer = realloc(parser->buffer, room);
		if (!buffer)
			return -ENOMEM;
		parser->buffer = buffer;
		parser->room = room;
	}
	memcpy(parser->buffer + parser->len, data, len);
	parser->len += len;
	return 0;
}

/**
 * record_parser_feed - take the next block of a stream of records
 * @parser: the stream's state
 * @data: the block, of any size
 * @len: its length in bytes
 * @fn: called for each record that is whole now, in their order, or NULL;
 *	a value other than 0 ends the call
 * @context: passed to @fn
 *
 * Takes no more memory than one record has, whatever the records say, and at
 * most %RECORD_MAX. After an error the stream can not be continued.
 *
 * Return: 0, -EBADMSG if the record with the number @parser->count, counted from
 * 0, which begins at @parser->offset, is malformed as @parser->why tells,
 * -ENOMEM, or what @fn returned.
 */
int record_parser_feed(struct record_parser *parser, const void *data,
		       size_t len, record_fn fn, void *context)
{
	const uint8_t *at = data;
	struct record record;
	size_t part;
	int ret;

	while (len) {
		if (!parser->len) {
			ret = parser_parse(parser, at, len, &record);
			if (ret < 0)
				return ret;
			if (!ret)
				return parser_keep(parser, at, len);
			at += record.raw_len;
			len -= record.raw_len;
			ret = parser_done(parser, &record, fn, context);
			if (ret)
				return ret;
			continue;
		}

		/* No further than its end can be told. */
		part = parser->need - parser->len;
		if (part > len)
			part = len;
		ret = parser_keep(parser, at, part);
		if (ret)
			return ret;
		at += part;
		len -= part;
		if (parser->len < parser->need)
			continue;
		ret = parser_parse(parser, parser->buffer, parser->len, &record);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		parser->len = 0;
		ret = parser_done(parser, &record, fn, context);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * record_parser_end - tell that a stream of records has ended
 * @parser: the stream's state
 *
 * Return: 0, or -EBADMSG if it ended inside a record.
 */
int record_parser_end(struct record_parser *parser)
{
	if (parser->len)
		return malformed(&parser->why, "the list ends inside the record");
	return 0;
}

/**
 * record_parser_free - give back the memory of a stream's state
 * @parser: the state; what it says can still be read
 */
void record_parser_free(struct record_parser *parser)
{
	free(parser->buffer);
	parser->buffer = NULL;
	parser->len = 0;
	parser->room = 0;
}

/**
 * byte_order_name - what a byte order is called in a manifest
 * @order: the byte order
 *
 * Return: its name.
 */
const char *byte_order_name(enum byte_order order)
{
	switch (order) {
	case ORDER_LITTLE:
		return "little";
	case ORDER_BIG:
		return "big";
	default:
		return "unknown";
	}
}

/**
 * byte_order_find - which byte order has a name
 * @name: the name
 * @order: set to the byte order
 *
 * Return: 0, or -EINVAL if there is none of this name.
 */
int byte_order_find(const char *name, enum byte_order *order)
{
	enum byte_order o;

	for (o = ORDER_UNKNOWN; o <= ORDER_BIG; o++) {
		if (strcmp(name, byte_order_name(o)))
			continue;
		*order = o;
		return 0;
	}
	return -EINVAL;
}
