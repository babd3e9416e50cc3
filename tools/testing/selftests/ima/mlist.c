// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlist.h"

/* What is left of the input. */
struct cursor {
	const uint8_t *pos;
	size_t left;
};

static const void *take(struct cursor *c, size_t len)
{
	const void *p = c->pos;

	if (len > c->left)
		return NULL;
	c->pos += len;
	c->left -= len;
	return p;
}

static bool take_u32(struct cursor *c, uint32_t *val)
{
	const void *p = take(c, sizeof(*val));

	if (!p)
		return false;
	memcpy(val, p, sizeof(*val));
	return true;
}

/* A length and as many bytes. */
static const void *take_field(struct cursor *c, size_t *len)
{
	uint32_t val;

	if (!take_u32(c, &val))
		return NULL;
	*len = val;
	return take(c, val);
}

static int parse_record(struct cursor *c, size_t digest_size,
			struct record *rec)
{
	rec->raw = c->pos;
	if (!take_u32(c, &rec->pcr))
		return -EBADMSG;
	rec->digest = take(c, digest_size);
	if (!rec->digest)
		return -EBADMSG;
	rec->template = take_field(c, &rec->template_len);
	if (!rec->template)
		return -EBADMSG;
	if (rec->template_len == 3 && !memcmp(rec->template, "ima", 3))
		return -EOPNOTSUPP;
	rec->data = take_field(c, &rec->data_len);
	if (!rec->data)
		return -EBADMSG;
	rec->raw_len = c->pos - rec->raw;
	return 0;
}

int mlist_parse(struct mlist *l, const void *buf, size_t len,
		size_t digest_size)
{
	struct cursor c = { .pos = buf, .left = len };
	size_t room = 0;
	int err;

	*l = (struct mlist) { .digest_size = digest_size };
	while (c.left) {
		if (l->nr == room) {
			room = room ? 2 * room : 64;
			l->rec = realloc(l->rec, room * sizeof(*l->rec));
			if (!l->rec)
				abort();
		}
		err = parse_record(&c, digest_size, &l->rec[l->nr]);
		if (err) {
			mlist_free(l);
			return err;
		}
		l->nr++;
	}
	return 0;
}

void mlist_free(struct mlist *l)
{
	free(l->rec);
	l->rec = NULL;
	l->nr = 0;
}

bool record_is_ng(const struct record *rec)
{
	return rec->template_len == 6 && !memcmp(rec->template, "ima-ng", 6);
}

/* ima-ng has two fields: "<algorithm>:\0<digest>" and "<path>\0". */
struct ng {
	const char *algo;	/* terminated, with its colon */
	const uint8_t *digest;
	size_t digest_len;
	const char *path;	/* terminated */
};

static int parse_ng(const struct record *rec, struct ng *ng)
{
	struct cursor c = { .pos = rec->data, .left = rec->data_len };
	const uint8_t *end;
	const char *path;
	size_t len;

	if (!record_is_ng(rec))
		return -EOPNOTSUPP;

	ng->algo = take_field(&c, &len);
	if (!ng->algo)
		return -EBADMSG;
	end = memchr(ng->algo, '\0', len);
	if (!end || end == (const uint8_t *)ng->algo || end[-1] != ':')
		return -EBADMSG;
	ng->digest = end + 1;
	ng->digest_len = len - (ng->digest - (const uint8_t *)ng->algo);

	path = take_field(&c, &len);
	if (!path || !len || memchr(path, '\0', len) != path + len - 1)
		return -EBADMSG;
	ng->path = path;
	return c.left ? -EBADMSG : 0;
}

const char *record_path(const struct record *rec)
{
	struct ng ng;

	return parse_ng(rec, &ng) ? NULL : ng.path;
}

int record_algo(const struct record *rec, char *algo, size_t room)
{
	struct ng ng;
	int err;

	err = parse_ng(rec, &ng);
	if (err)
		return err;
	snprintf(algo, room, "%.*s", (int)strlen(ng.algo) - 1, ng.algo);
	return 0;
}

static void show_hex(struct blob *out, const uint8_t *data, size_t len)
{
	while (len--)
		blob_printf(out, "%02x", *data++);
}

int record_show(const struct record *rec, size_t digest_size, struct blob *out)
{
	struct ng ng;
	int err;

	err = parse_ng(rec, &ng);
	if (err)
		return err;
	blob_printf(out, "%2u ", rec->pcr);
	show_hex(out, rec->digest, digest_size);
	blob_printf(out, " ima-ng %s", ng.algo);
	show_hex(out, ng.digest, ng.digest_len);
	blob_printf(out, " %s\n", ng.path);
	return 0;
}

static void add_u32(struct blob *out, uint32_t val)
{
	blob_add(out, &val, sizeof(val));
}

int record_make(struct blob *out, const struct hash *bank, uint32_t pcr,
		const char *algo, const struct hash *file_hash,
		const void *content, size_t len, const char *path)
{
	uint8_t digest[HASH_MAX_SIZE];
	struct blob data = { };
	int err;

	err = hash_digest(file_hash, content, len, digest);
	if (err)
		return err;
	add_u32(&data, strlen(algo) + 2 + file_hash->size);
	blob_add(&data, algo, strlen(algo));
	blob_add(&data, ":", 2);
	blob_add(&data, digest, file_hash->size);
	add_u32(&data, strlen(path) + 1);
	blob_add(&data, path, strlen(path) + 1);

	err = hash_digest(bank, data.data, data.len, digest);
	if (!err) {
		add_u32(out, pcr);
		blob_add(out, digest, bank->size);
		add_u32(out, strlen("ima-ng"));
		blob_add(out, "ima-ng", strlen("ima-ng"));
		add_u32(out, data.len);
		blob_add(out, data.data, data.len);
	}
	blob_free(&data);
	return err;
}

static int replay_record(const struct record *rec, const struct hash *h,
			 uint8_t *value)
{
	static const uint8_t violation[HASH_MAX_SIZE];
	uint8_t both[2 * HASH_MAX_SIZE], digest[HASH_MAX_SIZE];
	int err;

	memcpy(both, value, h->size);
	if (!memcmp(rec->digest, violation, h->size)) {
		/* Recorded as zeroes; what makes the PCR invalid is all ones. */
		memset(both + h->size, 0xff, h->size);
	} else {
		err = hash_digest(h, rec->data, rec->data_len, digest);
		if (err)
			return err;
		if (memcmp(rec->digest, digest, h->size))
			return -EBADMSG;
		memcpy(both + h->size, digest, h->size);
	}
	return hash_digest(h, both, 2 * h->size, value);
}

int mlist_replay(const struct mlist *l, const struct hash *h, uint32_t pcr,
		 uint8_t *value)
{
	size_t i;
	int err;

	for (i = 0; i < l->nr; i++) {
		if (l->rec[i].pcr != pcr)
			continue;
		err = replay_record(&l->rec[i], h, value);
		if (err)
			return err;
	}
	return 0;
}
