// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded to user-mode Linux where the processor has AMX: its tiles make a
 * process's extended state larger than UML's buffer for it, and the host's
 * kernel takes nothing but the whole state. UML then kills its init process with
 * "ptrace set fp regs failed". No program in the guest uses tiles: let UML work
 * on the part that it knows, and leave the rest as it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Where the header says which components are not in their initial state */
#define XSTATE_BV 512
/* XTILECFG and XTILEDATA, all that is behind what UML knows */
#define XSTATE_BV_TILES (3ULL << 17)

static long (*next)(enum __ptrace_request request, ...);

static long get_state(pid_t pid, void *state, struct iovec *whole)
{
	whole->iov_base = state;
	return next(PTRACE_GETREGSET, pid, (void *)(uintptr_t)NT_X86_XSTATE, whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	static __thread uint8_t state[65536];
	struct iovec whole = { .iov_len = sizeof(state) };
	uint64_t ours, theirs;
	struct iovec *part;
	void *addr, *data;
	va_list args;
	pid_t pid;

	va_start(args, request);
	pid = va_arg(args, pid_t);
	addr = va_arg(args, void *);
	data = va_arg(args, void *);
	va_end(args);

	if (!next)
		next = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
	if ((request != PTRACE_GETREGSET && request != PTRACE_SETREGSET) ||
	    (uintptr_t)addr != NT_X86_XSTATE)
		return next(request, pid, addr, data);

	part = data;
	if (get_state(pid, state, &whole) < 0)
		return -1;
	if (part->iov_len > whole.iov_len)
		part->iov_len = whole.iov_len;
	if (part->iov_len < XSTATE_BV + sizeof(ours)) {
		errno = EINVAL;
		return -1;
	}
	if (request == PTRACE_GETREGSET) {
		memcpy(part->iov_base, state, part->iov_len);
		return 0;
	}

	memcpy(&theirs, state + XSTATE_BV, sizeof(theirs));
	memcpy(state, part->iov_base, part->iov_len);
	memcpy(&ours, state + XSTATE_BV, sizeof(ours));
	ours = (ours & ~XSTATE_BV_TILES) | (theirs & XSTATE_BV_TILES);
	memcpy(state + XSTATE_BV, &ours, sizeof(ours));
	return next(request, pid, addr, &whole);
}
