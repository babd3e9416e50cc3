// SPDX-License-Identifier: GPL-2.0
/*
 * Who may open list files, by whatever name; and that with a descriptor it is
 * the opener who counts, not the one that uses it.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common.h"
#include "harness.h"
#include "saved.h"

#define OVERFLOW_UID 65534

FIXTURE(who) {
	struct ima ima;
	/* All of the list files. */
	const char *path[MAX_BANKS * NR_FORMS * NR_KINDS];
	int nr_paths;
	/* Some of those, for short. */
	const char *staged;
	const char *current;
	/* What was in the lists at the start. */
	struct lists lists;
};

FIXTURE_SETUP(who)
{
	const char *skip = ima_setup(&self->ima);
	int i, form, kind;

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
	for (i = 0; i < self->ima.nr_banks; i++)
		for (form = 0; form < NR_FORMS; form++)
			for (kind = 0; kind < NR_KINDS; kind++)
				self->path[self->nr_paths++] =
					self->ima.bank[i].path[form][kind];
	self->staged = self->ima.bank[0].path[ASCII][STAGED];
	self->current = self->ima.bank[0].path[BINARY][CURRENT];
}

FIXTURE_TEARDOWN(who)
{
	lists_free(&self->lists);
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Nobody has a file open: this process may write. */
static int gate_is_free(const struct _test_data_who *self)
{
	return try_open(self->staged, O_RDWR);
}

/* Who somebody is. */
struct who {
	const char *what;
	uid_t uid;
	gid_t gid;
	/* Besides what root has anyway. */
	bool all_caps;
	/* The only capability that is left, or -1. */
	int cap;
	/* All of them, but in a namespace. */
	bool user_ns;
	/* What opening a list file gives. */
	int read;
	int write;
};

static int keep_one_cap(int cap)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { };

	if (cap >= 0) {
		data[CAP_TO_INDEX(cap)].effective = CAP_TO_MASK(cap);
		data[CAP_TO_INDEX(cap)].permitted = CAP_TO_MASK(cap);
	}
	return syscall(__NR_capset, &hdr, data) ? -errno : 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Root there, with all capabilities; outside it remains the same user. */
static int enter_user_ns(void)
{
	int err;

	if (unshare(CLONE_NEWUSER))
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	if (!err)
		err = write_text("/proc/self/uid_map", "0 0 1");
	return err ?: write_text("/proc/self/gid_map", "0 0 1");
}

static int become(const struct who *who)
{
	if (who->user_ns)
		return enter_user_ns();
	if (prctl(PR_SET_KEEPCAPS, 1))
		return -errno;
	if (setgroups(0, NULL) || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid))
		return -errno;
	return who->all_caps ? 0 : keep_one_cap(who->cap);
}

#define CANNOT_BECOME 200

/* What @fn gives when somebody else does it, in a process of its own. */
static int do_as(const struct who *who, int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		if (become(who))
			_exit(CANNOT_BECOME);
		_exit(-fn(arg));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

struct open_args {
	const char *path;
	int flags;
};

static int do_open(const void *arg)
{
	const struct open_args *args = arg;

	return try_open(args->path, args->flags);
}

static int open_as(const struct who *who, const char *path, int flags)
{
	const struct open_args args = { .path = path, .flags = flags };

	return do_as(who, do_open, &args);
}

static int do_nothing(const void *arg)
{
	(void)arg;
	return 0;
}

/* Without namespaces, or without other users, some do not. */
static bool exists(struct __test_metadata *_metadata, const struct who *who)
{
	if (do_as(who, do_nothing, NULL) != -CANNOT_BECOME)
		return true;
	TH_LOG("cannot become %s (%s)", who->what,
	       who->user_ns ? "CONFIG_USER_NS" : "CONFIG_MULTIUSER");
	return false;
}

static const struct who people[] = {
	{
		.what = "root",
		.all_caps = true,
	}, {
		.what = "root without capabilities",
		.cap = -1, .write = -EPERM,
	}, {
		.what = "root with CAP_DAC_OVERRIDE only",
		.cap = CAP_DAC_OVERRIDE, .write = -EPERM,
	}, {
		.what = "root with CAP_SYS_ADMIN only",
		.cap = CAP_SYS_ADMIN,
	}, {
		.what = "another user",
		.uid = OVERFLOW_UID, .gid = OVERFLOW_UID, .cap = -1,
		.read = -EACCES, .write = -EACCES,
	}, {
		.what = "another user with CAP_SYS_ADMIN",
		.uid = OVERFLOW_UID, .gid = OVERFLOW_UID, .cap = CAP_SYS_ADMIN,
		.read = -EACCES, .write = -EACCES,
	}, {
		.what = "another user with CAP_DAC_OVERRIDE",
		.uid = OVERFLOW_UID, .gid = OVERFLOW_UID, .cap = CAP_DAC_OVERRIDE,
		.write = -EPERM,
	}, {
		.what = "another user of root's group",
		.uid = OVERFLOW_UID, .cap = -1, .write = -EPERM,
	}, {
		.what = "another user of root's group with CAP_SYS_ADMIN",
		.uid = OVERFLOW_UID, .cap = CAP_SYS_ADMIN,
	}, {
		.what = "root of a user namespace, with all capabilities in it",
		.user_ns = true, .write = -EPERM,
	},
};

TEST_F_TIMEOUT(who, opens, 600)
{
	unsigned int i;
	int j;

	for (i = 0; i < ARRAY_SIZE(people); i++) {
		if (!exists(_metadata, &people[i]))
			continue;
		for (j = 0; j < self->nr_paths; j++) {
			EXPECT_EQ(people[i].read,
				  open_as(&people[i], self->path[j], O_RDONLY))
				TH_LOG("%s", people[i].what);
			EXPECT_EQ(people[i].write,
				  open_as(&people[i], self->path[j], O_WRONLY))
				TH_LOG("%s", people[i].what);
			EXPECT_EQ(people[i].write,
				  open_as(&people[i], self->path[j], O_RDWR))
				TH_LOG("%s", people[i].what);
		}
	}
	EXPECT_EQ(0, gate_is_free(self));
}

/* The reason is the permission, and not that somebody else writes. */
TEST_F(who, opens_while_busy)
{
	unsigned int i;
	int fd;

	fd = open(self->staged, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(people); i++) {
		if (!exists(_metadata, &people[i]))
			continue;
		EXPECT_EQ(people[i].read ?: -EBUSY,
			  open_as(&people[i], self->current, O_RDONLY))
			TH_LOG("%s", people[i].what);
		EXPECT_EQ(people[i].write ?: -EBUSY,
			  open_as(&people[i], self->current, O_RDWR))
			TH_LOG("%s", people[i].what);
	}
	close(fd);
	EXPECT_EQ(0, gate_is_free(self));
}

/* A name of an open file leads to the file, not to the descriptor. */
TEST_F(who, opens_again)
{
	static const int held[] = { O_PATH, O_RDONLY, O_RDWR };
	unsigned int i, j;
	char name[64];
	int fd;

	for (j = 0; j < ARRAY_SIZE(held); j++) {
		int busy_read = held[j] == O_RDWR ? -EBUSY : 0;
		int busy_write = held[j] == O_PATH ? 0 : -EBUSY;

		fd = open(self->staged, held[j] | O_CLOEXEC);
		ASSERT_LE(0, fd);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		for (i = 0; i < ARRAY_SIZE(people); i++) {
			if (!exists(_metadata, &people[i]))
				continue;
			EXPECT_EQ(people[i].read ?: busy_read,
				  open_as(&people[i], name, O_RDONLY))
				TH_LOG("%s", people[i].what);
			EXPECT_EQ(people[i].write ?: busy_write,
				  open_as(&people[i], name, O_WRONLY))
				TH_LOG("%s", people[i].what);
			EXPECT_EQ(people[i].write ?: busy_write,
				  open_as(&people[i], name, O_RDWR))
				TH_LOG("%s", people[i].what);
		}
		close(fd);
		EXPECT_EQ(0, gate_is_free(self));
	}
}

/* Descriptors of somebody else, and what was to be read. */
struct use_args {
	int staged;
	int current;
	int readable;
	const struct blob *list;
	const char *root;
};

static int write_as(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int use_refused(const struct use_args *args)
{
	if (write_as(args->current, "AA") != -EINVAL)
		return -EIO;
	if (write_as(args->staged, "D") != -ENOENT)
		return -EIO;
	if (write_as(args->readable, "A") != -EBADF)
		return -EIO;
	return 0;
}

static bool shows(int fd, const struct blob *list)
{
	struct blob b = { };
	bool same;

	same = !blob_pread_fd(&b, fd) && blob_equal(&b, list);
	blob_free(&b);
	return same;
}

/* A whole round, but for what must not be deleted without being saved. */
static int do_use(const void *arg)
{
	const struct use_args *args = arg;
	int err;

	if (args->root && (chroot(args->root) || chdir("/")))
		return -errno;
	if (!shows(args->current, args->list) || !shows(args->readable, args->list))
		return -ENODATA;
	err = use_refused(args);
	if (!err)
		err = write_as(args->current, "A");
	if (!err && !shows(args->staged, args->list))
		err = -ENODATA;
	return err;
}

static int do_delete(const void *arg)
{
	const struct use_args *args = arg;

	return write_as(args->staged, "D\n");
}

static void check_use(struct __test_metadata *_metadata,
		      struct _test_data_who *self, const struct who *who,
		      const char *root)
{
	struct use_args args = { .root = root };

	ASSERT_EQ(0, save_and_delete(&self->ima));
	ASSERT_EQ(0, measure_files(&self->ima, who->what, 0, 3));
	lists_free(&self->lists);
	ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
	args.list = &self->lists.blob[0][BINARY][CURRENT];
	ASSERT_LT(0, args.list->len);
	args.staged = open(self->ima.bank[0].path[BINARY][STAGED], O_RDWR);
	ASSERT_LE(0, args.staged);
	args.current = open(self->ima.bank[0].path[BINARY][CURRENT], O_RDWR);
	ASSERT_LE(0, args.current);
	args.readable = open(self->ima.bank[0].path[BINARY][CURRENT], O_RDONLY);
	ASSERT_LE(0, args.readable);

	EXPECT_EQ(0, do_as(who, do_use, &args))
		TH_LOG("%s", who->what);
	EXPECT_EQ(0, ima_count())
		TH_LOG("%s", who->what);
	ASSERT_EQ(0, saved_add_list(&self->ima, &self->lists, CURRENT));
	EXPECT_EQ(0, do_as(who, do_delete, &args))
		TH_LOG("%s", who->what);
	EXPECT_TRUE(shows(args.staged, &(struct blob) { }));
	close(args.staged);
	close(args.current);
	close(args.readable);
	EXPECT_EQ(0, gate_is_free(self));
}

/* Whoever is given a descriptor of root can do with it what root can. */
TEST_F_TIMEOUT(who, uses_descriptors_of_root, 600)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(people); i++)
		if (exists(_metadata, &people[i]))
			check_use(_metadata, self, &people[i], NULL);
	if (!self->ima.no_replay)
		EXPECT_STREQ("", saved_replay(&self->ima));
}

/* And there is no root directory outside of which it does not work. */
TEST_F(who, uses_descriptors_in_a_chroot)
{
	static const struct who root = { .what = "chrooted root", .all_caps = true };

	check_use(_metadata, self, &root, self->ima.dir);
}

/* The directory of the files as the root, and nothing else in sight. */
static int do_open_in_chroot(const void *arg)
{
	const struct open_args *args = arg;

	if (chroot(IMA_DIR) || chdir("/"))
		return -errno;
	return try_open(args->path + strlen(IMA_DIR), args->flags);
}

static int do_read_in_chroot(const void *arg)
{
	const struct blob *list = arg;
	struct blob b = { };

	if (chroot(IMA_DIR) || chdir("/"))
		return -errno;
	/* By a link, too. */
	if (blob_read_file(&b, "/binary_runtime_measurements"))
		return -ENOENT;
	return blob_equal(&b, list) ? 0 : -EIO;
}

TEST_F(who, opens_in_a_chroot)
{
	static const struct {
		struct who who;
		int write;
	} row[] = {
		{ { .what = "root", .all_caps = true }, 0 },
		{ { .what = "CAP_SYS_CHROOT", .cap = CAP_SYS_CHROOT }, -EPERM },
	};
	struct open_args args;
	int bank, i, j;

	for (i = 0; i < (int)ARRAY_SIZE(row); i++) {
		for (j = 0; j < self->nr_paths; j++) {
			args.path = self->path[j];
			args.flags = O_RDONLY;
			EXPECT_EQ(0, do_as(&row[i].who, do_open_in_chroot, &args));
			args.flags = O_RDWR;
			EXPECT_EQ(row[i].write,
				  do_as(&row[i].who, do_open_in_chroot, &args));
		}
		ASSERT_EQ(0, measure_files(&self->ima, row[i].who.what, 0, 2));
		lists_free(&self->lists);
		ASSERT_EQ(0, lists_read(&self->ima, &self->lists));
		for (bank = 0; bank < self->ima.nr_banks; bank++) {
			if (strcmp(self->ima.bank[bank].algo, "sha1"))
				continue;
			EXPECT_EQ(0, do_as(&row[i].who, do_read_in_chroot,
					   &self->lists.blob[bank][BINARY][CURRENT]));
		}
	}
	EXPECT_EQ(0, gate_is_free(self));
}

static int do_mount(const void *arg)
{
	if (unshare(CLONE_NEWNS))
		return -errno;
	return mount("securityfs", arg, "securityfs", 0, NULL) ? -errno : 0;
}

/* Who is not allowed to write cannot get at other files either. */
TEST_F(who, mounts_in_a_user_namespace)
{
	static const struct who admin = {
		.what = "root of a user namespace", .user_ns = true,
	};

	if (!exists(_metadata, &admin))
		SKIP(return, "no user namespace (CONFIG_USER_NS)");
	EXPECT_EQ(-EPERM, do_as(&admin, do_mount, self->ima.dir));
}

TEST_HARNESS_MAIN
