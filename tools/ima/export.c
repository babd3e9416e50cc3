// SPDX-License-Identifier: GPL-2.0
/*
 * A log in another format
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "export.h"
#include "log.h"
#include "replay.h"

/* The rest can be of use all the same. */
static int warn_of_gap(uint64_t first, uint64_t count, void *context)
{
	(void)context;
	log_message(LOG_WARNING, "records %" PRIu64 " to %" PRIu64
		    " are missing: they were deleted by somebody else, and not saved",
		    first, first + count - 1);
	return 0;
}

static int write_block(const void *data, size_t len, void *context)
{
	return fwrite(data, 1, len, context) == len ? 0 : -EIO;
}

/**
 * export_list - write the list as the kernel would show it
 * @view: the log, with the list chosen
 * @out: where to
 *
 * Return: 0, -EIO if it can not be written, or another negative error number.
 */
int export_list(struct view *view, FILE *out)
{
	static const struct view_calls calls = {
		.block = write_block,
		.gap = warn_of_gap,
	};

	return view_read(view, &calls, out);
}

/**
 * struct cel - state of a canonical event log
 * @out: where to
 * @hashers: for the banks
 * @nr_hashers: how many there are
 * @count: records so far
 */
struct cel {
	FILE *out;
	struct hasher hashers[REPLAY_BANKS];
	size_t nr_hashers;
	uint64_t count;
};

/* What was extended: all ones for a violation. */
static json_t *cel_digests(struct cel *cel, const struct record *record)
{
	uint8_t digest[DIGEST_MAX];
	char text[DIGEST_TEXT_MAX];
	json_t *digests = json_array();
	size_t i;

	for (i = 0; digests && i < cel->nr_hashers; i++) {
		struct hasher *hasher = &cel->hashers[i];

		if (record->violation)
			memset(digest, 0xff, sizeof(digest));
		else if (digest_of_record(hasher, record, digest))
			goto error;
		digest_to_text(digest, hasher->algo->size, text);
		if (json_array_append_new(digests,
					  json_pack("{s:s, s:s}",
						    "hashAlg", hasher->algo->name,
						    "digest", text)))
			goto error;
	}
	return digests;
error:
	json_decref(digests);
	return NULL;
}

static json_t *cel_record(struct cel *cel, const struct record *record)
{
	json_t *digests, *event = NULL;
	char *data;

	data = malloc(2 * record->data_len + 1);
	digests = data ? cel_digests(cel, record) : NULL;
	if (digests) {
		digest_to_text(record->data, record->data_len, data);
		event = json_pack("{s:I, s:I, s:o, s:s, s:{s:s%, s:s}}",
				  "recnum", (json_int_t)cel->count,
				  "pcr", (json_int_t)record->pcr,
				  "digests", digests,
				  "content_type", "ima_template",
				  "content",
				  "template_name", record->name, record->name_len,
				  "template_data", data);
	}
	free(data);
	return event;
}

static int write_record(const struct record *record,
			const struct view_place *place, void *context)
{
	struct cel *cel = context;
	json_t *event;
	int ret = 0;

	(void)place;
	event = cel_record(cel, record);
	if (!event)
		return -ENOMEM;
	if (fputs(cel->count ? ",\n" : "[\n", cel->out) == EOF ||
	    json_dumpf(event, cel->out, JSON_COMPACT))
		ret = -EIO;
	json_decref(event);
	cel->count++;
	return ret;
}

/**
 * export_cel_json - write the TCG's Canonical Event Log, encoded in JSON
 * @view: the log, with a binary list chosen
 * @out: where to
 *
 * An array with one event for each record; the content type is "ima_template".
 * The template data are those that the kernel shows.
 *
 * Return: 0, -EIO if it can not be written, or another negative error number.
 */
int export_cel_json(struct view *view, FILE *out)
{
	static const struct view_calls calls = {
		.record = write_record,
		.gap = warn_of_gap,
	};
	struct cel cel = { .out = out };
	const struct hash_algo *algo;
	int ret = 0;

	while (!ret && cel.nr_hashers < view->header.nr_banks) {
		algo = hash_algo_find(view->header.banks[cel.nr_hashers]);
		ret = hasher_init(&cel.hashers[cel.nr_hashers], algo);
		if (!ret)
			cel.nr_hashers++;
	}
	if (!ret)
		ret = view_read(view, &calls, &cel);
	if (!ret && fputs(cel.count ? "\n]\n" : "[]\n", out) == EOF)
		ret = -EIO;
	while (cel.nr_hashers)
		hasher_free(&cel.hashers[--cel.nr_hashers]);
	return ret;
}
