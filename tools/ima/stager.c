// SPDX-License-Identifier: GPL-2.0
/*
 * Staging, saving and deleting, so that no record is lost or saved twice
 *
 * What is staged stays as it is until it is deleted, and is deleted only after
 * the manifest names it. So whoever starts again finds, in the kernel, either
 * what was not saved yet or what was, and can tell them apart: by the number of
 * the first record, which is the kernel's counter of deleted records and the
 * number that the kernel has begun with, and then by all the bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "log.h"
#include "stager.h"
#include "tpm.h"

/* How often what is staged is read again after others have deleted */
#define READ_TRIES	3

/**
 * struct staged - the staged list, open in all its files
 * @fds: the files
 * @nr: how many are open
 * @deleted: records that had been deleted before the first of them
 */
struct staged {
	int fds[MANIFEST_FILES];
	size_t nr;
	uint64_t deleted;
};

static void staged_close(struct staged *staged)
{
	while (staged->nr)
		close(staged->fds[--staged->nr]);
}

/*
 * While the files are open, no other process deletes, so that the counter is
 * that of the list.
 */
static int staged_open(const struct stager *stager, struct staged *staged)
{
	const struct manifest_header *header = &stager->store.header;
	int fd, ret;

	staged->nr = 0;
	while (staged->nr < header->nr_files) {
		fd = kernel_open_list(&stager->kernel,
				      &header->files[staged->nr],
				      KERNEL_STAGED);
		if (fd < 0) {
			staged_close(staged);
			return fd == -ENOENT ? -EOPNOTSUPP : fd;
		}
		staged->fds[staged->nr++] = fd;
	}
	ret = kernel_number(&stager->kernel, KERNEL_DELETED, &staged->deleted);
	if (ret)
		staged_close(staged);
	return ret;
}

/*
 * Are the next bytes of an open list those of a saved file, all of them?
 * Return: 1 if so, 0 if not, or a negative error number.
 */
static int same_bytes(const struct stager *stager, int fd, size_t file,
		      const struct segment *segment)
{
	static uint8_t list[IO_BLOCK], saved[IO_BLOCK];
	uint64_t left = segment->files[file].bytes;
	ssize_t got, want;
	int saved_fd, ret = 1;

	saved_fd = segment_open(stager->store.epoch_dir, &stager->store.header,
				segment->number, file);
	if (saved_fd < 0) {
		log_message(LOG_ERR, "%s of segment %" PRIu64 ": %s",
			    stager->store.header.files[file].name,
			    segment->number, strerror(-saved_fd));
		return saved_fd == -ENOENT ? -EILSEQ : saved_fd;
	}
	while (left && ret == 1) {
		want = left < IO_BLOCK ? (ssize_t)left : IO_BLOCK;
		got = io_read(saved_fd, saved, (size_t)want);
		if (got >= 0 && got < want)
			ret = 0;
		else if (got >= 0)
			got = io_read(fd, list, (size_t)want);
		if (got < 0)
			ret = (int)got;
		else if (got < want || memcmp(list, saved, (size_t)want))
			ret = 0;
		left -= (uint64_t)want;
		kernel_alive(&stager->kernel);
	}
	/* And the saved file is no longer than that. */
	if (ret == 1) {
		got = io_read(saved_fd, saved, 1);
		if (got)
			ret = got < 0 ? (int)got : 0;
	}
	close(saved_fd);
	return ret;
}

static int same_files(const struct stager *stager, const struct staged *staged,
		      const struct segment *segment)
{
	size_t i;
	int ret = 1;

	for (i = 0; i < staged->nr && ret == 1; i++)
		ret = same_bytes(stager, staged->fds[i], i, segment);
	return ret;
}

/* Return: 1 if all of the open lists was read, 0 if not, or an error. */
static int at_end(const struct staged *staged)
{
	uint8_t byte;
	ssize_t got;
	size_t i;

	for (i = 0; i < staged->nr; i++) {
		got = io_read(staged->fds[i], &byte, 1);
		if (got)
			return got < 0 ? (int)got : 0;
	}
	return 1;
}

static int save_list(struct stager *stager, const struct staged *staged,
		     size_t file)
{
	static uint8_t block[IO_BLOCK];
	ssize_t got;
	int ret;

	do {
		got = io_read(staged->fds[file], block, sizeof(block));
		if (got < 0)
			return (int)got;
		ret = segment_write(&stager->writer, file, block, (size_t)got);
		kernel_alive(&stager->kernel);
	} while (!ret && got == sizeof(block));
	return ret;
}

/* Save the rest of the open lists. Return: 0, 1 if there was none, or a negative error number. */
static int save_rest(struct stager *stager, const struct staged *staged,
		     uint64_t first, struct stager_result *result)
{
	struct segment_writer *writer = &stager->writer;
	size_t i;
	int ret;

	ret = segment_begin(&stager->store, writer, first);
	if (ret)
		return ret;
	for (i = 0; i < staged->nr && !ret; i++)
		ret = save_list(stager, staged, i);
	if (!ret)
		ret = segment_commit(writer);
	if (ret == -EBADMSG)
		for (i = 0; i < staged->nr; i++)
			if (writer->files[i].parser.why)
				log_message(LOG_ERR, "%s: record %" PRIu64 ": %s",
					    stager->store.header.files[i].name,
					    first + writer->files[i].parser.count,
					    writer->files[i].parser.why);
	if (ret) {
		segment_abort(writer);
		return ret;
	}
	if (writer->bad_digests)
		log_message(LOG_ERR, "%" PRIu64 " records of segment %" PRIu64
			    " have a digest that is not that of their data",
			    writer->bad_digests, writer->segment.number);
	result->saved = writer->segment.count;
	for (i = 0; i < staged->nr; i++)
		result->bytes += writer->segment.files[i].bytes;
	return 0;
}

/**
 * struct beside - what is staged, beside what is saved and was not deleted
 * @stager: both
 * @staged: what is staged, at its start
 * @first: number of its first record
 * @found: so many of its records are saved
 */
struct beside {
	const struct stager *stager;
	const struct staged *staged;
	uint64_t first;
	uint64_t found;
};

static int beside_segment(const struct segment *segment, void *context)
{
	struct beside *beside = context;
	int ret;

	/* It was deleted, which could not be noted any more. */
	if (segment->first < beside->first)
		return 0;
	ret = segment->first == beside->first + beside->found ?
	      same_files(beside->stager, beside->staged, segment) : 0;
	if (!ret) {
		log_message(LOG_ERR, "what is staged is not segment %" PRIu64
			    ": nothing is deleted", segment->number);
		ret = -EILSEQ;
	}
	if (ret < 0)
		return ret;
	beside->found += segment->count;
	return 0;
}

/*
 * What is staged begins with all that is saved, from its first record on. Sets
 * @found to the number of these records. The rest of the open lists is what is
 * not saved.
 */
static int find_saved(const struct stager *stager, const struct staged *staged,
		      uint64_t *found)
{
	struct beside beside = {
		.stager = stager,
		.staged = staged,
		.first = stager->store.boot.first + staged->deleted,
	};
	uint64_t next = store_next_number(&stager->store);
	int ret;

	*found = 0;
	if (beside.first >= next)
		return 0;
	ret = store_each_undeleted(&stager->store, beside_segment, &beside);
	if (ret)
		return ret;
	if (!beside.found) {
		log_message(LOG_ERR, "the first staged record has the number %"
			    PRIu64 ", but all before %" PRIu64 " were deleted",
			    beside.first, next);
		return -EILSEQ;
	}
	*found = beside.found;
	return 0;
}

/*
 * Records up to @first were deleted, and no line of the manifest has them. Either
 * somebody else did that, or the manifest has lost lines, and their files were put
 * aside. With more segments after these, they could not be put back.
 */
static int check_gap(const struct stager *stager, uint64_t first)
{
	const struct store *store = &stager->store;
	uint64_t next = store_next_number(store), number;
	int ret;

	ret = store_left_over(store->epoch_dir, &store->header, &number);
	if (ret)
		return ret;
	if (number > store_last_segment(store)) {
		log_message(LOG_ERR, "records %" PRIu64 " to %" PRIu64
			    " were deleted, and may be in " STORE_LEFT_OVER
			    " as segment %" PRIu64 ": nothing is deleted; see imalogd(8)",
			    next, first - 1, number);
		return -EILSEQ;
	}
	log_message(LOG_ERR, "records %" PRIu64 " to %" PRIu64
		    " were deleted by somebody else, and are not saved",
		    next, first - 1);
	return 0;
}

/*
 * Save what is staged, but for what is saved already. Sets @deleted to the
 * counter of that time.
 *
 * Return: 0, 1 if nothing is staged, or a negative error number.
 */
static int save(struct stager *stager, uint64_t *deleted,
		struct stager_result *result)
{
	uint64_t next = store_next_number(&stager->store);
	struct staged staged;
	uint64_t first, gap = 0;
	int ret;

	ret = staged_open(stager, &staged);
	if (ret)
		return ret;
	*deleted = staged.deleted;
	first = stager->store.boot.first + staged.deleted;
	if (first > next) {
		gap = first - next;
		ret = check_gap(stager, first);
	}
	if (!ret)
		ret = find_saved(stager, &staged, &result->found);
	if (!ret)
		ret = save_rest(stager, &staged, first + result->found, result);
	if (!ret)
		stager->gap += gap;
	/* All of it was saved before. */
	if (ret == 1 && result->found)
		ret = 0;
	staged_close(&staged);
	return ret;
}

/*
 * Read again, both what is staged and what is saved: only what is the same is
 * deleted.
 */
static int compare(struct stager *stager, uint64_t deleted)
{
	struct staged staged;
	uint64_t found;
	int ret;

	ret = staged_open(stager, &staged);
	if (ret)
		return ret;
	ret = staged.deleted == deleted ? find_saved(stager, &staged, &found) :
	      -ECANCELED;
	if (!ret) {
		ret = at_end(&staged);
		if (!ret)
			log_message(LOG_ERR, "there is more staged than was saved as segment %"
				    PRIu64 ": nothing is deleted",
				    stager->store.last.number);
		ret = ret < 0 ? ret : ret ? 0 : -EILSEQ;
	}
	staged_close(&staged);
	return ret;
}

static int save_and_delete(struct stager *stager, struct stager_result *result)
{
	uint64_t deleted;
	int ret;

	ret = save(stager, &deleted, result);
	if (ret)
		return ret;
	ret = compare(stager, deleted);
	if (!ret)
		ret = store_check_manifest(&stager->store);
	if (ret)
		return ret;
	ret = kernel_delete(&stager->kernel, &stager->store.header.files[0],
			    deleted);
	if (ret)
		return ret;
	result->deleted = true;
	return store_add_deleted(&stager->store);
}

/**
 * stager_cycle - stage what is in the kernel's list, save it, delete it there
 * @stager: was started
 * @result: set to what was done, also in case of an error
 *
 * Return: 0, also if there was nothing to do, or a negative error number: what was
 * not deleted is still in the kernel, and the next call goes on with it. -EBUSY
 * says that others have had the files open for too long, -KERNEL_COPIED
 * that all was copied for the next kernel, -EBADMSG that the kernel shows no list
 * of records, -EILSEQ that it does not show what it did before.
 */
int stager_cycle(struct stager *stager, struct stager_result *result)
{
	int tries = READ_TRIES;
	int ret;

	*result = (struct stager_result){ };
	stager->kernel.turnstile = stager->store.turn;
	ret = kernel_stage(&stager->kernel, &stager->store.header.files[0]);
	if (ret == -ENOENT)
		return 0;
	if (ret && ret != -EEXIST)
		return ret;
	result->again = ret == -EEXIST;

	do {
		ret = save_and_delete(stager, result);
		/* Somebody else was faster: what is staged now? */
	} while (ret == -ECANCELED && --tries);
	return ret == 1 ? 0 : ret;
}

/* ---- where to go on --------------------------------------------------------- */

/**
 * struct match - the list of a kernel that was started by kexec, beside what is saved
 * @pcrs: what the TPM has
 * @known: the banks of which that is known
 * @pcr: IMA's PCR
 * @after: replay of the list as if it continued the last segment
 * @instead: replay of the list as if it came in another place
 * @after_fits: with it, the TPM's values come out
 * @instead_fits: the same
 */
struct match {
	struct pcr_values pcrs;
	uint64_t known;
	uint32_t pcr;
	struct replay after;
	struct replay instead;
	bool after_fits;
	bool instead_fits;
};

static bool fits(const struct match *match, const struct pcr_values *pcrs)
{
	size_t i;

	for (i = 0; i < pcrs->nr_banks; i++)
		if (match->known >> i & 1 &&
		    !memcmp(pcrs->value[match->pcr][i],
			    match->pcrs.value[match->pcr][i],
			    pcrs->banks[i]->size))
			return true;
	return false;
}

static int match_record(const struct record *record, void *context)
{
	struct match *match = context;
	int ret;

	ret = replay_extend(&match->after, record);
	if (!ret)
		ret = replay_extend(&match->instead, record);
	if (ret)
		return ret;
	match->after_fits |= fits(match, &match->after.pcrs);
	match->instead_fits |= fits(match, &match->instead.pcrs);
	return 0;
}

static int match_lists(struct stager *stager, struct match *match,
		       const int *fds)
{
	static uint8_t block[IO_BLOCK];
	struct record_parser parser;
	ssize_t got;
	int i, ret = 0;

	record_parser_init(&parser, stager->store.header.files[0].algo->size,
			   ORDER_UNKNOWN);
	for (i = 0; i < 2 && !ret; i++) {
		do {
			got = io_read(fds[i], block, sizeof(block));
			if (got < 0)
				ret = (int)got;
			else
				ret = record_parser_feed(&parser, block,
							 (size_t)got,
							 match_record, match);
			kernel_alive(&stager->kernel);
		} while (!ret && got == sizeof(block));
	}
	record_parser_free(&parser);
	return ret;
}

/* After the last segment, if there is one, and after @values instead */
static int replay_lists(struct stager *stager, const struct pcr_values *values,
			struct match *match)
{
	const struct list_file *file = &stager->store.header.files[0];
	const struct store *store = &stager->store;
	int fds[2] = { -1, -1 };
	int i, ret = 0;

	for (i = 0; i < 2 && !ret; i++) {
		fds[i] = kernel_open_list(&stager->kernel, file,
					  i ? KERNEL_CURRENT : KERNEL_STAGED);
		if (fds[i] < 0)
			ret = fds[i];
	}
	/* Before the lists are read, so that they have all that is in it. */
	match->pcr = stager->pcr;
	if (!ret)
		ret = pcr_values_init(&match->pcrs, store->header.banks,
				      store->header.nr_banks);
	if (!ret)
		ret = tpm_read_pcr(stager->tcti, match->pcr, &match->pcrs,
				   &match->known);
	if (!ret)
		ret = replay_init(&match->after,
				  store->has_last ? &store->last.after : values);
	if (!ret)
		ret = replay_init(&match->instead, values);
	if (!ret)
		ret = match_lists(stager, match, fds);
	replay_free(&match->after);
	replay_free(&match->instead);
	for (i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return ret;
}

/*
 * Does the list begin with a saved segment?
 * Return: 1 if so, 0 if not, or a negative error number.
 */
static int begins_with(struct stager *stager, const struct segment *segment)
{
	const struct list_file *file = &stager->store.header.files[0];
	int fd, ret;

	/* In a new kernel all is in one of the two lists, unless somebody staged. */
	fd = kernel_open_list(&stager->kernel, file, KERNEL_STAGED);
	if (fd < 0)
		return fd;
	ret = same_bytes(stager, fd, 0, segment);
	close(fd);
	if (ret)
		return ret;
	fd = kernel_open_list(&stager->kernel, file, KERNEL_CURRENT);
	if (fd < 0)
		return fd;
	ret = same_bytes(stager, fd, 0, segment);
	close(fd);
	return ret;
}

/**
 * struct carried - what a kernel was given by the one before it
 * @stager: what is saved, and the kernel
 * @first: number of the first record, as far as is known
 * @unlike: the list begins with a saved segment, but the PCR does not tell so
 */
struct carried {
	struct stager *stager;
	uint64_t first;
	bool unlike;
};

/* Return: 1 if the number of the first record is found, 0, or an error. */
static int carried_segment(const struct segment *segment, void *context)
{
	struct carried *carried = context;
	struct match *match;
	int ret;

	ret = begins_with(carried->stager, segment);
	if (ret != 1)
		return ret;
	match = calloc(1, sizeof(*match));
	if (!match)
		return -ENOMEM;
	ret = replay_lists(carried->stager, &segment->before, match);
	if (!ret && !match->known)
		match->instead_fits = true;
	if (!ret) {
		if (!match->after_fits && match->instead_fits)
			carried->first = segment->first;
		else if (!match->after_fits)
			carried->unlike = true;
		ret = match->after_fits || match->instead_fits;
	}
	free(match);
	return ret;
}

/*
 * A kernel was started by kexec, and the TPM keeps its PCRs: which number has the
 * first record that it was given? That of the next one if all that is saved was
 * deleted in time. If not, the list begins with a segment that was not. The bytes
 * can be the same by chance, as a boot_aggregate is; then the PCR tells.
 */
static int number_carried(struct stager *stager, uint64_t *first)
{
	struct store *store = &stager->store;
	struct carried carried = {
		.stager = stager,
		.first = store_next_number(store),
	};
	int ret;

	ret = store_each_undeleted(store, carried_segment, &carried);
	if (ret < 0)
		return ret;
	if (!ret && carried.unlike)
		log_message(LOG_ERR, "the carried records lead to the PCR neither after segment %"
			    PRIu64 " nor in its place; they are saved",
			    store->last.number);
	*first = carried.first;
	return 0;
}

/*
 * What the TPM has says whether the list goes on where the saved records end. It is the first
 * one since its PCRs are zeroes if that is where it leads from: a TPM that is made anew at each
 * boot has the same counters each time. And with counters that have @changed, and nobody has noted
 * that, as of a machine that was suspended, only the PCR can say that it goes on.
 *
 * A kernel counts deleted records anew, and does not tell whether the manifest has lost lines
 * of records that were deleted: but then what was carried does not lead to the PCR.
 *
 * Return: 1 if it goes on, 0 if it is the first one, or a negative error number.
 */
static int goes_on(struct stager *stager, bool changed)
{
	const struct store *store = &stager->store;
	struct pcr_values zeroes;
	struct match *match;
	uint64_t number;
	bool follows;
	int ret;

	ret = store_left_over(store->epoch_dir, &store->header, &number);
	if (ret)
		return ret;
	match = calloc(1, sizeof(*match));
	if (!match)
		return -ENOMEM;
	ret = pcr_values_init(&zeroes, store->header.banks, store->header.nr_banks);
	if (!ret)
		ret = replay_lists(stager, &zeroes, match);
	if (ret)
		goto out;
	follows = match->known && match->after_fits;
	stager->new_pcrs = match->known && match->instead_fits && !follows;
	if (stager->new_pcrs || (changed && !follows))
		goto out;
	ret = 1;
	/* With no segment, nothing but the PCR tells that no records were before these. */
	if (number > store_last_segment(store) && !follows &&
	    (match->known || !store->has_last)) {
		log_message(LOG_ERR, "records before those that kexec has carried may be in "
			    STORE_LEFT_OVER " as segment %" PRIu64
			    ": nothing is deleted; see imalogd(8)", number);
		ret = -EILSEQ;
	}
out:
	free(match);
	return ret;
}

static bool same_counters(const struct manifest_boot *a,
			  const struct manifest_boot *b)
{
	return a->tpm == b->tpm && a->reset == b->reset &&
	       a->restart == b->restart;
}

/* What it is to save is for all of the epoch: what can not be is refused before. */
static int new_epoch(struct stager *stager)
{
	struct manifest_header *header = &stager->header;
	size_t i;

	for (i = 0; i < header->nr_files; i++) {
		if (kernel_has_list(&stager->kernel, &header->files[i]))
			continue;
		log_message(LOG_ERR, "files: the kernel has no %s", header->files[i].name);
		return -EINVAL;
	}
	return store_new_epoch(&stager->store, header, &stager->boot);
}

/**
 * stager_start - find out where to go on
 * @stager: with its store and kernel opened; @stager->boot has what is known but
 *	the first record's number
 *
 * The same kernel goes on with its epoch. So does another one, started by kexec,
 * if the TPM was neither reset nor restarted since, by its counters and its PCR. It may
 * have been resumed or cleared: then its counters are others, and only the PCR tells.
 * Otherwise there is a new epoch.
 *
 * Return: 0, -EINVAL if an epoch would begin with a list that the kernel does not have, or
 * another negative error number.
 */
int stager_start(struct stager *stager)
{
	struct store *store = &stager->store;
	struct manifest_boot *boot = &stager->boot;
	bool changed, reset;
	int ret;

	stager->new_pcrs = false;
	if (store->has_boot && !strcmp(store->boot.id, boot->id)) {
		boot->first = store->boot.first;
		if (same_counters(boot, &store->boot) || !boot->tpm)
			return 0;
		return store_add_boot(store, boot);
	}

	boot->first = 1;
	if (!store->has_boot || !boot->tpm || !store->boot.tpm)
		return new_epoch(stager);
	/*
	 * It was reset, unless it was cleared: TPM2_Clear() counts anew, and leaves the PCRs.
	 * Without a segment they would be the same to begin with.
	 */
	reset = boot->reset != store->boot.reset;
	if (reset && !store->has_last)
		return new_epoch(stager);

	changed = !same_counters(boot, &store->boot);
	boot->first = store_next_number(store);
	ret = reset ? 0 : number_carried(stager, &boot->first);
	if (!ret && boot->first == store_next_number(store)) {
		ret = goes_on(stager, changed);
		if (!ret) {
			if (!changed)
				log_message(LOG_WARNING,
					    "the TPM's counters are as before, but its PCR is a new one");
			boot->first = 1;
			return new_epoch(stager);
		}
	}
	if (ret < 0)
		return ret;
	log_message(LOG_INFO, "epoch %" PRIu64 " goes on after kexec with record %"
		    PRIu64, store->header.epoch, boot->first);
	return store_add_boot(store, boot);
}

/**
 * stager_counters - note the TPM's counters
 * @stager: was started
 * @reset: how often the TPM was reset
 * @restart: how often it was restarted or resumed since then
 *
 * They change when the machine was suspended, or the TPM was cleared. What is
 * noted is what a kernel that is started by kexec has to find.
 *
 * Return: 0 or a negative error number.
 */
int stager_counters(struct stager *stager, uint32_t reset, uint32_t restart)
{
	struct manifest_boot *boot = &stager->boot;

	boot->tpm = true;
	boot->reset = reset;
	boot->restart = restart;
	if (same_counters(boot, &stager->store.boot))
		return 0;
	return store_add_boot(&stager->store, boot);
}
