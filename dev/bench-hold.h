/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long IMA's mutexes are held: for a kernel that is built to
 * measure it (dev/kernel uml-hold), in which this is included first in each of IMA's
 * files.
 *
 * The time stamp counter is read after a mutex was got, and again before it is
 * released. LOCK_STAT would count in jiffies in user-mode Linux, and much that it does
 * itself: after a walk of a long list, nothing of its data is in a cache any more.
 *
 * /proc/ima_hold has a line for each mutex that is a variable: its name, how often it
 * was held, and the shortest, longest and total time in nanoseconds. The line `nothing`
 * is what is measured of nothing. A write starts anew.
 */
#ifndef BENCH_HOLD_H
#define BENCH_HOLD_H

#include <linux/kernel.h>
#include <linux/mutex.h>
#include <asm/sections.h>

#ifdef CONFIG_SMP
#error "one CPU only: what is counted here is not locked"
#endif

struct bench_hold {
	struct mutex *lock;
	u64 nr, shortest, longest, total;
};

extern struct bench_hold bench_holds[8];

/* The mutex that was got last, and when */
extern struct mutex *bench_hold_lock;
extern u64 bench_hold_start;

/* Waits until all that stands before it is done, also until it is written. */
static __always_inline u64 bench_hold_clock(void)
{
	u32 low, high;

	asm volatile("mfence; lfence; rdtsc; lfence" : "=a" (low), "=d" (high) : : "memory");
	return (u64)high << 32 | low;
}

/*
 * Before the mutex is got: what is written while it is held must not have to be fetched.
 * A prefetch that is under way gets the time that this takes; what is read or written is
 * waited for in any case.
 */
static __always_inline void bench_hold_prepare(void)
{
	bench_hold_lock = NULL;
	bench_hold_start = bench_hold_clock();
}

static __always_inline void bench_hold_begin(struct mutex *lock)
{
	bench_hold_start = bench_hold_clock();
	bench_hold_lock = lock;
}

static __always_inline void bench_hold_count(struct bench_hold *h, u64 time)
{
	if (!h->nr++ || time < h->shortest)
		h->shortest = time;
	if (time > h->longest)
		h->longest = time;
	h->total += time;
}

/* Of two that are held at once, the one that was got last is counted. */
static __always_inline void bench_hold_end(struct mutex *lock)
{
	u64 time = bench_hold_clock();
	struct bench_hold *h;

	/* There is one in each inode as well. */
	if (bench_hold_lock != lock || !is_kernel_core_data((unsigned long)lock))
		return;
	bench_hold_lock = NULL;
	time -= bench_hold_start;
	for (h = bench_holds; h < bench_holds + ARRAY_SIZE(bench_holds); h++) {
		if (h->lock && h->lock != lock)
			continue;
		h->lock = lock;
		bench_hold_count(h, time);
		return;
	}
}

#ifdef BENCH_HOLD_HOME
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

struct bench_hold bench_holds[8];
struct mutex *bench_hold_lock;
u64 bench_hold_start;

/* Both clocks, at the start */
static u64 bench_hold_ticks, bench_hold_ns;

static u64 bench_hold_to_ns(u64 ticks)
{
	return mul_u64_u64_div_u64(ticks, ktime_get_ns() - bench_hold_ns,
				   bench_hold_clock() - bench_hold_ticks);
}

static void bench_hold_show_one(struct seq_file *m, const struct bench_hold *h)
{
	if (h->lock)
		seq_printf(m, "%ps", h->lock);
	else
		seq_puts(m, "nothing");
	seq_printf(m, " %llu %llu %llu %llu\n", h->nr, bench_hold_to_ns(h->shortest),
		   bench_hold_to_ns(h->longest), bench_hold_to_ns(h->total));
}

static int bench_hold_show(struct seq_file *m, void *v)
{
	struct bench_hold *h, nothing = {};
	u64 time;

	while (nothing.nr < 1000) {
		time = bench_hold_clock();
		bench_hold_count(&nothing, bench_hold_clock() - time);
	}
	bench_hold_show_one(m, &nothing);
	for (h = bench_holds; h < bench_holds + ARRAY_SIZE(bench_holds) && h->lock; h++)
		bench_hold_show_one(m, h);
	return 0;
}

static int bench_hold_open(struct inode *inode, struct file *file)
{
	return single_open(file, bench_hold_show, NULL);
}

static ssize_t bench_hold_write(struct file *file, const char __user *text, size_t len,
				loff_t *pos)
{
	memset(bench_holds, 0, sizeof(bench_holds));
	return len;
}

static const struct proc_ops bench_hold_ops = {
	.proc_open = bench_hold_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_write = bench_hold_write,
	.proc_release = single_release,
};

static int __init bench_hold_init(void)
{
	bench_hold_ticks = bench_hold_clock();
	bench_hold_ns = ktime_get_ns();
	proc_create("ima_hold", 0600, NULL, &bench_hold_ops);
	return 0;
}
late_initcall(bench_hold_init);
#endif

#define mutex_lock(lock) \
	do { \
		bench_hold_prepare(); \
		mutex_lock(lock); \
		bench_hold_begin(lock); \
	} while (0)

/* @get: a function that may fail */
#define bench_hold_try(get, lock) \
	({ \
		int bench_hold_ret; \
		bench_hold_prepare(); \
		bench_hold_ret = get(lock); \
		if (!bench_hold_ret) \
			bench_hold_begin(lock); \
		bench_hold_ret; \
	})

#define mutex_lock_killable(lock) bench_hold_try(mutex_lock_killable, lock)
#define mutex_lock_interruptible(lock) bench_hold_try(mutex_lock_interruptible, lock)

#define mutex_unlock(lock) \
	do { \
		bench_hold_end(lock); \
		mutex_unlock(lock); \
	} while (0)

#endif
