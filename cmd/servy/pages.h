/* The pages of the web server: what stands on them, not how they are sent. */
#ifndef SERVY_PAGES_H
#define SERVY_PAGES_H

#include <stdbool.h>

#include "base/buf.h"

struct page {
	const char *path;
	const char *title;
	const char *body; /* HTML; NULL: write makes it */
	/* Appends the body. False: a server that it asks does not answer, which the
	 * body says. */
	bool (*write)(struct buf *out);
};

/* The page at path, or NULL. Static. */
const struct page *page_find(const char *path);

/* The page that is shown where there is none. Static. */
const struct page *page_missing(void);

/* Appends the whole document to out (see buf_ok). False: as write. */
bool page_write(const struct page *page, struct buf *out);

/* A new pledge; the values are whatever a client sent. 0; -EINVAL: it is none; or the
 * pledge server does not answer, a negative errno. */
int page_pledge(const char *name, const char *amount);

#endif
