/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What imalogctl asks the service for: one message there, one message back
 */
#ifndef IMALOG_CONTROL_H
#define IMALOG_CONTROL_H

#include <stdint.h>

#define CONTROL_SOCKET	"/run/imalogd/control"
/* Stage, save and delete now */
#define CONTROL_FLUSH	"flush"
/* The answer of a service that stages nothing until a signal comes */
#define CONTROL_SUSPENDED	(-ESHUTDOWN)

/**
 * struct control_answer - what the service has done
 * @error: 0, or a negative error number
 * @saved: how many records were saved
 */
struct control_answer {
	int32_t error;
	uint64_t saved;
};

int control_listen(const char *path);
int control_ask(const char *path, const char *request, unsigned int wait,
		struct control_answer *answer);

#endif /* IMALOG_CONTROL_H */
