/*
 * curl_loop.c: curl's sockets as ev_io, its one timeout as an ev_timer. Knows nothing of requests.
 *
 * The timeout is divided as a double: in integers every timeout below a second would be none, and a
 * transfer that waits would burn a core.
 */
#include "transfer/curl_loop.h"

#include <errno.h>
#include <stdlib.h>

#include <ev.h>

/* Idle connections that are kept; one for words to each of many spokes. */
#define KEPT_MAX 256L
/* Writes in one turn of the loop, of 16 KiB: others want their turn, too. */
#define ROUNDS_MAX 32

struct curl_loop {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
	struct curl_loop_calls calls;
	unsigned depth;
};

struct watch {
	CURL *told; /* the last handle that was told to use it */
	ev_io io;
	struct curl_loop *cl;
};

/* A request that is sent and answered in one turn on a kept connection is never told of as one that
 * uses a socket. After it was removed curl does not know any more. */
static void tell_socket(struct curl_loop *cl, CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
	    fd != CURL_SOCKET_BAD)
		cl->calls.uses(cl->calls.arg, easy, fd);
}

/* Copies what the message says before its handle is removed: the message goes with it. */
static void collect(struct curl_loop *cl)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(cl->multi, &left))) {
		CURL *easy = m->easy_handle;
		CURLcode result = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		tell_socket(cl, easy);
		curl_loop_remove(cl, easy);
		cl->calls.finished(cl->calls.arg, easy, result);
	}
	cl->calls.settle(cl->calls.arg);
}

static void act_once(struct curl_loop *cl, curl_socket_t fd, int what)
{
	int running;

	cl->depth++;
	curl_multi_socket_action(cl->multi, fd, what, &running);
	cl->depth--;
	collect(cl);
}

void curl_loop_write(struct curl_loop *cl)
{
	curl_socket_t fd;

	for (int i = 0; i < ROUNDS_MAX && (fd = cl->calls.more(cl->calls.arg)) >= 0; i++)
		act_once(cl, fd, CURL_CSELECT_OUT);
}

static void act(struct curl_loop *cl, curl_socket_t fd, int what)
{
	act_once(cl, fd, what);
	curl_loop_write(cl);
}

static void on_io(struct ev_loop *loop, ev_io *w, int revents)
{
	struct watch *watch = container_of(w, struct watch, io);

	(void)loop;
	act(watch->cl, w->fd,
	    (revents & EV_READ ? CURL_CSELECT_IN : 0) |
		    (revents & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	act(container_of(w, struct curl_loop, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* Called by curl, which must not be called from here. */
static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct curl_loop *cl = arg;

	(void)multi;
	ev_timer_stop(cl->loop, &cl->timer);
	if (ms < 0)
		return 0;
	ev_timer_set(&cl->timer, (double)ms / 1000.0, 0.);
	ev_timer_start(cl->loop, &cl->timer);
	return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct curl_loop *cl = arg;
	struct watch *w = socket_arg;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	if (what == CURL_POLL_REMOVE) {
		if (w) {
			ev_io_stop(cl->loop, &w->io);
			curl_multi_assign(cl->multi, fd, NULL);
			free(w);
		}
		return 0;
	}
	if (!w) {
		w = xcalloc(1, sizeof(*w));
		w->cl = cl;
		ev_io_init(&w->io, on_io, fd, events);
		curl_multi_assign(cl->multi, fd, w);
	}
	ev_io_stop(cl->loop, &w->io);
	/* Who is resumed, writes and pauses within one turn, costs no system call. */
	ev_io_modify(&w->io, events);
	ev_io_start(cl->loop, &w->io);
	/* Each pause and each resumption comes by here. */
	if (w->told != easy)
		cl->calls.uses(cl->calls.arg, easy, fd);
	w->told = easy;
	return 0;
}

struct curl_loop *curl_loop_new(struct ev_loop *loop, const struct curl_loop_calls *calls)
{
	struct curl_loop *cl = xcalloc(1, sizeof(*cl));

	cl->loop = loop;
	cl->calls = *calls;
	ev_timer_init(&cl->timer, on_timer, 0., 0.);
	cl->multi = curl_multi_init();
	if (!cl->multi)
		abort(); /* out of memory */
	curl_multi_setopt(cl->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(cl->multi, CURLMOPT_SOCKETDATA, cl);
	curl_multi_setopt(cl->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(cl->multi, CURLMOPT_TIMERDATA, cl);
	curl_multi_setopt(cl->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(cl->multi, CURLMOPT_MAXCONNECTS, KEPT_MAX);
	return cl;
}

struct curl_loop *curl_loop_free(struct curl_loop *cl)
{
	if (!cl)
		return NULL;
	cl->depth++;
	curl_multi_cleanup(cl->multi);
	ev_timer_stop(cl->loop, &cl->timer);
	free(cl);
	return NULL;
}

int curl_loop_add(struct curl_loop *cl, CURL *easy)
{
	return curl_multi_add_handle(cl->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void curl_loop_remove(struct curl_loop *cl, CURL *easy)
{
	cl->depth++;
	curl_multi_remove_handle(cl->multi, easy);
	cl->depth--;
}

bool curl_loop_inside(const struct curl_loop *cl)
{
	return cl->depth > 0;
}
