/*
 * IDEA: published and recorded vectors, the multiplicative inverses of all
 * words, and libgcrypt for a great many keys and blocks.
 *
 * Not tested: that the time taken depends on no secret.  (Valgrind shows it
 * if key and text are marked as undefined: nothing then branches on them.)
 * That the stack keeps nothing of key or text.
 */
#include "lonc/idea.h"

#include <gcrypt.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

#define VECTORS "tests/vectors/idea-ecb.tsv"
#define NKEYS 100000
#define NBLOCKS 40	/* several times as many as are worked at once */

static uint64_t seed = 0x1dea;

static uint64_t
next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Random words of 16 bits, every fourth one that is special to IDEA. */
static void
fill_words(unsigned char *p, size_t len)
{
	static const uint16_t special[] = { 0, 1, 2, 0x7fff, 0x8000, 0xffff };
	uint64_t r;

	for (size_t i = 0; i < len; i += 2) {
		r = next_random() >> 16;
		if (r % 4 == 0)
			r = special[r / 4 % 6];
		p[i] = (unsigned char)(r >> 8);
		p[i + 1] = (unsigned char)r;
	}
}

static void
run(int decrypt, const unsigned char *key, const unsigned char *in,
    unsigned char *out, size_t nblocks)
{
	struct idea_key k;

	if (decrypt)
		idea_decrypt_key(&k, key);
	else
		idea_encrypt_key(&k, key);
	idea_blocks(&k, in, out, nblocks);
}

/* Exactly len bytes of hex, and then a byte of this kind. */
static const char *
get_hex(const char *p, unsigned char *data, size_t len, char end)
{
	int used;

	for (; p != NULL && len > 0; len--, p += used) {
		used = 0;
		if (sscanf(p, "%2hhx%n", data++, &used) != 1 || used != 2)
			return NULL;
	}
	return p != NULL && *p == end ? p + 1 : NULL;
}

static void
test_vectors(void)
{
	unsigned char key[IDEA_KEY_LEN], plain[IDEA_BLOCK_LEN];
	unsigned char cipher[IDEA_BLOCK_LEN], got[IDEA_BLOCK_LEN];
	char row[256];
	const char *p;
	int line = 0, failed, tried = 0;
	FILE *f;

	if (!CHECK((f = fopen(VECTORS, "r")) != NULL))
		return;
	while (fgets(row, sizeof(row), f) != NULL) {
		line++;
		if (row[0] == '#')
			continue;
		failed = check_failed;
		p = get_hex(row, key, sizeof(key), '\t');
		p = get_hex(p, plain, sizeof(plain), '\t');
		p = get_hex(p, cipher, sizeof(cipher), '\n');
		if (CHECK(p != NULL)) {
			run(0, key, plain, got, 1);
			CHECK_MEM(cipher, sizeof(cipher), got, sizeof(got));
			run(1, key, cipher, got, 1);
			CHECK_MEM(plain, sizeof(plain), got, sizeof(got));
		}
		if (check_failed > failed)
			fprintf(stderr, "  at %s:%d\n", VECTORS, line);
		tried++;
	}
	fclose(f);
	CHECK(tried > 0);
}

/* Every word's inverse, as the last half round's first subkey has it. */
static void
test_inverses(void)
{
	struct idea_key dk;
	uint64_t word, inverse;
	unsigned char key[IDEA_KEY_LEN] = { 0 };

	for (unsigned int i = 0; i < 65536 && check_failed < 10; i++) {
		key[0] = (unsigned char)(i >> 8);
		key[1] = (unsigned char)i;
		idea_decrypt_key(&dk, key);
		word = i > 0 ? i : 65536;
		inverse = dk.k[48] > 0 ? dk.k[48] : 65536;
		CHECK_INT(1, word * inverse % 65537);
	}
}

/* The same key and block through libgcrypt and through us, both ways. */
static void
compare(gcry_cipher_hd_t h, const unsigned char *key, const unsigned char *in)
{
	unsigned char want[IDEA_BLOCK_LEN], got[IDEA_BLOCK_LEN];

	gcry_cipher_setkey(h, key, IDEA_KEY_LEN);
	gcry_cipher_encrypt(h, want, sizeof(want), in, IDEA_BLOCK_LEN);
	run(0, key, in, got, 1);
	CHECK_MEM(want, sizeof(want), got, sizeof(got));
	gcry_cipher_decrypt(h, want, sizeof(want), in, IDEA_BLOCK_LEN);
	run(1, key, in, got, 1);
	CHECK_MEM(want, sizeof(want), got, sizeof(got));
}

static void
test_gcrypt_keys(gcry_cipher_hd_t h)
{
	unsigned char key[IDEA_KEY_LEN], in[IDEA_BLOCK_LEN];

	for (int i = 0; i < NKEYS && check_failed < 10; i++) {
		fill_words(key, sizeof(key));
		fill_words(in, sizeof(in));
		compare(h, key, in);
	}
}

/* Keys of one bit or none: nearly all their subkeys are 0. */
static void
test_zero_subkeys(gcry_cipher_hd_t h)
{
	unsigned char key[IDEA_KEY_LEN], in[IDEA_BLOCK_LEN];

	for (size_t bit = 0; bit <= 8 * sizeof(key); bit++) {
		memset(key, 0, sizeof(key));
		if (bit < 8 * sizeof(key))
			key[bit / 8] = (unsigned char)(1 << bit % 8);
		fill_words(in, sizeof(in));
		compare(h, key, in);
	}
}

/* Any number of blocks, elsewhere and in place, and nothing behind them. */
static void
test_gcrypt_blocks(gcry_cipher_hd_t h)
{
	unsigned char key[IDEA_KEY_LEN], in[NBLOCKS * IDEA_BLOCK_LEN];
	unsigned char want[sizeof(in)], got[sizeof(in) + 1];
	size_t len;

	for (size_t n = 0; n <= NBLOCKS; n++) {
		len = n * IDEA_BLOCK_LEN;
		fill_words(key, sizeof(key));
		fill_words(in, len);
		gcry_cipher_setkey(h, key, sizeof(key));
		if (n > 0)
			gcry_cipher_encrypt(h, want, len, in, len);
		memset(got, 0xa5, sizeof(got));
		run(0, key, in, got, n);
		CHECK_MEM(want, len, got, len);
		CHECK_INT(0xa5, got[len]);
		run(1, key, got, got, n);
		CHECK_MEM(in, len, got, len);
		CHECK_INT(0xa5, got[len]);
	}
}

int
main(void)
{
	gcry_cipher_hd_t h;

	test_vectors();
	test_inverses();
	gcry_check_version(NULL);
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	if (CHECK(gcry_cipher_open(&h, GCRY_CIPHER_IDEA, GCRY_CIPHER_MODE_ECB,
	    0) == 0)) {
		test_gcrypt_keys(h);
		test_zero_subkeys(h);
		test_gcrypt_blocks(h);
		gcry_cipher_close(h);
	}
	return check_status();
}
