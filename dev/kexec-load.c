// SPDX-License-Identifier: GPL-2.0
/*
 * kexec-load [-p] KERNEL COMMAND-LINE: load a kernel, to be executed or for a crash,
 * and have it said in the kernel log what the image consists of.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Headers of the running system may be older than the kernel that is tested. */
#ifndef KEXEC_FILE_DEBUG
#define KEXEC_FILE_DEBUG 0x00000008
#endif

int main(int argc, char **argv)
{
	unsigned long flags = KEXEC_FILE_NO_INITRAMFS | KEXEC_FILE_DEBUG;
	int kernel;

	if (argc == 4 && !strcmp(argv[1], "-p")) {
		flags |= KEXEC_FILE_ON_CRASH;
		argv++;
	} else if (argc != 3) {
		fprintf(stderr, "usage: kexec-load [-p] KERNEL COMMAND-LINE\n");
		return 2;
	}
	kernel = open(argv[1], O_RDONLY);
	if (kernel < 0) {
		perror(argv[1]);
		return 1;
	}
	if (syscall(SYS_kexec_file_load, kernel, -1, strlen(argv[2]) + 1, argv[2], flags)) {
		perror("kexec_file_load");
		return 1;
	}
	return 0;
}
