/*
 * client_log.c: the job log for people: a line an event, a few for a summary. Fields that an event
 * does not have are left out; events that this program does not know are printed all the same.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/client_job.h"
#include "scheduler/view.h"

#define INDENT 30 /* where the text of a line begins */

struct printer {
	const struct client *c;
};

/* "job 17 vdisks/win11.vhdx -> berlin", as much of it as there is. */
static void print_object(const json_t *o)
{
	const char *spoke = client_str(o, "spoke"), *group = client_str(o, "group");
	const char *path = client_str(o, "path");

	if (client_int(o, "job"))
		printf(" job %lld", (long long)client_int(o, "job"));
	if (*path) {
		putchar(' ');
		view_puts(stdout, group);
		putchar('/');
		view_puts(stdout, path);
	} else if (*group) {
		printf(" group %s", group);
	}
	if (*spoke)
		printf(" %s%s", *path ? "-> " : "spoke ", spoke);
}

static void print_note(const char *before, const char *text)
{
	if (!*text)
		return;
	fputs(before, stdout);
	view_puts(stdout, text);
}

static void print_summary(const json_t *o)
{
	int64_t wire = client_int(o, "wire"), logical = client_int(o, "logical");

	printf("%*s%s logical, %s literal, %s wire", INDENT, "", client_size(logical).s,
	       client_size(client_int(o, "literal")).s, client_size(wire).s);
	if (logical > 0 && !strcmp(client_str(o, "result"), "published"))
		printf(", saved %.1f %%", 100.0 - 100.0 * (double)wire / (double)logical);
	printf("; %s at %s, peak %s, throttled %s\n", client_span(client_real(o, "seconds")).s,
	       client_speed(client_int(o, "rate_avg")).s,
	       client_speed(client_int(o, "rate_peak")).s,
	       client_span(client_real(o, "throttled_seconds")).s);
	printf("%*swindows %lld, bases %lld, resumes %lld, repairs %lld, sent again %s; proof: %s",
	       INDENT, "", (long long)client_int(o, "windows"), (long long)client_int(o, "bases"),
	       (long long)client_int(o, "resumes"), (long long)client_int(o, "repairs"),
	       client_size(client_int(o, "resent")).s, client_str(o, "proof"));
	print_note("; ", client_str(o, "why_stopped"));
	putchar('\n');
}

static void print_reload(const json_t *o)
{
	if (client_bool(o, "applied"))
		printf(" applied, %lld changes", (long long)client_int(o, "changes"));
	else
		printf(" refused, %lld mistakes", (long long)client_int(o, "mistakes"));
	print_note("; needs a restart: ", client_str(o, "restart"));
}

static void print_event(const json_t *o)
{
	const char *event = client_str(o, "event");
	bool summary = !strcmp(event, "summary");

	printf("%-13s %-16s", client_when(o, "time").s, event);
	print_object(o);
	if (!strcmp(event, "reload"))
		print_reload(o);
	print_note(" ", client_str(o, "role"));
	print_note(", ", client_str(o, "software"));
	print_note(": ", client_str(o, summary ? "result" : "command"));
	if (!summary) {
		if (!*client_str(o, "path"))
			print_note(" ", client_str(o, "kind"));
		print_note(": ", client_str(o, "why"));
		print_note(" (", client_str(o, "reason"));
		if (*client_str(o, "reason"))
			putchar(')');
		if (client_int(o, "total"))
			printf(", %s of %s", client_size(client_int(o, "done")).s,
			       client_size(client_int(o, "total")).s);
		else if (client_int(o, "logical"))
			printf(", %s", client_size(client_int(o, "logical")).s);
		if (*client_str(o, "until"))
			printf(", until %s", client_when(o, "until").s);
		print_note(", by ", client_str(o, "who"));
	}
	putchar('\n');
	if (summary)
		print_summary(o);
}

static bool on_line(void *arg, const char *line)
{
	const struct printer *p = arg;
	json_t *o;

	if (p->c->json) {
		puts(line);
	} else if (*line) {
		o = json_loads(line, 0, NULL);
		if (o) {
			print_event(o);
		} else {
			view_puts(stdout, line);
			putchar('\n');
		}
		json_decref(o);
	}
	/* Followers read line by line, also through a pipe; a reader that is gone ends it. */
	return !fflush(stdout) && !ferror(stdout);
}

int client_log(const struct client *c, const struct args *a)
{
	struct printer p = {c};

	return client_stream(c, a, on_line, &p);
}
