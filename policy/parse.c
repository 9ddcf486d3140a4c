/*
 * parse.c: inih behind a guarded reader, the only file that knows it.
 *
 * inih reads lines of up to 198 bytes and takes the rest of a longer one for a new line; it cuts
 * names at 49 bytes, lets an indented line repeat the key above, ignores what follows a ], tells
 * only the first error, and says nothing of empty sections. So the guard reads each line itself,
 * reports what inih would not, and hands on only lines that cannot be misread.
 */
#include "policy/parse.h"

#include <ctype.h>
#include <string.h>

#include <ini.h>

#define LINE_ROOM 1024 /* more than inih's: the guard decides, by the room that inih offers */

struct guard {
	FILE *f;
	const struct parse_events *events;
	void *arg;
	struct origin at;
	uint64_t bytes;
	bool over;
	bool in_section;
	bool trouble; /* of this file, reported */
	char line[LINE_ROOM];
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static void cut_blanks(char *s)
{
	size_t n = strlen(s);

	while (n && is_blank(s[n - 1]))
		n--;
	s[n] = '\0';
}

/* Length of one well-formed UTF-8 character, 0: none (overlong, surrogate, cut). */
static size_t utf8_length(const unsigned char *s)
{
	static const unsigned char least[] = {0, 0, 0x80, 0xa0, 0x90};
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 || s[0] == 0xf0) && s[1] < least[n])
		return 0;
	if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static const char *bad_characters(const char *line)
{
	const unsigned char *s = (const unsigned char *)line;

	while (*s) {
		size_t n = utf8_length(s);

		if (!n)
			return "the line is not UTF-8";
		if ((*s < 0x20 && *s != '\t') || *s == 0x7f)
			return "a control character in the line";
		s += n;
	}
	return NULL;
}

/* One line without its end into g->line. NULL: the end of the file; *ret_wrong: what is wrong. */
static char *read_line(struct guard *g, size_t room, const char **ret_wrong)
{
	size_t n = 0;
	bool nul = false;
	int c;

	*ret_wrong = NULL;
	while ((c = getc_unlocked(g->f)) != EOF && c != '\n') {
		if (++g->bytes > PARSE_FILE_MOST) {
			*ret_wrong = "the file is larger than 4 MiB; the rest is not read";
			g->over = true;
			return g->line;
		}
		nul |= !c;
		if (n < sizeof(g->line) - 1)
			g->line[n] = (char)c;
		n++;
	}
	g->bytes++;
	if (c == EOF && !n)
		return NULL;
	if (n && n < sizeof(g->line) && g->line[n - 1] == '\r')
		n--;
	g->line[MIN(n, sizeof(g->line) - 1)] = '\0';
	if (nul)
		*ret_wrong = "a NUL byte in the line";
	else if (n > room || n >= sizeof(g->line))
		*ret_wrong = "the line is longer than 198 bytes; shorten it, or use several lines";
	else
		*ret_wrong = bad_characters(g->line);
	return g->line;
}

/* [KIND NAME], handed to inih as it is; what follows it may only be a comment. */
static const char *check_section(struct guard *g, char *line, char *out, size_t size)
{
	char *end = strchr(line, ']'), *name, *rest;

	if (!end)
		return "the section has no ]";
	rest = skip_blanks(end + 1);
	if (*rest && *rest != ';' && *rest != '#')
		return "something follows the section; begin a new line";
	*end = '\0';
	line = skip_blanks(line + 1);
	cut_blanks(line);
	if (strlen(line) > PARSE_NAME_MOST)
		return "the section's kind and name are longer than 49 bytes";
	if (strpbrk(line, "[;#\"'"))
		return "a section is [KIND] or [KIND NAME], without quotes or comments inside";
	snprintf(out, size, "[%s]\n", line);
	name = line + strcspn(line, " \t");
	if (*name)
		*name++ = '\0';
	g->in_section = true;
	g->events->section(g->arg, line, skip_blanks(name), g->at);
	return NULL;
}

static const char *check_value(struct guard *g, char *line)
{
	char *equals = strchr(line, '=');
	size_t len;

	if (!equals || strcspn(line, ":;") < (size_t)(equals - line))
		return "not a section, a comment, or key = value";
	if (!g->in_section)
		return "a key before the first [section]";
	len = (size_t)(equals - line);
	while (len && is_blank(line[len - 1]))
		len--;
	if (!len)
		return "no key before the =";
	if (len > PARSE_NAME_MOST)
		return "the key is longer than 49 bytes";
	if (equals[1] == ';')
		return "a value cannot begin with ; (a comment needs a blank before it)";
	return NULL;
}

/* What inih is given for one line of the file: the line, or an empty one. */
static void guard_line(struct guard *g, char *line, char *out, size_t size)
{
	const char *wrong;

	if (g->at.line == 1 && !strncmp(line, "\xef\xbb\xbf", 3))
		line += 3;
	line = skip_blanks(line);
	if (!*line || *line == ';' || *line == '#')
		return;
	/* The sections' and keys' checks cut the line up; inih gets what they write to out. */
	if (*line == '[') {
		wrong = check_section(g, line, out, size);
	} else {
		wrong = check_value(g, line);
		if (!wrong)
			snprintf(out, size, "%s\n", line);
	}
	if (wrong) {
		g->trouble = true;
		g->events->error(g->arg, wrong, g->at);
	}
}

static char *guard_read(char *str, int num, void *stream)
{
	struct guard *g = stream;
	const char *wrong;
	char *line;

	/* "\n" and the final zero need two bytes of what inih offers. */
	if (g->over || num < 4)
		return NULL;
	line = read_line(g, (size_t)num - 2, &wrong);
	if (!line)
		return NULL;
	g->at.line++;
	snprintf(str, (size_t)num, "\n");
	if (wrong) {
		g->trouble = true;
		g->events->error(g->arg, wrong, g->at);
	} else {
		guard_line(g, line, str, (size_t)num);
	}
	return str;
}

/* Why a text that inih cut at " ;", or left with " #" in it, may have been meant otherwise. */
static const char *doubt_about(const char *line, const char *value)
{
	const char *p = strchr(line, '=') + 1;
	const char *comment = NULL;

	for (; *p && !comment; p++)
		if (*p == ';' && is_blank(p[-1]))
			comment = p;
	if (strstr(value, " #") || strstr(value, "\t#"))
		return "# begins a comment only at the start of a line; for a # in the text itself "
		       "no blank may come before it";
	if (comment && comment[-1] == ' ' && !is_blank(comment[-2]) && comment[-2] != '=')
		return "is the ; a comment? Then put two blanks before it; for a ; in the text "
		       "itself no blank may come before it (in a pattern write \\x20;)";
	return NULL;
}

static int guard_value(void *arg, const char *section, const char *name, const char *value)
{
	struct guard *g = arg;

	(void)section; /* known from the guard, which also sees empty ones */
	g->events->value(g->arg, name, value, doubt_about(g->line, value), g->at);
	return 1;
}

void parse_stream(FILE *f, const char *file, const struct parse_events *events, void *arg)
{
	struct guard g = {.f = f, .events = events, .arg = arg, .at = {file, 0}};
	int r = ini_parse_stream(guard_read, &g, guard_value, &g);

	if (ferror(f)) {
		events->error(arg, "the file could not be read to its end", g.at);
	} else if (r && !g.trouble) {
		/* The guard should have seen it first; never let it pass. */
		g.at.line = r > 0 ? (unsigned)r : 0;
		events->error(arg, "not understood", g.at);
	}
}
