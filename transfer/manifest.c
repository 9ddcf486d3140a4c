/*
 * manifest.c: see manifest.h. One pass: markup is stepped over from its mark to its end, which
 * where it is missing is the end of the file; each text between is a candidate.
 */
#include "transfer/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "transfer/container_private.h"
#include "transfer/wire.h"

#define NAME_LONGEST   255
#define ENTITY_LONGEST 10 /* of its text between & and ; */

struct scan {
	const char *at, *end;
	char **names;
	size_t n;
	bool too_many;
	manifest_wanted_fn *wanted;
	char element[16]; /* that the text is in, as far as is known */
};

/* On to behind the next mark, or to the end. NULL: there is none; else where it begins. */
static const char *skip(struct scan *s, const char *mark)
{
	const char *p = memmem(s->at, (size_t)(s->end - s->at), mark, strlen(mark));

	s->at = p ? p + strlen(mark) : s->end;
	return p;
}

static bool begins(const struct scan *s, const char *mark)
{
	return (size_t)(s->end - s->at) >= strlen(mark) && !memcmp(s->at, mark, strlen(mark));
}

/* The character that an entity stands for; 0: it is none that is known. p: after its &. */
static uint32_t entity(const char *p, const char *end, size_t *ret_len)
{
	static const struct {
		const char *word;
		char c;
	} known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	const char *semicolon = memchr(p, ';', MIN((size_t)(end - p), (size_t)ENTITY_LONGEST + 1));
	char word[ENTITY_LONGEST + 1], *stop;
	unsigned long c;

	if (!semicolon || semicolon == p)
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)(semicolon - p), p);
	*ret_len = strlen(word) + 1;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(word, known[i].word))
			return (uint32_t)known[i].c;
	if (word[0] != '#' || !isalnum((unsigned char)word[1]))
		return 0;
	c = word[1] == 'x' ? strtoul(word + 2, &stop, 16) : strtoul(word + 1, &stop, 10);
	return *stop || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : (uint32_t)c;
}

/* False: longer than a name. */
static bool decode(const char *p, const char *end, bool entities, char *ret, size_t size)
{
	size_t n = 0, len;

	while (p < end) {
		uint32_t c = entities && *p == '&' ? entity(p + 1, end, &len) : 0;

		if (n + 1 >= size || (c && !container_put_utf8(c, ret, size, &n)))
			return false;
		if (c)
			p += 1 + len;
		else
			ret[n++] = *p++;
	}
	ret[n] = '\0';
	return true;
}

static const char *last_part(const char *from, const char *end)
{
	const char *p = end;

	while (p > from && p[-1] != '/' && p[-1] != '\\')
		p--;
	return p;
}

static void candidate(struct scan *s, const char *from, const char *end, bool entities)
{
	char text[NAME_LONGEST + 1];
	const char *name;
	struct err e;

	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	while (from < end && isspace((unsigned char)*from))
		from++;
	if (!decode(last_part(from, end), end, entities, text, sizeof(text)))
		return;
	name = last_part(text, text + strlen(text));
	if (!wire_path_ok(name, &e) || !s->wanted(name))
		return;
	if (s->n == MANIFEST_NAMES_MOST)
		s->too_many = true;
	else
		s->names[s->n++] = xstrdup(name);
}

/* People write names into these, of images that are meant to be elsewhere. */
static bool prose(const struct scan *s)
{
	return !strcasecmp(s->element, "description") || !strcasecmp(s->element, "comment");
}

static void attributes(struct scan *s)
{
	while (s->at < s->end && *s->at != '>') {
		char quote = *s->at++;
		const char *from = s->at, *end;

		if (quote != '"' && quote != '\'')
			continue;
		end = skip(s, quote == '"' ? "\"" : "'");
		if (end)
			candidate(s, from, end, true);
	}
	if (s->at < s->end)
		s->at++;
}

static void tag(struct scan *s)
{
	const char *from = ++s->at;

	while (s->at < s->end && !isspace((unsigned char)*s->at) && !strchr("<>\"'", *s->at))
		s->at++;
	/* After the end of one, which one it is in is not known; nothing asks. */
	snprintf(s->element, sizeof(s->element), "%.*s",
		 (int)MIN((size_t)(s->at - from), sizeof(s->element)), from);
	attributes(s);
}

static void cdata(struct scan *s)
{
	const char *from, *end;

	skip(s, "[CDATA[");
	from = s->at;
	end = skip(s, "]]>");
	if (!prose(s))
		candidate(s, from, end ? end : s->end, false);
}

static void step(struct scan *s)
{
	const char *from = s->at;

	if (*from != '<') {
		s->at = memchr(from, '<', (size_t)(s->end - from));
		if (!s->at)
			s->at = s->end;
		if (!prose(s))
			candidate(s, from, s->at, true);
	} else if (begins(s, "<![CDATA[")) {
		cdata(s);
	} else if (begins(s, "<!--")) {
		s->at += 4;
		skip(s, "-->");
	} else if (begins(s, "<?")) {
		skip(s, "?>");
	} else if (begins(s, "<!")) {
		skip(s, ">");
	} else {
		tag(s);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *lines(struct scan *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	if (s->n)
		qsort(s->names, s->n, sizeof(*s->names), by_text);
	for (size_t i = 0; i < s->n; i++)
		if (!i || strcmp(s->names[i - 1], s->names[i]))
			fprintf(f, "%s%s", i ? "\n" : "", s->names[i]);
	fclose(f);
	return text;
}

static int scan(const char *text, size_t len, manifest_wanted_fn *wanted, char **ret)
{
	struct scan s = {.at = text, .end = text + len, .wanted = wanted};
	int r;

	s.names = xcalloc(MANIFEST_NAMES_MOST, sizeof(*s.names));
	while (s.at < s.end && !s.too_many)
		step(&s);
	r = s.too_many ? -E2BIG : 0;
	if (r == 0)
		*ret = lines(&s);
	for (size_t i = 0; i < s.n; i++)
		free(s.names[i]);
	free(s.names);
	return r;
}

int manifest_scan(const void *data, size_t len, manifest_wanted_fn *wanted, char **ret)
{
	const uint8_t *p = data;
	bool big = len >= 2 && p[0] == 0xfe && p[1] == 0xff;
	size_t size = len / 2 * 3 + 1; /* a unit is three bytes at most */
	char *text;
	int r;

	if (len > MANIFEST_MOST)
		return -EFBIG;
	if (!big && !(len >= 2 && p[0] == 0xff && p[1] == 0xfe))
		return scan(data, len, wanted, ret);
	text = xcalloc(size, 1);
	r = container_utf16(p + 2, len - 2, big, text, size) ? scan(text, strlen(text), wanted, ret)
							     : scan("", 0, wanted, ret);
	free(text);
	return r;
}

int manifest_names(int fd, manifest_wanted_fn *wanted, char **ret)
{
	struct stat st;
	uint8_t *data;
	size_t len = 0;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > (off_t)MANIFEST_MOST)
		return -EFBIG;
	data = container_load(fd, 0, (size_t)st.st_size, &len);
	r = manifest_scan(data ? data : (const uint8_t *)"", len, wanted, ret);
	free(data);
	return r;
}
