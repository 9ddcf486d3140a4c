/*
 * manifest.c: see manifest.h. libexpat reads; what lies between two tags is one text, whatever of
 * it is an entity or CDATA. A file that is no XML from some place on lists what it does up to
 * there.
 */
#include "transfer/manifest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <expat.h>

#include "transfer/container_private.h"
#include "transfer/wire.h"

#define NAME_LONGEST 255
#define TEXT_LONGEST 4096 /* a path */

struct scan {
	XML_Parser parser;
	char **names;
	size_t n;
	bool too_many;
	manifest_wanted_fn *wanted;
	char text[TEXT_LONGEST + 1]; /* since the last tag */
	size_t len;
	bool too_long;
	unsigned prose; /* how deep within a description; 0: in none */
};

static char *last_part(char *text)
{
	char *end = text + strlen(text);

	while (end > text && end[-1] != '/' && end[-1] != '\\')
		end--;
	return end;
}

static char *trimmed(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static void candidate(struct scan *s, char *text)
{
	const char *name = last_part(trimmed(text));
	struct err e;

	if (strlen(name) > NAME_LONGEST || !wire_path_ok(name, &e) || !s->wanted(name))
		return;
	if (s->n < MANIFEST_NAMES_MOST) {
		s->names[s->n++] = xstrdup(name);
		return;
	}
	s->too_many = true;
	XML_StopParser(s->parser, XML_FALSE);
}

static void text_ends(struct scan *s)
{
	s->text[s->len] = '\0';
	if (!s->prose && !s->too_long)
		candidate(s, s->text);
	s->len = 0;
	s->too_long = false;
}

static void on_text(void *arg, const XML_Char *text, int len)
{
	struct scan *s = arg;

	s->too_long |= (size_t)len > TEXT_LONGEST - s->len;
	if (s->too_long)
		return;
	memcpy(s->text + s->len, text, (size_t)len);
	s->len += (size_t)len;
}

/* People write names into these, of images that are meant to be elsewhere. */
static bool is_prose(const char *element)
{
	return !strcasecmp(element, "description") || !strcasecmp(element, "comment");
}

static void on_start(void *arg, const XML_Char *element, const XML_Char **attributes)
{
	struct scan *s = arg;

	text_ends(s);
	if (s->prose || is_prose(element))
		s->prose++;
	for (; !s->prose && *attributes && !s->too_many; attributes += 2) {
		char *value = xstrdup(attributes[1]);

		candidate(s, value);
		free(value);
	}
}

static void on_end(void *arg, const XML_Char *element)
{
	struct scan *s = arg;

	(void)element;
	text_ends(s);
	if (s->prose)
		s->prose--;
}

/* No manifest has a document type, with which entities of any size come. */
static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int internal)
{
	struct scan *s = arg;

	(void)name, (void)system, (void)public, (void)internal;
	XML_StopParser(s->parser, XML_FALSE);
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

/* Code pages of one byte a letter: all of them have ASCII where XML wants it. */
static int on_encoding(void *arg, const XML_Char *name, XML_Encoding *ret)
{
	(void)arg, (void)name;
	for (int i = 0; i < 256; i++)
		ret->map[i] = i;
	return XML_STATUS_OK;
}

static int parse(struct scan *s, const char *data, size_t len)
{
	enum XML_Status status;

	while (len > 0 && isspace((unsigned char)*data)) {
		data++;
		len--;
	}
	if (len == 0)
		return 0;
	s->parser = XML_ParserCreate(NULL);
	if (!s->parser)
		abort();
	XML_SetUserData(s->parser, s);
	XML_SetElementHandler(s->parser, on_start, on_end);
	XML_SetCharacterDataHandler(s->parser, on_text);
	XML_SetStartDoctypeDeclHandler(s->parser, on_doctype);
	XML_SetUnknownEncodingHandler(s->parser, on_encoding, NULL);
	status = XML_Parse(s->parser, data, (int)len, 1);
	XML_ParserFree(s->parser);
	return s->too_many ? -E2BIG : status == XML_STATUS_OK ? 0 : -EBADMSG;
}

int manifest_scan(const void *data, size_t len, manifest_wanted_fn *wanted, char **ret)
{
	struct scan s = {.wanted = wanted};
	int r;

	if (len > MANIFEST_MOST)
		return -EFBIG;
	s.names = xcalloc(MANIFEST_NAMES_MOST, sizeof(*s.names));
	r = parse(&s, data, len);
	if (r != -E2BIG)
		*ret = lines(&s);
	for (size_t i = 0; i < s.n; i++)
		free(s.names[i]);
	free(s.names);
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
