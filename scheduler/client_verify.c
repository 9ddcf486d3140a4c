/*
 * client_verify.c: how far a verification is, and what it found, for people.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "scheduler/view.h"

#define BAR_COLUMNS 24

static void print_found(const json_t *f)
{
	view_puts(stdout, client_str(f, "path"));
	printf(": %s there", client_str(f, "what"));
	if (client_int(f, "bad_blocks"))
		printf(", %s in blocks that differ", client_size(client_int(f, "bad_bytes")).s);
	printf("; %s\n", client_str(f, "why"));
}

static void print_missing(const json_t *m)
{
	view_puts(stdout, client_str(m, "path"));
	fputs(": the spoke does not have this version", stdout);
	if (client_int(m, "job"))
		printf("; job %lld brings it", (long long)client_int(m, "job"));
	putchar('\n');
}

/* What an answer has no room for. */
static void print_more(const json_t *g, const char *list, const char *total)
{
	long long n = (long long)client_int(g, total) -
		      (long long)json_array_size(json_object_get(g, list));

	if (n > 0)
		printf("and %lld more\n", n);
}

static int show(json_t *answer)
{
	int64_t found = 0;
	json_t *g, *f;
	size_t i, k;

	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		printf("%s on %s: %s read again, %s of data\n", client_str(g, "group"),
		       client_str(answer, "spoke"), client_count(client_int(g, "files"), "file").s,
		       client_size(client_int(g, "read")).s);
		json_array_foreach (json_object_get(g, "found"), k, f) {
			print_found(f);
		}
		print_more(g, "found", "found_total");
		json_array_foreach (json_object_get(g, "missing"), k, f) {
			print_missing(f);
		}
		print_more(g, "missing", "missing_total");
		found += client_int(g, "found_total") + client_int(g, "missing_total");
	}
	if (client_int(answer, "repaired"))
		printf("%s to be repaired\n",
		       client_count(client_int(answer, "repaired"), "file").s);
	if (!found)
		puts("all of it is as the hub has it");
	return found ? EXIT_FAILED : EXIT_DONE;
}

struct watch {
	const struct client *c;
	json_t *answer; /* the last line */
};

/* One line that is written over, on a terminal; else a line each. */
static void print_progress(const struct client *c, const json_t *p)
{
	char bar[BAR_COLUMNS + 3];
	double percent = client_real(p, "percent");

	printf("%s %3d %%  %s of %s  %s", view_bar(percent / 100, BAR_COLUMNS, bar), (int)percent,
	       client_size(client_int(p, "bytes")).s, client_size(client_int(p, "total")).s,
	       client_speed(client_int(p, "rate")).s);
	if (json_is_integer(json_object_get(p, "eta_s")))
		printf("  ready in %s", client_span((double)client_int(p, "eta_s")).s);
	fputs(c->tty ? "\033[K\r" : "\n", stdout);
	fflush(stdout);
}

static bool on_line(void *arg, const char *line)
{
	struct watch *w = arg;
	json_t *o = json_loads(line, 0, NULL), *p = json_object_get(o, "progress");

	if (!p) {
		json_decref(w->answer);
		w->answer = o;
		return true;
	}
	if (w->c->json)
		puts(line);
	else
		print_progress(w->c, p);
	json_decref(o);
	return !fflush(stdout) && !ferror(stdout);
}

/* With progress the answer comes in lines, and is the last of them. */
static int call(const struct client *c, const struct args *a, bool progress, json_t **ret)
{
	struct watch w = {.c = c};
	int code;

	if (!progress)
		return client_call(c, a, ret);
	code = client_stream(c, a, on_line, &w);
	if (c->tty && !c->json)
		fputs("\033[K", stdout);
	if (code == EXIT_DONE && client_int(w.answer, "status")) {
		fputs("spokesync: ", stderr);
		view_puts(stderr, client_str(w.answer, "detail"));
		fputc('\n', stderr);
		code = EXIT_FAILED;
	} else if (code == EXIT_DONE && !w.answer) {
		fputs("spokesync: the daemon ended the answer\n", stderr);
		code = EXIT_NO_DAEMON;
	}
	if (code == EXIT_DONE)
		*ret = json_incref(w.answer);
	json_decref(w.answer);
	return code;
}

int client_verify(const struct client *c, const struct args *a)
{
	bool progress = args_flag(a, "progress"), own = c->tty && !c->json && !progress;
	struct args with = *a;
	json_t *answer = NULL;
	struct err e;
	int code;

	if (own)
		progress = args_set(&with, "progress", "1", &e) == 0;
	code = call(c, &with, progress, &answer);
	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++)
		if (with.value[i] != a->value[i])
			free(with.value[i]);
	if (code != EXIT_DONE)
		return code;
	if (!c->json)
		code = show(answer);
	else if (json_dumpf(answer, stdout,
			    (progress ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(9)) <
			 0 ||
		 putchar('\n') == EOF)
		code = EXIT_FAILED;
	json_decref(answer);
	return code;
}
