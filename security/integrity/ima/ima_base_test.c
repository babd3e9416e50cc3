// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of how records are shown and restored: banks of unknown
 * algorithms, and the template that has its own format
 */

#include <kunit/static_stub.h>
#include <linux/fs.h>
#include <linux/hex.h>
#include <linux/seq_file.h>

#include "ima_test.h"

/* More than what is shown of any record here */
#define IMA_BASE_TEST_ROOM SZ_4K

/**
 * struct ima_base_test - what each case starts with
 */
struct ima_base_test {
	/** @list: records to be shown, empty */
	struct ima_list list;
	/** @restored: records that were restored, empty */
	struct ima_list restored;
	/** @inode: of a file that shows the first bank */
	struct inode inode;
	/** @file: that file */
	struct file file;
};

static int ima_base_test_init(struct kunit *test)
{
	struct ima_base_test *ctx;

	/* The boot aggregate is there if IMA could be initialized. */
	if (list_empty(&ima_measurements.records))
		kunit_skip(test, "IMA is not initialized");

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ima_list_init(&ctx->list);
	ima_list_init(&ctx->restored);
	ctx->file.f_inode = &ctx->inode;
	test->priv = ctx;
	return 0;
}

static void ima_base_test_exit(struct kunit *test)
{
	struct ima_base_test *ctx = test->priv;

	if (!ctx)
		return;
	ima_list_free(&ctx->list);
	ima_list_free(&ctx->restored);
}

/* Memory to show records in. */
static void ima_base_test_seq(struct kunit *test, struct seq_file *m,
			      size_t size)
{
	*m = (struct seq_file){ .size = size };
	m->buf = kunit_kzalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->buf);
}

/*
 * Append a record of a builtin template, complete with its digests, whose last
 * field is a name.
 */
static struct ima_queue_entry *
ima_base_test_append(struct kunit *test, const char *template, const char *name)
{
	struct ima_base_test *ctx = test->priv;
	struct ima_template_desc *desc = lookup_template_desc(template);
	struct ima_queue_entry *qe;
	/* ima has the digest only, the others its algorithm before it. */
	const char *algo = strcmp(template, IMA_TEMPLATE_IMA_NAME) ? "sha1:" :
								     NULL;
	size_t algo_len = algo ? strlen(algo) + 1 : 0;
	const u32 len[] = { algo_len + SHA1_DIGEST_SIZE, strlen(name) + 1 };

	KUNIT_ASSERT_NOT_NULL(test, desc);
	KUNIT_ASSERT_EQ(test,
			template_desc_init_fields(desc->fmt, &desc->fields,
						  &desc->num_fields),
			0);
	KUNIT_ASSERT_EQ(test, desc->num_fields, ARRAY_SIZE(len));

	qe = ima_test_alloc(NULL, desc, len);
	KUNIT_ASSERT_NOT_NULL(test, qe);
	ima_list_append(&ctx->list, qe);
	if (algo)
		memcpy(qe->entry->template_data[0].data, algo, algo_len);
	memcpy(qe->entry->template_data[1].data, name, strlen(name) + 1);
	KUNIT_ASSERT_EQ(test,
			ima_calc_field_array_hash(qe->entry->template_data,
						  qe->entry),
			0);
	return qe;
}

/* Sizes of digests that TPMs have; the kernel does not know the algorithm. */
static const unsigned int ima_base_test_sizes[] = { 20, 32, 48, 64 };

static void ima_base_test_size_desc(const unsigned int *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u bytes", *size);
}

KUNIT_ARRAY_PARAM(ima_base_test_size, ima_base_test_sizes,
		  ima_base_test_size_desc);

/* The digest is shown in the size of the bank, and nothing of what follows. */
static void ima_base_test_shows_unmapped_bank(struct kunit *test)
{
	const unsigned int size = *(const unsigned int *)test->param_value;
	const struct ima_algo_desc bank = ima_algo_array[0];
	struct ima_base_test *ctx = test->priv;
	char hex[2 * TPM2_MAX_DIGEST_SIZE + 1] = {};
	struct ima_queue_entry *qe;
	struct seq_file m, ascii;
	const u8 *digest;
	const char *rest;
	u32 value;

	/* Nobody reads a list before there are users. */
	if (system_state >= SYSTEM_RUNNING)
		kunit_skip(test, "the banks are in use");

	qe = ima_base_test_append(test, "ima-ng", "name");
	/* That of a bank, and nothing behind it. */
	kfree(qe->entry->digests);
	qe->entry->digests = kmalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, qe->entry->digests);
	digest = memset(qe->entry->digests, 0xd1, size);
	ima_base_test_seq(test, &m, IMA_BASE_TEST_ROOM);
	m.file = &ctx->file;
	ima_base_test_seq(test, &ascii, IMA_BASE_TEST_ROOM);
	ascii.file = &ctx->file;

	/* What is measured meanwhile must not be extended. */
	mutex_lock(&ima_extend_list_mutex);
	ima_algo_array[0].algo = HASH_ALGO__LAST;
	ima_algo_array[0].digest_size = size;
	KUNIT_EXPECT_EQ(test, ima_measurements_show(&m, qe), 0);
	KUNIT_EXPECT_EQ(test, ima_ascii_measurements_show(&ascii, qe), 0);
	ima_algo_array[0] = bank;
	mutex_unlock(&ima_extend_list_mutex);

	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&m));
	KUNIT_EXPECT_MEMEQ(test, m.buf + sizeof(u32), digest, size);
	/* What follows it: the length of the template's name, and the name. */
	memcpy(&value, m.buf + sizeof(u32) + size, sizeof(value));
	KUNIT_EXPECT_EQ(test, value, strlen("ima-ng"));
	KUNIT_EXPECT_MEMEQ(test, m.buf + 2 * sizeof(u32) + size, "ima-ng",
			   strlen("ima-ng"));
	KUNIT_EXPECT_EQ(test, m.count,
			3 * sizeof(u32) + size + strlen("ima-ng") +
				qe->entry->template_data_len);

	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&ascii));
	bin2hex(hex, digest, size);
	rest = strchr(ascii.buf, ' ');
	KUNIT_ASSERT_NOT_NULL(test, rest);
	KUNIT_EXPECT_EQ(test, strncmp(rest + 1, hex, 2 * size), 0);
	KUNIT_EXPECT_EQ(test,
			strncmp(rest + 1 + 2 * size, " ima-ng ",
				strlen(" ima-ng ")),
			0);
}

/* What is shown as it stands, and as hexadecimal digits. */
struct ima_base_test_form {
	const char *what;
	void (*show)(struct seq_file *m, u8 *data, u32 len);
	/* Each byte for itself */
	void (*show_byte)(struct seq_file *m, u8 byte);
};

static void ima_base_test_putc(struct seq_file *m, u8 *data, u32 len)
{
	ima_putc(m, data, len);
}

static void ima_base_test_putc_byte(struct seq_file *m, u8 byte)
{
	seq_putc(m, byte);
}

static void ima_base_test_print_byte(struct seq_file *m, u8 byte)
{
	seq_printf(m, "%02x", byte);
}

static const struct ima_base_test_form ima_base_test_forms[] = {
	{ "as it stands", ima_base_test_putc, ima_base_test_putc_byte },
	{ "in hex", ima_print_digest, ima_base_test_print_byte },
};

KUNIT_ARRAY_PARAM_DESC(ima_base_test_form, ima_base_test_forms, what);

/*
 * A block is the same as its bytes one after the other: in what is written, and
 * in whether it fits, for each length and each room.
 */
static void ima_base_test_shows_blocks(struct kunit *test)
{
	const struct ima_base_test_form *form = test->param_value;
	const u32 longest = 70, room = 2 * longest + 3;
	struct seq_file one, all;
	u8 data[70];
	u32 i, len;
	size_t size;

	for (i = 0; i < longest; i++)
		data[i] = i * 37;
	ima_base_test_seq(test, &one, room);
	ima_base_test_seq(test, &all, room);
	for (len = 0; len <= longest; len++) {
		for (size = 1; size <= room; size++) {
			one.size = size;
			all.size = size;
			/* There is something before it, if there is room. */
			one.count = min(size, 1);
			all.count = one.count;
			for (i = 0; i < len; i++)
				form->show_byte(&one, data[i]);
			form->show(&all, data, len);
			KUNIT_ASSERT_EQ(test, seq_has_overflowed(&all),
					seq_has_overflowed(&one));
			if (seq_has_overflowed(&one))
				continue;
			KUNIT_ASSERT_EQ(test, all.count, one.count);
			KUNIT_ASSERT_MEMEQ(test, all.buf, one.buf, one.count);
		}
	}
}

/* Instead of adding the record to the measurement list of this kernel. */
static int ima_base_test_restore_entry(struct ima_template_entry *entry)
{
	struct ima_base_test *ctx = kunit_get_current_test()->priv;
	struct ima_queue_entry *qe;

	qe = kzalloc(sizeof(*qe), GFP_KERNEL);
	if (!qe)
		return -ENOMEM;
	qe->entry = entry;
	ima_list_append(&ctx->restored, qe);
	return 0;
}

/* To the format in which a list is carried, or back */
static u32 ima_base_test_u32(u32 value)
{
	return ima_canonical_fmt ? (__force u32)cpu_to_le32(value) : value;
}

static u64 ima_base_test_u64(u64 value)
{
	return ima_canonical_fmt ? (__force u64)cpu_to_le64(value) : value;
}

/* Show all records the way they are carried to the next kernel. */
static void ima_base_test_serialize(struct kunit *test, struct seq_file *m,
				    const struct ima_list *list)
{
	struct ima_kexec_hdr *header;
	struct ima_queue_entry *qe;

	ima_base_test_seq(test, m,
			  sizeof(*header) + list->size + IMA_BASE_TEST_ROOM);
	m->count = sizeof(*header);
	list_for_each_entry(qe, &list->records, later)
		KUNIT_EXPECT_EQ(test, ima_measurements_show(m, qe), 0);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(m));

	header = (struct ima_kexec_hdr *)m->buf;
	header->version = ima_canonical_fmt ? (__force u16)cpu_to_le16(1) : 1;
	header->count = ima_base_test_u64(ima_list_count(list));
	header->buffer_size = ima_base_test_u64(m->count);
}

static int ima_base_test_restore(struct kunit *test, const struct seq_file *m)
{
	void *copy;
	int ret;

	/* As large as the list, so that KASAN sees what reads beyond it. */
	copy = kmemdup(m->buf, m->count, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	kunit_activate_static_stub(test, ima_restore_measurement_entry,
				   ima_base_test_restore_entry);
	ret = ima_restore_measurement_list(m->count, copy);
	kunit_deactivate_static_stub(test, ima_restore_measurement_entry);
	kfree(copy);
	return ret;
}

/* The records that were restored are those that were shown, in all banks. */
static void ima_base_test_expect_restored(struct kunit *test)
{
	int banks = NR_BANKS(ima_tpm_chip) + ima_extra_slots;
	struct ima_base_test *ctx = test->priv;
	struct ima_queue_entry *qe, *restored;
	struct seq_file before, after;
	int i;

	KUNIT_ASSERT_EQ(test, ima_list_count(&ctx->restored),
			ima_list_count(&ctx->list));
	ima_base_test_serialize(test, &before, &ctx->list);
	ima_base_test_serialize(test, &after, &ctx->restored);
	KUNIT_ASSERT_EQ(test, after.count, before.count);
	KUNIT_EXPECT_MEMEQ(test, after.buf, before.buf, before.count);

	restored = list_first_entry(&ctx->restored.records,
				    struct ima_queue_entry, later);
	list_for_each_entry(qe, &ctx->list.records, later) {
		KUNIT_EXPECT_EQ(test, restored->entry->pcr, qe->entry->pcr);
		for (i = 0; i < banks; i++)
			KUNIT_EXPECT_MEMEQ(test,
					   ima_entry_digest(restored->entry, i),
					   ima_entry_digest(qe->entry, i),
					   ima_algo_array[i].digest_size);
		restored = list_next_entry(restored, later);
	}
}

static void ima_base_test_restores_legacy_template(struct kunit *test)
{
	static const char *const names[] = { "boot_aggregate", "/bin/x", "" };
	struct ima_base_test *ctx = test->priv;
	char longest[IMA_EVENT_NAME_LEN_MAX + 1];
	struct ima_queue_entry *qe;
	struct seq_file m;
	int i;

	/* Records behind one of ima were lost as well. */
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		qe = ima_base_test_append(test, "ima", names[i]);
		qe->entry->pcr = 10 + i;
		ima_base_test_append(test, "ima-ng", names[i]);
	}
	memset(longest, 'n', IMA_EVENT_NAME_LEN_MAX);
	longest[IMA_EVENT_NAME_LEN_MAX] = '\0';
	ima_base_test_append(test, "ima", longest);
	/* A violation has no digest, neither of the file nor of the record. */
	qe = ima_base_test_append(test, "ima", "violation");
	memset(qe->entry->template_data[0].data, 0, SHA1_DIGEST_SIZE);
	memset(qe->entry->digests, 0, ima_digests_size);
	ima_base_test_append(test, "ima", "last");

	ima_base_test_serialize(test, &m, &ctx->list);
	KUNIT_EXPECT_EQ(test, ima_base_test_restore(test, &m), 0);
	ima_base_test_expect_restored(test);
}

/* Cut off at any byte, it is refused, and what came before is restored. */
static void ima_base_test_refuses_cut_legacy_record(struct kunit *test)
{
	struct ima_base_test *ctx = test->priv;
	struct seq_file m;
	size_t first, whole;
	int ret;

	ima_base_test_append(test, "ima", "first");
	ima_base_test_serialize(test, &m, &ctx->list);
	first = m.count;
	ima_base_test_append(test, "ima", "second");
	ima_base_test_serialize(test, &m, &ctx->list);
	whole = m.count;

	for (m.count = first + 1; m.count < whole; m.count++) {
		((struct ima_kexec_hdr *)m.buf)->buffer_size =
			ima_base_test_u64(m.count);
		ret = ima_base_test_restore(test, &m);
		KUNIT_EXPECT_LT_MSG(test, ret, 0, "%zu of %zu bytes", m.count,
				    whole);
		KUNIT_EXPECT_EQ(test, ima_list_count(&ctx->restored), 1);
		ima_list_free(&ctx->restored);
	}
}

/* A name that the format has no room for would overrun what is hashed. */
static void ima_base_test_refuses_long_legacy_name(struct kunit *test)
{
	static const u32 lengths[] = { 257, 300, 2000, 0x7fffffff, 0xffffffff };
	struct ima_base_test *ctx = test->priv;
	const char *name = "the name in its place";
	u32 *len;
	struct seq_file m;
	int i;

	ima_base_test_append(test, "ima", name);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ima_base_test_serialize(test, &m, &ctx->list);
		len = (u32 *)(m.buf + m.count - strlen(name) - sizeof(*len));
		KUNIT_ASSERT_EQ(test, ima_base_test_u32(*len), strlen(name));
		*len = ima_base_test_u32(lengths[i]);
		/* As far as there is room, the bytes are there. */
		if (lengths[i] < IMA_BASE_TEST_ROOM / 2)
			m.count += lengths[i] - strlen(name);
		((struct ima_kexec_hdr *)m.buf)->buffer_size =
			ima_base_test_u64(m.count);
		KUNIT_EXPECT_LT_MSG(test, ima_base_test_restore(test, &m), 0,
				    "%u bytes", lengths[i]);
		KUNIT_EXPECT_EQ(test, ima_list_count(&ctx->restored), 0);
		ima_list_free(&ctx->restored);
	}
}

/*
 * The fields of ima under no name have lengths, which are hashed, and a name of
 * any length.
 */
static void ima_base_test_tells_format_from_legacy_template(struct kunit *test)
{
	static struct ima_template_desc desc;
	struct ima_base_test *ctx = test->priv;
	char name[IMA_EVENT_NAME_LEN_MAX + 50];
	struct ima_queue_entry *qe;
	struct seq_file m;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	qe = ima_base_test_append(test, "ima", "ima");
	desc = *qe->entry->template_desc;
	desc.name = "";
	qe = ima_base_test_append(test, "ima-ng", name);
	qe->entry->template_desc = &desc;
	KUNIT_ASSERT_EQ(test,
			ima_calc_field_array_hash(qe->entry->template_data,
						  qe->entry),
			0);
	ima_base_test_append(test, "ima", "last");

	ima_base_test_serialize(test, &m, &ctx->list);
	KUNIT_EXPECT_EQ(test, ima_base_test_restore(test, &m), 0);
	ima_base_test_expect_restored(test);
	qe = list_first_entry(&ctx->restored.records, struct ima_queue_entry,
			      later);
	qe = list_next_entry(qe, later);
	KUNIT_EXPECT_STREQ(test, qe->entry->template_desc->name, "");
	KUNIT_EXPECT_STREQ(test, qe->entry->template_desc->fmt,
			   IMA_TEMPLATE_IMA_FMT);
}

struct ima_base_test_header {
	const char *what;
	/* added to what the header should say */
	s64 size;
	s64 count;
	/* records that are restored */
	unsigned long restored;
	int ret;
};

static const struct ima_base_test_header ima_base_test_headers[] = {
	{ "as it should be", 0, 0, 2, 0 },
	{ "more bytes than there are", 1, 0, 0, -EINVAL },
	{ "many more bytes than there are", 1 << 20, 0, 0, -EINVAL },
	{ "the most bytes", S64_MAX, 0, 0, -EINVAL },
	{ "fewer bytes than a header", -1 << 20, 0, 0, -EINVAL },
	{ "a byte less than there is", -1, 0, 1, -EINVAL },
	{ "a record more than there is", 0, 1, 2, -EINVAL },
	{ "many more records", 0, 1 << 20, 2, -EINVAL },
	{ "a record less than there is", 0, -1, 0, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(ima_base_test_header, ima_base_test_headers, what);

static void ima_base_test_checks_header(struct kunit *test)
{
	const struct ima_base_test_header *param = test->param_value;
	struct ima_base_test *ctx = test->priv;
	struct ima_kexec_hdr *header;
	struct seq_file m;

	if (ima_canonical_fmt)
		kunit_skip(test,
			   "the header is not in the format of this host");

	ima_base_test_append(test, "ima-ng", "first");
	ima_base_test_append(test, "ima-ng", "second");
	ima_base_test_serialize(test, &m, &ctx->list);
	header = (struct ima_kexec_hdr *)m.buf;
	header->buffer_size += param->size;
	header->count += param->count;
	KUNIT_EXPECT_EQ(test, ima_base_test_restore(test, &m), param->ret);
	KUNIT_EXPECT_EQ(test, ima_list_count(&ctx->restored), param->restored);
}

static struct kunit_case ima_base_test_cases[] = {
	KUNIT_CASE_PARAM(ima_base_test_shows_unmapped_bank,
			 ima_base_test_size_gen_params),
	KUNIT_CASE_PARAM(ima_base_test_shows_blocks,
			 ima_base_test_form_gen_params),
	KUNIT_CASE(ima_base_test_restores_legacy_template),
	KUNIT_CASE(ima_base_test_refuses_cut_legacy_record),
	KUNIT_CASE(ima_base_test_refuses_long_legacy_name),
	KUNIT_CASE(ima_base_test_tells_format_from_legacy_template),
	KUNIT_CASE_PARAM(ima_base_test_checks_header,
			 ima_base_test_header_gen_params),
	{}
};

static struct kunit_suite ima_base_test_suite = {
	.name = "ima_base",
	.init = ima_base_test_init,
	.exit = ima_base_test_exit,
	.test_cases = ima_base_test_cases,
};

kunit_test_suite(ima_base_test_suite);
