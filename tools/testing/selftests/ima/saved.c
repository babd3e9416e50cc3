// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saved.h"

/*
 * Present while a test runs, and left behind by one that failed: it may have
 * saved records that it did not delete, or deleted records that it did not save.
 */
#define DIRTY "dirty"
#define BOOT_ID "boot_id"
/* Added to the name of a bank's file: how far that was replayed. */
#define REPLAYED ".replayed"

static void saved_path(const struct ima *ima, const char *name, char *path,
		       size_t room)
{
	snprintf(path, room, "%s/%s", ima->saved_dir, name);
}

static void bank_path(const struct ima *ima, int bank, char *path, size_t room)
{
	saved_path(ima, strrchr(ima->bank[bank].path[BINARY][CURRENT], '/') + 1,
		   path, room);
}

static void replayed_path(const struct ima *ima, int bank, char *path,
			  size_t room)
{
	bank_path(ima, bank, path, room);
	strncat(path, REPLAYED, room - strlen(path) - 1);
}

static int write_file(const char *path, int flags, const void *data, size_t len)
{
	ssize_t done;
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0)
		return -errno;
	while (len && !err) {
		done = write(fd, data, len);
		if (done < 0) {
			err = -errno;
		} else {
			data = (const char *)data + done;
			len -= done;
		}
	}
	close(fd);
	return err;
}

int saved_add(const struct ima *ima, int bank, const void *data, size_t len)
{
	char path[512];

	bank_path(ima, bank, path, sizeof(path));
	return write_file(path, O_APPEND, data, len);
}

int saved_add_list(const struct ima *ima, const struct lists *l,
		   enum list_kind kind)
{
	int i, err = 0;

	for (i = 0; i < ima->nr_banks && !err; i++)
		err = saved_add(ima, i, l->blob[i][BINARY][kind].data,
				l->blob[i][BINARY][kind].len);
	return err;
}

int saved_add_first(const struct ima *ima, const struct lists *l, size_t nr)
{
	struct mlist list;
	size_t j, len;
	int i, err;

	for (i = 0; i < ima->nr_banks; i++) {
		const struct blob *b = &l->blob[i][BINARY][CURRENT];

		err = mlist_parse(&list, b->data, b->len, ima->bank[i].digest_size);
		if (err)
			return err;
		if (nr > list.nr)
			err = -ENOENT;
		for (j = 0, len = 0; j < nr && !err; j++)
			len += list.rec[j].raw_len;
		mlist_free(&list);
		if (!err)
			err = saved_add(ima, i, b->data, len);
		if (err)
			return err;
	}
	return 0;
}

int save_and_delete_staged(const struct ima *ima, int fd)
{
	struct lists l;
	int err;

	err = lists_read(ima, &l);
	if (err)
		return err;
	err = saved_add_list(ima, &l, STAGED);
	if (!err && write(fd, "D", 1) != 1)
		err = -errno;
	lists_free(&l);
	return err;
}

int save_and_delete(const struct ima *ima)
{
	int fd, err = 0;

	fd = open(ima->bank[0].path[BINARY][STAGED], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "A", 1) != 1 && errno != ENOENT && errno != EEXIST)
		err = -errno;
	if (!err)
		err = save_and_delete_staged(ima, fd);
	close(fd);
	return err == -ENOENT ? 0 : err;
}

int saved_read_all(const struct ima *ima, int bank, struct blob *b)
{
	char path[512];
	int err;

	bank_path(ima, bank, path, sizeof(path));
	err = blob_read_file(b, path);
	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = blob_read_file(b, ima->bank[bank].path[BINARY][STAGED]);
	if (!err)
		err = blob_read_file(b, ima->bank[bank].path[BINARY][CURRENT]);
	return err;
}

/* How far the saved records were replayed: to offset @len, where they give @value. */
struct replayed {
	uint64_t len;
	uint8_t value[HASH_MAX_SIZE];
};

/* Return: NULL, or what is wrong with these records. */
static const char *replay_part(const uint8_t *data, size_t len,
			       const struct hash *hash, uint8_t *value)
{
	struct mlist list = { };
	int err;

	if (mlist_parse(&list, data, len, hash->size))
		return "the records cannot be parsed";
	err = mlist_replay(&list, hash, IMA_PCR, value);
	mlist_free(&list);
	if (err == -EBADMSG)
		return "a record's digest is not that of its data";
	return err ? "the AF_ALG hash fails" : NULL;
}

/*
 * Go on where the last replay of saved records stopped: a kernel that checks
 * memory and locks takes minutes to hash all of them for each test.
 */
static const char *replay_saved(const struct ima *ima, int bank,
				const struct hash *hash, const struct blob *all,
				struct replayed *done)
{
	struct blob state = { };
	struct stat saved = { };
	const char *why;
	char path[512];
	uint64_t len;

	/* What @all begins with; there may be no such file yet. */
	bank_path(ima, bank, path, sizeof(path));
	stat(path, &saved);
	len = saved.st_size;
	replayed_path(ima, bank, path, sizeof(path));
	blob_read_file(&state, path);
	if (state.len == sizeof(*done))
		memcpy(done, state.data, sizeof(*done));
	if (done->len > len)
		*done = (struct replayed) { };
	why = replay_part(all->data + done->len, len - done->len, hash,
			  done->value);
	done->len = len;
	if (!why && write_file(path, O_TRUNC, done, sizeof(*done)))
		why = "no place to save (IMA_TEST_DIR)";
	blob_free(&state);
	return why;
}

/* Return: NULL, or what is wrong with the bank's records. */
static const char *replay_bank(const struct ima *ima, int bank)
{
	size_t size = ima->bank[bank].digest_size;
	struct replayed done = { };
	uint8_t pcr[HASH_MAX_SIZE];
	const char *why = NULL;
	struct hash hash;
	struct blob b = { };

	if (hash_open(&hash, ima->bank[bank].algo))
		return NO_HASH;
	if (saved_read_all(ima, bank, &b))
		why = "the records cannot be read";
	if (!why)
		why = replay_saved(ima, bank, &hash, &b, &done);
	if (!why)
		why = replay_part(b.data + done.len, b.len - done.len, &hash,
				  done.value);
	if (!why && tpm_pcr(&ima->bank[bank], pcr))
		why = "the TPM's PCR cannot be read";
	if (!why && memcmp(done.value, pcr, size))
		why = "the records do not replay to the TPM's PCR";
	blob_free(&b);
	hash_close(&hash);
	return why;
}

const char *saved_replay(struct ima *ima)
{
	const char *why;
	int i;

	for (i = 0; i < ima->nr_banks; i++) {
		if (!ima->bank[i].in_tpm)
			continue;
		why = replay_bank(ima, i);
		if (why) {
			snprintf(ima->error, sizeof(ima->error), "%s: %s",
				 ima->bank[i].algo, why);
			return ima->error;
		}
	}
	return "";
}

static const char *cannot_replay(const struct ima *ima)
{
	bool in_tpm = false;
	struct hash hash;
	int i;

	for (i = 0; i < ima->nr_banks; i++) {
		if (!ima->bank[i].in_tpm)
			continue;
		in_tpm = true;
		if (hash_open(&hash, ima->bank[i].algo))
			return NO_HASH;
		hash_close(&hash);
	}
	return in_tpm ? NULL : "no TPM (CONFIG_TCG_TPM and a driver)";
}

/* Without this boot's records, start anew. */
static int check_boot(const struct ima *ima, bool *fresh)
{
	struct blob here = { }, saved = { };
	char path[512];
	int i, err;

	err = blob_read_file(&here, "/proc/sys/kernel/random/boot_id");
	if (err)
		return err;
	saved_path(ima, BOOT_ID, path, sizeof(path));
	blob_read_file(&saved, path);
	*fresh = !blob_equal(&here, &saved);
	if (*fresh) {
		err = write_file(path, O_TRUNC, here.data, here.len);
		for (i = 0; i < ima->nr_banks; i++) {
			bank_path(ima, i, path, sizeof(path));
			unlink(path);
			replayed_path(ima, i, path, sizeof(path));
			unlink(path);
		}
	}
	blob_free(&here);
	blob_free(&saved);
	return err;
}

/*
 * The records that were saved, but are in the lists yet: cut the longest end
 * of the saved ones that the lists begin with.
 */
static int forget_undeleted(const struct ima *ima, int bank)
{
	size_t size = ima->bank[bank].digest_size, len, off;
	struct blob saved = { }, all = { };
	struct mlist list;
	char path[512];
	size_t i;
	int err;

	bank_path(ima, bank, path, sizeof(path));
	err = blob_read_file(&saved, path);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = saved_read_all(ima, bank, &all);
	if (!err)
		err = mlist_parse(&list, saved.data, saved.len, size);
	if (err)
		goto out;
	for (i = 0; i < list.nr; i++) {
		off = list.rec[i].raw - saved.data;
		len = saved.len - off;
		if (len <= all.len - saved.len &&
		    !memcmp(saved.data + off, all.data + saved.len, len)) {
			err = truncate(path, off) ? -errno : 0;
			replayed_path(ima, bank, path, sizeof(path));
			unlink(path);
			break;
		}
	}
	mlist_free(&list);
out:
	blob_free(&saved);
	blob_free(&all);
	return err;
}

static int recover(struct ima *ima)
{
	int i, err = 0;

	for (i = 0; i < ima->nr_banks && !err; i++)
		err = forget_undeleted(ima, i);
	return err ?: save_and_delete(ima);
}

const char *saved_setup(struct ima *ima)
{
	char dirty[512];
	bool fresh;
	int err;

	if (ima_private_dir(ima->saved_dir))
		return "no directory of its own for the saved records (IMA_TEST_DIR)";
	err = check_boot(ima, &fresh);
	if (err)
		return "no boot_id (CONFIG_PROC_SYSCTL), or no place to save (IMA_TEST_DIR)";

	saved_path(ima, DIRTY, dirty, sizeof(dirty));
	ima->no_replay = cannot_replay(ima);
	if (fresh || !access(dirty, F_OK)) {
		err = recover(ima);
		if (err == -EOPNOTSUPP)
			return LEGACY_TEMPLATE;
		if (err) {
			snprintf(ima->error, sizeof(ima->error),
				 "cleaning up before the test: %s", strerror(-err));
			return NULL;
		}
		if (!ima->no_replay && *saved_replay(ima)) {
			ima->error[0] = '\0';
			ima->records_missing = true;
			ima->no_replay = "records were deleted before without being saved";
		}
	}
	if (write_file(dirty, 0, "", 0))
		return "cannot save records (IMA_TEST_DIR)";
	return NULL;
}

void saved_teardown(struct ima *ima)
{
	char dirty[512];
	struct lists l;
	int err;

	err = lists_read(ima, &l);
	if (err) {
		snprintf(ima->error, sizeof(ima->error),
			 "reading the lists after the test: %s", strerror(-err));
		return;
	}
	if (l.blob[0][BINARY][STAGED].len)
		snprintf(ima->error, sizeof(ima->error),
			 "the test left records staged");
	lists_free(&l);
	/* As long as records are missing, they are for the tests to come. */
	if (!ima->error[0] && !ima->records_missing) {
		saved_path(ima, DIRTY, dirty, sizeof(dirty));
		unlink(dirty);
	}
}
