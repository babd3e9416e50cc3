// SPDX-License-Identifier: GPL-2.0
/*
 * imalogd: stage, save and delete the measurement list now and then
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-journal.h>

#include "archive.h"
#include "config.h"
#include "control.h"
#include "io.h"
#include "log.h"
#include "metrics.h"
#include "pcr.h"
#include "privileges.h"
#include "stager.h"
#include "tpm.h"
#include "util.h"

/* Milliseconds between two signs of life while a cycle goes on */
#define ALIVE_INTERVAL	1000
/* Between two steps with finished epochs, so that what is urgent comes between them */
#define STEP_INTERVAL	(10 * 1000)
/* After an error it is tried again at each so many looks for something to do. */
#define RETRY_CHECKS	6
/* So many milliseconds more in which the machine was suspended are a suspension */
#define SUSPENDED	1000
/* And how exact times are */
#define ACCURACY	(100 * 1000)
/* So many may have connected at the same time */
#define REQUESTS	8

/* Exit status: the system is to be brought to the rescue target, or powered off */
#define EXIT_SINGLE	3
#define EXIT_HALT	4

#define MESSAGE_ID_SAVED \
	"MESSAGE_ID=6f9ae4f6a5bb4c0c8e7a7f0f6c2d1b35"
#define MESSAGE_ID_GAP \
	"MESSAGE_ID=b1d60b0d6fcb4ab3a8f2e8a8b6f4c9d7"

/**
 * struct problem - something that keeps, and whether it was told
 * @what: what it is
 * @reaction: what to do about it
 * @present: it is there, and was reacted to
 */
struct problem {
	const char *what;
	const struct config_reaction *reaction;
	bool present;
};

/**
 * struct service - the service
 * @config: its configuration
 * @stager: what it does
 * @archive: what is to be done with finished epochs
 * @metrics: what is told about it
 * @no_metrics: it was told that this fails
 * @started: the store and the kernel are open, and the epoch is known
 * @has_tpm: there is a TPM
 * @refused: the store could not be opened, since that is refused
 * @suspended: nothing is staged until a signal comes
 * @failed: the last cycle has failed with this error, or 0
 * @not_noted: but it has deleted, which could not be noted
 * @last_check: when it was last seen whether there is something to do
 * @last_cycle: when the last cycle was done, in milliseconds
 * @last_asleep: for how long the machine had been suspended by then, in milliseconds
 * @last_alive: when the last sign of life was given
 * @space: there is little space left
 * @full: there is none
 * @error: the disk fails
 * @event: the event loop
 * @listener: takes requests, or NULL
 * @requests: how many have connected
 * @journal: messages go to the journal
 * @status: what to exit with: 0, EXIT_SINGLE or EXIT_HALT
 */
struct service {
	struct config config;
	struct stager stager;
	struct archive archive;
	struct metrics metrics;
	bool no_metrics;
	bool started;
	bool has_tpm;
	bool refused;
	bool suspended;
	int failed;
	bool not_noted;
	uint64_t last_check;
	uint64_t last_cycle;
	uint64_t last_asleep;
	uint64_t last_alive;
	struct problem space;
	struct problem full;
	struct problem error;
	sd_event *event;
	sd_event_source *listener;
	unsigned int requests;
	bool journal;
	int status;
};

static uint64_t milliseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now(void)
{
	return milliseconds(CLOCK_BOOTTIME);
}

/* For how long the machine was suspended since it was started, in milliseconds */
static uint64_t asleep(void)
{
	uint64_t awake = milliseconds(CLOCK_MONOTONIC);

	return now() - awake;
}

static void log_journal(int priority, const char *format, va_list arguments)
{
	sd_journal_printv(priority, format, arguments);
}

static void give_sign_of_life(void *context)
{
	struct service *service = context;

	if (now() - service->last_alive < ALIVE_INTERVAL)
		return;
	service->last_alive = now();
	sd_notify(0, "WATCHDOG=1");
}

/* ---- problems ------------------------------------------------------------------------- */

static void run_program(const char *program, const char *argument)
{
	const char *arguments[3] = { program, argument };
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int err;

	/* Signals are blocked here, for the event loop. */
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(&pid, program, NULL, &attributes,
			  (char **)arguments, environ);
	posix_spawnattr_destroy(&attributes);
	if (err)
		log_message(LOG_ERR, "%s: %s", program, strerror(err));
}

/* What has no right to change the system asks who has started it to do so. */
static void end_with(struct service *service, int status)
{
	if (status > service->status)
		service->status = status;
	if (service->event)
		sd_event_exit(service->event, 0);
}

/* Once, until it has gone away. */
static void react(struct service *service, struct problem *problem)
{
	const struct config_reaction *reaction = problem->reaction;

	if (problem->present)
		return;
	problem->present = true;
	if (reaction->action == ACTION_IGNORE)
		return;
	log_message(LOG_ALERT, "%s; the kernel keeps what is not saved",
		    problem->what);
	switch (reaction->action) {
	case ACTION_EXEC:
		run_program(reaction->program, problem->what);
		break;
	case ACTION_SUSPEND:
		log_message(LOG_ALERT, "nothing is staged until SIGUSR2 comes");
		service->suspended = true;
		break;
	case ACTION_SINGLE:
		end_with(service, EXIT_SINGLE);
		break;
	case ACTION_HALT:
		end_with(service, EXIT_HALT);
		break;
	default:
		break;
	}
}

static void check_space(struct service *service)
{
	const struct config *config = &service->config;
	struct statvfs st;
	uint64_t left, wanted;

	if (statvfs(config->store_dir, &st)) {
		log_message(LOG_WARNING, "%s: %s", config->store_dir,
			    strerror(errno));
		return;
	}
	left = (uint64_t)st.f_bavail;
	service->metrics.space_left = left * st.f_frsize;
	if (config->space_left_percent)
		wanted = (uint64_t)st.f_blocks / 100 * config->space_left;
	else
		wanted = (config->space_left << 20) / (st.f_frsize ? st.f_frsize : 1);
	if (left < wanted)
		react(service, &service->space);
	else
		service->space.present = false;
}

/* The disk fails. */
static bool is_of_disk(int error)
{
	return error == -EIO || error == -EROFS || error == -EUCLEAN;
}

/* A file system behind a network is gone, or a security module does not let files be written. */
static bool is_refused(int error)
{
	return error == -ESTALE || error == -EACCES || error == -EPERM;
}

static bool is_of_space(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* What is saved is damaged, or is not what the kernel has. Somebody has to look at that. */
static bool is_of_log(int error)
{
	return error == -EBADMSG || error == -EILSEQ;
}

static void tell_error(int error, bool deleted)
{
	switch (error) {
	case -EBUSY:
		log_message(LOG_WARNING, "others have the kernel's lists open");
		return;
	case -KERNEL_COPIED:
		log_message(LOG_NOTICE, "%s", kernel_error(error));
		return;
	default:
		log_message(LOG_ERR, "%s: %s", deleted ?
			    "that was deleted could not be noted" : "nothing was deleted",
			    strerror(-error));
	}
}

static void judge(struct service *service, int error, bool deleted)
{
	if (!error) {
		service->full.present = false;
		service->error.present = false;
		if (service->failed)
			sd_notify(0, "STATUS=");
	} else if (is_of_space(error)) {
		react(service, &service->full);
	} else if (is_of_disk(error) || is_refused(error)) {
		react(service, &service->error);
	}
	/* Not each time that it is tried again */
	if (error && (error != service->failed || deleted != service->not_noted)) {
		tell_error(error, deleted);
		sd_notifyf(0, "STATUS=%s: %s", deleted ? "saved and deleted, but not noted" :
			   "nothing is saved", kernel_error(error));
	}
	service->failed = error;
	service->not_noted = error && deleted;
}

/* ---- cycles ----------------------------------------------------------------------------- */

static void tell_saved(const struct service *service,
		       const struct stager_result *result)
{
	const struct store *store = &service->stager.store;
	const struct segment *last = &store->last;

	if (!result->saved && !result->deleted)
		return;
	if (!service->journal) {
		log_message(LOG_INFO, "epoch %" PRIu64 ", segment %" PRIu64
			    ": %" PRIu64 " records saved%s", last->epoch,
			    last->number, result->saved,
			    result->deleted ? ", deleted" : "");
	} else {
		sd_journal_send("MESSAGE=%" PRIu64 " records saved%s",
				result->saved, result->deleted ? ", deleted" : "",
				MESSAGE_ID_SAVED,
				"PRIORITY=%d", LOG_INFO,
				"IMALOG_EPOCH=%" PRIu64, last->epoch,
				"IMALOG_SEGMENT=%" PRIu64, last->number,
				"IMALOG_FIRST=%" PRIu64, last->first,
				"IMALOG_COUNT=%" PRIu64, result->saved,
				"IMALOG_BYTES=%" PRIu64, result->bytes,
				"IMALOG_FOUND=%" PRIu64, result->found,
				"IMALOG_DELETED=%d", result->deleted, NULL);
	}
	if (!service->failed)
		sd_notifyf(0, "STATUS=epoch %" PRIu64 ": %" PRIu64 " records in %" PRIu64
			   " segments", last->epoch, store_next_number(store) - 1,
		   last->number);
}

static void tell_gap(const struct service *service)
{
	if (!service->journal)
		return;
	sd_journal_send("MESSAGE=records were deleted by somebody else, and not saved: %"
			PRIu64 " in this run", service->stager.gap,
			MESSAGE_ID_GAP, "PRIORITY=%d", LOG_CRIT,
			"IMALOG_MISSING=%" PRIu64, service->stager.gap, NULL);
}

static int add_list(struct manifest_header *header, const char *name)
{
	size_t i;

	if (header->nr_files == MANIFEST_FILES)
		return -E2BIG;
	for (i = 0; i < header->nr_files; i++)
		if (!strcmp(name, header->files[i].name))
			return -EINVAL;
	return list_file_find(name, &header->files[header->nr_files++]);
}

static int parse_lists(const struct config *config, struct manifest_header *header)
{
	char *copy, *item, *rest;
	int ret = 0;

	header->nr_files = 0;
	copy = strdup(config->files);
	if (!copy)
		return -ENOMEM;
	for (item = strtok_r(copy, ", ", &rest); item && !ret;
	     item = strtok_r(NULL, ", ", &rest))
		ret = add_list(header, item);
	free(copy);
	if (!ret && (!header->nr_files || !header->files[0].binary))
		ret = -EINVAL;
	if (ret)
		log_message(LOG_ERR, "files can not be \"%s\"", config->files);
	return ret;
}

static int parse_banks(const struct config *config, struct manifest_header *header)
{
	const struct hash_algo *algo;
	struct pcr_values zeroes;
	char *copy, *item, *rest;
	struct replay replay;
	int ret = 0;

	header->nr_banks = 0;
	if (!*config->banks) {
		ret = pcr_banks(config->tpm_dir, header->banks, &header->nr_banks);
		/* Without a TPM there is nothing to compare with. */
		if (!ret && !header->nr_banks)
			header->banks[header->nr_banks++] = "sha256";
		return ret;
	}
	copy = strdup(config->banks);
	if (!copy)
		return -ENOMEM;
	for (item = strtok_r(copy, ", ", &rest); item && !ret;
	     item = strtok_r(NULL, ", ", &rest)) {
		algo = hash_algo_find(item);
		if (!algo || header->nr_banks == REPLAY_BANKS)
			ret = -EINVAL;
		else
			header->banks[header->nr_banks++] = algo->name;
	}
	free(copy);
	/* Twice the same, or one that OpenSSL lacks */
	if (!ret)
		ret = pcr_values_init(&zeroes, header->banks, header->nr_banks);
	if (!ret)
		ret = replay_init(&replay, &zeroes);
	if (!ret)
		replay_free(&replay);
	if (ret || !header->nr_banks) {
		log_message(LOG_ERR, "banks can not be \"%s\"", config->banks);
		ret = -EINVAL;
	}
	return ret;
}

static int service_open(struct service *service)
{
	struct config *config = &service->config;
	struct stager *stager = &service->stager;
	char boot_id[MANIFEST_BOOT_ID + 2];
	uint64_t gap = stager->gap;
	int ret;

	memset(stager, 0, sizeof(*stager));
	stager->gap = gap;
	stager->tcti = config->tcti;
	stager->pcr = (uint32_t)config->pcr;
	ret = parse_lists(config, &stager->header);
	if (!ret)
		ret = parse_banks(config, &stager->header);
	if (!ret)
		ret = io_read_text(AT_FDCWD, config->boot_id, boot_id,
				   sizeof(boot_id));
	if (!ret && strlen(boot_id) != MANIFEST_BOOT_ID)
		ret = -EBADMSG;
	if (ret)
		return ret;
	memcpy(stager->boot.id, boot_id, sizeof(stager->boot.id));
	service->has_tpm = !access(config->tpm_dir, F_OK);
	stager->boot.tpm = service->has_tpm;
	/* With a TPM, but without its counters, it is not known which epoch this is. */
	if (service->has_tpm)
		ret = tpm_counters(config->tcti, &stager->boot.reset,
				   &stager->boot.restart);
	if (ret) {
		log_message(LOG_ERR, "nothing is saved without the counters of a TPM 2.0");
		return ret;
	}

	ret = store_open(&stager->store, config->store_dir);
	if (ret) {
		log_message(LOG_ERR, "%s: %s", config->store_dir, strerror(-ret));
		service->refused = is_refused(ret);
		return ret;
	}
	ret = kernel_open(&stager->kernel, config->ima_dir,
			  (unsigned int)config->busy_timeout);
	if (ret) {
		log_message(LOG_ERR, "%s: %s", config->ima_dir,
			    ret == -EOPNOTSUPP ?
			    "the kernel can not stage its list" : strerror(-ret));
		store_close(&stager->store);
		return ret;
	}
	stager->kernel.alive = give_sign_of_life;
	stager->kernel.context = service;
	ret = stager_start(stager);
	if (ret) {
		kernel_close(&stager->kernel);
		store_close(&stager->store);
		return ret;
	}
	service->archive = (struct archive){
		.dir = stager->store.dir,
		.current = stager->store.header.epoch,
		.has_tpm = stager->boot.tpm,
		.reset = stager->boot.reset,
		.new_pcrs = stager->new_pcrs,
		.keep = config->keep_epochs,
		.alive = give_sign_of_life,
		.context = service,
	};
	service->started = true;
	return 0;
}

static void service_close(struct service *service)
{
	if (!service->started)
		return;
	kernel_close(&service->stager.kernel);
	store_close(&service->stager.store);
	service->started = false;
}

/* The machine may have been suspended since then. */
static int update_counters(struct service *service)
{
	uint32_t reset, restart;

	if (!service->has_tpm ||
	    tpm_counters(service->config.tcti, &reset, &restart))
		return 0;
	return stager_counters(&service->stager, reset, restart);
}

/* ---- metrics ---------------------------------------------------------------------------- */

static void count_cycle(struct service *service, uint64_t start, int error)
{
	struct metrics *metrics = &service->metrics;

	metrics->cycles++;
	metrics->cycle_ms = now() - start;
	if (error)
		metrics->failures++;
	else
		metrics->success = (uint64_t)time(NULL);
}

static void tell_metrics(struct service *service)
{
	const struct stager *stager = &service->stager;
	struct metrics *metrics = &service->metrics;
	const struct store *store = &stager->store;
	int ret;

	if (!*service->config.metrics)
		return;
	metrics->epoch = service->started ? store->header.epoch : 0;
	if (service->started) {
		metrics->segments = store_last_segment(store);
		metrics->last = store_next_number(store) - 1;
		if (kernel_number(&stager->kernel, KERNEL_COUNT, &metrics->current) ||
		    kernel_number(&stager->kernel, KERNEL_DELETED, &metrics->deleted))
			metrics->epoch = 0;
	}
	metrics->missing = stager->gap;
	metrics->suspended = service->suspended;
	ret = metrics_write(metrics, service->config.metrics);
	if (ret && !service->no_metrics)
		log_message(LOG_WARNING, "%s: %s", service->config.metrics,
			    strerror(-ret));
	service->no_metrics = ret;
}

static int stage_and_save(struct service *service, struct stager_result *result)
{
	uint64_t gap = service->stager.gap;
	int ret = 0;

	*result = (struct stager_result){ };
	service->last_cycle = now();
	service->last_asleep = asleep();
	check_space(service);
	if (service->suspended)
		return CONTROL_SUSPENDED;
	if (!service->started)
		ret = service_open(service);
	if (!ret)
		ret = update_counters(service);
	if (!ret)
		ret = stager_cycle(&service->stager, result);
	judge(service, ret, result->deleted);
	if (service->started) {
		tell_saved(service, result);
		if (service->stager.gap > gap)
			tell_gap(service);
		/* What the disk has is found out anew. */
		if (service->stager.store.broken || is_of_log(ret))
			service_close(service);
	}
	return ret;
}

/* Return: 0 or a negative error number, CONTROL_SUSPENDED while nothing is staged. */
static int cycle(struct service *service, struct stager_result *result)
{
	uint64_t start = now(), saved;
	int ret;

	ret = stage_and_save(service, result);
	/* What a cycle before could not delete was in the way of the current list. */
	if (!ret && result->again) {
		saved = result->saved;
		ret = stage_and_save(service, result);
		result->saved += saved;
	}
	if (ret != CONTROL_SUSPENDED)
		count_cycle(service, start, ret);
	tell_metrics(service);
	return ret;
}

/* Return: whether there is more to do with finished epochs. */
static bool tidy(struct service *service)
{
	return service->started && !service->suspended &&
	       archive_step(&service->archive);
}

/* ---- events --------------------------------------------------------------------------------- */

static bool is_time(struct service *service)
{
	uint64_t since = now() - service->last_cycle;
	uint64_t count;
	int ret;

	if (since >= service->config.stage_interval)
		return true;
	/* The TPM's counters are others since then, which the next kernel has to know. */
	if (asleep() > service->last_asleep + SUSPENDED)
		return true;
	/* What is staged is not in the count. */
	if (!service->started || service->failed)
		return since >= RETRY_CHECKS * service->config.check_interval;
	ret = kernel_number(&service->stager.kernel, KERNEL_COUNT, &count);
	if (ret) {
		log_message(LOG_ERR, KERNEL_COUNT ": %s", strerror(-ret));
		return false;
	}
	return count >= service->config.stage_records;
}

static int on_time(sd_event_source *source, uint64_t usec, void *context)
{
	struct service *service = context;
	struct stager_result result;
	int ret;

	(void)usec;
	/* Programs that a problem has started */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	/* Not each time while finished epochs are worked on */
	if (now() - service->last_check >= service->config.check_interval) {
		service->last_check = now();
		if (!service->suspended && is_time(service)) {
			cycle(service, &result);
		} else {
			/* The next kernel has to know them, whatever can be saved. */
			if (service->suspended && service->started)
				update_counters(service);
			check_space(service);
			tell_metrics(service);
		}
	}
	ret = sd_event_source_set_time_relative(source, tidy(service) ?
						STEP_INTERVAL :
						service->config.check_interval * 1000);
	if (ret < 0)
		return ret;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_flush(sd_event_source *source, const struct signalfd_siginfo *info,
		    void *context)
{
	struct stager_result result;

	(void)source;
	(void)info;
	cycle(context, &result);
	return 0;
}

static int on_resume(sd_event_source *source, const struct signalfd_siginfo *info,
		     void *context)
{
	struct service *service = context;
	struct stager_result result;

	(void)source;
	(void)info;
	service->suspended = false;
	service->space.present = false;
	service->full.present = false;
	service->error.present = false;
	cycle(service, &result);
	return 0;
}

/* Someone who has connected says what is wanted, or has gone. */
static int on_request(sd_event_source *source, int fd, uint32_t events,
		      void *context)
{
	struct control_answer answer = { .error = -EINVAL };
	struct service *service = context;
	struct stager_result result;
	char request[16];
	ssize_t got;

	(void)events;
	got = recv(fd, request, sizeof(request), MSG_DONTWAIT);
	if (got == (ssize_t)strlen(CONTROL_FLUSH) &&
	    !memcmp(request, CONTROL_FLUSH, (size_t)got)) {
		answer.error = cycle(service, &result);
		answer.saved = result.saved;
	}
	/* Nobody is waited for: who does not read gets no answer. */
	if (got > 0)
		send(fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
	service->requests--;
	/* Closes the descriptor. */
	sd_event_source_disable_unref(source);
	return 0;
}

static int on_connect(sd_event_source *source, int fd, uint32_t events,
		      void *context)
{
	struct service *service = context;
	sd_event_source *request;
	int connection;

	(void)source;
	(void)events;
	connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (connection < 0)
		return 0;
	if (service->requests == REQUESTS ||
	    sd_event_add_io(service->event, &request, connection, EPOLLIN,
			    on_request, service) < 0) {
		close(connection);
		return 0;
	}
	sd_event_source_set_io_fd_own(request, 1);
	service->requests++;
	return 0;
}

/* Without it there are signals. */
static void listen_for_requests(struct service *service)
{
	int fd;

	fd = control_listen(service->config.control);
	if (fd < 0) {
		log_message(LOG_WARNING, "%s: %s", service->config.control,
			    strerror(-fd));
		return;
	}
	if (sd_event_add_io(service->event, &service->listener, fd, EPOLLIN,
			    on_connect, service) < 0) {
		close(fd);
		return;
	}
	sd_event_source_set_io_fd_own(service->listener, 1);
}

static int add_events(struct service *service)
{
	sd_event *event = service->event;
	sigset_t signals;
	int ret;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return -errno;
	/* Without a function these end the loop. */
	ret = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (ret >= 0)
		ret = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (ret >= 0)
		ret = sd_event_add_signal(event, NULL, SIGUSR1, on_flush, service);
	if (ret >= 0)
		ret = sd_event_add_signal(event, NULL, SIGUSR2, on_resume, service);
	if (ret >= 0)
		ret = sd_event_add_time_relative(event, NULL, CLOCK_BOOTTIME,
						 service->config.check_interval * 1000,
						 ACCURACY, on_time, service);
	if (ret >= 0)
		ret = sd_event_set_watchdog(event, 1);
	return ret;
}

static int run(struct service *service)
{
	struct stager_result result;
	int ret;

	ret = sd_event_default(&service->event);
	if (ret >= 0)
		ret = add_events(service);
	if (ret >= 0) {
		ret = service_open(service);
		/* It goes on, and does in its first cycle what is to be done about that. */
		if (is_of_disk(ret) || is_of_space(ret) || is_of_log(ret) || service->refused)
			ret = 0;
	}
	if (ret >= 0) {
		/* The socket is this service's, not one of another that has the store. */
		listen_for_requests(service);
		sd_notify(0, "READY=1");
		/* What was left staged by a service before is taken care of. */
		cycle(service, &result);
		ret = sd_event_loop(service->event);
		sd_notify(0, "STOPPING=1");
		if (service->config.stage_on_exit && !service->suspended)
			cycle(service, &result);
	}
	service_close(service);
	if (service->listener)
		unlink(service->config.control);
	sd_event_source_disable_unref(service->listener);
	sd_event_unref(service->event);
	return ret;
}

/* ---- the command line --------------------------------------------------------------------- */

/**
 * struct options - what the command line says
 * @config: file of the configuration
 * @once: one cycle, and no service
 */
struct options {
	const char *config;
	bool once;
};

static const struct argp_option argp_options[] = {
	{ "config", 'c', "FILE", 0, "instead of " CONFIG_FILE " and " CONFIG_DIR, 0 },
	{ "once", '1', NULL, 0, "stage, save and delete once, and exit", 0 },
	{ },
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'c':
		options->config = argument;
		break;
	case '1':
		options->once = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/*
 * Root goes on as the owner of what is saved, which is not measured then, and
 * with the rights to open the list files for writing, which are root's.
 */
static int drop_rights(const struct config *config)
{
	static const unsigned int kept[] = { CAP_SYS_ADMIN, CAP_DAC_OVERRIDE };
	struct stat st;
	int err;

	/* Programs that it runs get none of the rights that it has as another user. */
	if (geteuid())
		return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ?
		       -errno : 0;
	if (stat(config->store_dir, &st)) {
		err = errno;
		log_message(LOG_ERR, "%s: %s", config->store_dir, strerror(err));
		return -err;
	}
	if (!st.st_uid)
		log_message(LOG_WARNING, "%s is root's: reading what is in it may be measured",
			    config->store_dir);
	return privileges_drop(st.st_uid, st.st_gid, kept,
			       sizeof(kept) / sizeof(*kept));
}

/* Is it what systemd has connected standard error to? Whoever runs this may have redirected it. */
static bool is_journal(const char *stream)
{
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options, parse_option, NULL,
		"Stage, save and delete IMA's measurement list.\vExit status: 0 if all is well, 1 if not, 3 and 4 for the actions single and halt.",
		NULL, NULL, NULL
	};
	static struct service service;
	struct options options = { };
	struct stager_result result;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	service.journal = is_journal(getenv("JOURNAL_STREAM"));
	if (service.journal)
		log_to(log_journal);
	umask(0027);

	ret = config_load(&service.config, options.config);
	if (!ret)
		ret = drop_rights(&service.config);
	service.space = (struct problem){
		"there is little space left to save the measurement list",
		&service.config.space_left_action, false
	};
	service.full = (struct problem){
		"there is no space left to save the measurement list",
		&service.config.disk_full_action, false
	};
	service.error = (struct problem){
		"the measurement list can not be saved",
		&service.config.disk_error_action, false
	};
	if (!ret && options.once) {
		ret = cycle(&service, &result);
		while (tidy(&service))
			;
		service_close(&service);
	} else if (!ret) {
		ret = run(&service);
	}
	config_free(&service.config);
	if (service.status)
		return service.status;
	if (ret < 0) {
		log_message(LOG_ERR, "%s", strerror(-ret));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
