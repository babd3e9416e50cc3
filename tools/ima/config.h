/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration of imalogd and imalogfs
 */
#ifndef IMALOG_CONFIG_H
#define IMALOG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_FILE	"/etc/imalog/imalog.conf"
#define CONFIG_DIR	CONFIG_FILE ".d"

/**
 * enum config_action - what to do when there is a problem, in auditd's words
 * @ACTION_IGNORE: nothing
 * @ACTION_SYSLOG: tell so
 * @ACTION_EXEC: tell so, and run a program
 * @ACTION_SUSPEND: tell so, and do not stage until SIGUSR2 comes
 * @ACTION_SINGLE: tell so, and bring the system to the rescue target
 * @ACTION_HALT: tell so, and power off
 */
enum config_action {
	ACTION_IGNORE,
	ACTION_SYSLOG,
	ACTION_EXEC,
	ACTION_SUSPEND,
	ACTION_SINGLE,
	ACTION_HALT,
};

/**
 * struct config_reaction - an action, and what belongs to it
 * @action: what to do
 * @program: the program to run
 */
struct config_reaction {
	enum config_action action;
	char *program;
};

/**
 * struct config - what the configuration says; see imalog.conf
 * @store_dir: where to save
 * @ima_dir: the kernel's lists
 * @tpm_dir: folder of the TPM in sysfs: is there one, and which banks has it
 * @boot_id: file of the boot id
 * @tcti: how to talk to the TPM
 * @control: socket for requests
 * @mount_dir: where imalogfs shows the log
 * @bind: and in place of the kernel's lists
 * @files: lists to save
 * @banks: banks to replay, "" for those of the TPM
 * @metrics: file for metrics, "" for none
 * @pcr: IMA's PCR
 * @stage_records: stage when there are so many records
 * @stage_interval: and after so many milliseconds
 * @check_interval: look every so many milliseconds
 * @busy_timeout: wait so many milliseconds while others have the lists open
 * @stage_on_exit: stage when stopped
 * @keep_epochs: keep so many finished epochs, UINT64_MAX for all
 * @space_left: so many MiB, or percent of the file system, are to be left
 * @space_left_percent: it is percent
 * @space_left_action: what to do if they are not
 * @disk_full_action: what to do when nothing can be saved for want of space
 * @disk_error_action: what to do when nothing can be saved for another reason
 */
struct config {
	char *store_dir;
	char *ima_dir;
	char *tpm_dir;
	char *boot_id;
	char *tcti;
	char *control;
	char *mount_dir;
	bool bind;
	char *files;
	char *banks;
	char *metrics;
	uint64_t pcr;
	uint64_t stage_records;
	uint64_t stage_interval;
	uint64_t check_interval;
	uint64_t busy_timeout;
	bool stage_on_exit;
	uint64_t keep_epochs;
	uint64_t space_left;
	bool space_left_percent;
	struct config_reaction space_left_action;
	struct config_reaction disk_full_action;
	struct config_reaction disk_error_action;
};

int config_init(struct config *config);
int config_read(struct config *config, const char *path);
int config_read_dir(struct config *config, const char *path);
int config_load(struct config *config, const char *path);
void config_free(struct config *config);

#endif /* IMALOG_CONFIG_H */
