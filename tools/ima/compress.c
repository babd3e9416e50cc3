// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are compressed with zstd
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <zstd.h>

#include "compress.h"
#include "io.h"

/**
 * struct compressed - a compressed file that is read
 * @fd: the file
 * @zstd: state of the library
 * @in: what was read of the file, and not taken by the library yet
 * @inside: what was compressed has not come to its end
 * @full: the library may have more to give without being given more
 * @block: what @in leads to
 */
struct compressed {
	int fd;
	ZSTD_DCtx *zstd;
	ZSTD_inBuffer in;
	bool inside;
	bool full;
	uint8_t block[IO_BLOCK];
};

/* Have the library take all of @in, and write what comes of it. */
static int compress_block(ZSTD_CCtx *zstd, ZSTD_inBuffer *in, bool last, int to)
{
	static uint8_t block[IO_BLOCK];
	ZSTD_outBuffer out;
	size_t left;
	int ret;

	do {
		out = (ZSTD_outBuffer){ block, sizeof(block), 0 };
		left = ZSTD_compressStream2(zstd, &out, in,
					    last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return -EIO;
		ret = io_write(to, block, out.pos);
		if (ret)
			return ret;
	} while (last ? left : in->pos < in->size);
	return 0;
}

/**
 * compress_file - write a file once more, compressed
 * @from: the file
 * @to: what to write to; a checksum is at its end
 * @alive: called after each block, or NULL
 * @context: passed on
 *
 * Return: 0 or a negative error number.
 */
int compress_file(int from, int to, void (*alive)(void *context), void *context)
{
	static uint8_t block[IO_BLOCK];
	uint64_t taken = 0;
	ZSTD_inBuffer in;
	ZSTD_CCtx *zstd;
	ssize_t got;
	int ret = 0;

	zstd = ZSTD_createCCtx();
	if (!zstd)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1)))
		ret = -EIO;
	while (!ret) {
		got = io_read(from, block, sizeof(block));
		if (got < 0) {
			ret = (int)got;
			break;
		}
		in = (ZSTD_inBuffer){ block, (size_t)got, 0 };
		ret = compress_block(zstd, &in, got < (ssize_t)sizeof(block), to);
		if (!ret)
			ret = io_sync_now_and_then(to, taken, taken + (uint64_t)got);
		taken += (uint64_t)got;
		if (alive)
			alive(context);
		if (got < (ssize_t)sizeof(block))
			break;
	}
	ZSTD_freeCCtx(zstd);
	return ret;
}

/**
 * compressed_open - prepare to read a compressed file
 * @reader: set to what it is read with
 * @fd: the file, which is closed by compressed_close(), or here after an error
 *
 * Return: 0 or -ENOMEM.
 */
int compressed_open(struct compressed **reader, int fd)
{
	struct compressed *new = calloc(1, sizeof(*new));

	if (new)
		new->zstd = ZSTD_createDCtx();
	if (!new || !new->zstd) {
		free(new);
		close(fd);
		return -ENOMEM;
	}
	new->fd = fd;
	new->inside = true;
	*reader = new;
	return 0;
}

/* Return: 1 if there is more, 0 at the end of the file, or a negative error number. */
static int fill(struct compressed *reader)
{
	ssize_t got;

	got = io_read(reader->fd, reader->block, sizeof(reader->block));
	if (got < 0)
		return (int)got;
	reader->in = (ZSTD_inBuffer){ reader->block, (size_t)got, 0 };
	if (got)
		return 1;
	/* The end of the file, and not of what is compressed in it */
	return reader->inside ? -EBADMSG : 0;
}

/**
 * compressed_read - read what was compressed
 * @reader: what it is read with
 * @buffer: set to the next bytes
 * @len: how many to read
 *
 * Return: how many bytes were read, less than @len at the end only; -EBADMSG if the
 * file is damaged, or another negative error number.
 */
ssize_t compressed_read(struct compressed *reader, void *buffer, size_t len)
{
	ZSTD_outBuffer out = { buffer, len, 0 };
	size_t left;
	int ret;

	while (out.pos < len) {
		if (reader->in.pos == reader->in.size && !reader->full) {
			ret = fill(reader);
			if (ret < 0)
				return ret;
			if (!ret)
				break;
		}
		left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
		if (ZSTD_isError(left))
			return -EBADMSG;
		reader->inside = left;
		reader->full = left && out.pos == len;
	}
	return (ssize_t)out.pos;
}

/**
 * compressed_close - close the file
 * @reader: what it was read with
 */
void compressed_close(struct compressed *reader)
{
	ZSTD_freeDCtx(reader->zstd);
	close(reader->fd);
	free(reader);
}
