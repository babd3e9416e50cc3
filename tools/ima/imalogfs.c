// SPDX-License-Identifier: GPL-2.0
/*
 * imalogfs: the kernel's measurement list files, with the whole log in them
 *
 * Saved, staged and current records as one file each, for programs that know
 * nothing of staging. It is a process of its own, so that what others have open
 * here stays open when imalogd is started again.
 */
#define FUSE_USE_VERSION 312

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <fuse_lowlevel.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "config.h"
#include "epoch.h"
#include "io.h"
#include "kernel.h"
#include "log.h"
#include "manifest.h"
#include "privileges.h"
#include "store.h"

/* Seconds between two looks whether imalogd has begun */
#define PAUSE		1
#define LIST_NAME	"%s_runtime_measurements%s%s"
/* What is told to the helper */
#define ANSWERS		"a"
#define ENDS_WELL	"e"
/* Inodes: the folder, the counter, then two of each list */
#define INODE_ROOT	1
#define INODE_COUNT	2
#define INODE_LISTS	16
#define THREADS		64

/**
 * struct view_fs - what is shown
 * @config: the configuration
 * @kernel: the kernel's list files
 * @epoch: the log
 * @start: when the service began, the time of all files
 * @owner: user that all belongs to
 * @group: whose members may read
 * @helper: the process that keeps root's rights, or 0
 * @to_helper: where ANSWERS and ENDS_WELL are told; closed when this process ends
 * @watchdog: milliseconds between two looks whether this process still answers, or -1
 */
struct view_fs {
	struct config config;
	struct kernel kernel;
	struct epoch epoch;
	struct timespec start;
	uid_t owner;
	gid_t group;
	pid_t helper;
	int to_helper;
	int watchdog;
};

static struct view_fs fs = { .to_helper = -1, .watchdog = -1 };

/* ---- names ------------------------------------------------------------------------------- */

/**
 * struct entry - a name in the folder
 * @kind: what it is
 * @file: which of the log's files, for a list
 */
struct entry {
	enum {
		ENTRY_ROOT,
		ENTRY_COUNT,
		ENTRY_LIST,
		/* Without the algorithm, as the kernel has it for SHA-1 */
		ENTRY_LINK,
	} kind;
	size_t file;
};

static void list_name(size_t file, bool link, char *name, size_t size)
{
	const struct list_file *list = &fs.epoch.header.files[file];

	snprintf(name, size, LIST_NAME, list->binary ? "binary" : "ascii",
		 link ? "" : "_", link ? "" : list->algo->name);
}

static bool has_link(size_t file)
{
	return !strcmp(fs.epoch.header.files[file].algo->name, "sha1");
}

static int find_entry(const char *path, struct entry *entry)
{
	char name[NAME_MAX];
	size_t i;

	*entry = (struct entry){ .kind = ENTRY_ROOT };
	if (!strcmp(path, "/"))
		return 0;
	path++;
	if (!strcmp(path, KERNEL_COUNT)) {
		entry->kind = ENTRY_COUNT;
		return 0;
	}
	for (i = 0; i < fs.epoch.header.nr_files; i++) {
		entry->file = i;
		entry->kind = ENTRY_LIST;
		list_name(i, false, name, sizeof(name));
		if (!strcmp(path, name))
			return 0;
		entry->kind = ENTRY_LINK;
		list_name(i, true, name, sizeof(name));
		if (has_link(i) && !strcmp(path, name))
			return 0;
	}
	return -ENOENT;
}

/* ---- operations ---------------------------------------------------------------------------- */

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	/* The numbers are those of fs_getattr(), for ever. */
	config->use_ino = 1;
	/* What is read is composed anew each time, and has no length before. */
	config->direct_io = 1;
	config->entry_timeout = 3600;
	config->attr_timeout = 3600;
	if (fs.to_helper >= 0 && io_write(fs.to_helper, ANSWERS, 1))
		log_message(LOG_ERR, "the helper is gone");
	return NULL;
}

static void fill_stat(const struct entry *entry, struct stat *st)
{
	*st = (struct stat){
		.st_uid = fs.owner,
		.st_gid = fs.group,
		.st_atim = fs.start,
		.st_mtim = fs.start,
		.st_ctim = fs.start,
		.st_nlink = 1,
		.st_mode = S_IFREG | 0440,
	};
	switch (entry->kind) {
	case ENTRY_ROOT:
		st->st_ino = INODE_ROOT;
		st->st_mode = S_IFDIR | 0750;
		st->st_nlink = 2;
		break;
	case ENTRY_COUNT:
		st->st_ino = INODE_COUNT;
		break;
	case ENTRY_LIST:
		st->st_ino = INODE_LISTS + 2 * entry->file;
		break;
	case ENTRY_LINK:
		st->st_ino = INODE_LISTS + 2 * entry->file + 1;
		st->st_mode = S_IFLNK | 0777;
		break;
	}
}

static int fs_getattr(const char *path, struct stat *st,
		      struct fuse_file_info *info)
{
	struct entry entry;
	int ret = find_entry(path, &entry);

	(void)info;
	if (!ret)
		fill_stat(&entry, st);
	return ret;
}

static int fs_readlink(const char *path, char *target, size_t size)
{
	struct entry entry;
	int ret = find_entry(path, &entry);

	if (ret)
		return ret;
	if (entry.kind != ENTRY_LINK)
		return -EINVAL;
	list_name(entry.file, false, target, size);
	return 0;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill,
		      off_t offset, struct fuse_file_info *info,
		      enum fuse_readdir_flags flags)
{
	struct entry entry = { .kind = ENTRY_COUNT };
	char name[NAME_MAX];
	struct stat st;

	(void)offset;
	(void)info;
	(void)flags;
	if (strcmp(path, "/"))
		return -ENOTDIR;
	fill(buffer, ".", NULL, 0, 0);
	fill(buffer, "..", NULL, 0, 0);
	fill_stat(&entry, &st);
	fill(buffer, KERNEL_COUNT, &st, 0, 0);
	for (entry.file = 0; entry.file < fs.epoch.header.nr_files; entry.file++) {
		entry.kind = ENTRY_LIST;
		fill_stat(&entry, &st);
		list_name(entry.file, false, name, sizeof(name));
		fill(buffer, name, &st, 0, 0);
		if (!has_link(entry.file))
			continue;
		entry.kind = ENTRY_LINK;
		fill_stat(&entry, &st);
		list_name(entry.file, true, name, sizeof(name));
		fill(buffer, name, &st, 0, 0);
	}
	return 0;
}

/* Not one that a reader knows of these files, or of its own doing */
static int reader_error(int error)
{
	switch (error) {
	case -EBADMSG:
	case -ENOENT:
	case -ELOOP:
	case -ENOTDIR:
	case -ENXIO:
	case -ESPIPE:
		return -EIO;
	default:
		return error;
	}
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
	struct entry entry;
	uint64_t records;
	char *text;
	int ret = find_entry(path, &entry);

	if (ret)
		return ret;
	/* Commands are the service's. */
	if ((info->flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (entry.kind != ENTRY_COUNT)
		return 0;
	/* The number of now, in however many pieces it is read */
	ret = epoch_records(&fs.epoch, &records);
	if (ret)
		return reader_error(ret);
	if (asprintf(&text, "%" PRIu64 "\n", records) < 0)
		return -ENOMEM;
	info->fh = (uintptr_t)text;
	return 0;
}

static int fs_release(const char *path, struct fuse_file_info *info)
{
	(void)path;
	free((char *)(uintptr_t)info->fh);
	return 0;
}

static int read_count(const char *text, char *buffer, size_t size, off_t offset)
{
	size_t len = strlen(text);

	if ((size_t)offset >= len)
		return 0;
	if (size > len - (size_t)offset)
		size = len - (size_t)offset;
	memcpy(buffer, text + offset, size);
	return (int)size;
}

static int fs_read(const char *path, char *buffer, size_t size, off_t offset,
		   struct fuse_file_info *info)
{
	struct entry entry;
	int ret = find_entry(path, &entry);

	if (ret)
		return ret;
	if (entry.kind == ENTRY_COUNT)
		return read_count((const char *)(uintptr_t)info->fh, buffer, size,
				  offset);
	return reader_error((int)epoch_read(&fs.epoch, entry.file,
					    (uint64_t)offset, buffer, size));
}

/* What the helper asks for, to see that requests are answered. It waits for nobody. */
static int fs_statfs(const char *path, struct statvfs *st)
{
	(void)path;
	*st = (struct statvfs){
		.f_bsize = IO_BLOCK,
		.f_frsize = IO_BLOCK,
		.f_namemax = NAME_MAX,
	};
	return 0;
}

static const struct fuse_operations operations = {
	.init = fs_init,
	.getattr = fs_getattr,
	.readlink = fs_readlink,
	.readdir = fs_readdir,
	.open = fs_open,
	.read = fs_read,
	.release = fs_release,
	.statfs = fs_statfs,
};

/* ---- mounting -------------------------------------------------------------------------------- */

/*
 * With root's rights until the file system is mounted. To open the kernel's lists,
 * which are root's, takes the right to read whatever it is.
 */
static int drop_rights(const struct passwd *user)
{
	static const unsigned int kept[] = { CAP_DAC_READ_SEARCH };

	return privileges_drop(user->pw_uid, user->pw_gid, kept,
			       sizeof(kept) / sizeof(*kept));
}

/* The names in the kernel's folder that are covered: the lists, and the counter */
static const char *bound_name(size_t i, char *name, size_t size)
{
	if (i == fs.epoch.header.nr_files)
		return KERNEL_COUNT;
	list_name(i, false, name, size);
	return name;
}

/* Also those that are below, since somebody was killed. */
static void unbind_lists(size_t nr)
{
	char path[PATH_MAX], name[NAME_MAX];

	while (nr--) {
		snprintf(path, sizeof(path), KERNEL_IMA_DIR "/%s",
			 bound_name(nr, name, sizeof(name)));
		while (!umount2(path, MNT_DETACH))
			;
	}
}

/* Each file of the kernel's folder is covered by that of the view, or none. */
static int bind_lists(void)
{
	char from[PATH_MAX], to[PATH_MAX], name[NAME_MAX];
	const char *list;
	size_t i;
	int ret;

	for (i = 0; i <= fs.epoch.header.nr_files; i++) {
		list = bound_name(i, name, sizeof(name));
		snprintf(from, sizeof(from), "%s/%s", fs.config.mount_dir, list);
		snprintf(to, sizeof(to), KERNEL_IMA_DIR "/%s", list);
		if (!mount(from, to, NULL, MS_BIND, NULL))
			continue;
		ret = -errno;
		log_message(LOG_ERR, "%s over %s: %s", from, to, strerror(-ret));
		unbind_lists(i);
		return ret;
	}
	return 0;
}

/*
 * Were the kernel's files covered where they are read from, each read of the view
 * would end in the view.
 */
static int check_own_mount(void)
{
	struct statx own, kernel;

	if (statx(fs.kernel.dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &own) ||
	    statx(AT_FDCWD, KERNEL_IMA_DIR, 0, STATX_MNT_ID, &kernel))
		return -errno;
	if (own.stx_mnt_id != kernel.stx_mnt_id)
		return 0;
	log_message(LOG_ERR, "bind = yes: mount securityfs on /run/securityfs, for this service");
	return -EINVAL;
}

/* Somebody answers there. */
static bool is_shown(const char *dir)
{
	struct statfs st;

	return !statfs(dir, &st) && st.f_type == FUSE_SUPER_MAGIC;
}

/* One that was killed has left a mount that nobody answers for. */
static bool is_dead(const char *dir)
{
	struct statfs st;

	return statfs(dir, &st) && (errno == ENOTCONN || errno == ECONNABORTED);
}

/*
 * Until the service tells something or ends. Meanwhile, the watchdog is told that it answers:
 * nothing is opened for that, which the kernel would measure.
 */
static bool ends_well(int from_service)
{
	struct pollfd end = { .fd = from_service, .events = POLLIN };
	char byte;
	int ret;

	while ((ret = poll(&end, 1, fs.watchdog)) <= 0) {
		if (ret && errno != EINTR)
			return false;
		if (!ret && is_shown(fs.config.mount_dir))
			sd_notify(0, "WATCHDOG=1");
	}
	return io_read(from_service, &byte, 1) == 1;
}

/*
 * What takes root's rights: to bind, once the file system answers, and to unmount
 * all, when the service ends well. If it does not, nobody answers any more, until it
 * is started again: else programs with a fixed path would find the end of the list,
 * and take it for the whole. Nothing that others have to say comes here.
 */
static void help(int from_service, int from_kernel)
{
	const char *dir = fs.config.mount_dir;
	size_t nr = fs.config.bind ? fs.epoch.header.nr_files + 1 : 0;
	char byte;

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	/* Else the file system would wait for an answer after the service has ended. */
	close(from_kernel);
	if (io_read(from_service, &byte, 1) == 1 && byte == *ANSWERS) {
		if (nr && bind_lists()) {
			/* Which ends the service. It can not be sent a signal by then. */
			umount2(dir, MNT_FORCE | MNT_DETACH);
			_exit(EXIT_FAILURE);
		}
		sd_notify(0, "READY=1\nSTATUS=");
		if (!ends_well(from_service))
			_exit(EXIT_FAILURE);
		unbind_lists(nr);
	}
	umount2(dir, MNT_DETACH);
	_exit(EXIT_SUCCESS);
}

static int start_helper(struct fuse *fuse)
{
	uint64_t timeout;
	int ends[2];

	if (sd_watchdog_enabled(0, &timeout) > 0)
		fs.watchdog = timeout / 2000 < INT_MAX ? (int)(timeout / 2000) : INT_MAX;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fs.helper = fork();
	if (!fs.helper) {
		close(ends[1]);
		help(ends[0], fuse_session_fd(fuse_get_session(fuse)));
	}
	close(ends[0]);
	if (fs.helper < 0) {
		close(ends[1]);
		return -errno;
	}
	fs.to_helper = ends[1];
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* Return: 0, or a negative error number if it could not do its work. */
static int end_helper(bool well)
{
	int status = 0;

	if (!fs.helper)
		return 0;
	if (well && io_write(fs.to_helper, ENDS_WELL, 1))
		log_message(LOG_ERR, "the helper is gone");
	close(fs.to_helper);
	while (waitpid(fs.helper, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EIO : 0;
}

/* What root reads may be measured, and the service itself must not make the list longer. */
static int open_as_owner(int store, const char *boot_id)
{
	static const unsigned int kept[] = { CAP_DAC_READ_SEARCH };
	int lent, ret;

	lent = privileges_lend(store, kept, sizeof(kept) / sizeof(*kept));
	if (lent < 0)
		return lent;
	ret = epoch_open(&fs.epoch, store, &fs.kernel, boot_id);
	if (lent && privileges_return() && !ret) {
		epoch_close(&fs.epoch);
		ret = -EPERM;
	}
	return ret;
}

/* Until imalogd has begun with this kernel, nobody knows where the log begins. */
static int wait_for_epoch(void)
{
	char boot_id[MANIFEST_BOOT_ID + 2];
	bool told = false;
	int ret, store;

	ret = io_read_text(AT_FDCWD, fs.config.boot_id, boot_id, sizeof(boot_id));
	if (ret)
		return ret;
	for (;;) {
		store = open(fs.config.store_dir,
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (store < 0) {
			ret = errno == ENOENT ? -EAGAIN : -errno;
		} else {
			ret = open_as_owner(store, boot_id);
			close(store);
		}
		if (ret != -EAGAIN)
			return ret;
		if (!told)
			sd_notify(0, "STATUS=waiting for imalogd to begin");
		told = true;
		sleep(PAUSE);
	}
}

static int serve(struct fuse *fuse)
{
	struct fuse_session *session = fuse_get_session(fuse);
	struct fuse_loop_config *loop;
	int ret;

	if (fuse_set_signal_handlers(session))
		return -EIO;
	loop = fuse_loop_cfg_create();
	if (!loop)
		return -ENOMEM;
	/* Readers can wait for those who have the kernel's lists open. Others go on. */
	fuse_loop_cfg_set_max_threads(loop, THREADS);
	if (!fs.helper)
		sd_notify(0, "READY=1\nSTATUS=");
	ret = fuse_loop_mt(fuse, loop);
	sd_notify(0, "STOPPING=1");
	fuse_loop_cfg_destroy(loop);
	fuse_remove_signal_handlers(session);
	if (!ret)
		log_message(LOG_ERR, "%s was unmounted", fs.config.mount_dir);
	/* A signal is how it ends well. */
	return ret > 0 ? 0 : -EIO;
}

static int run(const struct passwd *user)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	const char *dir = fs.config.mount_dir;
	struct fuse *fuse = NULL;
	int ret, helped;

	if (user && is_shown(dir)) {
		log_message(LOG_ERR, "%s: another imalogfs shows the log there", dir);
		return -EBUSY;
	}
	/* Who may read is for the kernel to decide, by the mode of a file. */
	if (!fuse_opt_add_arg(&args, "imalogfs") &&
	    !fuse_opt_add_arg(&args, "-oro,nosuid,nodev,noexec,default_permissions") &&
	    !fuse_opt_add_arg(&args, "-ofsname=imalog,subtype=imalogfs") &&
	    (!user || !fuse_opt_add_arg(&args, "-oallow_other")))
		fuse = fuse_new(&args, &operations, sizeof(operations), NULL);
	fuse_opt_free_args(&args);
	if (!fuse)
		return -EINVAL;
	while (user && is_dead(dir) && !umount2(dir, MNT_DETACH))
		;
	if (user && mkdir(dir, 0755) && errno != EEXIST)
		log_message(LOG_ERR, "%s: %s", dir, strerror(errno));
	if (fuse_mount(fuse, dir)) {
		fuse_destroy(fuse);
		return -EIO;
	}
	ret = user ? start_helper(fuse) : 0;
	if (!ret && user)
		ret = drop_rights(user);
	if (!ret)
		ret = serve(fuse);
	if (!user)
		fuse_unmount(fuse);
	fuse_destroy(fuse);
	helped = end_helper(!ret);
	return ret ? ret : helped;
}

/* ---- the command line --------------------------------------------------------------------- */

static const struct argp_option argp_options[] = {
	{ "config", 'c', "FILE", 0, "instead of " CONFIG_FILE " and " CONFIG_DIR, 0 },
	{ "user", 'u', "NAME", 0, "run as this user (imalogfs)", 0 },
	{ },
};

/**
 * struct options - what the command line says
 * @config: file of the configuration
 * @user: name of a user
 */
struct options {
	const char *config;
	const char *user;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'c':
		options->config = argument;
		break;
	case 'u':
		options->user = argument;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options, parse_option, NULL,
		"Show IMA's whole measurement list as files.\vExit status: 0 if all is well, 1 if not.",
		NULL, NULL, NULL
	};
	struct options options = { .user = "imalogfs" };
	const struct passwd *user = NULL;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &options);
	clock_gettime(CLOCK_REALTIME, &fs.start);
	ret = config_load(&fs.config, options.config);
	if (!ret && !geteuid()) {
		user = getpwnam(options.user);
		if (!user) {
			log_message(LOG_ERR, "there is no user %s", options.user);
			ret = -ENOENT;
		} else {
			fs.group = user->pw_gid;
		}
	} else {
		fs.owner = geteuid();
		fs.group = getegid();
	}
	if (!ret)
		ret = kernel_open(&fs.kernel, fs.config.ima_dir,
				  (unsigned int)fs.config.busy_timeout);
	if (ret == -EOPNOTSUPP)
		log_message(LOG_ERR, "%s: the kernel can not stage its list",
			    fs.config.ima_dir);
	if (!ret) {
		if (fs.config.bind)
			ret = user ? check_own_mount() : -EPERM;
		if (!ret)
			ret = wait_for_epoch();
		if (!ret) {
			ret = run(user);
			epoch_close(&fs.epoch);
		}
		kernel_close(&fs.kernel);
	}
	config_free(&fs.config);
	if (ret < 0) {
		log_message(LOG_ERR, "%s", strerror(-ret));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
