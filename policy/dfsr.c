/*
 * dfsr.c: day strings of DFS Replication, both ways.
 *
 * The levels are those of [MS-FRS2], appendix B: kilobits of 1000 bits. Into windows nothing is
 * lost. Back, a policy may be finer than quarters of an hour and fourteen rates; then the lower
 * level is written, so that nobody sends more by the strings than by the policy, and what was lost
 * is counted.
 */
#include "policy/dfsr.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/build.h"
#include "policy/window.h"
#include "policy/zone.h"

#define QUARTER 15 /* minutes */
#define MONDAY	4  /* 1970-01-05, in days */

static const uint32_t level_kbit[DFSR_LEVELS] = {
	0,    16,   64,	   128,	  256,	 512,	 1024,	 2048,
	4096, 8192, 16384, 32768, 65536, 131072, 262144, 0 /* unlimited */,
};

uint64_t dfsr_rate(unsigned level)
{
	if (level >= DFSR_LEVELS - 1)
		return RATE_UNLIMITED;
	return (uint64_t)level_kbit[level] * 1000 / 8;
}

unsigned dfsr_level(uint64_t rate)
{
	unsigned level = DFSR_LEVELS - 1;

	while (level && dfsr_rate(level) > rate)
		level--;
	return level;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_levels(const char *s, struct dfsr_line *ret, struct err *e)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (digit(s[i]) < 0)
			return err_set(e, -EINVAL,
				       "character %zu of the day string, \"%.1s\", is no hex digit",
				       i + 1, s + i);
	if (len != DFSR_QUARTERS)
		return err_set(e, -EINVAL,
			       "the day string has %zu digits instead of 96, one for each quarter "
			       "of an hour",
			       len);
	for (size_t i = 0; i < len; i++)
		ret->level[i] = (uint8_t)digit(s[i]);
	return 0;
}

int dfsr_line_parse(const char *text, struct dfsr_line *ret, struct err *e)
{
	size_t len = strlen(text);
	struct dfsr_line l = {0};
	char *days;
	int r;

	while (len && !strchr(" \t", text[len - 1]))
		len--;
	if (strspn(text, " \t") >= len)
		return err_set(e, -EINVAL,
			       "\"%.40s\" is not DAYS and 96 hex digits, as in: monday 0000FFFF...",
			       text);
	days = strndup(text, len);
	for (char *c = days; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	r = days ? window_days_parse(days, &l.days, e) : -ENOMEM;
	free(days);
	if (!r)
		r = parse_levels(text + len, &l, e);
	if (!r)
		*ret = l;
	return r;
}

static void print_levels(char *buf, const uint8_t *level)
{
	for (size_t i = 0; i < DFSR_QUARTERS; i++)
		buf[i] = "0123456789ABCDEF"[level[i]];
	buf[DFSR_QUARTERS] = '\0';
}

char *dfsr_line_print(const struct dfsr_line *l)
{
	char levels[DFSR_QUARTERS + 1], days[WINDOW_DAYS_TEXT];

	print_levels(levels, l->level);
	return xasprintf("%s %s", window_days_print(l->days, days), levels);
}

size_t dfsr_line_windows(const struct dfsr_line *l, struct origin at,
			 struct window_line ret[DFSR_QUARTERS])
{
	size_t n = 0, to;

	for (size_t from = 0; from < DFSR_QUARTERS; from = to) {
		for (to = from + 1; to < DFSR_QUARTERS && l->level[to] == l->level[from];)
			to++;
		ret[n++] = (struct window_line){
			.kind = WINDOW_WEEKLY,
			.days = l->days,
			.from = (uint16_t)(from * QUARTER),
			.to = (uint16_t)(to * QUARTER),
			.rate = dfsr_rate(l->level[from]),
			.origin = at,
		};
	}
	return n;
}

static void note_loss(struct dfsr_week *w, uint64_t rate, unsigned level)
{
	size_t i = 0;

	if (dfsr_rate(level) == rate)
		return;
	while (i < w->n_lost && w->lost[i].rate != rate)
		i++;
	if (i == DFSR_LOSSES)
		i--;
	else if (i == w->n_lost)
		w->lost[w->n_lost++] = (struct dfsr_loss){.rate = rate, .level = level};
	w->lost[i].quarters++;
}

/* The lowest rate of a quarter, and whether there is more than one. */
static uint64_t lowest(const struct policy *p, const struct zone *utc, int64_t from, bool *ret_cut)
{
	struct window_state s;
	uint64_t least = 0;

	*ret_cut = false;
	for (int64_t minute = 0; minute < QUARTER; minute++) {
		window_at(p, utc, (struct wall){from + minute * 60}, &s);
		if (minute && s.rate != least)
			*ret_cut = true;
		least = minute ? MIN(least, s.rate) : s.rate;
	}
	return least;
}

void dfsr_week_of(const struct policy *p, struct dfsr_week *ret)
{
	struct policy weekly = {.name = p->name, .lines = xcalloc(p->n_lines, sizeof(*p->lines))};
	struct zone *utc = zone_new("UTC");
	uint8_t level[DFSR_QUARTERS];
	bool cut;

	*ret = (struct dfsr_week){0};
	for (size_t i = 0; i < p->n_lines; i++)
		if (p->lines[i].kind == WINDOW_WEEKLY)
			weekly.lines[weekly.n_lines++] = p->lines[i];
	ret->dates = (unsigned)(p->n_lines - weekly.n_lines);
	for (int day = 0; day < 7; day++) {
		for (int q = 0; q < DFSR_QUARTERS; q++) {
			int64_t from = ((MONDAY + day) * 1440 + q * QUARTER) * 60;
			uint64_t rate = lowest(&weekly, utc, from, &cut);

			level[q] = (uint8_t)dfsr_level(rate);
			note_loss(ret, rate, level[q]);
			ret->cut += cut;
		}
		print_levels(ret->day[day], level);
	}
	zone_free(utc);
	free(weekly.lines);
}
