/*
 * cursor.h: reads and writes little endian numbers and varints in a buffer with an end. A read
 * beyond the end or a varint that is not the shortest makes the cursor bad and gives zeros, so a
 * decoder may read a whole record and look once. Internal to transfer.
 */
#ifndef SPOKESYNC_TRANSFER_CURSOR_H
#define SPOKESYNC_TRANSFER_CURSOR_H

#include <string.h>

#include "policy/base.h"

#define VARINT_MAX 10 /* bytes of the longest */

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline void cursor_bytes(struct cursor *c, void *ret, size_t len)
{
	if (c->bad || cursor_left(c) < len) {
		c->bad = true;
		memset(ret, 0, len);
		return;
	}
	memcpy(ret, c->p, len);
	c->p += len;
}

static inline uint64_t cursor_le(struct cursor *c, unsigned bytes)
{
	uint8_t b[8];
	uint64_t v = 0;

	cursor_bytes(c, b, bytes);
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | b[i];
	return v;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)cursor_le(c, 4);
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	return cursor_le(c, 8);
}

static inline uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < VARINT_MAX && !c->bad && c->p < c->end; i++) {
		uint8_t b = *c->p++;

		/* The tenth byte has one bit left; a last byte of zero would be a longer form. */
		if ((i == VARINT_MAX - 1 && b > 1) || (i > 0 && b == 0))
			break;
		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

/* Writers: the caller made room. Each returns the byte after what it wrote. */
static inline uint8_t *put_bytes(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

static inline uint8_t *put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	return put_le(p, v, 4);
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	return put_le(p, v, 8);
}

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Small numbers of either sign as small numbers. */
static inline uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

#endif
