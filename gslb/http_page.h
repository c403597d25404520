/* http_page - the page for people, dashboard.html, as it is sent: one document that loads nothing but /v1/. */
#ifndef GSLB_HTTP_PAGE_H
#define GSLB_HTTP_PAGE_H

extern const char http_page[];

#endif
