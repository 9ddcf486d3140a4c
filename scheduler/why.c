/*
 * why.c: sentences for people about a job that waits: each reason with what ends it and when. See
 * why.h. Only reads.
 */
#include "scheduler/why.h"

#include <stdio.h>
#include <string.h>

#include "policy/limit.h"
#include "scheduler/facts.h"
#include "scheduler/timetext.h"

void why_say(json_t *sentences, const char *fmt, ...)
{
	char text[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(sentences, facts_text(text));
}

/* "in 2h 05m" */
static const char *from_now(struct wall t, struct now now, char buf[UNITS_TEXT + 4])
{
	char span[UNITS_TEXT];

	snprintf(buf, UNITS_TEXT + 4, "in %s",
		 units_duration(MAX(t.s - now.wall.s, 0) * SECOND_US, span));
	return buf;
}

static const char *line_text(const struct origin *o, char *buf, size_t size)
{
	if (o->line && o->file)
		snprintf(buf, size, "%s:%u", o->file, o->line);
	else
		snprintf(buf, size, "the built-in default");
	return buf;
}

/* Which policy closes it, by which line, and when it opens. */
static void say_window(const struct rate_chain *c, const struct spoke_state *s, struct now now,
		       json_t *out)
{
	bool hub = c->reason == RATE_HUB_WINDOW;
	const struct policy *p = hub ? c->hub_policy : c->governing;
	const struct window_state *w = hub ? &c->hub_window : &c->window;
	char when[TIMETEXT_MAX], span[UNITS_TEXT + 4], line[1100];

	if (!p) {
		why_say(out, "The window is closed: no policy governs it.");
		return;
	}
	if (w->line)
		why_say(out, "The window of policy %s%s is closed by %s.", p->name,
			hub ? " (the hub's)" : "", line_text(&w->line->origin, line, sizeof(line)));
	else
		why_say(out, "The window of policy %s%s is closed: none of its lines covers now.",
			p->name, hub ? " (the hub's)" : "");
	if (c->opens.s == WALL_NEVER.s)
		why_say(out,
			"It is not foreseeable when it opens. 'spokesync sync-now %s' opens it "
			"now.",
			s->name);
	else
		why_say(out, "It opens %s (%s).",
			timetext_in_zone(facts_zone(p, s), c->opens, when),
			from_now(c->opens, now, span));
}

static void say_pause(const struct rate_chain *c, struct now now, json_t *out)
{
	const struct override *o = c->override;
	char when[TIMETEXT_MAX], span[UNITS_TEXT + 4];

	if (!o) {
		why_say(out, "It is paused.");
		return;
	}
	why_say(out,
		"It is paused (%s%s%s%s) by %s until %s (%s)%s%s. 'spokesync resume%s%s%s%s' "
		"ends the pause.",
		o->spoke ? o->spoke : "every spoke", o->group ? ", group " : "",
		o->group ? o->group : "", "", o->who ? o->who : "somebody",
		timetext_in_zone(NULL, o->until, when), from_now(o->until, now, span),
		o->why ? ": " : "", o->why ? o->why : "", o->spoke ? " " : " --all",
		o->spoke ? o->spoke : "", o->group ? " --group " : "", o->group ? o->group : "");
}

void why_closed(struct daemon *d, const struct spoke_state *s, const struct group_cfg *g,
		struct now now, json_t *out)
{
	struct rate_chain c;

	core_rates(hub_core(d->hub), s, g, now, &c);
	switch (c.reason) {
	case RATE_OPEN:
		break;
	case RATE_WINDOW:
	case RATE_HUB_WINDOW:
		say_window(&c, s, now, out);
		break;
	case RATE_PAUSED:
		say_pause(&c, now, out);
		break;
	case RATE_ZONE:
		why_say(out,
			s->ever_up ? "Policy %s uses the spoke's own time zone, and the one that "
				     "%s tells is not known here."
				   : "Policy %s uses the spoke's own time zone, and %s has never "
				     "been reached to tell it.",
			c.governing ? c.governing->name : "", s->name);
		break;
	}
}

static void say_spoke_down(const struct spoke_state *s, struct now now, json_t *out)
{
	char when[TIMETEXT_MAX], span[UNITS_TEXT];

	why_say(out, "Spoke %s cannot be reached: %s.", s->name,
		*s->text ? s->text : "not tried yet");
	if (s->last_seen.s)
		why_say(out, "It was last seen %s.", timetext_in_zone(NULL, s->last_seen, when));
	if (s->retry_at.us == MONO_NEVER.us)
		why_say(out, "It is being tried now.");
	else if (s->retry_at.us)
		why_say(out, "It is tried again in %s.",
			units_duration(MAX(s->retry_at.us - now.mono.us, 0), span));
}

static void say_slots(struct daemon *d, const struct job *j, json_t *out)
{
	struct core *core = hub_core(d->hub);
	struct limit_use use;
	char text[LIMIT_TEXT];

	if (!j->spoke->cfg)
		return;
	core_slots(core, j, &use);
	if (*limit_text(&use, j->spoke->name, CORE_SMALL, text))
		why_say(out, "No slot is free for it: %s.", text);
	else
		why_say(out, "It waited for a slot, and one has become free.");
	why_say(out, "A slot goes to what would miss its deadline, then to the higher priority, "
		     "then to the spoke with the fewest transfers for its weight, then to the "
		     "oldest.");
}

static void say_retry(const struct job *j, struct now now, json_t *out)
{
	char span[UNITS_TEXT];

	why_say(out,
		"Try %u failed%s%s. The next one is in %s; 'spokesync retry %llu' does it now.",
		j->tries, j->reason && *j->reason ? ": " : "", j->reason ? j->reason : "",
		units_duration(MAX(j->due.at.us - now.mono.us, 0), span),
		(unsigned long long)j->id);
}

/* The reasons that are a sentence and what the job itself noted (figures, names). */
static void say_noted(const struct job *j, json_t *out)
{
	static const struct {
		unsigned wait;
		const char *text;
	} said[] = {
		{WAIT_INDEX, "It is being indexed; that needs no window."},
		{WAIT_SPACE, "The spoke has no room for it, and it goes on when that changes"},
		{WAIT_IN_USE,
		 "The file is in use on the spoke, and it goes on when it is released"},
		{WAIT_HELD, "It is held until 'spokesync retry'"},
		{WAIT_SET, "It waits for the other members of its set"},
		{WAIT_START,
		 "The window has just opened, and starts are spread over some seconds."},
		{WAIT_OLDER, "The transfer of an older version of this file is still ending."},
		{WAIT_TWIN, "Another file is bringing the same content; this one is a copy then."},
	};
	bool noted = j->reason && *j->reason;

	if (j->waits & WAIT_KEY)
		why_say(out, "Hub and spoke do not know each other's keys: %s.",
			*j->spoke->text ? j->spoke->text : j->reason);
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		bool whole = said[i].text[strlen(said[i].text) - 1] == '.';

		if (!(j->waits & said[i].wait))
			continue;
		if (whole)
			why_say(out, "%s", said[i].text);
		else
			why_say(out, "%s%s%s.", said[i].text, noted ? ": " : "",
				noted ? j->reason : "");
	}
	if (j->waits & WAIT_IN_USE)
		why_say(out,
			"It is all there and proven, and goes on within seconds after the lock file is "
			"gone.");
}

/* How fast, and what limits it. */
static void say_rate(struct daemon *d, const struct job *j, const struct rate_chain *c, json_t *out)
{
	char now_text[UNITS_TEXT], limit[UNITS_TEXT];
	struct hub_job_stats s = {0};

	hub_job_stats(d->hub, j, &s);
	if (s.asking[0]) {
		why_say(out, "Before that: %s. What is the same there is not sent.", s.asking);
		return;
	}
	/* Less than a byte a second is nothing measured; as a rate 0 means closed. */
	if (s.rate < 1) {
		why_say(out,
			"Nothing is measured of its rate yet; the limit in force for the spoke is "
			"%s ('spokesync explain %s').",
			units_rate(c->least, limit), j->spoke->name);
		return;
	}
	why_say(out,
		"It goes at %s; the limit in force for the spoke is %s ('spokesync explain %s').",
		units_rate((uint64_t)s.rate, now_text), units_rate(c->least, limit),
		j->spoke->name);
}

static void say_state(const struct job *j, json_t *out)
{
	char a[UNITS_TEXT], b[UNITS_TEXT], when[TIMETEXT_MAX];
	bool noted = j->reason && *j->reason;

	switch (j->state) {
	case JOB_SENDING:
		why_say(out, "It is being sent: %s of about %s.", units_size(j->done_bytes, a),
			units_size(j->total_bytes, b));
		break;
	case JOB_PAUSED:
		why_say(out, "It was being sent; %s of about %s are there and stay.",
			units_size(j->done_bytes, a), units_size(j->total_bytes, b));
		break;
	case JOB_STAGED:
		why_say(out, "All of it is on the spoke and proven%s.",
			j->waits ? "" : "; it is about to be published");
		break;
	case JOB_PUBLISHED:
		why_say(out, "It was published on %s at %s.", j->spoke->name,
			timetext_in_zone(NULL, j->ended, when));
		break;
	case JOB_FAILED:
		why_say(out, "It failed for good at %s%s%s. 'spokesync retry %llu' tries again.",
			timetext_in_zone(NULL, j->ended, when), noted ? ": " : "",
			noted ? j->reason : "", (unsigned long long)j->id);
		break;
	case JOB_SUPERSEDED:
		why_say(out, "A newer version of the file, or its removal, took its place.");
		break;
	case JOB_CANCELLED:
		why_say(out, "It was cancelled%s%s. 'spokesync retry %llu' takes it up again.",
			noted ? ": " : "", noted ? j->reason : "", (unsigned long long)j->id);
		break;
	case JOB_QUEUED:
	case JOB_INDEXING:
	case JOB_WAITING:
		break;
	}
}

json_t *why_job(struct daemon *d, struct job *j, struct now now)
{
	const struct group_cfg *g = config_group(d->config, j->version->group);
	char when[TIMETEXT_MAX], span[UNITS_TEXT + 4];
	json_t *out = json_array();
	struct rate_chain c;

	say_state(j, out);
	if (job_over(j))
		return out;
	if (g && j->state == JOB_SENDING) {
		core_rates(hub_core(d->hub), j->spoke, g, now, &c);
		say_rate(d, j, &c, out);
	}
	if (g && (j->waits & (WAIT_WINDOW | WAIT_PAUSED | WAIT_ZONE)))
		why_closed(d, j->spoke, g, now, out);
	if (j->waits & WAIT_SPOKE_DOWN)
		say_spoke_down(j->spoke, now, out);
	if (j->waits & WAIT_SLOT)
		say_slots(d, j, out);
	if (j->waits & WAIT_RETRY)
		say_retry(j, now, out);
	say_noted(j, out);
	if (!json_array_size(out))
		why_say(out, "Nothing holds it: it is taken up in the next pass.");
	if (j->eta.s && j->eta.s != WALL_NEVER.s)
		why_say(out, "It should be there %s (%s).", timetext_in_zone(NULL, j->eta, when),
			from_now(j->eta, now, span));
	return out;
}
