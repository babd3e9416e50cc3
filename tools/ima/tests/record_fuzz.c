// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target of record.c: the first byte chooses bank and byte order, the
 * second one the size of the blocks, the rest is the list.
 *
 * Whatever comes in, blocks make no difference, the records are what was read,
 * byte by byte, and all of them can be taken apart and replayed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "record.h"
#include "replay.h"

static const char *const banks[] = { "sha1", "sha256", "sha384", "sha512" };

struct walk {
	const uint8_t *list;
	size_t at;
	const struct record_parser *parser;
	struct replay *replay;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

static int walk_record(const struct record *record, void *context)
{
	struct walk *walk = context;
	int ret;

	require(!memcmp(walk->list + walk->at, record->raw, record->raw_len));
	require(record->data + record->data_len == record->raw + record->raw_len);
	walk->at += record->raw_len;
	if (walk->replay) {
		ret = replay_check(walk->replay, record);
		require(!ret || ret == -EBADMSG);
		require(!replay_extend(walk->replay, record));
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct replay replay;
	static struct pcr_values start;
	struct record_parser whole, parts;
	struct walk walk_whole, walk_parts;
	size_t digest_size, block, at, len;
	enum byte_order order;
	int ret, ret_parts = 0;

	if (size < 2)
		return 0;
	if (!replay.pcrs.nr_banks) {
		require(!pcr_values_init(&start, banks, 4));
		require(!replay_init(&replay, &start));
	}
	digest_size = hash_algo_find(banks[data[0] & 3])->size;
	order = (data[0] >> 2) % 3;
	block = data[1] + 1;
	data += 2;
	size -= 2;

	record_parser_init(&whole, digest_size, order);
	walk_whole = (struct walk){ .list = data, .parser = &whole, .replay = &replay };
	ret = record_parser_feed(&whole, data, size, walk_record, &walk_whole);
	require(!ret || (ret == -EBADMSG && whole.why));

	record_parser_init(&parts, digest_size, order);
	walk_parts = (struct walk){ .list = data, .parser = &parts };
	for (at = 0; at < size && !ret_parts; at += len) {
		len = size - at < block ? size - at : block;
		ret_parts = record_parser_feed(&parts, data + at, len,
					       walk_record, &walk_parts);
		/* Never more than twice what has come. */
		require(parts.room <= 256 || parts.room < 2 * (at + len));
	}

	require(ret == ret_parts);
	require(whole.count == parts.count && whole.offset == parts.offset);
	require(whole.offset == walk_whole.at && parts.offset == walk_parts.at);
	if (!ret)
		require(record_parser_end(&whole) == record_parser_end(&parts));
	require(whole.why == parts.why);
	record_parser_free(&whole);
	record_parser_free(&parts);
	return 0;
}
