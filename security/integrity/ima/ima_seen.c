// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seen digests: what was measured already, and is not recorded again
 */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <crypto/hash.h>

#include "ima_seen.h"

/* What an entry is found by, in the layout of struct ima_seen_entry. */
struct ima_seen_key {
	u32 pcr;
	u8 digest[HASH_MAX_DIGESTSIZE];
};

static_assert(offsetof(struct ima_seen_key, digest) ==
	      offsetof(struct ima_seen_entry, digest) -
		      offsetof(struct ima_seen_entry, pcr));

/**
 * ima_seen_init - set up a table of seen digests
 * @seen: table, zeroed or destroyed
 * @name: name of the slab cache
 * @digest_size: bytes of each digest, 1 to HASH_MAX_DIGESTSIZE
 *
 * The hash of the table is seeded at random, so that nobody can choose the
 * content of files for their digests to collide.
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if @digest_size is none of these, -ENOMEM.
 */
int ima_seen_init(struct ima_seen *seen, const char *name,
		  unsigned int digest_size)
{
	const struct rhashtable_params params = {
		.key_len = sizeof(u32) + digest_size,
		.key_offset = offsetof(struct ima_seen_entry, pcr),
		.head_offset = offsetof(struct ima_seen_entry, node),
		.automatic_shrinking = true,
	};
	unsigned int size;
	int ret;

	if (!digest_size || digest_size > HASH_MAX_DIGESTSIZE)
		return -EINVAL;

	/* Not struct_size_t(): digests begin in what it counts as padding. */
	size = max(offsetof(struct ima_seen_entry, digest) + digest_size,
		   sizeof(struct ima_seen_entry));
	/* Not merged, so that digests and records do not share pages. */
	seen->cache = kmem_cache_create(name, size, 0, SLAB_NO_MERGE, NULL);
	if (!seen->cache)
		return -ENOMEM;

	ret = rhashtable_init(&seen->table, &params);
	if (ret) {
		kmem_cache_destroy(seen->cache);
		return ret;
	}

	seen->digest_size = digest_size;
	return 0;
}

static void ima_seen_destroy_entry(void *entry, void *seen)
{
	ima_seen_free(seen, entry);
}

/**
 * ima_seen_destroy - forget all digests
 * @seen: table that nobody uses any more, set up or not
 *
 * Context: may sleep.
 */
void ima_seen_destroy(struct ima_seen *seen)
{
	if (!seen->digest_size)
		return;

	rhashtable_free_and_destroy(&seen->table, ima_seen_destroy_entry, seen);
	kmem_cache_destroy(seen->cache);
	seen->digest_size = 0;
}

/**
 * ima_seen_contains - look a digest up
 * @seen: table
 * @pcr: PCR that the digest extends
 * @digest: template digest, &ima_seen.digest_size bytes
 *
 * Context: any.
 * Return: whether @digest was added for @pcr, and was not removed.
 */
bool ima_seen_contains(struct ima_seen *seen, u32 pcr, const u8 *digest)
{
	struct ima_seen_key key;

	key.pcr = pcr;
	memcpy(key.digest, digest, seen->digest_size);
	/* The entry can be removed and freed as soon as this has returned. */
	return rhashtable_lookup_fast(&seen->table, &key, seen->table.p);
}

/**
 * ima_seen_add - remember a digest
 * @seen: table
 * @pcr: PCR that the digest extends
 * @digest: template digest, &ima_seen.digest_size bytes
 *
 * Context: may sleep. The caller keeps other additions away, and has seen that
 * ima_seen_contains() does not find the digest.
 * Return: the new entry, or NULL if there is no memory for it, or if the table
 * is full or must grow before it takes more. Nothing is lost then but the
 * knowledge: the same digest is going to be recorded once more.
 */
struct ima_seen_entry *ima_seen_add(struct ima_seen *seen, u32 pcr,
				    const u8 *digest)
{
	struct ima_seen_entry *entry;

	entry = kmem_cache_alloc(seen->cache, GFP_KERNEL);
	if (!entry)
		return NULL;

	entry->pcr = pcr;
	memcpy(entry->digest, digest, seen->digest_size);
	if (rhashtable_insert_fast(&seen->table, &entry->node, seen->table.p)) {
		kmem_cache_free(seen->cache, entry);
		return NULL;
	}
	return entry;
}

/**
 * ima_seen_remove - forget a digest
 * @seen: table
 * @entry: what ima_seen_add() returned for the digest, not removed yet
 *
 * The entry is not found any more, but may still be in use by tasks that are
 * looking a digest up: it is freed with ima_seen_free(), after a grace period.
 *
 * Context: any. Does not allocate memory.
 * Return: true, or false if @entry is not in @seen, and must not be freed.
 */
bool ima_seen_remove(struct ima_seen *seen, struct ima_seen_entry *entry)
{
	return !rhashtable_remove_fast(&seen->table, &entry->node,
				       seen->table.p);
}

/**
 * ima_seen_free - free what was removed
 * @seen: table
 * @entry: removed with ima_seen_remove() at least a grace period of RCU ago
 *
 * Context: any.
 */
void ima_seen_free(struct ima_seen *seen, struct ima_seen_entry *entry)
{
	kmem_cache_free(seen->cache, entry);
}
