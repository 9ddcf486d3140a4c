/*
 * view.h: text for people: aligned tables, bars, cleaned names. Widths are those of the terminal,
 * not bytes; what would steer a terminal is taken out, because names come from disks and peers.
 */
#ifndef SPOKESYNC_SCHEDULER_VIEW_H
#define SPOKESYNC_SCHEDULER_VIEW_H

#include <stdio.h>

#include "policy/base.h"

/* Columns of the terminal that s takes. */
unsigned view_width(const char *s);
/* Copies s with every control character as '?'; returns buf. */
const char *view_clean(const char *s, char *buf, size_t size);
/* Prints s cleaned. */
void view_puts(FILE *f, const char *s);
/* "[=====>    ]", inner columns wide; fraction 0..1. buf holds inner + 3 bytes. */
const char *view_bar(double fraction, unsigned inner, char *buf);
/* Text broken at spaces into lines of at most width columns, each indented. */
void view_wrap(FILE *f, const char *text, unsigned indent, unsigned width);

struct view_table;

/* heads: one a column; a head that begins with '>' names a column aligned to the right. */
struct view_table *view_table_new(const char *const *heads, unsigned n) WARN_UNUSED;
struct view_table *view_table_free(struct view_table *t);
/* The next cell, row by row. */
void view_cell(struct view_table *t, const char *fmt, ...) PRINTF(2, 3);
unsigned view_table_rows(const struct view_table *t);
/* With the heads, two spaces between columns, nothing at line ends. */
void view_table_print(const struct view_table *t, FILE *f);

#endif
