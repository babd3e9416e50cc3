// SPDX-License-Identifier: GPL-2.0
/*
 * imalogd's configuration
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "config.h"
#include "control.h"
#include "kernel.h"
#include "log.h"
#include "manifest.h"
#include "stager.h"
#include "util.h"

#define SECTION	"imalog"

static bool parse_string(const char *text, void *to)
{
	char **string = to;
	char *copy = strdup(text);

	if (!copy)
		return false;
	free(*string);
	*string = copy;
	return true;
}

static bool parse_path(const char *text, void *to)
{
	return *text == '/' && parse_string(text, to);
}

static bool parse_optional_path(const char *text, void *to)
{
	return *text ? parse_path(text, to) : parse_string(text, to);
}

static bool parse_count(const char *text, void *to)
{
	return parse_number(text, INT64_MAX, to) && *(uint64_t *)to;
}

static bool parse_keep(const char *text, void *to)
{
	if (strcmp(text, "all"))
		return parse_number(text, INT64_MAX, to);
	*(uint64_t *)to = UINT64_MAX;
	return true;
}

static bool parse_pcr(const char *text, void *to)
{
	return parse_number(text, RECORD_PCRS - 1, to);
}

/* A number of seconds, or one with a unit; becomes milliseconds. */
static bool parse_time(const char *text, void *to)
{
	static const struct {
		const char *unit;
		uint64_t factor;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60 * 1000 },
		{ "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 }, { "", 1000 },
	};
	char digits[24];
	size_t i, len = strspn(text, "0123456789");
	uint64_t number;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!parse_number(digits, UINT32_MAX, &number) || !number)
		return false;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + len, units[i].unit))
			continue;
		*(uint64_t *)to = number * units[i].factor;
		return true;
	}
	return false;
}

/* The same, of what poll() can wait for */
static bool parse_wait(const char *text, void *to)
{
	return parse_time(text, to) && *(uint64_t *)to <= INT_MAX;
}

static bool parse_bool(const char *text, void *to)
{
	bool yes = !strcmp(text, "yes");

	if (!yes && strcmp(text, "no"))
		return false;
	*(bool *)to = yes;
	return true;
}

/* MiB, or percent */
static bool parse_space(const char *text, void *to)
{
	struct config *config = to;
	size_t len = strlen(text);
	char digits[24];
	bool percent = len && text[len - 1] == '%';

	len -= percent;
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!parse_number(digits, percent ? 99 : INT32_MAX, &config->space_left))
		return false;
	config->space_left_percent = percent;
	return true;
}

static bool parse_action(const char *text, void *to)
{
	static const char *const names[] = {
		[ACTION_IGNORE] = "ignore",
		[ACTION_SYSLOG] = "syslog",
		[ACTION_EXEC] = "exec",
		[ACTION_SUSPEND] = "suspend",
		[ACTION_SINGLE] = "single",
		[ACTION_HALT] = "halt",
	};
	struct config_reaction *reaction = to;
	size_t i, len = strcspn(text, " \t");
	const char *rest = text + len + strspn(text + len, " \t");

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !strncmp(text, names[i], len))
			break;
	if (i == ARRAY_SIZE(names))
		return false;
	reaction->action = (enum config_action)i;
	if (reaction->action == ACTION_EXEC)
		return parse_path(rest, &reaction->program);
	return !*rest;
}

static const struct {
	const char *name;
	bool (*parse)(const char *text, void *to);
	size_t offset;
} keys[] = {
#define KEY(name, parse) { #name, parse, offsetof(struct config, name) }
	KEY(store_dir, parse_path),
	KEY(ima_dir, parse_path),
	KEY(tpm_dir, parse_path),
	KEY(boot_id, parse_path),
	KEY(tcti, parse_string),
	KEY(control, parse_path),
	KEY(mount_dir, parse_path),
	KEY(bind, parse_bool),
	KEY(files, parse_string),
	KEY(banks, parse_string),
	KEY(pcr, parse_pcr),
	KEY(stage_records, parse_count),
	KEY(stage_interval, parse_time),
	KEY(check_interval, parse_time),
	KEY(busy_timeout, parse_wait),
	KEY(stage_on_exit, parse_bool),
	KEY(keep_epochs, parse_keep),
	KEY(metrics, parse_optional_path),
	{ "space_left", parse_space, 0 },
	KEY(space_left_action, parse_action),
	KEY(disk_full_action, parse_action),
	KEY(disk_error_action, parse_action),
#undef KEY
};

static int take(void *context, const char *section, const char *name,
		const char *value)
{
	struct config *config = context;
	size_t i;

	if (strcmp(section, SECTION)) {
		log_message(LOG_ERR, "there is no section [%s]", section);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(name, keys[i].name))
			continue;
		if (keys[i].parse(value, (char *)config + keys[i].offset))
			return 1;
		log_message(LOG_ERR, "%s can not be \"%s\"", name, value);
		return 0;
	}
	log_message(LOG_ERR, "there is no %s", name);
	return 0;
}

/**
 * config_init - what holds if nothing is said
 * @config: to be set
 *
 * Return: 0, or -ENOMEM.
 */
int config_init(struct config *config)
{
	const char *const defaults[][2] = {
		{ "store_dir", "/var/lib/imalog" },
		{ "ima_dir", kernel_dir() },
		{ "tpm_dir", STAGER_TPM_DIR },
		{ "boot_id", STAGER_BOOT_ID },
		{ "tcti", "device:/dev/tpmrm0" },
		{ "control", CONTROL_SOCKET },
		{ "mount_dir", "/run/imalog" },
		{ "bind", "no" },
		{ "files", "binary_sha1,ascii_sha1" },
		{ "banks", "" },
		{ "pcr", "10" },
		{ "stage_records", "10000" },
		{ "stage_interval", "1h" },
		{ "check_interval", "10s" },
		{ "busy_timeout", "10s" },
		{ "stage_on_exit", "yes" },
		{ "keep_epochs", "all" },
		{ "metrics", "" },
		{ "space_left", "75" },
		{ "space_left_action", "syslog" },
		{ "disk_full_action", "syslog" },
		{ "disk_error_action", "syslog" },
	};
	size_t i;

	*config = (struct config){ };
	for (i = 0; i < ARRAY_SIZE(defaults); i++) {
		if (take(config, SECTION, defaults[i][0], defaults[i][1]))
			continue;
		config_free(config);
		return -ENOMEM;
	}
	return 0;
}

/**
 * config_read - read a file of the configuration
 * @config: changed where the file says so
 * @path: the file
 *
 * Return: 0, -EINVAL if it says what can not be, or another negative error
 * number.
 */
int config_read(struct config *config, const char *path)
{
	FILE *file;
	int line;

	file = fopen(path, "re");
	if (!file)
		return -errno;
	line = ini_parse_file(file, take, config);
	if (!line && ferror(file))
		line = -1;
	fclose(file);
	if (!line)
		return 0;
	if (line < 0)
		return -EIO;
	log_message(LOG_ERR, "%s: error in line %d", path, line);
	return -EINVAL;
}

static int is_config(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return *entry->d_name != '.' && len > 5 &&
	       !strcmp(entry->d_name + len - 5, ".conf");
}

/**
 * config_read_dir - read all files "*.conf" of a folder, in the alphabet's order
 * @config: changed where the files say so
 * @path: the folder; it need not be there
 *
 * Return: 0, -EINVAL if one says what can not be, or another negative error
 * number.
 */
int config_read_dir(struct config *config, const char *path)
{
	struct dirent **entries;
	char file[4096];
	int i, n, ret = 0;

	n = scandir(path, &entries, is_config, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < n; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", path,
			     entries[i]->d_name) >= (int)sizeof(file))
			ret = -ENAMETOOLONG;
		if (!ret)
			ret = config_read(config, file);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/**
 * config_load - read the configuration
 * @config: to be set
 * @path: the only file to read, or NULL for those that there are by default
 *
 * Return: 0, -EINVAL if it says what can not be, or another negative error
 * number. In any case config_free() is to follow.
 */
int config_load(struct config *config, const char *path)
{
	int ret;

	ret = config_init(config);
	if (ret)
		return ret;
	if (path)
		return config_read(config, path);
	ret = config_read(config, CONFIG_FILE);
	if (ret == -ENOENT)
		ret = 0;
	return ret ? ret : config_read_dir(config, CONFIG_DIR);
}

/**
 * config_free - give back what a configuration has taken
 * @config: the configuration
 */
void config_free(struct config *config)
{
	free(config->store_dir);
	free(config->ima_dir);
	free(config->tpm_dir);
	free(config->boot_id);
	free(config->tcti);
	free(config->control);
	free(config->mount_dir);
	free(config->files);
	free(config->banks);
	free(config->metrics);
	free(config->space_left_action.program);
	free(config->disk_full_action.program);
	free(config->disk_error_action.program);
	*config = (struct config){ };
}
