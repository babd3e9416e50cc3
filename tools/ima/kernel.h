/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's measurement list files, and the commands that they take
 */
#ifndef IMALOG_KERNEL_H
#define IMALOG_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "manifest.h"

#define KERNEL_IMA_DIR	"/sys/kernel/security/integrity/ima"
/* In another mount of securityfs, where nothing else is mounted over the lists */
#define KERNEL_OWN_DIR	"/run/securityfs/integrity/ima"
#define KERNEL_COUNT	"runtime_measurements_count"
#define KERNEL_DELETED	"runtime_measurements_deleted"
/* What no file system says: all was copied for the next kernel, and no command is taken */
#define KERNEL_COPIED	ESTRPIPE

/**
 * enum kernel_list - the two lists of the kernel
 * @KERNEL_CURRENT: what is measured is appended here
 * @KERNEL_STAGED: what was staged, older than what is in the other one
 */
enum kernel_list {
	KERNEL_CURRENT,
	KERNEL_STAGED,
};

/**
 * struct kernel - the folder of the list files
 * @dir: the folder
 * @wait: how long to wait, in milliseconds, while others have the files open
 * @turnstile: file that is locked while that is waited to write, so that those
 *	who pass there do not open the files again, or -1
 * @alive: called now and then while waiting or reading, or NULL
 * @context: passed to @alive
 */
struct kernel {
	int dir;
	unsigned int wait;
	int turnstile;
	void (*alive)(void *context);
	void *context;
};

const char *kernel_dir(void);
int kernel_open(struct kernel *kernel, const char *path, unsigned int wait);
void kernel_close(struct kernel *kernel);
void kernel_alive(const struct kernel *kernel);
uint64_t kernel_now(void);
const char *kernel_error(int error);
bool kernel_has_list(const struct kernel *kernel, const struct list_file *file);

int kernel_number(const struct kernel *kernel, const char *name, uint64_t *number);
int kernel_pass(const struct kernel *kernel, int turnstile);
int kernel_stage(const struct kernel *kernel, const struct list_file *file);
int kernel_delete(const struct kernel *kernel, const struct list_file *file,
		  uint64_t deleted);
int kernel_open_list(const struct kernel *kernel, const struct list_file *file,
		     enum kernel_list list);

#endif /* IMALOG_KERNEL_H */
