/*
 * fuzz_config.c: a configuration file from hostile hands. Whatever it says, config_load() gives
 * either a configuration that every question can be asked of, or errors; and showing and comparing
 * it finds no difference to itself.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/diff.h"
#include "policy/explain.h"
#include "policy/zone.h"

#define SPOKES_ASKED 4

/* The file may include what it likes: here nothing else is there. */
int glob(const char *restrict pattern, int flags, int (*on_error)(const char *, int),
	 glob_t *restrict ret)
{
	(void)pattern;
	(void)flags;
	(void)on_error;
	(void)ret;
	return GLOB_NOMATCH;
}

static void ignore_line(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void ignore_value(void *arg, const char *section, const char *name, const char *key,
			 const char *value, struct origin at)
{
	char where[64];

	(void)arg;
	if (!section || !name || !key || !value || !origin_print(at, where, sizeof(where)))
		abort();
}

static void differs(void *arg, const struct diff_change *change)
{
	(void)arg;
	fprintf(stderr, "differs from itself: %s %s\n", change->section, change->key);
	abort();
}

static void ask_pair(const struct config *c, const struct group_cfg *g, const struct spoke_cfg *s,
		     const struct zone *zone)
{
	struct rate_facts facts = {.spoke_zone = zone};
	struct explain_rate x = {c, &facts, s, g, {.wall = {1792879200}}};
	struct rate_chain r;

	rate_in_force(c, &facts, s, g, x.now, &r);
	if (r.until.s <= x.now.wall.s || (r.open && !r.least))
		abort();
	explain_rate(&x, ignore_line, NULL);
	explain_path(g, "dir/image.vhdx", ignore_line, NULL);
}

static void ask(const struct config *c)
{
	struct zone *zone = zone_new("Europe/Dublin");

	for (size_t i = 0; i < c->n_groups; i++) {
		const struct group_cfg *g = &c->groups[i];

		for (size_t k = 0; k < g->n_spokes && k < SPOKES_ASKED; k++)
			ask_pair(c, g, config_spoke(c, g->spokes[k]), zone);
	}
	config_each_value(c, ignore_value, NULL);
	diff_config(c, c, differs, NULL);
	zone_free(zone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct config *c = NULL;
	char path[64];
	int fd = memfd_create("config", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!config_load(path, &c, &errors)) {
		ask(c);
		config_unref(c);
	} else if (!errors.n || !*errors.text[0]) {
		abort();
	}
	config_errors_done(&errors);
	if (!config_load_identity(path, &c, &errors))
		config_unref(c);
	config_errors_done(&errors);
	close(fd);
	return 0;
}
