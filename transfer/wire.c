/*
 * wire.c: the names of the protocol: which paths and group names may come from a peer, the words
 * for refusals, and text made fit to be sent, logged and shown on a terminal.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define PART_MAX 255u
#define OWN_DIR	 ".spokesync"

static const char *const refusal_words[] = {
	[REFUSED_NOT] = "",
	[REFUSED_NO_BASE] = "no_base",
	[REFUSED_NO_SPACE] = "no_space",
	[REFUSED_OVER_QUOTA] = "over_quota",
	[REFUSED_IN_USE] = "in_use",
	[REFUSED_BAD_PATH] = "bad_path",
	[REFUSED_BAD_GROUP] = "bad_group",
	[REFUSED_BUSY] = "busy",
	[REFUSED_ERROR] = "error",
};

const char *wire_refusal_word(enum wire_refusal r)
{
	return (size_t)r < ARRAY_LEN(refusal_words) ? refusal_words[r] : "error";
}

/* A word of a newer peer is a refusal all the same. */
enum wire_refusal wire_in_refusal(struct wire_in *in, const json_t *obj, const char *name)
{
	char word[32] = "";

	wire_in_text(in, obj, name, word, sizeof(word));
	for (size_t i = 0; i < ARRAY_LEN(refusal_words); i++)
		if (strcmp(word, refusal_words[i]) == 0)
			return (enum wire_refusal)i;
	return REFUSED_ERROR;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
unsigned wire_utf8(const char *s, uint32_t *ret_c)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;
	unsigned n;

	if (p[0] < 0x80) {
		*ret_c = p[0];
		return 1;
	}
	n = (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (n == 0)
		return 0;
	c = p[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) /* the NUL at the end stops here, too */
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*ret_c = c;
	return n;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
}

void wire_clean(const char *s, char *ret, size_t size)
{
	size_t used = 0;

	while (*s) {
		uint32_t c = 0;
		unsigned n = wire_utf8(s, &c);
		bool bad = n == 0 || is_control(c);

		if (used + (bad ? 1 : n) >= size)
			break;
		if (bad) {
			ret[used++] = '?';
		} else {
			memcpy(ret + used, s, n);
			used += n;
		}
		s += n ? n : 1;
	}
	ret[used] = '\0';
}

static bool part_ok(const char *part, size_t len, struct err *e)
{
	const char *why = NULL;

	if (len == 0)
		why = "has an empty part";
	else if (len > PART_MAX)
		why = "has a part of more than 255 bytes";
	else if ((len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
		why = "has a part \".\" or \"..\"";
	/* Whatever the case: some filesystems fold it. */
	else if (len == strlen(OWN_DIR) && strncasecmp(part, OWN_DIR, len) == 0)
		why = "reaches into " OWN_DIR;
	if (why)
		err_set(e, -EINVAL, "the path %s", why);
	return !why;
}

bool wire_path_ok(const char *path, struct err *e)
{
	size_t len = strnlen(path, WIRE_PATH_MAX + 1);
	const char *part = path;

	if (len == 0 || len > WIRE_PATH_MAX) {
		err_set(e, -EINVAL, "the path is empty or longer than %d bytes", WIRE_PATH_MAX);
		return false;
	}
	for (const char *p = path; *p;) {
		uint32_t c = 0;
		unsigned n = wire_utf8(p, &c);

		if (n == 0 || is_control(c)) {
			err_set(e, -EINVAL, "the path has %s at byte %zu",
				n ? "a control character" : "what is not UTF-8",
				(size_t)(p - path));
			return false;
		}
		p += n;
	}
	for (;;) {
		const char *slash = strchrnul(part, '/');

		if (!part_ok(part, (size_t)(slash - part), e))
			return false;
		if (!*slash)
			return true;
		part = slash + 1;
	}
}

bool wire_name_ok(const char *group)
{
	size_t len = strnlen(group, WIRE_NAME_MAX + 1);

	if (len == 0 || len > WIRE_NAME_MAX || strcmp(group, ".") == 0 || strcmp(group, "..") == 0)
		return false;
	return strspn(group, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789._-") == len;
}
