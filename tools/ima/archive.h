/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finished epochs: compressed, and removed when there are too many
 */
#ifndef IMALOG_ARCHIVE_H
#define IMALOG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct archive - finished epochs, and what is still to be done with them
 * @dir: the store; is open to write
 * @current: number of the epoch that goes on, which is left alone
 * @has_tpm: there is a TPM
 * @reset: how often it was reset
 * @new_pcrs: its PCRs began with @current, whatever the counters are
 * @keep: keep so many before it
 * @alive: called now and then while a file is worked on, or NULL
 * @context: passed on
 * @done: epochs up to this number are compressed, or could not be
 * @unreadable: epochs up to this number stay, since their manifests are damaged
 * @stuck: one could not be removed
 */
struct archive {
	int dir;
	uint64_t current;
	bool has_tpm;
	uint32_t reset;
	bool new_pcrs;
	uint64_t keep;
	void (*alive)(void *context);
	void *context;
	uint64_t done;
	uint64_t unreadable;
	bool stuck;
};

bool archive_step(struct archive *archive);

#endif /* IMALOG_ARCHIVE_H */
