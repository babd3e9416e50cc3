/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Measurement list: records in the order in which they were measured
 *
 * The list that is extended with every measurement is one instance. Records
 * that are on their way out of the kernel are held by other instances, so
 * that they can be moved from one to the next by exchanging pointers, however
 * many there are. Nothing in here knows of a particular instance.
 */

#ifndef _SECURITY_INTEGRITY_IMA_LIST_H
#define _SECURITY_INTEGRITY_IMA_LIST_H

#include <linux/list.h>
#include <linux/types.h>

struct ima_queue_entry;
struct ima_template_entry;
struct seq_file;

/**
 * struct ima_list - a measurement list
 *
 * A list is changed by one task at a time: its owner provides the lock. It may
 * be walked, with the RCU list primitives, while a record is appended, but not
 * while records are taken from it.
 */
struct ima_list {
	/**
	 * @records: &struct ima_queue_entry, linked by
	 * &ima_queue_entry.later, oldest first.
	 */
	struct list_head records;
	/**
	 * @count: Number of records. Read without a lock by
	 * ima_list_count().
	 */
	unsigned long count;
	/**
	 * @size: Bytes that all the records take in the SHA-1 format of the
	 * binary measurement list, at least. It does not overflow: the same
	 * record takes more than that in memory.
	 */
	unsigned long size;
	/**
	 * @generation: Changes whenever records are taken from the list or
	 * put on it other than by appending, that is, whenever a position in
	 * the list loses its meaning. Read without a lock by
	 * ima_list_generation().
	 */
	unsigned long generation;
};

/**
 * struct ima_list_cursor - how far a reader has come in a list
 *
 * Zeroed, it is before the first record. It is used by one task at a time, and
 * loses its meaning when the list's generation changes.
 */
struct ima_list_cursor {
	/** @qe: The last record that was found, or NULL. */
	struct ima_queue_entry *qe;
	/** @index: How many records are before @qe. */
	loff_t index;
};

/**
 * IMA_LIST_INIT - initializer of an empty list
 * @name: the &struct ima_list that is initialized
 */
#define IMA_LIST_INIT(name)                               \
	{                                                 \
		.records = LIST_HEAD_INIT((name).records) \
	}

void ima_list_init(struct ima_list *list);
unsigned long ima_list_record_size(const struct ima_template_entry *entry);
unsigned long ima_list_count(const struct ima_list *list);
bool ima_list_is_empty(const struct ima_list *list);
unsigned long ima_list_generation(const struct ima_list *list);
void ima_list_append(struct ima_list *list, struct ima_queue_entry *qe);
void ima_list_fetch(struct ima_list *from, struct ima_list *to,
		    const struct ima_queue_entry *last);
void ima_list_move(struct ima_list *from, struct ima_list *to);
struct ima_queue_entry *ima_list_find(const struct ima_list *list,
				      unsigned long n, unsigned long *size);
struct ima_queue_entry *ima_list_seek(const struct ima_list *list,
				      struct ima_list_cursor *cursor,
				      loff_t index);
void ima_list_cut(struct ima_list *from, struct ima_list *to,
		  struct ima_queue_entry *last, unsigned long n,
		  unsigned long size);
bool ima_list_dump(const struct ima_list *list, struct seq_file *file,
		   u64 *count);
void ima_list_free(struct ima_list *list);

#endif /* _SECURITY_INTEGRITY_IMA_LIST_H */
