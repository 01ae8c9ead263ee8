/*
 * idea: the IDEA block cipher, 128-bit key, 8-byte blocks, each block by
 * itself (ECB).
 *
 * How long a call takes depends on no byte of key or text, only on nblocks.
 *
 * Source   X. Lai, On the Design and Security of Block Ciphers, 1992;
 *          lonc-protocol(7) for what it is used for.
 */
#ifndef LONC_IDEA_H
#define LONC_IDEA_H

#include <stddef.h>
#include <stdint.h>

#define IDEA_KEY_LEN	16
#define IDEA_BLOCK_LEN	8
#define IDEA_ROUNDS	8

/* The subkeys of one direction: six a round, four for the last half round. */
struct idea_key {
	uint16_t k[6 * IDEA_ROUNDS + 4];
};

/*
 * idea_encrypt_key, idea_decrypt_key: the subkeys for one direction.
 *
 * Owns     nothing; what was made of a secret key is the caller's to wipe.
 */
void idea_encrypt_key(struct idea_key *ek,
    const unsigned char key[IDEA_KEY_LEN]);
void idea_decrypt_key(struct idea_key *dk,
    const unsigned char key[IDEA_KEY_LEN]);

/*
 * idea_blocks: encipher or decipher, as the subkeys say.
 *
 * Takes    in, out: nblocks * IDEA_BLOCK_LEN bytes each; the same bytes, or
 *          bytes that do not overlap.
 */
void idea_blocks(const struct idea_key *key, const unsigned char *in,
    unsigned char *out, size_t nblocks);

#endif
