// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "saved.h"

#define BINARY_PREFIX "binary_runtime_measurements_"
#define ASCII_PREFIX "ascii_runtime_measurements_"
#define STAGED_SUFFIX "_staged"

unsigned int env_uint(const char *name, unsigned int value)
{
	const char *str = getenv(name);

	return str && *str ? strtoul(str, NULL, 10) : value;
}

char *end_of_memory(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *mem;

	mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || mprotect(mem + page, page, PROT_NONE))
		return NULL;
	return mem + page;
}

/* The list files */

static bool ends_with(const char *str, const char *end)
{
	size_t len = strlen(str), end_len = strlen(end);

	return len >= end_len && !strcmp(str + len - end_len, end);
}

static void add_bank(struct ima *ima, const char *algo)
{
	struct bank *bank = &ima->bank[ima->nr_banks];
	char pcr[128];
	int kind;

	/* A bank of an algorithm without a name has digests of unknown size. */
	if (!hash_size(algo) || ima->nr_banks == MAX_BANKS)
		return;

	snprintf(bank->algo, sizeof(bank->algo), "%s", algo);
	bank->digest_size = hash_size(algo);
	snprintf(pcr, sizeof(pcr), "/sys/class/tpm/tpm0/pcr-%s/%d", algo, IMA_PCR);
	bank->in_tpm = !access(pcr, R_OK);
	for (kind = 0; kind < NR_KINDS; kind++) {
		const char *suffix = kind == STAGED ? STAGED_SUFFIX : "";

		snprintf(bank->path[ASCII][kind], sizeof(bank->path[0][0]),
			 IMA_DIR "/" ASCII_PREFIX "%s%s", algo, suffix);
		snprintf(bank->path[BINARY][kind], sizeof(bank->path[0][0]),
			 IMA_DIR "/" BINARY_PREFIX "%s%s", algo, suffix);
	}
	ima->nr_banks++;
}

const char *ima_find_banks(struct ima *ima)
{
	struct dirent **ent;
	int i, nr;

	ima->nr_banks = 0;
	if (geteuid())
		return "needs root";
	nr = scandir(IMA_DIR, &ent, NULL, alphasort);
	if (nr < 0)
		return "no IMA, or no securityfs mounted (CONFIG_IMA, CONFIG_SECURITYFS)";
	for (i = 0; i < nr; i++) {
		const char *name = ent[i]->d_name;

		if (!strncmp(name, BINARY_PREFIX, strlen(BINARY_PREFIX)) &&
		    !ends_with(name, STAGED_SUFFIX))
			add_bank(ima, name + strlen(BINARY_PREFIX));
		free(ent[i]);
	}
	free(ent);
	if (!ima->nr_banks)
		return "no measurement list of a known algorithm";
	return NULL;
}

int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

bool ima_has_staging(void)
{
	return !access(IMA_DIR "/" BINARY_PREFIX "sha1" STAGED_SUFFIX, F_OK);
}

int kernel_option(const char *option)
{
	char command[128];
	int status;

	if (access("/proc/config.gz", R_OK))
		return -1;
	snprintf(command, sizeof(command),
		 "zcat /proc/config.gz | grep -q ^CONFIG_%s=y", option);
	status = system(command);
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return -1;
	return !WEXITSTATUS(status);
}

bool ima_may_record_duplicates(void)
{
	return kernel_option("IMA_DISABLE_HTABLE");
}

bool ima_forgets_deleted(void)
{
	struct blob b = { };
	bool forgets = false;
	char *word;

	if (blob_read_file(&b, "/proc/cmdline"))
		return false;
	blob_add(&b, "", 1);
	for (word = strtok((char *)b.data, "\n "); word; word = strtok(NULL, "\n "))
		if (!strcmp(word, "ima_flush_htable"))
			forgets = true;
	blob_free(&b);
	return forgets;
}

static long read_counter(const char *path)
{
	struct blob b = { };
	long count;
	int err;

	err = blob_read_file(&b, path);
	if (!err && !b.len)
		err = -EIO;
	if (err) {
		blob_free(&b);
		return err;
	}
	blob_add(&b, "", 1);
	count = strtol((char *)b.data, NULL, 10);
	blob_free(&b);
	return count;
}

long ima_count(void)
{
	return read_counter(IMA_DIR "/runtime_measurements_count");
}

long ima_deleted(void)
{
	return read_counter(IMA_DIR "/runtime_measurements_deleted");
}

int lists_read(const struct ima *ima, struct lists *l)
{
	int i, form, kind, err;

	*l = (struct lists) { };
	for (i = 0; i < ima->nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			for (kind = 0; kind < NR_KINDS; kind++) {
				err = blob_read_file(&l->blob[i][form][kind],
						     ima->bank[i].path[form][kind]);
				if (err)
					goto fail;
			}
		}
	}
	l->count = ima_count();
	l->deleted = ima_deleted();
	if (l->count >= 0 && (l->deleted >= 0 || l->deleted == -ENOENT))
		return 0;
	err = l->count < 0 ? l->count : l->deleted;
fail:
	lists_free(l);
	return err;
}

bool lists_equal(const struct lists *a, const struct lists *b)
{
	int i, form, kind;

	for (i = 0; i < MAX_BANKS; i++)
		for (form = 0; form < NR_FORMS; form++)
			for (kind = 0; kind < NR_KINDS; kind++)
				if (!blob_equal(&a->blob[i][form][kind],
						&b->blob[i][form][kind]))
					return false;
	return a->count == b->count && a->deleted == b->deleted;
}

bool lists_unchanged(const struct ima *ima, const struct lists *before)
{
	struct lists now;
	bool same;

	if (lists_read(ima, &now))
		return false;
	same = lists_equal(before, &now);
	lists_free(&now);
	return same;
}

void lists_free(struct lists *l)
{
	int i, form, kind;

	for (i = 0; i < MAX_BANKS; i++)
		for (form = 0; form < NR_FORMS; form++)
			for (kind = 0; kind < NR_KINDS; kind++)
				blob_free(&l->blob[i][form][kind]);
}

static const char *list_disagrees(const struct bank *bank,
				  const struct blob *binary,
				  const struct blob *ascii, size_t *nr)
{
	const char *why = NULL;
	struct blob shown = { };
	struct mlist list;
	size_t i;

	if (mlist_parse(&list, binary->data, binary->len, bank->digest_size))
		return "a binary list cannot be parsed";
	*nr = list.nr;
	for (i = 0; i < list.nr && !why; i++)
		if (record_show(&list.rec[i], bank->digest_size, &shown))
			why = "a record that is not ima-ng";
	if (!why && !blob_equal(&shown, ascii))
		why = "an ASCII list does not say what the binary one says";
	blob_free(&shown);
	mlist_free(&list);
	return why;
}

const char *lists_disagree(const struct ima *ima, const struct lists *l)
{
	size_t nr, first[NR_KINDS] = { };
	const char *why;
	int i, kind;

	for (i = 0; i < ima->nr_banks; i++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			why = list_disagrees(&ima->bank[i],
					     &l->blob[i][BINARY][kind],
					     &l->blob[i][ASCII][kind], &nr);
			if (why)
				return why;
			if (!i)
				first[kind] = nr;
			if (nr != first[kind])
				return "the banks' lists differ in length";
		}
	}
	if ((long)first[CURRENT] != l->count)
		return "runtime_measurements_count is not the list's length";
	return NULL;
}

/* Files that are measured */

static int write_all(int fd, const char *data)
{
	size_t len = strlen(data);
	ssize_t done;

	done = write(fd, data, len);
	if (done < 0)
		return -errno;
	return (size_t)done == len ? 0 : -EIO;
}

int measure_content(const char *path, const char *content)
{
	int fd, err;

	/* A new inode, of which IMA knows nothing. */
	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, content);
	if (!err && fchown(fd, TEST_UID, -1))
		err = -errno;
	close(fd);
	if (err)
		return err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int measure_files(const struct ima *ima, const char *name, unsigned int first,
		  unsigned int nr)
{
	char path[512];
	unsigned int i;
	int err;

	for (i = first; i < first + nr; i++) {
		snprintf(path, sizeof(path), "%s/%s%u", ima->dir, name, i);
		/* The path will do as a content that no other file has. */
		err = measure_content(path, path);
		if (!err && unlink(path))
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

int measure_long_path(const struct ima *ima, const char *content)
{
	char path[4096];
	size_t len, dirs = 0, end[32];
	int err = 0;

	len = snprintf(path, sizeof(path), "%s", ima->dir);
	while (!err && len + 202 < sizeof(path)) {
		memset(path + len, 'd', 200);
		path[len] = '/';
		len += 200;
		path[len] = '\0';
		end[dirs++] = len;
		if (mkdir(path, 0700))
			err = -errno;
	}
	memset(path + len, 'f', sizeof(path) - 1 - len);
	path[len] = '/';
	path[sizeof(path) - 1] = '\0';
	if (!err)
		err = measure_content(path, content);
	if (!err && unlink(path))
		err = -errno;
	while (dirs) {
		path[end[--dirs]] = '\0';
		rmdir(path);
	}
	return err;
}

int violate(const char *path)
{
	int reader, writer;

	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return -errno;
	writer = open(path, O_WRONLY | O_CLOEXEC);
	close(reader);
	if (writer < 0)
		return -errno;
	close(writer);
	return 0;
}

/* The rule is there as long as the kernel runs. */
static const char *load_rule(void)
{
	char rule[128];
	int fd, err;

	snprintf(rule, sizeof(rule),
		 "measure func=FILE_CHECK mask=MAY_READ fowner=%d\n", TEST_UID);
	fd = open(IMA_DIR "/policy", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return "cannot open IMA's policy for write (CONFIG_IMA_WRITE_POLICY)";
	err = write_all(fd, rule);
	close(fd);
	return err ? "IMA's policy takes no rule" : NULL;
}

/* Measure one file, learn what the records look like. */
static int probe(struct ima *ima, bool *measured)
{
	struct blob b = { };
	struct mlist list;
	long before;
	int err;

	before = ima_count();
	if (before < 0)
		return before;
	err = measure_files(ima, "probe", 0, 1);
	if (err)
		return err;
	*measured = ima_count() == before + 1;
	if (!*measured)
		return 0;

	err = blob_read_file(&b, ima->bank[0].path[BINARY][CURRENT]);
	if (!err)
		err = mlist_parse(&list, b.data, b.len, ima->bank[0].digest_size);
	if (!err) {
		if (!list.nr || record_algo(&list.rec[list.nr - 1],
					    ima->file_algo,
					    sizeof(ima->file_algo)))
			ima->file_algo[0] = '\0';
		mlist_free(&list);
	}
	blob_free(&b);
	return err;
}

static const char *start_measuring(struct ima *ima)
{
	const char *why;
	bool measured;
	int err;

	err = probe(ima, &measured);
	if (!err && !measured) {
		why = load_rule();
		if (why)
			return why;
		err = probe(ima, &measured);
	}
	if (err == -EOPNOTSUPP)
		return LEGACY_TEMPLATE;
	if (err)
		snprintf(ima->error, sizeof(ima->error),
			 "measuring a file: %s", strerror(-err));
	else if (!measured)
		snprintf(ima->error, sizeof(ima->error),
			 "a file that the policy's rule names got no record");
	return NULL;
}

/* The TPM */

int tpm_pcr(const struct bank *bank, uint8_t *value)
{
	struct blob b = { };
	char path[128];
	size_t i;
	int err;

	snprintf(path, sizeof(path), "/sys/class/tpm/tpm0/pcr-%s/%d",
		 bank->algo, IMA_PCR);
	err = blob_read_file(&b, path);
	if (!err && b.len < 2 * bank->digest_size)
		err = -EIO;
	blob_add(&b, "", 1);
	for (i = 0; !err && i < bank->digest_size; i++)
		if (sscanf((char *)b.data + 2 * i, "%2hhx", &value[i]) != 1)
			err = -EIO;
	blob_free(&b);
	return err;
}

static void add_be(struct blob *b, size_t bytes, uint32_t value)
{
	uint8_t byte;

	while (bytes--) {
		byte = value >> 8 * bytes;
		blob_add(b, &byte, 1);
	}
}

/* The TPM's numbers of IMA's names. */
static uint32_t tpm_algorithm(const char *algo)
{
	static const struct {
		const char *algo;
		uint32_t number;
	} row[] = {
		{ "sha1", 0x04 },     { "sha256", 0x0b },   { "sha384", 0x0c },
		{ "sha512", 0x0d },   { "sm3", 0x12 },	    { "sha3-256", 0x27 },
		{ "sha3-384", 0x28 }, { "sha3-512", 0x29 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(row[i].algo, algo))
			return row[i].number;
	return 0;
}

/* A command of the TPM and its response, of which only the outcome matters. */
static int tpm_command(const struct blob *command)
{
	uint8_t response[4096];
	ssize_t len;
	int fd;

	fd = open(TPM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = write(fd, command->data, command->len);
	if (len == (ssize_t)command->len)
		len = read(fd, response, sizeof(response));
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return len;
	/* Behind a tag and a size. */
	if (len < 10)
		return -EIO;
	return memcmp(response + 6, "\0\0\0", 4) ? -EPROTO : 0;
}

int tpm_extend(const struct ima *ima, const uint8_t digest[][HASH_MAX_SIZE])
{
	struct blob command = { }, digests = { };
	uint32_t nr = 0;
	int i, err;

	for (i = 0; i < ima->nr_banks; i++) {
		if (!ima->bank[i].in_tpm)
			continue;
		add_be(&digests, 2, tpm_algorithm(ima->bank[i].algo));
		blob_add(&digests, digest[i], ima->bank[i].digest_size);
		nr++;
	}
	/* TPM_ST_SESSIONS, size, TPM_CC_PCR_Extend, the PCR */
	add_be(&command, 2, 0x8002);
	add_be(&command, 4, 31 + digests.len);
	add_be(&command, 4, 0x182);
	add_be(&command, 4, IMA_PCR);
	/* One session, of 9 bytes: TPM_RS_PW without nonce, attributes, password */
	add_be(&command, 4, 9);
	add_be(&command, 4, 0x40000009);
	add_be(&command, 2, 0);
	add_be(&command, 1, 0);
	add_be(&command, 2, 0);
	add_be(&command, 4, nr);
	blob_add(&command, digests.data, digests.len);
	err = tpm_command(&command);
	blob_free(&command);
	blob_free(&digests);
	return err;
}

/* The kernel's memory */

long slab_objects(const char *cache)
{
	char line[512], name[64];
	long nr, found = -ENOENT;
	FILE *slabinfo;
	int fd;

	snprintf(line, sizeof(line), "/sys/kernel/slab/%s/shrink", cache);
	fd = open(line, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	/* Else slabs that a processor fills count as full. */
	if (write(fd, "1", 1) != 1) {
		close(fd);
		return -ENOENT;
	}
	close(fd);
	slabinfo = fopen("/proc/slabinfo", "re");
	if (!slabinfo)
		return -ENOENT;
	while (fgets(line, sizeof(line), slabinfo))
		if (sscanf(line, "%63s %ld", name, &nr) == 2 && !strcmp(name, cache))
			found = nr;
	fclose(slabinfo);
	return found;
}

/* The kernel's log */

static int klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	else
		printf("# the kernel's log cannot be read, and is not checked (CONFIG_PRINTK)\n");
	return fd;
}

static bool klog_problem(int fd, char *text, size_t room)
{
	static const char * const bad[] = {
		"BUG:", "WARNING:", "KASAN", "KCSAN", "UBSAN", "Oops", "rcu: INFO",
		"INFO: task", "INFO: possible", "INFO: trying to register",
		"general protection", "list_add corruption",
		"list_del corruption", "soft lockup",
	};
	char line[8192];
	ssize_t len;
	size_t i;

	for (;;) {
		len = read(fd, line, sizeof(line) - 1);
		/* EPIPE: messages were overwritten, go on with the next one. */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return false;
		line[len] = '\0';
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			if (strstr(line, bad[i])) {
				snprintf(text, room, "the kernel's log has: %.400s",
					 line);
				return true;
			}
		}
	}
}

/* All of it */

int ima_private_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	/* Not one that somebody else has put there, nor a link to one. */
	if (lstat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 0077)
		return -EPERM;
	return 0;
}

static int make_dir(struct ima *ima, const char *base)
{
	int err = ima_private_dir(base);

	if (err)
		return err;
	snprintf(ima->saved_dir, sizeof(ima->saved_dir), "%s/saved", base);
	snprintf(ima->dir, sizeof(ima->dir), "%s/XXXXXX", base);
	return mkdtemp(ima->dir) ? 0 : -errno;
}

const char *ima_setup(struct ima *ima)
{
	const char *base = getenv("IMA_TEST_DIR");
	const char *why;
	int err;

	*ima = (struct ima) { .klog = -1 };
	why = ima_find_banks(ima);
	if (why)
		return why;
	if (!ima_has_staging())
		return "the kernel has no staged lists (CONFIG_IMA_STAGING)";
	/* Nobody's list is to go by accident. */
	if (!base || !*base)
		return "set IMA_TEST_DIR: the system's list is deleted, and saved there";

	ima->klog = klog_open();
	err = make_dir(ima, base);
	if (err) {
		snprintf(ima->error, sizeof(ima->error),
			 "%s must be a directory of mode 0700 that belongs to this user: %s",
			 base, strerror(-err));
		return NULL;
	}
	why = saved_setup(ima);
	if (!why && !ima->error[0])
		why = start_measuring(ima);
	if (why || ima->error[0])
		rmdir(ima->dir);
	return why;
}

static void remove_dir(const char *dir)
{
	struct dirent *ent;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return;
	while ((ent = readdir(d)))
		unlinkat(dirfd(d), ent->d_name, 0);
	closedir(d);
	rmdir(dir);
}

const char *ima_teardown(struct ima *ima, bool failed)
{
	remove_dir(ima->dir);
	if (!failed)
		saved_teardown(ima);
	if (!ima->error[0] && ima->klog >= 0)
		klog_problem(ima->klog, ima->error, sizeof(ima->error));
	if (ima->klog >= 0)
		close(ima->klog);
	return ima->error;
}
