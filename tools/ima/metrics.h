/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics for the textfile collector of Prometheus' node_exporter
 */
#ifndef IMALOG_METRICS_H
#define IMALOG_METRICS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct metrics - what is told about the service
 * @epoch: number of the epoch, or 0 if none was opened; then nothing is known of
 *	what is saved
 * @last: number of the last record that was saved, counted from 1 in the epoch
 * @segments: segments of the epoch
 * @current: records that the kernel has, not counting staged ones
 * @deleted: records that the kernel has deleted since it was started
 * @missing: records that others have deleted and nobody has saved, found since the
 *	service was started
 * @cycles: cycles since the service was started
 * @failures: how many of them came to an error
 * @cycle_ms: how long the last cycle took, in milliseconds
 * @success: when the last cycle without an error ended, in seconds since 1970, or 0
 * @space_left: bytes that are left to save records
 * @suspended: nothing is staged until a signal comes
 */
struct metrics {
	uint64_t epoch;
	uint64_t last;
	uint64_t segments;
	uint64_t current;
	uint64_t deleted;
	uint64_t missing;
	uint64_t cycles;
	uint64_t failures;
	uint64_t cycle_ms;
	uint64_t success;
	uint64_t space_left;
	bool suspended;
};

int metrics_write(const struct metrics *metrics, const char *path);

#endif /* IMALOG_METRICS_H */
