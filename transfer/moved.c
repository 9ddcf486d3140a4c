/*
 * moved.c: the table: open addressing, 16 bytes a slot. A slot holds 8 bytes of the hash and a
 * place: at first the block of the new content that wants it, then where a base has it. Either
 * place gives the whole hash by its index, so the table need not keep it.
 */
#include "transfer/moved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_LEAST 1024u
#define SLOTS_MOST  (1u << 21)
#define WANTED_MOST (SLOTS_MOST / 4 * 3)

/* place: 0 empty; else kind in the top bits. 2^34 blocks of 64 TiB leave room for the base. */
#define PLACE_WANTED ((uint64_t)1 << 63)
#define PLACE_FOUND  ((uint64_t)1 << 62)
#define BASE_SHIFT   48
#define BLOCK_MASK   (((uint64_t)1 << BASE_SHIFT) - 1)

struct slot {
	uint64_t key, place;
};

struct moved {
	const struct index *new_index;
	struct index *const *bases;
	unsigned n_bases;
	const atomic_bool *cancel;
	uint64_t secret[2];
	struct slot *slots;
	size_t n_slots, used, found;
};

struct moved *moved_new(const struct index *new_index, struct index *const *bases, unsigned n_bases,
			const atomic_bool *cancel)
{
	struct moved *m = xcalloc(1, sizeof(*m));

	m->new_index = new_index;
	m->bases = bases;
	m->n_bases = n_bases;
	m->cancel = cancel;
	if (getrandom(m->secret, sizeof(m->secret), 0) != sizeof(m->secret))
		abort();
	m->secret[1] |= 1;
	m->n_slots = SLOTS_LEAST;
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	return m;
}

struct moved *moved_free(struct moved *m)
{
	if (m != NULL)
		free(m->slots);
	free(m);
	return NULL;
}

void moved_clear(struct moved *m)
{
	memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	m->used = m->found = 0;
}

bool moved_has_room(const struct moved *m, unsigned blocks)
{
	return m->used + blocks <= WANTED_MOST;
}

static uint64_t key_of(const struct hash *leaf)
{
	uint64_t key;

	memcpy(&key, leaf->b, sizeof(key));
	return key;
}

/* Multiply-shift with secret numbers. */
static size_t home(const struct moved *m, uint64_t key)
{
	unsigned bits = (unsigned)__builtin_ctzll(m->n_slots);

	return (size_t)(((key ^ m->secret[0]) * m->secret[1]) >> (64 - bits));
}

static const struct hash *slot_hash(const struct moved *m, const struct slot *s)
{
	uint64_t block = s->place & BLOCK_MASK;

	if (s->place & PLACE_WANTED)
		return index_leaf(m->new_index, block);
	return index_leaf(m->bases[(s->place & ~PLACE_FOUND) >> BASE_SHIFT], block);
}

/* The slot of this hash, or the empty one where it would go. */
static struct slot *slot_of(const struct moved *m, const struct hash *leaf)
{
	uint64_t key = key_of(leaf);

	for (size_t i = home(m, key);; i = (i + 1) & (m->n_slots - 1)) {
		struct slot *s = &m->slots[i];

		if (s->place == 0 || (s->key == key && hash_equal(slot_hash(m, s), leaf)))
			return s;
	}
}

/* Only between rounds of wanting: nothing is found yet. */
static void grow(struct moved *m)
{
	struct slot *old = m->slots;
	size_t n = m->n_slots;

	m->n_slots *= 2;
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < n; i++) {
		if (old[i].place != 0)
			*slot_of(m, slot_hash(m, &old[i])) = old[i];
	}
	free(old);
}

void moved_want(struct moved *m, uint64_t block)
{
	const struct hash *leaf = index_leaf(m->new_index, block);
	struct slot *s;

	if (m->n_slots < SLOTS_MOST && (m->used + 1) * 4 > m->n_slots * 3)
		grow(m);
	s = slot_of(m, leaf);
	if (s->place == 0) {
		*s = (struct slot){key_of(leaf), PLACE_WANTED | block};
		m->used++;
	}
}

static int scan_base(struct moved *m, unsigned base)
{
	const struct index *x = m->bases[base];
	uint64_t blocks = blocks_of(index_size(x));

	for (uint64_t block = 0; block < blocks && m->found < m->used; block++) {
		struct slot *s;

		if (block % 65536 == 0 && m->cancel != NULL && *m->cancel)
			return -ECANCELED;
		if (index_block_is_zero(x, block))
			continue;
		s = slot_of(m, index_leaf(x, block));
		if (s->place & PLACE_WANTED) {
			s->place = PLACE_FOUND | (uint64_t)base << BASE_SHIFT | block;
			m->found++;
		}
	}
	return 0;
}

int moved_scan(struct moved *m)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < m->n_bases; i++)
		r = scan_base(m, i);
	return r;
}

bool moved_find(const struct moved *m, const struct hash *leaf, uint32_t *ret_base,
		uint64_t *ret_block)
{
	const struct slot *s = m != NULL ? slot_of(m, leaf) : NULL;

	if (s == NULL || !(s->place & PLACE_FOUND))
		return false;
	*ret_base = (uint32_t)((s->place & ~PLACE_FOUND) >> BASE_SHIFT);
	*ret_block = s->place & BLOCK_MASK;
	return true;
}
