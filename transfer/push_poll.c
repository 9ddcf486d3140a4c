/*
 * push_poll.c: when the spoke is asked for its position: now and then beside a PUT, for figures and
 * as a sign of life; and where all was sent and it is not there yet.
 */
#include "transfer/push_private.h"

#define POLL_PUT_S 1.0
/* Beside a PUT: bytes that are worth a question; those that are after ASK_SECONDS; and seconds
 * after which one is asked anyway. */
#define ASK_BYTES   (1u << 20)
#define ASK_FEW	    (16u << 10)
#define ASK_SECONDS 5
#define ASK_LATEST  60
/* A PUT that rests, because nothing is to be sent yet, is not to look like one of a hub that is
 * gone: a question in this part of what nothing may move here, or at least in so many seconds. */
#define ALIVE_PART 4
#define ALIVE_MOST 15

void push_poll_after(struct push *p, double seconds)
{
	ev_timer_stop(p->loop, &p->poll);
	ev_now_update(p->loop);
	ev_timer_set(&p->poll, seconds, 0.);
	ev_timer_start(p->loop, &p->poll);
}

/* Once a second; more often where nothing may move for a few seconds only. */
void push_poll_put(struct push *p)
{
	double alive_s = (double)p->spec.peer->stall_us / SECOND_US / ALIVE_PART;

	push_poll_after(p, MIN(POLL_PUT_S, alive_s));
}

/*
 * A question costs half a kilobyte and 150 microseconds: many transfers on a slow line would do
 * nothing but ask, and 64 of them at 100 Mbit took 1 % of a core for it.
 */
static bool worth_asking(struct push *p)
{
	uint64_t news = p->offset - p->asked_at;
	int64_t alive = MIN(p->spec.peer->stall_us / SECOND_US / ALIVE_PART, ALIVE_MOST);

	p->resting = p->offset == p->polled_at ? p->resting + 1 : 0;
	p->polled_at = p->offset;
	if (++p->unasked < ASK_LATEST && p->resting <= alive && news < ASK_BYTES &&
	    (news < ASK_FEW || p->unasked < ASK_SECONDS))
		return false;
	p->asked_at = p->offset;
	p->unasked = p->resting = 0;
	return true;
}

void push_on_poll(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct push *p = container_of(w, struct push, poll);

	(void)loop;
	(void)revents;
	if (p->word)
		return;
	if (!p->put || worth_asking(p))
		push_ask(p, !p->put);
	else
		push_poll_put(p);
}
