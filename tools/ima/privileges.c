// SPDX-License-Identifier: GPL-2.0
/*
 * Giving up the rights of root
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "log.h"
#include "privileges.h"

/**
 * privileges_drop - go on as a user with few of root's rights, or none
 * @uid: the user
 * @gid: its group, and the only one
 * @capabilities: those that are kept
 * @nr: how many there are
 *
 * For a process with one thread that is root. There is no way back, nor one for
 * programs that it starts.
 *
 * Return: 0, or -EPERM, which was told: the process can not be trusted then, and
 * has to end.
 */
int privileges_drop(uid_t uid, gid_t gid, const unsigned int *capabilities,
		    size_t nr)
{
	int ret = 0;
	size_t i;

	capng_clear(CAPNG_SELECT_BOTH);
	for (i = 0; i < nr && !ret; i++)
		ret = capng_update(CAPNG_ADD,
				   CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				   capabilities[i]);
	if (ret || capng_change_id((int)uid, (int)gid,
				   CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING)) {
		log_message(LOG_ERR, "the rights of root can not be given up");
		return -EPERM;
	}
	return 0;
}

/**
 * privileges_lend - have root go on as the owner of a file for a while
 * @fd: the file
 * @capabilities: those of root's that are kept meanwhile
 * @nr: how many there are
 *
 * For a process with one thread. What it opens then is not measured by a policy that
 * measures what root reads: neither the user nor the effective one is root.
 *
 * Return: 1, and privileges_return() is to follow; 0 if the process is not root, or root is
 * the owner; or a negative error number. Nothing has changed unless it is 1.
 */
int privileges_lend(int fd, const unsigned int *capabilities, size_t nr)
{
	struct stat st;
	int ret = 0;
	size_t i;

	if (fstat(fd, &st))
		return -errno;
	if (geteuid() || !st.st_uid)
		return 0;
	if (setresuid(st.st_uid, st.st_uid, 0))
		return -errno;
	capng_clear(CAPNG_SELECT_ALL);
	if (nr && capng_get_caps_process())
		ret = -EPERM;
	for (i = 0; i < nr && !ret; i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, capabilities[i]))
			ret = -EPERM;
	if (nr && !ret && capng_apply(CAPNG_SELECT_CAPS))
		ret = -EPERM;
	/* Neither root nor the owner with these rights: nothing is to be done as that. */
	if (ret && privileges_return())
		abort();
	return ret ? ret : 1;
}

/**
 * privileges_return - be root again, after privileges_lend()
 *
 * Return: 0 or a negative error number.
 */
int privileges_return(void)
{
	return setresuid(0, 0, 0) ? -errno : 0;
}
