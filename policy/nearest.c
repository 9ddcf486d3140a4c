/*
 * nearest.c: edit distance (Damerau-Levenshtein in its "optimal string alignment" form).
 *
 * A word is near enough when no more than a third of it has to change, so that a hint is worth
 * reading.
 */
#include "policy/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORD_MOST 64

struct nearest nearest_to(const char *wrong)
{
	return (struct nearest){.wrong = wrong, .distance = (unsigned)strlen(wrong) / 3 + 2};
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	return MIN(MIN(a, b), c);
}

unsigned nearest_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned rows[3][WORD_MOST + 1]; /* the row before the last one, the last one, this one */
	unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	if (n > WORD_MOST || m > WORD_MOST)
		return WORD_MOST;
	for (size_t j = 0; j <= m; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);

			row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == y)
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[m];
}

bool nearest_try(struct nearest *n, const char *word)
{
	unsigned d = nearest_distance(n->wrong, word);

	if (d >= n->distance || d >= strlen(word))
		return false;
	n->distance = d;
	n->word = word;
	return true;
}

const char *nearest_hint(const struct nearest *n, char *buf, size_t size)
{
	if (n->word)
		snprintf(buf, size, "; did you mean \"%s\"?", n->word);
	else
		buf[0] = '\0';
	return buf;
}
