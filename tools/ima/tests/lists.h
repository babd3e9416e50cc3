/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measurement lists that the tests make, as the kernel shows them
 */
#ifndef IMALOG_TESTS_LISTS_H
#define IMALOG_TESTS_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

/**
 * struct bytes - a number of bytes
 * @data: the bytes
 * @len: how many there are
 */
struct bytes {
	uint8_t *data;
	size_t len;
};

void bytes_add(struct bytes *bytes, const void *data, size_t len);
void bytes_add_u32(struct bytes *bytes, uint32_t value, enum byte_order order);
void bytes_free(struct bytes *bytes);

/**
 * struct list_maker - how the lists are to be
 * @order: byte order
 * @bank: algorithm of the list's digests
 */
struct list_maker {
	enum byte_order order;
	const char *bank;
};

void list_add(const struct list_maker *maker, struct bytes *list, uint32_t pcr,
	      const char *name, const void *data, size_t len);
void list_add_violation(const struct list_maker *maker, struct bytes *list,
			uint32_t pcr, const char *name, const void *data,
			size_t len);
void list_add_ng(const struct list_maker *maker, struct bytes *list,
		 const char *file);
void list_add_legacy(const struct list_maker *maker, struct bytes *list,
		     const char *file);
void list_add_sig(const struct list_maker *maker, struct bytes *list,
		  const char *file, size_t sig_len);

#endif /* IMALOG_TESTS_LISTS_H */
