/*
 * webhook.c: see webhook.h.
 */
#include "scheduler/webhook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/http_post.h"
#include "transfer/worker.h"

#define POST_US	   (15 * SECOND_US)
#define HEADER_MAX 1000

struct webhook {
	struct pool *pool; /* its own: others' work must not wait for a server */
	struct ev_loop *loop;
	webhook_done_fn *done;
	void *arg;
	struct work work;
	bool busy;
	atomic_bool cancel;
	/* the one that is under way: the worker's */
	char *url, *body, *header_file;
	struct pin pins[CONFIG_PINS_MAX];
	size_t n_pins;
	int error;
	long status;
	struct err e;
};

struct webhook *webhook_new(struct ev_loop *loop, webhook_done_fn *done, void *arg)
{
	struct webhook *w = xcalloc(1, sizeof(*w));

	w->loop = loop;
	w->done = done;
	w->arg = arg;
	return w;
}

static void post_done(struct webhook *w)
{
	free(w->url);
	free(w->body);
	free(w->header_file);
	w->url = w->body = w->header_file = NULL;
}

struct webhook *webhook_free(struct webhook *w)
{
	if (!w)
		return NULL;
	w->cancel = true;
	pool_free(w->pool);
	post_done(w);
	free(w);
	return NULL;
}

bool webhook_busy(const struct webhook *w)
{
	return w->busy;
}

/* The first line of the file, as a header. */
static int read_header(const char *file, char *buf, size_t size, struct err *e)
{
	FILE *f = fopen(file, "re");
	bool got;

	if (!f)
		return err_set(e, -errno, "webhook_header %s: %s", file, strerror(errno));
	got = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (!got)
		return err_set(e, -ENODATA, "webhook_header %s: it is empty", file);
	buf[strcspn(buf, "\r\n")] = '\0';
	if (strlen(buf) + 1 >= size || !strchr(buf, ':') || buf[0] == ':')
		return err_set(e, -EINVAL,
			       "webhook_header %s: not one line NAME: VALUE of up to %d bytes",
			       file, HEADER_MAX);
	return 0;
}

static void post_run(struct work *work)
{
	struct webhook *w = container_of(work, struct webhook, work);
	char header[HEADER_MAX + 2];
	struct http_post_spec spec = {
		.url = w->url,
		.body = w->body,
		.pins = w->pins,
		.n_pins = w->n_pins,
		.timeout_us = POST_US,
		.cancel = &w->cancel,
	};

	w->error = 0;
	if (w->header_file) {
		w->error = read_header(w->header_file, header, sizeof(header), &w->e);
		spec.header = header;
	}
	if (w->error == 0)
		w->error = http_post(&spec, &w->status, &w->e);
	explicit_bzero(header, sizeof(header));
}

static enum webhook_end end_of(const struct webhook *w)
{
	if (w->error < 0)
		return WEBHOOK_LATER;
	if (w->status >= 200 && w->status < 300)
		return WEBHOOK_TOLD;
	if (w->status >= 500 || w->status == 408 || w->status == 429)
		return WEBHOOK_LATER;
	return WEBHOOK_NEVER;
}

static void post_ended(struct work *work)
{
	struct webhook *w = container_of(work, struct webhook, work);
	enum webhook_end end = end_of(w);
	char text[sizeof(w->e.text)];

	if (w->error < 0)
		snprintf(text, sizeof(text), "%s", w->e.text);
	else
		snprintf(text, sizeof(text), "answered %ld", w->status);
	post_done(w);
	w->busy = false;
	w->done(w->arg, end, text);
}

void webhook_post(struct webhook *w, const struct group_cfg *g, const char *body)
{
	if (!w->pool)
		w->pool = pool_new(w->loop, 1);
	w->url = xstrdup(g->webhook);
	w->body = xstrdup(body);
	w->header_file = g->webhook_header ? xstrdup(g->webhook_header) : NULL;
	memcpy(w->pins, g->webhook_pins, sizeof(w->pins));
	w->n_pins = g->n_webhook_pins;
	w->busy = true;
	w->work = (struct work){.run = post_run, .done = post_ended};
	pool_submit(w->pool, NULL, &w->work);
}
