/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a machine and of the service on it, for the tests
 */
#ifndef IMALOG_TESTS_SERVICE_H
#define IMALOG_TESTS_SERVICE_H

#include "manifest.h"
#include "stager.h"

extern struct stager stager;
/* So many of the lists are saved: binary and ASCII, and then that of SHA-256 */
extern size_t service_files;
/* The kernel that runs now */
extern struct manifest_boot boot;

int start_machine(void **state);
int stop_machine(void **state);
void machine_reboot(void);
void machine_kexec(void);

int service_start(void);
void service_stop(void);
int service(struct stager_result *result);
bool stopped_after(unsigned int stop, unsigned int lose, int (*fn)(void *context),
		   void *context);

#endif /* IMALOG_TESTS_SERVICE_H */
