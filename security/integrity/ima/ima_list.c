// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measurement list: records in the order in which they were measured
 */

#include <linux/prefetch.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "ima.h"
#include "ima_list.h"

/**
 * ima_list_init - make an empty list
 * @list: list, not in use
 *
 * Context: any.
 */
void ima_list_init(struct ima_list *list)
{
	*list = (struct ima_list)IMA_LIST_INIT(*list);
}

/**
 * ima_list_record_size - size of a record in the binary measurement list
 * @entry: template entry, complete but for its digests
 *
 * Context: any.
 * Return: bytes that ima_measurements_show() writes for the record in SHA-1
 * format, or a few more.
 */
unsigned long ima_list_record_size(const struct ima_template_entry *entry)
{
	const struct ima_template_desc *desc = entry->template_desc;
	unsigned long size = 0;

	size += sizeof(u32); /* pcr */
	size += TPM_DIGEST_SIZE;
	size += sizeof(u32); /* template name size field */
	/* a template given by its format has no name: the format is shown */
	size += strlen(desc->name[0] ? desc->name : desc->fmt);
	size += sizeof(entry->template_data_len);
	size += entry->template_data_len;
	return size;
}

/**
 * ima_list_count - number of records on a list
 * @list: list, possibly being changed
 *
 * As many records as this are seen by a walk of @list that starts afterwards,
 * unless records are taken from it.
 *
 * Context: any, no lock needed.
 * Return: number of records.
 */
unsigned long ima_list_count(const struct ima_list *list)
{
	/* Pairs with the release in ima_list_append(). */
	return smp_load_acquire(&list->count);
}

/**
 * ima_list_is_empty - is there no record that could be read?
 * @list: list, possibly being appended to
 *
 * A record can be read a moment before it is counted.
 *
 * Context: any, no lock needed.
 * Return: true if there is none.
 */
bool ima_list_is_empty(const struct ima_list *list)
{
	return list_empty(&list->records);
}

/**
 * ima_list_generation - tell whether positions in a list are still valid
 * @list: list, possibly being changed
 *
 * Context: any, no lock needed.
 * Return: a number that is the same as before for as long as nothing but
 * appending happened to @list.
 */
unsigned long ima_list_generation(const struct ima_list *list)
{
	return READ_ONCE(list->generation);
}

/**
 * ima_list_append - add a record to the end of a list
 * @list: list, being walked or not
 * @qe: record, on no list
 *
 * Context: the caller keeps other changes of @list away.
 */
void ima_list_append(struct ima_list *list, struct ima_queue_entry *qe)
{
	list_add_tail_rcu(&qe->later, &list->records);
	WRITE_ONCE(list->size, list->size + ima_list_record_size(qe->entry));
	/*
	 * Who sees the count finds the record: see ima_list_count(). Who finds
	 * the record sees, at least, the count of those before it.
	 */
	smp_store_release(&list->count, list->count + 1);
}

/**
 * ima_list_fetch - have in the cache what it takes to take records off a list
 * @from: list, being appended to or not
 * @to: empty list that is going to get them
 * @last: last record to take, or NULL for all records
 *
 * After a walk of a long list, neither its ends nor the code that takes some
 * records off are in a cache, and appending waits while they are taken. To be
 * called before the lock for that is.
 *
 * Context: any. The caller keeps other tasks from taking records from @from,
 * but not from appending to it: if the end changes, fetching was in vain.
 */
void ima_list_fetch(struct ima_list *from, struct ima_list *to,
		    const struct ima_queue_entry *last)
{
	struct list_head *first = READ_ONCE(from->records.next);
	struct ima_list own_from = IMA_LIST_INIT(own_from);
	struct ima_list own_to = IMA_LIST_INIT(own_to);
	struct ima_queue_entry qe = {};
	struct list_head *end;

	/* The code, by taking a record off a list that nobody else knows. */
	list_add(&qe.later, &own_from.records);
	if (last) {
		ima_list_cut(&own_from, &own_to, &qe, 0, 0);
		end = READ_ONCE(last->later.next);
	} else {
		ima_list_move(&own_from, &own_to);
		/* An append may change it: then the wrong one is fetched. */
		end = READ_ONCE(from->records.prev);
	}

	prefetchw(&from->records);
	prefetchw(&from->generation);
	prefetchw(&to->records);
	prefetchw(&to->generation);
	prefetchw(first);
	prefetchw(end);
	/*
	 * This takes longer than getting a lock that is free. Where getting it
	 * waits for what was read before, as on x86, it waits outside.
	 */
	READ_ONCE(from->generation);
	READ_ONCE(to->records.next);
	READ_ONCE(to->generation);
	READ_ONCE(first->prev);
	READ_ONCE(end->prev);
}

/**
 * ima_list_move - take all records of a list
 * @from: list whose records are taken, empty afterwards
 * @to: empty list that gets them
 *
 * Not inlined: ima_list_fetch() gets its code into the cache.
 *
 * Context: any, takes the same time for every number of records. The caller
 * keeps changes and walks of both lists away.
 */
noinline void ima_list_move(struct ima_list *from, struct ima_list *to)
{
	list_replace_init(&from->records, &to->records);
	WRITE_ONCE(to->size, from->size);
	WRITE_ONCE(from->size, 0);
	WRITE_ONCE(to->count, from->count);
	WRITE_ONCE(from->count, 0);
	WRITE_ONCE(to->generation, to->generation + 1);
	WRITE_ONCE(from->generation, from->generation + 1);
}

/**
 * ima_list_find - find the n-th record of a list
 * @list: list, being appended to or not
 * @n: number of the record, the first is 1
 * @size: set to the bytes that the first @n records take, as in
 *	&ima_list.size
 *
 * Context: may sleep. The caller keeps other tasks from taking records from
 * @list, but not from appending to it.
 * Return: the record, or NULL if there are fewer or if @n is zero.
 */
struct ima_queue_entry *ima_list_find(const struct ima_list *list,
				      unsigned long n, unsigned long *size)
{
	struct ima_queue_entry *qe;

	*size = 0;
	/* RCU orders the walk against appends; nothing is taken meanwhile. */
	list_for_each_entry_rcu(qe, &list->records, later, true) {
		if (!n)
			break;
		*size += ima_list_record_size(qe->entry);
		if (!--n)
			return qe;
		cond_resched();
	}
	return NULL;
}

/**
 * ima_list_seek - go to a record
 * @list: list, being appended to or not
 * @cursor: where the reader is in @list; moved to the record, or to the last
 *	one if there are fewer
 * @index: how many records there are to be before it
 *
 * Going on from one record to the next, or staying at it, takes the same time
 * everywhere in the list. Going back starts at the first record.
 *
 * Context: may sleep. The caller keeps other tasks from taking records from
 * @list, but not from appending to it.
 * Return: the record, or NULL if there are fewer.
 */
struct ima_queue_entry *ima_list_seek(const struct ima_list *list,
				      struct ima_list_cursor *cursor,
				      loff_t index)
{
	const struct list_head *next;

	if (index < cursor->index)
		cursor->qe = NULL;

	while (!cursor->qe || cursor->index < index) {
		/* RCU orders the walk against appends. */
		next = cursor->qe ? &cursor->qe->later : &list->records;
		next = rcu_dereference_raw(list_next_rcu(next));
		if (next == &list->records)
			return NULL;

		cursor->index = cursor->qe ? cursor->index + 1 : 0;
		cursor->qe = list_entry(next, struct ima_queue_entry, later);
		cond_resched();
	}
	return cursor->qe;
}

/**
 * ima_list_cut - take the first records of a list
 * @from: list whose records are taken
 * @to: empty list that gets them
 * @last: last record to take, found by ima_list_find()
 * @n: number of records up to and including @last
 * @size: their size in bytes, from ima_list_find()
 *
 * Not inlined: ima_list_fetch() gets its code into the cache.
 *
 * Context: any, takes the same time for every number of records. The caller
 * keeps changes and walks of both lists away.
 */
noinline void ima_list_cut(struct ima_list *from, struct ima_list *to,
			   struct ima_queue_entry *last, unsigned long n,
			   unsigned long size)
{
	list_cut_position(&to->records, &from->records, &last->later);
	WRITE_ONCE(to->size, size);
	WRITE_ONCE(from->size, from->size - size);
	WRITE_ONCE(to->count, n);
	WRITE_ONCE(from->count, from->count - n);
	WRITE_ONCE(to->generation, to->generation + 1);
	WRITE_ONCE(from->generation, from->generation + 1);
}

/**
 * ima_list_dump - write the records of a list to a buffer, as many as fit
 * @list: list, not being changed
 * @file: buffer with nobody behind it: it does not grow. Its
 *	&seq_file.count is the number of bytes that are in use.
 * @count: increased by the number of records that were written
 *
 * Records are in the SHA-1 format of the binary measurement list. There is no
 * part of a record in @file afterwards.
 *
 * Context: may sleep. The caller keeps changes of @list away.
 * Return: true if all records were written, false if one did not fit. The last
 * byte of @file is never used: a full one is the sign of a record cut off.
 */
bool ima_list_dump(const struct ima_list *list, struct seq_file *file,
		   u64 *count)
{
	struct ima_queue_entry *qe;

	list_for_each_entry_rcu(qe, &list->records, later, true) {
		size_t end = file->count;

		ima_measurements_show(file, qe);
		if (seq_has_overflowed(file)) {
			file->count = end;
			return false;
		}
		(*count)++;
		cond_resched();
	}
	return true;
}

/**
 * ima_list_free - free all records of a list
 * @list: list that nobody else knows, empty afterwards
 *
 * Context: may sleep; not to be called under a lock, since a long list takes
 * its time.
 */
void ima_list_free(struct ima_list *list)
{
	struct ima_queue_entry *qe, *next;

	list_for_each_entry_safe(qe, next, &list->records, later) {
		ima_free_template_entry(qe->entry);
		kfree(qe);
		cond_resched();
	}
	ima_list_init(list);
}
