/* client_week.h: seven days as a grid, for `spokesync windows --week`. */
#ifndef SPOKESYNC_SCHEDULER_CLIENT_WEEK_H
#define SPOKESYNC_SCHEDULER_CLIENT_WEEK_H

#include <jansson.h>
#include <stdio.h>

#include "policy/base.h"

/* days: of the API. A row a day; half hours, or quarters where there are columns for them. */
void client_week_print(FILE *f, const json_t *days, unsigned columns, bool colours);

#endif
