// SPDX-License-Identifier: GPL-2.0
/*
 * Metrics for the textfile collector of Prometheus' node_exporter
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "metrics.h"
#include "util.h"

#define TEMPORARY	".tmp"

/**
 * struct metric - one of them
 * @name: its name, without "imalog_"
 * @type: "gauge" or "counter"
 * @help: what it is
 * @offset: where it stands in &struct metrics
 * @factor: that many of them are one, 0 for one that is yes or no
 * @of_epoch: it is known only with an epoch
 */
struct metric {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;
	unsigned int factor;
	bool of_epoch;
};

static const struct metric all[] = {
#define AT(field) offsetof(struct metrics, field)
	{ "epoch", "gauge", "Number of the epoch.", AT(epoch), 1, true },
	{ "last_record", "gauge",
	  "Number of the last record that was saved, counted in the epoch.", AT(last), 1,
	  true },
	{ "segments", "gauge", "Segments of the epoch.", AT(segments), 1, true },
	{ "kernel_records", "gauge", "Records in the kernel's current list.",
	  AT(current), 1, true },
	{ "kernel_deleted_records_total", "counter",
	  "Records that this kernel has deleted.", AT(deleted), 1, true },
	{ "missing_records_total", "counter",
	  "Records that were deleted by others without having been saved.", AT(missing), 1,
	  false },
	{ "cycles_total", "counter",
	  "Times that the service tried to stage, save and delete.", AT(cycles), 1, false },
	{ "cycle_failures_total", "counter", "How many of them failed.",
	  AT(failures), 1, false },
	{ "last_cycle_seconds", "gauge", "How long the last one took.",
	  AT(cycle_ms), 1000, false },
	{ "last_success_timestamp_seconds", "gauge",
	  "When the last one that did not fail ended.", AT(success), 1, false },
	{ "space_left_bytes", "gauge", "Space left to save records.",
	  AT(space_left), 1, false },
	{ "suspended", "gauge", "Nothing is staged until SIGUSR2 comes.",
	  AT(suspended), 0, false },
#undef AT
};

static void show(FILE *out, const struct metric *metric, const struct metrics *metrics)
{
	const char *at = (const char *)metrics + metric->offset;
	uint64_t value;

	fprintf(out, "# HELP imalog_%s %s\n# TYPE imalog_%s %s\nimalog_%s ",
		metric->name, metric->help, metric->name, metric->type, metric->name);
	if (!metric->factor) {
		fprintf(out, "%d\n", *(const bool *)at);
		return;
	}
	memcpy(&value, at, sizeof(value));
	if (metric->factor == 1)
		fprintf(out, "%" PRIu64 "\n", value);
	else
		fprintf(out, "%" PRIu64 ".%03u\n", value / metric->factor,
			(unsigned int)(value % metric->factor));
}

static int format(const struct metrics *metrics, char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);
	size_t i;

	if (!out)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (metrics->epoch || !all[i].of_epoch)
			show(out, &all[i], metrics);
	return fclose(out) ? -errno : 0;
}

/**
 * metrics_write - write metrics to a file
 * @metrics: the metrics
 * @path: the file, which is replaced: a reader finds all of them, old or new
 *
 * It is not brought to stable storage: nobody needs it after the power has failed.
 *
 * Return: 0 or a negative error number, with the file as it was.
 */
int metrics_write(const struct metrics *metrics, const char *path)
{
	char *text = NULL, *temporary;
	size_t len;
	int fd, ret;

	if (asprintf(&temporary, "%s" TEMPORARY, path) < 0)
		return -ENOMEM;
	ret = format(metrics, &text, &len);
	if (ret)
		goto out;
	/* For all to read, whatever the umask */
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}
	ret = fchmod(fd, 0644) ? -errno : io_write(fd, text, len);
	if (io_close(fd) && !ret)
		ret = -EIO;
	if (!ret && rename(temporary, path))
		ret = -errno;
	if (ret)
		unlink(temporary);
out:
	free(text);
	free(temporary);
	return ret;
}
