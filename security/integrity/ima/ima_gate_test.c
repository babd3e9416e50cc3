// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the gate
 */

#include <linux/pid.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>

#include "ima_gate.h"
#include "ima_test.h"

/* Processes that are told apart by their struct pid alone */
enum ima_gate_test_process {
	IMA_GATE_TEST_A,
	IMA_GATE_TEST_B,
	IMA_GATE_TEST_PROCESSES,
};

/**
 * struct ima_gate_test - what each case starts with
 */
struct ima_gate_test {
	/** @gate: a gate through which nobody has gone */
	struct ima_gate gate;
	/** @pid: processes, each reference is the test's own */
	struct pid *pid[IMA_GATE_TEST_PROCESSES];
};

/* The process is gone for everybody who does not hold a reference. */
static void ima_gate_test_end(struct ima_gate_test *ctx,
			      enum ima_gate_test_process process)
{
	if (ctx->pid[process])
		free_pid(ctx->pid[process]);
	ctx->pid[process] = NULL;
	/* The reference is dropped after a grace period. */
	rcu_barrier();
}

static void ima_gate_test_exit(struct kunit *test)
{
	struct ima_gate_test *ctx = test->priv;
	int i;

	if (!ctx)
		return;
	for (i = 0; i < IMA_GATE_TEST_PROCESSES; i++)
		ima_gate_test_end(ctx, i);
}

static int ima_gate_test_init(struct kunit *test)
{
	struct ima_gate_test *ctx;
	int i;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;

	/* Not the initializer: lockdep wants that for static locks only. */
	spin_lock_init(&ctx->gate.lock);
	test->priv = ctx;
	for (i = 0; i < IMA_GATE_TEST_PROCESSES; i++) {
		struct pid *pid = alloc_pid(&init_pid_ns, NULL, 0);

		if (IS_ERR(pid)) {
			ima_gate_test_exit(test);
			return PTR_ERR(pid);
		}
		ctx->pid[i] = pid;
	}
	return 0;
}

/**
 * struct ima_gate_test_open - an open file
 */
struct ima_gate_test_open {
	/** @role: what for */
	enum ima_gate_role role;
	/** @process: by whom */
	enum ima_gate_test_process process;
};

#define IMA_GATE_TEST_OPENS 4

/* Files in the order in which they were opened; A and B are processes. */
#define READER_A                                 \
	{                                        \
		IMA_GATE_READER, IMA_GATE_TEST_A \
	}
#define READER_B                                 \
	{                                        \
		IMA_GATE_READER, IMA_GATE_TEST_B \
	}
#define WRITER_A                                 \
	{                                        \
		IMA_GATE_WRITER, IMA_GATE_TEST_A \
	}

static int ima_gate_test_enter(struct ima_gate_test *ctx,
			       const struct ima_gate_test_open *open)
{
	return ima_gate_enter(&ctx->gate, ctx->pid[open->process], open->role);
}

static void ima_gate_test_leave(struct ima_gate_test *ctx,
				const struct ima_gate_test_open *open)
{
	ima_gate_leave(&ctx->gate, open->role);
}

/*
 * Tell what is wrong with a gate that should know of so many files open, those
 * of writers by one process, and should hold no other reference than for them.
 */
static const char *ima_gate_test_fault(const struct ima_gate_test *ctx,
				       unsigned int readers,
				       unsigned int writers,
				       enum ima_gate_test_process process)
{
	int i;

	if (ctx->gate.readers != readers)
		return "readers";
	if (ctx->gate.writers != writers)
		return "writers";
	if (ctx->gate.writer != (writers ? ctx->pid[process] : NULL))
		return "writer";
	for (i = 0; i < IMA_GATE_TEST_PROCESSES; i++) {
		unsigned int count = writers && i == process ? 2 : 1;

		if (ctx->pid[i] && refcount_read(&ctx->pid[i]->count) != count)
			return "references";
	}
	return "";
}

/* Expect the gate to know of so many files open. */
#define EXPECT_OPEN(test, ctx, readers, writers, process) \
	KUNIT_EXPECT_STREQ(                               \
		test, ima_gate_test_fault(ctx, readers, writers, process), "")

struct ima_gate_test_pair {
	const char *what;
	unsigned int n_holders;
	struct ima_gate_test_open holders[IMA_GATE_TEST_OPENS];
	/* what A is told that reads, or writes, and what B is told */
	int ret[2 * IMA_GATE_TEST_PROCESSES];
};

static const struct ima_gate_test_pair ima_gate_test_pairs[] = {
	{ "nobody", 0, {}, { 0, 0, 0, 0 } },
	{ "A reads", 1, { READER_A }, { 0, -EBUSY, 0, -EBUSY } },
	{ "A reads twice", 2, { READER_A, READER_A }, { 0, -EBUSY, 0, -EBUSY } },
	{ "A and B read", 2, { READER_A, READER_B }, { 0, -EBUSY, 0, -EBUSY } },
	{ "A writes", 1, { WRITER_A }, { 0, 0, -EBUSY, -EBUSY } },
	{ "A writes twice",
	  2,
	  { WRITER_A, WRITER_A },
	  { 0, 0, -EBUSY, -EBUSY } },
	{ "A writes and reads",
	  2,
	  { WRITER_A, READER_A },
	  { 0, 0, -EBUSY, -EBUSY } },
	{ "A writes, reads and writes",
	  3,
	  { WRITER_A, READER_A, WRITER_A },
	  { 0, 0, -EBUSY, -EBUSY } },
};

KUNIT_ARRAY_PARAM_DESC(ima_gate_test_pair, ima_gate_test_pairs, what);

static void ima_gate_test_newcomer_enters_or_is_busy(struct kunit *test)
{
	const struct ima_gate_test_pair *param = test->param_value;
	struct ima_gate_test *ctx = test->priv;
	unsigned int readers = 0, writers = 0;
	struct ima_gate_test_open newcomer;
	int i;

	for (i = 0; i < param->n_holders; i++) {
		const struct ima_gate_test_open *open = &param->holders[i];

		KUNIT_ASSERT_EQ(test, ima_gate_test_enter(ctx, open), 0);
		if (open->role == IMA_GATE_WRITER)
			writers++;
		else
			readers++;
	}
	EXPECT_OPEN(test, ctx, readers, writers, IMA_GATE_TEST_A);

	for (i = 0; i < 2 * IMA_GATE_TEST_PROCESSES; i++) {
		int ret;

		newcomer.process = i / 2;
		newcomer.role = i % 2 ? IMA_GATE_WRITER : IMA_GATE_READER;
		ret = ima_gate_test_enter(ctx, &newcomer);
		KUNIT_EXPECT_EQ_MSG(test, ret, param->ret[i],
				    "process %d, role %d", newcomer.process,
				    newcomer.role);
		if (!ret) {
			bool writes = newcomer.role == IMA_GATE_WRITER;
			enum ima_gate_test_process writer = newcomer.process;

			if (writers)
				writer = IMA_GATE_TEST_A;
			EXPECT_OPEN(test, ctx, readers + !writes,
				    writers + writes, writer);
			ima_gate_test_leave(ctx, &newcomer);
		}
		/* It went, or was refused: nothing is left of it. */
		EXPECT_OPEN(test, ctx, readers, writers, IMA_GATE_TEST_A);
	}

	for (i = 0; i < param->n_holders; i++)
		ima_gate_test_leave(ctx, &param->holders[i]);
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_A);
}

struct ima_gate_test_order {
	const char *what;
	struct ima_gate_test_open opens[IMA_GATE_TEST_OPENS];
};

static const struct ima_gate_test_order ima_gate_test_orders[] = {
	{ "one writes", { WRITER_A, READER_A, READER_A, READER_A } },
	{ "two write, two read", { WRITER_A, READER_A, WRITER_A, READER_A } },
	{ "all but one write", { WRITER_A, WRITER_A, READER_A, WRITER_A } },
	{ "all write", { WRITER_A, WRITER_A, WRITER_A, WRITER_A } },
	{ "all read", { READER_A, READER_B, READER_A, READER_B } },
};

KUNIT_ARRAY_PARAM_DESC(ima_gate_test_order, ima_gate_test_orders, what);

/* Expect everybody to be told what they are to be told by now. */
static void ima_gate_test_probe(struct kunit *test, struct ima_gate_test *ctx,
				unsigned int readers, unsigned int writers)
{
	int i;

	for (i = 0; i < 2 * IMA_GATE_TEST_PROCESSES; i++) {
		const struct ima_gate_test_open open = {
			.process = i / 2,
			.role = i % 2 ? IMA_GATE_WRITER : IMA_GATE_READER,
		};
		int ret = 0, got;

		if (writers && open.process != IMA_GATE_TEST_A)
			ret = -EBUSY;
		if (!writers && readers && open.role == IMA_GATE_WRITER)
			ret = -EBUSY;

		got = ima_gate_test_enter(ctx, &open);
		KUNIT_EXPECT_EQ(test, got, ret);
		if (!got)
			ima_gate_test_leave(ctx, &open);
	}
	EXPECT_OPEN(test, ctx, readers, writers, IMA_GATE_TEST_A);
}

static void ima_gate_test_files_close_in_any_order(struct kunit *test)
{
	const struct ima_gate_test_order *param = test->param_value;
	struct ima_gate_test *ctx = test->priv;
	int order, tried = 0;

	/* Each number of four digits to the base of four is tried. */
	for (order = 0; order < 256; order++) {
		unsigned int readers = 0, writers = 0;
		unsigned long closed = 0;
		int i;

		for (i = 0; i < IMA_GATE_TEST_OPENS; i++)
			closed |= BIT((order >> (2 * i)) % 4);
		if (closed != GENMASK(IMA_GATE_TEST_OPENS - 1, 0))
			continue;

		for (i = 0; i < IMA_GATE_TEST_OPENS; i++) {
			const struct ima_gate_test_open *open =
				&param->opens[i];

			KUNIT_ASSERT_EQ(test, ima_gate_test_enter(ctx, open),
					0);
			if (open->role == IMA_GATE_WRITER)
				writers++;
			else
				readers++;
		}

		for (i = 0; i < IMA_GATE_TEST_OPENS; i++) {
			const struct ima_gate_test_open *open =
				&param->opens[(order >> (2 * i)) % 4];

			ima_gate_test_probe(test, ctx, readers, writers);
			ima_gate_test_leave(ctx, open);
			if (open->role == IMA_GATE_WRITER)
				writers--;
			else
				readers--;
		}
		ima_gate_test_probe(test, ctx, 0, 0);
		tried++;
	}
	KUNIT_EXPECT_EQ(test, tried, 24);
}

static void ima_gate_test_initialized_lets_in(struct kunit *test)
{
	static struct ima_gate gate = IMA_GATE_INIT(gate);
	struct ima_gate_test *ctx = test->priv;
	struct pid *a = ctx->pid[IMA_GATE_TEST_A];
	struct pid *b = ctx->pid[IMA_GATE_TEST_B];

	KUNIT_EXPECT_EQ(test, ima_gate_enter(&gate, a, IMA_GATE_WRITER), 0);
	KUNIT_EXPECT_EQ(test, ima_gate_enter(&gate, b, IMA_GATE_WRITER),
			-EBUSY);
	ima_gate_leave(&gate, IMA_GATE_WRITER);
}

static void ima_gate_test_reader_does_not_become_writer(struct kunit *test)
{
	static const struct ima_gate_test_open reader = READER_A;
	static const struct ima_gate_test_open writer = WRITER_A;
	struct ima_gate_test *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &reader), 0);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), -EBUSY);
	ima_gate_test_leave(ctx, &reader);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), 0);
	ima_gate_test_leave(ctx, &writer);
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_A);
}

static void ima_gate_test_writers_readers_outlive_its_writes(struct kunit *test)
{
	static const struct ima_gate_test_open reader = READER_A;
	static const struct ima_gate_test_open writer = WRITER_A;
	static const struct ima_gate_test_open other = READER_B;
	struct ima_gate_test *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), 0);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &reader), 0);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &other), -EBUSY);
	ima_gate_test_leave(ctx, &writer);

	/* A is an ordinary reader now. */
	EXPECT_OPEN(test, ctx, 1, 0, IMA_GATE_TEST_A);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &other), 0);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), -EBUSY);
	ima_gate_test_leave(ctx, &reader);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), -EBUSY);
	ima_gate_test_leave(ctx, &other);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), 0);
	ima_gate_test_leave(ctx, &writer);
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_A);
}

static int ima_gate_test_leave_task(void *data)
{
	ima_gate_leave(data, IMA_GATE_WRITER);
	return 0;
}

static void ima_gate_test_another_process_closes(struct kunit *test)
{
	static const struct ima_gate_test_open other = READER_B;
	struct ima_gate_test *ctx = test->priv;
	struct pid *opener = task_tgid(current);
	unsigned int count = refcount_read(&opener->count);
	struct ima_test_task task;

	KUNIT_EXPECT_EQ(test,
			ima_gate_enter(&ctx->gate, opener, IMA_GATE_WRITER), 0);
	KUNIT_EXPECT_EQ(test,
			ima_gate_enter(&ctx->gate, opener, IMA_GATE_WRITER), 0);

	/* One of two: the other one is still open. */
	ima_test_task_start(test, &task, ima_gate_test_leave_task, &ctx->gate);
	ima_test_task_join(&task);
	KUNIT_EXPECT_EQ(test, ctx->gate.writers, 1);
	KUNIT_EXPECT_PTR_EQ(test, ctx->gate.writer, opener);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &other), -EBUSY);

	ima_test_task_start(test, &task, ima_gate_test_leave_task, &ctx->gate);
	ima_test_task_join(&task);
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_A);
	KUNIT_EXPECT_EQ(test, refcount_read(&opener->count), count);
	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &other), 0);
	ima_gate_test_leave(ctx, &other);
}

static void ima_gate_test_file_outlives_its_opener(struct kunit *test)
{
	static const struct ima_gate_test_open writer = WRITER_A;
	static const struct ima_gate_test_open others[] = {
		{ IMA_GATE_READER, IMA_GATE_TEST_B },
		{ IMA_GATE_WRITER, IMA_GATE_TEST_B },
	};
	struct ima_gate_test *ctx = test->priv;
	struct pid *gone = ctx->pid[IMA_GATE_TEST_A];
	int i;

	KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &writer), 0);
	ima_gate_test_end(ctx, IMA_GATE_TEST_A);

	/* Only the gate knows it any more: nobody can be mistaken for it. */
	KUNIT_EXPECT_PTR_EQ(test, ctx->gate.writer, gone);
	KUNIT_EXPECT_EQ(test, refcount_read(&gone->count), 1);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &others[i]),
				-EBUSY);

	ima_gate_leave(&ctx->gate, IMA_GATE_WRITER);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_EQ(test, ima_gate_test_enter(ctx, &others[i]), 0);
		ima_gate_test_leave(ctx, &others[i]);
	}
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_B);
}

/**
 * struct ima_gate_test_crowd - processes that come and go at random
 */
struct ima_gate_test_crowd {
	/** @gate: where they pass */
	struct ima_gate *gate;
	/** @readers: how many of them have a file open with that role */
	atomic_t readers;
	/** @writers: how many of them have a file open with that role */
	atomic_t writers;
};

#define ROUNDS 200

/* Return what was seen that must not be, or -ETIMEDOUT. */
static int ima_gate_test_crowd_task(void *data)
{
	struct ima_gate_test_crowd *crowd = data;
	unsigned long end = jiffies + IMA_TEST_LIMIT;
	struct pid *me = task_tgid(current);
	int rounds = 0, wrong = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, pid_nr(me));
	while (rounds < ROUNDS) {
		bool writes = prandom_u32_state(&rnd) % 4 == 0;
		enum ima_gate_role role = writes ? IMA_GATE_WRITER :
						   IMA_GATE_READER;

		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		if (ima_gate_enter(crowd->gate, me, role)) {
			usleep_range(20, 50);
			continue;
		}

		/* Each process opens one file at a time. */
		if (writes) {
			wrong += atomic_inc_return(&crowd->writers) != 1;
			wrong += atomic_read(&crowd->readers) != 0;
		} else {
			atomic_inc(&crowd->readers);
			wrong += atomic_read(&crowd->writers) != 0;
		}
		if (++rounds % 8 == 0)
			usleep_range(20, 50);
		if (writes) {
			wrong += atomic_read(&crowd->readers) != 0;
			wrong += atomic_dec_return(&crowd->writers) != 0;
		} else {
			wrong += atomic_read(&crowd->writers) != 0;
			atomic_dec(&crowd->readers);
		}
		ima_gate_leave(crowd->gate, role);
		cond_resched();
	}
	return wrong;
}

static void ima_gate_test_crowd_keeps_apart(struct kunit *test)
{
	struct ima_gate_test *ctx = test->priv;
	struct ima_gate_test_crowd crowd = { .gate = &ctx->gate };
	struct ima_test_task tasks[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		ima_test_task_start(test, &tasks[i], ima_gate_test_crowd_task,
				    &crowd);
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		KUNIT_EXPECT_EQ(test, ima_test_task_join(&tasks[i]), 0);
	EXPECT_OPEN(test, ctx, 0, 0, IMA_GATE_TEST_A);
}

static struct kunit_case ima_gate_test_cases[] = {
	KUNIT_CASE_PARAM(ima_gate_test_newcomer_enters_or_is_busy,
			 ima_gate_test_pair_gen_params),
	KUNIT_CASE_PARAM(ima_gate_test_files_close_in_any_order,
			 ima_gate_test_order_gen_params),
	KUNIT_CASE(ima_gate_test_initialized_lets_in),
	KUNIT_CASE(ima_gate_test_reader_does_not_become_writer),
	KUNIT_CASE(ima_gate_test_writers_readers_outlive_its_writes),
	KUNIT_CASE(ima_gate_test_another_process_closes),
	KUNIT_CASE(ima_gate_test_file_outlives_its_opener),
	KUNIT_CASE(ima_gate_test_crowd_keeps_apart),
	{}
};

static struct kunit_suite ima_gate_test_suite = {
	.name = "ima_gate",
	.init = ima_gate_test_init,
	.exit = ima_gate_test_exit,
	.test_cases = ima_gate_test_cases,
};

kunit_test_suite(ima_gate_test_suite);
