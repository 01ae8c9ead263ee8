/*
 * The IDEA block cipher.
 *
 * No branch and no address depends on a secret, neither in the cipher nor
 * in making its subkeys, so that the time taken says nothing about key or
 * text.  That is why mul() has no case for zero, why inverses come from a
 * power with a fixed exponent rather than from Euclid's algorithm, and why
 * nothing here compares two words: a comparison is what a compiler may turn
 * into a branch.  What is left is the multiplication itself, which takes
 * the same time for all operands on every processor this is meant for.
 *
 * Blocks are worked on LANES at a time, since one block is a long chain of
 * steps that each wait for the one before; compilers make vectors of it.
 */
#include "lonc/idea.h"

#include <string.h>

#define LANES 8

/*
 * The product modulo the prime 65537, where the word 0 stands for 65536.
 * Since 65536 is -1 there, p = 65536 * high + low is low - high; when that
 * is negative its top bit is set, and 65537 more is 1 more in the low word.
 * No product is 0 modulo a prime, so the word 0 is 65536 here too.
 */
static inline uint16_t
mul(uint16_t a, uint16_t b)
{
	uint64_t x = ((a - 1U) & 0xffff) + 1, y = ((b - 1U) & 0xffff) + 1;
	uint64_t p = x * y, diff = (p & 0xffff) - (p >> 16);

	return (uint16_t)(diff + (diff >> 63));
}

/*
 * The word that times x is 1: x to the power of 65535, since x to the power
 * of 65536 is 1 (Fermat).  The exponent is 16 ones in binary.
 */
static uint16_t
mul_inverse(uint16_t x)
{
	uint16_t power = x;

	for (int i = 1; i < 16; i++)
		power = mul(mul(power, power), x);
	return power;
}

static inline uint16_t
add_inverse(uint16_t x)
{
	return (uint16_t)-x;
}

static inline uint16_t
load(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void
store(unsigned char *p, uint16_t x)
{
	p[0] = (unsigned char)(x >> 8);
	p[1] = (unsigned char)x;
}

/*
 * The first eight subkeys are the key itself; each further eight are the
 * eight before as one number of 128 bits, turned left by 25.
 */
void
idea_encrypt_key(struct idea_key *ek, const unsigned char key[IDEA_KEY_LEN])
{
	const size_t n = sizeof(ek->k) / sizeof(ek->k[0]);
	uint16_t *k = ek->k;

	for (size_t i = 0; i < 8; i++)
		k[i] = load(key + 2 * i);
	for (size_t i = 8; i < n; i++) {
		size_t old = i / 8 * 8 - 8;

		k[i] = (uint16_t)(k[old + (i + 1) % 8] << 9 |
		    k[old + (i + 2) % 8] >> 7);
	}
}

/*
 * The same rounds undo themselves with the subkeys in reverse order, those
 * that are added or multiplied replaced by their inverses.  A round swaps
 * the middle words after it has added to them, but the last half round does
 * not: so the two added subkeys change places in all but the outer two.
 */
void
idea_decrypt_key(struct idea_key *dk, const unsigned char key[IDEA_KEY_LEN])
{
	struct idea_key ek;
	uint16_t *d = dk->k;
	const uint16_t *e;

	idea_encrypt_key(&ek, key);
	e = ek.k + 6 * IDEA_ROUNDS;
	for (int round = 0; round <= IDEA_ROUNDS; round++, d += 6, e -= 6) {
		int swap = round > 0 && round < IDEA_ROUNDS;

		d[0] = mul_inverse(e[0]);
		d[1 + swap] = add_inverse(e[1]);
		d[2 - swap] = add_inverse(e[2]);
		d[3] = mul_inverse(e[3]);
		if (round < IDEA_ROUNDS) {
			d[4] = e[-2];
			d[5] = e[-1];
		}
	}
	explicit_bzero(&ek, sizeof(ek));
}

/* One round of all lanes; x[i] is the i-th word of each block. */
static inline void
one_round(uint16_t x[4][LANES], const uint16_t *restrict k)
{
	for (int j = 0; j < LANES; j++) {
		uint16_t a = mul(x[0][j], k[0]);
		uint16_t b = (uint16_t)(x[1][j] + k[1]);
		uint16_t c = (uint16_t)(x[2][j] + k[2]);
		uint16_t d = mul(x[3][j], k[3]);
		uint16_t t = mul(a ^ c, k[4]);
		uint16_t u = mul((uint16_t)((b ^ d) + t), k[5]);

		t = (uint16_t)(t + u);
		x[0][j] = a ^ u;
		x[1][j] = c ^ u;
		x[2][j] = b ^ t;
		x[3][j] = d ^ t;
	}
}

/* The last half round; it undoes the swap of the round before. */
static inline void
half_round(uint16_t x[4][LANES], const uint16_t *restrict k)
{
	for (int j = 0; j < LANES; j++) {
		uint16_t b = x[1][j];

		x[0][j] = mul(x[0][j], k[0]);
		x[1][j] = (uint16_t)(x[2][j] + k[1]);
		x[2][j] = (uint16_t)(b + k[2]);
		x[3][j] = mul(x[3][j], k[3]);
	}
}

void
idea_blocks(const struct idea_key *key, const unsigned char *in,
    unsigned char *out, size_t nblocks)
{
	uint16_t x[4][LANES] = { { 0 } };
	size_t n;

	for (; nblocks > 0; nblocks -= n) {
		n = nblocks < LANES ? nblocks : LANES;
		for (size_t j = 0; j < n; j++, in += IDEA_BLOCK_LEN)
			for (int i = 0; i < 4; i++)
				x[i][j] = load(in + 2 * i);
		for (int round = 0; round < IDEA_ROUNDS; round++)
			one_round(x, key->k + 6 * round);
		half_round(x, key->k + 6 * IDEA_ROUNDS);
		for (size_t j = 0; j < n; j++, out += IDEA_BLOCK_LEN)
			for (int i = 0; i < 4; i++)
				store(out + 2 * i, x[i][j]);
	}
	explicit_bzero(x, sizeof(x));
}
