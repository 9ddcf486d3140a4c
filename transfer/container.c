/*
 * container.c: see container.h. What the formats share; each has a file of its own.
 */
#include "transfer/container_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t container_little(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

uint64_t container_big(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

bool container_read(int fd, void *buf, size_t len, uint64_t at)
{
	return at <= INT64_MAX - len && pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

uint8_t *container_load(int fd, uint64_t at, size_t len, size_t *ret_len)
{
	uint8_t *buf = at <= INT64_MAX - len ? xcalloc(MAX(len, (size_t)1), 1) : NULL;
	ssize_t n = buf ? pread(fd, buf, len, (off_t)at) : -1;

	if (n <= 0) {
		free(buf);
		return NULL;
	}
	*ret_len = (size_t)n;
	return buf;
}

static bool put_utf8(uint32_t c, char *ret, size_t size, size_t *n)
{
	unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (*n + len >= size)
		return false;
	for (unsigned i = len; i-- > 1; c >>= 6)
		ret[*n + i] = (char)(0x80 | (c & 0x3f));
	ret[*n] = (char)(len == 1 ? c : (0xf00u >> len & 0xf0) | c);
	*n += len;
	return true;
}

/* A lone surrogate is none. */
bool container_utf16(const uint8_t *p, size_t len, bool big_endian, char *ret, size_t size)
{
	uint64_t (*number)(const uint8_t *, unsigned) =
		big_endian ? container_big : container_little;
	size_t n = 0;

	for (; len >= 2; p += 2, len -= 2) {
		uint32_t c = (uint32_t)number(p, 2), low;

		if (c == 0)
			break;
		if (c >= 0xd800 && c < 0xe000) {
			if (c >= 0xdc00 || len < 4)
				return false;
			p += 2;
			len -= 2;
			low = (uint32_t)number(p, 2);
			if (low < 0xdc00 || low > 0xdfff)
				return false;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
		if (!put_utf8(c, ret, size, &n))
			return false;
	}
	ret[n] = '\0';
	return n > 0;
}

bool container_file_name(const char *path, struct container *ret)
{
	const char *last = path + strlen(path);

	while (last > path && last[-1] != '/' && last[-1] != '\\')
		last--;
	if (*last == '\0' || strlen(last) >= sizeof(ret->parent))
		return false;
	strcpy(ret->parent, last);
	ret->has_parent = true;
	return true;
}

/*
 * A bit for each piece of the file that is as long as a block: the beginnings of two that do not
 * lie over each other are in different pieces.
 */
void container_places_init(struct container_places *p, uint64_t file_size, uint64_t length)
{
	p->length = MAX(length, UINT64_C(1));
	p->n = MIN(file_size / p->length + 1, CONTAINER_PLACES_MOST);
	p->taken = xcalloc((size_t)(p->n / 8 + 1), 1);
}

bool container_places_put(struct container_places *p, uint64_t at)
{
	uint64_t i = at / p->length;
	bool was;

	if (i >= p->n)
		return true;
	was = p->taken[i / 8] >> (i % 8) & 1;
	p->taken[i / 8] |= (uint8_t)(1u << (i % 8));
	return !was;
}

void container_places_done(struct container_places *p)
{
	free(p->taken);
	p->taken = NULL;
}

enum container_format container_format(const char *path)
{
	static const struct {
		const char *extension;
		enum container_format format;
	} known[] = {{".vhd", CONTAINER_VHD},
		     {".avhd", CONTAINER_VHD},
		     {".vhdx", CONTAINER_VHDX},
		     {".avhdx", CONTAINER_VHDX},
		     {".qcow2", CONTAINER_QCOW2}};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(known); i++)
		if (!strcasecmp(dot, known[i].extension))
			return known[i].format;
	return CONTAINER_RAW;
}

const char *container_format_word(enum container_format f)
{
	static const char *const words[] = {"raw", "vhd", "vhdx", "qcow2"};

	return words[f];
}

void container_look(int fd, const char *path, struct container *ret)
{
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	ret->format = container_format(path);
	if (fstat(fd, &st) < 0)
		return;
	switch (ret->format) {
	case CONTAINER_RAW:
		break;
	case CONTAINER_VHD:
		container_vhd(fd, (uint64_t)st.st_size, ret);
		break;
	case CONTAINER_VHDX:
		container_vhdx(fd, (uint64_t)st.st_size, ret);
		break;
	case CONTAINER_QCOW2:
		container_qcow2(fd, (uint64_t)st.st_size, ret);
		break;
	}
	ret->untold = ret->known && !ret->has_parent &&
		      (!strcmp(ret->kind, "differencing") || !strcmp(ret->kind, "overlay"));
}

const char *container_fault_text(enum container_fault f)
{
	static const char *const texts[CONTAINER_FAULTS] = {
		[CONTAINER_LOG] = "its VHDX log has to be replayed: open, or not closed cleanly",
		[CONTAINER_MERGE] = "its VHDX headers say that a merge is under way",
		[CONTAINER_HEADERS] = "its VHDX headers are damaged",
		[CONTAINER_FOOTER] =
			"its VHD footer and the copy in front differ: enlarged, or not all there",
		[CONTAINER_SAVED] = "its VHD footer says that a saved machine belongs to it",
		[CONTAINER_SHORT] =
			"its headers tell of blocks beyond its end, or it ends amid one: it is not all there",
		[CONTAINER_OVERLAP] =
			"its table has two blocks in the same place: it is damaged, or not all there",
		[CONTAINER_BITMAPS] =
			"its qcow2 bitmaps are in use or not up to date: open, or not closed cleanly",
		[CONTAINER_DIRTY] = "its qcow2 header says dirty: open, or not closed cleanly",
		[CONTAINER_CORRUPT] = "its qcow2 header says corrupt",
	};

	return texts[f];
}

enum container_match container_match(const struct container_ids *child,
				     const struct container_ids *parent)
{
	if (!child->has_parent || !parent->has_own)
		return MATCH_UNSAID;
	return memcmp(child->parent, parent->own, CONTAINER_ID) ? MATCH_NO : MATCH_YES;
}
