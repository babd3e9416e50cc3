/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the linker makes of system calls, and of the TPM (--wrap): the code under test
 * calls __wrap_*(), and __real_*() are those of the C library.
 */
#ifndef IMALOG_TESTS_WRAP_H
#define IMALOG_TESTS_WRAP_H

#include <sys/types.h>

#include "tpm.h"

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buffer, size_t len);
ssize_t __real_pread(int fd, void *buffer, size_t len, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_close(int fd);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t len);
int __real_renameat(int olddir, const char *old, int newdir, const char *new);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_mkdirat(int dir, const char *path, mode_t mode);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *buffer, size_t len);
ssize_t __wrap_pread(int fd, void *buffer, size_t len, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_close(int fd);
int __wrap_fsync(int fd);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_renameat(int olddir, const char *old, int newdir, const char *new);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);

int __wrap_tpm_read_pcr(const char *tcti, uint32_t pcr, struct pcr_values *pcrs,
			uint64_t *known);

#endif /* IMALOG_TESTS_WRAP_H */
