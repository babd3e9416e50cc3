// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel with staging and a TPM for unit tests
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "digest.h"
#include "fake.h"
#include "pcr.h"
#include "record.h"
#include "util.h"
#include "wrap.h"

char fake_root[256];
unsigned int fake_generation;
unsigned int fake_busy;
int fake_tpm_error;
bool fake_copied;
unsigned int fake_pcr;
bool fake_keep;

static unsigned int readers, writers;

static const char *const files[] = {
	"binary_runtime_measurements_sha1",
	"ascii_runtime_measurements_sha1",
	"binary_runtime_measurements_sha256",
};

static const char *const banks[] = { "sha1", "sha256" };

const char *fake_path(const char *name)
{
	static char paths[64][512];
	static int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", fake_root, name);
	return path;
}

/* The whole file; none is as good as an empty one. */
void fake_read(const char *name, struct bytes *bytes)
{
	FILE *file = fopen(fake_path(name), "r");
	char block[4096];
	size_t got;

	if (!file)
		return;
	while ((got = fread(block, 1, sizeof(block), file)))
		bytes_add(bytes, block, got);
	fclose(file);
}

/* A new file each time: who has the old one open keeps it. */
void fake_write(const char *name, const void *data, size_t len)
{
	FILE *file;

	unlink(fake_path(name));
	file = fopen(fake_path(name), "w");
	if (!file || (len && fwrite(data, 1, len, file) != len) || fclose(file))
		abort();
}

static void append(const char *name, const struct bytes *bytes)
{
	FILE *file = fopen(fake_path(name), "a");

	if (!file || fwrite(bytes->data, 1, bytes->len, file) != bytes->len ||
	    fclose(file))
		abort();
}

uint64_t fake_number(const char *name)
{
	struct bytes text = { };
	uint64_t number;

	fake_read(name, &text);
	bytes_add(&text, "", 1);
	number = strtoull((char *)text.data, NULL, 10);
	bytes_free(&text);
	return number;
}

static void set_number(const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)number);
	fake_write(name, text, strlen(text));
}

static const char *list_path(int file, bool staged)
{
	static char name[2][128];
	static int next;
	char *path = name[next++ % 2];

	snprintf(path, sizeof(name[0]), "ima/%s%s", files[file],
		 staged ? "_staged" : "");
	return path;
}

static void write_pcr(const char *bank, unsigned int pcr, const uint8_t *value,
		      size_t size)
{
	char name[64], text[2 * EVP_MAX_MD_SIZE + 2];
	size_t i;

	for (i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02X", value[i]);
	strcat(text, "\n");
	snprintf(name, sizeof(name), "tpm/pcr-%s/%u", bank, pcr);
	fake_write(name, text, strlen(text));
}

static void read_pcr(const char *bank, unsigned int pcr, uint8_t *value, size_t size)
{
	struct bytes text = { };
	char name[64];

	snprintf(name, sizeof(name), "tpm/pcr-%s/%u", bank, pcr);
	fake_read(name, &text);
	if (digest_from_text((char *)text.data, text.len - 1, value, size))
		abort();
	bytes_free(&text);
}

static void start_tpm(void)
{
	uint8_t zero[EVP_MAX_MD_SIZE] = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(banks); i++) {
		size_t size = EVP_MD_get_size(EVP_get_digestbyname(banks[i]));

		write_pcr(banks[i], 10, zero, size);
		write_pcr(banks[i], 11, zero, size);
	}
	fake_write("truth.binary", "", 0);
	fake_write("truth.ascii", "", 0);
}

static void start_kernel(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fake_write(list_path(i, false), "", 0);
		fake_write(list_path(i, true), "", 0);
	}
	set_number("ima/runtime_measurements_count", 0);
	set_number("ima/runtime_measurements_deleted", 0);
	set_number("staged_count", 0);
	fake_generation++;
	fake_copied = false;
	fake_keep = false;
	readers = 0;
	writers = 0;
}

void fake_start(void)
{
	/* In memory: a disk takes its time for each fsync(). */
	snprintf(fake_root, sizeof(fake_root), "%s/imalog-test.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(fake_root))
		abort();
	mkdir(fake_path("ima"), 0700);
	mkdir(fake_path("store"), 0700);
	mkdir(fake_path("tpm"), 0700);
	mkdir(fake_path("tpm/pcr-sha1"), 0700);
	mkdir(fake_path("tpm/pcr-sha256"), 0700);
	fake_busy = 0;
	fake_pcr = 10;
	fake_tpm_error = 0;
	start_tpm();
	start_kernel();
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void fake_end(void)
{
	nftw(fake_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void extend(const struct record *record)
{
	uint8_t value[2 * EVP_MAX_MD_SIZE], digest[EVP_MAX_MD_SIZE];
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(banks); i++) {
		const EVP_MD *md = EVP_get_digestbyname(banks[i]);

		size = EVP_MD_get_size(md);
		read_pcr(banks[i], record->pcr, value, size);
		EVP_Digest(record->data, record->data_len, value + size, NULL,
			   md, NULL);
		EVP_Digest(value, 2 * size, digest, NULL, md, NULL);
		write_pcr(banks[i], record->pcr, digest, size);
	}
}

static void measure(const char *file)
{
	static const struct list_maker maker = { ORDER_LITTLE, "sha1" };
	static const struct list_maker sha256 = { ORDER_LITTLE, "sha256" };
	struct bytes list = { }, line = { }, other = { };
	enum byte_order order = ORDER_LITTLE;
	struct record record;
	const char *why;
	size_t need, i;
	char hex[3], pcr[12];

	list_add_ng(&maker, &list, file);
	/* Its number is not in the digest. */
	list.data[0] = (uint8_t)fake_pcr;
	if (record_parse(list.data, list.len, 20, &order, &record, &need, &why) != 1)
		abort();
	snprintf(pcr, sizeof(pcr), "%2u ", fake_pcr);
	bytes_add(&line, pcr, strlen(pcr));
	for (i = 0; i < 20; i++) {
		snprintf(hex, sizeof(hex), "%02x", record.digest[i]);
		bytes_add(&line, hex, 2);
	}
	bytes_add(&line, " ima-ng ", 8);
	bytes_add(&line, file, strlen(file));
	bytes_add(&line, "\n", 1);
	append(list_path(0, false), &list);
	append(list_path(1, false), &line);
	list_add(&sha256, &other, fake_pcr, "ima-ng", record.data, record.data_len);
	append(list_path(2, false), &other);
	append("truth.binary", &list);
	append("truth.ascii", &line);
	extend(&record);
	set_number("ima/runtime_measurements_count",
		   fake_number("ima/runtime_measurements_count") + 1);
	bytes_free(&list);
	bytes_free(&line);
	bytes_free(&other);
}

void fake_measure_same(const char *file)
{
	measure(file);
}

void fake_measure(const char *prefix, unsigned int n)
{
	static unsigned int number;
	char file[64];

	while (n--) {
		snprintf(file, sizeof(file), "/%s/%u", prefix, number++);
		measure(file);
	}
}

static void move_list(bool from_staged, bool to_staged)
{
	struct bytes list = { };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fake_read(list_path(i, from_staged), &list);
		fake_write(list_path(i, to_staged), list.data, list.len);
		fake_write(list_path(i, from_staged), "", 0);
		bytes_free(&list);
	}
}

static int stage(void)
{
	uint64_t count = fake_number("ima/runtime_measurements_count");

	if (fake_copied)
		return -EACCES;
	if (fake_number("staged_count"))
		return -EEXIST;
	if (!count)
		return -ENOENT;
	move_list(false, true);
	set_number("staged_count", count);
	set_number("ima/runtime_measurements_count", 0);
	fake_generation++;
	return 0;
}

static int delete(void)
{
	uint64_t count = fake_number("staged_count");
	size_t i;

	if (fake_copied || fake_keep)
		return -ESTALE;
	if (!count)
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(files); i++)
		fake_write(list_path(i, true), "", 0);
	set_number("staged_count", 0);
	set_number("ima/runtime_measurements_deleted",
		   fake_number("ima/runtime_measurements_deleted") + count);
	fake_generation++;
	return 0;
}

int fake_command(const void *text, size_t len, bool staged)
{
	if (len == 1 && !memcmp(text, "A", 1))
		return stage();
	if (len == 1 && !memcmp(text, "D", 1))
		return staged ? delete() : -EINVAL;
	return -EINVAL;
}

int fake_enter(bool writer)
{
	if (fake_busy) {
		fake_busy--;
		return -EBUSY;
	}
	/* All is one process here, which may open more while it can write. */
	if (writer && readers && !writers)
		return -EBUSY;
	if (writer)
		writers++;
	else
		readers++;
	return 0;
}

bool fake_has_writer(void)
{
	return writers;
}

bool fake_is_free(void)
{
	return !readers && !writers;
}

void fake_leave(bool writer)
{
	if (writer)
		writers--;
	else
		readers--;
}

/* What is staged, and then what is current, is current in the next kernel. */
void fake_kexec(void)
{
	struct bytes lists[ARRAY_SIZE(files)] = { };
	uint64_t count = fake_number("staged_count") +
			 fake_number("ima/runtime_measurements_count");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fake_read(list_path(i, true), &lists[i]);
		fake_read(list_path(i, false), &lists[i]);
	}
	start_kernel();
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fake_write(list_path(i, false), lists[i].data, lists[i].len);
		bytes_free(&lists[i]);
	}
	set_number("ima/runtime_measurements_count", count);
}

void fake_reboot(void)
{
	start_tpm();
	start_kernel();
}

int __wrap_tpm_read_pcr(const char *tcti, uint32_t pcr, struct pcr_values *pcrs,
			uint64_t *known)
{
	(void)tcti;
	return fake_tpm_error ? fake_tpm_error :
		pcr_read(fake_path("tpm"), pcr, pcrs, known);
}
