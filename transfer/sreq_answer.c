/*
 * sreq_answer.c: the answers to a request: a whole body, a problem in words (RFC 9457), or an
 * endless stream of lines. See server_private.h for the model.
 */
#include "transfer/server_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define LINES_BLOCK 16384

/* Takes the response. Sent at once where the library lets it, else when the body is over. */
void sreq_answer(struct sreq *r, unsigned status, const char *content_type,
		 struct MHD_Response *response)
{
	if (r->response || !response) {
		if (response)
			MHD_destroy_response(response);
		return;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	if (r->conn->guest)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	r->response = response;
	r->status = status;
	if (r->state == SREQ_STREAM)
		sreq_watch(r);
	if (r->state == SREQ_COLLECT || r->state == SREQ_STREAM)
		r->state = r->at_head ? SREQ_HEAD : SREQ_DISCARD;
	sreq_wake(r);
}

void sreq_reply(struct sreq *r, unsigned status, const char *content_type, const char *body,
		size_t len)
{
	sreq_answer(r, status, content_type,
		    MHD_create_response_from_buffer(len, (void *)(len ? body : ""),
						    MHD_RESPMEM_MUST_COPY));
}

void sreq_reply_json(struct sreq *r, unsigned status, const char *json)
{
	sreq_reply(r, status, "application/json", json, strlen(json));
}

void sreq_problem(struct sreq *r, unsigned status, const char *fmt, ...)
{
	char detail[1024];
	json_t *j;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	j = json_object();
	json_object_set_new(j, "title", json_string(MHD_get_reason_phrase_for(status)));
	json_object_set_new(j, "status", json_integer(status));
	/* A detail that quotes a peer may not be UTF-8: then it goes without. */
	json_object_set_new(j, "detail", json_string(detail));
	text = json_dumps(j, JSON_COMPACT);
	sreq_reply(r, status, "application/problem+json", text ? text : "{}",
		   text ? strlen(text) : 2);
	free(text);
	json_decref(j);
}

/* The library asks for more of the lines: none there means rest until sreq_lines_push(). */
static ssize_t lines_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct sreq *r = cls;
	size_t n = MIN(max, r->out_len - r->out_off);

	(void)pos;
	if (r->dropped)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0) {
		if (r->lines_ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		sreq_suspend(r);
		return 0;
	}
	memcpy(buf, r->out + r->out_off, n);
	r->out_off += n;
	if (r->out_off == r->out_len)
		r->out_off = r->out_len = 0;
	return (ssize_t)n;
}

void sreq_lines_begin(struct sreq *r)
{
	r->lines = true;
	sreq_answer(r, 200, "application/x-ndjson",
		    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, LINES_BLOCK, lines_read, r,
						      NULL));
}

int sreq_lines_push(struct sreq *r, const char *line)
{
	size_t len = strlen(line), waiting = r->out_len - r->out_off;

	if (r->dropped || waiting + len + 1 > SERVER_LINES_MAX) {
		if (!r->dropped)
			sreq_drop(r);
		return -ENOBUFS;
	}
	if (r->out_off && r->out_len + len + 1 > r->out_size) {
		memmove(r->out, r->out + r->out_off, waiting);
		r->out_off = 0;
		r->out_len = waiting;
	}
	if (r->out_len + len + 1 > r->out_size) {
		r->out_size = MAX(2 * r->out_size, r->out_len + len + 1);
		r->out = xrealloc(r->out, r->out_size);
	}
	memcpy(r->out + r->out_len, line, len);
	r->out[r->out_len + len] = '\n';
	r->out_len += len + 1;
	if (r->queued)
		sreq_wake(r);
	return 0;
}

void sreq_lines_end(struct sreq *r)
{
	r->lines_ended = true;
	if (r->queued)
		sreq_wake(r);
}
