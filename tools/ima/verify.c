// SPDX-License-Identifier: GPL-2.0
/*
 * Verification of a log: its digests, its manifest, and the PCRs it leads to
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

/* Where a record is that no segment has */
#define KERNEL	"the kernel's list"

/**
 * verify_init - prepare to verify a log
 * @verify: to be prepared; no PCR is to have a value yet
 * @header: the epoch
 * @wanted: a bit for each PCR that IMA extends
 *
 * Return: 0, or a negative error number.
 */
int verify_init(struct verify *verify, const struct manifest_header *header,
		uint64_t wanted)
{
	memset(verify, 0, sizeof(*verify));
	verify->wanted = wanted;
	return pcr_values_init(&verify->target, header->banks, header->nr_banks);
}

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* "BANK:" or "PCR: 0xVALUE" */
static bool take_pcr_line(struct verify *verify, char *line, int *bank,
			  bool *any)
{
	const struct hash_algo *algo;
	char *colon, *value;
	uint64_t pcr;

	line = trim(line);
	if (!*line || *line == '#')
		return true;
	colon = strchr(line, ':');
	if (!colon)
		return false;
	*colon = '\0';
	line = trim(line);
	value = trim(colon + 1);
	if (!*value) {
		algo = hash_algo_of_tpm2_tools(line);
		if (!algo)
			return false;
		/* A bank of which nothing can be said here */
		*bank = pcr_values_bank(&verify->target, algo->name);
		return true;
	}
	if (!parse_number(line, RECORD_PCRS - 1, &pcr) || *bank == -EINVAL)
		return false;
	if (*bank < 0)
		return true;
	if (!strncmp(value, "0x", 2) || !strncmp(value, "0X", 2))
		value += 2;
	if (digest_from_text(value, strlen(value),
			     verify->target.value[pcr][*bank],
			     verify->target.banks[*bank]->size))
		return false;
	verify->known[pcr] |= 1ULL << *bank;
	*any = true;
	return true;
}

/**
 * verify_read_pcrs - read which values PCRs are to have
 * @verify: the verification
 * @file: text as tpm2_pcrread(1) prints it
 * @why: set to what is wrong with it
 *
 * Return: 0, -EBADMSG if it is something else, or another negative error number.
 */
int verify_read_pcrs(struct verify *verify, FILE *file, const char **why)
{
	int bank = -EINVAL;
	bool any = false;
	char line[1024];

	while (fgets(line, sizeof(line), file)) {
		if (take_pcr_line(verify, line, &bank, &any))
			continue;
		*why = "there is a line that is neither BANK: nor PCR: 0xVALUE";
		return -EBADMSG;
	}
	if (ferror(file))
		return -EIO;
	if (any)
		return 0;
	*why = "there is no PCR of a bank that was saved";
	return -EBADMSG;
}

/* Return: whether there is a value of any PCR. */
static bool any_known(const struct verify *verify)
{
	unsigned int pcr;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++)
		if (verify->known[pcr])
			return true;
	return false;
}

/* Forget the values that are not of the quote. Return: whether all of it is there. */
static bool keep_covered(struct verify *verify, const struct quote *quote)
{
	unsigned int pcr;
	bool all = true;
	uint64_t bit;
	size_t i;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++) {
		for (i = 0; i < verify->target.nr_banks; i++) {
			bit = 1ULL << i;
			if (!quote_covers(quote, pcr, verify->target.banks[i]))
				verify->known[pcr] &= ~bit;
			else if (!(verify->known[pcr] & bit))
				all = false;
		}
	}
	return all;
}

/**
 * verify_use_quote - compare with what a TPM has signed
 * @verify: the verification; the values of the PCRs that the quote covers are
 *	those that verify_read_pcrs() has read, if it was called
 * @quote: the quote, used until verify_run() has returned
 * @why: set to what is wrong
 *
 * If the quote covers one PCR only, its value need not be known: the replay finds
 * it by its digest.
 *
 * Return: 0, -EKEYREJECTED if the values are not those that were signed or not all
 * PCRs that IMA extends are among them, -EINVAL if values are missing, or another
 * negative error number.
 */
int verify_use_quote(struct verify *verify, struct quote *quote, const char **why)
{
	uint64_t covered = 0;
	unsigned int pcr;
	size_t i;
	int ret, bank;

	for (i = 0; i < quote->nr_selections; i++) {
		bank = pcr_values_bank(&verify->target, quote->selections[i].bank->name);
		if (bank < 0) {
			*why = "it covers a bank that is not replayed in this epoch";
			return -EINVAL;
		}
		covered |= quote->selections[i].pcrs;
	}
	if (verify->wanted & ~covered) {
		*why = "it does not cover each PCR that IMA extends (--pcr)";
		return -EKEYREJECTED;
	}
	if (!any_known(verify)) {
		*why = "it covers several PCRs: their values are needed (--pcrs)";
		if (!quote_is_of_one(quote))
			return -EINVAL;
		bank = pcr_values_bank(&verify->target, quote->selections[0].bank->name);
		for (pcr = 0; pcr < RECORD_PCRS; pcr++)
			if (verify->wanted >> pcr & 1)
				verify->known[pcr] = 1ULL << bank;
		verify->quote = quote;
		return 0;
	}
	*why = "it covers PCRs whose values are missing in the file";
	if (!keep_covered(verify, quote))
		return -EINVAL;
	ret = quote_fits(quote, &verify->target);
	if (ret != -EBADMSG) {
		*why = NULL;
		return ret;
	}
	*why = "it is a quote of other values than those in the file";
	return -EKEYREJECTED;
}

/**
 * verify_restrict - compare only the PCRs that IMA extends
 * @verify: the verification, with all that is known of PCRs
 *
 * Return: a bit for each PCR that IMA extends and of which no value is known.
 */
uint64_t verify_restrict(struct verify *verify)
{
	uint64_t unknown = 0;
	unsigned int pcr;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++) {
		if (!(verify->wanted >> pcr & 1))
			verify->known[pcr] = 0;
		else if (!verify->known[pcr])
			unknown |= 1ULL << pcr;
	}
	return unknown;
}

__attribute__((format(printf, 5, 6)))
static void bad(struct verify *verify, const struct segment *segment,
		const char *where, uint64_t number, const char *format, ...)
{
	va_list arguments;

	if (verify->first_bad)
		return;
	verify->first_bad = number;
	if (segment)
		snprintf(verify->where, sizeof(verify->where),
			 "segment %" PRIu64, segment->number);
	else
		snprintf(verify->where, sizeof(verify->where), "%s", where);
	va_start(arguments, format);
	vsnprintf(verify->why, sizeof(verify->why), format, arguments);
	va_end(arguments);
}

/* Return: 0, -EBADMSG if it is another one, or another negative error number. */
static int compare_value(const struct verify *verify, const struct pcr_values *pcrs,
			 unsigned int pcr, size_t bank)
{
	const uint8_t *value = pcrs->value[pcr][bank];

	if (verify->quote)
		return quote_fits_value(verify->quote, value);
	return memcmp(value, verify->target.value[pcr][bank],
		      pcrs->banks[bank]->size) ? -EBADMSG : 0;
}

static int compare(const struct verify *verify, const struct pcr_values *pcrs,
		   unsigned int pcr, uint64_t number, uint64_t *reached)
{
	size_t i;
	int ret;

	for (i = 0; i < pcrs->nr_banks; i++) {
		if (!(verify->known[pcr] >> i & 1))
			continue;
		ret = compare_value(verify, pcrs, pcr, i);
		if (!ret)
			reached[i] = number;
		else if (ret != -EBADMSG)
			return ret;
	}
	return 0;
}

static int verify_record(const struct record *record,
			 const struct view_place *place, void *context)
{
	struct verify *verify = context;
	int ret;

	verify->records++;
	ret = replay_check(&verify->replay, record);
	if (ret == -EBADMSG)
		bad(verify, place->segment, KERNEL, place->number,
		    "the digest is not that of the template data");
	else if (ret && ret != -EOPNOTSUPP)
		return ret;
	ret = replay_extend(&verify->replay, record);
	if (ret)
		return ret;
	ret = compare(verify, &verify->replay.pcrs, record->pcr, place->number,
		      verify->reached[record->pcr]);
	if (ret)
		return ret;
	return compare(verify, &verify->replay.padded, record->pcr, place->number,
		       verify->padded[record->pcr]);
}

static int verify_malformed(const struct view_place *place, const char *why,
			    void *context)
{
	bad(context, place->segment, KERNEL, place->number, "%s", why);
	return -EBADMSG;
}

static int verify_segment(const struct segment *segment, uint64_t bytes,
			  const uint8_t *sha256, uint64_t count, void *context)
{
	struct verify *verify = context;
	const struct manifest_file *file = &segment->files[verify->view->file];
	const struct list_file *other;
	int ret;

	verify->segments++;
	if (count != segment->count)
		bad(verify, segment, NULL,
		    segment->first + (count < segment->count ? count : segment->count),
		    "the segment has %" PRIu64 " records, the manifest says %"
		    PRIu64, count, segment->count);
	else if (bytes != file->bytes ||
		 memcmp(sha256, file->sha256, MANIFEST_SHA256))
		bad(verify, segment, NULL, segment->first,
		    "the bytes of the segment are not those that were saved (SHA-256)");
	else if (!pcr_values_equal(&verify->replay.pcrs, &segment->after))
		bad(verify, segment, NULL, segment->first,
		    "the segment does not lead to the PCRs that the manifest says");
	ret = view_check_others(verify->view, segment, &other);
	if (!ret && other)
		bad(verify, segment, NULL, segment->first,
		    "%s: the bytes of the segment are not those that were saved (SHA-256)",
		    other->name);
	return ret;
}

static int verify_gap(uint64_t first, uint64_t count, void *context)
{
	bad(context, NULL, "no segment", first, "records %" PRIu64 " to %" PRIu64
	    " were deleted by somebody else, and not saved", first, first + count - 1);
	return 0;
}

/**
 * verify_run - read a log, and check all that can be checked
 * @verify: the verification, with the values that PCRs are to have, if any
 * @view: the log; a binary list is chosen
 *
 * Return: 0, with the first record that does not fit in @verify->first_bad;
 * -EBADMSG if the log can not be read any further than to that record, or
 * another negative error number.
 */
int verify_run(struct verify *verify, struct view *view)
{
	static const struct view_calls calls = {
		.record = verify_record,
		.malformed = verify_malformed,
		.segment_end = verify_segment,
		.gap = verify_gap,
	};
	struct pcr_values *start;
	int ret;

	start = calloc(1, sizeof(*start));
	if (!start)
		return -ENOMEM;
	ret = pcr_values_init(start, view->header.banks, view->header.nr_banks);
	if (!ret)
		ret = replay_init(&verify->replay, start);
	free(start);
	if (ret)
		return ret;
	verify->view = view;
	ret = view_read(view, &calls, verify);
	replay_free(&verify->replay);
	return ret;
}

/**
 * verify_unwanted - are there records for other PCRs than those that IMA extends?
 * @verify: the verification, after verify_run()
 *
 * Nothing tells whether such records are true.
 *
 * Return: a bit for each of these PCRs.
 */
uint64_t verify_unwanted(const struct verify *verify)
{
	return verify->replay.pcrs.touched & ~verify->wanted;
}

/**
 * verify_reached - does the log lead to the value that a PCR is to have?
 * @verify: the verification, after verify_run()
 * @pcr: the PCR
 * @bank: index of the bank
 * @number: set to the last record with which it does
 *
 * What comes after that record was measured after the PCR was read.
 *
 * Return: whether it does.
 */
bool verify_reached(const struct verify *verify, unsigned int pcr, size_t bank,
		    uint64_t *number)
{
	uint64_t a = verify->reached[pcr][bank], b = verify->padded[pcr][bank];

	*number = a > b ? a : b;
	return *number;
}
