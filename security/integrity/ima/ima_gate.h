/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gate: who may have measurement list files open
 *
 * Records must not be deleted while somebody else is reading them. All list
 * files together may be open by any number of readers, or by one process that
 * may write, and by nobody else then.
 *
 * This keeps processes from harming each other's work. The memory of the
 * records does not depend on it.
 */

#ifndef _SECURITY_INTEGRITY_IMA_GATE_H
#define _SECURITY_INTEGRITY_IMA_GATE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct pid;

/**
 * enum ima_gate_role - what an open file counts as
 *
 * A file that is open for reading and writing counts as a writer.
 */
enum ima_gate_role {
	/** @IMA_GATE_READER: reads, beside other readers */
	IMA_GATE_READER,
	/** @IMA_GATE_WRITER: may give commands */
	IMA_GATE_WRITER,
};

/**
 * struct ima_gate - open files of all measurement lists
 *
 * A file that is open holds its role from ima_gate_enter() to
 * ima_gate_leave(), whichever process has it by then.
 */
struct ima_gate {
	/** @lock: Protects the other members. */
	spinlock_t lock;
	/**
	 * @writer: Thread group that opened all files which are open with the
	 * role of a writer, a counted reference; NULL if there are none. That
	 * process may be gone while such a file is still open.
	 */
	struct pid *writer;
	/** @writers: Number of files open with the role of a writer. */
	unsigned int writers;
	/**
	 * @readers: Number of files open with the role of a reader. Those
	 * that the writer's process opened are among them.
	 */
	unsigned int readers;
};

/**
 * IMA_GATE_INIT - initializer of a gate through which nobody has gone
 * @name: the &struct ima_gate that is initialized
 */
#define IMA_GATE_INIT(name)                                \
	{                                                  \
		.lock = __SPIN_LOCK_UNLOCKED((name).lock), \
	}

int ima_gate_enter(struct ima_gate *gate, struct pid *opener,
		   enum ima_gate_role role);
void ima_gate_leave(struct ima_gate *gate, enum ima_gate_role role);

#endif /* _SECURITY_INTEGRITY_IMA_GATE_H */
