/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites of the measurement list share: records that can be
 * told apart, and kthreads that the test can watch
 */

#ifndef _SECURITY_INTEGRITY_IMA_TEST_H
#define _SECURITY_INTEGRITY_IMA_TEST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ima.h"
#include "ima_list.h"
#include "ima_template_lib.h"

/* Bytes of each object of a cache that is passed to ima_test_alloc() */
#define IMA_TEST_OBJECT_SIZE 1024

/* How long something may take that takes little time if the code is right */
#define IMA_TEST_PATIENCE (10 * HZ)

/* How long many rounds of something may take where everybody has to wait */
#define IMA_TEST_LIMIT (100 * HZ)

/* How many records are appended to a list from which none are taken */
#define IMA_TEST_BACKLOG 1000

static inline void *ima_test_zalloc(struct kmem_cache *cache, size_t size)
{
	if (!cache)
		return kzalloc(size, GFP_KERNEL);
	if (size > IMA_TEST_OBJECT_SIZE)
		return NULL;
	return kmem_cache_zalloc(cache, GFP_KERNEL);
}

/**
 * ima_test_alloc - make a record
 * @cache: slab cache for all its memory, or NULL
 * @desc: template
 * @len: length of each field of the template
 *
 * Each field is a string of as many characters as its length says.
 *
 * Return: a record that ima_list_free() can free, or NULL.
 */
static inline struct ima_queue_entry *
ima_test_alloc(struct kmem_cache *cache, struct ima_template_desc *desc,
	       const u32 *len)
{
	struct ima_template_entry *entry;
	struct ima_queue_entry *qe;
	int i;

	qe = ima_test_zalloc(cache, sizeof(*qe));
	if (!qe)
		return NULL;

	entry = ima_test_zalloc(cache, struct_size(entry, template_data,
						   desc->num_fields));
	if (!entry)
		goto out_qe;

	qe->entry = entry;
	entry->pcr = CONFIG_IMA_MEASURE_PCR_IDX;
	entry->template_desc = desc;
	entry->digests =
		ima_test_zalloc(cache, max(ima_digests_size, SHA1_DIGEST_SIZE));
	if (!entry->digests)
		goto out_entry;

	for (i = 0; i < desc->num_fields; i++) {
		u8 *data = ima_test_zalloc(cache, len[i] + 1);

		if (!data)
			goto out_entry;
		memset(data, 'x', len[i]);
		entry->template_data[i].data = data;
		entry->template_data[i].len = len[i];
		entry->template_data_len += sizeof(u32) + len[i];
	}
	return qe;

out_entry:
	ima_free_template_entry(entry);
out_qe:
	kfree(qe);
	return NULL;
}

/**
 * ima_test_set_number - number a record
 * @qe: record made by ima_test_numbered()
 * @number: its number
 */
static inline void ima_test_set_number(struct ima_queue_entry *qe, u32 number)
{
	memcpy(qe->entry->template_data[0].data, &number, sizeof(number));
}

/**
 * ima_test_number - tell which record this is
 * @qe: record made by ima_test_numbered()
 *
 * Return: its number.
 */
static inline u32 ima_test_number(const struct ima_queue_entry *qe)
{
	u32 number;

	memcpy(&number, qe->entry->template_data[0].data, sizeof(number));
	return number;
}

/**
 * ima_test_numbered - make a record that has a number
 * @cache: slab cache for all its memory, or NULL
 * @number: its number, which also decides on its size
 *
 * Return: a record that ima_list_free() can free, or NULL.
 */
static inline struct ima_queue_entry *
ima_test_numbered(struct kmem_cache *cache, u32 number)
{
	static const struct ima_template_field field = {
		.field_show = ima_show_template_sig,
	};
	static const struct ima_template_field *fields[] = { &field, &field };
	static struct ima_template_desc desc = {
		.name = "ima-ng",
		.fmt = "d-ng|n-ng",
		.fields = fields,
		.num_fields = ARRAY_SIZE(fields),
	};
	const u32 len[] = { sizeof(number), number % 61 };
	struct ima_queue_entry *qe = ima_test_alloc(cache, &desc, len);

	if (qe)
		ima_test_set_number(qe, number);
	return qe;
}

/**
 * ima_test_append - append numbered records to a list
 * @test: test
 * @list: list
 * @first: number of the first record
 * @n: how many
 */
static inline void ima_test_append(struct kunit *test, struct ima_list *list,
				   u32 first, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		struct ima_queue_entry *qe = ima_test_numbered(NULL, first + i);

		KUNIT_ASSERT_NOT_NULL(test, qe);
		ima_list_append(list, qe);
	}
}

/**
 * ima_test_fault - look for a fault in a list
 * @list: list that does not change meanwhile
 * @first: number that its first record should have
 * @n: how many records it should have, numbered one after the other
 *
 * Return: what is wrong with the list, or an empty string.
 */
static inline const char *ima_test_fault(const struct ima_list *list, u32 first,
					 unsigned long n)
{
	const struct ima_queue_entry *qe;
	unsigned long found = 0, size = 0;

	if (ima_list_count(list) != n)
		return "count";

	list_for_each_entry(qe, &list->records, later) {
		if (found == n)
			return "more records than counted";
		if (ima_test_number(qe) != first + (u32)found)
			return "order";
		size += ima_list_record_size(qe->entry);
		found++;
	}
	if (found != n)
		return "fewer records than counted";

	list_for_each_entry_reverse(qe, &list->records, later) {
		if (!found)
			return "more records from the end";
		found--;
		if (ima_test_number(qe) != first + (u32)found)
			return "order from the end";
	}
	if (found)
		return "fewer records from the end";

	return list->size == size ? "" : "size";
}

/**
 * IMA_TEST_EXPECT_LIST - expect a list to hold certain records
 * @test: test
 * @list: list that does not change meanwhile
 * @first: number of the first record
 * @n: number of records, numbered one after the other
 *
 * Order, links, count and size are looked at.
 */
#define IMA_TEST_EXPECT_LIST(test, list, first, n) \
	KUNIT_EXPECT_STREQ(test, ima_test_fault(list, first, n), "")

/**
 * struct ima_test_task - a kthread that calls a function once
 */
struct ima_test_task {
	/** @fn: the function */
	int (*fn)(void *data);
	/** @data: its argument */
	void *data;
	/** @ret: what it returned; valid once @done is complete */
	int ret;
	/** @done: completed when it has returned */
	struct completion done;
	/** @task: the kthread, a counted reference */
	struct task_struct *task;
};

static inline int ima_test_task_main(void *data)
{
	struct ima_test_task *t = data;

	allow_signal(SIGKILL);
	t->ret = t->fn(t->data);
	complete(&t->done);
	return 0;
}

/**
 * ima_test_task_start - call a function in a process of its own
 * @test: test
 * @t: filled in
 * @fn: function; SIGKILL is fatal to it as to a user process
 * @data: its argument
 *
 * ima_test_task_join() must follow.
 */
static inline void ima_test_task_start(struct kunit *test,
				       struct ima_test_task *t,
				       int (*fn)(void *data), void *data)
{
	t->fn = fn;
	t->data = data;
	init_completion(&t->done);
	t->task = kthread_create(ima_test_task_main, t, "ima_test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->task);
	get_task_struct(t->task);
	wake_up_process(t->task);
}

/**
 * ima_test_task_blocks - wait until a task waits for a lock
 * @t: task
 *
 * Return: true as soon as it sleeps where only a fatal signal disturbs it,
 * false if it does not within %IMA_TEST_PATIENCE.
 */
static inline bool ima_test_task_blocks(struct ima_test_task *t)
{
	unsigned long end = jiffies + IMA_TEST_PATIENCE;

	while (!completion_done(&t->done) && time_before(jiffies, end)) {
		if (READ_ONCE(t->task->__state) & TASK_WAKEKILL)
			return true;
		usleep_range(50, 200);
	}
	return false;
}

/**
 * ima_test_task_ends - wait until a task has come to its end
 * @t: task
 *
 * Return: false if it has not within %IMA_TEST_PATIENCE.
 */
static inline bool ima_test_task_ends(struct ima_test_task *t)
{
	if (!wait_for_completion_timeout(&t->done, IMA_TEST_PATIENCE))
		return false;
	/* for ima_test_task_join() */
	complete(&t->done);
	return true;
}

/**
 * ima_test_task_kill - send a fatal signal to a task
 * @t: task
 */
static inline void ima_test_task_kill(struct ima_test_task *t)
{
	send_sig(SIGKILL, t->task, 1);
}

/**
 * ima_test_task_join - wait for the end of a task, however long that takes
 * @t: task
 *
 * Return: what its function returned.
 */
static inline int ima_test_task_join(struct ima_test_task *t)
{
	wait_for_completion(&t->done);
	put_task_struct(t->task);
	return t->ret;
}

/**
 * struct ima_test_holder - a process that holds a mutex
 */
struct ima_test_holder {
	/** @mutex: the mutex */
	struct mutex *mutex;
	/** @held: completed when the mutex is held */
	struct completion held;
	/** @release: to be completed when it is to be released */
	struct completion release;
	/** @task: the process */
	struct ima_test_task task;
};

static inline int ima_test_holder_main(void *data)
{
	struct ima_test_holder *holder = data;
	int ret = 0;

	mutex_lock(holder->mutex);
	complete(&holder->held);
	if (!wait_for_completion_timeout(&holder->release, IMA_TEST_PATIENCE))
		ret = -ETIMEDOUT;
	mutex_unlock(holder->mutex);
	return ret;
}

/**
 * ima_test_hold - have a mutex held by another process
 * @test: test
 * @holder: filled in
 * @mutex: mutex
 *
 * Whoever waits for the mutex gets it after %IMA_TEST_PATIENCE, so that a test
 * that fails does not hang. ima_test_unhold() must follow.
 */
static inline void ima_test_hold(struct kunit *test,
				 struct ima_test_holder *holder,
				 struct mutex *mutex)
{
	holder->mutex = mutex;
	init_completion(&holder->held);
	init_completion(&holder->release);
	ima_test_task_start(test, &holder->task, ima_test_holder_main, holder);
	wait_for_completion(&holder->held);
}

/**
 * ima_test_unhold - have the mutex released
 * @holder: holder
 *
 * Return: 0 if the mutex was held until now, or -ETIMEDOUT.
 */
static inline int ima_test_unhold(struct ima_test_holder *holder)
{
	complete(&holder->release);
	return ima_test_task_join(&holder->task);
}

/**
 * struct ima_test_appender - a process that appends records, or several
 */
struct ima_test_appender {
	/** @list: list to append to */
	struct ima_list *list;
	/** @mutex: mutex to hold meanwhile */
	struct mutex *mutex;
	/** @last: number of the last record, changes under @mutex */
	u32 *last;
	/** @stop: nothing more is to be appended */
	bool stop;
};

/**
 * ima_test_append_task - append records as measuring does, until told to stop
 * @data: &struct ima_test_appender
 *
 * The mutex is held for long at times, as it is when a TPM is extended.
 *
 * Return: 0 or -ENOMEM.
 */
static inline int ima_test_append_task(void *data)
{
	struct ima_test_appender *appender = data;
	u32 i;

	for (i = 0; !READ_ONCE(appender->stop); i++) {
		struct ima_queue_entry *qe;

		/* Nobody takes them from the list? */
		if (ima_list_count(appender->list) >= IMA_TEST_BACKLOG) {
			usleep_range(50, 100);
			continue;
		}

		qe = ima_test_numbered(NULL, i);
		if (!qe)
			return -ENOMEM;
		mutex_lock(appender->mutex);
		ima_test_set_number(qe, ++*appender->last);
		ima_list_append(appender->list, qe);
		if (i % 16 == 0)
			usleep_range(50, 100);
		mutex_unlock(appender->mutex);
		cond_resched();
	}
	return 0;
}

#endif /* _SECURITY_INTEGRITY_IMA_TEST_H */
