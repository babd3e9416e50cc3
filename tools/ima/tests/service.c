// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a machine and of the service on it, for the tests
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"
#include "log.h"
#include "service.h"
#include "syscalls.h"

const char *__asan_default_options(void);

/* Memory that was freed is copied with each process that is stopped somewhere. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

struct stager stager;
size_t service_files;
struct manifest_boot boot;

static void quiet(int priority, const char *format, va_list arguments)
{
	(void)priority;
	if (!getenv("IMALOG_TEST_VERBOSE"))
		return;
	fputs("# ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

static void new_boot_id(void)
{
	static unsigned int number;

	snprintf(boot.id, sizeof(boot.id),
		 "%08x-0000-0000-0000-000000000000", ++number);
}

int start_machine(void **state)
{
	(void)state;
	log_to(quiet);
	syscalls_reset();
	fake_start();
	service_files = 2;
	boot.tpm = true;
	boot.reset = 5;
	boot.restart = 1;
	new_boot_id();
	return 0;
}

int stop_machine(void **state)
{
	(void)state;
	syscalls_reset();
	fake_end();
	return 0;
}

void machine_reboot(void)
{
	fake_reboot();
	new_boot_id();
	boot.reset++;
}

void machine_kexec(void)
{
	fake_kexec();
	new_boot_id();
}

int service_start(void)
{
	static const char *const names[] = {
		"binary_sha1", "ascii_sha1", "binary_sha256"
	};
	size_t i;
	int ret;

	memset(&stager, 0, sizeof(stager));
	for (i = 0; i < service_files; i++)
		list_file_find(names[i], &stager.header.files[i]);
	stager.header.nr_files = service_files;
	stager.header.banks[0] = "sha1";
	stager.header.banks[1] = "sha256";
	stager.header.nr_banks = 2;
	stager.boot = boot;
	stager.tcti = "fake";
	stager.pcr = 10;
	ret = store_open(&stager.store, fake_path("store"));
	if (ret)
		return ret;
	ret = kernel_open(&stager.kernel, fake_path("ima"), 20);
	if (ret) {
		store_close(&stager.store);
		return ret;
	}
	ret = stager_start(&stager);
	if (ret) {
		kernel_close(&stager.kernel);
		store_close(&stager.store);
	}
	return ret;
}

void service_stop(void)
{
	kernel_close(&stager.kernel);
	store_close(&stager.store);
}

/* Start, one cycle, stop. */
int service(struct stager_result *result)
{
	int ret;

	*result = (struct stager_result){ };
	ret = service_start();
	if (ret)
		return ret;
	ret = stager_cycle(&stager, result);
	service_stop();
	return ret;
}

/*
 * Call a function in a process that ends after system call @stop, as by SIGKILL; with @lose, as
 * when the power fails. Return: whether it ended there, or else at its own end, well.
 */
bool stopped_after(unsigned int stop, unsigned int lose, int (*fn)(void *context),
		   void *context)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		syscalls_reset();
		syscalls.stop = stop;
		syscalls.lose = lose;
		_exit(fn(context) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SYSCALLS_STOPPED)
		return true;
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}
