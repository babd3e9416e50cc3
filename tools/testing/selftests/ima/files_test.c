// SPDX-License-Identifier: GPL-2.0
/* The list files: which ones there are, with and without CONFIG_IMA_STAGING. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common.h"
#include "harness.h"

static const char * const prefix[NR_FORMS] = {
	[ASCII] = "ascii_runtime_measurements",
	[BINARY] = "binary_runtime_measurements",
};

FIXTURE(files) {
	struct ima ima;
};

FIXTURE_SETUP(files)
{
	const char *skip = ima_setup(&self->ima);

	if (skip)
		SKIP(return, "%s", skip);
	ASSERT_STREQ("", self->ima.error);
}

FIXTURE_TEARDOWN(files)
{
	EXPECT_STREQ("", ima_teardown(&self->ima, _metadata->exit_code == KSFT_FAIL));
}

/* Each list, of whatever algorithm, has its twin, and no twin is alone. */
TEST_F(files, twins)
{
	unsigned int lists = 0, twins = 0;
	struct dirent *ent;
	struct stat st;
	char path[512];
	DIR *dir;

	dir = opendir(IMA_DIR);
	ASSERT_NE(NULL, dir);
	while ((ent = readdir(dir))) {
		char *suffix = strstr(ent->d_name, "_staged");

		if (!strstr(ent->d_name, "_runtime_measurements"))
			continue;
		snprintf(path, sizeof(path), IMA_DIR "/%s", ent->d_name);
		if (suffix) {
			EXPECT_STREQ("_staged", suffix);
			path[strlen(path) - strlen("_staged")] = '\0';
			twins++;
		} else {
			strcat(path, "_staged");
			lists++;
		}
		EXPECT_EQ(0, lstat(path, &st))
			TH_LOG("no %s for %s", path, ent->d_name);
	}
	closedir(dir);
	/* Besides the known banks' there are the two symbolic links. */
	EXPECT_LE(2 * self->ima.nr_banks + 2, (int)lists);
	EXPECT_EQ(lists, twins);
}

TEST_F(files, mode_and_owner)
{
	int i, form, kind;
	struct stat st;

	for (i = 0; i < self->ima.nr_banks; i++) {
		for (form = 0; form < NR_FORMS; form++) {
			for (kind = 0; kind < NR_KINDS; kind++) {
				const char *path =
					self->ima.bank[i].path[form][kind];

				ASSERT_EQ(0, lstat(path, &st));
				EXPECT_EQ(S_IFREG | 0660, st.st_mode)
					TH_LOG("%s: %o", path, st.st_mode);
				EXPECT_EQ(0, st.st_uid);
				EXPECT_EQ(0, st.st_gid);
			}
		}
	}
}

TEST_F(files, symlinks)
{
	static const char * const suffix[NR_KINDS] = { "", "_staged" };
	char path[256], target[128], seen[128];
	struct stat st, st_target;
	int form, kind;
	ssize_t len;

	for (form = 0; form < NR_FORMS; form++) {
		for (kind = 0; kind < NR_KINDS; kind++) {
			snprintf(path, sizeof(path), IMA_DIR "/%s%s",
				 prefix[form], suffix[kind]);
			snprintf(target, sizeof(target), "%s_sha1%s",
				 prefix[form], suffix[kind]);
			len = readlink(path, seen, sizeof(seen) - 1);
			ASSERT_LT(0, len);
			seen[len] = '\0';
			EXPECT_STREQ(target, seen);

			ASSERT_EQ(0, stat(path, &st));
			snprintf(path, sizeof(path), IMA_DIR "/%s", target);
			ASSERT_EQ(0, stat(path, &st_target));
			EXPECT_EQ(st_target.st_ino, st.st_ino);
		}
	}
}

/* What existed before is reached by the same names, and did not change. */
TEST_F(files, other_files)
{
	static const char * const name[] = {
		"runtime_measurements_count", "violations",
	};
	struct stat st, st_link;
	char path[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(name); i++) {
		snprintf(path, sizeof(path), IMA_DIR "/%s", name[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(S_IFREG | 0440, st.st_mode);
		snprintf(path, sizeof(path), "/sys/kernel/security/ima/%s",
			 name[i]);
		ASSERT_EQ(0, stat(path, &st_link));
		EXPECT_EQ(st.st_ino, st_link.st_ino);
	}
}

/* One more counter, where the other one is, and as little to be written to. */
TEST_F(files, deleted_counter)
{
	const char *path = IMA_DIR "/runtime_measurements_deleted";
	struct blob b = { };
	struct stat st;
	char text[32];
	int fd;

	if (ima_deleted() == -ENOENT)
		SKIP(return, "no runtime_measurements_deleted");
	ASSERT_EQ(0, lstat(path, &st));
	EXPECT_EQ(S_IFREG | 0440, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	ASSERT_EQ(0, blob_read_file(&b, path));
	blob_add(&b, "", 1);
	snprintf(text, sizeof(text), "%ld\n", ima_deleted());
	EXPECT_STREQ(text, (char *)b.data);
	blob_free(&b);

	/* Root needs no permission to open it, but that is all. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EINVAL, errno_of(write(fd, "0", 1)));
	close(fd);
	/* Who reads it is no reader of a list. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, try_open(self->ima.bank[0].path[ASCII][STAGED], O_RDWR));
	close(fd);
}

/* The banks' lists, ASCII and binary, tell the same. */
TEST_F(files, lists_agree)
{
	const char *why;
	struct lists l;

	if (!self->ima.file_algo[0])
		SKIP(return, NOT_NG);
	ASSERT_EQ(0, measure_files(&self->ima, "file", 0, 3));
	ASSERT_EQ(0, lists_read(&self->ima, &l));
	why = lists_disagree(&self->ima, &l);
	EXPECT_EQ(NULL, why)
		TH_LOG("%s", why);
	lists_free(&l);
}

TEST_HARNESS_MAIN
