/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail: the kernel's fault injection (CONFIG_FAILSLAB), for
 * one task and one allocation at a time.
 *
 * Only allocations that IMA makes, or what it calls, are counted and made to
 * fail, if the kernel can tell by the stack
 * (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER). Those of the TPM's driver are left
 * out in any case: when the TPM fails, the record stays in the list and the PCR
 * does not know of it, with staging or without it.
 */
#ifndef IMA_SELFTEST_FAULT_H
#define IMA_SELFTEST_FAULT_H

#include <stdbool.h>

#include "common.h"

/* What was set before, to be set again. */
struct fault_setting {
	char name[64];
	char value[32];
};

struct fault {
	/* The fail-nth file of the task that called fault_setup(). */
	int nth;
	unsigned int armed;
	bool by_stack;
	struct fault_setting setting[16];
	int nr_settings;
};

/* Return: why no allocation can be made to fail, or NULL. */
const char *fault_setup(struct fault *f);
void fault_teardown(struct fault *f);
/* Return: why what is counted need not be IMA's own allocations, or NULL. */
const char *fault_cannot_count(const struct fault *f);

/*
 * Neither count allocations below the functions whose names begin with @prefix,
 * nor make them fail, in place of those of the TPM's driver.
 */
int fault_leave_out(struct fault *f, const char *prefix);

/*
 * Count those objects only, and make them fail, that the functions whose names
 * begin with @prefix allocate, or what these call.
 */
int fault_only(struct fault *f, const char *prefix);
/*
 * Count the pages that those functions allocate, and make them fail, and no
 * objects any more.
 *
 * Return: why that is not possible, or NULL.
 */
const char *fault_only_pages(struct fault *f, const char *prefix);

/* The @nth allocation from now on fails, 1 is the next one. */
void fault_arm(struct fault *f, unsigned int nth);
/*
 * No more failures.
 *
 * Return: the number of allocations since fault_arm(), up to the one to fail.
 */
unsigned int fault_disarm(struct fault *f);

/*
 * Write a command while the @nth allocation fails. @hit tells whether there
 * were so many.
 *
 * Return: 0 or an errno.
 */
int fault_write(struct fault *f, unsigned int nth, int fd, const char *command,
		bool *hit);

#endif /* IMA_SELFTEST_FAULT_H */
