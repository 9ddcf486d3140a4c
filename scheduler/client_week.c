/*
 * client_week.c: see client_week.h. A cell shows what holds for the most of its time, and of two
 * equal the lower rate; hours that do not exist stay blank, and what a grid cannot show is said
 * beside or below it.
 *
 *	                00    03    06    09    12    15    18    21
 *	Mon 2026-11-23  ............................................1111
 */
#include "scheduler/client_week.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/client.h"

#define DAY	    86400
#define CELLS_MOST  96
#define RATES_MOST  40 /* kinds: closed, rates, unlimited; beyond that the highest share a sign */
#define LABEL_WIDTH 16
#define RIGHT_SPACE 4

static const char signs[] = "123456789abcdefghijklmnopqrstuvwxyzABCDE";

struct grid {
	FILE *f;
	bool colours;
	unsigned cells;		   /* of a day */
	int64_t rates[RATES_MOST]; /* what occurs, ascending; 0: closed, INT64_MAX: unlimited */
	size_t n_rates;
	bool between; /* an edge lies within a cell */
};

static int64_t rate_of(const json_t *span)
{
	const json_t *rate = json_object_get(span, "rate");

	return json_is_integer(rate) ? json_integer_value(rate) : INT64_MAX;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static size_t kind_of(const struct grid *g, int64_t rate)
{
	size_t i = 0;

	while (i + 1 < g->n_rates && g->rates[i] != rate)
		i++;
	return i;
}

static void gather_rates(struct grid *g, const json_t *days)
{
	json_t *day, *span;
	size_t i, k;

	json_array_foreach ((json_t *)days, i, day) {
		json_array_foreach (json_object_get(day, "spans"), k, span) {
			int64_t rate = rate_of(span);

			if (g->n_rates && g->rates[kind_of(g, rate)] == rate)
				continue;
			if (g->n_rates < RATES_MOST)
				g->rates[g->n_rates++] = rate;
		}
	}
	qsort(g->rates, g->n_rates, sizeof(g->rates[0]), ascending);
}

static char sign_of(const struct grid *g, size_t kind)
{
	bool closed_first = g->n_rates && g->rates[0] == 0;

	if (g->rates[kind] == 0)
		return '.';
	if (g->rates[kind] == INT64_MAX)
		return '#';
	return signs[kind - closed_first];
}

/* Closed is faint, unlimited green, the rates between them by turns. */
static const char *colour_of(const struct grid *g, size_t kind)
{
	static const char *const turns[] = {"\033[30;46m", "\033[30;43m", "\033[37;44m",
					    "\033[37;45m"};

	if (!g->colours)
		return "";
	if (g->rates[kind] == 0)
		return "\033[2m";
	if (g->rates[kind] == INT64_MAX)
		return "\033[30;42m";
	return turns[kind % ARRAY_LEN(turns)];
}

static int64_t second_of(const char *clock)
{
	unsigned h = 0, m = 0, s = 0;

	(void)sscanf(clock, "%2u:%2u:%2u", &h, &m, &s);
	return h * 3600 + m * 60 + s;
}

/* Which kind holds for the most of [from, to) of the day's clock; -1: that time does not exist. */
static int kind_between(struct grid *g, const json_t *spans, int64_t from, int64_t to)
{
	int64_t held[RATES_MOST] = {0};
	int best = -1;
	json_t *span;
	size_t i;

	json_array_foreach ((json_t *)spans, i, span) {
		int64_t begin = second_of(client_str(span, "from"));
		int64_t end = begin + client_int(span, "seconds");

		if (begin > from && begin < to && i)
			g->between = true;
		begin = MAX(begin, from);
		end = MIN(end, to);
		if (end > begin)
			held[kind_of(g, rate_of(span))] += end - begin;
	}
	for (size_t k = 0; k < g->n_rates; k++)
		if (held[k] && (best < 0 || held[k] > held[best]))
			best = (int)k;
	return best;
}

static void print_cells(struct grid *g, const json_t *spans)
{
	int64_t step = DAY / g->cells;
	int last = -2;

	for (unsigned i = 0; i < g->cells; i++) {
		int kind = kind_between(g, spans, i * step, (i + 1) * step);

		if (g->colours && kind != last)
			fprintf(g->f, "\033[0m%s", kind < 0 ? "" : colour_of(g, (size_t)kind));
		fputc(kind < 0 ? ' ' : sign_of(g, (size_t)kind), g->f);
		last = kind;
	}
	if (g->colours)
		fputs("\033[0m", g->f);
}

/* Why a row is not as long as the others. */
static void print_shift(const struct grid *g, const json_t *day)
{
	const json_t *shift = json_object_get(day, "clock_change");
	int64_t by = client_int(shift, "seconds"), minutes = client_int(day, "seconds") / 60;

	if (json_is_object(shift))
		fprintf(g->f, "  a day of %lldh %02lldm: clocks %s %s", (long long)minutes / 60,
			(long long)minutes % 60, by > 0 ? "forward" : "back",
			client_span((double)llabs(by)).s);
}

static void print_hours(const struct grid *g)
{
	fprintf(g->f, "%*s", LABEL_WIDTH, "");
	for (unsigned hour = 0; hour < 24; hour += 3)
		fprintf(g->f, "%02u%*s", hour, hour < 21 ? (int)(g->cells / 8 - 2) : 0, "");
	fputc('\n', g->f);
}

static void print_legend(const struct grid *g)
{
	fprintf(g->f, "%*s", LABEL_WIDTH, "");
	for (size_t i = 0; i < g->n_rates; i++) {
		json_t *rate = g->rates[i] == INT64_MAX ? json_null() : json_integer(g->rates[i]);

		fprintf(g->f, "%s%s%c%s %s", i ? "   " : "", colour_of(g, i), sign_of(g, i),
			g->colours ? "\033[0m" : "", client_rate(rate).s);
		json_decref(rate);
	}
	fputc('\n', g->f);
	if (g->between)
		fprintf(g->f, "%*sa cell is %s: it shows what holds for the most of it\n",
			LABEL_WIDTH, "", g->cells == CELLS_MOST ? "a quarter" : "half an hour");
}

void client_week_print(FILE *f, const json_t *days, unsigned columns, bool colours)
{
	struct grid g = {
		.f = f,
		.colours = colours,
		.cells = columns >= LABEL_WIDTH + CELLS_MOST + RIGHT_SPACE ? CELLS_MOST
									   : CELLS_MOST / 2,
	};
	json_t *day;
	size_t i;

	gather_rates(&g, days);
	print_hours(&g);
	json_array_foreach ((json_t *)days, i, day) {
		fprintf(f, "%-3.3s %-*.10s", client_str(day, "weekday"), LABEL_WIDTH - 4,
			client_str(day, "date"));
		print_cells(&g, json_object_get(day, "spans"));
		print_shift(&g, day);
		fputc('\n', f);
	}
	print_legend(&g);
}
