// SPDX-License-Identifier: GPL-2.0
/*
 * imalogctl: look at, verify and export the measurement lists that imalogd saves
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/capability.h>

#include "control.h"
#include "export.h"
#include "io.h"
#include "kernel.h"
#include "log.h"
#include "pcr.h"
#include "privileges.h"
#include "quote.h"
#include "stager.h"
#include "store.h"
#include "tpm.h"
#include "util.h"
#include "verify.h"
#include "view.h"

#define STORE_DIR	"/var/lib/imalog"
#define WAIT		10000
/* A long list takes its time. */
#define FLUSH_WAIT	(10 * 60 * 1000)

/* See the end of the help text. */
enum {
	EXIT_GOOD = 0,
	EXIT_DOES_NOT_FIT = 1,
	EXIT_USAGE = 2,
	EXIT_DAMAGED = 3,
	EXIT_FAILED = 4,
	EXIT_BUSY = 5,
};

/**
 * struct options - what the command line says
 * @command: what to do
 * @list: which list, or NULL
 * @store: folder of the store
 * @ima: folder of the kernel's lists
 * @tcti: how to talk to the TPM, or NULL to read its PCRs in @tpm
 * @tpm: folder of the TPM's PCRs
 * @boot_id: file of the boot id
 * @control: the service's socket
 * @pcrs: file of PCR values, or NULL
 * @quote: files of a quote, or NULL
 * @nonce: what the quote was asked for with, or NULL
 * @ima_pcrs: a bit for each PCR that IMA extends, 0 for PCR 10 only
 * @epoch: number of the epoch, 0 for the last one
 * @saved_only: leave out what the kernel has
 * @json: as JSON
 * @format: to export in
 * @output: file to write to, or NULL
 * @wait: milliseconds to wait for whoever has the lists open
 */
struct options {
	const char *command;
	const char *list;
	const char *store;
	const char *ima;
	const char *tcti;
	const char *tpm;
	const char *boot_id;
	const char *control;
	const char *pcrs;
	struct quote_files quote;
	const char *nonce;
	uint64_t ima_pcrs;
	uint64_t epoch;
	bool saved_only;
	bool json;
	const char *format;
	const char *output;
	unsigned int wait;
};

/**
 * struct context - what the commands work on
 * @options: what the command line says
 * @store: folder of the store
 * @lent: root reads as the owner
 * @kernel: the kernel's lists
 * @has_kernel: there are some
 * @boot_id: id of this kernel
 * @view: the epoch
 */
struct context {
	const struct options *options;
	int store;
	bool lent;
	struct kernel kernel;
	bool has_kernel;
	char boot_id[MANIFEST_BOOT_ID + 2];
	struct view view;
};

static int exit_code(int error)
{
	switch (error) {
	case 0:
		return EXIT_GOOD;
	case -EBADMSG:
	case -EILSEQ:
		return EXIT_DAMAGED;
	case -EBUSY:
		return EXIT_BUSY;
	default:
		return EXIT_FAILED;
	}
}

static int failed(const char *what, int error)
{
	log_message(LOG_ERR, "%s: %s", what, kernel_error(error));
	return exit_code(error);
}

/* ---- opening -------------------------------------------------------------------- */

/*
 * What root reads may be measured, and make a record of each file that is saved. So root reads
 * as their owner, who may open the kernel's lists and the TPM all the same.
 */
static void become_owner(struct context *context)
{
	static const unsigned int kept[] = { CAP_DAC_OVERRIDE };

	context->lent = privileges_lend(context->store, kept, ARRAY_SIZE(kept)) == 1;
}

/* What is written is root's. */
static int open_output(struct context *context, const char *output)
{
	int fd, err;

	if (context->lent && privileges_return())
		return -EPERM;
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	err = errno;
	if (context->lent)
		become_owner(context);
	return fd < 0 ? -err : fd;
}

static int open_store(struct context *context)
{
	const struct options *options = context->options;
	int ret;

	context->store = open(options->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (context->store < 0)
		return failed(options->store, -errno);
	become_owner(context);
	if (options->saved_only)
		return 0;
	ret = kernel_open(&context->kernel, options->ima, options->wait);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		return 0;
	if (ret)
		return failed(options->ima, ret);
	context->has_kernel = true;
	ret = io_read_text(AT_FDCWD, options->boot_id, context->boot_id,
			   sizeof(context->boot_id));
	return ret ? failed(options->boot_id, ret) : 0;
}

static int open_epoch(struct context *context)
{
	uint64_t epoch = context->options->epoch;
	int ret;

	if (!epoch) {
		ret = store_last_epoch(context->store, &epoch);
		if (ret == -ENOENT) {
			log_message(LOG_ERR, "nothing was saved yet");
			return EXIT_FAILED;
		}
		if (ret)
			return failed(context->options->store, ret);
	}
	ret = view_open(&context->view, context->store, epoch);
	if (ret) {
		log_message(LOG_ERR, "epoch %" PRIu64 ": %s", epoch, strerror(-ret));
		return exit_code(ret);
	}
	return 0;
}

static int choose(struct context *context, const char *list)
{
	size_t i;

	if (!view_choose(&context->view, list))
		return 0;
	log_message(LOG_ERR, "there is no list %s in this epoch, only:", list);
	for (i = 0; i < context->view.header.nr_files; i++)
		log_message(LOG_ERR, "  %s", context->view.header.files[i].name);
	return EXIT_USAGE;
}

static int hold(struct context *context)
{
	int ret;

	if (!context->has_kernel)
		return 0;
	ret = view_hold(&context->view, &context->kernel, context->boot_id);
	return ret ? failed(context->options->ima, ret) : 0;
}

static int take(struct context *context)
{
	int ret = view_take(&context->view);

	return ret ? failed(context->options->ima, ret) : 0;
}

/* ---- verify ---------------------------------------------------------------------- */

static int read_pcrs(const struct options *options, struct verify *verify)
{
	const char *why = "";
	FILE *file;
	int ret;

	file = fopen(options->pcrs, "re");
	if (!file)
		return failed(options->pcrs, -errno);
	ret = verify_read_pcrs(verify, file, &why);
	fclose(file);
	if (!ret)
		return 0;
	log_message(LOG_ERR, "%s: %s", options->pcrs, why);
	return EXIT_USAGE;
}

/* Return: 0, -EINVAL if it is no nonce, -EKEYREJECTED if it is not that of the quote. */
static int check_nonce(const char *text, const struct quote *quote, const char **why)
{
	size_t len = strlen(text) / 2;
	uint8_t nonce[QUOTE_NONCE_MAX];

	*why = "a nonce is an even number of hexadecimal digits";
	if (!len || len > sizeof(nonce) ||
	    digest_from_text(text, strlen(text), nonce, len))
		return -EINVAL;
	*why = "it has another nonce";
	return len == quote->nonce_len && !memcmp(nonce, quote->nonce, len) ? 0 :
	       -EKEYREJECTED;
}

static int refused(const char *what, const char *why, int error)
{
	log_message(LOG_ERR, "%s: %s", what, why ? why : strerror(-error));
	switch (error) {
	case -EKEYREJECTED:
		return EXIT_DOES_NOT_FIT;
	case -EBADMSG:
	case -EINVAL:
		return EXIT_USAGE;
	default:
		return exit_code(error);
	}
}

static int read_quote(const struct options *options, struct quote *quote,
		      struct verify *verify)
{
	const char *which, *why;
	int ret;

	ret = quote_read(quote, &options->quote, &which, &why);
	if (ret)
		return refused(which, why, ret);
	if (options->nonce)
		ret = check_nonce(options->nonce, quote, &why);
	if (!ret)
		ret = verify_use_quote(verify, quote, &why);
	if (ret)
		return refused(options->quote.message, why, ret);
	printf("the quote is signed with the key (%s, %s)%s\n", quote->scheme,
	       quote->hasher.algo->name, options->nonce ? "" :
	       "; whether it is a new one was not checked (--nonce)");
	return 0;
}

static int read_tpm(const struct options *options, struct verify *verify)
{
	unsigned int pcr;
	int ret;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++) {
		if (!(verify->wanted >> pcr & 1))
			continue;
		if (options->tcti)
			ret = tpm_read_pcr(options->tcti, pcr, &verify->target,
					   &verify->known[pcr]);
		else
			ret = pcr_read(options->tpm, pcr, &verify->target,
				       &verify->known[pcr]);
		if (ret)
			return failed(options->tcti ? options->tcti : options->tpm, ret);
	}
	return 0;
}

/* Not while the lists are held: these files may be pipes that have nothing to be read yet. */
static int read_given(const struct options *options, struct verify *verify,
		      struct quote *quote, const char **source)
{
	int ret = 0;

	*source = options->pcrs;
	if (options->pcrs)
		ret = read_pcrs(options, verify);
	if (options->quote.message && !ret) {
		*source = "the quote";
		ret = read_quote(options, quote, verify);
	}
	return ret;
}

static int read_target(struct context *context, struct verify *verify,
		       const char **source)
{
	const struct options *options = context->options;
	uint64_t unknown;
	int ret = 0;

	if (!*source && context->view.live) {
		*source = "the TPM";
		ret = read_tpm(options, verify);
	}
	if (ret || !*source)
		return ret;
	unknown = verify_restrict(verify);
	/* A machine without a TPM, which nobody asks for: nothing is compared. */
	if (unknown == verify->wanted && !options->pcrs && !options->quote.message &&
	    !options->tcti)
		*source = NULL;
	else if (unknown)
		return refused(*source, "it lacks the value of a PCR that IMA extends (--pcr)",
			       options->tcti ? -ENODATA : -EINVAL);
	return 0;
}

/* Return: whether there are no records for other PCRs than those that are compared. */
static bool say_unwanted(const struct verify *verify)
{
	uint64_t unwanted = verify_unwanted(verify);
	unsigned int pcr;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++)
		if (unwanted >> pcr & 1)
			printf("PCR %u: nothing vouches for its records; is it IMA's? (--pcr)\n",
			       pcr);
	return !unwanted;
}

/* Return: whether all banks of all PCRs come out. */
static bool say_pcrs(const struct verify *verify, const char *source)
{
	const struct hash_algo *algo;
	bool good = true;
	unsigned int pcr;
	uint64_t number;
	size_t bank;

	for (pcr = 0; pcr < RECORD_PCRS; pcr++) {
		for (bank = 0; bank < verify->target.nr_banks; bank++) {
			if (!(verify->known[pcr] >> bank & 1))
				continue;
			algo = verify->target.banks[bank];
			if (!verify_reached(verify, pcr, bank, &number)) {
				printf("PCR %u, %s: the records do not lead to the value of %s\n",
				       pcr, algo->name, source);
				good = false;
				continue;
			}
			printf("PCR %u, %s: the value of %s, after record %" PRIu64
			       "%s\n", pcr, algo->name, source, number,
			       verify->reached[pcr][bank] == number ? "" :
			       " (the kernel lacks the algorithm: SHA-1, padded)");
		}
	}
	return good;
}

static int verify_all(struct context *context, struct verify *verify,
		      struct quote *quote)
{
	const char *source;
	bool good;
	int ret;

	if (verify_init(verify, &context->view.header, context->options->ima_pcrs))
		return EXIT_FAILED;
	ret = read_given(context->options, verify, quote, &source);
	if (!ret)
		ret = hold(context);
	if (!ret)
		ret = read_target(context, verify, &source);
	if (!ret)
		ret = take(context);
	if (ret)
		return ret;
	ret = verify_run(verify, &context->view);
	if (ret && !verify->first_bad)
		return failed("verify", ret);
	printf("epoch %" PRIu64 ": %" PRIu64 " records, %" PRIu64
	       " segments%s\n", context->view.header.epoch, verify->records,
	       verify->segments,
	       context->view.live ? ", and what the kernel has" : "");
	if (verify->first_bad)
		printf("record %" PRIu64 " (%s) does not fit: %s\n",
		       verify->first_bad, verify->where, verify->why);
	if (ret)
		return EXIT_DOES_NOT_FIT;
	good = !source || say_pcrs(verify, source);
	if (source && !say_unwanted(verify))
		good = false;
	if (!source)
		printf("not compared with any PCR\n");
	/* Without being asked for that, it is no success on a machine with a TPM. */
	if (!source && (context->options->tcti ||
			(context->view.boot.tpm && !context->options->saved_only &&
			 !context->options->epoch))) {
		log_message(LOG_ERR,
			    "the TPM's PCRs can not be read, or are not those of this epoch, or imalogd has not begun with this kernel; see --saved and --pcrs");
		return EXIT_FAILED;
	}
	return good && !verify->first_bad ? EXIT_GOOD : EXIT_DOES_NOT_FIT;
}

static int command_verify(struct context *context)
{
	const struct options *options = context->options;
	const char *list = options->list;
	struct quote quote = { };
	struct verify *verify;
	int ret;

	if (!options->quote.message != !options->quote.signature ||
	    !options->quote.message != !options->quote.key ||
	    (options->nonce && !options->quote.message)) {
		log_message(LOG_ERR,
			    "--quote, --signature and --key belong together, and --nonce to them");
		return EXIT_USAGE;
	}
	if (options->tcti &&
	    (options->saved_only || options->pcrs || options->quote.message)) {
		log_message(LOG_ERR,
			    "--tcti is instead of --saved, --pcrs and --quote: it compares all records with the TPM");
		return EXIT_USAGE;
	}
	ret = open_epoch(context);
	if (ret)
		return ret;
	ret = choose(context, list ? list : "binary");
	if (!ret && !context->view.header.files[context->view.file].binary) {
		log_message(LOG_ERR, "%s is no binary list", list);
		ret = EXIT_USAGE;
	}
	if (ret)
		return ret;
	verify = malloc(sizeof(*verify));
	if (!verify)
		return failed("verify", -ENOMEM);
	ret = verify_all(context, verify, &quote);
	quote_free(&quote);
	free(verify);
	return ret;
}

/* ---- export, cat ------------------------------------------------------------------ */

static int write_log(struct context *context, const char *list,
		     int (*write)(struct view *view, FILE *out))
{
	const char *output = context->options->output;
	FILE *out = stdout;
	int ret, fd;

	ret = open_epoch(context);
	if (!ret)
		ret = choose(context, list);
	if (!ret)
		ret = hold(context);
	if (!ret)
		ret = take(context);
	if (ret)
		return ret;
	if (output) {
		fd = open_output(context, output);
		out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!out)
			return failed(output, fd < 0 ? fd : -ENOMEM);
	}
	ret = write(&context->view, out);
	if (output && !ret)
		ret = fflush(out) ? -errno : io_sync(fileno(out));
	/* A device or a pipe */
	if (ret == -EINVAL)
		ret = 0;
	if (output && fclose(out) && !ret)
		ret = -errno;
	return ret ? failed(output ? output : list, ret) : 0;
}

static int command_export(struct context *context)
{
	const char *format = context->options->format;

	if (!strcmp(format, "cel-json"))
		return write_log(context, "binary", export_cel_json);
	return write_log(context, format, export_list);
}

static int command_cat(struct context *context)
{
	const char *list = context->options->list;

	return write_log(context, list ? list : "ascii", export_list);
}

/* ---- list, status ------------------------------------------------------------------ */

/**
 * struct summary - of an epoch
 * @records: number of the last record that was saved
 * @saved: how many records are saved
 * @bytes: bytes of the first list
 * @segments: how many segments
 */
struct summary {
	uint64_t records;
	uint64_t saved;
	uint64_t bytes;
	uint64_t segments;
};

typedef void (*segment_fn)(const struct segment *segment);

static int summarize(struct view *view, struct summary *summary, segment_fn fn)
{
	struct manifest_reader *reader = calloc(1, sizeof(*reader));
	const struct segment *segment;
	int ret;

	*summary = (struct summary){ };
	if (!reader)
		return -ENOMEM;
	segment = &reader->line.segment;
	ret = lseek(view->manifest, 0, SEEK_SET) ? -errno :
	      manifest_reader_init(reader, view->manifest);
	while (!ret && (ret = manifest_reader_next(reader)) == 1) {
		ret = 0;
		if (reader->line.kind != MANIFEST_SEGMENT)
			continue;
		summary->records = segment->first + segment->count - 1;
		summary->saved += segment->count;
		summary->bytes += segment->files[0].bytes;
		summary->segments++;
		if (fn)
			fn(segment);
	}
	manifest_reader_free(reader);
	free(reader);
	return ret;
}

static void print_segment(const struct segment *segment)
{
	printf("  segment %-8" PRIu64 " records %" PRIu64 " to %" PRIu64
	       ", %" PRIu64 " bytes\n", segment->number, segment->first,
	       segment->first + segment->count - 1, segment->files[0].bytes);
}

static int list_epoch(struct context *context, uint64_t epoch, segment_fn fn)
{
	struct view *view = &context->view;
	struct summary summary;
	int ret;

	ret = view_open(view, context->store, epoch);
	if (ret)
		return ret;
	ret = summarize(view, &summary, NULL);
	if (!ret) {
		printf("epoch %" PRIu64 ": %" PRIu64 " records, %" PRIu64
		       " segments, %" PRIu64 " bytes, boot %s\n", epoch,
		       summary.saved, summary.segments, summary.bytes,
		       view->boot.id);
		if (fn)
			ret = summarize(view, &summary, fn);
	}
	view_close(view);
	return ret;
}

/**
 * struct epochs - the epochs of the store
 * @numbers: their numbers
 * @nr: how many there are
 */
struct epochs {
	uint64_t *numbers;
	size_t nr;
};

static int take_epoch(uint64_t epoch, void *context)
{
	struct epochs *epochs = context;
	uint64_t *numbers;

	numbers = reallocarray(epochs->numbers, epochs->nr + 1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	numbers[epochs->nr++] = epoch;
	epochs->numbers = numbers;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All epochs, or the segments of one. */
static int command_list(struct context *context)
{
	uint64_t epoch = context->options->epoch;
	struct epochs epochs = { };
	int ret, worst = 0;
	size_t i;

	if (epoch) {
		ret = list_epoch(context, epoch, print_segment);
		return ret ? failed("list", ret) : 0;
	}
	ret = store_each_epoch(context->store, take_epoch, &epochs);
	if (ret)
		worst = failed(context->options->store, ret);
	else if (epochs.nr)
		qsort(epochs.numbers, epochs.nr, sizeof(*epochs.numbers), compare_numbers);
	for (i = 0; i < epochs.nr && !ret; i++) {
		int error = list_epoch(context, epochs.numbers[i], NULL);

		/* An old one may have been removed meanwhile. */
		if (error && error != -ENOENT) {
			printf("epoch %" PRIu64 ": %s\n", epochs.numbers[i],
			       strerror(-error));
			worst = exit_code(error);
		}
	}
	free(epochs.numbers);
	return worst;
}

static json_t *status_object(struct context *context, const struct summary *summary,
			     const uint64_t *deleted)
{
	const struct view *view = &context->view;
	uint64_t count, first;
	json_t *status;
	int running = store_is_open(context->store);

	status = json_pack("{s:I, s:I, s:I, s:I, s:s}",
			   "epoch", (json_int_t)view->header.epoch,
			   "saved", (json_int_t)summary->saved,
			   "segments", (json_int_t)summary->segments,
			   "bytes", (json_int_t)summary->bytes,
			   "boot", view->boot.id);
	if (running >= 0)
		json_object_set_new(status, "running", json_boolean(running));
	json_object_set_new(status, "missing",
			    json_integer((json_int_t)(summary->records -
						      summary->saved)));
	if (!context->has_kernel)
		return status;
	json_object_set_new(status, "this_kernel",
			    json_boolean(!strcmp(view->boot.id, context->boot_id)));
	if (!kernel_number(&context->kernel, KERNEL_COUNT, &count))
		json_object_set_new(status, "current", json_integer((json_int_t)count));
	if (!deleted)
		return status;
	json_object_set_new(status, "deleted", json_integer((json_int_t)*deleted));
	first = view->boot.first + *deleted;
	if (!strcmp(view->boot.id, context->boot_id) && first > summary->records + 1)
		json_object_set_new(status, "missing",
				    json_integer((json_int_t)(first - 1 -
							      summary->saved)));
	return status;
}

static void print_status(const json_t *status)
{
	const char *key;
	json_t *value;
	char *text;

	json_object_foreach((json_t *)status, key, value) {
		text = json_dumps(value, JSON_ENCODE_ANY);
		if (json_is_string(value))
			printf("%-12s %s\n", key, json_string_value(value));
		else
			printf("%-12s %s\n", key, text ? text : "");
		free(text);
	}
}

static int command_status(struct context *context)
{
	struct summary summary;
	bool has_deleted;
	uint64_t deleted;
	json_t *status;
	int ret;

	/* Before the manifest, which has all that was deleted by then. */
	has_deleted = context->has_kernel &&
		      !kernel_number(&context->kernel, KERNEL_DELETED, &deleted);
	ret = open_epoch(context);
	if (ret)
		return ret;
	ret = summarize(&context->view, &summary, NULL);
	if (ret)
		return failed("status", ret);
	status = status_object(context, &summary, has_deleted ? &deleted : NULL);
	if (!status)
		return failed("status", -ENOMEM);
	if (!context->options->json)
		print_status(status);
	else if (json_dumpf(status, stdout, JSON_INDENT(2)) || puts("") == EOF)
		ret = failed("status", -EIO);
	json_decref(status);
	return ret;
}

/* ---- flush -------------------------------------------------------------------------- */

static int command_flush(struct context *context)
{
	const struct options *options = context->options;
	struct control_answer answer;
	int ret;

	ret = control_ask(options->control, CONTROL_FLUSH, FLUSH_WAIT, &answer);
	if (ret)
		return failed(options->control, ret);
	if (answer.error == CONTROL_SUSPENDED) {
		log_message(LOG_ERR, "the service was suspended, see its log");
		return EXIT_FAILED;
	}
	if (answer.error)
		return failed("flush", answer.error);
	printf("%" PRIu64 " records saved\n", answer.saved);
	return 0;
}

/* ---- the command line --------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct context *context);
} commands[] = {
	{ "status", command_status },
	{ "verify", command_verify },
	{ "export", command_export },
	{ "cat", command_cat },
	{ "list", command_list },
	{ "flush", command_flush },
};

enum {
	OPTION_IMA = 256,
	OPTION_TPM,
	OPTION_TCTI,
	OPTION_BOOT_ID,
	OPTION_PCRS,
	OPTION_PCR,
	OPTION_QUOTE,
	OPTION_SIGNATURE,
	OPTION_KEY,
	OPTION_NONCE,
	OPTION_SAVED,
	OPTION_JSON,
	OPTION_WAIT,
	OPTION_CONTROL,
};

static const struct argp_option argp_options[] = {
	{ "store", 's', "DIR", 0, "where imalogd saves (" STORE_DIR ")", 0 },
	{ "epoch", 'e', "NUMBER", 0, "this epoch instead of the last one", 0 },
	{ "saved", OPTION_SAVED, NULL, 0, "only what is saved, not what the kernel has", 0 },
	{ "pcrs", OPTION_PCRS, "FILE", 0,
	  "verify: compare with these PCR values, in the format of tpm2_pcrread", 0 },
	{ "quote", OPTION_QUOTE, "FILE", 0,
	  "verify: compare with what a TPM has signed (tpm2_quote --message)", 0 },
	{ "signature", OPTION_SIGNATURE, "FILE", 0,
	  "verify: the signature of the quote (tpm2_quote --signature)", 0 },
	{ "key", OPTION_KEY, "FILE", 0, "verify: the public key of the quote, in PEM", 0 },
	{ "nonce", OPTION_NONCE, "HEX", 0,
	  "verify: what the quote was asked for with (tpm2_quote --qualification)", 0 },
	{ "pcr", OPTION_PCR, "NUMBER", 0,
	  "verify: a PCR that IMA extends (10), also more than once", 0 },
	{ "tcti", OPTION_TCTI, "TCTI", 0,
	  "verify: ask this TPM (device:/dev/tpmrm0) instead of the kernel for its PCRs", 0 },
	{ "format", 'f', "FORMAT", 0,
	  "export: binary, ascii, cel-json, or the name of a list", 0 },
	{ "output", 'o', "FILE", 0, "export, cat: write to FILE", 0 },
	{ "json", OPTION_JSON, NULL, 0, "status: as JSON", 0 },
	{ "wait", OPTION_WAIT, "MILLISECONDS", 0,
	  "how long to wait while somebody else has the kernel's lists open", 0 },
	{ "ima", OPTION_IMA, "DIR", 0, "the kernel's lists (" KERNEL_IMA_DIR ")", 1 },
	{ "tpm", OPTION_TPM, "DIR", 0, "the TPM's PCRs (" STAGER_TPM_DIR ")", 1 },
	{ "control", OPTION_CONTROL, "SOCKET", 0, "the service's socket (" CONTROL_SOCKET ")", 1 },
	{ "boot-id", OPTION_BOOT_ID, "FILE", 0, "id of this kernel (" STAGER_BOOT_ID ")", 1 },
	{ },
};

static const char argp_doc[] =
	"Look at, verify and export the measurement lists that imalogd saves.\vCommands:\n"
	"  status       what is saved, and what the kernel has\n"
	"  verify       check all records, and compare their replay with the TPM, with PCR\n"
	"               values, or with a quote\n"
	"  export       write the whole log in the format that --format says\n"
	"  cat [LIST]   write the whole log as the kernel would show LIST (ascii)\n"
	"  list         epochs; with --epoch, the segments of one\n"
	"  flush        have the service stage, save and delete now\n"
	"\n"
	"Exit status:\n"
	"  0  all is well\n"
	"  1  the log does not fit (verify)\n"
	"  2  usage\n"
	"  3  what is saved is damaged\n"
	"  4  something failed\n"
	"  5  somebody else has the kernel's lists open";

static unsigned long number_of(const char *text, uint64_t max,
			       struct argp_state *state)
{
	uint64_t number;

	if (!parse_number(text, max, &number))
		argp_error(state, "%s is not a number up to %" PRIu64, text, max);
	return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 's':
		options->store = argument;
		break;
	case 'e':
		options->epoch = number_of(argument, INT64_MAX, state);
		break;
	case 'f':
		options->format = argument;
		break;
	case 'o':
		options->output = argument;
		break;
	case OPTION_SAVED:
		options->saved_only = true;
		break;
	case OPTION_PCRS:
		options->pcrs = argument;
		break;
	case OPTION_QUOTE:
		options->quote.message = argument;
		break;
	case OPTION_SIGNATURE:
		options->quote.signature = argument;
		break;
	case OPTION_KEY:
		options->quote.key = argument;
		break;
	case OPTION_NONCE:
		options->nonce = argument;
		break;
	case OPTION_PCR:
		options->ima_pcrs |= 1ULL << number_of(argument, RECORD_PCRS - 1,
						       state);
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_WAIT:
		options->wait = (unsigned int)number_of(argument, INT32_MAX, state);
		break;
	case OPTION_IMA:
		options->ima = argument;
		break;
	case OPTION_CONTROL:
		options->control = argument;
		break;
	case OPTION_TPM:
		options->tpm = argument;
		break;
	case OPTION_TCTI:
		options->tcti = argument;
		break;
	case OPTION_BOOT_ID:
		options->boot_id = argument;
		break;
	case ARGP_KEY_ARG:
		if (!options->command)
			options->command = argument;
		else if (!options->list)
			options->list = argument;
		else
			argp_usage(state);
		break;
	case ARGP_KEY_END:
		if (!options->command)
			argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int run(struct context *context, int (*command)(struct context *context))
{
	int ret;

	ret = open_store(context);
	if (!ret)
		ret = command(context);
	if (fflush(stdout) && !ret)
		ret = failed("standard output", -errno);
	view_close(&context->view);
	if (context->has_kernel)
		kernel_close(&context->kernel);
	if (context->store >= 0)
		close(context->store);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options, parse_option, "COMMAND [LIST]", argp_doc,
		NULL, NULL, NULL
	};
	struct options options = {
		.store = STORE_DIR,
		.ima = kernel_dir(),
		.tpm = STAGER_TPM_DIR,
		.boot_id = STAGER_BOOT_ID,
		.control = CONTROL_SOCKET,
		.format = "binary",
		.wait = WAIT,
	};
	static struct context context = {
		.store = -1,
		.view = { .epoch_dir = -1, .manifest = -1, .lists = { -1, -1 },
			  .copy = -1 },
	};
	size_t i;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (!options.ima_pcrs)
		options.ima_pcrs = 1ULL << REPLAY_IMA_PCR;
	context.options = &options;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(options.command, commands[i].name))
			return run(&context, commands[i].run);
	log_message(LOG_ERR, "there is no command %s", options.command);
	return EXIT_USAGE;
}
