/*
 * fuzz_paths.c: method and path of a hub's request, taken apart by the very code of the spoke, with
 * a spoke behind it that has one group and answers nothing. Whatever is asked, there is exactly one
 * answer or one verb that takes the request; a verb is only reached with names that may be.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "scheduler/spoke_http.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sreq {
	const char *method, *path;
	unsigned answers;
};

static struct spoke_group the_group = {.name = (char *)"g"};
static struct spoke_transfer the_transfer = {.group = &the_group};

const char *sreq_method(const struct sreq *r)
{
	return r->method;
}

const char *sreq_path(const struct sreq *r)
{
	return r->path;
}

const char *sreq_query(const struct sreq *r, const char *name)
{
	(void)r, (void)name;
	return NULL;
}

int sreq_number(const struct sreq *r, const char *name, uint64_t *ret)
{
	(void)r, (void)name, (void)ret;
	return -EINVAL;
}

void sreq_problem(struct sreq *r, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert(status >= 400 && status < 600 && strlen(text) < 400);
	r->answers++;
}

void sreq_reply_json(struct sreq *r, unsigned status, const char *json)
{
	assert(status == 200 && json);
	r->answers++;
}

void sreq_on_over(struct sreq *r, void (*over)(void *arg), void *arg)
{
	(void)r, (void)over, (void)arg;
}

struct spoke_group *spoke_group_get(struct spoke *s, const char *name)
{
	(void)s;
	assert(!strchr(name, '/'));
	return strcmp(name, "g") ? NULL : &the_group;
}

bool spoke_group_ready(struct spoke_group *g)
{
	assert(g == &the_group);
	return true;
}

bool spoke_hashing(const struct spoke_group *g, const char *path)
{
	(void)g, (void)path;
	return false;
}

struct spoke_transfer *spoke_transfer_make(struct spoke_group *g, const struct hash *root)
{
	char hex[HASH_HEX + 1];

	assert(g == &the_group && strlen(hash_hex(root, hex)) == HASH_HEX);
	return root->b[0] == 0xff ? NULL : &the_transfer;
}

struct spoke_transfer *spoke_transfer_get(const struct spoke_group *g, const struct hash *root)
{
	(void)g, (void)root;
	return NULL;
}

unsigned spoke_resting_idle(struct spoke_group *g, struct hash *ret, unsigned max)
{
	(void)g, (void)ret, (void)max;
	return 0;
}

void spoke_transfer_hold(struct spoke_transfer *t)
{
	t->users++;
}

void spoke_transfer_release(struct spoke_transfer *t)
{
	t->users--;
}

static void took(struct sreq *r, const char *method)
{
	assert(!strcmp(r->method, method));
	r->answers++;
}

/* The verbs: a POST each, verify a GET too. GET and DELETE of a transfer are in the code above: a
 * job each. */
void spoke_offer(struct spoke_group *g, struct sreq *r)
{
	(void)g;
	took(r, "POST");
}

void spoke_publish_request(struct spoke_group *g, struct sreq *r)
{
	(void)g;
	took(r, "POST");
}

void spoke_tree(struct spoke_group *g, struct sreq *r)
{
	(void)g;
	took(r, "POST");
}

void spoke_verify_begin(struct spoke_group *g, struct sreq *r)
{
	(void)g;
	took(r, "POST");
}

void spoke_verify_tell(struct spoke_group *g, struct sreq *r)
{
	(void)g;
	took(r, "GET");
}

void spoke_put_request(struct spoke_transfer *t, struct sreq *r)
{
	(void)t;
	took(r, "PUT");
}

void spoke_changes_request(struct spoke *s, struct sreq *r)
{
	(void)s;
	took(r, "GET");
}

void spoke_pair_request(void *arg, struct sreq *r)
{
	(void)arg;
	r->answers++;
}

void spoke_put_end_all(struct spoke_transfer *t)
{
	assert(t == &the_transfer);
}

void spoke_job_submit(struct spoke_job *j)
{
	struct ask *a = container_of(j, struct ask, j);

	a->r->answers++;
	free(a);
}

int spoke_job_position(struct spoke_job *j, bool map, bool commit, struct wire_position *ret,
		       struct err *e)
{
	(void)j, (void)map, (void)commit, (void)ret, (void)e;
	return -ENOENT;
}

void spoke_reply_position(struct sreq *r, unsigned status, const struct wire_position *p)
{
	(void)status, (void)p;
	r->answers++;
}

unsigned spoke_refusal_status(enum wire_refusal r)
{
	return r == REFUSED_NOT ? 200 : 409;
}

void spoke_put_heard(struct spoke_transfer *t)
{
	(void)t;
}

unsigned spoke_transfer_destroy(struct spoke_transfer *t, struct identity_change *changes)
{
	(void)t, (void)changes;
	return 0;
}

int spoke_db_inventory(struct db *db, uint64_t since, struct wire_inventory *ret)
{
	(void)db, (void)since, (void)ret;
	return 0;
}

int spoke_db_preserved_roots(struct db *db, unsigned max, struct hash **ret, unsigned *ret_n)
{
	(void)db, (void)max, (void)ret, (void)ret_n;
	return -EIO;
}

int store_free_bytes(const struct store *s, uint64_t *ret)
{
	(void)s, (void)ret;
	return -EIO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD", ""};
	static struct store store;
	struct spoke s = {.stopping = false};
	struct sreq r = {.answers = 0};
	char *path;

	if (!size)
		return 0;
	TAILQ_INIT(&s.groups);
	TAILQ_INSERT_TAIL(&s.groups, &the_group, entry);
	the_group.store = &store;
	the_transfer.users = 0;
	path = malloc(size);
	assert(path);
	memcpy(path, data + 1, size - 1);
	path[size - 1] = '\0';
	r.method = methods[data[0] % ARRAY_LEN(methods)];
	r.path = path;
	spoke_http(&s, &r);
	assert(r.answers == 1);
	free(path);
	return 0;
}
