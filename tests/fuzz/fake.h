/*
 * What stands for the world where a part is driven without it: settings, a
 * log that nobody reads, and random numbers that are always the same.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdarg.h>
#include <sys/random.h>

#include "fuzz.h"
#include "lonc/conf.h"
#include "lonc/log.h"

static char *fake_none[] = { NULL };
static char *fake_sealed_words[] = { "auth", "passwd", NULL };
static char *fake_served[] = { "there2", NULL };

/* The settings of the host "there", which "here" calls. */
static const struct conf fake_conf = {
	.dir = "/nowhere",
	.host_id = "there",
	.served_ids = fake_served,
	.sock_dir = "/nowhere",
	.load_limit = 2000,
	.user_load_limit = 0,
	.legacy_all = true,
	.legacy_ids = fake_none,
	.init_timeout = 1000,
	.request_timeout = 5000,
	.handler_timeout = 2000,
	.idle_ping = 1000,
	.max_line = 1024,
	.max_reply = 1024,
	.max_outstanding = 8,
	.sealed_words = fake_sealed_words,
};

ssize_t
getrandom(void *data, size_t len, unsigned flags)
{
	(void)flags;
	memset(data, 0x5a, len);
	return len;
}

void
log_init(const char *program, const char *peer)
{
	(void)program;
	(void)peer;
}

void
log_line(const char *fmt, ...)
{
	char text[LOG_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
}

#endif
