/*
 * match.c: PCRE2 behind three functions, with limits on pattern, steps, depth and memory.
 *
 * No JIT: it ignores the heap limit, wants memory that is both written and run, and a file name
 * is matched in microseconds as it is.
 */
#include "policy/match.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#define PATTERN_MOST 1024
#define PARENS_MOST  50	    /* depth of nested groups */
#define STEPS_MOST   100000 /* calls of the matcher's inner function: some milliseconds */
#define DEPTH_MOST   10000
#define HEAP_MOST    8192 /* KiB: (a|b)* over the longest path takes 2 MiB */

struct match {
	pcre2_code *code;
	pcre2_match_context *limits;
};

static pcre2_code *compile(const char *pattern, enum match_how how, int *ret_code,
			   PCRE2_SIZE *ret_at)
{
	uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
			 PCRE2_DOLLAR_ENDONLY;
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	if (!ctx)
		return NULL;
	if (how == MATCH_WHOLE)
		flags |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	pcre2_set_max_pattern_length(ctx, PATTERN_MOST);
	pcre2_set_parens_nest_limit(ctx, PARENS_MOST);
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags, ret_code, ret_at,
			     ctx);
	pcre2_compile_context_free(ctx);
	return code;
}

int match_new(const char *pattern, enum match_how how, struct match **ret, struct err *e)
{
	PCRE2_UCHAR text[160];
	struct match *m;
	PCRE2_SIZE at = 0;
	int code = PCRE2_ERROR_NOMEMORY;
	pcre2_code *compiled;

	if (!*pattern)
		return err_set(e, -EINVAL, "an empty pattern would match everything");
	compiled = compile(pattern, how, &code, &at);
	if (!compiled) {
		pcre2_get_error_message(code, text, sizeof(text));
		return err_set(e, -EINVAL, "the pattern \"%.200s\" is wrong at character %zu: %s",
			       pattern, (size_t)at + 1, (const char *)text);
	}
	m = xcalloc(1, sizeof(*m));
	m->code = compiled;
	m->limits = pcre2_match_context_create(NULL);
	if (!m->limits) {
		match_free(m);
		return err_set(e, -ENOMEM, "out of memory");
	}
	pcre2_set_match_limit(m->limits, STEPS_MOST);
	pcre2_set_depth_limit(m->limits, DEPTH_MOST);
	pcre2_set_heap_limit(m->limits, HEAP_MOST);
	*ret = m;
	return 0;
}

struct match *match_free(struct match *m)
{
	if (m) {
		pcre2_code_free(m->code);
		pcre2_match_context_free(m->limits);
	}
	free(m);
	return NULL;
}

bool match_captures(const struct match *m)
{
	uint32_t n = 0;

	return pcre2_pattern_info(m->code, PCRE2_INFO_CAPTURECOUNT, &n) == 0 && n > 0;
}

/* pairs: of the whole match, and of groups. */
static int run(const struct match *m, const char *subject, uint32_t pairs, pcre2_match_data **ret)
{
	/* Of its own for each call: this is where PCRE2 keeps its frames. */
	pcre2_match_data *data = pcre2_match_data_create(pairs, NULL);
	int r;

	if (!data)
		return -E2BIG;
	r = pcre2_match(m->code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, data, m->limits);
	if (r >= 0) {
		*ret = data;
		return 1;
	}
	pcre2_match_data_free(data);
	return r == PCRE2_ERROR_NOMATCH ? 0 : -E2BIG;
}

int match_test(const struct match *m, const char *subject)
{
	pcre2_match_data *data;
	int r = run(m, subject, 1, &data);

	if (r > 0)
		pcre2_match_data_free(data);
	return r;
}

int match_first(const struct match *m, const char *subject, char **ret)
{
	pcre2_match_data *data;
	const PCRE2_SIZE *at;
	int r = run(m, subject, 2, &data);

	if (r <= 0)
		return r;
	at = pcre2_get_ovector_pointer(data);
	*ret = at[2] == PCRE2_UNSET ? xstrdup("")
				    : xasprintf("%.*s", (int)(at[3] - at[2]), subject + at[2]);
	pcre2_match_data_free(data);
	return 1;
}
