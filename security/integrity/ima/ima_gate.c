// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gate: who may have measurement list files open
 */

#include <linux/errno.h>
#include <linux/pid.h>

#include "ima_gate.h"

/**
 * ima_gate_enter - ask to open a file
 * @gate: gate
 * @opener: thread group of the process that opens the file
 * @role: what the file is opened for
 *
 * Context: process context.
 * Return: 0, or -EBUSY if another process may write, or if @role is that of a
 * writer and there are readers but no writer yet. Only after 0 has the caller
 * to call ima_gate_leave() with the same @role.
 */
int ima_gate_enter(struct ima_gate *gate, struct pid *opener,
		   enum ima_gate_role role)
{
	int ret = 0;

	spin_lock(&gate->lock);
	if (gate->writer && gate->writer != opener) {
		ret = -EBUSY;
	} else if (role == IMA_GATE_READER) {
		gate->readers++;
	} else if (!gate->writer && gate->readers) {
		ret = -EBUSY;
	} else {
		if (!gate->writer)
			gate->writer = get_pid(opener);
		gate->writers++;
	}
	spin_unlock(&gate->lock);
	return ret;
}

/**
 * ima_gate_leave - take back what ima_gate_enter() allowed
 * @gate: gate
 * @role: role of the file that is closed
 *
 * The process that calls this need not be the one that opened the file.
 *
 * Context: process context.
 */
void ima_gate_leave(struct ima_gate *gate, enum ima_gate_role role)
{
	struct pid *gone = NULL;

	spin_lock(&gate->lock);
	if (role == IMA_GATE_READER) {
		gate->readers--;
	} else if (!--gate->writers) {
		gone = gate->writer;
		gate->writer = NULL;
	}
	spin_unlock(&gate->lock);

	put_pid(gone);
}
