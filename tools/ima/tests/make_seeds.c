// SPDX-License-Identifier: GPL-2.0
/*
 * make_seeds DIR [LIST]...: seeds for record_fuzz, of lists that are made here,
 * and of binary SHA-1 lists that were saved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"

/* At most that much of a saved list */
#define SAVED_MAX 16384

static void write_seed(const char *dir, const char *name, uint8_t choice,
		       const struct bytes *list)
{
	uint8_t head[2] = { choice, 63 };
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!file || fwrite(head, 1, 2, file) != 2 ||
	    fwrite(list->data, 1, list->len, file) != list->len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void copy_saved(const char *dir, const char *path, int number)
{
	static uint8_t data[SAVED_MAX];
	struct bytes list = { .data = data };
	char name[32];
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		exit(1);
	}
	list.len = fread(data, 1, sizeof(data), file);
	fclose(file);
	snprintf(name, sizeof(name), "saved-%d", number);
	write_seed(dir, name, 0, &list);
}

int main(int argc, char **argv)
{
	static const char *const banks[] = { "sha1", "sha256", "sha384", "sha512" };
	uint8_t zero[24] = { };
	char name[64];
	int i, big;

	if (argc < 2)
		return 2;
	for (i = 0; i < 8; i++) {
		struct list_maker maker;
		struct bytes list = { };

		big = i >> 2;
		maker = (struct list_maker){ big ? ORDER_BIG : ORDER_LITTLE,
					     banks[i & 3] };
		list_add_ng(&maker, &list, "boot_aggregate");
		list_add_sig(&maker, &list, "/usr/bin/signed", 40);
		list_add_violation(&maker, &list, 10, "ima", zero, sizeof(zero));
		list_add_legacy(&maker, &list, "/usr/bin/old");
		list_add(&maker, &list, 11, "d-ng|n-ng", "", 0);
		list_add(&maker, &list, 10, "ima-buf", "\4\0\0\0cmdl", 8);
		snprintf(name, sizeof(name), "%s-%s", banks[i & 3],
			 big ? "big" : "little");
		write_seed(argv[1], name, (uint8_t)(i & 3), &list);
		bytes_free(&list);
	}
	for (i = 2; i < argc; i++)
		copy_saved(argv[1], argv[i], i - 1);
	return 0;
}
