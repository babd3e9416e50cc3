/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages to whoever runs the programs
 */
#ifndef IMALOG_LOG_H
#define IMALOG_LOG_H

#include <stdarg.h>
#include <syslog.h>

typedef void (*log_fn)(int priority, const char *format, va_list arguments);

void log_to(log_fn fn);
void log_message(int priority, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* IMALOG_LOG_H */
