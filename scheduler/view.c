/*
 * view.c: see view.h. Pure text work; what is shown is decided by the callers.
 */
#include "scheduler/view.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define CELL_MAX 512

/* Decodes one character of UTF-8: its bytes (0 at the end) and its value; broken bytes are '?'. */
static unsigned next_char(const char *s, wchar_t *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;
	wchar_t c;

	if (!*p)
		return 0;
	*ret = L'?';
	if (n < 2) {
		if (n)
			*ret = *p;
		return 1;
	}
	c = *p & (0xff >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret = c;
	return n;
}

static bool is_control(wchar_t c)
{
	/* C0, DEL, C1, and the marks that turn the direction of text around */
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

unsigned view_width(const char *s)
{
	unsigned width = 0, n;
	wchar_t c;
	int w;

	while ((n = next_char(s, &c))) {
		w = c < 0x80 ? 1 : wcwidth(c);
		width += w < 0 ? 1 : (unsigned)w;
		s += n;
	}
	return width;
}

const char *view_clean(const char *s, char *buf, size_t size)
{
	size_t len = 0;
	unsigned n;
	wchar_t c;

	while ((n = next_char(s, &c)) && len + n < size) {
		if (is_control(c) || (n == 1 && (unsigned char)*s >= 0x80)) {
			buf[len++] = '?';
		} else {
			memcpy(buf + len, s, n);
			len += n;
		}
		s += n;
	}
	buf[len] = '\0';
	return buf;
}

void view_puts(FILE *f, const char *s)
{
	size_t size = strlen(s) + 1;
	char *buf = xcalloc(size, 1);

	fputs(view_clean(s, buf, size), f);
	free(buf);
}

const char *view_bar(double fraction, unsigned inner, char *buf)
{
	unsigned full;

	/* A comparison that is false for what is no number. */
	if (!(fraction > 0))
		fraction = 0;
	if (fraction > 1)
		fraction = 1;
	full = (unsigned)(fraction * inner);
	buf[0] = '[';
	for (unsigned i = 0; i < inner; i++)
		buf[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
	buf[1 + inner] = ']';
	buf[2 + inner] = '\0';
	return buf;
}

void view_wrap(FILE *f, const char *text, unsigned indent, unsigned width)
{
	unsigned column = indent;
	size_t len;

	fprintf(f, "%*s", (int)indent, "");
	for (const char *p = text; *p; p += len) {
		p += strspn(p, " ");
		len = strcspn(p, " ");
		if (!len)
			break;
		if (column > indent && column + 1 + len > width) {
			fprintf(f, "\n%*s", (int)indent, "");
			column = indent;
		}
		column += (unsigned)fprintf(f, "%s%.*s", column > indent ? " " : "", (int)len, p);
	}
	fputc('\n', f);
}

struct view_table {
	unsigned columns;
	const char *const *heads;
	char **cells;
	unsigned n;
};

struct view_table *view_table_new(const char *const *heads, unsigned n)
{
	struct view_table *t = xcalloc(1, sizeof(*t));

	t->columns = n;
	t->heads = heads;
	return t;
}

struct view_table *view_table_free(struct view_table *t)
{
	if (!t)
		return NULL;
	for (unsigned i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
	return NULL;
}

void view_cell(struct view_table *t, const char *fmt, ...)
{
	char raw[CELL_MAX], clean[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	/* Room grows by doubling: at each power of two. */
	if ((t->n & (t->n - 1)) == 0)
		t->cells = xrealloc(t->cells, MAX(2 * t->n, 1) * sizeof(*t->cells));
	t->cells[t->n++] = xstrdup(view_clean(raw, clean, sizeof(clean)));
}

unsigned view_table_rows(const struct view_table *t)
{
	return t->n / t->columns;
}

static bool right_aligned(const struct view_table *t, unsigned column)
{
	return t->heads[column][0] == '>';
}

static const char *head_of(const struct view_table *t, unsigned column)
{
	return t->heads[column] + right_aligned(t, column);
}

static unsigned column_width(const struct view_table *t, unsigned column)
{
	unsigned width = view_width(head_of(t, column));

	for (unsigned i = column; i < t->n; i += t->columns)
		width = MAX(width, view_width(t->cells[i]));
	return width;
}

/* Blanks before the first text of a cell that is not empty are kept back, so that lines end clean.
 */
static void print_row(const struct view_table *t, char *const *cells, const unsigned *widths,
		      FILE *f)
{
	unsigned blanks = 0;

	for (unsigned i = 0; i < t->columns; i++) {
		const char *s = cells ? cells[i] : head_of(t, i);
		unsigned pad = widths[i] - view_width(s);

		if (right_aligned(t, i))
			blanks += pad;
		if (*s) {
			fprintf(f, "%*s%s", (int)blanks, "", s);
			blanks = 0;
		}
		if (!right_aligned(t, i))
			blanks += pad;
		blanks += 2;
	}
	fputc('\n', f);
}

void view_table_print(const struct view_table *t, FILE *f)
{
	unsigned *widths = xcalloc(t->columns, sizeof(*widths));

	for (unsigned i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i);
	print_row(t, NULL, widths, f);
	for (unsigned i = 0; i + t->columns <= t->n; i += t->columns)
		print_row(t, t->cells + i, widths, f);
	free(widths);
}
