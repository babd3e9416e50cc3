// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit.h"
#include "common.h"

#define TIMEOUT_MS 5000

/* "<field>=<value>": the value, without the quotes that a string has. */
static bool get_field(const char *text, const char *field, char *value,
		      size_t room)
{
	char name[32];
	size_t len;

	snprintf(name, sizeof(name), " %s=", field);
	text = strstr(text, name);
	if (!text)
		return false;
	text += strlen(name);
	len = strcspn(text, " ");
	if (len > 1 && *text == '"') {
		text++;
		len -= 2;
	}
	snprintf(value, room, "%.*s", (int)len, text);
	return true;
}

static int parse(const char *text, struct audit_record *r)
{
	char cause[32], result[8], error[8];

	if (!get_field(text, "op", r->op, sizeof(r->op)) ||
	    !get_field(text, "cause", cause, sizeof(cause)) ||
	    !get_field(text, "name", r->name, sizeof(r->name)) ||
	    !get_field(text, "res", result, sizeof(result)) ||
	    !get_field(text, "errno", error, sizeof(error)))
		return -EBADMSG;
	if (sscanf(cause, "records(%ld)", &r->records) != 1)
		return -EBADMSG;
	r->result = atoi(result);
	r->error = atoi(error);
	return 0;
}

/* One message. Its text is what is new at the end of @a->text. */
static int receive(struct audit *a, unsigned int *type, size_t *start)
{
	struct pollfd pollfd = { .fd = a->sock, .events = POLLIN };
	union {
		struct nlmsghdr hdr;
		char room[16384];
	} msg;
	ssize_t len;

	if (poll(&pollfd, 1, TIMEOUT_MS) <= 0)
		return -ETIME;
	len = recv(a->sock, &msg, sizeof(msg) - 1, 0);
	if (len < 0)
		return -errno;
	if ((size_t)len < NLMSG_HDRLEN)
		return -EBADMSG;
	*type = msg.hdr.nlmsg_type;
	*start = a->text.len;
	msg.room[len] = '\0';
	blob_add(&a->text, msg.room + NLMSG_HDRLEN, len + 1 - NLMSG_HDRLEN);
	return 0;
}

/* Is there a record of a violation? */
static bool tells_of_violation(struct audit *a, const struct ima *ima)
{
	char path[512];
	unsigned int type;
	size_t start;
	int err;

	snprintf(path, sizeof(path), "%s/audit", ima->dir);
	err = measure_content(path, path);
	err = err ?: violate(path);
	unlink(path);
	while (!err) {
		err = receive(a, &type, &start);
		if (!err && type == AUDIT_INTEGRITY_PCR &&
		    strstr((char *)a->text.data + start, " op=invalid_pcr "))
			break;
	}
	return !err;
}

const char *audit_open(struct audit *a, const struct ima *ima)
{
	const struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1),
	};
	/* Nobody takes them out while commands are written. */
	const int size = 8 << 20;

	*a = (struct audit) { };
	a->sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	if (a->sock < 0)
		return "no audit (CONFIG_AUDIT, or booted with audit=0)";
	setsockopt(a->sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(a->sock, (const struct sockaddr *)&addr, sizeof(addr))) {
		close(a->sock);
		return "audit records cannot be received";
	}
	if (!tells_of_violation(a, ima)) {
		audit_close(a);
		return "no audit records of IMA (CONFIG_INTEGRITY_AUDIT, or excluded)";
	}
	return NULL;
}

const char *audit_unfit(const struct ima *ima)
{
	struct audit a;
	const char *why = audit_open(&a, ima);

	if (!why)
		audit_close(&a);
	return why;
}

void audit_close(struct audit *a)
{
	close(a->sock);
	blob_free(&a->text);
}

int audit_next(struct audit *a, struct audit_record *r)
{
	unsigned int type;
	size_t start;
	int err;

	for (;;) {
		err = receive(a, &type, &start);
		if (err)
			return err;
		/* IMA has other things to say as well. */
		if (type == AUDIT_INTEGRITY_PCR &&
		    strstr((char *)a->text.data + start, " cause=records("))
			return parse((char *)a->text.data + start, r);
	}
}

int audit_drain(struct audit *a, int fd)
{
	struct audit_record r;
	int err;

	/* Records come in the order of the writes, but some time later. */
	if (write(fd, "x", 1) != -1)
		return -EIO;
	do {
		err = audit_next(a, &r);
	} while (!err && strcmp(r.op, "unknown_command"));
	a->text.len = 0;
	return err;
}

/* What counts deleted records tells of them, too. */
bool audit_has_commands(void)
{
	return ima_deleted() != -ENOENT;
}
