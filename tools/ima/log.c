// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to whoever runs the programs
 */
#include <errno.h>
#include <stdio.h>

#include "log.h"

static void log_stderr(int priority, const char *format, va_list arguments)
{
	if (priority > LOG_INFO)
		return;
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

static log_fn sink = log_stderr;

/**
 * log_to - choose where messages go, which is standard error at first
 * @fn: takes a message; it has no newline at its end
 */
void log_to(log_fn fn)
{
	sink = fn;
}

/**
 * log_message - tell something
 * @priority: how important it is, as for syslog()
 * @format: the message, as for printf()
 */
void log_message(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	sink(priority, format, arguments);
	va_end(arguments);
}
