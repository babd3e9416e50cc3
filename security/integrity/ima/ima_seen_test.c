// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the seen digests
 */

#include <crypto/hash.h>
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/limits.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ima_seen.h"

/* What all digests extend but where PCRs are told apart */
#define PCR 10

static int ima_seen_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct ima_seen), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void ima_seen_test_exit(struct kunit *test)
{
	struct ima_seen *seen = test->priv;

	if (seen)
		ima_seen_destroy(seen);
}

/* Set the table up, or end the test. */
static struct ima_seen *ima_seen_test_setup(struct kunit *test,
					    unsigned int digest_size)
{
	struct ima_seen *seen = test->priv;

	KUNIT_ASSERT_EQ(test, ima_seen_init(seen, "ima_seen_test", digest_size),
			0);
	KUNIT_ASSERT_EQ(test, seen->digest_size, digest_size);
	return seen;
}

/* The digest differs from others in its last bytes only. */
static void ima_seen_test_digest(u8 *digest, unsigned int digest_size, u32 n)
{
	memset(digest, 0xa5, digest_size);
	memcpy(digest + digest_size - sizeof(n), &n, sizeof(n));
}

/* Remove an entry and free it. */
static void ima_seen_test_remove(struct kunit *test,
				 struct ima_seen_entry *entry)
{
	struct ima_seen *seen = test->priv;

	KUNIT_EXPECT_TRUE(test, ima_seen_remove(seen, entry));
	/* Not a second time */
	KUNIT_EXPECT_FALSE(test, ima_seen_remove(seen, entry));
	synchronize_rcu();
	ima_seen_free(seen, entry);
}

static const unsigned int ima_seen_test_sizes[] = { 16, 20, 28, 32, 48, 64 };

static void ima_seen_test_size_desc(const unsigned int *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes", *size);
}

KUNIT_ARRAY_PARAM(ima_seen_test_size, ima_seen_test_sizes,
		  ima_seen_test_size_desc);

static void ima_seen_test_finds_what_was_added(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	u8 digest[HASH_MAX_DIGESTSIZE];
	struct ima_seen_entry *entry;

	ima_seen_test_digest(digest, digest_size, 1);
	KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR, digest));

	entry = ima_seen_add(seen, PCR, digest);
	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_EQ(test, entry->pcr, PCR);
	KUNIT_EXPECT_MEMEQ(test, entry->digest, digest, digest_size);
	KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
}

static void ima_seen_test_tells_digests_apart(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	u8 digest[HASH_MAX_DIGESTSIZE];
	struct ima_seen_entry *entry;
	unsigned int i;

	ima_seen_test_digest(digest, digest_size, 1);
	entry = ima_seen_add(seen, PCR, digest);
	KUNIT_ASSERT_NOT_NULL(test, entry);

	/* A difference in one bit of any byte, the last one included */
	for (i = 0; i < digest_size; i++) {
		digest[i] ^= 0x01;
		KUNIT_EXPECT_FALSE_MSG(test,
				       ima_seen_contains(seen, PCR, digest),
				       "byte %u", i);
		digest[i] ^= 0x01;
	}

	/* Nor does removing the one remove the other. */
	digest[digest_size - 1] ^= 0x01;
	KUNIT_EXPECT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	ima_seen_test_remove(test, entry);
	KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
	digest[digest_size - 1] ^= 0x01;
	KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR, digest));
}

static void ima_seen_test_compares_no_more_than_the_digest(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	u8 *digest;

	/* KASAN sees a read behind these. */
	digest = kunit_kmalloc(test, digest_size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, digest);
	ima_seen_test_digest(digest, digest_size, 1);
	KUNIT_ASSERT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));

	digest = kunit_kmalloc(test, digest_size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, digest);
	ima_seen_test_digest(digest, digest_size, 1);
	KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
}

static void ima_seen_test_tells_pcrs_apart(struct kunit *test)
{
	static const u32 pcrs[] = { 0, 1, 10, 11, 0x0a000000, U32_MAX };
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	struct ima_seen_entry *entries[ARRAY_SIZE(pcrs)];
	u8 digest[HASH_MAX_DIGESTSIZE];
	bool found;
	int i, j;

	ima_seen_test_digest(digest, digest_size, 1);
	for (i = 0; i < ARRAY_SIZE(pcrs); i++) {
		for (j = i; j < ARRAY_SIZE(pcrs); j++) {
			found = ima_seen_contains(seen, pcrs[j], digest);
			KUNIT_EXPECT_FALSE(test, found);
		}
		entries[i] = ima_seen_add(seen, pcrs[i], digest);
		KUNIT_ASSERT_NOT_NULL(test, entries[i]);
	}
	for (i = 0; i < ARRAY_SIZE(pcrs); i++) {
		for (j = i; j < ARRAY_SIZE(pcrs); j++) {
			found = ima_seen_contains(seen, pcrs[j], digest);
			KUNIT_EXPECT_TRUE(test, found);
		}
		ima_seen_test_remove(test, entries[i]);
		KUNIT_EXPECT_FALSE(test,
				   ima_seen_contains(seen, pcrs[i], digest));
	}
}

#define MANY 10000

static void ima_seen_test_keeps_many(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	u8 digest[HASH_MAX_DIGESTSIZE];
	u32 n, lost = 0, invented = 0;

	for (n = 0; n < MANY; n++) {
		ima_seen_test_digest(digest, digest_size, n);
		KUNIT_ASSERT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	}
	for (n = 0; n < 2 * MANY; n++) {
		ima_seen_test_digest(digest, digest_size, n);
		if (n < MANY)
			lost += !ima_seen_contains(seen, PCR, digest);
		else
			invented += ima_seen_contains(seen, PCR, digest);
		invented += ima_seen_contains(seen, PCR + 1, digest);
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_EQ(test, invented, 0);
}

/* Those that stay are found all the time, while the table grows and shrinks. */
static void ima_seen_test_removes_many(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	struct ima_seen_entry **entries;
	u8 digest[HASH_MAX_DIGESTSIZE];
	u32 n, lost = 0, kept = 0;

	entries = kunit_kcalloc(test, MANY, sizeof(*entries), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, entries);
	for (n = 0; n < MANY; n++) {
		ima_seen_test_digest(digest, digest_size, n);
		entries[n] = ima_seen_add(seen, PCR, digest);
		KUNIT_ASSERT_NOT_NULL(test, entries[n]);
	}

	/* All but each hundredth: the table gets much too large for the rest. */
	for (n = 0; n < MANY; n++) {
		if (n % 100)
			ima_seen_remove(seen, entries[n]);
		if (n % 1000 == 999)
			msleep(20);
		ima_seen_test_digest(digest, digest_size, n / 100 * 100);
		lost += !ima_seen_contains(seen, PCR, digest);
	}
	synchronize_rcu();
	for (n = 0; n < MANY; n++) {
		if (n % 100)
			ima_seen_free(seen, entries[n]);
		ima_seen_test_digest(digest, digest_size, n);
		if (n % 100)
			kept += ima_seen_contains(seen, PCR, digest);
		else
			lost += !ima_seen_contains(seen, PCR, digest);
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_EQ(test, kept, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&seen->table.nelems), MANY / 100);
}

static void ima_seen_test_adds_what_was_removed(struct kunit *test)
{
	const unsigned int digest_size =
		*(const unsigned int *)test->param_value;
	struct ima_seen *seen = ima_seen_test_setup(test, digest_size);
	u8 digest[HASH_MAX_DIGESTSIZE];
	struct ima_seen_entry *entry;
	int i;

	ima_seen_test_digest(digest, digest_size, 1);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR, digest));
		entry = ima_seen_add(seen, PCR, digest);
		KUNIT_ASSERT_NOT_NULL(test, entry);
		KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
		ima_seen_test_remove(test, entry);
	}
}

/* The memory of removed entries leaves no slab behind. */
static void ima_seen_test_gives_memory_back(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	struct ima_seen_entry *entries[200];
	u8 digest[HASH_MAX_DIGESTSIZE];
	int i;

	if (!IS_ENABLED(CONFIG_SLUB_DEBUG))
		kunit_skip(test, "slabs are counted with CONFIG_SLUB_DEBUG");

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		ima_seen_test_digest(digest, 32, i);
		entries[i] = ima_seen_add(seen, PCR, digest);
		KUNIT_ASSERT_NOT_NULL(test, entries[i]);
	}
	/* Zero says that the cache has no slab left. */
	KUNIT_EXPECT_NE(test, kmem_cache_shrink(seen->cache), 0);
	for (i = 0; i < ARRAY_SIZE(entries); i++)
		ima_seen_test_remove(test, entries[i]);
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(seen->cache), 0);
}

static void ima_seen_test_refuses_bad_sizes(struct kunit *test)
{
	static const unsigned int sizes[] = { 0, HASH_MAX_DIGESTSIZE + 1, 128,
					      UINT_MAX - 3, UINT_MAX };
	struct ima_seen *seen = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test,
				ima_seen_init(seen, "ima_seen_test", sizes[i]),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, seen->digest_size, 0);
	}
}

static void ima_seen_test_destroys_what_is_not_set_up(struct kunit *test)
{
	struct ima_seen *seen = test->priv;

	ima_seen_destroy(seen);
	KUNIT_EXPECT_EQ(test, seen->digest_size, 0);

	ima_seen_test_setup(test, 20);
	ima_seen_destroy(seen);
	ima_seen_destroy(seen);
	KUNIT_EXPECT_EQ(test, seen->digest_size, 0);
}

static void ima_seen_test_starts_again_with_another_size(struct kunit *test)
{
	struct ima_seen *seen = test->priv;
	u8 digest[HASH_MAX_DIGESTSIZE];
	int i;

	for (i = 0; i < ARRAY_SIZE(ima_seen_test_sizes); i++) {
		const unsigned int size = ima_seen_test_sizes[i];
		u32 n;

		ima_seen_test_setup(test, size);
		for (n = 0; n < 100; n++) {
			ima_seen_test_digest(digest, size, n);
			KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR,
								   digest));
			KUNIT_EXPECT_NOT_NULL(test,
					      ima_seen_add(seen, PCR, digest));
			KUNIT_EXPECT_TRUE(test,
					  ima_seen_contains(seen, PCR, digest));
		}
		ima_seen_destroy(seen);
		KUNIT_EXPECT_EQ(test, seen->digest_size, 0);
	}
}

static void ima_seen_test_tables_are_apart(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	struct ima_seen other = {};
	u8 digest[HASH_MAX_DIGESTSIZE];

	ima_seen_test_digest(digest, 32, 1);
	KUNIT_ASSERT_EQ(test, ima_seen_init(&other, "ima_seen_other", 32), 0);
	KUNIT_EXPECT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	KUNIT_EXPECT_FALSE(test, ima_seen_contains(&other, PCR, digest));
	ima_seen_destroy(&other);
	KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
}

static void ima_seen_test_shares_no_pages(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	unsigned int size = kmem_cache_size(seen->cache);
	struct kmem_cache *one, *another;
	bool merges;

	/* Caches that are merged are one. */
	one = kmem_cache_create("ima_seen_one", size, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, one);
	another = kmem_cache_create("ima_seen_another", size, 0, 0, NULL);
	KUNIT_EXPECT_NOT_NULL(test, another);
	merges = one == another;

	KUNIT_EXPECT_PTR_NE(test, one, seen->cache);
	KUNIT_EXPECT_PTR_NE(test, another, seen->cache);
	kmem_cache_destroy(another);
	kmem_cache_destroy(one);
	if (!merges)
		kunit_skip(test, "no caches are merged by this kernel");
}

static void ima_seen_test_full_table_forgets_the_new_only(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	u8 digest[HASH_MAX_DIGESTSIZE];
	unsigned int max_elems = seen->table.max_elems;
	u32 n;

	for (n = 0; n < 5; n++) {
		ima_seen_test_digest(digest, 32, n);
		KUNIT_ASSERT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	}

	ima_seen_test_digest(digest, 32, n);
	seen->table.max_elems = n;
	KUNIT_EXPECT_NULL(test, ima_seen_add(seen, PCR, digest));
	KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR, digest));
	seen->table.max_elems = max_elems;

	/* Nothing is left behind that is in the way of another try. */
	KUNIT_EXPECT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	for (n = 0; n < 6; n++) {
		ima_seen_test_digest(digest, 32, n);
		KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
	}
}

static void ima_seen_test_full_table_keeps_no_memory(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	unsigned int max_elems = seen->table.max_elems;
	u8 digest[HASH_MAX_DIGESTSIZE];

	if (!IS_ENABLED(CONFIG_SLUB_DEBUG))
		kunit_skip(test, "needs CONFIG_SLUB_DEBUG to count slabs");

	ima_seen_test_digest(digest, 32, 1);
	seen->table.max_elems = 0;
	KUNIT_EXPECT_NULL(test, ima_seen_add(seen, PCR, digest));
	seen->table.max_elems = max_elems;
	/* Zero says that the cache has no slab left. */
	KUNIT_EXPECT_EQ(test, kmem_cache_shrink(seen->cache), 0);

	KUNIT_EXPECT_NOT_NULL(test, ima_seen_add(seen, PCR, digest));
	KUNIT_EXPECT_NE(test, kmem_cache_shrink(seen->cache), 0);
}

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

/**
 * struct ima_seen_test_failslab - the knobs that let an allocation fail
 *
 * Unless they were set, only tasks with &task_struct.fail_nth notice.
 */
struct ima_seen_test_failslab {
	/** @ignore_gfp_wait: spare allocations that may sleep */
	bool *ignore_gfp_wait;
	/** @verbose: say so each time, with a stack trace */
	unsigned long *verbose;
	/** @saved_verbose: what @verbose is to be restored to */
	unsigned long saved_verbose;
	/** @saved_ignore: what @ignore_gfp_wait is to be restored to */
	bool saved_ignore;
};

/* What a file of debugfs sets, or NULL */
static void *ima_seen_test_knob(const char *name)
{
	struct dentry *dir = debugfs_lookup("failslab", NULL);
	struct dentry *file;
	void *knob = NULL;

	if (!dir)
		return NULL;
	file = debugfs_lookup(name, dir);
	if (file) {
		knob = d_inode(file)->i_private;
		dput(file);
	}
	dput(dir);
	return knob;
}

static void ima_seen_test_restore(void *data)
{
	struct ima_seen_test_failslab *failslab = data;

	*failslab->ignore_gfp_wait = failslab->saved_ignore;
	*failslab->verbose = failslab->saved_verbose;
}

/* Let fail_nth of a task count every allocation from a slab. */
static void ima_seen_test_failures(struct kunit *test)
{
	struct ima_seen_test_failslab *failslab;

	failslab = kunit_kzalloc(test, sizeof(*failslab), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, failslab);
	failslab->ignore_gfp_wait = ima_seen_test_knob("ignore-gfp-wait");
	failslab->verbose = ima_seen_test_knob("verbose");
	if (!failslab->ignore_gfp_wait || !failslab->verbose)
		kunit_skip(test, "debugfs does not have the knobs of failslab");

	failslab->saved_ignore = *failslab->ignore_gfp_wait;
	failslab->saved_verbose = *failslab->verbose;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, ima_seen_test_restore,
						  failslab),
			0);
	*failslab->ignore_gfp_wait = false;
	*failslab->verbose = 0;
}

static void ima_seen_test_fail_nth(unsigned int n)
{
	WRITE_ONCE(current->fail_nth, n);
}

/* Was there an allocation to fail? */
static bool ima_seen_test_failed(void)
{
	unsigned int left = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return !left;
}

#else

static void ima_seen_test_failures(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FAILSLAB and its files in debugfs");
}

static void ima_seen_test_fail_nth(unsigned int n)
{
}

static bool ima_seen_test_failed(void)
{
	return false;
}

#endif

static void ima_seen_test_add_survives_lack_of_memory(struct kunit *test)
{
	struct ima_seen *seen = ima_seen_test_setup(test, 32);
	u8 digest[HASH_MAX_DIGESTSIZE];
	struct ima_seen_entry *entry;

	ima_seen_test_failures(test);
	ima_seen_test_digest(digest, 32, 1);

	ima_seen_test_fail_nth(1);
	entry = ima_seen_add(seen, PCR, digest);
	KUNIT_EXPECT_TRUE(test, ima_seen_test_failed());
	KUNIT_EXPECT_NULL(test, entry);
	KUNIT_EXPECT_FALSE(test, ima_seen_contains(seen, PCR, digest));

	entry = ima_seen_add(seen, PCR, digest);
	KUNIT_EXPECT_NOT_NULL(test, entry);
	KUNIT_EXPECT_TRUE(test, ima_seen_contains(seen, PCR, digest));
}

static struct kunit_case ima_seen_test_cases[] = {
	KUNIT_CASE_PARAM(ima_seen_test_finds_what_was_added,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_tells_digests_apart,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_compares_no_more_than_the_digest,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_tells_pcrs_apart,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_keeps_many,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_removes_many,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_seen_test_adds_what_was_removed,
			 ima_seen_test_size_gen_params),
	KUNIT_CASE(ima_seen_test_gives_memory_back),
	KUNIT_CASE(ima_seen_test_refuses_bad_sizes),
	KUNIT_CASE(ima_seen_test_destroys_what_is_not_set_up),
	KUNIT_CASE(ima_seen_test_starts_again_with_another_size),
	KUNIT_CASE(ima_seen_test_tables_are_apart),
	KUNIT_CASE(ima_seen_test_shares_no_pages),
	KUNIT_CASE(ima_seen_test_full_table_forgets_the_new_only),
	KUNIT_CASE(ima_seen_test_full_table_keeps_no_memory),
	KUNIT_CASE(ima_seen_test_add_survives_lack_of_memory),
	{}
};

static struct kunit_suite ima_seen_test_suite = {
	.name = "ima_seen",
	.init = ima_seen_test_init,
	.exit = ima_seen_test_exit,
	.test_cases = ima_seen_test_cases,
};

kunit_test_suite(ima_seen_test_suite);
