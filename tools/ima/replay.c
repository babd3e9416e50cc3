// SPDX-License-Identifier: GPL-2.0
/*
 * Replay: the PCR values that a measurement list leads to
 */
#include <errno.h>
#include <string.h>

#include "replay.h"

/**
 * pcr_values_init - PCRs as they are after the TPM was started
 * @pcrs: the values, set to zeroes
 * @banks: what the kernel calls the hash algorithms of the banks
 * @nr_banks: how many there are
 *
 * Return: 0, -EOPNOTSUPP if one of the algorithms is unknown, -E2BIG if there
 * are too many, -EINVAL if one is named twice.
 */
int pcr_values_init(struct pcr_values *pcrs, const char *const *banks,
		    size_t nr_banks)
{
	size_t i;

	memset(pcrs, 0, sizeof(*pcrs));
	if (nr_banks > REPLAY_BANKS)
		return -E2BIG;
	for (i = 0; i < nr_banks; i++) {
		if (pcr_values_bank(pcrs, banks[i]) >= 0)
			return -EINVAL;
		pcrs->banks[i] = hash_algo_find(banks[i]);
		if (!pcrs->banks[i])
			return -EOPNOTSUPP;
		pcrs->nr_banks++;
	}
	return 0;
}

/**
 * pcr_values_bank - look for a bank
 * @pcrs: the values
 * @name: what the kernel calls the hash algorithm of the bank
 *
 * Return: its index, or -ENOENT.
 */
int pcr_values_bank(const struct pcr_values *pcrs, const char *name)
{
	size_t i;

	for (i = 0; i < pcrs->nr_banks; i++)
		if (!strcmp(pcrs->banks[i]->name, name))
			return (int)i;
	return -ENOENT;
}

/**
 * pcr_values_equal - compare PCRs
 * @a: values
 * @b: other values
 *
 * Return: whether they are those of the same banks, and the same for each PCR.
 */
bool pcr_values_equal(const struct pcr_values *a, const struct pcr_values *b)
{
	return a->nr_banks == b->nr_banks &&
	       !memcmp(a->banks, b->banks, sizeof(a->banks)) &&
	       !memcmp(a->value, b->value, sizeof(a->value));
}

/**
 * replay_init - begin to replay a list
 * @replay: to be prepared
 * @from: the values before its first record
 *
 * The values for a TPM whose banks are padded begin with zeroes: they are only
 * right if the list is replayed from its start.
 *
 * Return: 0, -EOPNOTSUPP if OpenSSL is configured without one of the banks'
 * algorithms, -ENOMEM.
 */
int replay_init(struct replay *replay, const struct pcr_values *from)
{
	size_t i;
	int ret;

	memset(replay, 0, sizeof(*replay));
	replay->pcrs = *from;
	memcpy(replay->padded.banks, from->banks, sizeof(from->banks));
	replay->padded.nr_banks = from->nr_banks;
	ret = hasher_init(&replay->sha1, hash_algo_find("sha1"));
	for (i = 0; i < from->nr_banks && !ret; i++)
		ret = hasher_init(&replay->hashers[i], from->banks[i]);
	if (ret)
		replay_free(replay);
	return ret;
}

/**
 * replay_check - is a record's digest that of its template data?
 * @replay: the replay of its list
 * @record: the record
 *
 * A violation has no digest. Digests in a list of a bank that is not replayed
 * can not be checked.
 *
 * Return: 0, -EBADMSG if the digest is another one, -EOPNOTSUPP if no bank
 * has digests of this size, -EIO if OpenSSL fails.
 */
int replay_check(struct replay *replay, const struct record *record)
{
	uint8_t digest[DIGEST_MAX];
	int ret = -EOPNOTSUPP;
	size_t i;

	if (record->violation)
		return 0;

	if (record->digest_size == replay->sha1.algo->size) {
		ret = digest_of_record(&replay->sha1, record, digest);
		if (!ret && memcmp(digest, record->digest, record->digest_size))
			ret = -EBADMSG;
		return ret;
	}

	/* Two algorithms can have digests of the same size. */
	for (i = 0; i < replay->pcrs.nr_banks; i++) {
		if (replay->pcrs.banks[i]->size != record->digest_size)
			continue;
		ret = digest_of_record(&replay->hashers[i], record, digest);
		if (ret || !memcmp(digest, record->digest, record->digest_size))
			return ret;
		ret = -EBADMSG;
	}
	return ret;
}

static int extend(struct hasher *hasher, uint8_t *value, const uint8_t *digest)
{
	size_t size = hasher->algo->size;
	int ret;

	ret = hasher_begin(hasher);
	if (!ret)
		ret = hasher_add(hasher, value, size);
	if (!ret)
		ret = hasher_add(hasher, digest, size);
	if (!ret)
		ret = hasher_end(hasher, value);
	return ret;
}

/**
 * replay_extend - extend the record's PCR in each bank as the kernel has done
 * @replay: the replay of its list
 * @record: the record
 *
 * The digest of each bank is calculated from the template data, so that any
 * bank's list can be replayed. Of a violation all ones are extended.
 *
 * Return: 0, or -EIO if OpenSSL fails.
 */
int replay_extend(struct replay *replay, const struct record *record)
{
	uint8_t digest[DIGEST_MAX], sha1[DIGEST_MAX] = { 0 };
	struct pcr_values *pcrs = &replay->pcrs;
	size_t i;
	int ret = 0;

	if (record->violation)
		memset(sha1, 0xff, sizeof(sha1));
	else
		ret = digest_of_record(&replay->sha1, record, sha1);

	for (i = 0; i < pcrs->nr_banks && !ret; i++) {
		if (record->violation || pcrs->banks[i] == replay->sha1.algo)
			memcpy(digest, sha1, sizeof(digest));
		else
			ret = digest_of_record(&replay->hashers[i], record,
					       digest);
		if (!ret)
			ret = extend(&replay->hashers[i],
				     pcrs->value[record->pcr][i], digest);
		if (!ret)
			ret = extend(&replay->hashers[i],
				     replay->padded.value[record->pcr][i], sha1);
	}
	if (ret)
		return ret;
	pcrs->touched |= 1ULL << record->pcr;
	replay->padded.touched |= 1ULL << record->pcr;
	return 0;
}

/**
 * replay_free - give back what replay_init() has taken
 * @replay: the replay; its values can still be read
 */
void replay_free(struct replay *replay)
{
	size_t i;

	hasher_free(&replay->sha1);
	for (i = 0; i < REPLAY_BANKS; i++)
		hasher_free(&replay->hashers[i]);
}
