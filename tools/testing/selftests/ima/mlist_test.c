// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the tests: the parser and the replay that all others trust, on
 * lists made up here. They run on any kernel, as any user.
 */

#include "harness.h"
#include "mlist.h"

#define IMA_PCR 10
#define SHA1_SIZE 20
#define SHA256_SIZE 32

static void add_u32(struct blob *b, uint32_t val)
{
	blob_add(b, &val, sizeof(val));
}

static void add_field(struct blob *b, const void *data, uint32_t len)
{
	add_u32(b, len);
	blob_add(b, data, len);
}

/* The data of an ima-ng record of a file whose SHA-256 is all @fill. */
static void ng_data(struct blob *b, uint8_t fill, const char *path)
{
	uint8_t digest[8 + SHA256_SIZE] = "sha256:";

	memset(digest + 8, fill, SHA256_SIZE);
	add_field(b, digest, sizeof(digest));
	add_field(b, path, strlen(path) + 1);
}

static void add_record(struct blob *b, uint32_t pcr, const uint8_t *digest,
		       size_t digest_size, const char *template,
		       const struct blob *data)
{
	add_u32(b, pcr);
	blob_add(b, digest, digest_size);
	add_field(b, template, strlen(template));
	add_field(b, data->data, data->len);
}

/* Three records, with template digests of 0x11, 0x22, 0x33. */
static void make_list(struct blob *b, size_t digest_size)
{
	uint8_t digest[HASH_MAX_SIZE];
	int i;

	for (i = 1; i <= 3; i++) {
		struct blob data = { };

		memset(digest, 0x11 * i, sizeof(digest));
		ng_data(&data, i, i == 2 ? "/a b/\303\274" : "/usr/bin/x");
		add_record(b, IMA_PCR, digest, digest_size, "ima-ng", &data);
		blob_free(&data);
	}
}

/* Without a byte to spare, so that a sanitizer sees each byte too far. */
static int parse_exact(struct mlist *l, const void *data, size_t len,
		       size_t digest_size, uint8_t **copy)
{
	*copy = malloc(len ?: 1);
	if (!*copy)
		abort();
	memcpy(*copy, data, len);
	return mlist_parse(l, *copy, len, digest_size);
}

/* Use all that a parsed list has. */
static void walk(const struct mlist *l, size_t digest_size)
{
	struct blob shown = { };
	char algo[8];
	size_t i;

	for (i = 0; i < l->nr; i++) {
		record_show(&l->rec[i], digest_size, &shown);
		record_algo(&l->rec[i], algo, sizeof(algo));
		record_path(&l->rec[i]);
	}
	blob_free(&shown);
}

TEST(empty_list)
{
	struct mlist l;

	ASSERT_EQ(0, mlist_parse(&l, NULL, 0, SHA1_SIZE));
	EXPECT_EQ(0, l.nr);
	mlist_free(&l);
}

TEST(fields_of_records)
{
	struct blob b = { };
	struct mlist l;
	char algo[32];
	uint8_t *copy;

	make_list(&b, SHA1_SIZE);
	ASSERT_EQ(0, parse_exact(&l, b.data, b.len, SHA1_SIZE, &copy));
	ASSERT_EQ(3, l.nr);
	EXPECT_EQ(copy, l.rec[0].raw);
	EXPECT_EQ(b.len, l.rec[0].raw_len + l.rec[1].raw_len + l.rec[2].raw_len);
	EXPECT_EQ(IMA_PCR, l.rec[2].pcr);
	EXPECT_EQ(0x33, l.rec[2].digest[SHA1_SIZE - 1]);
	EXPECT_TRUE(record_is_ng(&l.rec[0]));
	EXPECT_STREQ("/a b/\303\274", record_path(&l.rec[1]));
	ASSERT_EQ(0, record_algo(&l.rec[0], algo, sizeof(algo)));
	EXPECT_STREQ("sha256", algo);
	mlist_free(&l);
	free(copy);
	blob_free(&b);
}

TEST(shown_as_ascii)
{
	static const char template_digest[] =
		"2222222222222222222222222222222222222222";
	static const char file_digest[] =
		"0202020202020202020202020202020202020202020202020202020202020202";
	char line[256];
	struct blob b = { }, shown = { };
	struct mlist l;

	make_list(&b, SHA1_SIZE);
	ASSERT_EQ(0, mlist_parse(&l, b.data, b.len, SHA1_SIZE));
	ASSERT_EQ(0, record_show(&l.rec[1], SHA1_SIZE, &shown));
	blob_add(&shown, "", 1);
	snprintf(line, sizeof(line), "10 %s ima-ng sha256:%s /a b/\303\274\n",
		 template_digest, file_digest);
	EXPECT_STREQ(line, (char *)shown.data);
	mlist_free(&l);
	blob_free(&shown);
	blob_free(&b);
}

TEST(cut_at_every_byte)
{
	size_t len, digest_size, whole, sizes[] = { SHA1_SIZE, SHA256_SIZE };
	struct blob b;
	struct mlist l, cut;
	unsigned int i;
	uint8_t *copy;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		digest_size = sizes[i];
		b = (struct blob) { };
		make_list(&b, digest_size);
		ASSERT_EQ(0, mlist_parse(&l, b.data, b.len, digest_size));
		ASSERT_EQ(3, l.nr);
		for (len = 0; len <= b.len; len++) {
			size_t end = 0;

			for (whole = 0; whole < l.nr && end < len; whole++)
				end += l.rec[whole].raw_len;
			if (end == len) {
				ASSERT_EQ(0, parse_exact(&cut, b.data, len,
							 digest_size, &copy));
				EXPECT_EQ(whole, cut.nr);
				walk(&cut, digest_size);
				mlist_free(&cut);
			} else {
				ASSERT_EQ(-EBADMSG,
					  parse_exact(&cut, b.data, len,
						      digest_size, &copy));
				EXPECT_EQ(NULL, cut.rec);
			}
			free(copy);
		}
		mlist_free(&l);
		blob_free(&b);
	}
}

TEST(huge_lengths)
{
	static const uint32_t lengths[] = {
		0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
	};
	/* Where the first record has the length of its template and its data. */
	size_t at[] = { 4 + SHA1_SIZE, 4 + SHA1_SIZE + 4 + 6 };
	struct blob b = { };
	struct mlist l;
	unsigned int i, j;
	uint8_t *copy;

	make_list(&b, SHA1_SIZE);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			struct blob bad = { };

			blob_add(&bad, b.data, b.len);
			memcpy(bad.data + at[i], &lengths[j], 4);
			EXPECT_EQ(-EBADMSG, parse_exact(&l, bad.data, bad.len,
							SHA1_SIZE, &copy));
			free(copy);
			blob_free(&bad);
		}
	}
	blob_free(&b);
}

TEST(bad_template_data)
{
	static const struct {
		const char *what;
		const char *data;
		size_t len;
	} bad[] = {
		{ "nothing", "", 0 },
		{ "half a length", "\1\0", 2 },
		{ "empty digest field", "\0\0\0\0\2\0\0\0x", 10 },
		{ "no colon", "\3\0\0\0ab\0\2\0\0\0x", 13 },
		{ "only NUL", "\1\0\0\0\0\2\0\0\0x", 11 },
		{ "no NUL", "\3\0\0\0ab:\2\0\0\0x", 13 },
		{ "no path", "\4\0\0\0ab:\0", 8 },
		{ "empty path field", "\4\0\0\0ab:\0\0\0\0\0", 12 },
		{ "path without NUL", "\4\0\0\0ab:\0\1\0\0\0x", 13 },
		{ "NUL in the path", "\4\0\0\0ab:\0\3\0\0\0x\0\0", 15 },
		{ "path too long", "\4\0\0\0ab:\0\377\377\377\377x", 13 },
		{ "something behind", "\4\0\0\0ab:\0\2\0\0\0x\0y", 15 },
	};
	static const uint8_t digest[SHA1_SIZE];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct blob b = { }, shown = { };
		struct blob data = {
			.data = (uint8_t *)bad[i].data,
			.len = bad[i].len,
		};
		struct mlist l;
		uint8_t *copy;
		char algo[32];

		add_record(&b, IMA_PCR, digest, SHA1_SIZE, "ima-ng", &data);
		ASSERT_EQ(0, parse_exact(&l, b.data, b.len, SHA1_SIZE, &copy));
		EXPECT_EQ(NULL, record_path(&l.rec[0]))
			TH_LOG("%s", bad[i].what);
		EXPECT_EQ(-EBADMSG, record_show(&l.rec[0], SHA1_SIZE, &shown))
			TH_LOG("%s", bad[i].what);
		EXPECT_EQ(-EBADMSG, record_algo(&l.rec[0], algo, sizeof(algo)))
			TH_LOG("%s", bad[i].what);
		EXPECT_EQ(0, shown.len);
		mlist_free(&l);
		free(copy);
		blob_free(&b);
		blob_free(&shown);
	}
}

TEST(other_templates)
{
	static const uint8_t digest[SHA1_SIZE];
	struct blob data = { }, b = { };
	struct mlist l;

	ng_data(&data, 1, "/x");
	add_record(&b, IMA_PCR, digest, SHA1_SIZE, "ima-sig", &data);
	ASSERT_EQ(0, mlist_parse(&l, b.data, b.len, SHA1_SIZE));
	EXPECT_FALSE(record_is_ng(&l.rec[0]));
	EXPECT_EQ(NULL, record_path(&l.rec[0]));
	mlist_free(&l);

	add_record(&b, IMA_PCR, digest, SHA1_SIZE, "ima", &data);
	EXPECT_EQ(-EOPNOTSUPP, mlist_parse(&l, b.data, b.len, SHA1_SIZE));
	blob_free(&data);
	blob_free(&b);
}

TEST(damaged_at_random)
{
	unsigned int i, j, seed = 1;
	struct blob b = { };
	struct mlist l;
	uint8_t *copy;

	make_list(&b, SHA1_SIZE);
	for (i = 0; i < 20000; i++) {
		struct blob bad = { };

		blob_add(&bad, b.data, b.len);
		for (j = rand_r(&seed) % 4; j < 4; j++)
			bad.data[rand_r(&seed) % bad.len] = rand_r(&seed);
		if (!parse_exact(&l, bad.data, bad.len - rand_r(&seed) % 3,
				 SHA1_SIZE, &copy)) {
			walk(&l, SHA1_SIZE);
			mlist_free(&l);
		}
		free(copy);
		blob_free(&bad);
	}
	blob_free(&b);
}

TEST(digests)
{
	static const char *const abc[][2] = {
		{ "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha256",
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	};
	uint8_t digest[HASH_MAX_SIZE];
	unsigned int i, round;
	struct hash h;
	size_t j;

	EXPECT_EQ(0, hash_size("md4711"));
	EXPECT_EQ(-ENOENT, hash_open(&h, "md4711"));
	for (i = 0; i < ARRAY_SIZE(abc); i++) {
		if (hash_open(&h, abc[i][0]))
			SKIP(return, "%s: %s", abc[i][0], NO_HASH);
		/* One after the other through the same descriptor. */
		for (round = 0; round < 2; round++) {
			char hex[2 * HASH_MAX_SIZE + 1];

			ASSERT_EQ(0, hash_digest(&h, "abc", 3, digest));
			for (j = 0; j < h.size; j++)
				sprintf(hex + 2 * j, "%02x", digest[j]);
			EXPECT_STREQ(abc[i][1], hex);
		}
		hash_close(&h);
	}
}

FIXTURE(replay) {
	struct hash bank;
	struct hash file;
	struct blob list;
};

FIXTURE_VARIANT(replay) {
	const char *algo;
	const char *pcr[3];
};

/* PCR after each of the records of FIXTURE_SETUP(), on little-endian. */
FIXTURE_VARIANT_ADD(replay, sha1) {
	.algo = "sha1",
	.pcr = {
		"47517eb25b1e3324a42e0c12a635f68965ad4829",
		"b8b9a75dbb9117b10894e66ece2abdade7ac39d7",
		"dd6cd67505fc0a2bc96ad3c8479770fa5dccb90a",
	},
};

FIXTURE_VARIANT_ADD(replay, sha256) {
	.algo = "sha256",
	.pcr = {
		"95d1ca8300a82df378356b608b43ae88e957ec6ac4ef770102ea704da6707fe7",
		"1435767932dcf8b0ce83b8bbcc034bd81c407b3f2649d4fe7e9bc2cf9592846d",
		"1120ddf1a322c57724d62de297643e0e51a1474da4f7b00a6408425324de1c9b",
	},
};

FIXTURE_SETUP(replay)
{
	static const struct {
		const char *path;
		const char *content;
	} files[] = {
		{ "/usr/bin/x", "abc" },
		{ "/viol", "zzz" },
		{ "/a b/y", "hello\n" },
	};
	size_t i, start;

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		SKIP(return, "the values are those of little-endian");
	self->bank.fd = -1;
	self->file.fd = -1;
	if (hash_open(&self->bank, variant->algo) ||
	    hash_open(&self->file, "sha256"))
		SKIP(return, NO_HASH);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		start = self->list.len;
		ASSERT_EQ(0, record_make(&self->list, &self->bank, IMA_PCR,
					 "sha256", &self->file,
					 files[i].content,
					 strlen(files[i].content),
					 files[i].path));
		/* A violation has zeroes for its digest. */
		if (i == 1)
			memset(self->list.data + start + 4, 0, self->bank.size);
	}
}

FIXTURE_TEARDOWN(replay)
{
	hash_close(&self->bank);
	hash_close(&self->file);
	blob_free(&self->list);
}

TEST_F(replay, known_values)
{
	char hex[2 * HASH_MAX_SIZE + 1];
	struct mlist l;
	size_t i, j;

	ASSERT_EQ(0, mlist_parse(&l, self->list.data, self->list.len,
				 self->bank.size));
	ASSERT_EQ(3, l.nr);
	for (i = 0; i < 3; i++) {
		uint8_t value[HASH_MAX_SIZE] = { };

		l.nr = i + 1;
		ASSERT_EQ(0, mlist_replay(&l, &self->bank, IMA_PCR, value));
		for (j = 0; j < self->bank.size; j++)
			sprintf(hex + 2 * j, "%02x", value[j]);
		EXPECT_STREQ(variant->pcr[i], hex);
	}
	mlist_free(&l);
}

TEST_F(replay, other_pcr_is_left_out)
{
	uint8_t value[HASH_MAX_SIZE] = { }, zero[HASH_MAX_SIZE] = { };
	struct mlist l;

	ASSERT_EQ(0, mlist_parse(&l, self->list.data, self->list.len,
				 self->bank.size));
	ASSERT_EQ(0, mlist_replay(&l, &self->bank, IMA_PCR + 1, value));
	EXPECT_EQ(0, memcmp(zero, value, sizeof(value)));
	mlist_free(&l);
}

/* Whichever byte of the first record's digest or data is not what it was. */
TEST_F(replay, changed_record_is_found)
{
	size_t i, from = 4, name = 4 + self->bank.size;
	uint8_t value[HASH_MAX_SIZE];
	struct mlist l;

	ASSERT_EQ(0, mlist_parse(&l, self->list.data, self->list.len,
				 self->bank.size));
	for (i = from; i < l.rec[0].raw_len; i++) {
		/* The template's name and the lengths are in no digest. */
		if (i >= name && i < name + 4 + 6 + 4)
			continue;
		self->list.data[i] ^= 0x40;
		EXPECT_EQ(-EBADMSG,
			  mlist_replay(&l, &self->bank, IMA_PCR, value));
		self->list.data[i] ^= 0x40;
	}
	EXPECT_EQ(0, mlist_replay(&l, &self->bank, IMA_PCR, value));
	mlist_free(&l);
}

TEST_HARNESS_MAIN
