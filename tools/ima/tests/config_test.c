// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of config.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "log.h"
#include "util.h"

static char dir[64];
static struct config config;

static void quiet(int priority, const char *format, va_list arguments)
{
	(void)priority;
	(void)format;
	(void)arguments;
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int read_text(const char *text)
{
	int ret;

	config_free(&config);
	assert_int_equal(config_init(&config), 0);
	write_file("one", text);
	ret = config_read(&config, path_of("one"));
	unlink(path_of("one"));
	return ret;
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(read_text(""), 0);
	assert_string_equal(config.store_dir, "/var/lib/imalog");
	assert_string_equal(config.files, "binary_sha1,ascii_sha1");
	assert_int_equal(config.pcr, 10);
	assert_int_equal(config.stage_records, 10000);
	assert_int_equal(config.stage_interval, 3600 * 1000);
	assert_int_equal(config.check_interval, 10 * 1000);
	assert_true(config.stage_on_exit);
	assert_int_equal(config.space_left, 75);
	assert_int_equal(config.keep_epochs, UINT64_MAX);
	assert_false(config.space_left_percent);
	assert_int_equal(config.disk_full_action.action, ACTION_SYSLOG);
	assert_null(config.disk_full_action.program);
}

/* The file that is installed says just what holds without it. */
static void test_shipped_file(void **state)
{
	struct config without;

	(void)state;
	config_free(&config);
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(config_init(&without), 0);
	assert_int_equal(config_read(&config, "imalog.conf"), 0);
	assert_string_equal(config.store_dir, without.store_dir);
	assert_string_equal(config.files, without.files);
	assert_string_equal(config.banks, without.banks);
	assert_string_equal(config.tcti, without.tcti);
	assert_string_equal(config.control, without.control);
	assert_string_equal(config.mount_dir, without.mount_dir);
	assert_string_equal(config.metrics, without.metrics);
	assert_int_equal(config.bind, without.bind);
	assert_memory_equal(&config.pcr, &without.pcr,
			    sizeof(config) - offsetof(struct config, pcr));
	config_free(&without);
}

static void test_all_keys(void **state)
{
	(void)state;
	assert_int_equal(read_text("[imalog]\n"
				   "; a comment\n"
				   "store_dir = /a\nima_dir=/b\ntpm_dir=/c\nboot_id=/d\n"
				   "tcti = swtpm:path=/e\ncontrol = /g\nmount_dir = /h\nbind = yes\nfiles = binary_sha256\n"
				   "banks = sha384\npcr = 11\nstage_records = 1\n"
				   "stage_interval = 2min\ncheck_interval = 500ms\n"
				   "busy_timeout = 3\nstage_on_exit = no\nkeep_epochs = 0\nmetrics = /i\n"
				   "space_left = 5%\nspace_left_action = ignore\n"
				   "disk_full_action = exec /bin/f\n"
				   "disk_error_action = suspend\n"), 0);
	assert_string_equal(config.store_dir, "/a");
	assert_string_equal(config.ima_dir, "/b");
	assert_string_equal(config.mount_dir, "/h");
	assert_true(config.bind);
	assert_string_equal(config.tpm_dir, "/c");
	assert_string_equal(config.boot_id, "/d");
	assert_string_equal(config.tcti, "swtpm:path=/e");
	assert_string_equal(config.control, "/g");
	assert_string_equal(config.files, "binary_sha256");
	assert_string_equal(config.banks, "sha384");
	assert_int_equal(config.pcr, 11);
	assert_int_equal(config.stage_records, 1);
	assert_int_equal(config.stage_interval, 120 * 1000);
	assert_int_equal(config.check_interval, 500);
	assert_int_equal(config.busy_timeout, 3000);
	assert_false(config.stage_on_exit);
	assert_int_equal(config.keep_epochs, 0);
	assert_string_equal(config.metrics, "/i");
	assert_int_equal(config.space_left, 5);
	assert_true(config.space_left_percent);
	assert_int_equal(config.space_left_action.action, ACTION_IGNORE);
	assert_int_equal(config.disk_full_action.action, ACTION_EXEC);
	assert_string_equal(config.disk_full_action.program, "/bin/f");
	assert_int_equal(config.disk_error_action.action, ACTION_SUSPEND);
}

static void test_what_can_not_be(void **state)
{
	static const char *const texts[] = {
		"store_dir = /a\n",
		"[other]\nstore_dir = /a\n",
		"[imalog]\nstore = /a\n",
		"[imalog]\nstore_dir = a\n",
		"[imalog]\nstore_dir =\n",
		"[imalog]\nno value\n",
		"[imalog]\npcr = 64\n",
		"[imalog]\npcr = -1\n",
		"[imalog]\nstage_records = 0\n",
		"[imalog]\nstage_records = 1k\n",
		"[imalog]\nstage_interval = 0\n",
		"[imalog]\nstage_interval = h\n",
		"[imalog]\nstage_interval = 1 week\n",
		"[imalog]\nstage_interval = 4294967296\n",
		"[imalog]\nbusy_timeout = 25d\n",
		"[imalog]\nstage_on_exit = maybe\n",
		"[imalog]\nkeep_epochs = none\n",
		"[imalog]\nmetrics = imalog.prom\n",
		"[imalog]\nkeep_epochs = -1\n",
		"[imalog]\nspace_left = 100%\n",
		"[imalog]\nspace_left = many\n",
		"[imalog]\ndisk_full_action = rotate\n",
		"[imalog]\ndisk_full_action = exec\n",
		"[imalog]\ndisk_full_action = exec relative\n",
		"[imalog]\ndisk_full_action = halt now\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (read_text(texts[i]) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
}

/* In the alphabet's order, and only what is a configuration */
static void test_folder(void **state)
{
	(void)state;
	config_free(&config);
	assert_int_equal(config_init(&config), 0);
	assert_int_equal(config_read_dir(&config, "/nowhere/at/all"), 0);
	write_file("20-b.conf", "[imalog]\npcr = 2\n");
	write_file("10-a.conf", "[imalog]\npcr = 1\nstage_records = 5\n");
	write_file("30-c.conf.old", "[imalog]\npcr = 3\n");
	write_file(".conf", "[imalog]\npcr = 4\n");
	assert_int_equal(config_read_dir(&config, dir), 0);
	assert_int_equal(config.pcr, 2);
	assert_int_equal(config.stage_records, 5);
	write_file("10-a.conf", "[imalog]\npcr = x\n");
	assert_int_equal(config_read_dir(&config, dir), -EINVAL);
	unlink(path_of("20-b.conf"));
	unlink(path_of("10-a.conf"));
	unlink(path_of("30-c.conf.old"));
	unlink(path_of(".conf"));
	assert_int_equal(config_read(&config, path_of("none")), -ENOENT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_shipped_file),
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_what_can_not_be),
		cmocka_unit_test(test_folder),
	};
	int ret;

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	log_to(quiet);
	snprintf(dir, sizeof(dir), "/tmp/imalog-config.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	ret = cmocka_run_group_tests_name("config", tests, NULL, NULL);
	config_free(&config);
	rmdir(dir);
	return ret;
}
