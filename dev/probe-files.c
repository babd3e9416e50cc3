// SPDX-License-Identifier: GPL-2.0
/*
 * probe-files: do each operation on each of IMA's files, as each kind of user,
 * and print what came of it, one line each: GROUP FILE HOW OPERATION: RESULT.
 * Two kernels whose IMA is the same to user space make it print the same.
 *
 * probe-files fields DIR [FORMAT]: make records of all templates, in which each
 * field is filled, out of what is in DIR, and only read IMA's files. FORMAT is
 * that of ima_template_fmt= if there is one.
 *
 * probe-files figures N: measure N files instead, and print what a record
 * costs: time, and bytes of memory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/kexec.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "blob.h"
#include "common.h"
#include "uring.h"

/* Files that are measured. */
#define WORK_DIR "/tmp/probe"

/* Files of these owners are measured, each kind in a way of its own. */
static const struct owner {
	uid_t uid;
	const char *rule;
} owners[] = {
	{ TEST_UID, "" },
	{ TEST_UID + 1, "template=ima-sig" },
	{ TEST_UID + 2, "template=ima-ngv2" },
	{ TEST_UID + 3, "template=ima" },
	{ TEST_UID + 4, "pcr=11" },
};

static void fail(const char *what)
{
	fprintf(stderr, "probe-files: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What is printed */

/* The line's beginning: group, file, and how that is open or who has it. */
static struct {
	const char *group, *file;
	char how[64];
} now;

__printf(1, 2) static void set_how(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(now.how, sizeof(now.how), fmt, ap);
	va_end(ap);
}

static void tell_text(const char *what, const char *text)
{
	printf("%s %s [%s] %s: %s\n", now.group, now.file, now.how, what, text);
}

/* @ret is what a system call has just returned. */
static void tell(const char *what, long ret)
{
	char text[32];

	if (ret < 0) {
		tell_text(what, strerrorname_np(errno));
		return;
	}
	snprintf(text, sizeof(text), "%ld", ret);
	tell_text(what, text);
}

/* FNV-1a: enough to tell that bytes differ. */
static unsigned long long sum_bytes(unsigned long long sum, const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--)
		sum = (sum ^ *byte++) * 0x100000001b3ULL;
	return sum;
}

#define SUM_START 0xcbf29ce484222325ULL

static void tell_bytes(const char *what, const void *data, ssize_t len)
{
	char text[64];

	if (len < 0) {
		tell_text(what, strerrorname_np(errno));
		return;
	}
	snprintf(text, sizeof(text), "%zd bytes, sum %016llx", len,
		 sum_bytes(SUM_START, data, len));
	tell_text(what, text);
}

/* For functions that return a negative errno. */
static void tell_errno(const char *what, const void *data, ssize_t ret)
{
	if (ret < 0)
		errno = -ret;
	tell_bytes(what, data, ret < 0 ? -1 : ret);
}

/* The files */

static char **names;
static int nr_names;

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *ent)
{
	return strcmp(ent->d_name, ".") && strcmp(ent->d_name, "..");
}

static void find_names(void)
{
	struct dirent **ent;
	int i;

	nr_names = scandir(IMA_DIR, &ent, not_dots, by_name);
	if (nr_names <= 0)
		fail(IMA_DIR);
	names = calloc(nr_names, sizeof(*names));
	if (!names)
		fail("calloc");
	for (i = 0; i < nr_names; i++)
		names[i] = strdup(ent[i]->d_name);
	if (chdir(IMA_DIR))
		fail(IMA_DIR);
}

static bool is_list(const char *name)
{
	return strstr(name, "runtime_measurements") && !strstr(name, "count");
}

/* What stat and readdir say of all of securityfs */

static void look_at(const char *path)
{
	struct statfs fs = { };
	char text[512], list[256];
	struct stat st;
	ssize_t len;

	now.file = path;
	if (lstat(path, &st))
		fail(path);
	snprintf(text, sizeof(text),
		 "mode %o, owner %u:%u, links %lu, size %ld, block size %ld, %ld blocks, device %lx",
		 st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink,
		 (long)st.st_size, (long)st.st_blksize, (long)st.st_blocks,
		 (unsigned long)st.st_rdev);
	tell_text("lstat", text);

	len = readlink(path, text, sizeof(text) - 1);
	if (len >= 0) {
		text[len] = '\0';
		tell_text("readlink", text);
	} else {
		tell("readlink", len);
	}
	tell("listxattr", llistxattr(path, list, sizeof(list)));
	tell("getxattr security.ima",
	     lgetxattr(path, "security.ima", list, sizeof(list)));
	tell("statfs", statfs(path, &fs));
	snprintf(text, sizeof(text), "type %lx, block size %ld, names %ld, flags %lx",
		 (long)fs.f_type, (long)fs.f_bsize, (long)fs.f_namelen,
		 (long)fs.f_flags);
	tell_text("statfs", text);
}

static void look_at_tree(const char *dir)
{
	struct dirent **ent;
	char path[512];
	int i, nr;

	nr = scandir(dir, &ent, not_dots, by_name);
	if (nr < 0)
		fail(dir);
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, ent[i]->d_name);
		set_how("readdir type %d", ent[i]->d_type);
		look_at(path);
		if (ent[i]->d_type == DT_DIR)
			look_at_tree(path);
		free(ent[i]);
	}
	free(ent);
}

/* Opening, as different users */

static const struct {
	const char *name;
	int flags;
} modes[] = {
	{ "read", O_RDONLY },
	{ "write", O_WRONLY },
	{ "read-write", O_RDWR },
	{ "no-access", O_ACCMODE },
	{ "read,append", O_RDONLY | O_APPEND },
	{ "write,append", O_WRONLY | O_APPEND },
	{ "read,truncate", O_RDONLY | O_TRUNC },
	{ "write,truncate", O_WRONLY | O_TRUNC },
	{ "read-write,nonblock", O_RDWR | O_NONBLOCK },
	{ "read,create", O_RDONLY | O_CREAT },
	{ "write,create", O_WRONLY | O_CREAT },
	{ "write,create,exclusive", O_WRONLY | O_CREAT | O_EXCL },
	{ "read,directory", O_RDONLY | O_DIRECTORY },
	{ "read,nofollow", O_RDONLY | O_NOFOLLOW },
	{ "read,direct", O_RDONLY | O_DIRECT },
	{ "read,sync", O_RDONLY | O_SYNC },
	{ "read,noatime", O_RDONLY | O_NOATIME },
	{ "read,async", O_RDONLY | O_ASYNC },
	{ "path", O_PATH },
	{ "tmpfile", O_TMPFILE | O_RDWR },
};

static void try_opens(const char *who)
{
	static const int tests[] = { F_OK, R_OK, W_OK, X_OK };
	unsigned int m, t;
	char what[64];
	int i, fd;

	now.group = "open";
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		set_how("%s", who);
		for (t = 0; t < ARRAY_SIZE(tests); t++) {
			snprintf(what, sizeof(what), "access %d", tests[t]);
			tell(what, faccessat(AT_FDCWD, names[i], tests[t], AT_EACCESS));
		}
		for (m = 0; m < ARRAY_SIZE(modes); m++) {
			fd = open(names[i], modes[m].flags, 0600);
			/* Which number it got says nothing. */
			tell(modes[m].name, fd < 0 ? -1 : 0);
			if (fd >= 0)
				close(fd);
		}
	}
	now.file = ".";
	tell("create in the directory", open("new", O_CREAT | O_WRONLY, 0600));
	tell("mkdir in the directory", mkdir("new", 0700));
	fflush(stdout);
}

static void keep_caps(unsigned int caps)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
	};

	if (syscall(SYS_capset, &header, data))
		fail("capset");
}

static void become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		fail("change of user");
}

static void as_root(void)
{
}

static void as_root_without_admin(void)
{
	keep_caps(1 << CAP_DAC_OVERRIDE);
}

static void as_root_without_caps(void)
{
	keep_caps(0);
}

static void as_user(void)
{
	become(1000, 1000);
}

static void as_user_of_group_root(void)
{
	become(1000, 0);
}

static void as_user_with_admin(void)
{
	if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) ||
	    setresuid(1000, 1000, 1000))
		fail("change of user");
	keep_caps(1 << CAP_SYS_ADMIN);
}

static void as_root_of_a_namespace(void)
{
	if (unshare(CLONE_NEWUSER))
		fail("unshare");
}

static const struct {
	const char *who;
	void (*become)(void);
} users[] = {
	{ "root", as_root },
	{ "root without CAP_SYS_ADMIN", as_root_without_admin },
	{ "root without capabilities", as_root_without_caps },
	{ "user", as_user },
	{ "user of root's group", as_user_of_group_root },
	{ "user with CAP_SYS_ADMIN", as_user_with_admin },
	{ "root of a user namespace", as_root_of_a_namespace },
};

static void in_child(void (*prepare)(void), void (*act)(const char *), const char *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		prepare();
		act(arg);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		fail("a child");
}

/* Every file open at once, once more in a child, and a third time after it. */
static void open_all(const char *how)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int fd[3][128] = { };
	unsigned int f;
	int i;

	now.group = "together";
	set_how("%s", how);
	for (f = 0; f < ARRAY_SIZE(flags); f++) {
		for (i = 0; i < nr_names && i < 128; i++) {
			now.file = names[i];
			fd[f][i] = open(names[i], flags[f]);
			tell(modes[f].name, fd[f][i] < 0 ? -1 : 0);
		}
	}
	if (!strcmp(how, "first"))
		in_child(as_root, open_all, "child");
	for (f = 0; f < ARRAY_SIZE(flags); f++)
		for (i = 0; i < nr_names && i < 128; i++)
			if (fd[f][i] >= 0)
				close(fd[f][i]);
}

/* Operations on an open file */

static char buf[1 << 20];
/* A pointer that no system call may take; no constant, which gcc would tell apart. */
static void *volatile bad_address = (void *)8;

static void try_reads(int fd)
{
	static const off_t positions[] = {
		0, 1, 100, 4095, 4096, 4097, 1 << 30, 1L << 62, -1,
	};
	static const size_t sizes[] = { 0, 1, 7, 4096, sizeof(buf) };
	struct iovec iov[2] = {
		{ .iov_base = buf, .iov_len = 5 },
		{ .iov_base = buf + 5, .iov_len = 300 },
	};
	struct uring u;
	unsigned int i;
	char what[64];
	char *edge;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		lseek(fd, 0, SEEK_SET);
		snprintf(what, sizeof(what), "read of %zu", sizes[i]);
		tell_bytes(what, buf, read(fd, buf, sizes[i]));
		strcat(what, ", again");
		tell_bytes(what, buf, read(fd, buf, sizes[i]));
		tell("position after it", lseek(fd, 0, SEEK_CUR));
	}
	for (i = 0; i < ARRAY_SIZE(positions); i++) {
		snprintf(what, sizeof(what), "pread at %ld", (long)positions[i]);
		tell_bytes(what, buf, pread(fd, buf, 64, positions[i]));
		snprintf(what, sizeof(what), "lseek to %ld", (long)positions[i]);
		tell(what, lseek(fd, positions[i], SEEK_SET));
		tell_bytes("read there", buf, read(fd, buf, 64));
		tell("lseek on by 3", lseek(fd, 3, SEEK_CUR));
		tell_bytes("read there", buf, read(fd, buf, 64));
	}
	lseek(fd, 0, SEEK_SET);
	tell("lseek to the end", lseek(fd, 0, SEEK_END));
	tell("lseek to data", lseek(fd, 0, SEEK_DATA));
	tell("lseek to a hole", lseek(fd, 0, SEEK_HOLE));
	tell("lseek to nowhere", lseek(fd, 0, 17));
	lseek(fd, 0, SEEK_SET);
	tell_bytes("readv", buf, readv(fd, iov, 2));
	tell_bytes("preadv at 10", buf, preadv(fd, iov, 2, 10));
	tell_bytes("preadv2 that must not wait", buf,
		   preadv2(fd, iov, 2, 0, RWF_NOWAIT));
	lseek(fd, 0, SEEK_SET);
	tell("read to a bad address", read(fd, bad_address, 100));
	tell_bytes("read after it", buf, read(fd, buf, 100));

	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED || munmap(edge + 4096, 4096))
		fail("mmap");
	lseek(fd, 0, SEEK_SET);
	tell_bytes("read over an edge of memory", edge + 4096 - 50,
		   read(fd, edge + 4096 - 50, 100) < 0 ? -1 : 50);
	munmap(edge, 4096);

	if (uring_open(&u))
		fail("io_uring");
	lseek(fd, 0, SEEK_SET);
	tell_errno("io_uring read", buf, uring_read(&u, fd, buf, 200, 0));
	tell_errno("io_uring read at 50", buf, uring_read(&u, fd, buf, 200, 50));
	uring_close(&u);
}

static void try_writes(int fd)
{
	static const char * const words[] = { "A", "D", "1", "A\n", "D\n", "1\n", "x" };
	struct iovec iov[2] = {
		{ .iov_base = "A", .iov_len = 1 },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	struct uring u;
	unsigned int i;
	char what[64];

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		snprintf(what, sizeof(what), "write of %.1s, %zu", words[i], strlen(words[i]));
		tell(what, write(fd, words[i], strlen(words[i])));
		strcat(what, ", at 3");
		tell(what, pwrite(fd, words[i], strlen(words[i]), 3));
	}
	tell("write of nothing", write(fd, "", 0));
	tell("write from a bad address", write(fd, bad_address, 1));
	tell("write of a page and more", write(fd, buf, 4097));
	tell("writev", writev(fd, iov, 2));
	tell("pwritev", pwritev(fd, iov, 2, 0));
	tell("pwritev2 that appends", pwritev2(fd, iov, 2, 0, RWF_APPEND));
	if (uring_open(&u))
		fail("io_uring");
	tell_errno("io_uring write", buf, uring_write(&u, fd, "A", 1, 0));
	uring_close(&u);
}

static void try_transfers(int fd)
{
	int pipes[2], file, memory;
	loff_t pos = 0;

	file = open(WORK_DIR "/other", O_RDWR | O_CREAT | O_TRUNC, 0600);
	memory = memfd_create("probe", 0);
	if (file < 0 || memory < 0 || pipe(pipes))
		fail("a file, pipe or memory");
	if (write(file, "A\n", 2) != 2 || write(pipes[1], "A\n", 2) != 2)
		fail("write");

	tell("splice from a pipe", splice(pipes[0], NULL, fd, NULL, 2, SPLICE_F_NONBLOCK));
	tell("vmsplice", vmsplice(fd, &(struct iovec) { "A", 1 }, 1, SPLICE_F_NONBLOCK));
	tell("sendfile to it", sendfile(fd, file, &pos, 2));
	pos = 0;
	tell("copy_file_range to it", copy_file_range(file, &pos, fd, NULL, 2, 0));
	lseek(fd, 0, SEEK_SET);
	tell("splice to a pipe", splice(fd, NULL, pipes[1], NULL, 50, SPLICE_F_NONBLOCK));
	pos = 0;
	tell("splice at 0", splice(fd, &pos, pipes[1], NULL, 50, SPLICE_F_NONBLOCK));
	tell("tee", tee(fd, pipes[1], 50, SPLICE_F_NONBLOCK));
	lseek(fd, 0, SEEK_SET);
	tell("sendfile to memory", sendfile(memory, fd, NULL, 50));
	lseek(fd, 0, SEEK_SET);
	tell("sendfile to a pipe", sendfile(pipes[1], fd, NULL, 50));
	lseek(fd, 0, SEEK_SET);
	tell("copy_file_range", copy_file_range(fd, NULL, file, NULL, 50, 0));
	tell("clone", ioctl(file, FICLONE, fd));
	close(pipes[0]);
	close(pipes[1]);
	close(file);
	close(memory);
}

static void try_waiting(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLPRI };
	struct pollfd poll_fd = { .fd = fd, .events = 0xffff };
	struct timeval none = { };
	int epoll_fd;
	fd_set set;

	tell("poll", poll(&poll_fd, 1, 0));
	tell("polled events", poll_fd.revents);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	tell("select to write", select(fd + 1, NULL, &set, NULL, &none));
	FD_SET(fd, &set);
	tell("select exceptions", select(fd + 1, NULL, NULL, &set, &none));
	epoll_fd = epoll_create1(0);
	tell("epoll", epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event));
	close(epoll_fd);
}

static void try_mappings(int fd)
{
	static const struct {
		const char *name;
		int prot, flags;
	} maps[] = {
		{ "mmap to read", PROT_READ, MAP_PRIVATE },
		{ "mmap to read, shared", PROT_READ, MAP_SHARED },
		{ "mmap to write, shared", PROT_READ | PROT_WRITE, MAP_SHARED },
		{ "mmap to execute", PROT_READ | PROT_EXEC, MAP_PRIVATE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++)
		tell(maps[i].name, mmap(NULL, 4096, maps[i].prot, maps[i].flags, fd, 0) ==
				   MAP_FAILED ? -1 : 0);
}

static void try_controls(int fd)
{
	static const struct {
		const char *name;
		unsigned long request;
	} requests[] = {
		{ "FIONREAD", FIONREAD }, { "FIGETBSZ", FIGETBSZ },
		{ "FIOQSIZE", FIOQSIZE }, { "FIBMAP", FIBMAP },
		{ "FS_IOC_GETFLAGS", FS_IOC_GETFLAGS },
		{ "FS_IOC_FSGETXATTR", FS_IOC_FSGETXATTR },
		{ "FS_IOC_FIEMAP", FS_IOC_FIEMAP }, { "FIFREEZE", FIFREEZE },
		{ "TCGETS", TCGETS }, { "0", 0 }, { "0x49414d41", 0x49414d41 },
	};
	static const struct {
		const char *name;
		int command;
		long arg;
	} controls[] = {
		{ "F_GETFD", F_GETFD, 0 }, { "F_GETFL", F_GETFL, 0 },
		{ "F_SETFL O_APPEND", F_SETFL, O_APPEND },
		{ "F_SETFL O_NONBLOCK", F_SETFL, O_NONBLOCK },
		{ "F_SETFL O_DIRECT", F_SETFL, O_DIRECT },
		{ "F_SETFL O_ASYNC", F_SETFL, O_ASYNC }, { "F_SETFL", F_SETFL, 0 },
		{ "F_SETLEASE read", F_SETLEASE, F_RDLCK },
		{ "F_SETLEASE write", F_SETLEASE, F_WRLCK },
		{ "F_SETLEASE none", F_SETLEASE, F_UNLCK },
		{ "F_NOTIFY", F_NOTIFY, DN_MODIFY }, { "F_GETPIPE_SZ", F_GETPIPE_SZ, 0 },
		{ "F_GET_SEALS", F_GET_SEALS, 0 }, { "F_GETOWN", F_GETOWN, 0 },
	};
	long area[64] = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		memset(area, 0, sizeof(area));
		tell(requests[i].name, ioctl(fd, requests[i].request, area));
		tell_bytes("its answer", area, sizeof(area));
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		tell(controls[i].name, fcntl(fd, controls[i].command, controls[i].arg));
	for (i = 0; i < 2; i++) {
		struct flock lock = { .l_type = i ? F_WRLCK : F_RDLCK };

		tell(i ? "F_SETLK write" : "F_SETLK read", fcntl(fd, F_SETLK, &lock));
		tell(i ? "F_OFD_SETLK write" : "F_OFD_SETLK read",
		     fcntl(fd, F_OFD_SETLK, &lock));
	}
	tell("flock", flock(fd, LOCK_EX | LOCK_NB));
	tell("flock again", flock(fd, LOCK_SH | LOCK_NB));
}

static void try_inode(int fd)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct stat st;

	tell("fallocate", fallocate(fd, 0, 0, 4096));
	tell("fallocate to punch a hole",
	     fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	tell("fsync", fsync(fd));
	tell("fdatasync", fdatasync(fd));
	tell("sync_file_range", sync_file_range(fd, 0, 1, SYNC_FILE_RANGE_WRITE));
	tell("syncfs", syncfs(fd));
	tell("readahead", readahead(fd, 0, 4096));
	tell("posix_fadvise", (errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)) ? -1 : 0);
	tell("ftruncate", ftruncate(fd, 5));
	tell("fstat", fstat(fd, &st));
	tell("size", st.st_size);
	tell("ftruncate back", ftruncate(fd, 0));
	if (fstat(fd, &st))
		fail("fstat");
	tell("fchmod", fchmod(fd, 0777));
	tell("fchmod back", fchmod(fd, st.st_mode & 07777));
	tell("fchown", fchown(fd, 5, 6));
	tell("fchown back", fchown(fd, st.st_uid, st.st_gid));
	/* Root's change of owner may have cleared something. */
	tell("mode", fstat(fd, &st) ? -1 : (long)st.st_mode);
	tell("futimens", futimens(fd, times));
	tell("fsetxattr user", fsetxattr(fd, "user.x", "x", 1, 0));
	tell("fsetxattr trusted", fsetxattr(fd, "trusted.x", "x", 1, 0));
	tell("fsetxattr security", fsetxattr(fd, "security.x", "x", 1, 0));
	tell("fgetxattr", fgetxattr(fd, "security.x", buf, 10));
	tell("fchdir", fchdir(fd));
	tell("getdents", syscall(SYS_getdents64, fd, buf, 0));
}

static void try_names(const char *name)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount, watch = inotify_init1(IN_NONBLOCK);

	now.group = "names";
	now.file = name;
	set_how("by name");
	tell("unlink", unlink(name));
	tell("rmdir", rmdir(name));
	tell("rename", rename(name, "new"));
	tell("rename to another", rename(name, "policy"));
	tell("link", link(name, "new"));
	tell("symlink", symlink("new", name));
	tell("mkdir", mkdir(name, 0700));
	tell("mknod", mknod(name, S_IFIFO | 0600, 0));
	tell("truncate", truncate(name, 0));
	tell("execve", execve(name, (char *[]){ (char *)name, NULL }, NULL));
	tell("statfs", statfs(name, (struct statfs *)buf));
	tell("inotify", inotify_add_watch(watch, name, IN_MODIFY | IN_OPEN));
	tell("name_to_handle_at", name_to_handle_at(AT_FDCWD, name, &h.handle, &mount, 0));
	close(watch);
}

static void try_operations(void)
{
	static const struct {
		const char *name;
		void (*act)(int fd);
	} parts[] = {
		{ "reads", try_reads },
		{ "writes", try_writes },
		{ "transfers", try_transfers },
		{ "waiting", try_waiting },
		{ "mappings", try_mappings },
		{ "controls", try_controls },
		{ "inode", try_inode },
	};
	unsigned int m, p;
	int i, fd;

	for (p = 0; p < ARRAY_SIZE(parts); p++) {
		now.group = parts[p].name;
		for (i = 0; i < nr_names; i++) {
			now.file = names[i];
			/* Read, write, both, neither. */
			for (m = 0; m < 4; m++) {
				fd = open(names[i], modes[m].flags | O_NONBLOCK);
				if (fd < 0)
					continue;
				set_how("%s", modes[m].name);
				parts[p].act(fd);
				close(fd);
				if (chdir(IMA_DIR))
					fail(IMA_DIR);
			}
		}
	}
	for (i = 0; i < nr_names; i++)
		try_names(names[i]);
}

/* Records */

static void record(const char *name, uid_t owner, const char *content)
{
	size_t len = strlen(content);
	int fd;

	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, content, len) != (ssize_t)len || fchown(fd, owner, -1))
		fail(name);
	close(fd);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		fail(name);
	close(fd);
}

static int open_policy(void)
{
	int fd;

	fd = open(IMA_DIR "/policy", O_WRONLY);
	if (fd < 0)
		fail("IMA's policy");
	return fd;
}

/* One write takes one rule. */
__printf(2, 3) static void add_rule(int fd, const char *fmt, ...)
{
	char rule[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(rule, sizeof(rule) - 1, fmt, ap);
	va_end(ap);
	if (len >= (int)sizeof(rule) - 1) {
		errno = E2BIG;
		fail(rule);
	}
	rule[len++] = '\n';
	if (write(fd, rule, len) != len)
		fail(rule);
}

/* All rules together begin to hold here. */
static void close_policy(int fd)
{
	if (close(fd))
		fail("IMA's policy");
}

static void load_rules(void)
{
	unsigned int i;
	int fd;

	fd = open_policy();
	for (i = 0; i < ARRAY_SIZE(owners); i++)
		add_rule(fd, "measure func=FILE_CHECK mask=MAY_READ fowner=%d %s",
			 owners[i].uid, owners[i].rule);
	close_policy(fd);
}

/* A violation of each kind: open for read while open for write, and then the reverse. */
static void record_violations(const char *name, uid_t owner)
{
	int reader, writer;

	writer = open(name, O_WRONLY | O_CREAT, 0600);
	if (writer < 0 || fchown(writer, owner, -1))
		fail(name);
	reader = open(name, O_RDONLY);
	close(writer);
	writer = open(name, O_WRONLY);
	if (reader < 0 || writer < 0)
		fail(name);
	close(writer);
	close(reader);
}

/* Files of all owners, some of the same content, and violations of both kinds. */
static void make_records(int round)
{
	char name[300], content[64];
	unsigned int i, nr;

	for (i = 0; i < ARRAY_SIZE(owners); i++) {
		for (nr = 0; nr < 12; nr++) {
			snprintf(name, sizeof(name), WORK_DIR "/%d-%u-%u", round, i, nr);
			snprintf(content, sizeof(content), "%d %u", round, nr / 2 * i);
			record(name, owners[i].uid, content);
		}
	}
	snprintf(name, sizeof(name), WORK_DIR "/%0250d", round);
	record(name, TEST_UID, "a long name");
	snprintf(name, sizeof(name), WORK_DIR "/a name of\x01%d\x7f", round);
	record(name, TEST_UID, "");

	snprintf(name, sizeof(name), WORK_DIR "/%d-violation", round);
	record_violations(name, TEST_UID);
}

/* Descriptors that stay open while records are added. */
static void try_kept(void)
{
	int i, fd[128];
	ssize_t len;

	now.group = "kept";
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		set_how("before");
		fd[i] = open(names[i], is_list(names[i]) ? O_RDWR : O_RDONLY);
		if (fd[i] >= 0)
			tell_bytes("read of 300", buf, read(fd[i], buf, 300));
	}
	make_records(2);
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		set_how("after");
		if (fd[i] < 0)
			continue;
		while ((len = read(fd[i], buf, 1000)) > 0)
			tell_bytes("read of 1000", buf, len);
		tell("end", len);
	}
	make_records(3);
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		set_how("after the end");
		if (fd[i] < 0)
			continue;
		tell_bytes("read", buf, read(fd[i], buf, sizeof(buf)));
		tell_bytes("read at 0", buf, pread(fd[i], buf, sizeof(buf), 0));
		close(fd[i]);
	}
}

static void tell_contents(const char *when)
{
	struct blob content;
	int i, err;

	now.group = "bytes";
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		set_how("%s", when);
		content = (struct blob) { };
		err = blob_read_file(&content, names[i]);
		tell_errno("content", content.data, err ? err : (ssize_t)content.len);
		blob_free(&content);
	}
}

static void probe(void)
{
	unsigned int i;

	find_names();
	now.group = "tree";
	look_at_tree("/sys/kernel/security");
	tell_contents("as booted");
	load_rules();
	make_records(1);
	tell_contents("with records");
	for (i = 0; i < ARRAY_SIZE(users); i++)
		in_child(users[i].become, try_opens, users[i].who);
	open_all("first");
	open_all("again");
	try_kept();
	try_operations();
	tell_contents("at the end");
	now.group = "tree";
	look_at_tree("/sys/kernel/security");
}

/* Records of all templates, with all fields */

static const char * const templates[] = {
	"ima", "ima-ng", "ima-ngv2", "ima-sig", "ima-sigv2", "ima-buf",
	"ima-modsig", "evm-sig",
};

/* The owner of files that are measured in template @i. After the last template
 * come the one that the kernel was started with, then the one of a format.
 */
#define TEMPLATE_UID(i) (TEST_UID + 100 + (i))
#define DEFAULT_UID TEMPLATE_UID(ARRAY_SIZE(templates))
#define FORMAT_UID (DEFAULT_UID + 1)

/* The first byte of security.ima and security.evm tells what the rest is. */
#define XATTR_DIGEST 1
#define XATTR_SIGNATURE 3
#define XATTR_PORTABLE 5

enum { SIG_SHA1, SIG_SHA256, SIG_SHA512, NR_SIGS };

/* What was made for this outside */
static struct {
	struct blob sig[NR_SIGS];	/* as security.ima has it */
	struct blob cert;
	char kernel[256];
	char initramfs[256];		/* with an appended signature */
} input;

static void load_input(const char *dir)
{
	static const struct {
		const char *name;
		struct blob *content;
	} files[] = {
		{ "sig-sha1", &input.sig[SIG_SHA1] },
		{ "sig-sha256", &input.sig[SIG_SHA256] },
		{ "sig-sha512", &input.sig[SIG_SHA512] },
		{ "cert", &input.cert },
	};
	char path[256];
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		err = blob_read_file(files[i].content, path);
		if (err) {
			errno = -err;
			fail(path);
		}
	}
	snprintf(input.kernel, sizeof(input.kernel), "%s/kernel", dir);
	snprintf(input.initramfs, sizeof(input.initramfs), "%s/initramfs", dir);
}

static void set_xattr(const char *path, const char *name, const struct blob *value)
{
	/* A signature of a hash that the kernel does not know is refused. */
	if (setxattr(path, name, value->data, value->len, 0) && errno != EACCES)
		fail(name);
}

/* security.evm with the same signature as that security.ima */
static void set_portable(const char *path, const struct blob *sig)
{
	struct blob evm = { };

	blob_add(&evm, sig->data, sig->len);
	evm.data[0] = XATTR_PORTABLE;
	set_xattr(path, "security.evm", &evm);
	blob_free(&evm);
}

static void set_digest(const char *path)
{
	struct blob ima = { };

	blob_add(&ima, "\1aaaaabbbbbcccccddddd", 21);
	set_xattr(path, "security.ima", &ima);
	blob_free(&ima);
}

static void set_capability(const char *path)
{
	struct vfs_cap_data data = {
		.magic_etc = VFS_CAP_REVISION_2,
		.data[0].permitted = 1 << CAP_CHOWN,
	};
	struct blob capability = { };

	blob_add(&capability, &data, sizeof(data));
	set_xattr(path, "security.capability", &capability);
	blob_free(&capability);
}

/* What looks like a signature, of @len bytes in all */
static void set_long_signature(const char *path, size_t len)
{
	struct blob ima = { };
	size_t i;

	blob_add(&ima, input.sig[SIG_SHA256].data, 9);
	for (i = ima.len; i < len; i++)
		blob_add(&ima, &(uint8_t) { i * 7 }, 1);
	set_xattr(path, "security.ima", &ima);
	blob_free(&ima);
}

static void prepare(const char *path, uid_t owner, const char *content)
{
	size_t len = strlen(content);
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	/* Changes of owner take capabilities away: they come first. */
	if (fd < 0 || write(fd, content, len) != (ssize_t)len ||
	    fchown(fd, owner, owner % 1000) || fchmod(fd, 0400 | owner % 0200))
		fail(path);
	close(fd);
}

static void measure(const char *path)
{
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	close(fd);
}

static void with_digest(const char *path)
{
	set_digest(path);
}

static void with_sha1(const char *path)
{
	set_xattr(path, "security.ima", &input.sig[SIG_SHA1]);
}

static void with_sha256(const char *path)
{
	set_xattr(path, "security.ima", &input.sig[SIG_SHA256]);
}

static void with_sha512(const char *path)
{
	set_xattr(path, "security.ima", &input.sig[SIG_SHA512]);
}

static void with_evm(const char *path)
{
	set_portable(path, &input.sig[SIG_SHA256]);
}

static void with_all(const char *path)
{
	set_capability(path);
	set_xattr(path, "security.ima", &input.sig[SIG_SHA256]);
	set_portable(path, &input.sig[SIG_SHA512]);
}

/* Longer than any buffer that the list is written to at first */
static void with_long(const char *path)
{
	set_long_signature(path, 60000);
}

static void without(const char *path)
{
	(void)path;
}

static void make_files_of(uid_t owner)
{
	static const struct {
		const char *name, *content;
		void (*set)(const char *path);
	} files[] = {
		{ "plain", "plain", without },
		{ "empty", "", without },
		{ "a name of \x01 and \x7f", "name", without },
		{ "digest", "digest", with_digest },
		{ "sha1", "sha1", with_sha1 },
		{ "sha256", "sha256", with_sha256 },
		{ "sha512", "sha512", with_sha512 },
		{ "evm", "evm", with_evm },
		{ "all", "all", with_all },
		{ "long", "long", with_long },
	};
	char path[300];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), WORK_DIR "/%d-%s", owner, files[i].name);
		prepare(path, owner, files[i].content);
		files[i].set(path);
		measure(path);
	}
	snprintf(path, sizeof(path), WORK_DIR "/%0250d", owner);
	prepare(path, owner, "a long name");
	measure(path);
	snprintf(path, sizeof(path), WORK_DIR "/%d-violation", owner);
	record_violations(path, owner);
}

/* Records that end at each byte around the end of a page, ASCII and binary. */
static void make_lengths(uid_t owner)
{
	static const struct {
		size_t first, last;
	} lengths[] = {
		{ 4096 / 2 - 160, 4096 / 2 - 60 },
		{ 4096 - 200, 4096 - 100 },
	};
	char path[300];
	unsigned int i;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (len = lengths[i].first; len < lengths[i].last; len++) {
			snprintf(path, sizeof(path), WORK_DIR "/%d-%zu", owner, len);
			prepare(path, owner, path);
			set_long_signature(path, len);
			measure(path);
		}
	}
}

/* Adding a key to a keyring that a rule names measures the key. */
static void add_key_to(const char *keyring)
{
	long ring, key;

	ring = syscall(SYS_add_key, "keyring", keyring, NULL, 0, KEY_SPEC_PROCESS_KEYRING);
	if (ring < 0)
		fail("a keyring");
	key = syscall(SYS_add_key, "asymmetric", "", input.cert.data, input.cert.len, ring);
	if (key < 0)
		fail("a key");
}

/* Loading a kernel measures its command line and its initramfs. */
static void load_kernel(uid_t owner, size_t len)
{
	char arguments[2048] = "", path[300];
	struct blob initramfs = { };
	int kernel, fd;

	memset(arguments, 'x', len);
	if (blob_read_file(&initramfs, input.initramfs))
		fail(input.initramfs);
	snprintf(path, sizeof(path), WORK_DIR "/initramfs-%d", owner);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || write(fd, initramfs.data, initramfs.len) != (ssize_t)initramfs.len ||
	    fchown(fd, owner, -1))
		fail(path);
	close(fd);
	blob_free(&initramfs);
	with_all(path);

	kernel = open(input.kernel, O_RDONLY);
	fd = open(path, O_RDONLY);
	if (kernel < 0 || fd < 0)
		fail("a kernel and its initramfs");
	if (syscall(SYS_kexec_file_load, kernel, fd, len + 1, arguments, 0))
		fail("kexec_file_load");
	close(kernel);
	close(fd);
}

static void make_all_templates(const char *format)
{
	unsigned int i;
	int fd;

	fd = open_policy();
	for (i = 0; i < ARRAY_SIZE(templates); i++)
		add_rule(fd, "measure func=FILE_CHECK mask=MAY_READ fowner=%d template=%s",
			 TEMPLATE_UID(i), templates[i]);
	add_rule(fd, "measure func=FILE_CHECK mask=MAY_READ fowner=%zu", DEFAULT_UID);
	add_rule(fd, "measure func=KEY_CHECK keyrings=probe");
	add_rule(fd, "measure func=KEXEC_CMDLINE");
	add_rule(fd, "measure func=KEXEC_INITRAMFS_CHECK fowner=%d template=ima-modsig",
		 TEST_UID);
	if (format) {
		add_rule(fd, "measure func=FILE_CHECK mask=MAY_READ fowner=%zu template=%s",
			 FORMAT_UID, format);
		add_rule(fd, "measure func=KEY_CHECK keyrings=format template=%s", format);
		add_rule(fd, "measure func=KEXEC_INITRAMFS_CHECK fowner=%zu template=%s",
			 FORMAT_UID, format);
	}
	add_rule(fd, "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig|modsig");
	close_policy(fd);

	for (i = 0; i < ARRAY_SIZE(templates); i++)
		make_files_of(TEMPLATE_UID(i));
	make_files_of(DEFAULT_UID);
	/* ima-sig */
	make_lengths(TEMPLATE_UID(3));
	add_key_to("probe");
	load_kernel(TEST_UID, 50);
	/* A command line of nearly the longest that there can be, and nothing else. */
	load_kernel(TEST_UID + 1, 2000);
	if (format) {
		make_files_of(FORMAT_UID);
		add_key_to("format");
		load_kernel(FORMAT_UID, 51);
	}
	if (syscall(SYS_kexec_file_load, -1, -1, 0, NULL, KEXEC_FILE_UNLOAD))
		fail("unloading the kernel");
}

static void fields(const char *dir, const char *format)
{
	int i, fd;

	load_input(dir);
	find_names();
	make_all_templates(format);
	now.group = "reads";
	set_how("read");
	for (i = 0; i < nr_names; i++) {
		now.file = names[i];
		fd = open(names[i], O_RDONLY);
		if (fd < 0)
			fail(names[i]);
		try_reads(fd);
		close(fd);
	}
}

/* What a record costs */

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Bytes of all objects in slab caches, as /proc/slabinfo counts them. */
static long long slab_bytes(void)
{
	unsigned long active, size;
	long long sum = 0;
	char line[512];
	FILE *file;

	file = fopen("/proc/slabinfo", "r");
	if (!file)
		fail("/proc/slabinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lu %*u %lu", &active, &size) == 2)
			sum += (long long)active * size;
	fclose(file);
	return sum;
}

/*
 * Bytes of all pages that only the kernel can give back: of slab caches, and of what is
 * too large for one.
 */
static long long memory_bytes(void)
{
	long long value, sum = 0;
	char line[512];
	FILE *file;

	file = fopen("/proc/meminfo", "r");
	if (!file)
		fail("/proc/meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "SUnreclaim: %lld", &value) == 1 ||
		    sscanf(line, "VmallocUsed: %lld", &value) == 1)
			sum += value * 1024;
	fclose(file);
	return sum;
}

/* The fastest of some times that a whole list is read, per record. */
static long long read_ns(const char *path, int records)
{
	long long start, best = -1;
	int i, fd;

	for (i = 0; i < 7; i++) {
		fd = open(path, O_RDONLY);
		if (fd < 0)
			fail(path);
		start = now_ns();
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		start = now_ns() - start;
		close(fd);
		if (best < 0 || start < best)
			best = start;
	}
	return best / records;
}

#define BATCH 100

static void figures(int records)
{
	long long slab, memory, start = 0, best = -1;
	char name[64];
	int i, fd;

	load_rules();
	record(WORK_DIR "/first", TEST_UID, "first");
	for (i = 0; i < records; i++) {
		snprintf(name, sizeof(name), WORK_DIR "/figure%d", i);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0 || write(fd, name, strlen(name)) < 0 || fchown(fd, TEST_UID, -1))
			fail(name);
		close(fd);
	}
	slab = slab_bytes();
	memory = memory_bytes();
	for (i = 0; i < records; i++) {
		if (i % BATCH == 0)
			start = now_ns();
		snprintf(name, sizeof(name), WORK_DIR "/figure%d", i);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			fail(name);
		close(fd);
		if (i % BATCH == BATCH - 1) {
			start = now_ns() - start;
			if (best < 0 || start < best)
				best = start;
		}
	}
	slab = slab_bytes() - slab;
	memory = memory_bytes() - memory;
	printf("slab-bytes %lld\n", slab / records);
	printf("memory-bytes %lld\n", memory / records);
	printf("measure-ns %lld\n", best / BATCH);
	printf("read-binary-ns %lld\n",
	       read_ns(IMA_DIR "/binary_runtime_measurements", records));
	printf("read-ascii-ns %lld\n",
	       read_ns(IMA_DIR "/ascii_runtime_measurements", records));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (mkdir(WORK_DIR, 0755) && errno != EEXIST)
		fail(WORK_DIR);
	if (argc == 3 && !strcmp(argv[1], "figures"))
		figures(atoi(argv[2]));
	else if (argc >= 3 && !strcmp(argv[1], "fields"))
		fields(argv[2], argc > 3 && *argv[3] ? argv[3] : NULL);
	else
		probe();
	return 0;
}
