/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Giving up the rights of root
 */
#ifndef IMALOG_PRIVILEGES_H
#define IMALOG_PRIVILEGES_H

#include <stddef.h>
#include <sys/types.h>

int privileges_drop(uid_t uid, gid_t gid, const unsigned int *capabilities,
		    size_t nr);
int privileges_lend(int fd, const unsigned int *capabilities, size_t nr);
int privileges_return(void);

#endif /* IMALOG_PRIVILEGES_H */
