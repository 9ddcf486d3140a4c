/*
 * frame_pack.c: zstd, on worker threads. One context is kept from frame to frame (at level 17 it
 * has 34 MiB and at 19 57, so there are few). A prefix is a list of old blocks, put together: the
 * decoder gives the same, and what literals have in common with it costs next to nothing.
 */
#include "transfer/frame.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

#include "transfer/frame_private.h"

#define PIECE (256u * 1024) /* between two looks at cancel */

/*
 * With a prefix the window has all of it and of the literals. A level's own tables are made for
 * data that is near; these are large enough to know the whole, and small enough for two encoders
 * (4 MiB at the fast levels, 8 at the slow, 32 at the large, of which there is but one). Matches
 * from ldm_least on are found anywhere, by one hash in 2^ldm_rate bytes. Measured on a package
 * upgrade of 26 MB at level 17: 2^20 make 7.04 MB in 5.6 s, 2^21 7.01 in 7.7, 2^22 6.98 in 8.2;
 * with the smaller ones a second encoder has room.
 *
 * The fast levels are all 6 there, which looks several entries of a row up at once and needs no
 * second table: of 97 MB of literals with 21 MB of prefixes level 3 makes 29.5 MB in 2.0 s (one
 * hash in 16 bytes, the others one in 128), 5 29.4 in 1.1, 6 28.7 in 1.3, 7 28.5 in 1.4.
 */
#define WINDOW_MOST   26
#define LEVEL_PREFIX  6
#define LDM_HASH_MOST 20

/* By level and bytes of both: the first that fits. Small changes everywhere (a row of a table each
 * 40 bytes) are found by the dense hashes alone; over few bytes they cost little. */
static const struct {
	int from;
	uint64_t most;
	int table, ldm_rate, ldm_least;
} fits[] = {
	{LEVEL_LARGE, UINT64_MAX, 22, 4, 32},
	{LEVEL_SLOW, UINT64_MAX, 20, 4, 32},
	{0, 8u << 20, 19, 4, 32},
	{0, UINT64_MAX, 19, 7, 64},
};

/*
 * Without a prefix the fast levels are one: level 2's method, whose table knows more, over a window
 * that has the whole frame, so that zstd's own buffer is filled from front to end and never moved.
 * Of 1.56 GB of an installed system, frame by frame: level 3 as it is 535.4 MB in 4.8 s, level 2
 * with a table of 2^18 534.9 in 3.8, level 3 with that window 531.6 in 4.2; of sources and
 * texts 88.0, 82.9, 82.0 MB.
 */
#define FAST_LEVEL  2
#define FAST_TABLE  18
#define FAST_WINDOW 24

/*
 * Without a prefix the tables of slow levels for all of a window are larger than what two encoders
 * may have: level 17's own make 57 MiB, 19's 89. From OWN_TABLES on they are these.
 */
#define OWN_TABLES 10
#define HASH_SLOW  21
#define CHAIN_SLOW 22

/* A look: so many pieces of so many bytes. */
#define LEVEL_LOOK 1
#define SAMPLES	   16u
#define SAMPLE_LEN 65536u

/*
 * A try at data that does not pack costs half as much as its hash at a low level, and seconds at
 * a high one, while the line waits for its first byte. So 64 pieces of 4 KiB are looked at first.
 * What lies together and would pay is longer than the way from one to the next; what is strewn may
 * be missed, so where the line is slow (high levels) all of it is looked at, at the fastest level.
 */
#define TRY_LEVEL 6
#define TRY_LEN	  4096u
#define TRIES	  64u
#define TRY_LEAST (4 * TRIES * TRY_LEN) /* below, all of it costs little */
#define LOOK_PART 100u			/* a look must save that part, or nothing will */

struct frame_encoder {
	ZSTD_CCtx *zstd;
	const atomic_bool *cancel;
	uint8_t *room;
	size_t room_size;
};

struct frame_encoder *frame_encoder_new(void)
{
	struct frame_encoder *x = xcalloc(1, sizeof(*x));

	x->zstd = ZSTD_createCCtx();
	if (x->zstd == NULL)
		return frame_encoder_free(x);
	return x;
}

struct frame_encoder *frame_encoder_free(struct frame_encoder *x)
{
	if (x != NULL) {
		ZSTD_freeCCtx(x->zstd);
		free(x->room);
	}
	free(x);
	return NULL;
}

size_t frame_encoder_size(const struct frame_encoder *x)
{
	return ZSTD_sizeof_CCtx(x->zstd);
}

uint8_t *frame_encoder_room(struct frame_encoder *x, size_t size)
{
	if (x->room_size < size) {
		free(x->room);
		x->room = malloc(size);
		x->room_size = x->room != NULL ? size : 0;
	}
	return x->room;
}

void frame_encoder_on_cancel(struct frame_encoder *x, const atomic_bool *cancel)
{
	x->cancel = cancel;
}

/* 0, -ENOSPC: there is no room for it, -ECANCELED, -EIO. */
static int feed(struct frame_encoder *x, const struct bytes *part, ZSTD_outBuffer *out)
{
	for (size_t at = 0; at < part->len;) {
		ZSTD_inBuffer in = {part->p + at, MIN(PIECE, part->len - at), 0};

		if (x->cancel != NULL && *x->cancel)
			return -ECANCELED;
		while (in.pos < in.size) {
			size_t r = ZSTD_compressStream2(x->zstd, out, &in, ZSTD_e_continue);

			if (ZSTD_isError(r))
				return -EIO;
			if (in.pos < in.size && out->pos == out->size)
				return -ENOSPC;
		}
		at += in.size;
	}
	return 0;
}

static int end(struct frame_encoder *x, ZSTD_outBuffer *out)
{
	for (;;) {
		ZSTD_inBuffer none = {NULL, 0, 0};
		size_t r = ZSTD_compressStream2(x->zstd, out, &none, ZSTD_e_end);

		if (ZSTD_isError(r))
			return -EIO;
		if (r == 0)
			return 0;
		if (out->pos == out->size)
			return -ENOSPC;
	}
}

struct setting {
	ZSTD_cParameter name;
	int value;
};

static size_t set(struct frame_encoder *x, const struct setting *s, size_t n)
{
	size_t r = 0;

	for (size_t i = 0; i < n && !ZSTD_isError(r); i++)
		r = ZSTD_CCtx_setParameter(x->zstd, s[i].name, s[i].value);
	return r;
}

/* So many bits has a window that holds all of it. */
static int bits_of(uint64_t total)
{
	return 64 - __builtin_clzll(MAX(total, 1024u) - 1);
}

/* What a level's own parameters, made for data alone, must be to make use of a long prefix. */
static size_t fit_prefix(struct frame_encoder *x, int level, uint64_t total)
{
	int bits = bits_of(total), table;
	unsigned f = 0;

	while (level < fits[f].from || total > fits[f].most)
		f++;
	table = MIN(bits, fits[f].table);
	const struct setting all[] = {
		{ZSTD_c_compressionLevel, level <= LEVEL_LOOK ? level : MAX(level, LEVEL_PREFIX)},
		{ZSTD_c_windowLog, MIN(bits, WINDOW_MOST)},
		{ZSTD_c_hashLog, table},
		{ZSTD_c_chainLog, table},
		{ZSTD_c_enableLongDistanceMatching, 1},
		{ZSTD_c_ldmHashLog, MIN(bits - fits[f].ldm_rate + 1, LDM_HASH_MOST)},
		{ZSTD_c_ldmHashRateLog, fits[f].ldm_rate},
		{ZSTD_c_ldmMinMatch, fits[f].ldm_least},
	};

	return set(x, all, ARRAY_LEN(all));
}

/* What a level's own parameters must be where there is no prefix. */
static size_t fit_alone(struct frame_encoder *x, int level, uint64_t total)
{
	int more = level >= LEVEL_LARGE;
	const struct setting fast[] = {
		{ZSTD_c_compressionLevel, FAST_LEVEL},
		{ZSTD_c_windowLog, MIN(bits_of(total), FAST_WINDOW)},
		{ZSTD_c_hashLog, FAST_TABLE},
	};
	const struct setting slow[] = {
		{ZSTD_c_hashLog, HASH_SLOW + more},
		{ZSTD_c_chainLog, CHAIN_SLOW + more},
	};

	if (level > LEVEL_LOOK && level < LEVEL_PREFIX)
		return set(x, fast, ARRAY_LEN(fast));
	return level >= OWN_TABLES ? set(x, slow, ARRAY_LEN(slow)) : 0;
}

static int begin(struct frame_encoder *x, int level, uint64_t len, const struct bytes *prefix)
{
	size_t r = ZSTD_CCtx_reset(x->zstd, ZSTD_reset_session_and_parameters);

	level = MIN(MAX(level, 1), FRAME_EFFORT_MAX);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setParameter(x->zstd, ZSTD_c_compressionLevel, level);
	if (!ZSTD_isError(r))
		r = prefix != NULL ? fit_prefix(x, level, len + prefix->len)
				   : fit_alone(x, level, len);
	/* The size goes into the zstd frame and keeps window and buffers as small as the data. */
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setPledgedSrcSize(x->zstd, len);
	if (!ZSTD_isError(r) && prefix != NULL)
		r = ZSTD_CCtx_refPrefix(x->zstd, prefix->p, prefix->len);
	return ZSTD_isError(r) ? -EIO : 0;
}

uint64_t bytes_sum(const struct bytes *parts, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += parts[i].len;
	return sum;
}

int frame_pack(struct frame_encoder *x, int level, const struct bytes *parts, unsigned n,
	       const struct bytes *prefix, struct room *out)
{
	ZSTD_outBuffer o = {out->p, out->size, out->len};
	int r = begin(x, level, bytes_sum(parts, n), prefix);

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = feed(x, &parts[i], &o);
	if (r == 0)
		r = end(x, &o);
	if (r == 0)
		out->len = o.pos;
	return r;
}

bool frame_may_pack(struct frame_encoder *x, int level, const struct bytes *parts, unsigned n,
		    uint8_t *scratch)
{
	const struct bytes *all = &parts[n - 1]; /* the literals, next to which the rest is small */
	struct room whole = {scratch, all->len - all->len / LOOK_PART, 0};
	uint8_t out[TRY_LEN];

	if (all->len < TRY_LEAST)
		return true;
	for (size_t i = 0; i < TRIES; i++) {
		struct bytes piece = {all->p + i * (all->len / TRIES), TRY_LEN};
		struct room room = {out, sizeof(out) - TRY_LEN * SAVES_LEAST / 100, 0};

		/* Any other error is told by what is done in earnest. */
		if (frame_pack(x, LEVEL_LOOK, &piece, 1, NULL, &room) != -ENOSPC)
			return true;
	}
	return level > TRY_LEVEL && frame_pack(x, LEVEL_LOOK, all, 1, NULL, &whole) != -ENOSPC;
}

/* Pieces of the literals, evenly spread: what they become says enough about all. */
static unsigned sample(const struct frame *f, struct bytes pieces[SAMPLES])
{
	size_t len = f->head.literals_len, step = len / SAMPLES;

	if (len <= SAMPLES * SAMPLE_LEN) {
		pieces[0] = (struct bytes){f->literals, len};
		return 1;
	}
	for (unsigned i = 0; i < SAMPLES; i++)
		pieces[i] = (struct bytes){f->literals + i * step, SAMPLE_LEN};
	return SAMPLES;
}

int frame_estimate(struct frame_encoder *x, const struct frame *f, const uint8_t *prefix,
		   uint64_t *ret_with, uint64_t *ret_without)
{
	struct bytes pieces[SAMPLES], old = {prefix, 0};
	unsigned n = sample(f, pieces);
	uint64_t len = bytes_sum(pieces, n);
	struct room with = {.size = ZSTD_compressBound(len)}, without;
	int r;

	for (uint32_t i = 0; i < f->head.n_prefix; i++)
		old.len += (size_t)f->prefix[i].n * BLOCK_SIZE;
	if (len == 0 || old.len == 0)
		return -EINVAL;
	with.p = malloc(with.size);
	if (with.p == NULL)
		return -ENOMEM;
	without = with; /* only their lengths are looked at */
	r = frame_pack(x, LEVEL_LOOK, pieces, n, &old, &with);
	if (r == 0)
		r = frame_pack(x, LEVEL_LOOK, pieces, n, NULL, &without);
	free(with.p);
	if (r < 0)
		return r;
	*ret_with = with.len * f->head.literals_len / len;
	*ret_without = without.len * f->head.literals_len / len;
	return 0;
}
