/*
 * spoke_offer.h: an offer under way, shared by spoke_offer.c (the loop's part: request, waiting,
 * answer) and spoke_offer_work.c (the worker's: what is here).
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_OFFER_H
#define SPOKESYNC_SCHEDULER_SPOKE_OFFER_H

#include "scheduler/spoke_db.h"
#include "scheduler/spoke_job.h"

struct spoke_offer {
	struct spoke_job j;
	struct sreq *r; /* NULL: the hub left */
	struct wire_offer o;
	struct spoke_file held, bases[WIRE_BASES_MAX];
	bool is_held, base_known[WIRE_BASES_MAX];
	struct spoke_transfer *old; /* superseded: held while it is read */
	uint64_t quota;
	struct spoke_need need;
	struct wire_position p;
	int r_code; /* of the work */
	struct err e;
};

/* Worker: fills p, with a refusal or without, or r_code and e. */
void spoke_offer_run(struct spoke_job *j);

#endif
