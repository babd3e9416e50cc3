// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#define DEBUG_DIR "/sys/kernel/debug/"

/* Objects and pages have settings of their own. */
#define OBJECTS "failslab/"
#define PAGES "fail_page_alloc/"

/* The functions of one directory are at most this far apart. */
#define MAX_TEXT 1000000UL

static int setting_io(const char *name, bool set, char *value, size_t room)
{
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), DEBUG_DIR "%s", name);
	fd = open(path, (set ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (set)
		len = write(fd, value, strlen(value));
	else
		len = read(fd, value, room - 1);
	if (len < 0)
		len = -errno;
	else if (!set)
		value[len] = '\0';
	close(fd);
	return len < 0 ? len : 0;
}

static int set(struct fault *f, const char *name, const char *value)
{
	struct fault_setting *s = &f->setting[f->nr_settings];
	char text[32];
	int i, err;

	for (i = 0; i < f->nr_settings; i++)
		if (!strcmp(f->setting[i].name, name))
			break;
	if (i == f->nr_settings) {
		if (i == ARRAY_SIZE(f->setting))
			return -ENOSPC;
		snprintf(s->name, sizeof(s->name), "%s", name);
		err = setting_io(name, false, s->value, sizeof(s->value));
		if (err)
			return err;
		f->nr_settings++;
	}
	snprintf(text, sizeof(text), "%s", value);
	return setting_io(name, true, text, sizeof(text));
}

/*
 * From the first to the last of the functions whose names begin with @prefix:
 * /proc/kallsyms has them in the order of their addresses. Left out is what does
 * not stay where its neighbours in the source are: the unlikely parts that the
 * compiler splits off, and init code, which is behind _etext.
 */
static int text_range(const char *prefix, unsigned long *start,
		      unsigned long *end)
{
	unsigned long address;
	char line[512], name[256];
	bool inside = false;
	FILE *symbols;

	*start = 0;
	*end = 0;
	symbols = fopen("/proc/kallsyms", "re");
	if (!symbols)
		return -errno;
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%lx %*c %255s", &address, name) != 2)
			continue;
		if (!strncmp(name, prefix, strlen(prefix)) && !strstr(name, ".cold")) {
			inside = true;
			if (!*start)
				*start = address;
		} else if (inside) {
			inside = false;
			*end = address;
		}
		if (!strcmp(name, "_etext"))
			break;
	}
	fclose(symbols);
	if (!*end)
		return -ENOENT;
	return *end - *start > MAX_TEXT ? -ERANGE : 0;
}

static int set_range(struct fault *f, const char *what, const char *prefix)
{
	unsigned long start, end;
	char name[64], value[32];
	int err;

	err = text_range(prefix, &start, &end);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%s-end", what);
	snprintf(value, sizeof(value), "%#lx", end);
	err = set(f, name, value);
	snprintf(name, sizeof(name), "%s-start", what);
	snprintf(value, sizeof(value), "%#lx", start);
	return err ?: set(f, name, value);
}

int fault_leave_out(struct fault *f, const char *prefix)
{
	return f->by_stack ? set_range(f, OBJECTS "reject", prefix) : -EOPNOTSUPP;
}

int fault_only(struct fault *f, const char *prefix)
{
	return f->by_stack ? set_range(f, OBJECTS "require", prefix) : -EOPNOTSUPP;
}

const char *fault_only_pages(struct fault *f, const char *prefix)
{
	if (access(DEBUG_DIR PAGES, F_OK))
		return "no fail_page_alloc (CONFIG_FAIL_PAGE_ALLOC)";
	if (!f->by_stack)
		return "nobody tells who allocates (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER)";
	if (set_range(f, PAGES "require", prefix) || fault_leave_out(f, "ima_"))
		return "the functions are not found in /proc/kallsyms (CONFIG_KALLSYMS)";
	/* As with objects; and single pages, too. */
	if (set(f, PAGES "ignore-gfp-wait", "N") || set(f, PAGES "min-order", "0") ||
	    set(f, PAGES "verbose", "0"))
		return "fail_page_alloc takes no settings";
	return NULL;
}

const char *fault_cannot_count(const struct fault *f)
{
	if (!f->by_stack)
		return "nobody tells who allocates (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER)";
	/* These take from a pool of their own, and fill it up in anybody's name. */
	if (!access("/sys/kernel/debug/debug_objects", F_OK))
		return "the kernel allocates for itself (boot with no_debug_objects)";
	return NULL;
}

const char *fault_setup(struct fault *f)
{
	int err;

	*f = (struct fault) { .nth = -1 };
	if (access(DEBUG_DIR OBJECTS, F_OK))
		return "no failslab (CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS)";
	f->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (f->nth < 0)
		return "no fail-nth file (CONFIG_FAULT_INJECTION)";
	/* Nearly all allocations may wait. A report of each would be too much. */
	if (set(f, OBJECTS "ignore-gfp-wait", "N") || set(f, OBJECTS "verbose", "0")) {
		fault_teardown(f);
		return "failslab takes no settings";
	}
	/*
	 * fail-nth counts pages as well. A slab that can not be large is made
	 * small: that did not fail. So pages of no order are counted.
	 */
	if (!access(DEBUG_DIR PAGES, F_OK) && set(f, PAGES "min-order", "31")) {
		fault_teardown(f);
		return "fail_page_alloc takes no settings";
	}
	if (!access(DEBUG_DIR OBJECTS "require-start", F_OK)) {
		err = set_range(f, OBJECTS "require", "ima_");
		if (!err) {
			f->by_stack = true;
			err = fault_leave_out(f, "tpm");
			/* No TPM's driver, nothing to leave out. */
			if (err == -ENOENT)
				err = 0;
		}
		if (err) {
			fault_teardown(f);
			return "IMA's functions are not found in /proc/kallsyms (CONFIG_KALLSYMS)";
		}
	}
	return NULL;
}

void fault_teardown(struct fault *f)
{
	struct fault_setting *s;

	if (f->nth >= 0) {
		fault_disarm(f);
		close(f->nth);
	}
	while (f->nr_settings) {
		s = &f->setting[--f->nr_settings];
		setting_io(s->name, true, s->value, sizeof(s->value));
	}
}

void fault_arm(struct fault *f, unsigned int nth)
{
	char text[16];

	f->armed = nth;
	snprintf(text, sizeof(text), "%u", nth);
	if (pwrite(f->nth, text, strlen(text), 0) < 0) {
		perror("fail-nth");
		exit(1);
	}
}

unsigned int fault_disarm(struct fault *f)
{
	unsigned int armed = f->armed;
	char text[16] = "";

	if (pread(f->nth, text, sizeof(text) - 1, 0) <= 0) {
		perror("fail-nth");
		exit(1);
	}
	fault_arm(f, 0);
	return armed - strtoul(text, NULL, 10);
}

int fault_write(struct fault *f, unsigned int nth, int fd, const char *command,
		bool *hit)
{
	ssize_t len = strlen(command), done;
	int err;

	fault_arm(f, nth);
	done = write(fd, command, len);
	err = done < 0 ? errno : 0;
	*hit = fault_disarm(f) == nth;
	if (!err && done != len)
		err = EIO;
	return err;
}
