/*
 * Files of lines.
 * Not tested: memory that runs out, reads that fail.
 */
#include "lonc/rows.h"

#include <errno.h>

#include "check.h"
#include "confdir.h"

/* A text of N bytes before a line's end. */
#define TEXT(s) { s, sizeof(s) - 1 }

static const struct {
	struct {
		const char	*s;
		size_t		 len;
	}		 text;
	const char	*rows;		/* LINE:ROW, each with LF */
	const char	*told;
} cases[] = {
	{ TEXT(""), "", "" },
	{ TEXT("\n"), "", "" },
	{ TEXT("a"), "1:a\n", "" },
	{ TEXT("a\nb\n"), "1:a\n2:b\n", "" },
	{ TEXT("a\n\n \t\nb"), "1:a\n4:b\n", "" },
	{ TEXT("a\r\nb\r\n\r\nc\r"), "1:a\n2:b\n4:c\n", "" },
	{ TEXT("  a  b \t\r\n"), "1:a  b\n", "" },
	{ TEXT("a \r \r\n"), "1:a\n", "" },
	{ TEXT("a\rb\n"), "1:a\rb\n", "" },
	{ TEXT("#a\n # b\n\t#\n#\n"), "", "" },
	{ TEXT("a # b\na\t#b\na#b\na# b\n"), "1:a\n2:a\n3:a#b\n4:a# b\n",
	    "" },
	{ TEXT("a#b #c\n"), "1:a#b\n", "" },
	{ TEXT("a\0b\nc\n"), "2:c\n",
	    "E DIR/f:1: a NUL byte is in the line\n" },
	{ TEXT("\0\n\0"), "",
	    "E DIR/f:1: a NUL byte is in the line\n"
	    "E DIR/f:2: a NUL byte is in the line\n" },
	{ TEXT("# \0\n"), "", "E DIR/f:1: a NUL byte is in the line\n" },
	{ TEXT("a\n\0"), "1:a\n", "E DIR/f:2: a NUL byte is in the line\n" },
};

static char got[1 << 14];

static int
read_rows(const char *text, size_t len)
{
	struct rows rs;
	size_t at = 0;
	char *line;

	told_clear();
	got[0] = '\0';
	confdir_write("f", text, len);
	if (rows_open(&rs, confdir, "f", told_say, NULL) == -1)
		return -1;
	while ((line = rows_next(&rs)) != NULL && at < sizeof(got))
		at += snprintf(got + at, sizeof(got) - at, "%u:%s\n", rs.line,
		    line);
	CHECK(rows_next(&rs) == NULL);
	CHECK_INT(told_errors, rs.nbad);
	rows_close(&rs);
	return 0;
}

static void
check_length(void)
{
	static char text[2 * 4098];

	memset(text, 'x', 4096);
	text[4096] = '\n';
	CHECK_INT(0, read_rows(text, 4097));
	CHECK_INT(2 + 4096 + 1, strlen(got));
	CHECK_STR("", told);

	memset(text, 'x', 4097);
	memcpy(text + 4097, "\na\n", 3);
	CHECK_INT(0, read_rows(text, 4100));
	CHECK_STR("2:a\n", got);
	CHECK_STR("E DIR/f:1: the line has more than 4096 bytes\n", told);

	CHECK_INT(0, read_rows(text, 4097));
	CHECK_STR("", got);
	CHECK_STR("E DIR/f:1: the line has more than 4096 bytes\n", told);
}

static void
check_unreadable(void)
{
	char path[4096], dir[8192];
	struct rows rs;

	told_clear();
	CHECK_INT(-1, rows_open(&rs, confdir, "none", told_say, NULL));
	CHECK_STR("E DIR/none: No such file or directory\n", told);

	told_clear();
	mkdir(confdir_path(path, "d"), 0700);
	CHECK_INT(-1, rows_open(&rs, confdir, "d", told_say, NULL));
	CHECK_STR("E DIR/d: not a regular file\n", told);

	told_clear();
	mkfifo(confdir_path(path, "fifo"), 0600);
	CHECK_INT(-1, rows_open(&rs, confdir, "fifo", told_say, NULL));
	CHECK_STR("E DIR/fifo: not a regular file\n", told);

	told_clear();
	confdir_write("big", "", 0);
	CHECK_INT(0, truncate(confdir_path(path, "big"), (64 << 20) + 1));
	CHECK_INT(-1, rows_open(&rs, confdir, "big", told_say, NULL));
	CHECK_STR("E DIR/big: File too large\n", told);

	told_clear();
	memset(dir, 'x', sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	CHECK_INT(-1, rows_open(&rs, dir, "f", told_say, NULL));
	CHECK_INT(1, told_errors);
	CHECK(strstr(told, strerror(ENAMETOOLONG)) != NULL);
}

/* What is told fits, whatever the path; and a text too long is cut. */
static void
check_tell(void)
{
	struct rows rs = { .say = told_say };
	char text[2 * ROWS_TEXT];

	memset(rs.path, 'p', sizeof(rs.path) - 1);
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	told_clear();
	rs.line = 4294967295u;
	rows_tell(&rs, false, "%s", text);
	CHECK_INT(0, rs.nbad);
	CHECK_INT(2 + PATH_MAX - 1 + ROWS_TEXT + 1, told_len);
}

int
main(void)
{
	confdir_make();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = check_failed;

		CHECK_INT(0, read_rows(cases[i].text.s, cases[i].text.len));
		CHECK_STR(cases[i].rows, got);
		CHECK_STR(cases[i].told, told);
		if (check_failed > before)
			check_hex("text", cases[i].text.s, cases[i].text.len);
	}
	check_length();
	check_unreadable();
	check_tell();
	return check_status();
}
