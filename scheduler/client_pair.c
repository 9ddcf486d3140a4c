/*
 * client_pair.c: `spokesync pair`, the half of it that needs the rights of whoever runs it: what
 * the daemon learned of its peer is written into a file of the included directory, and the
 * configuration is read again. Where there is no such directory, or it cannot be written, the lines
 * are printed.
 */
#include "scheduler/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/view.h"
#include "transfer/durable.h"

/* What is to be written: a file of its own, so that it can be taken out again. */
struct section {
	const char *dir;    /* "": there is none */
	const char *config; /* where it would stand by hand */
	char name[160];	    /* of the file */
	char text[1024];
};

struct waiting {
	const struct client *c;
	char dir[4096], config[4096];
	int code;
};

static void by_hand(const struct section *s, const char *why)
{
	fprintf(stderr, "spokesync: %s\nPut this into %s, then run 'spokesync reload':\n\n", why,
		s->config);
	fputs(s->text, stderr);
	fputc('\n', stderr);
}

/* A new file in the directory, which is made where it is missing. */
static int write_section(const struct section *s)
{
	struct stat st;
	int fd, r;

	umask(022);
	if (mkdir(s->dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatat(fd, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = -EEXIST;
	else
		r = durable_write_file(fd, s->name, s->text, strlen(s->text), 0644);
	close(fd);
	return r;
}

static void take_out(const struct section *s)
{
	char *path = xasprintf("%s/%s", s->dir, s->name);

	if (unlink(path) < 0)
		fprintf(stderr, "spokesync: %s: %s\n", path, strerror(errno));
	free(path);
}

/* Written and in force: EXIT_DONE. By hand: EXIT_UNFINISHED. */
static int bring_in(const struct client *c, const struct section *s)
{
	struct client quiet = *c;
	json_t *answer = NULL;
	char why[300];
	int r;

	if (!*s->dir) {
		by_hand(s, "no include = DIR/*.ini in the configuration names a directory");
		return EXIT_UNFINISHED;
	}
	r = write_section(s);
	if (r < 0) {
		snprintf(why, sizeof(why), "%.200s/%.60s: %s", s->dir, s->name, strerror(-r));
		by_hand(s, why);
		return EXIT_UNFINISHED;
	}
	quiet.json = false;
	r = client_call_by(&quiet, CMD_RELOAD, &answer, NULL);
	json_decref(answer);
	if (r != EXIT_DONE) {
		take_out(s);
		by_hand(s, "the configuration was refused, and is as it was");
		return EXIT_UNFINISHED;
	}
	fprintf(stderr, "written to %s/%s and in force\n", s->dir, s->name);
	return EXIT_DONE;
}

static void told_code(struct waiting *w, const json_t *o)
{
	snprintf(w->dir, sizeof(w->dir), "%s", client_str(o, "include_dir"));
	snprintf(w->config, sizeof(w->config), "%s", client_str(o, "config"));
	if (w->c->json)
		return;
	fprintf(stderr,
		"On the hub, within the hour, run:  spokesync pair CODE\n"
		"It must reach this spoke at %s (--address names another place).\n"
		"This waits for it; interrupted, the code is void. The CODE:\n\n",
		client_str(o, "address"));
	fflush(stderr);
	puts(client_str(o, "code"));
}

static void told_key(struct waiting *w, const char *key)
{
	struct section s = {.dir = w->dir, .config = w->config};

	snprintf(s.name, sizeof(s.name), "hub-%.8s.ini", key + strcspn(key, ":") + 1);
	snprintf(s.text, sizeof(s.text), "; written by spokesync pair\n[daemon]\nhub_key = %s\n",
		 key);
	w->code = bring_in(w->c, &s);
}

static bool on_line(void *arg, const char *line)
{
	struct waiting *w = arg;
	json_t *o = json_loads(line, 0, NULL);

	if (w->c->json)
		puts(line);
	if (*client_str(o, "code")) {
		told_code(w, o);
	} else if (*client_str(o, "hub_key")) {
		told_key(w, client_str(o, "hub_key"));
	} else if (*client_str(o, "why")) {
		if (client_bool(o, "paired"))
			w->code = EXIT_DONE;
		if (!w->c->json) {
			view_puts(client_bool(o, "paired") ? stdout : stderr, client_str(o, "why"));
			fputc('\n', client_bool(o, "paired") ? stdout : stderr);
		}
	}
	json_decref(o);
	return !fflush(stdout) && !ferror(stdout);
}

/* What else it takes until something moves. */
static void told_spoke(const json_t *o, int code)
{
	const char *name = client_str(o, "spoke");

	if (!client_bool(o, "in_force"))
		fprintf(stderr, "the spoke has not taken this hub's key yet: it says there what to "
				"write by hand\n");
	if (code == EXIT_DONE)
		printf("%s is known from now on; a group goes there whose spokes = covers its "
		       "name\n",
		       name);
}

static int join(const struct client *c, const struct args *a)
{
	struct section s = {.name = ""};
	json_t *o = NULL;
	int code = client_call(c, a, &o);

	if (code != EXIT_DONE)
		return code;
	s.dir = client_str(o, "include_dir");
	s.config = client_str(o, "config");
	snprintf(s.name, sizeof(s.name), "spoke-%s.ini", client_str(o, "spoke"));
	snprintf(s.text, sizeof(s.text),
		 "; written by spokesync pair\n[spoke %s]\nurl = %s\nkey = %s\n",
		 client_str(o, "spoke"), client_str(o, "url"), client_str(o, "key"));
	if (c->json)
		json_dumpf(o, stdout, JSON_INDENT(2)), putchar('\n');
	code = bring_in(c, &s);
	if (!c->json)
		told_spoke(o, code);
	if (!client_bool(o, "in_force"))
		code = EXIT_UNFINISHED;
	json_decref(o);
	return code;
}

int client_pair(const struct client *c, const struct args *a)
{
	struct waiting w = {.c = c, .code = EXIT_FAILED};
	int code;

	if (args_text(a, "code"))
		return join(c, a);
	code = client_stream(c, a, on_line, &w);
	return code == EXIT_DONE ? w.code : code;
}
