/*
 * sim_config.c: random configurations, written as INI and read by the real parser, so that each is
 * one that a person could have written. The same config_seed gives the same text.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/zone.h"

static const char *const rates[] = {"512kbit", "2Mbit", "8Mbit", "20Mbit", "100Mbit", "unlimited"};

static const char *any_rate(struct sim *s)
{
	return rates[sim_below(s, ARRAY_LEN(rates))];
}

/* Tomorrow, or the days after it. */
static void write_date(struct sim *s, FILE *f)
{
	int32_t day = (int32_t)(s->now.wall.s / 86400) + 1;
	int year;
	unsigned month, from;

	zone_civil_from_days(day, &year, &month, &from);
	fprintf(f, "date = %04d-%02u-%02u", year, month, from);
	zone_civil_from_days(day + (int32_t)sim_below(s, 3), &year, &month, &from);
	fprintf(f, "..%04d-%02u-%02u %s\n", year, month, from,
		sim_chance(s, 50) ? "closed" : any_rate(s));
}

static void write_policy(struct sim *s, FILE *f, const char *name, const char *zone)
{
	static const char *const days[] = {"mon-fri", "sat,sun", "mon-sun", "mon,wed,fri", "sun"};
	unsigned lines = 1 + (unsigned)sim_below(s, 4);

	fprintf(f, "[policy %s]\ntimezone = %s\n", name, zone);
	for (unsigned i = 0; i < lines; i++) {
		unsigned from = (unsigned)sim_below(s, 24 * 60);
		unsigned to = (from + 1 + (unsigned)sim_below(s, 12 * 60)) % (24 * 60);

		fprintf(f, "window = %s %02u:%02u-%02u:%02u %s\n",
			days[sim_below(s, ARRAY_LEN(days))], from / 60, from % 60, to / 60, to % 60,
			i && sim_chance(s, 20) ? "closed" : any_rate(s));
	}
	if (sim_chance(s, 20))
		write_date(s, f);
}

static void write_daemon(struct sim *s, FILE *f)
{
	fprintf(f,
		"[daemon]\nrole = hub\nstate_dir = /nostate\ncontrol = /nostate/control.sock\n"
		"rate = %s\ntransfers = %u\nretry_min = %us\nretry_max = %um\nstart_jitter = %us\n",
		any_rate(s), 1 + (unsigned)sim_below(s, 8), 1 + (unsigned)sim_below(s, 10),
		1 + (unsigned)sim_below(s, 10), (unsigned)sim_below(s, 90));
	if (sim_chance(s, 25))
		fputs("policy = hub\n", f);
}

static void write_groups(struct sim *s, FILE *f, const bool *in)
{
	for (unsigned g = 0; g < SIM_GROUPS; g++) {
		const char *comma = "";
		bool any = false;

		fprintf(f,
			"[group g%u]\npath = /nowhere/g%u\npriority = %u\npolicy = p%u\nspokes = ",
			g, g, (unsigned)sim_below(s, 3) * 25, (unsigned)sim_below(s, 4));
		for (unsigned i = 0; i < s->n_spokes; i++) {
			if (!in[i] || (any && sim_chance(s, 30)))
				continue;
			fprintf(f, "%s%s", comma, s->spokes[i].name);
			comma = ", ";
			any = true;
		}
		fputs("\n", f);
		fputs(sim_sets_line(s, g), f);
		if (sim_chance(s, 40))
			fprintf(f, "deadline = mon-fri %02u:30\n", (unsigned)sim_below(s, 24));
	}
}

static void write_all(struct sim *s, FILE *f)
{
	static const char *const zones[] = {"UTC", "spoke", "Europe/Berlin", "America/New_York",
					    "Asia/Kolkata"};
	bool in[SIM_SPOKES];

	write_daemon(s, f);
	write_policy(s, f, "hub", "UTC");
	for (unsigned i = 0; i < 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%u", i);
		write_policy(s, f, name, zones[sim_below(s, ARRAY_LEN(zones))]);
	}
	for (unsigned i = 0; i < s->n_spokes; i++)
		in[i] = i == 0 || !sim_chance(s, 10);
	write_groups(s, f, in);
	for (unsigned i = 0; i < s->n_spokes; i++) {
		if (!in[i])
			continue;
		fprintf(f,
			"[spoke %s]\nurl = https://%s:4480\nkey = sha256:%064x\nrate = %s\n"
			"weight = %u\ntransfers = %u\n",
			s->spokes[i].name, s->spokes[i].name, i + 1, any_rate(s),
			1 + (unsigned)sim_below(s, 4), 1 + (unsigned)sim_below(s, 3));
		if (sim_chance(s, 30))
			fprintf(f, "policy = p%u\n", (unsigned)sim_below(s, 4));
	}
}

struct config *sim_config(struct sim *s)
{
	char name[] = "/tmp/sim.XXXXXX";
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	int fd = mkstemp(name);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		sim_fail(s, "cannot write %s", name);
	write_all(s, f);
	fclose(f);
	if (config_load(name, &cfg, &errors) < 0)
		sim_fail(s, "configuration: %s", errors.n ? errors.text[0] : "?");
	config_errors_done(&errors);
	unlink(name);
	return cfg;
}
