/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Staging files: the measurement list files with CONFIG_IMA_STAGING, and the
 * commands that are written to them
 */

#ifndef _SECURITY_INTEGRITY_IMA_STAGING_FS_H
#define _SECURITY_INTEGRITY_IMA_STAGING_FS_H

#include <linux/fs.h>
#include <linux/types.h>

struct ima_list;
struct ima_staging;

/**
 * enum ima_command - what user space can ask for
 */
enum ima_command {
	/** @IMA_COMMAND_UNKNOWN: none of those below */
	IMA_COMMAND_UNKNOWN,
	/** @IMA_COMMAND_STAGE: A, stage all records */
	IMA_COMMAND_STAGE,
	/** @IMA_COMMAND_DELETE: D, delete the staged records */
	IMA_COMMAND_DELETE,
	/** @IMA_COMMAND_DELETE_N: N, delete the first N records */
	IMA_COMMAND_DELETE_N,
};

/* A number of 20 digits and a newline */
#define IMA_COMMAND_LEN_MAX 21

int ima_staging_parse(const char *text, size_t len, enum ima_command *command,
		      unsigned long *n);
long ima_staging_execute(struct ima_staging *staging, struct ima_list *list,
			 const char *text, size_t len,
			 enum ima_command *command);

extern const struct file_operations ima_list_binary_ops;
extern const struct file_operations ima_list_ascii_ops;
extern const struct file_operations ima_staged_binary_ops;
extern const struct file_operations ima_staged_ascii_ops;

#endif /* _SECURITY_INTEGRITY_IMA_STAGING_FS_H */
