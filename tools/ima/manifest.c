// SPDX-License-Identifier: GPL-2.0
/*
 * The manifest of an epoch: one line of text for each thing that was done
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "io.h"
#include "manifest.h"
#include "util.h"

#define SUM_KEY		" sum="
#define SUM_SIZE	16

static const char *const kind_names[] = {
	[MANIFEST_HEADER] = "imalog",
	[MANIFEST_BOOT] = "boot",
	[MANIFEST_SEGMENT] = "segment",
	[MANIFEST_DELETED] = "deleted",
};

/**
 * parse_number - read a decimal number
 * @text: its digits, and nothing else, without leading zeroes
 * @max: the largest number that is taken
 * @number: set to the number
 *
 * Return: whether it is one.
 */
bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;
	const char *c;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		if (n > (UINT64_MAX - (uint64_t)(*c - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*c - '0');
	}
	if (n > max)
		return false;
	*number = n;
	return true;
}

/**
 * list_file_find - which list of the kernel is meant
 * @name: "binary_" or "ascii_", and the name of a hash algorithm
 * @file: set to the list
 *
 * Return: 0, or -EINVAL if there is no such list.
 */
int list_file_find(const char *name, struct list_file *file)
{
	static const char binary[] = "binary_", ascii[] = "ascii_";

	*file = (struct list_file){ };
	if (strlen(name) >= sizeof(file->name))
		return -EINVAL;
	memcpy(file->name, name, strlen(name));
	file->binary = !strncmp(name, binary, strlen(binary));
	if (!file->binary && strncmp(name, ascii, strlen(ascii)))
		return -EINVAL;
	file->algo = hash_algo_find(strchr(name, '_') + 1);
	return file->algo ? 0 : -EINVAL;
}

/* ---- writing --------------------------------------------------------------- */

static void show_pcrs(FILE *out, const struct pcr_values *pcrs)
{
	char text[DIGEST_TEXT_MAX];
	const char *separator = "";
	unsigned int pcr;
	size_t bank;

	/* None was extended: still one word, with a value. */
	if (!pcrs->touched)
		fputc('-', out);
	for (pcr = 0; pcr < RECORD_PCRS; pcr++) {
		if (!(pcrs->touched >> pcr & 1))
			continue;
		for (bank = 0; bank < pcrs->nr_banks; bank++) {
			digest_to_text(pcrs->value[pcr][bank],
				       pcrs->banks[bank]->size, text);
			fprintf(out, "%s%u:%s:%s", separator, pcr,
				pcrs->banks[bank]->name, text);
			separator = ",";
		}
	}
}

static void show_header(FILE *out, const struct manifest_header *header)
{
	size_t i;

	fprintf(out, " version=%d epoch=%" PRIu64 " files=", MANIFEST_VERSION,
		header->epoch);
	for (i = 0; i < header->nr_files; i++)
		fprintf(out, "%s%s", i ? "," : "", header->files[i].name);
	fputs(" banks=", out);
	for (i = 0; i < header->nr_banks; i++)
		fprintf(out, "%s%s", i ? "," : "", header->banks[i]);
}

static void show_boot(FILE *out, const struct manifest_boot *boot)
{
	fprintf(out, " id=%s tpm=%s reset=%" PRIu32 " restart=%" PRIu32
		" first=%" PRIu64, boot->id, boot->tpm ? "yes" : "no",
		boot->reset, boot->restart, boot->first);
}

static void show_segment(FILE *out, const struct manifest_header *header,
			 const struct segment *segment)
{
	char text[2 * MANIFEST_SHA256 + 1];
	size_t i;

	fprintf(out, " epoch=%" PRIu64 " number=%" PRIu64 " first=%" PRIu64
		" count=%" PRIu64 " order=%s bytes=", segment->epoch,
		segment->number, segment->first, segment->count,
		byte_order_name(segment->order));
	for (i = 0; i < header->nr_files; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", segment->files[i].bytes);
	fputs(" sha256=", out);
	for (i = 0; i < header->nr_files; i++) {
		digest_to_text(segment->files[i].sha256, MANIFEST_SHA256, text);
		fprintf(out, "%s%s", i ? "," : "", text);
	}
	fputs(" before=", out);
	show_pcrs(out, &segment->before);
	fputs(" after=", out);
	show_pcrs(out, &segment->after);
}

static int line_sum(const char *text, size_t len, char *sum)
{
	uint8_t digest[DIGEST_MAX];
	struct hasher hasher;
	int ret;

	ret = hasher_init(&hasher, hash_algo_find("sha256"));
	if (ret)
		return ret;
	ret = hasher_begin(&hasher);
	if (!ret)
		ret = hasher_add(&hasher, text, len);
	if (!ret)
		ret = hasher_end(&hasher, digest);
	hasher_free(&hasher);
	if (!ret)
		digest_to_text(digest, SUM_SIZE, sum);
	return ret;
}

/**
 * manifest_format - write down a line
 * @line: the line
 * @text: set to the text with a newline at its end, to be freed
 * @len: set to its length in bytes
 *
 * Return: 0, -E2BIG if it is too long, -ENOMEM, or -EIO if OpenSSL fails.
 */
int manifest_format(const struct manifest_line *line, char **text, size_t *len)
{
	char sum[2 * SUM_SIZE + 1];
	FILE *out;
	int ret;

	out = open_memstream(text, len);
	if (!out)
		return -ENOMEM;
	fputs(kind_names[line->kind], out);
	switch (line->kind) {
	case MANIFEST_HEADER:
		show_header(out, &line->header);
		break;
	case MANIFEST_BOOT:
		show_boot(out, &line->boot);
		break;
	case MANIFEST_SEGMENT:
		show_segment(out, &line->header, &line->segment);
		break;
	case MANIFEST_DELETED:
		fprintf(out, " number=%" PRIu64, line->deleted);
		break;
	}
	ret = fflush(out) ? -ENOMEM : line_sum(*text, *len, sum);
	if (!ret)
		fprintf(out, SUM_KEY "%s\n", sum);
	if (fclose(out) && !ret)
		ret = -ENOMEM;
	if (!ret && *len > MANIFEST_LINE_MAX)
		ret = -E2BIG;
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

/* ---- reading ----------------------------------------------------------------- */

/*
 * Take the next word off a line: its value, if it has this key. All words must
 * be there, in this order.
 */
static char *take_value(char **rest, const char *key)
{
	char *word = *rest;
	size_t len = strlen(key);
	char *end;

	if (!word || strncmp(word, key, len) || word[len] != '=')
		return NULL;
	end = strchr(word, ' ');
	if (end)
		*end++ = '\0';
	*rest = end;
	word += len + 1;
	return *word ? word : NULL;
}

/* Take the next item off a list. */
static char *take_item(char **rest)
{
	char *item = *rest;
	char *end;

	if (!item)
		return NULL;
	end = strchr(item, ',');
	if (end)
		*end++ = '\0';
	*rest = end;
	return item;
}

static bool take_number(char **rest, const char *key, uint64_t max,
			uint64_t *number)
{
	char *value = take_value(rest, key);

	return value && parse_number(value, max, number);
}

static bool parse_files(char *value, struct manifest_header *header)
{
	char *item;

	header->nr_files = 0;
	while ((item = take_item(&value))) {
		if (header->nr_files == MANIFEST_FILES ||
		    list_file_find(item, &header->files[header->nr_files]))
			return false;
		header->nr_files++;
	}
	return header->nr_files && header->files[0].binary;
}

static bool parse_banks(char *value, struct manifest_header *header)
{
	const struct hash_algo *algo;
	struct pcr_values pcrs;
	char *item;

	header->nr_banks = 0;
	while ((item = take_item(&value))) {
		algo = hash_algo_find(item);
		if (!algo || header->nr_banks == REPLAY_BANKS)
			return false;
		header->banks[header->nr_banks++] = algo->name;
	}
	return !pcr_values_init(&pcrs, header->banks, header->nr_banks);
}

static bool parse_header(char *rest, struct manifest_header *header)
{
	uint64_t version;
	char *files, *banks;

	if (!take_number(&rest, "version", UINT64_MAX, &version) ||
	    version != MANIFEST_VERSION ||
	    !take_number(&rest, "epoch", UINT64_MAX, &header->epoch))
		return false;
	files = take_value(&rest, "files");
	banks = take_value(&rest, "banks");
	return files && banks && !rest && parse_files(files, header) &&
	       parse_banks(banks, header);
}

static bool is_boot_id(const char *id)
{
	return strlen(id) == MANIFEST_BOOT_ID &&
	       strspn(id, "0123456789abcdef-") == MANIFEST_BOOT_ID;
}

static bool parse_boot(char *rest, struct manifest_boot *boot)
{
	uint64_t reset, restart;
	char *value;

	value = take_value(&rest, "id");
	if (!value || !is_boot_id(value))
		return false;
	memcpy(boot->id, value, MANIFEST_BOOT_ID + 1);
	value = take_value(&rest, "tpm");
	if (!value || (strcmp(value, "yes") && strcmp(value, "no")))
		return false;
	boot->tpm = !strcmp(value, "yes");
	if (!take_number(&rest, "reset", UINT32_MAX, &reset) ||
	    !take_number(&rest, "restart", UINT32_MAX, &restart) ||
	    !take_number(&rest, "first", INT64_MAX, &boot->first))
		return false;
	boot->reset = (uint32_t)reset;
	boot->restart = (uint32_t)restart;
	return boot->first && !rest;
}

/* PCR:BANK:VALUE */
static bool parse_pcr(char *item, struct pcr_values *pcrs)
{
	char *bank, *value;
	uint64_t pcr;
	int i;

	bank = strchr(item, ':');
	if (!bank)
		return false;
	*bank++ = '\0';
	value = strchr(bank, ':');
	if (!value)
		return false;
	*value++ = '\0';
	if (!parse_number(item, RECORD_PCRS - 1, &pcr))
		return false;
	i = pcr_values_bank(pcrs, bank);
	if (i < 0 || digest_from_text(value, strlen(value),
				      pcrs->value[pcr][i], pcrs->banks[i]->size))
		return false;
	pcrs->touched |= 1ULL << pcr;
	return true;
}

static bool parse_pcrs(char *value, const struct manifest_header *header,
		       struct pcr_values *pcrs)
{
	char *item;

	if (pcr_values_init(pcrs, header->banks, header->nr_banks))
		return false;
	if (!strcmp(value, "-"))
		return true;
	while ((item = take_item(&value)))
		if (!parse_pcr(item, pcrs))
			return false;
	return true;
}

static bool parse_segment(char *rest, const struct manifest_header *header,
			  struct segment *segment)
{
	char *order, *bytes, *sha256, *before, *after, *item;
	size_t i;

	if (!take_number(&rest, "epoch", UINT64_MAX, &segment->epoch) ||
	    !take_number(&rest, "number", UINT64_MAX, &segment->number) ||
	    !take_number(&rest, "first", UINT64_MAX, &segment->first) ||
	    !take_number(&rest, "count", UINT64_MAX, &segment->count))
		return false;
	order = take_value(&rest, "order");
	bytes = take_value(&rest, "bytes");
	sha256 = take_value(&rest, "sha256");
	before = take_value(&rest, "before");
	after = take_value(&rest, "after");
	if (!order || !bytes || !sha256 || !before || !after || rest ||
	    byte_order_find(order, &segment->order))
		return false;
	for (i = 0; i < header->nr_files; i++) {
		item = take_item(&bytes);
		if (!item || !parse_number(item, INT64_MAX,
					   &segment->files[i].bytes))
			return false;
		item = take_item(&sha256);
		if (!item || digest_from_text(item, strlen(item),
					      segment->files[i].sha256,
					      MANIFEST_SHA256))
			return false;
	}
	if (bytes || sha256)
		return false;
	/* The number of no record overflows. */
	if (!segment->first || !segment->count ||
	    segment->count > INT64_MAX || segment->first > INT64_MAX)
		return false;
	return parse_pcrs(before, header, &segment->before) &&
	       parse_pcrs(after, header, &segment->after);
}

/**
 * manifest_parse - read a line
 * @text: the line, which is taken apart, with its newline
 * @len: its length in bytes
 * @line: set to the line; must be that which the header was read to, unless it
 *	is the header
 * @why: set to what is wrong
 *
 * Return: 0, -EBADMSG if there is no such line, -ENOMEM, or -EIO if OpenSSL
 * fails.
 */
int manifest_parse(char *text, size_t len, struct manifest_line *line,
		   const char **why)
{
	char sum[2 * SUM_SIZE + 1];
	size_t tail = strlen(SUM_KEY) + 2 * SUM_SIZE + 1;
	bool good = false;
	char *rest;
	size_t i;
	int ret;

	*why = "the line's sum is not that of its text";
	if (len < tail || text[len - 1] != '\n' || memchr(text, '\0', len))
		return -EBADMSG;
	ret = line_sum(text, len - tail, sum);
	if (ret)
		return ret;
	text[len - 1] = '\0';
	if (strncmp(text + len - tail, SUM_KEY, strlen(SUM_KEY)) ||
	    strcmp(text + len - tail + strlen(SUM_KEY), sum))
		return -EBADMSG;

	*why = "the line does not say what such a line says";
	text[len - tail] = '\0';
	rest = strchr(text, ' ');
	if (!rest)
		return -EBADMSG;
	*rest++ = '\0';
	for (i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (!strcmp(text, kind_names[i]))
			break;
	if (i == ARRAY_SIZE(kind_names))
		return -EBADMSG;
	line->kind = (enum manifest_kind)i;
	switch (line->kind) {
	case MANIFEST_HEADER:
		good = parse_header(rest, &line->header);
		break;
	case MANIFEST_BOOT:
		good = parse_boot(rest, &line->boot);
		break;
	case MANIFEST_SEGMENT:
		good = parse_segment(rest, &line->header, &line->segment) &&
		       line->segment.epoch == line->header.epoch;
		break;
	case MANIFEST_DELETED:
		good = take_number(&rest, "number", UINT64_MAX, &line->deleted) &&
		       !rest;
		break;
	}
	if (!good)
		return -EBADMSG;
	*why = NULL;
	return 0;
}

/**
 * manifest_reader_init - begin to read a manifest
 * @reader: to be prepared; its @limit may be set then
 * @fd: the file, at its start; stays the caller's
 *
 * Return: 0 or -ENOMEM.
 */
int manifest_reader_init(struct manifest_reader *reader, int fd)
{
	memset(reader, 0, sizeof(*reader));
	reader->fd = fd;
	reader->limit = UINT64_MAX;
	reader->buffer = malloc(MANIFEST_LINE_MAX);
	return reader->buffer ? 0 : -ENOMEM;
}

/**
 * manifest_reader_init_at - begin to read a manifest in its middle
 * @reader: to be prepared
 * @fd: the file; stays the caller's
 * @header: what its first line says
 * @at: offset of the line to begin with
 *
 * Return: 0 or a negative error number.
 */
int manifest_reader_init_at(struct manifest_reader *reader, int fd,
			    const struct manifest_header *header, uint64_t at)
{
	int ret = manifest_reader_init(reader, fd);

	if (ret)
		return ret;
	reader->line.header = *header;
	/* The header was one. */
	reader->lines = 1;
	reader->bytes = at;
	return manifest_reader_again(reader);
}

static int reader_bad(struct manifest_reader *reader, const char *why)
{
	reader->why = why;
	return -EBADMSG;
}

/**
 * manifest_reader_next - read the next line
 * @reader: the reader; the line is its @line
 *
 * A manifest may end in the beginning of a line, which somebody is writing, or
 * was when the machine stopped: that is no error. Any other line must be whole.
 *
 * Return: 1 if there was a line, 0 at the end, -EBADMSG if the manifest is
 * damaged as @reader->why tells, or another negative error number.
 */
int manifest_reader_next(struct manifest_reader *reader)
{
	bool header;
	char *end = NULL;
	size_t len, room;
	ssize_t got;
	int ret;

	for (;;) {
		len = reader->len - reader->at;
		if (len)
			end = memchr(reader->buffer + reader->at, '\n', len);
		if (end)
			break;
		memmove(reader->buffer, reader->buffer + reader->at, len);
		reader->at = 0;
		reader->len = len;
		if (len == MANIFEST_LINE_MAX)
			return reader_bad(reader, "a line is too long");
		room = MANIFEST_LINE_MAX - len;
		if (room > reader->limit - reader->taken)
			room = (size_t)(reader->limit - reader->taken);
		got = io_read(reader->fd, reader->buffer + len, room);
		if (got < 0)
			return (int)got;
		reader->taken += (uint64_t)got;
		if (!got) {
			reader->torn = len > 0;
			return 0;
		}
		reader->len += (size_t)got;
	}

	len = (size_t)(end + 1 - (reader->buffer + reader->at));
	ret = manifest_parse(reader->buffer + reader->at, len, &reader->line,
			     &reader->why);
	if (ret)
		return ret;
	header = reader->line.kind == MANIFEST_HEADER;
	if (header != !reader->lines)
		return reader_bad(reader, "the header is not the first line");
	reader->at += len;
	reader->bytes += len;
	reader->lines++;
	return 1;
}

/**
 * manifest_reader_again - prepare to read what was appended since the end was read
 * @reader: the reader; manifest_reader_next() goes on behind the last whole line
 *
 * The beginning of a line that was there may have become another one.
 *
 * Return: 0 or a negative error number.
 */
int manifest_reader_again(struct manifest_reader *reader)
{
	if (lseek(reader->fd, (off_t)reader->bytes, SEEK_SET) < 0)
		return io_error(errno);
	reader->at = 0;
	reader->len = 0;
	reader->taken = reader->bytes;
	reader->torn = false;
	return 0;
}

/**
 * manifest_reader_free - give back what manifest_reader_init() has taken
 * @reader: the reader; the file stays open
 */
void manifest_reader_free(struct manifest_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}
