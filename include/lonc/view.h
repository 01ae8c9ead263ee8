/*
 * view: what can be said of links by those who only look: each one's record
 * and lock make a state, and fields with names.
 * Source: lonc-status(1).
 */
#ifndef LONC_VIEW_H
#define LONC_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lonc/buf.h"
#include "lonc/id.h"
#include "lonc/status.h"

/* In the order in which they need attention. */
enum view_state {
	VIEW_UNKNOWN,	/* why says what cannot be read, or makes no sense */
	VIEW_DEAD,	/* it was killed, or has crashed */
	VIEW_DOWN,
	VIEW_NEVER,	/* there is neither a link nor a record */
	VIEW_STOPPED,	/* it has ended as it was told to */
	VIEW_UP,
};

/*
 * st is the link's record, all zero if none could be had, and those figures
 * in it that only a running link has are zero if none runs.
 */
struct view {
	char		 peer[ID_MAX + 1];
	enum view_state	 state;
	struct status	 st;
	uint64_t	 p50, p99;		/* us, of the recent minutes */
	uint64_t	 total_p50, total_p99;
	bool		 unreadable;		/* not for what is in it */
	char		 why[192];		/* what is wrong, or "" */
};

struct views {
	struct view	*v;
	size_t		 n;
};

/*
 * views_add: one more, to be loaded.  id is a host id, copied.
 * views_find: each host id among the names in a directory, or with dirs_only
 * of the directories in it.  One that does not exist has none.
 *
 * Returns  0, or -1 with errno ENOMEM, or as opendir(3), readdir(3).
 */
int views_add(struct views *vs, const char *id);
int views_find(struct views *vs, const char *dir, bool dirs_only);

/*
 * views_load: look at each of them, once if it was added twice, and put
 * those first that need attention, then by name; now in s since 1970.
 */
void views_load(struct views *vs, const char *sock_dir, int64_t now);
void views_free(struct views *vs);

/* view_well: is it up, and has nothing been stored for over an hour? */
bool view_well(const struct view *v, int64_t now);

/*
 * views_table: for people, a line each below a header, and below those that
 * are not up what is known of the reason.  0, or -1 as buf_put().
 */
int views_table(struct buf *out, const struct views *vs, int64_t now);

#define VIEW_FIELDS_MAX 64	/* in one list */

struct view_fields {
	unsigned char	 at[VIEW_FIELDS_MAX];
	size_t		 n;
};

/* view_field_name: of each field there is; NULL behind the last. */
const char *view_field_name(size_t i);

/*
 * view_fields_parse: a list of names with commas between them.
 *
 * Returns  0, or -1 with *bad at the first that is no field, or one too
 *          many; it goes on to a comma or the end.
 */
int view_fields_parse(struct view_fields *vf, const char *list,
    const char **bad);

/*
 * views_lines: for scripts, a line each: the fields' values with tabs
 * between them.  A text is printable ASCII and never empty: "-" is none.
 * 0, or -1 as buf_put().
 */
int views_lines(struct buf *out, const struct views *vs,
    const struct view_fields *vf);

#endif
