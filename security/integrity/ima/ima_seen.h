/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Seen digests: what was measured already, and is not recorded again
 *
 * The same template digest extends the same PCR once only. What must be
 * remembered for that is kept apart from the records of the measurement list:
 * a record can be freed without its digest being forgotten, and since digests
 * do not share pages with records, the pages of freed records become free.
 */

#ifndef _SECURITY_INTEGRITY_IMA_SEEN_H
#define _SECURITY_INTEGRITY_IMA_SEEN_H

#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct kmem_cache;

/**
 * struct ima_seen_entry - a digest that was recorded
 *
 * Does not change from when it was added. Memory is of the length that the
 * digests of the table have.
 */
struct ima_seen_entry {
	/** @node: Links the entry into &ima_seen.table. */
	struct rhash_head node;
	/** @pcr: PCR that was extended. Begins the key of the table. */
	u32 pcr;
	/** @digest: Template digest, &ima_seen.digest_size bytes. */
	u8 digest[];
};

/**
 * struct ima_seen - a table of seen digests
 *
 * Entries are added by one task at a time; the caller provides the lock.
 * Looking up and removing need none.
 */
struct ima_seen {
	/** @table: The entries, by PCR and digest. */
	struct rhashtable table;
	/** @cache: Memory of the entries and of nothing else. */
	struct kmem_cache *cache;
	/**
	 * @digest_size: Bytes of each digest, at most HASH_MAX_DIGESTSIZE;
	 * zero as long as the table is not set up.
	 */
	unsigned int digest_size;
};

int ima_seen_init(struct ima_seen *seen, const char *name,
		  unsigned int digest_size);
void ima_seen_destroy(struct ima_seen *seen);
bool ima_seen_contains(struct ima_seen *seen, u32 pcr, const u8 *digest);
struct ima_seen_entry *ima_seen_add(struct ima_seen *seen, u32 pcr,
				    const u8 *digest);
bool ima_seen_remove(struct ima_seen *seen, struct ima_seen_entry *entry);
void ima_seen_free(struct ima_seen *seen, struct ima_seen_entry *entry);

#endif /* _SECURITY_INTEGRITY_IMA_SEEN_H */
