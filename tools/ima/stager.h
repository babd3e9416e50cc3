/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Staging, saving and deleting, so that no record is lost or saved twice
 */
#ifndef IMALOG_STAGER_H
#define IMALOG_STAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "manifest.h"
#include "store.h"

#define STAGER_TPM_DIR	"/sys/class/tpm/tpm0"
#define STAGER_BOOT_ID	"/proc/sys/kernel/random/boot_id"

/**
 * struct stager - what it takes, and where it stands
 * @store: where records are saved
 * @kernel: where they come from
 * @header: files and banks of a new epoch
 * @boot: this kernel, and the TPM's counters now
 * @tcti: how to talk to the TPM, if there is one
 * @pcr: the one that IMA extends
 * @writer: the segment that is being written
 * @gap: how many records were deleted in this epoch without having been saved
 * @new_pcrs: the PCRs began with this epoch, by their values
 */
struct stager {
	struct store store;
	struct kernel kernel;
	struct manifest_header header;
	struct manifest_boot boot;
	const char *tcti;
	uint32_t pcr;
	struct segment_writer writer;
	uint64_t gap;
	bool new_pcrs;
};

/**
 * struct stager_result - what a cycle has done
 * @saved: records that were saved
 * @bytes: bytes of them, all files together
 * @found: records that were saved before, but not deleted
 * @deleted: what was staged was deleted
 * @again: it had been staged before, so that the current list was not
 */
struct stager_result {
	uint64_t saved;
	uint64_t bytes;
	uint64_t found;
	bool deleted;
	bool again;
};

int stager_start(struct stager *stager);
int stager_cycle(struct stager *stager, struct stager_result *result);
int stager_counters(struct stager *stager, uint32_t reset, uint32_t restart);

#endif /* IMALOG_STAGER_H */
