/*
 * seal: lines enciphered as old hosts do it, with IDEA under a key made of
 * the two host ids and a build key, which the server sends in clear.
 *
 * Source   lonc-protocol(7); observed from the old client in
 *          tests/vectors/seal.tsv and tests/vectors/session-key.tsv.
 */
#ifndef LONC_SEAL_H
#define LONC_SEAL_H

#include <stddef.h>

#include "lonc/idea.h"

struct buf;

#define SEAL_KEY_LEN IDEA_KEY_LEN

struct seal {
	struct idea_key	enc, dec;
};

/*
 * seal_key_derive: the key of a session.
 *
 * Takes    server_id, client_id: the id that sethost named, the caller's;
 *          build: build_len bytes of any kind, without the line's end.
 * Owns     nothing; key is the caller's to wipe.
 */
void seal_key_derive(unsigned char key[SEAL_KEY_LEN], const char *server_id,
    const char *client_id, const char *build, size_t build_len);

/* seal_init: make ready for lines in both directions; key is copied. */
void seal_init(struct seal *s, const unsigned char key[SEAL_KEY_LEN]);

/* seal_clear: wipe it. */
void seal_clear(struct seal *s);

/*
 * seal_line_len: bytes that seal_put() makes of plain_len bytes; SIZE_MAX
 * if they are too many for any memory.
 */
size_t seal_line_len(size_t plain_len);

/*
 * seal_put: append the enc: line, without LF, for len bytes of plain.
 *
 * Takes    plain: not within out.
 * Returns  0, or -1 with errno: EINVAL (plain has an LF), or as
 *          buf_reserve(); then out is unchanged.
 */
int seal_put(const struct seal *s, const char *plain, size_t len,
    struct buf *out);

/*
 * seal_open: append the bytes that were sealed in an enc: line.
 *
 * Takes    line: len bytes without LF, not within out.
 * Returns  0, or -1 with errno: EBADMSG (no enc: line, its length not
 *          decimal digits or more than its blocks hold, its blocks not whole
 *          or not hex, an LF in what was sealed), or as buf_reserve(); then
 *          out is unchanged.
 * Owns     nothing; the only copy of what was sealed is in out.
 */
int seal_open(const struct seal *s, const char *line, size_t len,
    struct buf *out);

#endif
